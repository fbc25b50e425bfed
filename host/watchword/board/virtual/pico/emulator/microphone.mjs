// An I2S microphone at three pins: 24 bits, left-justified in a slot of 32, most significant bit first.
//
// It takes WS in with the rising edge of SCK and shifts out with the falling one, so that a slot's first bit stands at the second clock
// after a change of WS. In the other slot, and after its 24 bits, it lets go of SD. Without a clock it sleeps.
//
// A recording begins with the clock's first rising edge, and the first slot half a clock later. So of a receiver that changes WS with a falling
// edge, as the firmware's does, slot k has sample k, where both have the same rate.
import { PAUSE } from "./playback.mjs";

const BITS = 24;
const MOST = 2 ** (BITS - 1) - 1;
const LONG = 1e6; // cycles: less is no pause at any clock

export class I2SMicrophone {
  #pins;
  #pio;
  #origin;
  #sck;
  #ws;
  #sd;
  #startup;
  #unused;
  #from = Infinity; // awake, in the clock's nanoseconds
  #rose = -Infinity; // the cycle of SCK's last rising edge
  #isRight = null; // the slot, by that edge
  #slot = null; // of the bits that are shifted out now
  #bit = 0;
  #word = 0;

  /**
   * pio: a Pio; sck, ws, sd: numbers of pins; playback: what it hears, a Playback; origin: when the chip's clock began, in the playback's
   * time. right: L/R is tied high; precision: bits that say something, the others being 0; offset: DC, in units of 24 bits; startup:
   * nanoseconds after the clock's start in which SD stays free.
   */
  constructor(pio, { sck, ws, sd, playback, origin = 0, right = false, precision = BITS, offset = 0, startup = 0 }) {
    this.#pio = pio;
    this.#pins = pio.pins;
    this.#origin = origin;
    this.#sck = 1 << sck;
    this.#ws = 1 << ws;
    this.#sd = 1 << sd;
    this.#startup = startup;
    this.#unused = 2 ** (BITS - precision) - 1;
    this.playback = playback;
    this.right = right;
    this.offset = offset;
    this.stuck = null; // or what it sends whatever it hears, 24 bits
    this.plugged = true; // else its SD reaches nobody
    this.slots = 0; // in which it has sent a sample
    pio.pins.attach(this, this.#sck, this.#sd);
  }

  pinsChanged(pad, changed, cycle) {
    if (pad & this.#sck) this.#rise(pad, cycle);
    else this.#fall(cycle);
  }

  #rise(pad, cycle) {
    if (cycle - this.#rose > LONG && this.#pio.nanosOf(cycle) - this.#pio.nanosOf(this.#rose) > PAUSE) this.#wake(this.#pio.nanosOf(cycle));
    this.#rose = cycle;
    this.#isRight = (pad & this.#ws) !== 0;
  }

  #wake(nanos) {
    this.#from = nanos + this.#startup;
    this.#slot = null; // it knows nothing of the one in which the clock has stopped
    this.playback.begin(this.#origin + nanos);
  }

  #fall(cycle) {
    if (this.#isRight !== this.#slot) {
      this.#slot = this.#isRight;
      this.#bit = 0;
      if (this.#slot === this.right) this.#begin(this.#pio.nanosOf(cycle));
    }
    if (this.#slot !== this.right || this.#bit > BITS) return;
    if (this.#bit === BITS) this.#pins.release(this.#sd);
    else this.#pins.drive(this.#sd, (this.#word >>> (31 - this.#bit)) & 1 ? this.#sd : 0);
    this.#bit++;
  }

  /** A slot begins: the sample of this time. */
  #begin(nanos) {
    if (nanos < this.#from || !this.plugged) {
      this.#bit = BITS;
      return;
    }
    const heard = this.playback.sample(this.#origin + nanos);
    const sent = this.stuck ?? Math.max(-MOST - 1, Math.min((heard << 8) + this.offset, MOST)) & ~this.#unused;
    this.#word = sent << 8;
    this.slots++;
  }
}
