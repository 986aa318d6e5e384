/**
 * Remembers what was found of pieces of a drawing for as long as each drawing has them: the pen
 * changes one stroke at a time, and what the others give stays the same.
 */
export class Memory {
  constructor() {
    this.now = this.before = new Map();
  }

  /** Goes on to the next drawing. */
  turn() {
    this.before = this.now;
    this.now = new Map();
  }

  /**
   * @param {string} what Is found of them.
   * @param {{name: string}[]} pieces By names that tell their points; their order is no matter.
   * @param {() => any} find Finds it where it is not remembered.
   */
  recall(what, pieces, find) {
    const name = [what, ...pieces.map((piece) => piece.name).toSorted()].join();
    const known = [this.now, this.before].find((one) => one.has(name));
    this.now.set(name, known ? known.get(name) : find());
    return this.now.get(name);
  }
}
