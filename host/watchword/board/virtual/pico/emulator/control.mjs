// The control channel: what no cable reaches. One JSON object a line, each answered by one line.
//
//   {"do": "counters"}            cycles, nanos, resets, flash {erased, programmed, nanos}, xip {hits, misses} or null
//   {"do": "reset"}               as the reset button
//   {"do": "cut", "after": N}     power goes after N cycles more, whatever the board does then; the process ends with status 3
//   {"do": "adc", "file": WAV}    sound at ADC channel 0, from now on
import { createInterface } from "node:readline";

import { readWav } from "./wav.mjs";

export class Control {
  /** wake: called after each command, since the board may be waiting. */
  constructor(pico, socket, wake) {
    this.pico = pico;
    createInterface({ input: socket }).on("line", (line) => {
      socket.write(JSON.stringify(this.#answer(line)) + "\n");
      wake();
    });
  }

  #answer(line) {
    try {
      const command = JSON.parse(line);
      if (!Object.hasOwn(COMMANDS, command.do)) throw new Error(`unknown command; known: ${Object.keys(COMMANDS).join(", ")}`);
      return COMMANDS[command.do](this.pico, command) ?? {};
    } catch (error) {
      return { error: error.message };
    }
  }
}

const COMMANDS = {
  counters({ cycles, nanos, resets, flash, xip }) {
    return {
      cycles,
      nanos: Math.round(nanos),
      resets,
      flash: { erased: flash.erased, programmed: flash.programmed, nanos: Math.round(flash.nanos) },
      xip: xip && { hits: xip.hits, misses: xip.misses },
    };
  },
  reset(pico) {
    pico.reset();
  },
  cut(pico, { after }) {
    if (!Number.isInteger(after) || after < 0) throw new Error("after: a number of cycles is expected");
    pico.cutAt = pico.cycles + after;
  },
  adc(pico, { file }) {
    pico.listenTo(readWav(file));
  },
};
