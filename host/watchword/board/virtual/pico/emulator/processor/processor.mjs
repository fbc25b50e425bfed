// The processor: it runs what only computes by itself, much faster than rp2040js's core, and leaves the rest to that.
import { setFlagsFromString } from "node:v8";

import { Interpreter } from "./interpreter.mjs";
import { LONGEST } from "./instructions.mjs";
import { DIVIDED, FLASH, GRANULE_BITS, PENDING, RAM, SharedMemory, TOUCHES, offsetOf } from "./memory.mjs";
import { DIVIDER_CYCLES } from "./sio.mjs";
import { Translator } from "./translator/translator.mjs";

// V8's second compiler for WebAssembly takes longer than it saves, but for what runs for minutes.
setFlagsFromString("--wasm-tiering-budget=50000000");

export class Processor {
  /** shared: the SharedMemory of the chip. cache: an XipCache, or null. hot: see Interpreter. */
  constructor(shared, { cache = null, hot } = {}) {
    this.shared = shared;
    this.cache = cache;
    this.translated = 0; // cycles, so far
    this.interpreted = 0;
    this.translator = new Translator(shared, {
      cache,
      hasRun: (pc) => this.#hasRun(pc),
      onDrop: (entries) => entries.forEach((i) => (this.interpreter.heat[i] = 0)),
    });
    this.interpreter = new Interpreter(shared, {
      translate: (pc) => this.translator.ask(pc, this.cycles),
      readSio: this.translator.readSio,
      writeSio: this.translator.writeSio,
      cache,
      hot,
    });
    /** A budget below this is not worth a run: an instruction may take as much. */
    this.longest = LONGEST;
  }

  get cycles() {
    return this.translated + this.interpreted;
  }

  #hasRun(pc) {
    const at = offsetOf(pc);
    return at >= 0 && (this.interpreter.heat[at >> 1] !== 0 || this.shared.entries[at >> 1] !== 0);
  }

  /** Take a chip of rp2040js, as after power-on, whose memory is `shared`; divider: its Divider. */
  plugInto(chip, divider) {
    this.divider = divider;
    this.translator.pieces.ramChanged(0, RAM.size);
    this.translator.sio = chip.sio;
    this.#watchStores(chip);
  }

  /** Whatever stores in RAM beside translated code and the interpreter, which stop before it, may change code: DMA, or the slow way. */
  #watchStores(chip) {
    const { code } = this.shared;
    const { pieces } = this.translator;
    for (const [name, size] of [["writeUint8", 1], ["writeUint16", 2], ["writeUint32", 4]]) {
      const write = chip[name].bind(chip);
      chip[name] = (address, value) => {
        write(address, value);
        const offset = (address - RAM.start) >>> 0;
        if (offset >= RAM.size) return;
        if (code[offset >> GRANULE_BITS] !== 0 || code[(offset + size - 1) >> GRANULE_BITS]) pieces.ramChanged(offset, size);
      };
    }
  }

  flashChanged(offset, size) {
    this.translator.pieces.flashChanged(offset, Math.min(size, FLASH.size - offset));
  }

  /**
   * Run a chip's core, which no interrupt may interrupt now, for up to `budget` cycles, in which nothing happens outside; returns how
   * many it was. It may stop early, before an instruction that is rp2040js's.
   */
  run(core, budget) {
    const { state } = this.shared;
    const { divider } = this;
    const others = core.pendingNMI || core.pendingSVCall || core.pendingPendSV || core.pendingSystick;
    state[PENDING] = (core.pendingInterrupts & core.enabledInterrupts) !== 0 || others ? 1 : 0;
    state[DIVIDED] = budget + Math.min(core.cycles - divider.started, DIVIDER_CYCLES + 1);
    this.translator.work(this.cycles);
    const cycles = this.#run(budget);
    divider.started = core.cycles + budget - state[DIVIDED];
    core.cycles += cycles;
    if (this.cache !== null) {
      this.cache.hits += state[TOUCHES];
      state[TOUCHES] = 0;
    }
    return cycles;
  }

  #run(budget) {
    const { interpreter, translator } = this;
    let left = budget;
    this.shared.state[15] &= ~1; // rp2040js takes an interrupt's address with the lowest bit of its vector
    for (;;) {
      const before = left;
      left = translator.run(left);
      const inside = left < 0; // a piece has stopped there
      if (inside) left = ~left;
      const between = left;
      this.translated += before - between;
      left = interpreter.run(left, inside);
      this.interpreted += between - left;
      if (interpreter.stopped || interpreter.exhausted) return budget - left;
    }
  }

  /** How much was run in which way, for whoever wonders where time goes. */
  statistics() {
    const { translated, interpreted, translator } = this;
    return { translated, interpreted, ...translator.made, dropped: translator.pieces.dropped };
  }
}
