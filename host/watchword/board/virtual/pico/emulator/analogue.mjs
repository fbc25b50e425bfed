// A microphone with an amplifier at a channel of the ADC.
import { PAUSE } from "./playback.mjs";

export const MIDDLE = 2048; // of 12 bits: what its amplifier gives in silence

export class AnalogueMicrophone {
  #last = -Infinity;

  constructor(playback) {
    this.playback = playback;
  }

  /** What a conversion at this time, in nanoseconds since the board was plugged in, gives: 0 to 4095. */
  level(nanos) {
    if (nanos - this.#last > PAUSE) this.playback.begin(nanos);
    this.#last = nanos;
    return (this.playback.sample(nanos) >> 4) + MIDDLE;
  }
}
