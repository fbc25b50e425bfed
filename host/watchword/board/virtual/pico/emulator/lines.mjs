// What the board has said, line by line, with the time at which each has left it.

export const MOST = 1000; // lines that are kept

export class Lines {
  #kept = [];
  #lost = 0;
  #part = ""; // of a line that has not ended

  /** Bytes have left the board. */
  note(bytes, nanos) {
    const [first, ...others] = bytes.toString("latin1").split("\n");
    this.#part += first;
    for (const next of others) {
      if (this.#kept.length < MOST) this.#kept.push([nanos / 1e9, this.#part]);
      else this.#lost++;
      this.#part = next;
    }
  }

  /** {lines: [[seconds, text], ...], lost: how many more there were} since this was called last. */
  take() {
    const taken = { lines: this.#kept, lost: this.#lost };
    this.#kept = [];
    this.#lost = 0;
    return taken;
  }
}
