// Random instructions with random registers, run by the interpreter, by translated code, and one by one by rp2040js's core, corrected:
// all that they leave must be the same.
import { boardOf, image, load } from "./board.mjs";
import { random } from "./random.mjs";

const { K, KIND } = await load("processor/instructions.mjs");
const { DIVIDED, FLASH, PENDING, RAM, TOUCHES } = await load("processor/memory.mjs");

const NAMES = Object.keys(K);
const IN_RAM = 0x20001000; // where the code stands
const IN_FLASH = 0x10001000;
const DATA = 0x20008000;
const ROOM = 256; // halfwords of code, and NOPs around it
const NOP = 0xbf00;

const SPECIAL = [0, 1, 2, 31, 32, 33, 255, 256, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0xfffffffe, 0x7ffffffe];
const SIO = [0x00, 0x60, 0x64, 0x68, 0x6c, 0x70, 0x74, 0x78, 0x100, 0x17c, 0x120, 0x80, 0x94, 0xa8, 0xc0, 0xe0, 0xf4];
const EDGES = [0x3ff0, 0x20041ff0, 0x20042000, 0x1ffffffc, 0x101ffff8, 0x20000000, 0x11000000, IN_RAM, IN_FLASH];

/** Left out: what changes modes or waits, what is unpredictable, and what would go far away. */
function isTried(op) {
  const kind = KIND[op];
  if ([K.OTHER, K.B, K.WFE, K.WFI, K.BKPT, K.SVC, K.SEV, K.YIELD, K.UNDEFINED].includes(kind)) return false;
  if (kind === K.B_C) return (op & 0xff) <= 6;
  if (kind === K.STM || kind === K.LDM) return (op & 255) !== 0;
  if (kind === K.PUSH || kind === K.POP) return (op & 511) !== 0;
  return kind !== K.WIDE;
}
/** Opcodes by kind, so that each kind comes as often. */
const TRIED = NAMES.map((_, kind) => [...KIND.keys()].filter((op) => KIND[op] === kind && isTried(op))).filter(({ length }) => length);
/** What random numbers would not hit: barriers, PRIMASK read, written, set and cleared. */
const RARE = [[0xf3bf, 0x8f5f], [0xf3bf, 0x8f4f], [0xf3bf, 0x8f6f], [0xf3ef, 0x8310], [0xf381, 0x8810], [0xb672], [0xb662]];

console.warn = () => {}; // rp2040js tells of each write to a register of the interpolators that can only be read

export class Sequences {
  /** modelXip: with the cache, and code in flash half of the time. */
  constructor({ seed, modelXip = false }) {
    this.below = random(seed);
    this.modelXip = modelXip;
    this.fast = boardOf(image(), { modelXip });
    this.slow = boardOf(image(), { modelXip, core: "corrected" });
    this.instructions = 0;
    this.reached = new Set(); // names of kinds
    const { translator } = this.fast.processor;
    translator.hasRun = () => true;
  }

  /** A register: a number, or an address of each kind, aligned or not. */
  #value() {
    const { below } = this;
    // Half of them plain, so that sequences get further than their first load.
    if (below(2)) return below(3) ? DATA + 4 * below(1024) : 4 * below(16);
    switch (below(8)) {
      case 0:
        return SPECIAL[below(SPECIAL.length)];
      case 1:
        return below(2 ** 32);
      case 2:
        return below(64);
      case 3:
        return FLASH.start + below(FLASH.size);
      case 4:
        return FLASH.start + 4 * below(0x8000);
      case 5:
        return 0xd0000000 + SIO[below(SIO.length)];
      case 6:
        return EDGES[below(EDGES.length)] + below(16);
    }
    return DATA + 4 * below(1024);
  }

  /** Compare one sequence, run in both ways; throws an Error that says what differs. */
  round() {
    const { below } = this;
    const code = [];
    for (let i = 1 + below(12); i > 0; i--) {
      const opcodes = TRIED[below(TRIED.length)];
      if (below(12)) code.push(opcodes[below(opcodes.length)]);
      else code.push(...RARE[below(RARE.length)]);
    }
    const start = {
      pc: this.modelXip && below(2) ? IN_FLASH + 2 * below(4) : IN_RAM,
      registers: Array.from({ length: 15 }, () => this.#value()),
      flags: below(32),
      data: Array.from({ length: 64 }, () => (below(3) ? below(2 ** 32) : this.#value())),
    };
    start.registers[13] &= ~3;
    for (const how of [this.#interpret, this.#translate]) {
      this.#prepare(this.fast, code, start);
      const { longest, interpreter } = this.fast.processor;
      const budget = longest + below(interpreter.longest + 60);
      const left = how.call(this, budget, start.pc);
      const cycles = budget - left;
      this.#settle(cycles);
      this.#prepare(this.slow, code, start);
      const { chip, xip } = this.slow;
      while (chip.core.cycles < cycles) {
        this.reached.add(NAMES[kindAt(chip)]);
        chip.core.executeInstruction();
        if (xip) chip.core.cycles += xip.take();
        this.instructions++;
      }
      this.#compare(code, start, `${how.name}, ${cycles} cycles`);
    }
  }

  #interpret(budget) {
    return this.fast.processor.interpreter.run(budget, true);
  }

  #translate(budget, pc) {
    const { translator } = this.fast.processor;
    translator.translate([pc]);
    const left = translator.run(budget);
    return left < 0 ? ~left : left;
  }

  #prepare({ chip, shared, processor, flash, xip, divider }, code, { pc, registers, flags, data }) {
    const { core, sio } = chip;
    if (processor) {
      processor.translator.pieces.ramChanged(0, RAM.size);
      processor.translator.pieces.flashChanged(0, FLASH.size);
      processor.interpreter.heat.fill(0, 0, 0);
      shared.state[PENDING] = shared.state[TOUCHES] = 0;
      shared.state[DIVIDED] = 1e6; // long ago
    }
    const memory = pc >>> 28 === 1 ? flash.content : chip.sram;
    const view = new DataView(memory.buffer, memory.byteOffset);
    const from = pc & 0xfffff;
    for (let i = -32; i < ROOM; i++) view.setUint16(from + 2 * i, NOP, true);
    code.forEach((op, i) => view.setUint16(from + 2 * i, op, true));
    const there = DATA - RAM.start;
    chip.sram.fill(0, there, there + 8192);
    data.forEach((word, i) => chip.sramView.setUint32(there + 4 * i * 16, word, true));
    registers.forEach((word, i) => (core.registers[i] = word));
    core.registers[15] = pc;
    [core.N, core.Z, core.C, core.V, core.PM] = [1, 2, 4, 8, 16].map((bit) => (flags & bit) !== 0);
    Object.assign(core, { cycles: 0, interruptsUpdated: false, waiting: false, pendingInterrupts: 0, IPSR: 0, currentMode: 0 });
    divider.started = -Infinity;
    Object.assign(sio, { spinLock: 0, divDividend: 100, divDivisor: 7, divQuotient: 0, divRemainder: 0, divCSR: 1 });
    for (const interp of [sio.interp0, sio.interp1]) {
      Object.assign(interp, { accum0: 0, accum1: 0, base0: 0, base1: 0, base2: 0, ctrl0: 0, ctrl1: 0 });
      interp.update();
    }
    if (xip) {
      xip.tags.fill(-1);
      Object.assign(xip, { hits: 0, misses: 0, stalled: 0 });
    }
  }

  /** What Processor.run does behind a run. */
  #settle(cycles) {
    const { chip, shared, xip } = this.fast;
    chip.core.cycles = cycles;
    if (!xip) return;
    xip.hits += shared.state[TOUCHES] + xip.stalled / xip.cyclesPerMiss;
    xip.misses -= xip.stalled / xip.cyclesPerMiss;
  }

  #compare(code, start, how) {
    const [a, b] = [this.fast, this.slow].map(stateOf);
    const name = Object.keys(a).find((key) => String(a[key]) !== String(b[key]));
    const ram = Buffer.compare(this.fast.chip.sram, this.slow.chip.sram) === 0;
    if (name === undefined && ram) return;
    const hex = (list) => list.map((word) => (word >>> 0).toString(16)).join(" ");
    throw new Error(
      `${name ?? "RAM"} differs, ${how}: ${a[name]}, and ${b[name]} one by one\n` +
        `${code.map((op) => `${op.toString(16)} ${NAMES[KIND[op]]}`).join(", ")}\n` +
        `from ${hex(start.registers)}, flags ${start.flags.toString(2)}, at ${start.pc.toString(16)}`,
    );
  }
}

/** The kind of the next instruction, without asking the cache. */
function kindAt({ core, flashView, sramView }) {
  const pc = core.PC & ~1;
  const inFlash = pc >>> 28 === 1;
  return KIND[(inFlash ? flashView : sramView).getUint16(pc & (inFlash ? FLASH.size - 1 : 0xfffff), true)];
}

function stateOf({ chip: { core, sio }, xip }) {
  return {
    registers: [...core.registers.slice(0, 15), core.registers[15] & ~1],
    flags: [core.N, core.Z, core.C, core.V, core.PM],
    divider: [sio.divDividend, sio.divDivisor, sio.divQuotient, sio.divRemainder, sio.divCSR].map((word) => word >>> 0),
    spinlocks: sio.spinLock >>> 0,
    interpolators: JSON.stringify([sio.interp0, sio.interp1]),
    cycles: core.cycles,
    misses: xip?.misses,
    hits: xip?.hits,
  };
}

/** Kinds that ought to be reached, given enough rounds. */
export const EXPECTED = new Set(TRIED.map(([op]) => NAMES[KIND[op]]).concat("WIDE"));
