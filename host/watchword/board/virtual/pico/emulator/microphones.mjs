// The microphones that are wired to a board, which stay as they are over its resets.
import { AnalogueMicrophone, MIDDLE } from "./analogue.mjs";
import { I2SMicrophone } from "./microphone.mjs";
import { Playback } from "./playback.mjs";

const FIRST_ANALOGUE = 26; // GPIO of ADC channel 0

export class Microphones {
  #wires = []; // {wire, playback, device, changes}

  /**
   * wires: of each microphone where it is and what it is: {pin} at the ADC, else {sck, ws, sd, right, precision, offset, startup} as
   * I2SMicrophone takes them. recording: what each hears from the moment on in which somebody begins to listen to it; null: nothing.
   */
  connect(wires, recording = null) {
    this.#wires = wires.map((wire) => {
      const playback = new Playback(recording);
      return { wire, playback, device: "pin" in wire ? new AnalogueMicrophone(playback) : null, changes: {} };
    });
  }

  /** Another chip is there, whose clock began at `origin` nanoseconds of the board's time. */
  plugInto(pio, origin) {
    for (const each of this.#wires) {
      if ("pin" in each.wire) continue;
      each.device = new I2SMicrophone(pio, { ...each.wire, playback: each.playback, origin });
      Object.assign(each.device, each.changes);
    }
  }

  /** What a conversion of an ADC channel gives at this time. */
  level(channel, nanos) {
    return this.#wires.find(({ wire }) => wire.pin === FIRST_ANALOGUE + channel)?.device.level(nanos) ?? MIDDLE;
  }

  /** All hear another recording, once, from now on; nanos null: each from when somebody begins to listen to it anew. */
  play(recording, nanos) {
    if (this.#wires.length === 0) throw new Error("no microphone is there to hear it: start the board with one, by --wire");
    for (const { playback } of this.#wires) {
      if (nanos === null) playback.await(recording);
      else playback.play(recording, nanos);
    }
  }

  /** Nanoseconds at which what each hears began, or null. */
  get begun() {
    return this.#wires.map(({ playback }) => playback.begun);
  }

  /** Change what an I2SMicrophone is, by the number of its wire; without one, the first: its `right`, `offset`, `stuck`, `plugged`. */
  change(number, changes) {
    const i2s = this.#wires.filter(({ wire }) => !("pin" in wire));
    const found = number === undefined ? i2s[0] : this.#wires[number];
    if (!i2s.includes(found)) throw new Error("no I2S microphone is there: start the board with one, by --wire");
    Object.assign(found.changes, changes);
    if (found.device) Object.assign(found.device, changes);
  }

  /** Whether one hears something, so that something happens though nobody says anything. */
  isPlaying(nanos) {
    return this.#wires.some(({ playback }) => playback.isPlaying(nanos));
  }

  /** The devices, for tests. */
  get devices() {
    return this.#wires.map(({ device }) => device);
  }
}
