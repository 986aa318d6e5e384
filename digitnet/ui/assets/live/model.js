// A served model as it lies on the disk: a LiteRT file, which is a FlatBuffer. Only what the
// networks of this project are made of is read (schema: tensorflow/compiler/mlir/lite/schema).

const OPERATIONS = {
  0: "add", 1: "averagePool", 3: "convolve", 6: "dequantize", 9: "connect", 17: "maxPool",
  18: "multiply", 19: "relu", 22: "reshape", 25: "softmax", 41: "subtract",
  // What follows computes the shapes of reshapings, which the file's tensors state already.
  2: "shape", 36: "shape", 45: "shape", 77: "shape", 81: "shape", 83: "shape",
};
const FLOAT32 = 0, FLOAT16 = 1;

/** A table of a FlatBuffer: fields by their number in the schema. */
class Table {
  constructor(view, at) {
    this.view = view;
    this.at = at;
    this.fields = at - view.getInt32(at, true);
  }

  /** Where a field lies; 0 where it is left out, as it is when it has its default value. */
  place(field) {
    const entry = 4 + 2 * field;
    if (entry >= this.view.getUint16(this.fields, true)) return 0;
    const offset = this.view.getUint16(this.fields + entry, true);
    return offset && this.at + offset;
  }

  byte(field, absent = 0) {
    const place = this.place(field);
    return place ? this.view.getInt8(place) : absent;
  }

  int(field, absent = 0) {
    const place = this.place(field);
    return place ? this.view.getInt32(place, true) : absent;
  }

  table(field) {
    const place = this.place(field);
    return place ? new Table(this.view, place + this.view.getUint32(place, true)) : null;
  }

  /** Where a vector's first element lies, and how many there are. */
  vector(field) {
    const place = this.place(field);
    if (!place) return {start: 0, length: 0};
    const at = place + this.view.getUint32(place, true);
    return {start: at + 4, length: this.view.getUint32(at, true)};
  }

  ints(field) {
    const {start, length} = this.vector(field);
    return Array.from({length}, (_, i) => this.view.getInt32(start + 4 * i, true));
  }

  tables(field) {
    const {start, length} = this.vector(field);
    return Array.from({length}, (_, i) => {
      const at = start + 4 * i;
      return new Table(this.view, at + this.view.getUint32(at, true));
    });
  }
}

/**
 * Reads a LiteRT file.
 *
 * @param {ArrayBuffer} file
 * @returns {{input: number, output: number, tensors: object[], operations: object[]}} Each tensor's
 *   `shape` for one image, and its `values`, a Float32Array, where they are constant; each
 *   operation's `kind`, its tensors' numbers, `inputs` and `output`, and its `options`.
 * @throws Where the file is damaged, or holds what no network of this project does.
 */
export function readModel(file) {
  const view = new DataView(file);
  const model = new Table(view, view.getUint32(0, true));
  const [graph] = model.tables(2), buffers = model.tables(4);
  const codes = model.tables(1).map((code) => Math.max(code.byte(0), code.int(3)));
  const tensors = graph.tables(0).map((tensor) => ({
    shape: tensor.ints(0),
    values: readValues(view, tensor.byte(1), buffers[tensor.int(2)]),
  }));
  const operations = graph.tables(3).map((operation) => readOperation(operation, codes));
  for (const {kind, inputs, output} of operations)
    if (kind === "dequantize") tensors[output].values = tensors[inputs[0]].values;
  return {
    input: graph.ints(1)[0],
    output: graph.ints(2)[0],
    tensors,
    operations: operations.filter(({kind}) => kind !== "dequantize" && kind !== "shape"),
  };
}

function readValues(view, type, buffer) {
  const {start, length} = buffer.vector(0);
  if (!length) return null;
  if (type === FLOAT32) return new Float32Array(view.buffer.slice(start, start + length));
  if (type === FLOAT16) return widen(new Uint16Array(view.buffer.slice(start, start + length)));
  return null; // shapes
}

/** The values of half precision numbers (IEEE 754), which older browsers have no array of. */
function widen(halves) {
  return Float32Array.from(halves, (half) => WIDENED[half]);
}

const WIDENED = Float32Array.from({length: 65536}, (_, half) => {
  const sign = half & 0x8000 ? -1 : 1, exponent = (half >> 10) & 31, fraction = half & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : fraction * 2 ** -24);
});

function readOperation(operation, codes) {
  const code = codes[operation.int(0)], kind = OPERATIONS[code];
  if (!kind) throw new Error(`operation ${code} is not known`);
  const options = operation.table(4);
  return {
    kind, inputs: operation.ints(1), output: operation.ints(2)[0],
    options: READERS[kind]?.(options) ?? {activation: 0},
  };
}

const READERS = {
  convolve: (table) => ({
    same: table.byte(0) === 0, stride: [table.int(2), table.int(1)], activation: table.byte(3),
    dilation: [table.int(5, 1), table.int(4, 1)],
  }),
  averagePool: readPool,
  maxPool: readPool,
  connect: readActivation,
  add: readActivation,
  multiply: readActivation,
  subtract: readActivation,
};

function readPool(table) {
  return {
    same: table.byte(0) === 0, stride: [table.int(2), table.int(1)],
    window: [table.int(4), table.int(3)], activation: table.byte(5),
  };
}

function readActivation(table) {
  return {activation: table?.byte(0) ?? 0};
}
