import assert from "node:assert/strict";
import fs from "node:fs";
import test from "node:test";

import { boardOf, image, ram, run, running } from "./board.mjs";
import { adds, assemble, b, bcc, bcs, beq, bkpt, bne, cmp, ldr, lsrs, movs, set, str, subs, wfi } from "./thumb.mjs";

const RAM = 0x20000000;
const TIMER = 0x40054000;
const TIMERAWL = 0x28; // microseconds since power-on
const WATCHDOG = 0x40058000;
const [CTRL, LOAD, REASON, SCRATCH0] = [0x00, 0x04, 0x08, 0x0c];
const AIRCR = 0xe000ed0c;
const SYSRESETREQ = 0x05fa0004;
const FLASH_PORT = 0x4f000000;

// ---- sound at the ADC

const ADC = 0x4004c000;
const [CS, RESULT, FCS, FIFO, DIV] = [0x00, 0x04, 0x08, 0x0c, 0x10];
const START_ONE = 5; // with the ADC on
const START_MANY = 9;

/** A board that converts `count` times in turn, each time as soon as the last is done. */
function converting(channel, count) {
  return running(
    ...[set(0, ADC), set(1, START_ONE | (channel << 12)), set(3, RAM), set(4, count), set(5, TIMER)],
    "next",
    ...[ldr(6, 5, TIMERAWL), str(6, 3), str(1, 0, CS)],
    "wait",
    ...[ldr(2, 0, CS), lsrs(2, 2, 9), bcc("wait")], // bit 8: ready
    ...[ldr(2, 0, RESULT), str(2, 3, 4), adds(3, 8), subs(4, 1), bne("next"), wfi()],
  );
}

/** What it has stored: the microsecond in which each conversion began, and the level that it gave. */
function conversions(pico, count) {
  const words = ram(pico, 2 * count);
  return Array.from({ length: count }, (_, i) => ({ micros: words[2 * i], level: words[2 * i + 1] }));
}

/** Samples whose level is their number, as the ADC sees it: from 0 on. */
const staircase = (count) => Int16Array.from({ length: count }, (_, i) => (i - 2048) << 4);

const RATE = 100_000;

/** Levels that a conversion may give, `micros` after a staircase began: it starts in that microsecond, or early in the next. */
const possible = (micros, count) =>
  [micros, micros + 1.1].map((at) => Math.floor((at * RATE) / 1e6)).map((at) => (at < count ? at : 2048));

test("a conversion reads the sample of its time, and the middle after the end", () => {
  const pico = converting(0, 2000);
  pico.connect([{ pin: 26 }]);
  pico.microphones.play({ rate: RATE, samples: staircase(400) }, pico.nanos);
  assert.equal(run(pico), "idle");
  const seen = new Set();
  for (const { micros, level } of conversions(pico, 2000)) {
    assert.ok(possible(micros, 400).includes(level), `level ${level} at ${micros} us`);
    seen.add(level);
  }
  // Each sample lasts for several conversions: none is left out.
  assert.deepEqual([...seen], [...Array.from({ length: 400 }, (_, i) => i), 2048]);
});

test("16 bits become 12", () => {
  const level = (sample) => {
    const pico = converting(0, 1);
    pico.connect([{ pin: 26 }], { rate: 1, samples: Int16Array.of(sample) });
    run(pico);
    return conversions(pico, 1)[0].level;
  };
  assert.deepEqual([-32768, -1, 0, 15, 16, 32767].map(level), [0, 2047, 2048, 2048, 2049, 4095]);
});

test("other channels, and a board without sound, read the middle", () => {
  const sound = { rate: 1, samples: Int16Array.of(16000) };
  for (const [channel, pin, level] of [[1, 26, 2048], [2, 26, 2048], [3, 28, 2048], [4, 26, 2048], [0, null, 2048], [1, 27, 3048], [2, 28, 3048]]) {
    const pico = converting(channel, 3);
    if (pin) pico.connect([{ pin }], sound);
    run(pico);
    assert.deepEqual(conversions(pico, 3).map(({ level }) => level), [level, level, level], `channel ${channel}`);
  }
});

test("a sound begins with the first conversion, and anew with one after a pause", () => {
  const pico = converting(0, 300);
  pico.connect([{ pin: 26 }], { rate: RATE, samples: staircase(400) });
  run(pico);
  const [first, ...others] = conversions(pico, 300);
  assert.equal(first.level, 0);
  for (const { micros, level } of others) {
    const passed = micros - first.micros;
    assert.ok(possible(passed - 1.1, 400).concat(possible(passed, 400)).includes(level), `level ${level} after ${passed} us`);
  }
  const [device] = pico.microphones.devices;
  assert.equal(device.level(pico.nanos + 101e6), 0);
});

test("sound on command begins when it is given, not at power-on", () => {
  const pico = converting(0, 1000);
  pico.connect([{ pin: 26 }]);
  pico.run(0); // one slice
  const begun = pico.nanos / 1e3;
  assert.ok(begun > 100 && begun < 1000);
  pico.microphones.play({ rate: RATE, samples: staircase(400) }, pico.nanos);
  run(pico);
  for (const { micros, level } of conversions(pico, 1000).filter(({ micros }) => micros > begun)) {
    assert.ok(possible(micros - begun, 400).includes(level), `level ${level} at ${micros} us`);
  }
});

test("conversions by the ADC's own clock take one sample after another", () => {
  const count = 300;
  const pico = running(
    ...[set(0, ADC), set(1, (48_000_000 / 16000 - 1) << 8), str(1, 0, DIV), movs(1, 1), str(1, 0, FCS)],
    ...[set(3, RAM), set(4, count), movs(1, START_MANY), str(1, 0, CS)],
    "wait",
    ...[ldr(2, 0, FCS), lsrs(2, 2, 9), bcs("wait")], // bit 8: the FIFO is empty
    ...[ldr(2, 0, FIFO), str(2, 3), adds(3, 4), subs(4, 1), bne("wait"), wfi()],
  );
  pico.connect([{ pin: 26 }], { rate: 16000, samples: staircase(1000) });
  assert.equal(run(pico), "idle");
  assert.deepEqual(ram(pico, count), Array.from({ length: count }, (_, i) => i));
});

// ---- resets

/** Instructions that count starts in a scratch register, and reset by `how` until there were `starts`; then the board waits. */
const restarting = (starts, ...how) => [
  ...[set(0, WATCHDOG), ldr(1, 0, SCRATCH0), adds(1, 1), str(1, 0, SCRATCH0), cmp(1, starts), beq("done")],
  ...how,
  "again",
  b("again"),
  "done",
  ...[ldr(2, 0, REASON), set(3, RAM), str(2, 3), wfi()],
];

const bySystem = [set(2, AIRCR), set(3, SYSRESETREQ), str(3, 2)];
const byWatchdog = (micros) => [set(2, 2 * micros), str(2, 0, LOAD), set(2, 0x40000000), str(2, 0, CTRL)];
const byTrigger = [set(2, 0x80000000), str(2, 0, CTRL)];

const scratch = (pico) => pico.chip.readUint32(WATCHDOG + SCRATCH0);

test("SYSRESETREQ resets: the board starts anew, cycles and time go on, scratch registers stay", () => {
  const pico = running(...restarting(4, ...bySystem));
  assert.equal(pico.resets, 0);
  assert.equal(run(pico), "idle");
  assert.equal(pico.resets, 3);
  assert.equal(scratch(pico), 4);
  assert.deepEqual(ram(pico, 1), [0], "the watchdog is no reason");
  const once = running(...restarting(1));
  run(once);
  const share = pico.cycles / once.cycles;
  assert.ok(share > 3.9 && share < 4.1, `four starts take ${share} times the cycles of one`);
  assert.ok(Math.abs(pico.nanos - 8 * pico.cycles) < 1);
});

test("another store to the same register resets nothing", () => {
  const pico = running(set(2, AIRCR), set(3, SYSRESETREQ & ~4), str(3, 2), wfi());
  assert.equal(run(pico), "idle");
  assert.equal(pico.resets, 0);
});

test("a watchdog that nobody feeds resets in its time, and is the reason then", () => {
  const pico = running(...restarting(3, ...byWatchdog(500)));
  assert.equal(run(pico), "idle");
  assert.equal(pico.resets, 2);
  assert.equal(scratch(pico), 3);
  assert.deepEqual(ram(pico, 1), [1]);
  assert.ok(pico.nanos > 2 * 500e3 && pico.nanos < 2 * 500e3 + 100e3, `${pico.nanos} ns`);
});

test("a watchdog set off by hand resets at once, and is the reason then", () => {
  const pico = running(...restarting(3, ...byTrigger));
  assert.equal(run(pico), "idle");
  assert.equal(pico.resets, 2);
  assert.deepEqual(ram(pico, 1), [2]);
  assert.ok(pico.nanos < 100e3, `${pico.nanos} ns`);
});

test("the reset button leaves nothing of the watchdog's, as switching on does", () => {
  const pico = running(...restarting(3, ...byTrigger));
  run(pico);
  const { cycles } = pico;
  pico.reset();
  assert.equal(pico.resets, 3);
  assert.equal(pico.cycles, cycles);
  assert.equal(scratch(pico), 0);
  assert.equal(pico.chip.readUint32(WATCHDOG + REASON), 0);
});

test("sound goes on over a reset", () => {
  const pico = converting(0, 100);
  pico.connect([{ pin: 26 }], { rate: RATE, samples: staircase(2000) });
  run(pico);
  const [last] = conversions(pico, 100).slice(-1);
  pico.reset();
  run(pico);
  const [first] = conversions(pico, 100);
  assert.ok(first.micros < last.micros, "the timer has begun anew");
  assert.ok(first.level >= last.level && first.level <= last.level + 2, `level ${first.level} after ${last.level}`);
});

// ---- waiting

test("a board that waits lets only the time pass that it is given, and no cycles", () => {
  const pico = running(...restarting(2, ...byWatchdog(1000), wfi()));
  assert.equal(run(pico), "idle");
  const { cycles, nanos } = pico;
  pico.idleNanos = 400e3;
  assert.equal(run(pico), "idle");
  assert.equal(pico.nanos, nanos + 400e3);
  assert.equal(pico.cycles, cycles);
  assert.equal(pico.resets, 0);
  pico.idleNanos = 700e3;
  assert.equal(run(pico), "idle");
  assert.equal(pico.resets, 1, "the watchdog's time is over");
  // What was left of the time given has passed after the reset, beside what that took.
  const waited = pico.nanos - nanos - 8 * (pico.cycles - cycles);
  assert.ok(Math.abs(waited - 1100e3) < 1, `${waited} ns`);
});

// ---- power

/** Instructions that erase (source 0) or program `count` bytes of flash at `offset`, and then wait. */
const flashing = (offset, source, count) => [
  ...[set(0, FLASH_PORT), set(1, offset), str(1, 0, 0), set(1, source), str(1, 0, 4), set(1, count), str(1, 0, 8), wfi()],
];

/** How many bytes at the beginning of `bytes` are `value`; the others must all be `rest`. */
function prefix(bytes, value, rest) {
  const length = bytes.findIndex((byte) => byte !== value);
  assert.ok(bytes.subarray(length).every((byte) => byte === rest));
  return length;
}

test("power that goes in the middle of an erase leaves half a sector, for good", () => {
  const path = image({ 0: assemble(...flashing(0x10000, 0, 8192)), 0x10000: new Uint8Array(8192) });
  const pico = boardOf(path);
  pico.cutAt = 5_625_000 / 2; // of the 45 ms that a sector takes
  assert.equal(run(pico), "cut");
  assert.ok(pico.cycles >= pico.cutAt && pico.cycles < pico.cutAt + 10, `${pico.cycles} cycles`);
  const sectors = fs.readFileSync(path).subarray(0x10000, 0x12000);
  const done = prefix(sectors, 0xff, 0);
  // The boot before it took a few hundred of the cycles.
  assert.ok(done >= 2046 && done < 2048, `${done} bytes`);
  assert.ok(sectors.equals(boardOf(path).flash.content.subarray(0x10000, 0x12000)));
});

test("power that goes in the middle of programming leaves half a page", () => {
  const path = image({ 0: assemble(...flashing(0x10000, RAM, 512)) });
  const pico = boardOf(path);
  pico.cutAt = 87_500 * 1.5; // 0.7 ms a page
  assert.equal(run(pico), "cut");
  const done = prefix(fs.readFileSync(path).subarray(0x10000, 0x10200), 0, 0xff);
  assert.ok(done >= 256 + 126 && done < 256 + 128, `${done} bytes`);
});

test("power goes at its cycle over resets too", () => {
  const pico = running(...restarting(0, ...bySystem));
  pico.cutAt = 5000;
  assert.equal(run(pico), "cut");
  assert.ok(pico.resets > 5);
  assert.ok(pico.cycles >= 5000 && pico.cycles < 5010, `${pico.cycles} cycles`);
});

// ---- what stops the board

test("a breakpoint stops the board", () => {
  const pico = running(movs(0, 1), bkpt(0x2a), movs(0, 2), wfi());
  assert.equal(run(pico), "breakpoint");
  assert.equal(pico.chip.core.registers[0], 1);
  assert.equal(run(pico), "breakpoint");
  assert.equal(pico.chip.core.registers[0], 1);
});

test("a board that computes is busy until the time given is over", () => {
  const pico = running("again", b("again"));
  const begun = performance.now();
  assert.equal(pico.run(begun + 20), "busy");
  assert.ok(performance.now() - begun >= 20);
});
