// One of the two blocks of programmable I/O: four state machines, their memory, flags, FIFOs and interrupts.
import { BasePeripheral } from "rp2040js";

import { FOR_IRQ, FOR_PINS } from "./datapath.mjs";
import { Machine } from "./machine.mjs";

const GPIO = 0x3fffffff;

// Bits of machine 0 in FDEBUG
const TXSTALL = 1 << 24;
const TXOVER = 1 << 16;
const RXUNDER = 1 << 8;
const RXSTALL = 1 << 0;

export class Block extends BasePeripheral {
  /** pio: the two blocks in time; interrupt: the number of the first of this block's two. */
  constructor(chip, pio, index, interrupt) {
    super(chip, `PIO${index}`);
    this.pio = pio;
    this.pins = pio.pins;
    this.index = index;
    this.interrupt = interrupt;
    this.memory = new Uint16Array(32);
    this.flags = 0; // IRQ
    this.setFlags = 0; // in this cycle; all machines see those of the one before
    this.clearFlags = 0;
    this.values = 0; // of outputs
    this.directions = 0;
    this.bypass = 0;
    this.fdebug = 0;
    this.enables = [0, 0];
    this.forces = [0, 0];
    this.isFifoChanged = false;
    this.event = Infinity; // the next cycle at which a machine has something to do
    this.assertAt = Infinity; // the next at which OUT_STICKY will change a pin
    this.machines = [0, 1, 2, 3].map((number) => new Machine(this, number));
    for (const machine of this.machines) {
      this.#requestTx(machine);
      this.#requestRx(machine);
    }
  }

  // ---- what rp2040js's pins ask for

  get pinValues() {
    this.pio.sync();
    return this.values;
  }

  get pinDirections() {
    this.pio.sync();
    return this.directions;
  }

  // ---- time

  /** All that is due at `cycle`, in the machines' order, so that the highest-numbered writes pins last. */
  step(cycle) {
    const { machines, values, directions } = this;
    const isSticky = (machines[0].heldMask | machines[1].heldMask | machines[2].heldMask | machines[3].heldMask) !== 0;
    for (let n = 0; n < 4; n++) {
      const machine = machines[n];
      if (machine.event === cycle) machine.step(cycle);
      else if (isSticky) this.#assert(machine);
    }
    this.settle(cycle);
    return ((this.values ^ values) | (this.directions ^ directions)) !== 0;
  }

  #assert({ heldMask, heldValue }) {
    this.values = (this.values & ~heldMask) | (heldValue & heldMask);
  }

  /** The end of a cycle: flags change, and interrupts with them. */
  settle(cycle) {
    this.values &= GPIO;
    this.directions &= GPIO;
    if ((this.setFlags | this.clearFlags) !== 0) {
      const { flags } = this;
      this.flags = (flags & ~this.clearFlags) | this.setFlags;
      this.setFlags = this.clearFlags = 0;
      if (flags !== this.flags) this.flagsChanged(cycle);
    }
    if (this.isFifoChanged) {
      this.isFifoChanged = false;
      this.interruptsChanged();
    }
    this.#findEvent(cycle);
  }

  flagsChanged(cycle) {
    for (const machine of this.machines) if (machine.asleep === FOR_IRQ && machine.due === Infinity) machine.wake(cycle);
    this.interruptsChanged();
  }

  pinsChanged(cycle) {
    for (const machine of this.machines) if (machine.asleep === FOR_PINS && machine.due === Infinity) machine.wake(cycle);
    this.#findEvent(cycle);
  }

  #findEvent(cycle) {
    const [a, b, c, d] = this.machines;
    this.event = Math.min(a.event, b.event, c.event, d.event);
    if ((a.heldMask | b.heldMask | c.heldMask | d.heldMask) === 0) {
      this.assertAt = Infinity;
      return;
    }
    // Of pins that several hold the highest-numbered machine's are right.
    let { values } = this;
    for (const { heldMask, heldValue } of this.machines) values = (values & ~heldMask) | (heldValue & heldMask);
    this.assertAt = (values & GPIO) !== this.values ? cycle + 1 : Infinity;
    this.event = Math.min(this.event, this.assertAt);
  }

  // ---- FIFOs

  rxChanged(machine) {
    this.isFifoChanged = true;
    this.#requestRx(machine);
  }

  txChanged(machine) {
    this.isFifoChanged = true;
    this.#requestTx(machine);
  }

  txStalled(machine) {
    this.fdebug |= TXSTALL << machine.index;
  }

  rxStalled(machine) {
    this.fdebug |= RXSTALL << machine.index;
  }

  #requestTx({ index, tx }) {
    const { dma } = this.rp2040;
    if (tx.full) dma.clearDREQ(8 * this.index + index);
    else dma.setDREQ(8 * this.index + index);
  }

  #requestRx({ index, rx }) {
    const { dma } = this.rp2040;
    if (rx.empty) dma.clearDREQ(8 * this.index + 4 + index);
    else dma.setDREQ(8 * this.index + 4 + index);
  }

  send(machine, word) {
    if (machine.tx.full) {
      this.fdebug |= TXOVER << machine.index;
      return;
    }
    machine.tx.push(word);
    this.txChanged(machine);
    machine.wake(this.pio.cycle);
  }

  receive(machine) {
    const { rx, index } = machine;
    if (rx.empty) {
      this.fdebug |= RXUNDER << index;
      return rx.words[rx.first];
    }
    const word = rx.pull();
    this.rxChanged(machine);
    machine.wake(this.pio.cycle);
    return word;
  }

  // ---- interrupts

  get raw() {
    let raw = (this.flags & 0xf) << 8;
    for (const { index, tx, rx } of this.machines) raw |= (tx.full ? 0 : 0x10 << index) | (rx.empty ? 0 : 1 << index);
    return raw;
  }

  status(line) {
    return (this.raw & this.enables[line]) | this.forces[line];
  }

  interruptsChanged() {
    const { enables, forces } = this;
    if ((enables[0] | enables[1] | forces[0] | forces[1]) === 0) return;
    this.driveInterrupts();
  }

  driveInterrupts() {
    for (const line of [0, 1]) this.rp2040.setInterrupt(this.interrupt + line, this.status(line) !== 0);
  }
}
