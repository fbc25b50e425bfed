// A Raspberry Pi Pico: an RP2040 of rp2040js, its flash chip, a USB host at its port, and microphones at its pins.
//
// Cycles are those of the Cortex-M0+ manual, without bus contention and exception entry. Added here: the times of the flash chip,
// during which the processor stands still, and, where asked for, misses of the XIP cache.
//
// How time goes: so many cycles as there are until the next alarm, less one, the processor runs by itself (processor/). What is left, and
// each instruction that needs more than memory, is one instruction of rp2040js's core and one tick of its clock. So alarms, interrupts and
// power cuts come at the same cycle as with one instruction after the other. Programmable I/O (pio/) has an alarm of its own.
import { RP2040 } from "rp2040js";

import { Lines } from "./lines.mjs";
import { Microphones } from "./microphones.mjs";
import { Pio } from "./pio/pio.mjs";
import { Probe } from "./probe.mjs";
import { correct } from "./processor/corrections.mjs";
import { SharedMemory } from "./processor/memory.mjs";
import { Processor } from "./processor/processor.mjs";
import { FlashInterface, FlashPort } from "./qspi.mjs";
import { SerialLine } from "./serial.mjs";
import { SETS, XipCache } from "./xip.mjs";

const SLICE = 100_000; // cycles
const BOOTROM = 16384;
const SSI = 0x18000;
const WATCHDOG = 0x40058;
const FLASH_PORT = 0x4f000; // 0x4f000000: where the boot ROM asks for erasing and programming
const UART_TX_MASK = 0x20;
const AIRCR = 0xd0c;
const SYSRESETREQ = 4;
// rp2040js tells of registers that it has not; MicroPython asks for those of the second core at each soft reset.
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

export class Pico {
  /**
   * flash: a Flash with firmware in it; bootrom: bytes; uid: the flash chip's 8 bytes; modelXip: count misses of the cache. core: "fast";
   * "corrected", rp2040js's processor, put right where it is not; or "stock", rp2040js's as it is. hot: see Interpreter.
   */
  constructor({ flash, bootrom, uid, modelXip = false, core = "fast", hot }) {
    this.flash = flash;
    this.bootrom = bootrom;
    this.uid = uid;
    this.core = core;
    this.shared = core === "fast" ? new SharedMemory() : null;
    this.xip = modelXip ? new XipCache(this.shared?.tags(2 * SETS)) : null;
    this.processor = null;
    if (this.shared) {
      this.processor = new Processor(this.shared, { cache: this.xip, hot });
      flash.moveTo(this.shared.flash, (offset, size) => this.processor.flashChanged(offset, size));
    }
    this.line = new SerialLine();
    this.microphones = new Microphones();
    this.probe = new Probe();
    this.lines = new Lines();
    this.idleNanos = 0; // of waiting that may pass before `run` returns
    this.cutAt = Infinity; // cycles
    this.resets = -1;
    this.before = { cycles: 0, nanos: 0 }; // spent before the last reset
    this.#powerOn(null);
  }

  /** Cycles that the processor has run or stood still since the board was plugged in; those of waiting are not among them. */
  get cycles() {
    return this.before.cycles + this.chip.core.cycles;
  }

  /** Emulated time since then. */
  get nanos() {
    return this.before.nanos + this.chip.clock.nanos;
  }

  /** A chip as after power-on or, with the watchdog of the one before, after its own reset: that and flash are what remain. */
  #powerOn(watchdog) {
    const chip = new RP2040();
    chip.logger = SILENT;
    if (this.shared) this.shared.give(chip, this.bootrom);
    else this.#giveMemories(chip);
    chip.flashView.setUint32 = () => {}; // to which a store of whatever width comes down: flash changes through its port alone
    chip.peripherals[SSI] = new FlashInterface(chip, this.uid);
    chip.peripherals[FLASH_PORT] = new FlashPort(chip, this.flash, (nanos) => this.#stall(nanos));
    this.resetting = false;
    this.stopped = null; // or by what: "breakpoint", "lockup"
    this.ending = null; // in a line
    chip.onBreak = (code) => {
      const fault = chip.core.fault ? `, after a ${chip.core.fault}` : "";
      this.#stop("breakpoint", `breakpoint ${code} at 0x${chip.core.PC.toString(16)}${fault}`);
    };
    this.divider = this.core === "stock" ? null : correct(chip, (reason) => this.#stop("lockup", reason));
    this.processor?.plugInto(chip, this.divider);
    this.#prepareReset(chip, watchdog);
    this.#muteUart(chip);
    chip.adc.onADCRead = (channel) => {
      chip.adc.channelValues[channel] = this.microphones.level(channel, this.nanos);
      chip.adc.currentChannel = channel;
      chip.adc.sampleAlarm.schedule(chip.adc.sampleTime * 1000);
    };
    this.xip?.plugInto(chip);
    this.pio = new Pio(chip);
    this.line.plugInto(chip);
    chip.core.VTOR = 0;
    chip.core.reset();
    this.chip = chip;
    this.resets++;
    this.microphones.plugInto(this.pio, this.before.nanos);
    this.probe.plugInto(this.pio, this.before.nanos);
  }

  /** The memories of a chip whose processor is rp2040js's. */
  #giveMemories(chip) {
    const rom = new Uint32Array(BOOTROM / 4);
    new Uint8Array(rom.buffer).set(this.bootrom);
    chip.loadBootrom(rom);
    chip.flash = this.flash.content;
    chip.flash16 = new Uint16Array(chip.flash.buffer);
    chip.flashView = new DataView(chip.flash.buffer);
  }

  #stop(how, ending) {
    this.stopped = how;
    this.ending = ending;
  }

  #prepareReset(chip, before) {
    const watchdog = chip.peripherals[WATCHDOG];
    if (before) {
      watchdog.reason = before.reason;
      watchdog.scratchData.set(before.scratchData);
    }
    watchdog.onWatchdogTrigger = () => {
      watchdog.alarm.enable = false; // it would go off again at once, for ever
      this.resetting = true;
    };
    const write = chip.ppb.writeUint32.bind(chip.ppb);
    chip.ppb.writeUint32 = (offset, value) => {
      if (offset !== AIRCR) write(offset, value);
      else if (value & SYSRESETREQ) this.resetting = true;
    };
  }

  /** rp2040js keeps the transmit interrupt raised while the FIFO is empty; MicroPython, which enables it, would see nothing else. */
  #muteUart(chip) {
    const [uart] = chip.uart;
    const write = uart.writeUint32.bind(uart);
    uart.writeUint32 = (offset, value) => write(offset, offset === 0x38 ? value & ~UART_TX_MASK : value);
  }

  /** As the reset button: the chip starts anew, flash stays. */
  reset() {
    this.#restart(null);
  }

  #restart(watchdog) {
    this.before = { cycles: this.cycles, nanos: this.nanos };
    this.#powerOn(watchdog);
  }

  // ---- sound

  /** Microphones, as Microphones.connect takes them; recording: {rate, samples: Int16Array}, or null. */
  connect(wires, recording = null) {
    this.microphones.connect(wires, recording);
    this.microphones.plugInto(this.pio, this.before.nanos);
  }

  /** Whether a sound goes on, so that something happens though nobody says anything. */
  get isPlaying() {
    return this.microphones.isPlaying(this.nanos);
  }

  // ---- time

  /** The processor stands still for a while; returns the part of it, 0 to 1, for which there was power. */
  #stall(nanos) {
    const { core, clock, clkSys } = this.chip;
    const cycles = Math.round((nanos * clkSys) / 1e9);
    const passed = Math.max(0, Math.min(cycles, this.cutAt - this.cycles));
    core.cycles += passed;
    clock.tick((passed * 1e9) / clkSys);
    return passed / cycles;
  }

  /** Run until `deadline` (performance.now()). Returns "busy", "idle" (it waits), "cut" (power went), "breakpoint" or "lockup". */
  run(deadline) {
    for (;;) {
      const state = this.#slice();
      if (this.resetting) this.#restart(this.chip.peripherals[WATCHDOG]);
      if (state !== "busy" || performance.now() >= deadline) return state;
    }
  }

  #slice() {
    const { core } = this.chip;
    const stop = this.cutAt - this.before.cycles;
    const end = core.cycles + SLICE;
    while (!this.resetting && this.stopped === null && core.cycles < end) {
      if (core.waiting) {
        if (!this.#wait()) return "idle";
      } else {
        this.#advance(Math.min(stop - 1, end + SLICE) - core.cycles); // it need not end at a certain cycle
        if (core.cycles >= stop) return "cut";
      }
    }
    return this.stopped ?? "busy";
  }

  /** Let time pass to the next alarm; false: the time to wait is over before. */
  #wait() {
    const { clock } = this.chip;
    const alarm = clock.nextAlarm ? clock.nanosToNextAlarm : Infinity;
    const isDue = alarm <= this.idleNanos;
    const passed = Math.max(0, Math.min(alarm, this.idleNanos));
    this.idleNanos -= passed;
    clock.tick(passed);
    return isDue;
  }

  /** Run for up to `most` cycles, as far as nothing happens outside; then one instruction, whatever it is. */
  #advance(most) {
    const { core } = this.chip;
    if (this.processor !== null && !core.interruptsUpdated) this.#runFreely(most);
    if (!core.waiting) this.#single();
  }

  /** Run for up to `most` cycles, and to no alarm: the instruction in which one is due is not run here. */
  #runFreely(most) {
    const { core, clock, clkSys } = this.chip;
    const nanos = 1e9 / clkSys;
    const alarm = clock.nextAlarm?.nanos ?? Infinity;
    const budget = Math.min(most, Math.ceil((alarm - clock.nanos) / nanos) - 1);
    if (budget >= this.processor.longest) clock.tick(this.processor.run(core, budget) * nanos);
  }

  /** One instruction, by rp2040js's core. */
  #single() {
    const { core, clock, clkSys } = this.chip;
    const { xip } = this;
    let cycles = core.executeInstruction();
    if (xip !== null && xip.stalled) {
      const stalled = xip.take();
      cycles += stalled;
      core.cycles += stalled;
    }
    clock.tick((cycles * 1e9) / clkSys);
  }

  /** For comparisons, as `step`: wait for the next alarm, or up to so many nanoseconds. */
  waitFor(nanos) {
    this.idleNanos = nanos;
    this.#wait();
  }

  /** For comparisons: one run of up to `most` cycles, or one instruction where none can be. */
  step(most) {
    const { core } = this.chip;
    const { cycles } = core;
    // With misses not counted yet, the last run has stopped before an instruction that is rp2040js's.
    if (this.processor !== null && !core.interruptsUpdated && !this.xip?.stalled) this.#runFreely(most);
    if (core.cycles === cycles) this.#single();
    if (this.resetting) this.#restart(this.chip.peripherals[WATCHDOG]);
  }
}
