// How one state machine executes: stalls, jumps, flags, side-set, and instructions from elsewhere. machine.mjs says when.
import { AWAKE, Datapath, FOR_IRQ, FOR_PINS } from "./datapath.mjs";
import * as i from "./instruction.mjs";

const SIDE_PINDIR = 1 << 29; // EXECCTRL

export class Execution extends Datapath {
  /** SM_RESTART */
  restart() {
    this.isrCount = 0;
    this.osrCount = 32; // empty
    this.isr = 0;
    this.delay = 0;
    this.started = false;
    this.latch = null;
    this.heldMask = 0;
  }

  /** SMx_INSTR, between freeze and thaw: at once, in addition to what the machine did in this cycle, whatever its clock. */
  force(opcode, cycle) {
    this.latch = new i.Instruction(opcode, this);
    this.latchStarted = false;
    this.isForced = true;
    this.delay = 0;
    this.execute(cycle);
  }

  /** One cycle of an instruction; sets `delay`, and `asleep` if it stalls. */
  execute(cycle) {
    const { latch } = this;
    const isLatched = latch !== null;
    const instruction = isLatched ? latch : (this.code[this.pc] ?? this.instruction(this.pc));
    const started = isLatched ? this.latchStarted : this.started;
    this.latch = null;
    this.jumped = false;
    this.asleep = AWAKE;
    const done = this.#perform(instruction, started, cycle);
    if (instruction.op !== i.OUT && this.autopull) this.refill();

    const { block } = this;
    if (this.heldMask !== 0) block.values = (block.values & ~this.heldMask) | this.heldValue;
    // Side-set comes with the first cycle, stall or not, and over what the instruction itself writes.
    if (!started && instruction.sideMask !== 0) {
      const { sideMask, sideValue } = instruction;
      if (this.execctrl & SIDE_PINDIR) block.directions = (block.directions & ~sideMask) | sideValue;
      else block.values = (block.values & ~sideMask) | sideValue;
    }

    if (!done) {
      this.latch = latch;
      if (isLatched) this.latchStarted = true;
      else this.started = true;
      return;
    }
    this.delay = instruction.isExec ? 0 : instruction.delay;
    if (isLatched) {
      if (this.jumped) this.started = false;
      return;
    }
    this.started = false;
    if (!this.jumped) this.pc = this.pc === this.wrapTop ? this.wrapBottom : (this.pc + 1) & 0x1f;
  }

  /** Returns false for a stall. */
  #perform(instruction, started, cycle) {
    switch (instruction.op) {
      case i.JMP:
        if (this.#condition(instruction.what, cycle)) this.jump(instruction.low);
        return true;
      case i.WAIT:
        return this.#wait(instruction, cycle);
      case i.IN:
        return this.in(instruction, started, cycle);
      case i.OUT:
        return this.out(instruction);
      case i.PUSH:
        return this.push(instruction);
      case i.PULL:
        return this.pull(instruction);
      case i.MOV:
        this.move(instruction, cycle);
        return true;
      case i.IRQ:
        return this.#irq(instruction, started);
      default:
        this.set(instruction.what, instruction.low);
        return true;
    }
  }

  #condition(what, cycle) {
    switch (what) {
      case 0:
        return true;
      case 1:
        return this.x === 0;
      case 2: {
        const { x } = this;
        this.x = (x - 1) | 0;
        return x !== 0;
      }
      case 3:
        return this.y === 0;
      case 4: {
        const { y } = this;
        this.y = (y - 1) | 0;
        return y !== 0;
      }
      case 5:
        return this.x !== this.y;
      case 6:
        return (this.pins.input(cycle, this.block.bypass) & this.jumpPin) !== 0;
      default:
        return this.osrCount < this.pullAt;
    }
  }

  #wait({ source, mask, polarity }, cycle) {
    const { block } = this;
    if (source === i.WAIT_IRQ) {
      if (((block.flags & mask) !== 0) === (polarity !== 0)) {
        if (polarity) block.clearFlags |= mask;
        return true;
      }
      this.asleep = FOR_IRQ;
      return false;
    }
    if (mask === 0) return true; // a source that is reserved
    if (((this.pins.input(cycle, block.bypass) & mask) !== 0) === (polarity !== 0)) return true;
    // A change may still be on its way through the synchronisers: then the next tick looks again.
    if (this.pins.settledAt(cycle)) {
      this.asleep = FOR_PINS;
      this.pins.isAwaited = true;
    }
    return false;
  }

  #irq({ mask, clear, block }, started) {
    if (clear) {
      this.block.clearFlags |= mask;
      return true;
    }
    if (!started) {
      this.block.setFlags |= mask;
      // Whether it has been lowered again is to be seen from the next tick on.
      return !block;
    }
    if (!block || (this.block.flags & mask) === 0) return true;
    this.asleep = FOR_IRQ;
    return false;
  }
}
