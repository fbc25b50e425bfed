// The cable, as stock MicroPython sees it.
import assert from "node:assert/strict";
import test from "node:test";

import { INTERRUPT, RAW_REPL, Session } from "./session.mjs";

const AVAILABLE = 0x400;
const BOTH = 0x4000400;
const TIMED = `
import sys, time
from machine import Pin, mem32
def timed(n):
    '''Milliseconds that writing n bytes takes, and the buffers of endpoint 2 IN after that.'''
    t = time.ticks_us()
    sys.stdout.write('x' * n)
    return time.ticks_diff(time.ticks_us(), t) / 1000, mem32[0x50100090]
`;

/** A board that has learned TIMED. */
function booted() {
  const session = new Session();
  session.boot();
  session.python(TIMED);
  return session;
}

function wait(session, seconds) {
  for (const end = session.pico.nanos + seconds * 1e9; session.pico.nanos < end; ) session.slice();
}

/** What `source`, which makes `found`, has found while the line was in a state; after that it is open, and the REPL answers. */
function during(session, state, source, seconds) {
  session.send(`import time\ntime.sleep_ms(100)\n${source}\nPin(15, Pin.OUT, value=1)\x04`);
  wait(session, 0.05);
  session.pico.line.change(state);
  session.output = "";
  wait(session, seconds);
  assert.equal(session.output, "", `nothing arrives while the line is ${state}`);
  assert.equal(session.pico.probe.pins()[15].level, 1, "it has come to its end");
  session.pico.line.change("open");
  wait(session, 0.2);
  const arrived = session.output;
  session.output = "";
  session.send(INTERRUPT);
  session.until(RAW_REPL);
  return { arrived, found: JSON.parse(session.python("print(found)").replaceAll("(", "[").replaceAll(")", "]")) };
}

test("a packet stays available until the host has it", () => {
  const session = booted();
  const [[ms, buffers]] = JSON.parse(`[${session.python("found = timed(20); time.sleep_ms(1); print([found[0], mem32[0x50100090]])").replace(/^x+/, "")}]`);
  assert.ok(ms < 2, `${ms} ms`);
  assert.equal(buffers & BOTH, 0, "taken");
  const { found, arrived } = during(session, "stalled", "found = [timed(20), timed(200)]; time.sleep_ms(300); found.append([0, mem32[0x50100090]])", 0.6);
  assert.ok(found.every(([, buffers]) => buffers & AVAILABLE), "it waits");
  assert.ok(arrived.startsWith("x".repeat(220)), "and comes when it is asked for");
  assert.ok(found.every(([ms]) => ms < 2), "what the board's buffers take blocks nobody");
});

test("of a pair of buffers, which stock MicroPython does not use, the first is taken first, and the interrupt comes with the last", () => {
  const { chip, line } = booted().pico;
  const [CONTROL, BUFFERS, DATA, BUFF_STATUS] = [0x50100010, 0x50100090, 0x50100800, 0x50110058];
  const taken = [];
  line.onData = (bytes) => taken.push(String(bytes));
  const status = () => chip.readUint32(BUFF_STATUS) & 0x10; // of endpoint 2 IN
  line.change("stalled");
  chip.writeUint32(CONTROL, 0xd8000800); // enabled, double buffered, an interrupt for each pair, bulk
  chip.writeUint32(DATA, 0x64636261);
  chip.writeUint32(DATA + 64, 0x68676665);
  chip.writeUint32(BUFFERS, 0x84038004 | BOTH);
  chip.clock.tick(1e6);
  assert.equal(chip.readUint32(BUFFERS) & BOTH, BOTH);
  line.change("open");
  chip.clock.tick(15_000);
  assert.deepEqual([taken, status(), chip.readUint32(BUFFERS) & BOTH], [["abcd"], 0, 0x4000000]);
  chip.clock.tick(10_000);
  assert.deepEqual([taken, status(), chip.readUint32(BUFFERS) & BOTH], [["abcd", "efg"], 0x10, 0]);
});

test("a terminal that does not read blocks a print for half a second, and the rest of it is lost", () => {
  const session = booted();
  const { found, arrived } = during(session, "stalled", "found = [timed(600), timed(600)]", 2);
  for (const [ms] of found) assert.ok(Math.abs(ms - 500) < 10, `${ms} ms`);
  const [xs] = arrived.match(/^x*/);
  assert.ok(xs.length >= 256 && xs.length < 600, `${xs.length} of 1200 bytes`);
});

test("with no terminal a print blocks nobody, and the latest arrives when one comes", () => {
  const session = booted();
  const { found, arrived } = during(session, "closed", "found = [timed(600), timed(600)]; sys.stdout.write('the end')", 1);
  for (const [ms, buffers] of found) assert.ok(ms < 2 && buffers & AVAILABLE, `${ms} ms`);
  assert.ok(arrived.includes("the end"), arrived);
});

test("without a cable a short print blocks nobody, and the board is there again when it is plugged in", () => {
  const session = booted();
  assert.equal(session.python("print(Pin(24).value())"), "1\n");
  const { found } = during(session, "unplugged", "found = [timed(200)[0], Pin(24).value()]", 1);
  assert.ok(found[0] < 2, `${found[0]} ms`);
  assert.equal(found[1], 0, "no VBUS");
});

const FRAMES = `
found = []
for i in range(5):
    found.append(mem32[0x50110048])
    time.sleep_ms(2)`;

test("the number of the last frame goes on while there is a host, and stands still without one", () => {
  const session = booted();
  for (const state of ["closed", "stalled"]) {
    const { found } = during(session, state, FRAMES, 0.5);
    for (let n = 1; n < 5; n++) assert.ok([2, 3].includes((found[n] - found[n - 1]) & 0x7ff), `${found} while it is ${state}`);
  }
  const { found } = during(session, "unplugged", FRAMES, 0.5);
  assert.equal(new Set(found).size, 1, `${found}`);
});

test("without a cable nothing is offered to a host, and what finds no room waits for ever", () => {
  const session = booted();
  const { found } = during(session, "unplugged", "found = [timed(100), timed(100)]", 0.5);
  for (const [ms, buffers] of found) assert.deepEqual([ms < 2, buffers & BOTH], [true, 0]);
  session.python("Pin(15, Pin.OUT, value=0)");
  session.send("time.sleep_ms(100); timed(600); Pin(15).value(1)\x04");
  wait(session, 0.05);
  session.pico.line.change("unplugged");
  wait(session, 3);
  assert.equal(session.pico.probe.pins()[15].level, 0);
});

test("what a terminal has written arrives though it has closed the port, and not where the cable is gone", () => {
  const session = booted();
  for (const [state, level] of [["closed", 1], ["unplugged", 0]]) {
    session.python("Pin(15, Pin.OUT, value=0)");
    session.pico.line.change(state);
    session.send("Pin(15).value(1)\x04");
    wait(session, 0.5);
    assert.equal(session.pico.probe.pins()[15].level, level, state);
    session.pico.line.change("open");
    wait(session, 0.2);
    session.send(INTERRUPT);
    session.until(RAW_REPL);
  }
});

for (const state of ["closed", "stalled", "unplugged"]) {
  test(`a board starts while its line is ${state}`, () => {
    const session = new Session();
    session.pico.line.change(state);
    wait(session, 2);
    assert.equal(session.output, "");
    session.pico.line.change("open");
    wait(session, 0.2);
    session.send(INTERRUPT);
    session.until(RAW_REPL);
    assert.equal(session.python("print(6 * 7)"), "42\n");
  });
}
