// How emulated time passes beside a clock that the tests move, for boards that do as they are told.
import assert from "node:assert/strict";
import test from "node:test";

import { load } from "./board.mjs";

const { BUSY, LAG, PATIENCE, Pace, QUIET } = await load("pace.mjs");

const MS = 1e6; // nanoseconds

/**
 * A board and the wall's clock (`wall`, ms; moved by `sleep` as by the computing). Its alarm comes every `period` ms of emulated time,
 * never where that is Infinity; then it computes for `work` ms of it, at `speed` times real time.
 */
class World {
  /** As Pico has it. */
  get isPlaying() {
    const { sound, nanos } = this;
    return sound !== null && nanos - sound.start < (sound.samples.length * 1e9) / sound.rate;
  }

  constructor({ period = Infinity, work = 0, speed = 4, ...options } = {}) {
    Object.assign(this, { period, work, speed, wall: 1000, nanos: 0, idleNanos: 0, left: 0, sound: null, longest: 0 });
    const systick = {};
    const { world } = { world: this };
    this.alarm = { next: null, nanos: period * MS };
    this.chip = {
      ppb: { systickAlarm: { clockAlarm: systick }, systickIntEnable: false },
      clock: {
        get nanos() {
          return world.nanos;
        },
        // The SysTick's comes first, and wakes nobody.
        get nextAlarm() {
          return Object.assign(systick, { nanos: world.nanos, next: period < Infinity ? world.alarm : null });
        },
      },
    };
    this.pace = new Pace(this, { clock: () => this.wall, ...options });
  }

  /** As Pico's; a piece of computing takes half a millisecond of emulated time. */
  run(deadline) {
    for (;;) {
      if (this.left > 0) {
        const piece = Math.min(this.left, MS / 2);
        this.left -= piece;
        this.nanos += piece;
        this.wall += piece / MS / this.speed;
      } else if (this.alarm.nanos - this.nanos <= this.idleNanos) {
        this.idleNanos -= this.alarm.nanos - this.nanos;
        this.nanos = this.alarm.nanos;
        this.alarm.nanos += (this.period + this.work) * MS; // it waits again when its work is done
        this.left = this.work * MS;
        this.wall += 0.01; // or a board that does nothing would have all the time of the world
      } else {
        this.nanos += this.idleNanos;
        this.idleNanos = 0;
        return "idle";
      }
      if (this.wall >= deadline) return "busy";
    }
  }

  /** Turns and sleeps for so many ms of the wall; each sleep is as long as asked for, or to the end. */
  live(ms) {
    const end = this.wall + ms;
    while (this.wall < end) {
      const { sleep } = this.pace.turn();
      this.wall += Math.min(Math.ceil(sleep), end - this.wall); // as a timer counts
      this.ahead = Math.max(this.ahead ?? -Infinity, this.nanos / MS - (this.wall - 1000));
    }
  }

  get ms() {
    return this.nanos / MS;
  }
}

const about = (value, expected, by) => assert.ok(Math.abs(value - expected) <= by, `${value}, where about ${expected} is right`);

test("while the host may say more, waiting lasts as long as by the clock", () => {
  const world = new World({ period: 60_000 });
  for (let i = 0; i < 10; i++) {
    world.live(QUIET - 100);
    world.pace.settle();
    world.pace.heard();
  }
  world.pace.settle();
  about(world.ms, 10 * (QUIET - 100), 1);
});

test("once the host has been quiet, waiting takes no time", () => {
  const world = new World({ period: 60_000 });
  world.live(QUIET + 100);
  assert.ok(world.ms > 3600_000, `${world.ms} ms`);
});

test("what a board computes is never held up", () => {
  const world = new World({ period: 1, work: 1e9, speed: 5 });
  world.live(1000);
  about(world.ms, 5000, 5 * BUSY);
});

test("a board without an alarm waits for the host, and so does this process, for whatever time", () => {
  const world = new World();
  world.live(QUIET);
  assert.equal(world.pace.turn().sleep, Infinity);
  world.wall += 3600_000;
  world.pace.settle();
  about(world.ms, QUIET + 3600_000, 1);
});

test("an idle app that looks for work every 2 ms does not keep a core busy for long", () => {
  const world = new World({ period: 2, work: 0.2 });
  world.live(QUIET + 2 * PATIENCE);
  const skipped = world.ms;
  assert.ok(skipped > 20 * PATIENCE, `${skipped} ms`);
  world.live(10_000);
  about(world.ms, skipped + 10_000 * 1.1, 1000); // computing comes on top
  world.pace.said();
  world.live(1000);
  assert.ok(world.ms > skipped + 10_000 + 10 * PATIENCE);
});

test("computing does not count as looking for work", () => {
  const world = new World({ period: 200_000, work: 1e5, speed: 2 });
  world.live(QUIET + 2 * PATIENCE + 50_000); // the first alarm, all of the work and then some
  assert.ok(world.ms > 400_000, `${world.ms} ms`);
});

test("while a sound plays, no waiting takes time", () => {
  const world = new World({ period: 2, work: 0.2 });
  const seconds = 3600;
  world.sound = { rate: 10, samples: new Int16Array(10 * seconds), start: 0 };
  world.live(QUIET + 150_000);
  assert.ok(world.ms > seconds * 1000, `${world.ms} ms`);
  const { ms } = world; // and when it has ended, patience is not yet used up, but will be
  world.live(2 * PATIENCE);
  const after = world.ms;
  assert.ok(after > ms);
  world.live(10_000);
  about(world.ms, after + 11_000, 1000);
});

test("time in which the process did not run is not the board's", () => {
  for (const period of [2, 60_000]) {
    const world = new World({ period });
    world.live(QUIET - 500);
    world.pace.settle();
    const before = world.ms;
    world.wall += 5000;
    world.pace.settle();
    assert.ok(world.ms - before < 100 + 500, `${world.ms - before} ms of 5000`);
    assert.ok(world.pace.quiet <= QUIET + 20);
  }
});

test("what comes from outside finds the board at its time, and leaves no waiting to be made up for", () => {
  const world = new World({ period: 60_000 });
  world.pace.turn();
  world.wall += 1500;
  world.pace.settle();
  about(world.ms, 1500, 1);
  world.pace.heard();
  world.pace.turn();
  about(world.ms, 1500, 1);
});

test("in real time the board is never ahead of the clock, and not behind, waiting or computing", () => {
  for (const options of [{}, { period: 2, work: 0.2 }, { period: 60_000 }, { period: 10, work: 9 }, { period: 100, work: 1e9 }]) {
    const world = new World({ ...options, realTime: true });
    world.live(5000);
    assert.ok(world.ahead <= 0.5, `${world.ahead} ms ahead`);
    world.pace.settle();
    about(world.ms, 5000, 1);
    assert.equal(world.pace.late, 0);
  }
});

test("in real time a sound or a quiet host changes nothing", () => {
  const world = new World({ period: 2, realTime: true });
  world.sound = { rate: 10, samples: new Int16Array(1000), start: 0 };
  world.live(3 * QUIET);
  about(world.ms, 3 * QUIET, 3);
});

test("an emulator that cannot keep up is late, says so, and makes up for no more than a moment", () => {
  const world = new World({ period: 1, work: 1000, speed: 0.5, realTime: true });
  world.live(2004); // one second of work takes two
  about(world.ms, 1001, 2 * BUSY);
  about(world.pace.late, 1003 - LAG, 2 * BUSY);
  const { late } = world.pace;
  const slow = new World({ period: 3000, work: 1000, speed: 0.5, realTime: true });
  slow.live(3000 + 2000 + 500);
  slow.pace.settle();
  about(slow.ms, 3000 + 1000 + 500 + LAG, 2 * BUSY + 5);
  about(slow.pace.late, late, 2 * BUSY + 5);
});

test("in real time what takes long at once is waited for", () => {
  const world = new World({ period: 60_000, realTime: true });
  world.live(100);
  world.pace.settle();
  world.nanos += 45 * MS; // a sector is erased
  const { sleep } = world.pace.turn();
  about(sleep, 45, 1);
  world.live(100);
  world.pace.settle();
  about(world.ms, 200, 1);
});

test("a stopped process makes the board late in real time", () => {
  const world = new World({ period: 2, realTime: true });
  world.live(100);
  world.wall += 5000;
  world.live(100);
  about(world.pace.late, 5000 - LAG, 5);
  about(world.ms, 200 + LAG, 5);
});
