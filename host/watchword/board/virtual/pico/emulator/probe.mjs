// Looks at the pins from outside: what they are now, and when they change.
//
// Times are seconds since the board was plugged in, resets included.

const FUNCTIONS = ["xip", "spi", "uart", "i2c", "pwm", "sio", "pio0", "pio1", "clock", "usb"]; // by FUNCSEL
export const PINS = 30;
export const MOST = 10_000; // changes of a pin that are kept

export class Probe {
  #pio;
  #origin = 0; // nanoseconds at which the chip's clock began
  #watched = new Map(); // {level, changes, lost} by pin

  /** Another chip is there; with its reset, its pins are let go of. */
  plugInto(pio, origin) {
    this.#pio = pio;
    this.#origin = origin;
    for (const pin of this.#watched.keys()) {
      this.#note(pin, this.#level(pin), origin);
      pio.pins.attach(this, 1 << pin, 0);
    }
  }

  #level(pin) {
    return (this.#pio.pins.pad >>> pin) & 1;
  }

  /** Of each pin its function ("none" where it has none), whether the chip drives it, and its level, whoever drives it. */
  pins() {
    this.#pio.sync();
    const { chip, enable } = this.#pio.pins;
    return chip.gpio.map(({ functionSelect }, pin) => ({
      function: FUNCTIONS[functionSelect] ?? "none",
      output: ((enable >>> pin) & 1) === 1,
      level: this.#level(pin),
    }));
  }

  /** Keep the changes of a pin from now on; returns its level. */
  watch(pin) {
    this.#pio.sync();
    const level = this.#level(pin);
    if (!this.#watched.has(pin)) this.#pio.pins.attach(this, 1 << pin, 0);
    this.#watched.set(pin, { level, changes: [], lost: 0 });
    return level;
  }

  /** {changes: [[seconds, level], ...], lost: how many more there were} of a pin since it is watched. */
  changes(pin) {
    this.#pio.sync();
    if (!this.#watched.has(pin)) throw new Error(`pin ${pin} is not watched`);
    const { changes, lost } = this.#watched.get(pin);
    return { changes, lost };
  }

  pinsChanged(pad, changed, cycle) {
    const nanos = this.#origin + this.#pio.nanosOf(cycle);
    for (let pin = 0; pin < PINS; pin++) if ((changed >>> pin) & 1) this.#note(pin, (pad >>> pin) & 1, nanos);
  }

  #note(pin, level, nanos) {
    const watched = this.#watched.get(pin);
    if (watched.level === level) return;
    watched.level = level;
    if (watched.changes.length < MOST) watched.changes.push([nanos / 1e9, level]);
    else watched.lost++;
  }
}
