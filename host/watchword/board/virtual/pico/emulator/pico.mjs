// A Raspberry Pi Pico: an RP2040 of rp2040js, its flash chip, a USB host at its port, and sound at its ADC.
//
// Cycles are those of rp2040js: instructions as the Cortex-M0+ manual counts them, without bus contention and exception entry. Added
// here: the times of the flash chip, during which the processor stands still, and, where asked for, misses of the XIP cache.
import { RP2040 } from "rp2040js";

import { SIZE } from "./flash.mjs";
import { FlashInterface, FlashPort } from "./qspi.mjs";
import { SerialLine } from "./serial.mjs";
import { XipCache } from "./xip.mjs";

const BOOTROM = 16384;
const SSI = 0x18000;
const WATCHDOG = 0x40058;
const FLASH_PORT = 0x4f000; // 0x4f000000: where the boot ROM asks for erasing and programming
const ADC_MIDDLE = 2048; // of 12 bits: what a microphone's amplifier gives in silence
const UART_TX_MASK = 0x20;
const AIRCR = 0xd0c;
const SYSRESETREQ = 4;
// rp2040js tells of registers that it has not; MicroPython asks for those of the second core at each soft reset.
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

export class Pico {
  /** flash: a Flash with firmware in it; bootrom: bytes; uid: the flash chip's 8 bytes; modelXip: count misses of the cache. */
  constructor({ flash, bootrom, uid, modelXip = false }) {
    this.flash = flash;
    this.bootrom = bootrom;
    this.uid = uid;
    this.xip = modelXip ? new XipCache() : null;
    this.line = new SerialLine();
    this.sound = null;
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
    const rom = new Uint32Array(BOOTROM / 4);
    new Uint8Array(rom.buffer).set(this.bootrom);
    chip.loadBootrom(rom);
    chip.flash = this.flash.content;
    chip.flash16 = new Uint16Array(chip.flash.buffer);
    chip.flashView = new DataView(chip.flash.buffer);
    chip.flashView.setUint32 = () => {}; // to which a store of whatever width comes down: flash changes through its port alone
    chip.peripherals[SSI] = new FlashInterface(chip, this.uid);
    chip.peripherals[FLASH_PORT] = new FlashPort(chip, this.flash, (nanos) => this.#stall(nanos));
    this.resetting = false;
    this.stopped = null;
    chip.onBreak = (code) => {
      console.error(`breakpoint ${code} at 0x${chip.core.PC.toString(16)}`);
      this.stopped = "breakpoint";
    };
    this.#prepareReset(chip, watchdog);
    this.#muteUart(chip);
    chip.adc.onADCRead = (channel) => {
      chip.adc.channelValues[channel] = this.#level(channel);
      chip.adc.currentChannel = channel;
      chip.adc.sampleAlarm.schedule(chip.adc.sampleTime * 1000);
    };
    this.line.plugInto(chip.usbCtrl);
    this.xip?.plugInto(chip);
    chip.core.VTOR = 0;
    chip.core.reset();
    this.chip = chip;
    this.resets++;
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

  /** Sound ({rate, samples: Int16Array}) at ADC channel 0 from now on, as from a microphone with an amplifier. */
  listenTo(sound) {
    this.sound = { ...sound, start: this.nanos };
  }

  #level(channel) {
    if (channel !== 0 || this.sound === null) return ADC_MIDDLE;
    const at = Math.floor(((this.nanos - this.sound.start) * this.sound.rate) / 1e9);
    return at < this.sound.samples.length ? (this.sound.samples[at] >> 4) + ADC_MIDDLE : ADC_MIDDLE;
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

  /** Run until `deadline` (performance.now()). Returns "busy", "idle" (it waits), "cut" (power went) or "breakpoint". */
  run(deadline) {
    for (;;) {
      const state = this.#slice();
      if (this.resetting) this.#restart(this.chip.peripherals[WATCHDOG]);
      if (state !== "busy" || performance.now() >= deadline) return state;
    }
  }

  #slice() {
    const { core, clock } = this.chip;
    const nanos = 1e9 / this.chip.clkSys;
    const stop = this.cutAt - this.before.cycles;
    const { xip } = this;
    for (let i = 0; i < 20000 && !this.resetting && this.stopped === null; i++) {
      if (core.waiting) {
        const next = clock.nanosToNextAlarm;
        if (!clock.nextAlarm || next > this.idleNanos) {
          const passed = Math.max(0, this.idleNanos);
          if (!clock.nextAlarm || next > passed) clock.tick(passed);
          this.idleNanos = 0;
          return "idle";
        }
        this.idleNanos -= next;
        clock.tick(next);
      } else {
        let cycles = core.executeInstruction();
        if (xip !== null && xip.stalled) {
          cycles += xip.stalled;
          core.cycles += xip.stalled;
          xip.stalled = 0;
        }
        clock.tick(cycles * nanos);
        if (core.cycles >= stop) return "cut";
      }
    }
    return this.stopped ?? "busy";
  }
}
