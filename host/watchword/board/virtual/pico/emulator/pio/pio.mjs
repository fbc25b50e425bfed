// Programmable I/O in step with the processor: both blocks, in the place of rp2040js's.
//
// Machines run only when somebody looks at what they have done: a register, a pin. What the chip would notice by itself, a transfer by
// DMA or an interrupt, happens at its own time: until `next`, a lower bound of when that can be, nobody needs to know where the machines
// are. An alarm of the chip's clock stands there, so that they take their turn among all alarms, in waits and stalls too.
import { mendDma, requested } from "./dma.mjs";
import { FOR_IRQ, FOR_PINS } from "./datapath.mjs";
import { firstChange, firstNoticed } from "./forecast.mjs";
import { Pins } from "./pins.mjs";
import { Registers } from "./registers.mjs";

const PIO0_IRQ_0 = 7;
const PIO1_IRQ_0 = 9;
const LAG = 1_000_000; // cycles: nobody who looks need wait for more to be made up
const LATE = 1 / 64; // of a cycle: rounding of nanoseconds

export class Pio {
  #chip;
  #alarm;
  #base = 0; // nanoseconds of the cycle #first
  #first = 0;
  #clkSys;
  #running = false;
  #nextCycle = Infinity;

  constructor(chip) {
    this.#chip = chip;
    this.#clkSys = chip.clkSys;
    this.cycle = this.#cycleOf(chip.clock.nanos); // up to which all is done, this one included
    for (const pio of chip.pio) pio.stop();
    this.#alarm = chip.clock.createAlarm(() => {
      this.#nextCycle = Infinity; // the alarm is no longer in the clock's list
      this.advance(chip.clock.nanos);
    });
    this.blocks = [];
    mendDma(chip.dma, this);
    this.pins = new Pins(chip, this);
    this.blocks = [new Registers(chip, this, 0, PIO0_IRQ_0), new Registers(chip, this, 1, PIO1_IRQ_0)];
    [this.pins.first, this.pins.second] = this.blocks;
    chip.pio = this.blocks;
    [chip.peripherals[0x50200], chip.peripherals[0x50300]] = this.blocks;
    chip.addClockListener((clkSys) => {
      this.sync();
      this.#base = this.nanosOf(this.cycle);
      this.#first = this.cycle;
      this.#clkSys = clkSys;
      this.schedule();
    });
  }

  // ---- time

  /** The earliest time, in the clock's nanoseconds, at which the chip may notice something by itself. The clock has an alarm there. */
  get next() {
    return this.nanosOf(this.#nextCycle);
  }

  /** Run all machines up to a time. */
  advance(nanos) {
    this.#run(this.#cycleOf(nanos));
    this.schedule();
  }

  /** Run them up to the present: somebody looks. */
  sync() {
    if (!this.#running) this.#run(this.#cycleOf(this.#chip.clock.nanos));
  }

  /** The time at which a cycle begins. */
  nanosOf(cycle) {
    return this.#base + ((cycle - this.#first) * 1e9) / this.#clkSys;
  }

  #cycleOf(nanos) {
    return this.#first + Math.floor(((nanos - this.#base) * this.#clkSys) / 1e9 + LATE);
  }

  #run(end) {
    if (this.#running || end <= this.cycle) return;
    this.#running = true;
    const [first, second] = this.blocks;
    for (;;) {
      const cycle = Math.min(first.event, second.event);
      if (cycle > end) break;
      this.cycle = cycle;
      let changed = false;
      if (first.event === cycle) changed = first.step(cycle);
      if (second.event === cycle) changed = second.step(cycle) || changed;
      if (changed) this.pins.update(cycle);
    }
    this.cycle = end;
    this.#running = false;
  }

  // ---- the next event

  /** Something has changed that decides on it. */
  schedule() {
    if (this.#running) return;
    const next = this.#forecast();
    if (next === this.#nextCycle) return;
    this.#nextCycle = next;
    if (next === Infinity) this.#alarm.cancel();
    else this.#alarm.schedule(this.nanosOf(next) - this.#chip.clock.nanos);
  }

  #forecast() {
    const [first, second] = this.blocks;
    if (first.event === Infinity && second.event === Infinity) return Infinity;
    const wake = this.#firstWake();
    const requests = requested(this.#chip.dma);
    const latest = this.cycle + LAG;
    return Math.min(latest, this.#firstOf(first, requests, wake), this.#firstOf(second, requests >>> 8, wake));
  }

  /** A bound of the first event of a block's that the chip notices. */
  #firstOf(block, requests, wake) {
    const interrupts = block.enables[0] | block.enables[1];
    const rx = (interrupts & 0xf) | ((requests >>> 4) & 0xf);
    const tx = ((interrupts >>> 4) & 0xf) | (requests & 0xf);
    const irq = interrupts >>> 8 !== 0;
    const pins = this.pins.watched & (block.index === 0 ? this.pins.byPio0 : this.pins.byPio1);
    let next = pins === 0 ? Infinity : block.assertAt;
    for (const machine of block.machines) {
      const noticed = firstNoticed(machine, (rx >>> machine.index) & 1, (tx >>> machine.index) & 1, irq, pins, wake);
      if (noticed < next) next = noticed;
    }
    return next;
  }

  /** A bound of when a machine that waits for a flag or a pin may find it changed, by another machine. */
  #firstWake() {
    let wake = Infinity;
    let isWaiting = false;
    for (const { machines, assertAt } of this.blocks) {
      wake = Math.min(wake, assertAt);
      for (const machine of machines) {
        if (machine.asleep === FOR_IRQ || machine.asleep === FOR_PINS) isWaiting = true;
      }
    }
    if (!isWaiting) return Infinity;
    for (const { machines } of this.blocks) for (const machine of machines) wake = Math.min(wake, firstChange(machine));
    return wake;
  }
}
