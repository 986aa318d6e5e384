// A drawing as it grew, moment by moment, and what a network read then. All is here: to step through
// it asks the server nothing.
const SVG = "http://www.w3.org/2000/svg";
const SECONDS = 3; // of the whole film

function make(name, properties = {}, children = []) {
  const one = Object.assign(document.createElement(name), properties);
  one.append(...children);
  return one;
}

function makeBoard(box) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", box);
  svg.setAttribute("role", "img");
  svg.append(...["dn-ghost", "dn-drawn"].map((name) => {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", name);
    return path;
  }));
  return svg;
}

export default function ({data, parentElement}) {
  const {moments, box} = data;
  const last = moments.length - 1;
  const board = makeBoard(box);
  const digit = make("p", {className: "dn-digit"});
  const sure = make("p", {className: "dn-sure"});
  const bars = moments[0].shares.map((_, place) => make("i"));
  const list = make("ol", {className: "dn-bars"},
    bars.map((bar, place) => make("li", {}, [make("b", {textContent: place}), bar])));
  const play = make("button", {type: "button", className: "dn-play"});
  const slider = make("input", {type: "range", min: 0, max: last, value: last, step: 1});
  slider.setAttribute("aria-label", "Moment of the drawing");
  const strip = make("div", {className: "dn-strip"}, moments.map(({read}, place) =>
    make("span", {textContent: place && moments[place - 1].read === read ? "" : read})));
  strip.setAttribute("aria-hidden", "true");
  board.querySelector(".dn-ghost").setAttribute("d", moments[last].path);

  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "▶ Play";
  };
  const show = (place) => {
    const {path, shares, read, said} = moments[place];
    slider.value = place;
    slider.setAttribute("aria-valuetext", said);
    board.querySelector(".dn-drawn").setAttribute("d", path);
    board.setAttribute("aria-label", said);
    [digit.textContent, sure.textContent] = [read, said];
    bars.forEach((bar, one) => {
      bar.style.setProperty("--share", shares[one]);
      bar.parentElement.className = one === read ? "dn-best" : "";
    });
    [...strip.children].forEach((one, at) => one.classList.toggle("dn-now", at <= place));
  };
  play.onclick = () => {
    if (timer) return stop();
    if (+slider.value === last) show(0);
    play.textContent = "❚❚ Pause";
    timer = setInterval(() => +slider.value < last ? show(+slider.value + 1) : stop(), SECONDS * 1000 / moments.length);
  };
  slider.oninput = () => {
    stop();
    show(+slider.value);
  };
  stop();
  show(last);
  const reading = make("div", {className: "dn-reading"}, [digit, sure]);
  const controls = make("div", {className: "dn-controls"},
    [play, make("div", {className: "dn-slider"}, [slider, strip])]);
  const film = make("div", {className: "dn-film"},
    [board, make("div", {className: "dn-beside"}, [reading, list]), controls]);
  parentElement.querySelector(".dn-film")?.remove();
  parentElement.append(film);
  return stop;
}
