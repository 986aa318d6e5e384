// Strokes become what the networks see: the same geometry as digitnet/digits/ink, step by step, so
// that what is read while the pen moves is what the server reads when it is lifted.

export const FIELD = 28; // pixels: the networks see FIELD x FIELD
const BOX = 20; // pixels: the longer side of a digit
const CENTRE = 14; // pixel index of the centre of mass
const PEN_WIDTH = 2.0; // pixels
const PEN_EDGE = 1.4; // pixels over which the ink fades out
const SAMPLE_STEP = 0.35; // pixels between the points of a redrawn stroke
const MOST_SAMPLES = 20000; // points; a long scribble is sampled more coarsely
const SMALLEST_EXTENT = 1e-6;
const REACH = Math.ceil((PEN_WIDTH + PEN_EDGE) / 2 - 0.5); // pixels that the pen inks beside its own
const TAP = 4; // board pixels: a stroke within them is a dot, as when a finger taps
const CURVE_STEPS = 8; // points of each curve that the board draws between two pointer positions

/**
 * The stroke that the board draws through the pointer's positions: straight to the middle of the
 * first two, then curves from middle to middle, which the positions pull, and straight to the last.
 *
 * @param {number[][]} points [x, y] on the board, at least one.
 * @returns {number[][]} [x, y] along the stroke.
 */
export function strokeOf(points) {
  const stroke = [points[0]];
  let here = points[0];
  for (let i = 0; i + 1 < points.length; i++) {
    const [pull, next] = [points[i], points[i + 1]];
    const middle = [(pull[0] + next[0]) / 2, (pull[1] + next[1]) / 2];
    for (let step = 1; step <= CURVE_STEPS; step++) {
      const t = step / CURVE_STEPS;
      stroke.push([0, 1].map((axis) =>
        (1 - t) ** 2 * here[axis] + 2 * t * (1 - t) * pull[axis] + t ** 2 * middle[axis]));
    }
    here = middle;
  }
  stroke.push(points.at(-1));
  const {low, extent} = boxOf([stroke]);
  return Math.max(...extent) < TAP
    ? [[low[0] + extent[0] / 2, low[1] + extent[1] / 2]]
    : stroke;
}

/**
 * Redraws strokes in MNIST's manner.
 *
 * @param {number[][][]} strokes Each a list of [x, y], in any unit, y down.
 * @returns {Uint8Array | null} FIELD x FIELD pixels, 0 for the background, 255 for ink; null where
 *   nothing or no more than a dot is drawn.
 */
export function renderStrokes(strokes) {
  const drawn = strokes.filter((stroke) => stroke.length);
  const {low, extent} = boxOf(drawn);
  const longest = Math.max(...extent);
  if (!(longest >= SMALLEST_EXTENT)) return null;
  const scale = (BOX - PEN_WIDTH - PEN_EDGE) / longest;
  const size = extent.map((side) => side * scale);
  const points = sampleAll(drawn.map((stroke) => stroke.map((point) =>
    [0, 1].map((axis) => (point[axis] - low[axis]) * scale + CENTRE - size[axis] / 2))));
  return centreMass(points, size.map((side) => side + PEN_WIDTH + PEN_EDGE));
}

/** The lowest x and y of strokes, and how wide and high they are. */
export function boxOf(strokes) {
  const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
  for (const stroke of strokes)
    for (const point of stroke)
      for (const axis of [0, 1]) {
        low[axis] = Math.min(low[axis], point[axis]);
        high[axis] = Math.max(high[axis], point[axis]);
      }
  return {low, extent: [high[0] - low[0], high[1] - low[1]]};
}

/** Samples strokes evenly, at most a step apart, all ends included: x and y by turns. */
function sampleAll(strokes) {
  const along = strokes.map(distancesAlong);
  const length = along.reduce((sum, distances) => sum + distances.at(-1), 0);
  const step = Math.max(SAMPLE_STEP, length / MOST_SAMPLES);
  const samples = [];
  strokes.forEach((stroke, index) => sample(stroke, along[index], step, samples));
  return samples;
}

function distancesAlong(stroke) {
  const along = [0];
  for (let i = 1; i < stroke.length; i++)
    along.push(along[i - 1] + Math.hypot(stroke[i][0] - stroke[i - 1][0],
      stroke[i][1] - stroke[i - 1][1]));
  return along;
}

function sample(stroke, along, step, samples) {
  const pieces = Math.ceil(along.at(-1) / step);
  for (let piece = 0, i = 0; piece <= pieces; piece++) {
    const at = pieces ? along.at(-1) * piece / pieces : 0;
    while (i + 2 < along.length && along[i + 1] < at) i++;
    const [from, to] = [stroke[i], stroke[Math.min(i + 1, stroke.length - 1)]];
    const share = along[i + 1] > along[i] ? Math.min(1, (at - along[i]) / (along[i + 1] - along[i])) : 0;
    samples.push(from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1]));
  }
}

/** Draws points with their ink's centre of mass at the field's centre, but no ink outside. */
function centreMass(points, size) {
  const ink = draw(points, 0, 0);
  let total = 0, x = 0, y = 0;
  ink.forEach((value, place) => {
    total += value;
    x += value * (place % FIELD);
    y += value * Math.floor(place / FIELD);
  });
  const [right, down] = [x, y].map((moment, axis) =>
    clip(CENTRE - moment / total, size[axis] / 2 - CENTRE - 1, FIELD - CENTRE - size[axis] / 2));
  return Uint8Array.from(draw(points, right, down), (value) => Math.round(255 * value));
}

/** Draws points, moved right and down, with a round pen; the ink of each pixel is in [0, 1]. */
function draw(points, right, down) {
  const squared = new Float64Array(FIELD * FIELD).fill(Infinity); // distance to the nearest point
  for (let i = 0; i < points.length; i += 2) {
    const x = points[i] + right, y = points[i + 1] + down;
    const column = clip(Math.round(x), 0, FIELD - 1), row = clip(Math.round(y), 0, FIELD - 1);
    const [left, top] = [Math.max(column - REACH, 0), Math.max(row - REACH, 0)];
    for (let b = top; b <= Math.min(row + REACH, FIELD - 1); b++)
      for (let a = left; a <= Math.min(column + REACH, FIELD - 1); a++) {
        const distance = (a - x) ** 2 + (b - y) ** 2;
        if (distance < squared[b * FIELD + a]) squared[b * FIELD + a] = distance;
      }
  }
  return squared.map((distance) =>
    clip(0.5 + (PEN_WIDTH / 2 - Math.sqrt(distance)) / PEN_EDGE, 0, 1));
}

const clip = (value, low, high) => Math.min(Math.max(value, low), high);
