// What a network says of an image: its outputs as its run is calibrated, as digitnet/serving does.

export const CLASSES = 10; // an output after these is that of no digit
const LEAST = 1.1754943508222875e-38; // the smallest normal float32

/**
 * @param {Float32Array} outputs Of a network: ten probabilities, or eleven, the last of no digit.
 * @param {{temperature: number, threshold: number | null}} calibration
 * @returns {{probabilities: number[], isDigit: boolean | null}} The ten digits' probabilities; null
 *   by a network that does not tell digits from all else.
 */
export function calibrate(outputs, {temperature, threshold}) {
  const tells = outputs.length > CLASSES;
  const digits = Array.from(outputs.subarray(0, CLASSES), (one) => Math.max(one, LEAST));
  const isDigit = tells && threshold !== null ? outputs[CLASSES] <= threshold : null;
  return {probabilities: temper(tells ? normalize(digits) : digits, temperature), isDigit};
}

/** The digit of the highest probability. */
export const likeliest = (probabilities) => probabilities.indexOf(Math.max(...probabilities));

function temper(probabilities, temperature) {
  if (temperature === 1) return probabilities;
  const logarithms = probabilities.map((one) => Math.log(one) / temperature);
  const most = Math.max(...logarithms);
  return normalize(logarithms.map((one) => Math.exp(one - most)));
}

function normalize(values) {
  const total = values.reduce((sum, value) => sum + value, 0);
  return values.map((value) => value / total);
}
