// A served network, run in plain JavaScript: a chain of steps, each from one array to the next.
// Images are kept as LiteRT does, channels last.
import {FIELD} from "./ink.js";
import {readModel} from "./model.js";

const GREY_LEVELS = 256;
const EIGHT = 8; // values that are multiplied at a time

/** A network that reads images. */
export class Network {
  /** @param {ArrayBuffer} file A LiteRT model, as `readModel` takes it; throws as that does. */
  constructor(file) {
    const model = readModel(file);
    const operations = chainOf(model), {tensors} = model;
    const steps = operations.map((operation) => STEPS[operation.kind](operation, tensors));
    const pixelwise = countPixelwise(operations, tensors);
    const levels = Float32Array.from({length: GREY_LEVELS}, (_, level) => level / (GREY_LEVELS - 1));
    // What is done to each pixel by itself is done to the grey levels once, and then looked up.
    this.table = run(steps.slice(0, pixelwise), levels).slice();
    this.steps = steps.slice(pixelwise);
  }

  /**
   * @param {Uint8Array} pixels FIELD x FIELD, 0 for the background, 255 for ink.
   * @returns {Float32Array} The probabilities of the ten digits, and of none where it tells.
   */
  evaluate(pixels) {
    const depth = this.table.length / GREY_LEVELS;
    const values = new Float32Array(FIELD * FIELD * depth);
    pixels.forEach((level, place) => {
      for (let i = 0; i < depth; i++) values[place * depth + i] = this.table[level * depth + i];
    });
    return run(this.steps, values).slice();
  }
}

const run = (steps, values) => steps.reduce((result, step) => step(result), values);

/** The operations that lead from the input to the output, without those that only a shape needs. */
function chainOf({input, output, tensors, operations}) {
  const chain = [];
  let wanted = output;
  for (const operation of operations.toReversed()) {
    if (operation.output !== wanted) continue;
    chain.unshift(operation);
    wanted = operation.inputs.find((one) => one >= 0 && !tensors[one].values);
  }
  if (wanted !== input) throw new Error("its operations are no chain");
  return chain;
}

/** How many of the first operations act on each pixel by itself, as dense layers there do. */
function countPixelwise(operations, tensors) {
  let depth = 1;
  const end = operations.findIndex(({kind, inputs}) => {
    if (kind !== "connect") return !["add", "subtract", "multiply", "relu", "reshape"].includes(kind);
    const [units, wanted] = tensors[inputs[1]].shape;
    if (wanted !== depth) return true;
    depth = units;
    return false;
  });
  return operations.slice(0, end).some(({kind}) => kind === "connect") ? end : 0;
}

// --- steps --------------------------------------------------------------------------------------

const STEPS = {
  reshape: () => (values) => values,
  relu: () => (values) => activate(values, 1),
  add: (operation, tensors) => combine(operation, tensors, (a, b) => a + b),
  subtract: (operation, tensors) => combine(operation, tensors, (a, b) => a - b),
  multiply: (operation, tensors) => combine(operation, tensors, (a, b) => a * b),
  connect, convolve, averagePool, maxPool, softmax,
};

/** Adds a constant to each channel, and the like. */
function combine({inputs, options}, tensors, compute) {
  const constants = inputs.map((one) => tensors[one].values);
  const turned = Boolean(constants[0]), constant = constants[0] ?? constants[1];
  if (!constant) throw new Error("two computed tensors are not combined here");
  return (values) => activate(values.map((value, i) => {
    const other = constant[i % constant.length];
    return turned ? compute(other, value) : compute(value, other);
  }), options.activation);
}

/** A dense layer, on each row of as many values as it takes. */
function connect({inputs, options}, tensors) {
  const {shape: [units, depth], values: kernel} = tensors[inputs[1]];
  const weights = transpose(kernel, units, depth), bias = biasOf(inputs, tensors, units);
  const gathered = new Gathered(depth);
  return (values) => {
    const rows = values.length / depth, result = new Float32Array(rows * units);
    for (let row = 0; row < rows; row++) {
      gathered.clear();
      gathered.add(values, row * depth, 0, depth);
      result.set(bias, row * units);
      gathered.multiply(weights, result, row * units, units);
    }
    return activate(result, options.activation);
  };
}

function convolve({inputs, output, options}, tensors) {
  const {stride, same, activation, dilation} = options;
  if (dilation.some((one) => one !== 1)) throw new Error("convolutions with gaps are not known");
  const {shape: [filters, high, wide, depth], values: kernel} = tensors[inputs[1]];
  const weights = transpose(kernel, filters, high * wide * depth);
  const bias = biasOf(inputs, tensors, filters);
  const [, rows, columns] = tensors[inputs[0]].shape, [, down, across] = tensors[output].shape;
  const places = windows([rows, columns], [down, across], [high, wide], stride, same);
  const gathered = new Gathered(high * wide * depth);
  return (values) => {
    requireLength(values, rows * columns * depth);
    const result = new Float32Array(down * across * filters);
    places.forEach(({top, bottom, left, right, skippedRows, skippedColumns}, place) => {
      gathered.clear();
      for (let y = top; y < bottom; y++) {
        const row = ((y - top + skippedRows) * wide + skippedColumns) * depth;
        gathered.add(values, (y * columns + left) * depth, row, (right - left) * depth);
      }
      result.set(bias, place * filters);
      gathered.multiply(weights, result, place * filters, filters);
    });
    return activate(result, activation);
  };
}

function averagePool(operation, tensors) {
  return pool(operation, tensors, 0, (total, value) => total + value, (total, n) => total / n);
}

function maxPool(operation, tensors) {
  return pool(operation, tensors, -Infinity, (most, value) => (value > most ? value : most), (one) => one);
}

function pool({inputs, output, options}, tensors, start, take, finish) {
  const [, rows, columns, depth] = tensors[inputs[0]].shape, [, down, across] = tensors[output].shape;
  const {window, stride, same, activation} = options;
  const places = windows([rows, columns], [down, across], window, stride, same);
  return (values) => {
    requireLength(values, rows * columns * depth);
    const result = new Float32Array(down * across * depth);
    places.forEach(({top, bottom, left, right}, place) => {
      const count = (bottom - top) * (right - left);
      for (let channel = 0; channel < depth; channel++) {
        let taken = start;
        for (let y = top; y < bottom; y++)
          for (let x = left; x < right; x++)
            taken = take(taken, values[(y * columns + x) * depth + channel]);
        result[place * depth + channel] = finish(taken, count);
      }
    });
    return activate(result, activation);
  };
}

function softmax() {
  return (values) => {
    const most = Math.max(...values), powers = values.map((value) => Math.exp(value - most));
    const total = powers.reduce((sum, power) => sum + power, 0);
    return powers.map((power) => power / total);
  };
}

// --- what they share ----------------------------------------------------------------------------

/**
 * The values of a window that are not 0, and the rows of weights that they are multiplied with.
 *
 * After a ReLU, and on the background of a drawing, most are 0 and cost nothing so.
 */
class Gathered {
  constructor(most) {
    this.values = new Float64Array(most + EIGHT - 1); // those beyond the last are 0
    this.rows = new Int32Array(most + EIGHT - 1);
    this.count = 0;
  }

  clear() {
    this.count = 0;
  }

  /** Takes some values, of which the first goes with the given row of weights. */
  add(values, start, row, length) {
    let count = this.count;
    for (let i = 0; i < length; i++) {
      const value = values[start + i];
      if (value !== 0) {
        this.values[count] = value;
        this.rows[count++] = row + i;
      }
    }
    this.count = count;
  }

  /** Adds each value times its row of weights to a part of the result, `width` wide. */
  multiply(weights, result, at, width) {
    const {values, rows, count} = this;
    values.fill(0, count, count + EIGHT - 1);
    rows.fill(0, count, count + EIGHT - 1);
    for (let i = 0; i < count; i += EIGHT) { // at once: a third faster than by fours
      const a = values[i], b = values[i + 1], c = values[i + 2], d = values[i + 3];
      const e = values[i + 4], f = values[i + 5], g = values[i + 6], h = values[i + 7];
      const p = rows[i] * width, q = rows[i + 1] * width;
      const r = rows[i + 2] * width, s = rows[i + 3] * width;
      const t = rows[i + 4] * width, u = rows[i + 5] * width;
      const v = rows[i + 6] * width, w = rows[i + 7] * width;
      for (let j = 0; j < width; j++)
        result[at + j] +=
          a * weights[p + j] + b * weights[q + j] + c * weights[r + j] + d * weights[s + j] +
          e * weights[t + j] + f * weights[u + j] + g * weights[v + j] + h * weights[w + j];
    }
  }
}

/** The windows of an image, one for each place of the result, cut at the edges. */
function windows([rows, columns], [down, across], [high, wide], [stepDown, stepAcross], same) {
  const above = same ? Math.max(0, (down - 1) * stepDown + high - rows) >> 1 : 0;
  const before = same ? Math.max(0, (across - 1) * stepAcross + wide - columns) >> 1 : 0;
  return Array.from({length: down * across}, (_, place) => {
    const y = Math.floor(place / across) * stepDown - above, x = (place % across) * stepAcross - before;
    const top = Math.max(y, 0), left = Math.max(x, 0);
    return {
      top, bottom: Math.min(y + high, rows), left, right: Math.min(x + wide, columns),
      skippedRows: top - y, skippedColumns: left - x,
    };
  });
}

function transpose(kernel, units, depth) {
  const weights = new Float32Array(kernel.length);
  for (let unit = 0; unit < units; unit++)
    for (let i = 0; i < depth; i++) weights[i * units + unit] = kernel[unit * depth + i];
  return weights;
}

function biasOf(inputs, tensors, units) {
  return inputs[2] >= 0 ? tensors[inputs[2]].values : new Float32Array(units);
}

/** Cuts values off below 0 (1: ReLU) and above 6 as well (3: ReLU6), in place. */
function activate(values, activation) {
  if (activation === 0) return values;
  if (activation !== 1 && activation !== 3) throw new Error(`activation ${activation} is not known`);
  const most = activation === 3 ? 6 : Infinity;
  for (let i = 0; i < values.length; i++)
    values[i] = values[i] > 0 ? Math.min(values[i], most) : 0;
  return values;
}

function requireLength(values, length) {
  if (values.length !== length) throw new Error("an image is not as the file says");
}
