// How emulated time passes beside the wall's clock.
//
// In real time, emulated time is the wall's: never ahead of it by more than one thing that cannot be divided (a sector's erasing, 45 ms),
// computing or waiting. An emulator that cannot keep up is late: it makes up for LAG, and what is more is counted in `late`.
//
// Otherwise the board computes as fast as it can, and a processor that waits
//   - waits as long as by the wall's clock while the host may be about to say more: for QUIET after its last byte. The firmware gives
//     up a payload that has stopped for a second of emulated time, and a second in which the machine had no time for the host is none;
//   - after that does not wait: emulated time goes on to the next alarm that can wake it;
//   - unless there is none: then only the host can, and this process sleeps;
//   - or unless not waiting has cost PATIENCE and nothing has come of it: the board looks again and again for something to do, as the
//     app does when it is idle, and would keep a core of this machine busy for nothing. It waits by the wall's clock until something
//     happens. While a sound plays, something does.
//
// Time in which this process did not run though it wanted to (a busy machine, Ctrl-Z) is not the board's: no turn sees more of the
// wall's clock pass than it planned to, and GRACE.

export const BUSY = 20; // ms of this machine's time in one turn
const GRACE = 20; // ms by which a turn may be late and count in full
export const QUIET = 2000; // ms: twice what the firmware waits for the rest of a payload (firmware/watchword/stdin.py)
export const PATIENCE = 500; // ms of this machine's time: seconds of the idle app, or hundreds of thousands of mere sleeps
export const LAG = 100; // ms
const NAP = 50; // ms: the longest sleep in real time, so that no sleep is taken for being late

export class Pace {
  /** clock: ms, for tests. */
  constructor(pico, { realTime = false, clock = () => performance.now() } = {}) {
    this.pico = pico;
    this.realTime = realTime;
    this.clock = clock;
    this.last = clock(); // when the turn before began
    this.planned = 0; // ms that it and the sleep after it were to take
    this.quiet = 0; // ms since the host's last byte
    this.spent = 0; // ms of not waiting since something happened
    this.ahead = clock() * 1e6 - pico.nanos; // what the wall's clock shows more than the board's should
    this.late = 0; // ms
  }

  /** Bytes have come from the host. */
  heard() {
    this.quiet = 0;
    this.spent = 0;
  }

  /** The board has said something. */
  said() {
    this.spent = 0;
  }

  /**
   * Run the board for a turn: {state, sleep}. state: what Pico.run returned last. sleep: ms to the next turn, unless something comes
   * before; Infinity: only then. All that the host has sent by now must have been handed to the board.
   */
  turn() {
    return this.#turn(true);
  }

  /** A turn that ends a sleep early, before something comes from outside: it finds the board at its time. */
  settle() {
    return this.#turn(false);
  }

  #turn(maySkip) {
    const now = this.clock();
    const passed = Math.min(now - this.last, this.planned + GRACE);
    this.last = now;
    this.quiet += passed;
    const skips = maySkip && this.quiet >= QUIET && (this.spent < PATIENCE || this.pico.isPlaying);
    const { state, sleep } = this.realTime ? this.#keepTime(now) : skips ? this.#skip(now, passed) : this.#wait(now, passed);
    this.planned = this.clock() - now + sleep;
    return { state, sleep };
  }

  #wait(now, passed) {
    this.pico.idleNanos = passed * 1e6;
    const state = this.pico.run(now + BUSY);
    if (state !== "idle") return { state, sleep: 0 };
    const sleep = toWake(this.pico.chip) / 1e6;
    const left = QUIET - this.quiet; // after which it need not wait
    return { state, sleep: left > 0 && sleep < Infinity ? Math.min(sleep, left) : sleep };
  }

  #skip(now, passed) {
    const { pico } = this;
    let skipped = false;
    pico.idleNanos = passed * 1e6;
    for (;;) {
      const state = pico.run(now + BUSY);
      const next = state === "idle" ? toWake(pico.chip) : 0;
      const spent = this.clock() - now;
      if (state !== "idle" || next === Infinity || spent >= BUSY) {
        if (skipped && !pico.isPlaying) this.spent += spent;
        return { state, sleep: next === Infinity ? next : 0 };
      }
      pico.idleNanos = next;
      skipped = true;
    }
  }

  #keepTime(now) {
    const { pico } = this;
    const due = () => this.clock() * 1e6 - this.ahead - pico.nanos; // nanoseconds that the board is behind
    const excess = due() - LAG * 1e6;
    if (excess > 0) {
      this.late += excess / 1e6;
      this.ahead += excess;
    }
    for (;;) {
      const behind = due();
      if (behind < 0) return { state: "idle", sleep: Math.min(-behind / 1e6, NAP) };
      pico.idleNanos = behind;
      const state = pico.run(0); // the least that it can
      if (state === "idle") return { state, sleep: Math.min(toWake(pico.chip) / 1e6, NAP) };
      if (state !== "busy" || this.clock() - now >= BUSY) return { state, sleep: 0 };
    }
  }
}

/** Nanoseconds to the next alarm that can wake a chip's processor; Infinity where there is none. */
function toWake({ clock, ppb }) {
  let alarm = clock.nextAlarm;
  // rp2040js's SysTick always runs; its interrupt is seldom on.
  while (alarm && alarm === ppb.systickAlarm.clockAlarm && !ppb.systickIntEnable) alarm = alarm.next;
  return alarm ? alarm.nanos - clock.nanos : Infinity;
}
