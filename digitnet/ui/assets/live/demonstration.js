// On the first visit a digit draws itself once and is read meanwhile, so that one sees what happens
// here. It is drawn over the board, not on it; whatever the visitor does ends it.

const SEEN = "digitnet-demonstrated"; // kept by the browser
const DRAWN = 1800, SHOWN = 2200; // milliseconds that it is drawn in, and then stays
const ENDS = ["pointerdown", "keydown", "wheel", "touchstart"];

/**
 * @param {number[][]} points [x, y] of its one stroke.
 * @param {number} wide The board, in the unit of the points.
 * @param {(points: number[][] | null) => void} read Is told what is drawn so far; null at the end.
 */
export async function demonstrate(points, wide, read) {
  const board = findBoard();
  if (!board || isSeen() || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const over = cover(board, wide), context = over.getContext("2d");
  let isOver = false;
  const end = () => { // at once, since the visitor's own stroke may begin with this very event
    if (!isOver) read(null);
    isOver = true;
    over.remove();
  };
  ENDS.forEach((kind) => addEventListener(kind, end, {capture: true, once: true}));
  const start = performance.now();
  for (let now = start; !isOver && now < start + DRAWN + SHOWN; now = await nextFrame()) {
    const count = Math.ceil(Math.min(1, (now - start) / DRAWN) * points.length);
    draw(context, points.slice(0, count));
    if (count && now < start + DRAWN + 200) read(points.slice(0, count));
  }
  end();
  ENDS.forEach((kind) => removeEventListener(kind, end, {capture: true}));
}

/** Whether this browser has shown it before; from now on it has. */
function isSeen() {
  try {
    const isSeen = localStorage.getItem(SEEN) !== null;
    localStorage.setItem(SEEN, "1");
    return isSeen;
  } catch {
    return true; // nothing can be kept: rather never than always
  }
}

/** The canvas that is drawn on, in the shadow of its component; undefined before it stands. */
export function findBoard() {
  const host = [...document.querySelectorAll(".st-key-canvas *")].find((one) => one.shadowRoot);
  return host?.shadowRoot.querySelector("canvas.upper-canvas");
}

function cover(board, wide) {
  const {width, height} = board, over = Object.assign(document.createElement("canvas"), {width, height});
  over.style.cssText = "position:absolute;inset:0;width:100%;height:100%;z-index:20;pointer-events:none";
  over.getContext("2d").scale(width / wide, width / wide);
  board.parentElement.append(over);
  return over;
}

function draw(context, points) {
  if (points.length < 2) return;
  Object.assign(context, {lineWidth: 16, lineCap: "round", lineJoin: "round", strokeStyle: "#f5f2e9"});
  context.clearRect(0, 0, 9999, 9999);
  context.beginPath();
  points.forEach(([x, y]) => context.lineTo(x, y));
  context.stroke();
}

const nextFrame = () => new Promise(requestAnimationFrame);
