// Runs networks beside the page, so that the page stays smooth while they read.
//
// It is told which networks to run, loads them from the smallest on, and answers each image with
// what all that are loaded say of it.
import {renderStrokes} from "./ink.js";
import {Network} from "./network.js";
import {calibrate} from "./reading.js";

const MOST_MILLISECONDS = 35; // an image for all networks: more than 20 readings a second
const TRIALS = 3; // of a network's speed; the first are slow, before they are compiled
const TRIAL = renderStrokes([[[0, 0], [9, 0], [0, 9], [9, 18], [0, 18]]]);
const SHELF = "digitnet"; // where the browser keeps the files

let calibrations = {}; // of the networks that are wanted, by name
const networks = new Map(); // those that are loaded, and the milliseconds that each takes
let loading = Promise.resolve();

self.onmessage = ({data: {wanted, drawing, pixels}}) => {
  if (wanted) {
    calibrations = Object.fromEntries(wanted.map((one) => [one.name, one]));
    loading = loading.then(() => loadAll(wanted));
  } else {
    self.postMessage({drawing, readings: readAll(pixels)});
  }
};

function readAll(pixels) {
  return Object.fromEntries(Object.values(calibrations)
    .filter(({key}) => networks.get(key)?.network)
    .map((one) => [one.name, calibrate(networks.get(one.key).network.evaluate(pixels), one)]));
}

async function loadAll(wanted) {
  const keys = wanted.map(({key}) => key);
  for (const key of networks.keys()) if (!keys.includes(key)) networks.delete(key);
  for (const {key, url} of wanted.toSorted((a, b) => a.bytes - b.bytes)) {
    if (networks.has(key)) continue;
    networks.set(key, await load(url).catch((error) => {
      console.warn(`digitnet: ${url} is read at pen-up only: ${error}`);
      return {network: null, takes: 0};
    }));
  }
  const taking = wanted.filter(({key}) => networks.get(key)?.network).map(({name}) => name);
  self.postMessage({taking});
}

/** A network that takes part; throws where it cannot be read, or is too slow for this device. */
async function load(url) {
  const network = new Network(await fetchKept(url));
  const takes = Math.min(...Array.from({length: TRIALS}, () => time(network)));
  const others = [...networks.values()].reduce((sum, one) => sum + one.takes, 0);
  if (others + takes > MOST_MILLISECONDS) throw new Error("it would be too slow here");
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
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
  await shelf?.put(url, answer.clone()).catch(() => {}); // no room is no reason not to read
  return answer.arrayBuffer();
}
