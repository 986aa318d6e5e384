// Several digits are a number: strokes are parted as digitnet/serving/numbers.py parts them, step
// by step, so that what is read while the pen moves is what the server reads when it is lifted. What
// the constants are for, and where they come from, stands there.
import {boxOf} from "./ink.js";
import {CLASSES, calibrate, likeliest} from "./reading.js";

const MOST_STROKES = 40, MOST_POINTS = 20000, MOST_OF_DIGIT = 4, WIDEST_GAP = 0.6;
const APART = 0.05, FLAT = 0.25, BELOW = 0.3;
const SURENESS = 3.4, SPLIT = 0.7, SHORT = 2.5, SHORTEST = 0.7, OVERLAP = 4;
const NEAR = 2.5, NEAREST = 0.5, LEAST = 1e-6;
const [LEFT, TOP, RIGHT, BOTTOM] = [0, 1, 2, 3];

/**
 * Reads strokes as a number, which may have one digit.
 *
 * @param {{points: number[][]}[]} pieces Strokes of [x, y], none empty.
 * @param {(pieces: object[]) => Float32Array | null} evaluate All eleven outputs of the reader for
 *   some of them, drawn as one digit; null where they are no more than a dot.
 * @param {object} calibration The reader's, as `calibrate` takes it.
 * @returns {{digit: number, probability: number, box: number[]}[]} From left to right; `box` is
 *   left, top, right and bottom. Where it is no number, what the whole is read as.
 */
export function readNumber(pieces, evaluate, calibration) {
  const all = pieces.map((piece) => ({piece, box: boxAround(piece.points)}));
  const row = leaveOutMarks(all)
    .sort((a, b) => a.box[LEFT] + a.box[RIGHT] - b.box[LEFT] - b.box[RIGHT]);
  const boxes = row.map(({box}) => box);
  const read = findParts(boxes, pieces.reduce((sum, {points}) => sum + points.length, 0))
    .map(([begin, end]) => ({
      begin, end, box: join(boxes.slice(begin, end)),
      outputs: evaluate((end - begin < row.length ? row.slice(begin, end) : all)
        .map(({piece}) => piece)),
    }))
    .filter(({outputs}) => outputs);
  const chosen = chooseParts(row.length, heightOf(boxes), read);
  if (chosen.length === 1) chosen[0].box = join(all.map(({box}) => box));
  return chosen.map(({box, outputs}) => {
    const {probabilities} = calibrate(outputs, calibration), digit = likeliest(probabilities);
    return {digit, probability: probabilities[digit], box};
  });
}

/** What is not one of the marks that stand between or beside digits: a minus, a point. */
function leaveOutMarks(all) {
  const boxes = all.map(({box}) => box);
  const height = heightOf(boxes), top = Math.min(...boxes.map((box) => box[TOP]));
  const isMark = (column) => {
    const places = column.map(({box}) => box), [, high, , low] = join(places);
    return heightOf(places) < FLAT * height && (high + low) / 2 - top > BELOW * height;
  };
  const left = findColumns(all, APART * height).filter((column) => !isMark(column)).flat();
  return left.length ? left : all;
}

/** The strokes that stand one above the other, with a wider gap to all others. */
function findColumns(all, gap) {
  const sorted = all.toSorted((a, b) => a.box[LEFT] - b.box[LEFT]), columns = [];
  const gaps = gapsBefore(sorted.map(({box}) => box));
  sorted.forEach((one, place) => {
    if (gaps[place] > gap) columns.push([]);
    columns.at(-1).push(one);
  });
  return columns;
}

/** All of a row, and its parts that may be a digit: a few strokes, with no wide gap between them. */
function findParts(boxes, points) {
  const parts = [[0, boxes.length]], widest = WIDEST_GAP * heightOf(boxes);
  const count = boxes.length <= MOST_STROKES && points <= MOST_POINTS ? boxes.length : 0;
  for (let begin = 0; begin < count; begin++)
    for (let end = begin + 1; end <= Math.min(begin + MOST_OF_DIGIT, count); end++)
      if (end - begin < count && gapIn(boxes.slice(begin, end)) <= widest) parts.push([begin, end]);
  return parts;
}

const heightOf = (boxes) => Math.max(LEAST, ...boxes.map((box) => box[BOTTOM] - box[TOP]));

/** The widest gap, from left to right, that boxes leave between them; 0 if they leave none. */
function gapIn(boxes) {
  return Math.max(0, ...gapsBefore(boxes.toSorted((a, b) => a[LEFT] - b[LEFT])).slice(1));
}

/** How far each box lies right of all before it, the first infinitely; sorted by their left. */
function gapsBefore(boxes) {
  let reached = -Infinity;
  return boxes.map((box) => {
    const gap = box[LEFT] - reached;
    reached = Math.max(reached, box[RIGHT]);
    return gap;
  });
}

/**
 * The most probable parting of a row of strokes.
 *
 * @param {number} count Strokes of the row.
 * @param {number} height Of the tallest.
 * @param {object[]} read What is read of each part, the whole row first, which is taken where it is
 *   rather no digit.
 */
function chooseParts(count, height, read) {
  const [whole] = read;
  const best = []; // the best parting of the strokes so far, by the last part of it
  for (const part of read.toSorted((a, b) => a.end - b.end)) {
    const place = part.box.map((side) => side / height);
    const ways = best.filter(({end}) => end === part.begin).map((left) => ({
      score: left.score + scoreNeighbours(left.place, place), parts: left.parts,
    }));
    const before = part.begin ? mostProbable(ways) : {score: 0, parts: []};
    if (before) best.push({
      end: part.end, place, score: before.score + scoreDigit(place, part.outputs),
      parts: [...before.parts, part],
    });
  }
  const nothing = {score: Math.log(Math.max(whole.outputs[CLASSES], LEAST)), parts: [whole]};
  return mostProbable([nothing, ...best.filter(({end}) => end === count)]).parts;
}

const mostProbable = (ways) =>
  ways.reduce((most, one) => (one.score > most.score ? one : most), ways[0]);

/** The log-odds of a part as a digit, its box in heights. */
function scoreDigit(place, outputs) {
  const isDigit = Math.log(Math.max(1 - outputs[CLASSES], LEAST));
  return SURENESS * isDigit - SHORT * Math.max(0, SHORTEST - (place[BOTTOM] - place[TOP]));
}

/** The log-odds of two digits side by side, their boxes in heights. */
function scoreNeighbours(left, right) {
  const overlap = Math.max(0, left[RIGHT] - right[LEFT]);
  const apart = (right[LEFT] + right[RIGHT] - left[LEFT] - left[RIGHT]) / 2;
  return SPLIT - OVERLAP * overlap - NEAR * Math.max(0, NEAREST - apart);
}

function join(boxes) {
  return boxes.reduce((a, b) => a.map((side, i) => (i < RIGHT ? Math.min : Math.max)(side, b[i])));
}

function boxAround(points) {
  const {low, extent} = boxOf([points]);
  return [...low, low[0] + extent[0], low[1] + extent[1]];
}
