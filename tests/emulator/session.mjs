// A board with MicroPython in this process, without a serial line in between: nothing depends on when something comes.
import fs from "node:fs";

import { boardOf, file } from "./board.mjs";

export class Session {
  /** options: of Pico. */
  constructor(options = {}) {
    this.pico = boardOf(file(fs.readFileSync(process.env.WATCHWORD_IMAGE)), options);
    this.output = "";
    this.pico.line.onData = (bytes) => (this.output += Buffer.from(bytes).toString("latin1"));
  }

  send(text) {
    this.pico.line.send(Buffer.from(text));
  }

  /** One slice; waiting takes no time of this machine's. */
  slice() {
    this.pico.idleNanos = 1e6;
    return this.pico.run(0);
  }

  /** Go on until the output has `pattern`, which is taken off, with all before it. */
  until(pattern, next = () => this.slice()) {
    for (const end = this.pico.nanos + 600e9; !pattern.test(this.output); next()) {
      if (this.pico.nanos > end || this.pico.stopped) throw new Error(`no ${pattern} in ${JSON.stringify(this.output.slice(-500))}`);
    }
    const match = this.output.match(pattern);
    this.output = this.output.slice(match.index + match[0].length);
    return match;
  }

  /** From power-on to the raw REPL. */
  boot() {
    while (this.pico.nanos < 1.5e9) this.slice();
    this.send(INTERRUPT);
    this.until(RAW_REPL);
  }

  /** Run Python; what it prints. */
  python(source) {
    this.send(`${source}\x04`);
    const [, printed, error] = this.until(RESULT);
    if (error) throw new Error(error);
    return printed.replaceAll("\r\n", "\n");
  }
}

export const INTERRUPT = "\r\x03\x01";
export const RAW_REPL = /raw REPL; CTRL-B to exit\r\n>/;
export const RESULT = /OK([^\x04]*)\x04([^\x04]*)\x04>/;
