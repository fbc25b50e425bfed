// The 30 GPIO pins as masks: who drives them, what is on their pads, and what comes in.
//
// rp2040js asks each pin by itself, and lets an output read as what came from outside. Here all pins are computed at once, an output reads
// as itself, and a change has the cycle at which it came, since programmable I/O runs behind the clock.
const IO_BANK0 = 0x40014;
const PADS_BANK0 = 0x4001c;
const INTR0 = 0xf0;
const SIO_GPIO_IN = 0x04;
const SIO_GPIO_OUT = 0x10;
const SIO_GPIO_LAST = 0x2c;
const ALL = 0x3fffffff;
// FUNCSEL
const FUNCTION_PWM = 4;
const FUNCTION_SIO = 5;
const FUNCTION_PIO0 = 6;
const FUNCTION_PIO1 = 7;
const PAD_RESET = 0x56; // IE, 4 mA, PDE, SCHMITT; rp2040js has the input disabled
const SYNC = 2; // flip-flops of a synchroniser

// GPIO interrupts, of one pin
const EDGE_HIGH = 8;
const EDGE_LOW = 4;
const LEVEL_HIGH = 2;
const LEVEL_LOW = 1;

export class Pins {
  /** pio: tells the cycle (`sync()`, `cycle`), and has to look at what comes next after a change (`schedule`). */
  constructor(chip, pio) {
    this.chip = chip;
    this.pio = pio;
    this.first = null; // the two blocks
    this.second = null;
    this.otherValues = 0; // of SIO and PWM, at pins that they drive
    this.otherDirections = 0;
    this.isAwaited = false; // by a machine that sleeps
    this.devices = [];
    this.raw = 0; // what drives from outside, at pins in `driven`
    this.driven = 0;
    this.pad = 0; // levels on the pads
    this.enable = 0;
    // Inputs behind INOVER, and the cycles since which they are so: the synchronisers show those of cycles ago.
    this.now = 0;
    this.before1 = 0;
    this.before2 = 0;
    this.before3 = 0;
    this.since = -9;
    this.since1 = -9;
    this.since2 = -9;
    // Interrupts
    this.rose = 0;
    this.fell = 0;
    this.levels = 0; // as in the pins' irqStatus
    this.interrupting = 0; // pins with an interrupt enabled
    this.listened = 0; // pins with a listener of rp2040js
    this.watched = 0; // pins whose changes cannot wait until somebody looks
    for (const pin of chip.gpio) this.#adopt(pin);
    this.#hook();
    this.#select();
  }

  /** What a machine's cycle sees: pins of which `bypass` has a bit a cycle after their change, the others two cycles later. */
  input(cycle, bypass) {
    const last = cycle - 1 - SYNC;
    let value = this.now;
    if (this.since > last) value = this.since1 <= last ? this.before1 : this.since2 <= last ? this.before2 : this.before3;
    if (bypass === 0) return value;
    return (value & ~bypass) | ((this.since < cycle ? this.now : this.before1) & bypass);
  }

  /** Nothing is on its way through the synchronisers after `cycle`. */
  settledAt(cycle) {
    return this.since < cycle - SYNC;
  }

  /**
   * A device at the pins of the mask `inputs`, which drives, when it drives, pins of `outputs`.
   * device.pinsChanged(pad, changed, cycle) is called with each change of an input, with the cycle at which it comes.
   */
  attach(device, inputs, outputs) {
    this.devices.push({ device, inputs, outputs });
    this.#watch();
    this.pio.schedule();
  }

  /** For devices, within pinsChanged: drive the pins of a mask. */
  drive(mask, value) {
    this.driven |= mask;
    this.raw = (this.raw & ~mask) | (value & mask);
  }

  /** Let go of pins. */
  release(mask) {
    this.driven &= ~mask;
    this.raw &= ~mask;
  }

  /** Work out all levels anew, for a change at `cycle`. */
  update(cycle) {
    for (;;) {
      const { first, second } = this;
      let out = this.otherValues | (first.values & this.byPio0) | (second.values & this.byPio1);
      let enable = this.otherDirections | (first.directions & this.byPio0) | (second.directions & this.byPio1);
      out = ((out ^ this.outInvert) & ~this.outLow) | this.outHigh;
      enable = (((enable ^ this.enableInvert) & ~this.enableLow) | this.enableHigh) & ~this.outputDisable;
      const floating = this.pullUp | (this.keep & this.pad);
      const pad = (out & enable) | (((this.raw & this.driven) | (floating & ~this.driven)) & ~enable);
      const told = (pad ^ this.pad) | (enable ^ this.enable);
      this.enable = enable;
      const changed = pad ^ this.pad;
      this.pad = pad;
      const now = (((pad & this.inputEnable) ^ this.inInvert) & ~this.inLow) | this.inHigh;
      if (now !== this.now) this.#inputChanged(now, cycle);
      if (told & this.listened) this.#tell(told & this.listened);
      if (changed === 0) return;
      const { raw, driven } = this;
      const { devices } = this;
      for (let n = 0; n < devices.length; n++) {
        const mask = changed & devices[n].inputs;
        if (mask !== 0) devices[n].device.pinsChanged(pad, mask, cycle);
      }
      if (raw === this.raw && driven === this.driven) return;
    }
  }

  #inputChanged(now, cycle) {
    const changed = now ^ this.now;
    if (cycle !== this.since) {
      this.before3 = this.before2;
      this.before2 = this.before1;
      this.before1 = this.now;
      this.since2 = this.since1;
      this.since1 = this.since;
      this.since = cycle;
    }
    this.now = now;
    this.rose |= changed & now;
    this.fell |= changed & ~now;
    if (this.isAwaited) {
      this.isAwaited = false;
      this.first.pinsChanged(cycle);
      this.second.pinsChanged(cycle);
    }
    if (changed & this.interrupting) {
      this.#latch();
      this.chip.updateIOInterrupt();
    }
    if (changed & this.byPwm) {
      for (let pin = 0; pin < 30; pin++) if (((changed & this.byPwm) >>> pin) & 1) this.chip.pwm.gpioOnInput(pin);
    }
  }

  #tell(mask) {
    for (let pin = 0; pin < 30; pin++) if ((mask >>> pin) & 1) this.chip.gpio[pin].checkForUpdates();
  }

  /** Edges and levels to where rp2040js keeps those of each pin. */
  #latch() {
    const changed = this.rose | this.fell | (this.levels ^ this.now);
    for (let pin = 0; pin < 30; pin++) {
      if (!((changed >>> pin) & 1)) continue;
      const { gpio } = this.chip;
      const level = (this.now >>> pin) & 1 ? LEVEL_HIGH : LEVEL_LOW;
      const edges = ((this.rose >>> pin) & 1 ? EDGE_HIGH : 0) | ((this.fell >>> pin) & 1 ? EDGE_LOW : 0);
      gpio[pin].irqStatus = (gpio[pin].irqStatus & (EDGE_HIGH | EDGE_LOW)) | edges | level;
    }
    this.rose = 0;
    this.fell = 0;
    this.levels = this.now;
  }

  /** Take over all of IO_BANK0's and PADS_BANK0's settings. */
  #select() {
    const mask = (test) => this.#mask(test);
    const by = (block) => mask((pin) => pin.functionSelect === block);
    const over = (name, type) => mask((pin) => pin[name] === type);
    this.bySio = by(FUNCTION_SIO);
    this.byPwm = by(FUNCTION_PWM);
    this.byPio0 = by(FUNCTION_PIO0);
    this.byPio1 = by(FUNCTION_PIO1);
    [this.outInvert, this.outLow, this.outHigh] = [1, 2, 3].map((type) => over("outputOverride", type));
    [this.enableInvert, this.enableLow, this.enableHigh] = [1, 2, 3].map((type) => over("outputEnableOverride", type));
    [this.inInvert, this.inLow, this.inHigh] = [1, 2, 3].map((type) => over("inputOverride", type));
    this.outputDisable = mask((pin) => pin.outputDisable);
    this.inputEnable = mask((pin) => pin.inputEnable);
    this.pullUp = mask((pin) => pin.pullupEnabled && !pin.pulldownEnabled);
    this.keep = mask((pin) => pin.pullupEnabled && pin.pulldownEnabled);
    this.#enableInterrupts();
  }

  #mask(test) {
    return this.chip.gpio.reduce((bits, pin, index) => (test(pin) ? bits | (1 << index) : bits), 0);
  }

  #enableInterrupts() {
    this.interrupting = this.#mask((pin) => pin.irqEnableMask !== 0);
    this.#watch();
  }

  #watch() {
    this.listened = this.#mask((pin) => pin.listeners.size > 0);
    let watched = this.interrupting | this.listened | this.byPwm;
    // A device may answer to its inputs, and another to that.
    for (let i = 0; i < this.devices.length; i++) {
      for (const { inputs, outputs } of this.devices) if (outputs & watched) watched |= inputs;
    }
    this.watched = watched & ALL;
  }

  /** After a change from the processor's side, or from outside. */
  #changed() {
    const { sio, pwm } = this.chip;
    this.otherValues = (sio.gpioValue & this.bySio) | (pwm.gpioValue & this.byPwm);
    this.otherDirections = (sio.gpioOutputEnable & this.bySio) | (pwm.gpioDirection & this.byPwm);
    this.update(this.pio.cycle);
    this.pio.schedule();
  }

  /** A pin of rp2040js asks here from now on. */
  #adopt(pin) {
    const bit = 1 << pin.index;
    const get = (name, of, set) => Object.defineProperty(pin, name, { get: () => (this.pio.sync(), (of() & bit) !== 0), set });
    pin.irqStatus = LEVEL_LOW;
    pin.padValue = PAD_RESET;
    get("inputValue", () => this.now);
    get("rawInputValue", () => this.pad, (value) => pin.setInputValue(value));
    pin.setInputValue = (value) => {
      this.pio.sync();
      this.drive(bit, value ? bit : 0);
      this.#changed();
    };
    pin.refreshInput = () => {}; // all settings are taken over with each write
    const add = pin.addListener.bind(pin);
    pin.addListener = (listener) => {
      this.pio.sync();
      const remove = add(listener);
      this.#watch();
      this.pio.schedule();
      return () => {
        remove();
        this.#watch();
      };
    };
  }

  #hook() {
    const { chip, pio } = this;
    for (const address of [IO_BANK0, PADS_BANK0]) {
      const peripheral = chip.peripherals[address];
      const read = peripheral.readUint32.bind(peripheral);
      const write = peripheral.writeUint32.bind(peripheral);
      peripheral.readUint32 = (offset) => {
        pio.sync();
        if (address === IO_BANK0) this.#latch();
        return read(offset);
      };
      peripheral.writeUint32 = (offset, value) => {
        pio.sync();
        this.#latch();
        write(offset, value); // tells the processor of a level that is there already
        if (address === IO_BANK0 && offset >= INTR0) {
          this.#enableInterrupts();
          pio.schedule();
        } else {
          this.#select();
          this.#changed();
        }
      };
    }
    const { sio, pwm } = chip;
    const read = sio.readUint32.bind(sio);
    const write = sio.writeUint32.bind(sio);
    sio.readUint32 = (offset) => (offset === SIO_GPIO_IN ? chip.gpioValues : read(offset));
    sio.writeUint32 = (offset, value) => {
      if (offset < SIO_GPIO_OUT || offset > SIO_GPIO_LAST) {
        write(offset, value);
        return;
      }
      pio.sync();
      write(offset, value);
      this.#changed();
    };
    for (const name of ["gpioSet", "gpioSetDir"]) {
      const set = pwm[name].bind(pwm);
      pwm[name] = (index, value) => {
        if (!((this.byPwm >>> index) & 1)) {
          set(index, value);
          return;
        }
        pio.sync();
        set(index, value);
        this.#changed();
      };
    }
    Object.defineProperty(chip, "gpioValues", { get: () => (pio.sync(), this.now) });
  }
}
