// What is seen of the reading while the pen moves: the digit in large type, the votes of all
// networks as dots, one bar for each digit, and the picture that the networks see. Of a number, its
// digits in large type, and the strokes that make each.
//
// Nothing of it is announced to screen readers, and its only text is what is read: all other words
// are attributes, which the style sheet shows.
import {drawBoxes} from "./boxes.js";
import {FIELD} from "./ink.js";
import {likeliest} from "./reading.js";

const DIGITS = [...Array(10).keys()];
const ABREAST = 2; // dots side by side over a digit
const COUNTS = [ // as the server writes them
  "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
  "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
  "twenty",
];

export class Panel {
  /** @param {HTMLElement} root Where it is shown, beside the style sheet that is there. */
  constructor(root) {
    this.root = root;
    this.digit = make("p", "dn-digit");
    this.sure = make("p", "dn-sure");
    this.ballot = make("div", "dn-ballot");
    this.picture = Object.assign(make("canvas", "dn-pixels"), {width: FIELD, height: FIELD});
    this.waiting = make("p", "dn-waiting");
    this.boxes = make("canvas");
    this.bars = DIGITS.map((digit) => {
      const row = make("li");
      row.append(said("b", digit), make("i"), said("span", ""));
      return row;
    });
    const head = make("div", "dn-live-head"), reading = make("div", "dn-reading");
    const bars = make("ol", "dn-bars"), whole = make("div", "dn-live");
    const figure = make("figure", "dn-boxes");
    reading.append(this.digit, this.sure);
    head.append(reading, this.ballot, this.picture);
    bars.append(...this.bars);
    figure.append(this.boxes, said("figcaption", "What makes which digit"));
    whole.append(head, bars, this.waiting, figure);
    whole.setAttribute("aria-hidden", "true");
    root.querySelector(".dn-live")?.remove();
    root.append(whole);
    this.whole = whole;
  }

  /** @param {object[]} networks All that may vote: `name`, `title` and `colour`. */
  list(networks) {
    this.networks = networks;
    this.dots = new Map(networks.map(({name, title, colour}) => {
      const dot = Object.assign(make("i"), {title});
      dot.style.setProperty("--colour", colour);
      return [name, dot];
    }));
    this.ballot.replaceChildren(...DIGITS.map((digit) => said("b", digit)), ...this.dots.values());
  }

  /** Has the page keep still while what is shown was not asked for. */
  demonstrate(isOn) {
    this.whole.classList.toggle("dn-demonstrated", isOn);
  }

  /** @param {string} read A digit, a number, or nothing. */
  say(read) {
    this.digit.textContent = read;
    this.digit.classList.toggle("dn-number", read.length > 1);
    this.whole.classList.toggle("dn-several", read.length > 1);
  }

  /**
   * @param {object[]} number Its digits, two or more, as `readNumber` tells them.
   * @param {number[][][]} strokes That they are made of.
   */
  showNumber(number, strokes) {
    this.say(number.map(({digit}) => digit).join(""));
    this.whole.classList.remove("dn-doubtful");
    const least = Math.min(...number.map(({probability}) => probability));
    const place = number.findIndex(({probability}) => probability === least);
    this.sure.dataset.said = `A number of ${COUNTS[number.length] ?? number.length} digits, ` +
      (share(least) === share(1) ? `each ${share(1)} sure.`
        : `least sure of the ${number[place].digit} in place ${place + 1}: ${share(least)}.`);
    drawBoxes(this.boxes, number, strokes);
  }

  /**
   * @param {number[]} probabilities Of the ten digits, by the chosen network.
   * @param {boolean} isDigit Whether any digit is to be seen at all.
   * @param {object} readings What each network that takes part says, by name.
   * @param {Uint8Array} pixels What they see.
   */
  show(probabilities, isDigit, readings, pixels) {
    const best = likeliest(probabilities);
    this.say(String(best));
    this.whole.classList.toggle("dn-doubtful", !isDigit);
    this.sure.dataset.said = isDigit ? `${share(probabilities[best])} sure` : "not a digit yet";
    this.bars.forEach((row, digit) => {
      row.classList.toggle("dn-best", digit === best);
      row.children[1].style.setProperty("--share", probabilities[digit].toFixed(4));
      row.children[2].dataset.said = share(probabilities[digit]);
    });
    this.count(readings);
    this.draw(pixels);
  }

  /** Sets each network's dot over the digit that it reads. */
  count(readings) {
    const votes = DIGITS.map(() => 0), waiting = [];
    for (const {name, title} of this.networks) {
      const dot = this.dots.get(name), reading = readings[name];
      dot.hidden = !reading;
      if (!reading) {
        waiting.push(title);
        continue;
      }
      const digit = likeliest(reading.probabilities), before = votes[digit]++;
      dot.style.setProperty("--digit", digit);
      dot.style.setProperty("--across", before % ABREAST);
      dot.style.setProperty("--up", Math.floor(before / ABREAST));
    }
    this.ballot.style.setProperty("--tall", Math.ceil(Math.max(...votes) / ABREAST) || 1);
    this.waiting.dataset.said = waiting.length ? `As you lift the pen: ${waiting.join(" · ")}` : "";
  }

  draw(pixels) {
    const context = this.picture.getContext("2d"), image = context.createImageData(FIELD, FIELD);
    pixels.forEach((ink, place) => image.data.set([ink, ink, ink, 255], 4 * place));
    context.putImageData(image, 0, 0);
  }
}

function make(name, className = "") {
  return Object.assign(document.createElement(name), {className});
}

/** A tag whose words are no text. */
function said(name, words) {
  const tag = make(name);
  tag.dataset.said = words;
  return tag;
}

/** A share in words that never claim too much, as the server writes it. */
function share(value) {
  const percent = 100 * value;
  if (percent > 99.9) return ">99.9%";
  return percent < 0.1 ? "<0.1%" : `${percent.toFixed(1)}%`;
}
