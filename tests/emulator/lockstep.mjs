// Two boards side by side, which must be the same after each run of the first: registers, flags, modes, cycles and time, and memory now
// and then. The first is the board as it is; the second runs one instruction after the other on rp2040js's processor, corrected.
import { random } from "./random.mjs";
import { INTERRUPT, RAW_REPL, RESULT, Session } from "./session.mjs";

const CORE = ["IPSR", "PM", "SPSEL", "bankedSP", "currentMode", "waiting", "eventRegistered", "pendingInterrupts", "enabledInterrupts"];
const SIO = ["divDividend", "divDivisor", "divQuotient", "divRemainder", "divCSR", "spinLock"];
const MEMORY_EVERY = 2000; // comparisons
const FLASH_EVERY = 20_000;
const PATIENCE = 1e6; // nanoseconds that both wait for nothing

export class Lockstep {
  /** options: of both Picos; most: cycles of one run; seed: of the runs' lengths. */
  constructor({ options = {}, most = 300, seed = 1 } = {}) {
    this.fast = new Session({ ...options, core: "fast" });
    this.slow = new Session({ ...options, core: "corrected" });
    // A microphone is at hand for a program that listens.
    const samples = Int16Array.from({ length: 160_000 }, (_, i) => ((i * 37) % 20_000) - 10_000);
    for (const { pico } of [this.fast, this.slow]) pico.connect([{ sck: 16, ws: 17, sd: 18 }], { rate: 16_000, samples });
    this.most = most;
    this.below = random(seed);
    this.instructions = 0;
    this.comparisons = 0;
    this.exceptions = 0;
  }

  get #chips() {
    return [this.fast.pico.chip, this.slow.pico.chip];
  }

  /** Both go on, to where the first stops, some cycles from here; then they are compared. */
  step() {
    const { core } = this.fast.pico.chip;
    if (core.waiting) this.#wait();
    else this.#run();
    this.#compareState();
    if (this.comparisons % MEMORY_EVERY === 0) this.compareMemory();
    if (this.comparisons % FLASH_EVERY === 0) this.compareFlash();
  }

  #run() {
    const { fast, slow } = this;
    const start = fast.pico.cycles;
    fast.pico.step(1 + this.below(this.most));
    if (fast.pico.cycles === start) this.#fail("no progress");
    const { cycles, resets } = fast.pico;
    while (slow.pico.cycles < cycles && slow.pico.resets <= resets && !slow.pico.chip.core.waiting) {
      const { IPSR } = slow.pico.chip.core;
      slow.pico.step(1);
      this.instructions++;
      if (slow.pico.chip.core.IPSR > IPSR) this.exceptions++;
    }
  }

  /** Both wait for the same alarm, or step of programmable I/O, or a millisecond. */
  #wait() {
    this.#compareTags(); // while it runs, the first has fetched the next instruction at times
    for (const { pico } of [this.fast, this.slow]) pico.waitFor(PATIENCE);
  }

  #compareState() {
    const [x, y] = this.#chips;
    const same = (name, a, b) => a === b || this.#fail(`${name}: ${a}, and ${b} one by one`);
    for (let i = 0; i < 15; i++) same(`r${i}`, x.core.registers[i], y.core.registers[i]);
    same("pc", x.core.PC & ~1, y.core.PC & ~1); // rp2040js keeps the lowest bit of an interrupt's vector
    for (const flag of "NZCV") same(flag, x.core[flag], y.core[flag]);
    for (const name of CORE) same(name, x.core[name], y.core[name]);
    for (const name of SIO) same(name, x.sio[name] >>> 0, y.sio[name] >>> 0);
    same("cycles", this.fast.pico.cycles, this.slow.pico.cycles);
    same("output", this.fast.output.length, this.slow.output.length);
    same("resets", this.fast.pico.resets, this.slow.pico.resets);
    if (Math.abs(x.clock.nanos - y.clock.nanos) > 1e-3) this.#fail(`time: ${x.clock.nanos}, and ${y.clock.nanos} one by one`);
    const [cache, other] = [this.fast.pico.xip, this.slow.pico.xip];
    if (cache) {
      // An instruction that the interpreter stopped before has been fetched already.
      const ahead = cache.stalled / cache.cyclesPerMiss;
      same("misses", cache.misses - ahead, other.misses);
      same("hits", cache.hits + ahead, other.hits);
    }
    this.comparisons++;
  }

  compareMemory() {
    const [x, y] = this.#chips;
    this.#compareBytes("RAM", x.sram, y.sram);
    this.#compareBytes("USB RAM", x.usbDPRAM, y.usbDPRAM);
  }

  #compareTags() {
    const [cache, other] = [this.fast.pico.xip, this.slow.pico.xip];
    if (cache && cache.tags.some((tag, i) => tag !== other.tags[i])) this.#fail("tags of the cache");
  }

  compareFlash() {
    this.#compareBytes("flash", this.fast.pico.flash.content, this.slow.pico.flash.content);
  }

  #compareBytes(name, a, b) {
    if (Buffer.compare(a, b) === 0) return;
    this.#fail(`${name} at 0x${a.findIndex((byte, i) => byte !== b[i]).toString(16)}`);
  }

  #fail(what) {
    const [state, other] = this.#chips.map(({ core }) => [...core.registers].map((r) => r.toString(16)).join(" "));
    throw new Error(`${what}; after ${this.instructions} instructions\n${state}\n${other}`);
  }

  send(text) {
    for (const session of [this.fast, this.slow]) session.send(text);
  }

  /** Until the output of both has `pattern`, which is taken off. */
  until(pattern) {
    const match = this.fast.until(pattern, () => this.step());
    this.slow.until(pattern, () => this.#fail("output"));
    return match;
  }

  boot() {
    while (this.fast.pico.nanos < 1.5e9) this.step();
    this.send(INTERRUPT);
    this.until(RAW_REPL);
  }

  /** Run Python on both; what they print, an error too. */
  python(source) {
    this.send(`${source}\x04`);
    const [, printed, error] = this.until(RESULT);
    this.compareMemory();
    this.compareFlash();
    return (printed + error).replaceAll("\r\n", "\n").trim();
  }
}
