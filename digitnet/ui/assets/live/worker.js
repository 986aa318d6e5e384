// Runs networks beside the page, so that the page stays smooth while they read.
//
// It is told which networks to run, loads them from the smallest on, and answers each drawing with
// what all that are loaded say of it, and with the number that it is.
import {renderStrokes, strokeOf} from "./ink.js";
import {Memory} from "./memory.js";
import {Network} from "./network.js";
import {readNumber} from "./numbers.js";
import {calibrate} from "./reading.js";

const MOST_MILLISECONDS = 35; // an image for all networks: more than 20 readings a second
const TRIALS = 3; // of a network's speed; the first are slow, before they are compiled
const TRIAL = renderStrokes([[[0, 0], [9, 0], [0, 9], [9, 18], [0, 18]]]);
const SHELF = "digitnet"; // where the browser keeps the files
const PATIENCE = 60_000, PAUSE = 10_000; // milliseconds, for a file; before it is asked for again

let calibrations = {}; // of the networks that are wanted, by name
const networks = new Map(); // those that are loaded, and the milliseconds that each takes
let latest = null; // what is wanted now
let loading = Promise.resolve(), again; // the next try
let standing = null; // the number that is shown while the pen is down
const memory = new Memory(); // of what is drawn, and what networks say of it

self.onmessage = ({data: {wanted, drawing}}) => {
  if (wanted) {
    calibrations = Object.fromEntries(wanted.map((one) => [one.name, one]));
    load(wanted);
  } else {
    self.postMessage(read(drawing));
  }
};

/**
 * @param {{strokes: number[][][], drawn: number[][][], isDrawing: boolean}} drawing Strokes that the
 *   server has read; those since, as positions of the pointer; whether the last is not done yet.
 * @returns {{pixels?: Uint8Array, readings: object, number?: object[] | null}} What the networks
 *   see, what each says of it, and the digits of the number that it is: null where it is none, left
 *   out where that cannot be told here.
 */
function read({strokes, drawn, isDrawing}) {
  memory.turn();
  const pieces = [
    ...strokes.map((points) => ({points, name: JSON.stringify(points)})),
    ...drawn.map((positions) => ({points: strokeOf(positions), name: JSON.stringify(positions)})),
  ];
  const pixels = draw(pieces);
  if (!pixels) return {readings: {}};
  const number = findNumber(pieces);
  standing = isDrawing ? number : null;
  return {pixels, readings: readAll(pieces), number};
}

function readAll(pieces) {
  return Object.fromEntries(Object.values(calibrations).filter(isLoaded)
    .map((one) => [one.name, calibrate(evaluate(one, pieces), one)]));
}

/**
 * As the server finds it, see `find_number` in digitnet/ui/loaders.py; but that a digit which has
 * been begun, as long as it makes all no digit, leaves the number as it was.
 */
function findNumber(pieces) {
  if (pieces.length < 2) return null;
  const reader = Object.values(calibrations).find(({refuses}) => refuses);
  if (!reader) return null;
  if (!isLoaded(reader)) return undefined;
  const digits = readNumber(pieces, (some) => evaluate(reader, some), reader);
  if (digits.length > 1) return digits;
  const {isDigit} = calibrate(evaluate(reader, pieces), reader);
  return isDigit ? null : findNumber(pieces.slice(0, -1)) ?? standing;
}

const isLoaded = ({key}) => Boolean(networks.get(key)?.network);

/** What a network says of pieces as one digit; null where they are no more than a dot. */
function evaluate({key}, pieces) {
  const pixels = draw(pieces);
  return pixels && memory.recall(key, pieces, () => networks.get(key).network.evaluate(pixels));
}

function draw(pieces) {
  return memory.recall("drawn", pieces, () => renderStrokes(pieces.map(({points}) => points)));
}

/** Loads what is wanted, once what was wanted before is loaded; until all could be fetched. */
function load(wanted) {
  clearTimeout(again);
  latest = wanted;
  loading = loading.then(() => loadAll(wanted)).then((hasAll) => {
    if (!hasAll && wanted === latest) again = setTimeout(load, PAUSE, wanted);
  });
}

/** @returns {boolean} Whether the server had all of it. */
async function loadAll(wanted) {
  const keys = wanted.map(({key}) => key);
  for (const key of networks.keys()) if (!keys.includes(key)) networks.delete(key);
  let hasAll = true;
  for (const {key, url} of wanted.toSorted((a, b) => a.bytes - b.bytes)) {
    if (networks.has(key)) continue;
    try {
      networks.set(key, open(await fetchKept(url)));
    } catch (error) {
      console.warn(`digitnet: ${url} is read at pen-up only: ${error}`);
      if (error instanceof Unreadable) networks.set(key, {network: null, takes: 0});
      else hasAll = false;
    }
  }
  const taking = wanted.filter(isLoaded).map(({name}) => name);
  self.postMessage({taking});
  return hasAll;
}

class Unreadable extends Error {}

/** A network that takes part; throws where it cannot be read, or is too slow for this device. */
function open(content) {
  let network, takes;
  try {
    network = new Network(content);
    takes = Math.min(...Array.from({length: TRIALS}, () => time(network)));
  } catch (error) {
    throw new Unreadable(error.message);
  }
  const others = [...networks.values()].reduce((sum, one) => sum + one.takes, 0);
  if (others + takes > MOST_MILLISECONDS) throw new Unreadable("it would be too slow here");
  return {network, takes};
}

function time(network) {
  const start = performance.now();
  network.evaluate(TRIAL);
  return performance.now() - start;
}

/** A file whose address names its content, so that it is fetched once and kept. */
async function fetchKept(url) {
  const shelf = await self.caches?.open(SHELF).catch(() => null); // only where the page is secure
  const kept = await shelf?.match(url);
  if (kept) return kept.arrayBuffer();
  const answer = await fetch(url, {signal: AbortSignal.timeout(PATIENCE)});
  if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
  await shelf?.put(url, answer.clone()).catch(() => {}); // no room is no reason not to read
  return answer.arrayBuffer();
}
