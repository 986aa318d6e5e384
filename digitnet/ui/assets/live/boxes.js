// The strokes of a number with a box around each digit, as digitnet/show/numbers.py draws them once
// the pen is lifted.

const MARGIN = 12, LABEL = 30, PEN = 6; // in hundredths of the drawing's height
const HIGHEST = 176; // pixels, as the style sheet has it
const [BOARD, CHALK, FRAME] = ["#1c2430", "#f5f2e9", "#6bb0c6"];

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{digit: number, box: number[]}[]} number Its digits; left, top, right and bottom of each.
 * @param {number[][][]} strokes
 */
export function drawBoxes(canvas, number, strokes) {
  const [left, top, right, bottom] = [0, 1, 2, 3].map((side) =>
    (side < 2 ? Math.min : Math.max)(...number.map(({box}) => box[side])));
  const scale = 100 / Math.max(bottom - top, 1e-6);
  const wide = (right - left) * scale + 4 * MARGIN, high = 100 + 4 * MARGIN + LABEL;
  const context = prepare(canvas, wide, high);
  const [across, down] = [2 * MARGIN, 2 * MARGIN + LABEL];
  const place = ([x, y]) => [(x - left) * scale + across, (y - top) * scale + down];
  context.stroke(lineOf(strokes.map((stroke) => stroke.map(place))));
  Object.assign(context, {strokeStyle: FRAME, fillStyle: FRAME, lineWidth: 2, textAlign: "center"});
  context.font = `600 ${0.8 * LABEL}px sans-serif`;
  for (const {digit, box} of number) frame(context, digit, place(box), place(box.slice(2)));
}

/** An empty board, as sharp as the screen, with a pen of chalk, in the unit of the picture. */
function prepare(canvas, wide, high) {
  const fine = HIGHEST / high * devicePixelRatio;
  Object.assign(canvas, {width: Math.round(wide * fine), height: Math.round(high * fine)});
  canvas.style.width = `${wide * HIGHEST / high}px`;
  const context = canvas.getContext("2d");
  context.fillStyle = BOARD;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.scale(fine, fine);
  return Object.assign(context, {
    strokeStyle: CHALK, lineWidth: PEN, lineCap: "round", lineJoin: "round",
  });
}

function lineOf(strokes) {
  const line = new Path2D();
  for (const [start, ...rest] of strokes) {
    line.moveTo(...start);
    for (const point of rest.length ? rest : [start]) line.lineTo(...point); // a dot is a line, too
  }
  return line;
}

/** A digit's box, and the digit above it. */
function frame(context, digit, [left, top], [right, bottom]) {
  const size = [right - left, bottom - top].map((side) => side + 2 * MARGIN);
  context.beginPath();
  context.roundRect(left - MARGIN, top - MARGIN, ...size, 5);
  context.stroke();
  context.fillText(digit, (left + right) / 2, top - MARGIN - 5);
}
