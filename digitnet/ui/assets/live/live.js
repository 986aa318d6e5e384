// The reading while the pen moves. The board stays streamlit-drawable-canvas', and what the server
// reads when the pen is lifted stays the truth: this listens to the pointer, and has workers redraw
// the strokes as the server would and run the networks. Whatever fails here, the page works without.
import {Panel} from "./panel.js";
import {demonstrate, findBoard} from "./demonstration.js";

const BOARD = "canvas.upper-canvas";
// Of the toolbar, what changes the drawing; Move only lets one, and Update only sends it.
const CHANGES = '.dc-toolbar button:not([aria-label^="Update"], [aria-label="Move"])';
const PATIENCE = 30_000; // milliseconds, for what a slow network brings
const SHOWN = "digitnetLive"; // on the document while this is shown in place of the server's reading

/** Streamlit calls this when the component appears, and whenever its data have changed. */
export default function show({parentElement, data}) {
  try {
    live.update(parentElement, data);
  } catch (error) {
    live.fail(error);
  }
  return () => live.leave();
}

class Live {
  constructor() {
    this.strokes = []; // that the server has read
    this.finished = []; // strokes since, which it has not: positions of the pointer
    this.points = null; // of the stroke that is being drawn, be it by the demonstration
    this.pointer = null; // the visitor's, while it draws; a resting palm is another
    this.readings = [{}, {}]; // the last of each worker, by the networks' names
    this.first = {}; // the last answer of the first worker, which tells numbers as well
    this.networks = [];
    this.isHere = false;
    const listen = (kind, act) => document.addEventListener(kind, (event) => {
      if (this.isHere) this.attempt(() => act.call(this, event));
    }, {capture: true, passive: true});
    listen("pointerdown", this.begin);
    listen("pointermove", this.go);
    listen("pointerup", this.end);
    listen("pointercancel", this.end);
    listen("click", this.heedToolbar);
  }

  attempt(act) {
    try {
      act();
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error) {
    console.warn("digitnet: all is read as the pen is lifted.", error);
    this.hasFailed = true;
    this.leave();
  }

  leave() {
    this.isHere = false;
    this.reset();
  }

  reset() {
    this.finished = [];
    this.points = null;
    this.pointer = null;
    this.readings = [{}, {}];
    this.hide();
    this.panel?.say("");
  }

  hide() {
    this.first = {};
    delete document.documentElement.dataset[SHOWN];
  }

  // --- what the server knows --------------------------------------------------------------------

  update(root, {strokes, read, description, chosen, width}) {
    this.isHere = strokes !== null && !this.hasFailed;
    if (!this.isHere) return this.reset();
    this.width = width;
    if (this.panel?.root !== root) {
      this.panel = new Panel(root);
      this.panel.list(this.networks);
    }
    this.learn(description, chosen);
    // Those that it has read since are its own now; what was drawn after them is still to come.
    this.finished.splice(0, strokes.length ? Math.max(0, strokes.length - this.strokes.length) : Infinity);
    this.strokes = strokes;
    if (this.points || this.finished.length) return this.send();
    this.hide();
    this.panel.say(read);
  }

  /** Fetches what is told of the networks when it has changed, and hires workers for them. */
  async learn(description, chosen) {
    const wanted = [description, chosen].join();
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    let told;
    try {
      const answer = await fetch(urlOf(description), {signal: AbortSignal.timeout(PATIENCE)});
      told = await answer.json();
    } catch (error) {
      console.warn("digitnet: the networks are asked for again after the next stroke.", error);
      if (wanted === this.wanted) this.wanted = null;
      return;
    }
    if (wanted !== this.wanted) return; // another is chosen by now
    this.attempt(() => {
      const {networks, demonstration} = told;
      Object.assign(this, {networks, demonstration, chosen});
      this.panel.list(networks);
      this.hire(networks, chosen);
    });
  }

  /** Sets one worker to the chosen network and the reader, which must not wait, one to all others. */
  hire(networks, chosen) {
    whenIdle(() => this.attempt(() => {
      this.workers ??= [0, 1].map((number) => new Reader(
        (...answer) => this.take(number, ...answer), (error) => this.fail(error),
        () => this.attempt(() => this.welcome(number))));
      const served = networks.filter(({file}) => file).map((one) => ({
        ...one, key: one.file, url: urlOf(one.file),
      }));
      const isFirst = ({name, refuses}) => name === chosen || refuses;
      this.workers[0].want(served.filter(isFirst));
      this.workers[1].want(served.filter((one) => !isFirst(one)));
      sweep(served.map(({url}) => url));
    }));
  }

  /** What was begun before a worker was ready is read now. */
  welcome(worker) {
    if (this.isReading()) this.send();
    else if (worker === 1) this.greet();
  }

  // --- the pen ----------------------------------------------------------------------------------

  /** On the first visit, once it can be read, a digit draws itself on the empty board. */
  async greet() {
    if (!this.isHere || this.strokes.length || this.hasBegun) return;
    const read = (points) => {
      this.points = points;
      this.panel?.demonstrate(Boolean(points));
      if (points) this.send();
      else this.reset();
    };
    await demonstrate(this.demonstration, this.width, read).catch((error) => this.fail(error));
  }

  begin(event) {
    const board = event.composedPath()[0];
    if (this.pointer !== null || !event.isPrimary || event.button || !board.matches?.(BOARD) || isMoving(board)) return;
    this.board = board;
    this.hasBegun = true; // and needs no greeting
    this.pointer = event.pointerId;
    this.points = [this.place(event)];
  }

  go(event) {
    if (event.pointerId !== this.pointer) return;
    this.points.push(this.place(event));
    this.send();
  }

  end(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.finished.push(this.points);
    this.points = null;
    this.send();
  }

  place({clientX, clientY}) {
    const {left, top, width} = this.board.getBoundingClientRect();
    const scale = this.width / width;
    return [(clientX - left) * scale, (clientY - top) * scale];
  }

  /** What the toolbar does to the drawing is the server's to tell; until then nothing is read. */
  heedToolbar(event) {
    if (event.composedPath().some((one) => one.matches?.(CHANGES))) {
      this.strokes = [];
      this.reset();
    }
  }

  // --- the readings -----------------------------------------------------------------------------

  send() {
    const current = this.points ? [this.points] : [];
    const drawing = {
      strokes: this.strokes, drawn: [...this.finished, ...current], isDrawing: current.length > 0,
    };
    const [first, others] = this.workers ?? [];
    first?.read(drawing);
    if (!this.first.number) others?.read(drawing); // of a number only the reader's reading is shown
  }

  /** Takes in what a worker has read; the page shows it with its next frame. */
  take(worker, answer, drawing) {
    this.readings[worker] = answer.readings;
    document.dispatchEvent(new CustomEvent("digitnet:reading", {detail: worker})); // to be timed
    if (!this.isReading()) return;
    if (worker === 0) {
      if (this.first.number && !answer.number) this.workers[1].read(drawing);
      this.first = {...answer, drawing};
    }
    this.frame ??= requestAnimationFrame(() => this.attempt(() => this.paint()));
  }

  isReading() {
    return this.isHere && Boolean(this.points || this.finished.length);
  }

  paint() {
    this.frame = null;
    if (!this.isReading()) return;
    const {number, pixels, drawing, readings} = this.first, reading = readings?.[this.chosen];
    if (number) this.panel.showNumber(number, [...drawing.strokes, ...drawing.drawn]);
    else if (reading && number === null) this.showDigit(reading, pixels);
    else return this.hide();
    document.documentElement.dataset[SHOWN] = "";
  }

  showDigit(reading, pixels) {
    const readings = Object.assign({}, ...this.readings);
    const verdicts = Object.values(readings).map(({isDigit}) => isDigit);
    this.panel.show(reading.probabilities, !verdicts.includes(false), readings, pixels);
  }
}

/** A worker that reads the newest drawing as soon as it has read the one before. */
class Reader {
  constructor(take, fail, isReady) {
    this.worker = new Worker(new URL("worker.js", import.meta.url), {type: "module"});
    this.worker.onerror = (event) => fail(event.message ?? "its worker is blocked");
    this.worker.onmessage = ({data: {taking, ...answer}}) => {
      if (taking?.length) isReady();
      if (taking) return;
      const drawing = this.busyWith;
      this.busyWith = null;
      take(answer, drawing);
      if (this.next) this.read(this.next);
    };
  }

  want(wanted) {
    this.worker.postMessage({wanted});
  }

  /** @param {object} drawing As the worker takes it; answered with what it says, and the drawing. */
  read(drawing) {
    this.next = this.busyWith ? drawing : null;
    if (this.busyWith) return;
    this.busyWith = drawing;
    this.worker.postMessage({drawing});
  }
}

const isMoving = (board) => board.getRootNode().querySelector('[aria-label="Move"]')
  ?.getAttribute("aria-pressed") === "true";

const urlOf = (file) => new URL(`../digitnet.networks/${file}`, import.meta.url).href;

/** Does something once the board stands, which it must not hold up, and the page is idle. */
function whenIdle(act) {
  if (!findBoard()) return setTimeout(whenIdle, 50, act);
  const idle = window.requestIdleCallback ?? ((one) => setTimeout(one, 500));
  idle(act);
}

/** Throws away files of networks that are no longer served. */
async function sweep(urls) {
  const shelf = await window.caches?.open("digitnet");
  for (const request of (await shelf?.keys()) ?? [])
    if (!urls.includes(request.url)) shelf.delete(request);
}

const live = new Live();
