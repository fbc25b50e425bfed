const WORDS = 8; // of a pair: a machine's two FIFOs may be joined to one

/** One of a state machine's two FIFOs; depth: 4, 8 where it has the other's storage, 0 where the other has its own. */
export class Fifo {
  constructor() {
    this.words = new Uint32Array(WORDS);
    this.first = 0;
    this.level = 0;
    this.depth = 4;
  }

  // A FIFO of no depth is both.
  get full() {
    return this.level === this.depth;
  }

  get empty() {
    return this.level === 0;
  }

  push(word) {
    this.words[(this.first + this.level) % WORDS] = word;
    this.level++;
  }

  pull() {
    const word = this.words[this.first];
    this.first = (this.first + 1) % WORDS;
    this.level--;
    return word;
  }

  clear(depth) {
    this.level = 0;
    this.depth = depth;
  }
}
