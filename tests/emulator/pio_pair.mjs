// The emulator's programmable I/O and the model of the data sheet beside each other: all is done to both, and compared.
import assert from "node:assert/strict";

import { load } from "./board.mjs";
import { Model } from "./pio_model.mjs";
import { random } from "./random.mjs";

const { RP2040 } = await load("node_modules/rp2040js/dist/esm/index.js");
const { Pio } = await load("pio/pio.mjs");

const PIO = [0x50200000, 0x50300000];
const DMA = 0x50000000;
const SIO = 0xd0000000;
export const RAM = 0x20000000;
const CYCLE = 8; // nanoseconds

/** What random programs are made of. */
export function randomOf(seed) {
  const below = random(seed);
  return {
    word: () => below(2 ** 32),
    below,
    chance: (percent) => below(100) < percent,
    of: (...choices) => choices[below(choices.length)],
  };
}

/** A chip with nothing but power, and the emulator's programmable I/O in it. */
export function chipWithPio() {
  const chip = new RP2040();
  chip.logger = { debug() {}, info() {}, warn() {}, error() {} };
  return { chip, pio: new Pio(chip) };
}

export class Pair {
  constructor() {
    const { chip, pio } = chipWithPio();
    this.chip = chip;
    this.pio = pio;
    this.model = new Model();
    this.cycle = 0;
    // What happened, in the order of time: changes on pads, by the times that a device is told, and of interrupt lines, by the clock.
    this.seen = { pads: [], lines: [] };
    this.expected = { pads: [], lines: [] };
    pio.pins.attach({ pinsChanged: (pad, changed, cycle) => this.seen.pads.push([pad, cycle]) }, 0x3fffffff, 0);
    this.model.onPad = (pad, cycle) => this.expected.pads.push([pad, cycle]);
    const lines = [false, false, false, false];
    const set = chip.setInterrupt.bind(chip);
    chip.setInterrupt = (irq, level) => {
      set(irq, level);
      if (irq < 7 || irq > 10 || lines[irq - 7] === level) return;
      lines[irq - 7] = level;
      this.seen.lines.push([irq - 7, level, this.clockCycle]);
    };
    this.model.onLine = (line, level, cycle) => this.expected.lines.push([line, level, cycle]);
  }

  get clockCycle() {
    return Math.round(this.chip.clock.nanos / CYCLE);
  }

  /** Let cycles pass. */
  pass(cycles) {
    this.cycle += cycles;
    this.chip.clock.tick(this.cycle * CYCLE - this.chip.clock.nanos);
    while (this.model.now < this.cycle) this.model.cycle();
  }

  #done() {
    this.model.settle();
    this.model.transfer();
    this.chip.clock.tick(0);
  }

  write(block, offset, value) {
    this.chip.writeUint32(PIO[block] + offset, value >>> 0);
    this.model.blocks[block].write(offset, value);
    this.#done();
  }

  read(block, offset) {
    return this.chip.readUint32(PIO[block] + offset) >>> 0;
  }

  receive(block, machine) {
    const expected = this.model.blocks[block].receive(machine);
    const word = this.read(block, 0x20 + 4 * machine);
    if (expected !== null) assert.equal(word, expected, "RXF");
    this.#done();
  }

  /** GPIOn_CTRL and the pad's register. */
  pin(n, ctrl, pad) {
    this.chip.writeUint32(0x40014004 + 8 * n, ctrl >>> 0);
    this.model.pads[n].ctrl = ctrl >>> 0;
    this.#done();
    this.chip.writeUint32(0x4001c004 + 4 * n, pad);
    const bit = (at) => ((pad >>> at) & 1) === 1;
    Object.assign(this.model.pads[n], { inputEnable: bit(6), outputDisable: bit(7), up: bit(3), down: bit(2) });
    this.#done();
  }

  drive(n, level) {
    this.chip.gpio[n].setInputValue(level === 1);
    this.model.outside[n] = level;
    this.#done();
  }

  sio(out, enable) {
    this.chip.writeUint32(SIO + 0x10, out >>> 0);
    this.model.sioOut = out >>> 0;
    this.#done();
    this.chip.writeUint32(SIO + 0x20, enable >>> 0);
    this.model.sioEnable = enable >>> 0;
    this.#done();
  }

  /** A channel of DMA between a FIFO and a ring of 2^bits bytes in RAM. */
  dma(channel, block, machine, toMemory, bits, count) {
    const words = 2 ** bits / 4;
    const ring = RAM + 0x1000 * (channel + 1);
    const start = Array.from({ length: words }, (_, n) => (toMemory ? 0 : Math.imul(n + channel + 1, 0x9e3779b1) >>> 0));
    start.forEach((word, n) => this.chip.writeUint32(ring + 4 * n, word));
    const fifo = PIO[block] + (toMemory ? 0x20 : 0x10) + 4 * machine;
    const at = DMA + 0x40 * channel;
    this.chip.writeUint32(at, toMemory ? fifo : ring);
    this.chip.writeUint32(at + 4, toMemory ? ring : fifo);
    this.chip.writeUint32(at + 8, count);
    const request = 8 * block + (toMemory ? 4 : 0) + machine;
    const control = (1 << 21) | (request << 15) | (channel << 11) | (bits << 6) | (2 << 2) | 1;
    this.chip.writeUint32(at + 0xc, control | (toMemory ? (1 << 10) | (1 << 5) : 1 << 4));
    this.model.channels.push({ block, machine, toMemory, ring: start, at: 0, left: count, memory: ring, channel });
    this.#done();
  }

  /** What is seen without a look at the machines: memory, how far DMA is, the interrupts that have come. */
  compareOutside() {
    for (const { ring, memory, channel, left } of this.model.channels) {
      assert.equal(this.chip.dma.channels[channel].transCount, left, `count of DMA channel ${channel}`);
      const words = ring.map((_, n) => this.chip.readUint32(memory + 4 * n));
      assert.deepEqual(words, ring, `ring of DMA channel ${channel}`);
    }
    // Which of two channels is first in a cycle is nobody's rule.
    const byTime = (lines) => [...lines].sort(([a, , at], [b, , then]) => at - then || a - b);
    assert.deepEqual(byTime(this.seen.lines), byTime(this.expected.lines), "interrupt lines");
  }

  compare() {
    this.compareOutside();
    this.model.blocks.forEach((block, b) => {
      const names = { 0x08: "FDEBUG", 0x30: "IRQ", 0x3c: "DBG_PADOUT", 0x40: "DBG_PADOE", 0x128: "INTR", 0x04: "FSTAT", 0x0c: "FLEVEL" };
      const sum = (bits) => block.machines.reduce((word, machine) => word + bits(machine) * 2 ** machine.number, 0);
      const expected = {
        0x08: [...block.fdebug].reduce((word, at) => word + 2 ** at, 0),
        0x30: block.flags,
        0x3c: block.mask(block.values),
        0x40: block.mask(block.directions),
        0x128: block.raw,
        0x04: sum(({ tx, rx }) => tx.empty * 2 ** 24 + tx.full * 2 ** 16 + rx.empty * 2 ** 8 + rx.full * 1),
        0x0c: block.machines.reduce((word, { number, tx, rx }) => word + (tx.words.length + 16 * rx.words.length) * 256 ** number, 0),
      };
      for (const [offset, value] of Object.entries(expected)) {
        assert.equal(this.read(b, Number(offset)).toString(16), value.toString(16), `${names[offset]} of PIO${b}`);
      }
      block.machines.forEach((machine, m) => assert.deepEqual(this.#state(b, m), stateOf(machine), `machine ${m} of PIO${b}`));
    });
    assert.equal((this.chip.readUint32(SIO + 4) >>> 0).toString(16), this.model.input.toString(16), "GPIO_IN");
    assert.deepEqual(this.seen.pads, this.expected.pads, "changes on pads");
    this.seen.pads.length = this.expected.pads.length = 0;
    this.seen.lines.length = this.expected.lines.length = 0;
  }

  #state(block, number) {
    const machine = this.pio.blocks[block].machines[number];
    const list = ({ words, first, level }) => Array.from({ length: level }, (_, n) => words[(first + n) % 8]);
    const { isrCount, osrCount } = machine;
    return {
      ...Object.fromEntries(["x", "y", "isr", "osr"].map((name) => [name, machine[name] >>> 0])),
      ...{ isrCount, osrCount, tx: list(machine.tx), rx: list(machine.rx) },
      pc: this.read(block, 0xd4 + 24 * number),
      execStalled: this.read(block, 0xcc + 24 * number) >>> 31 === 1,
    };
  }
}

function stateOf({ x, y, isr, osr, isrCount, osrCount, tx, rx, pc, exec }) {
  return { x, y, isr, osr, isrCount, osrCount, tx: tx.words, rx: rx.words, pc, execStalled: exec !== null && exec.isForced };
}
