// The data of one state machine: its registers, FIFOs and settings, and the instructions that move words and bits.
import { Fifo } from "./fifo.mjs";
import * as i from "./instruction.mjs";

const { Instruction, field, rotate } = i;

// SHIFTCTRL
const AUTOPUSH = 1 << 16;
const AUTOPULL = 1 << 17;
const IN_RIGHT = 1 << 18;
const OUT_RIGHT = 1 << 19;
// EXECCTRL
const INLINE_OUT_EN = 1 << 18;
const OUT_STICKY = 1 << 17;
const STATUS_RX = 1 << 4;

/** Why a machine sleeps */
export const AWAKE = 0;
export const FOR_FIFO = 1;
export const FOR_IRQ = 2;
export const FOR_PINS = 3;

export class Datapath {
  constructor(block, index) {
    this.block = block;
    this.pins = block.pins;
    this.index = index;
    this.tx = new Fifo();
    this.rx = new Fifo();
    this.x = 0; // all registers as signed numbers
    this.y = 0;
    this.isr = 0;
    this.osr = 0;
    this.isrCount = 0;
    this.osrCount = 32;
    this.pc = 0;
    this.jumped = false;
    this.started = false; // the program's instruction has stalled: its first cycle is over
    this.latch = null; // an instruction that comes before the program's: from OUT EXEC, MOV EXEC or SMx_INSTR
    this.latchStarted = false;
    this.isForced = false; // the latched one is from SMx_INSTR
    this.heldMask = 0; // OUT_STICKY: pins that are asserted again at each cycle
    this.heldValue = 0;
    this.asleep = AWAKE;
    this.delay = 0; // of the instruction executed last, in ticks
    this.code = new Array(32).fill(null); // decoded
    this.executed = new Map(); // of EXEC, decoded
    this.execctrl = 0x1f << 12;
    this.shiftctrl = 3 << 18;
    this.pinctrl = 5 << 26;
  }

  /** Take over EXECCTRL, SHIFTCTRL and PINCTRL. */
  configure() {
    const { execctrl, shiftctrl, pinctrl } = this;
    this.wrapTop = (execctrl >>> 12) & 0x1f;
    this.wrapBottom = (execctrl >>> 7) & 0x1f;
    this.jumpPin = 1 << ((execctrl >>> 24) & 0x1f);
    this.pushAt = (shiftctrl >>> 20) & 0x1f || 32;
    this.pullAt = (shiftctrl >>> 25) & 0x1f || 32;
    this.autopush = (shiftctrl & AUTOPUSH) !== 0;
    this.autopull = (shiftctrl & AUTOPULL) !== 0;
    this.inBase = (pinctrl >>> 15) & 0x1f;
    this.outBase = pinctrl & 0x1f;
    this.outMask = field(this.outBase, (pinctrl >>> 20) & 0x3f);
    this.setBase = (pinctrl >>> 5) & 0x1f;
    this.setMask = field(this.setBase, (pinctrl >>> 26) & 7);
    if (!(execctrl & OUT_STICKY)) this.heldMask = 0;
    this.forget();
  }

  /** The program, or what its instructions mean, has changed. */
  forget() {
    this.code.fill(null);
    this.executed.clear();
    if (this.latch !== null) this.latch = new Instruction(this.latch.opcode, this);
  }

  instruction(address) {
    return (this.code[address] ??= new Instruction(this.block.memory[address], this));
  }

  #decoded(opcode) {
    let instruction = this.executed.get(opcode);
    if (instruction === undefined) this.executed.set(opcode, (instruction = new Instruction(opcode, this)));
    return instruction;
  }

  in({ what, count }, started, cycle) {
    if (!started) {
      const value = this.#source(what, cycle);
      if (count === 32) this.isr = value;
      else if (this.shiftctrl & IN_RIGHT) this.isr = (this.isr >>> count) | (value << (32 - count));
      else this.isr = (this.isr << count) | (value & ((1 << count) - 1));
      this.isrCount = Math.min(this.isrCount + count, 32);
    }
    return !this.autopush || this.isrCount < this.pushAt || this.#pushed();
  }

  #pushed() {
    if (this.rx.full) {
      this.block.rxStalled(this);
      this.asleep = FOR_FIFO;
      return false;
    }
    this.rx.push(this.isr);
    this.block.rxChanged(this);
    this.isr = 0;
    this.isrCount = 0;
    return true;
  }

  push({ conditional, block }) {
    if (conditional && this.isrCount < this.pushAt) return true;
    if (block || !this.rx.full) return this.#pushed();
    this.block.rxStalled(this);
    this.isr = 0;
    this.isrCount = 0;
    return true;
  }

  out({ what, count }) {
    const { osr } = this;
    if (this.autopull && this.osrCount >= this.pullAt) {
      // A word that comes now can be shifted only at the next tick.
      if (this.refill()) return false;
      this.block.txStalled(this);
      this.asleep = FOR_FIFO;
      return false;
    }
    let value = osr;
    if (count === 32) {
      this.osr = 0;
    } else if (this.shiftctrl & OUT_RIGHT) {
      value = osr & ((1 << count) - 1);
      this.osr = osr >>> count;
    } else {
      value = osr >>> (32 - count);
      this.osr = osr << count;
    }
    this.osrCount = Math.min(this.osrCount + count, 32);
    if (this.autopull) this.refill();
    if (what === i.PINDIRS) this.#writeDirections(this.outMask, rotate(value, this.outBase));
    else if (what === i.OUT_EXEC) this.#exec(value);
    else this.#store(what, value, count);
    return true;
  }

  /** Autopull, where one is due and there is a word; returns whether the OSR was filled. */
  refill() {
    if (this.osrCount < this.pullAt || this.tx.empty) return false;
    this.osr = this.tx.pull() | 0;
    this.osrCount = 0;
    this.block.txChanged(this);
    return true;
  }

  pull({ conditional, block }) {
    if (conditional && this.osrCount < this.pullAt) return true;
    if (this.autopull && this.osrCount === 0) return true; // a barrier: nothing to do where autopull was first
    if (!this.tx.empty) {
      this.osr = this.tx.pull() | 0;
      this.block.txChanged(this);
    } else if (block) {
      this.block.txStalled(this);
      this.asleep = FOR_FIFO;
      return false;
    } else {
      this.osr = this.x;
    }
    this.osrCount = 0;
    return true;
  }

  move({ what, source, operation }, cycle) {
    let value = source === i.STATUS ? this.#status() : this.#source(source, cycle);
    if (operation === 1) value = ~value;
    else if (operation === 2) value = reverse(value);
    if (what === i.MOV_EXEC) {
      this.#exec(value);
    } else if (what === i.OSR) {
      this.osr = value;
      this.osrCount = 0;
    } else {
      this.#store(what, value, 0);
    }
  }

  jump(address) {
    this.pc = address & 0x1f;
    this.jumped = true;
  }

  set(what, data) {
    if (what === i.PINS) this.#writePins(this.setMask, rotate(data, this.setBase));
    else if (what === i.PINDIRS) this.#writeDirections(this.setMask, rotate(data, this.setBase));
    else if (what === i.X) this.x = data;
    else if (what === i.Y) this.y = data;
  }

  #source(what, cycle) {
    switch (what) {
      case i.PINS:
        return rotate(this.pins.input(cycle, this.block.bypass), (32 - this.inBase) & 0x1f);
      case i.X:
        return this.x;
      case i.Y:
        return this.y;
      case i.ISR:
        return this.isr;
      case i.OSR:
        return this.osr;
      default:
        return 0;
    }
  }

  #status() {
    const fifo = this.execctrl & STATUS_RX ? this.rx : this.tx;
    return fifo.level < (this.execctrl & 0xf) ? -1 : 0;
  }

  /** The destinations that OUT and MOV have in common; count: of bits, which OUT ISR keeps. */
  #store(what, value, count) {
    switch (what) {
      case i.PINS:
        this.#outPins(value);
        break;
      case i.X:
        this.x = value | 0;
        break;
      case i.Y:
        this.y = value | 0;
        break;
      case i.PC:
        this.jump(value);
        break;
      case i.ISR:
        this.isr = value | 0;
        this.isrCount = count;
        break;
    }
  }

  #exec(value) {
    this.latch = this.#decoded(value & 0xffff);
    this.latchStarted = false;
    this.isForced = false;
  }

  /** OUT PINS and MOV PINS: with INLINE_OUT_EN a bit of the data says whether they write. */
  #outPins(value) {
    if (this.execctrl & INLINE_OUT_EN && !((value >>> ((this.execctrl >>> 19) & 0x1f)) & 1)) {
      this.heldMask = 0;
      return;
    }
    this.#writePins(this.outMask, rotate(value, this.outBase));
  }

  #writePins(mask, value) {
    const { block } = this;
    block.values = (block.values & ~mask) | (value & mask);
    if (this.execctrl & OUT_STICKY) {
      this.heldMask = mask;
      this.heldValue = value & mask;
    }
  }

  #writeDirections(mask, value) {
    const { block } = this;
    block.directions = (block.directions & ~mask) | (value & mask);
  }
}

function reverse(x) {
  x = ((x & 0x55555555) << 1) | ((x >>> 1) & 0x55555555);
  x = ((x & 0x33333333) << 2) | ((x >>> 2) & 0x33333333);
  x = ((x & 0x0f0f0f0f) << 4) | ((x >>> 4) & 0x0f0f0f0f);
  x = ((x & 0x00ff00ff) << 8) | ((x >>> 8) & 0x00ff00ff);
  return (x << 16) | (x >>> 16);
}
