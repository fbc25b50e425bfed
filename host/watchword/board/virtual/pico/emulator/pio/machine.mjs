// One state machine in time: at which cycle of clk_sys it does something.
//
// A machine that stalls sleeps until something has changed for which it waits; while a delay runs nothing is done either. What the data
// sheet has happen at each cycle all the same, an autopull that finds its first word, stands as `refillAt` beside `due`.
import { AWAKE } from "./datapath.mjs";
import { Execution } from "./execution.mjs";

const PART = 256; // CLKDIV counts 256ths of a cycle

export class Machine extends Execution {
  constructor(block, index) {
    super(block, index);
    this.enabled = false;
    this.outlook = null; // what forecast.mjs knows of this program
    this.clkdiv = 1 << 16;
    this.divider = PART;
    this.position = PART; // of the next tick, in 256ths of a cycle; behind a delay, where one runs
    this.delayed = 0; // ticks of the delay within it
    this.due = Infinity; // the cycle at which it executes
    this.refillAt = Infinity;
    this.event = Infinity; // the earlier of both
    this.configure();
  }

  /** Take over all settings. */
  configure() {
    super.configure();
    this.divider = (this.clkdiv >>> 16 || 65536) * PART + ((this.clkdiv >>> 8) & 0xff);
  }

  forget() {
    super.forget();
    this.outlook = null;
  }

  /** Its clock has something to do: also a disabled machine finishes what SMx_INSTR gave it. */
  get ticking() {
    return this.enabled || this.latch !== null;
  }

  /** Move to the first tick after `cycle`; ticks go on while a machine is disabled or asleep. */
  #seek(cycle) {
    const from = (cycle + 1) * PART;
    if (this.position < from) this.position += Math.ceil((from - this.position) / this.divider) * this.divider;
  }

  /** Before a change of settings at `cycle`: the next tick's place, and what is left of a delay, apart from each other. */
  freeze(cycle) {
    if (this.due === Infinity) {
      this.#seek(cycle);
      return;
    }
    // The tick that comes first may still be one of a slower clock: there are no more ticks before it.
    const left = Math.min(Math.floor((this.position - (cycle + 1) * PART) / this.divider), this.delayed);
    this.position -= left * this.divider;
    this.delay = left;
  }

  /** After it: go on. Whatever it was that a machine slept for, it looks again at its next tick. */
  thaw() {
    this.refillAt = this.due = this.event = Infinity;
    if (!this.ticking) return;
    this.asleep = AWAKE;
    const next = Math.floor(this.position / PART);
    this.position += this.delay * this.divider;
    this.delayed = this.delay;
    this.delay = 0;
    this.due = Math.floor(this.position / PART);
    if (next < this.due && this.autopull && this.osrCount >= this.pullAt && !this.tx.empty) this.refillAt = next;
    this.event = Math.min(this.due, this.refillAt);
  }

  /** Something has changed at `cycle` that may end a stall, or fill the OSR. */
  wake(cycle) {
    this.freeze(cycle);
    this.thaw();
  }

  /** CLKDIV_RESTART: the divider counts from n down to 1, at which the tick comes. */
  restartClock(cycle) {
    this.position = (cycle + (this.clkdiv >>> 16 || 65536)) * PART;
  }

  /** An event is due at `cycle`. */
  step(cycle) {
    if (cycle === this.refillAt) {
      this.refillAt = Infinity;
      this.event = this.due;
      if (cycle !== this.due) {
        this.refill();
        return;
      }
    }
    this.execute(cycle);
    this.position += this.divider;
    this.delayed = 0;
    if (this.delay !== 0 && this.enabled) {
      this.position += this.delay * this.divider;
      this.delayed = this.delay;
      this.delay = 0;
    }
    this.event = this.due = this.asleep === AWAKE && this.ticking ? Math.floor(this.position / PART) : Infinity;
  }
}
