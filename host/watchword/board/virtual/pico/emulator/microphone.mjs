// An I2S microphone at three pins, as an INMP441: 24 bits, left-justified in a slot of 32, most significant bit first.
//
// It takes WS in with the rising edge of SCK and shifts out with the falling one, so that a slot's first bit stands at the second clock
// after a change of WS. In the other slot, and after its 24 bits, it lets go of SD.
const BITS = 24;
const MOST = 2 ** (BITS - 1) - 1;

export class I2SMicrophone {
  #pins;
  #pio;
  #sck;
  #ws;
  #sd;
  #from;
  #isRight = null; // the slot, by the last rising edge
  #slot = null; // of the bits that are shifted out now
  #bit = 0;
  #word = 0;

  /**
   * pio: a Pio; sck, ws, sd: numbers of pins; right: L/R is tied high; startup: nanoseconds after power-on in which SD stays free (83 ms
   * with an INMP441).
   */
  constructor(pio, { sck, ws, sd, right = false, startup = 0 }) {
    this.#pio = pio;
    this.#pins = pio.pins;
    this.#sck = 1 << sck;
    this.#ws = 1 << ws;
    this.#sd = 1 << sd;
    this.#from = startup;
    this.right = right;
    /** What it hears: {rate, samples: Int16Array, start: the clock's nanoseconds at its beginning}; null: silence. */
    this.sound = null;
    this.offset = 0; // DC, in units of its 24 bits
    this.stuck = null; // or what it sends whatever it hears, 24 bits
    this.plugged = true; // else its SD reaches nobody
    this.slots = 0; // in which it has sent a sample
    pio.pins.attach(this, this.#sck, this.#sd);
  }

  pinsChanged(pad, changed, cycle) {
    if (pad & this.#sck) this.#isRight = (pad & this.#ws) !== 0;
    else this.#fall(cycle);
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
    const sent = this.stuck ?? Math.max(-MOST - 1, Math.min((this.#sample(nanos) << 8) + this.offset, MOST));
    this.#word = sent << 8;
    this.slots++;
  }

  #sample(nanos) {
    if (this.sound === null) return 0;
    const { rate, samples, start } = this.sound;
    const at = Math.floor(((nanos - start) * rate) / 1e9);
    return at >= 0 && at < samples.length ? samples[at] : 0;
  }
}
