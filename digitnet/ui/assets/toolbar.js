// The canvas's toolbar shows on hover only, and until then lies unseen over the board's upper right
// corner, where it swallows a finger's touch. So it is laid out below the board, in plain sight.
// Its Reset returns to the drawing that the board began with; that should be an empty board, so a
// sample digit, or what was on the board when one came, is put away instead. So it is called Clear,
// to the eye and to a screen reader alike; and what is called Edit there, Move.
// The canvas waits 200 ms after a stroke, should another follow; its Update, unseen here, does not.
// And a touch ends a stroke for it only if no finger or palm rests elsewhere, and never where the
// system takes the touch away; so it is told of both as of any other end.
{ // a block of its own: whoever comes back to the page runs this again
const NAMES = {'[aria-label="Edit"]': "Move", '[aria-label^="Reset"]': "Clear"}; // what is shown
const ENDS = ["touchend", "touchcancel"];
const AROUND = 112, LOWEST = 168; // pixels: the menu and the toolbar; a board that one can draw on
const LEAST_HELD = 150, MOST_HELD = 10_000; // milliseconds: to be asked, and never answered
const style = `
  .dc-root > .dc-toolbar {
    position: static; opacity: 1; padding: 0.5rem 0 0; justify-content: flex-start;
  }
  .dc-toolbar-card { box-shadow: none; background: none; padding: 0; gap: 0.25rem; width: 100%;
    justify-content: space-between; color: inherit; }
  .dc-icon-button { gap: 0.35rem; min-height: 2.5rem; padding: 0 0.3rem; font: inherit;
    font-size: 0.875rem; }
  .dc-icon-button:focus-visible { outline: 2px solid currentColor; }
  .dc-icon-button:is([aria-label="Undo"], [aria-label="Redo"], [aria-label="Move"],
    [aria-label="Clear"])::after { content: attr(aria-label); }
  .dc-icon-button:is([aria-label^="Update"], [aria-label$="ward"]), /* strokes look alike */
  .dc-toolbar-separator { display: none; }
  .dc-toolbar-contextual .dc-icon-button { padding: 0 0.2rem; }
  .dc-canvas { border-radius: 0.6rem; outline: none; }
  .dc-container { border-radius: 0.6rem; overflow: hidden; scroll-margin-top: 4.5rem; /* the menu */
    width: var(--width) !important; height: var(--height) !important; }
  .dc-container[data-held] { opacity: 0.3; pointer-events: none; }
  .dc-container :is(.canvas-container, canvas) { width: 100% !important; height: 100% !important; }
`;
const findBeginning = () => document.querySelector( // what the board would return to
  '.st-key-sample [aria-checked="true"], .st-key-empty_board button');
const isRunning = () =>
  document.querySelector(".stApp")?.getAttribute("data-test-script-state") === "running";
function arrange() {
  const host = [...document.querySelectorAll(".st-key-canvas *")].find((one) => one.shadowRoot);
  const root = host?.shadowRoot;
  for (const [given, shown] of Object.entries(NAMES))
    for (const label of ["title", "aria-label"])
      root?.querySelector(given)?.setAttribute(label, shown);
  if (!root?.querySelector(".dc-toolbar") || root.querySelector("#digitnet")) return;
  const board = root.querySelector(".dc-container");
  const room = document.querySelector(".st-key-canvas"), width = () => parseFloat(board.style.width);
  const height = () => parseFloat(board.style.height);
  const fit = () => { // on a phone the board is as wide as the screen, but never higher than it
    if (!board.isConnected) return sizes.disconnect(); // another is in its place, or none
    const highest = Math.max(innerHeight - AROUND, LOWEST) / height();
    const scale = Math.min(room.clientWidth / width(), highest);
    board.style.setProperty("--width", `${scale * width()}px`);
    board.style.setProperty("--height", `${scale * height()}px`);
  };
  fit(); // before the first frame
  const said = () => board.style.width + board.style.height; // by the canvas, of its size
  let known = said();
  new MutationObserver(() => {
    if (known === (known = said())) return;
    fit();
    board.scrollIntoView({block: "nearest"}); // the switch lies below it, on a phone out of sight
  }).observe(board, {attributes: true, attributeFilter: ["style"]});
  const sizes = new ResizeObserver(fit);
  [room, board, document.documentElement].forEach((one) => sizes.observe(one));
  root.querySelector(".upper-canvas").setAttribute("aria-label", "Board to draw a digit on");
  root.querySelector(".upper-canvas").setAttribute("role", "img");
  root.append(Object.assign(document.createElement("style"), {id: "digitnet", textContent: style}));
  const send = () => root.querySelector('[aria-label^="Update"]')?.click();
  for (const [down, up] of [["mousedown", "mouseup"], ["touchstart", "touchend"]])
    board.addEventListener(down, () =>
      addEventListener(up, () => setTimeout(send), {once: true}));
  root.addEventListener("click", (event) => {
    if (!event.target.closest('[aria-label="Clear"]')) return;
    root.querySelector('[aria-label="Move"][aria-pressed="true"]')?.click(); // to be drawn on again
    const beginning = findBeginning();
    if (!beginning) return;
    event.stopImmediatePropagation(); // Reset would tell first of the drawing that it returns to
    beginning.click();
    hold(board);
  }, {capture: true});
  lift(board);
}
/** Tells a board's canvas of each end of a touch that it would not take for one. */
function lift(board) {
  let finger = null; // the touch that draws
  const end = (event) => {
    const touch = [...event.changedTouches].find(({identifier}) => identifier === finger);
    if (!touch) return;
    finger = null;
    for (const kind of ENDS) document.removeEventListener(kind, end, {capture: true});
    if (event.type === "touchend" && !event.touches.length) return;
    document.dispatchEvent(Object.assign(new Event("touchend", {bubbles: true}),
      {changedTouches: [touch], touches: []}));
  };
  board.addEventListener("touchstart", ({changedTouches: [touch]}) => {
    if (finger !== null) return;
    finger = touch.identifier;
    for (const kind of ENDS) document.addEventListener(kind, end, {capture: true});
  }, {capture: true});
}
/** Keeps a board that the server is to empty from being drawn on until it has. */
function hold(board) {
  const begin = Date.now();
  board.toggleAttribute("data-held", true);
  const look = () => {
    const waited = Date.now() - begin, isDone = !isRunning() && !findBeginning();
    if (waited < LEAST_HELD || (waited < MOST_HELD && !isDone)) return requestAnimationFrame(look);
    board.toggleAttribute("data-held", false);
  };
  look();
}
clearInterval(window.digitnetToolbar); // of the last time that this ran
window.digitnetToolbar = setInterval(arrange, 50); // boards come and go: samples, ways in, other pages
arrange();
}
