// What a microphone hears: a recording that begins when somebody begins to listen, or at once, and silence before and after it.
//
// Times are nanoseconds since the board was plugged in.

/** Nanoseconds without a look at the microphone, after which a look is the beginning of listening. */
export const PAUSE = 100e6;

export class Playback {
  #start = null; // it has not begun
  #isAwaiting = true; // begins, and begins anew, with whoever listens

  /** recording: {rate, samples: Int16Array}, or null for silence. */
  constructor(recording = null) {
    this.recording = recording;
  }

  /** Somebody begins to listen. */
  begin(nanos) {
    if (this.#isAwaiting) this.#start = nanos;
  }

  /** Another recording, once, from now on. */
  play(recording, nanos) {
    this.recording = recording;
    this.#start = nanos;
    this.#isAwaiting = false;
  }

  /** Another recording, from when somebody begins to listen anew. */
  await(recording) {
    this.recording = recording;
    this.#start = null;
    this.#isAwaiting = true;
  }

  /** When it began, or null. */
  get begun() {
    return this.#start;
  }

  /** The sample of this time. */
  sample(nanos) {
    if (this.#start === null || this.recording === null) return 0;
    const { rate, samples } = this.recording;
    const at = Math.floor(((nanos - this.#start) * rate) / 1e9);
    return at >= 0 && at < samples.length ? samples[at] : 0;
  }

  /** Whether it has begun and not ended. */
  isPlaying(nanos) {
    if (this.#start === null || this.recording === null) return false;
    return nanos - this.#start < (this.recording.samples.length * 1e9) / this.recording.rate;
  }
}
