import assert from "node:assert/strict";
import test from "node:test";

import { load } from "./board.mjs";
import { Session } from "./session.mjs";

const { MOST } = await load("probe.mjs");

/** A board at its raw REPL. */
function booted() {
  const session = new Session();
  session.boot();
  return session;
}

test("each pin's function, whether it is driven, and its level", () => {
  const session = booted();
  const { probe } = session.pico;
  assert.deepEqual(probe.pins()[15], { function: "none", output: false, level: 0 });
  session.python("from machine import Pin, PWM\nPin(15, Pin.OUT, value=1); Pin(14, Pin.OUT, value=0); Pin(13, Pin.IN, Pin.PULL_UP); PWM(Pin(12), freq=1000, duty_u16=0)");
  const pins = probe.pins();
  assert.deepEqual(pins[15], { function: "sio", output: true, level: 1 });
  assert.deepEqual(pins[14], { function: "sio", output: true, level: 0 });
  assert.deepEqual(pins[13], { function: "sio", output: false, level: 1 });
  assert.deepEqual(pins[12], { function: "pwm", output: true, level: 0 });
});

test("changes of a watched pin come with their emulated times, over resets too", () => {
  const session = booted();
  const { probe } = session.pico;
  session.python("from machine import Pin\nimport time\np = Pin(15, Pin.OUT, value=0)");
  assert.equal(probe.watch(15), 0);
  session.python("p.on(); time.sleep_ms(250); p.off(); time.sleep_ms(500); p.on(); Pin(14, Pin.OUT, value=1)");
  const { changes, lost } = probe.changes(15);
  assert.deepEqual(changes.map(([, level]) => level), [1, 0, 1]);
  assert.equal(lost, 0);
  const [up, down, again] = changes.map(([seconds]) => seconds);
  assert.ok(Math.abs(down - up - 0.25) < 0.002, `${down - up} s`);
  assert.ok(Math.abs(again - down - 0.5) < 0.002, `${again - down} s`);
  assert.ok(again < session.pico.nanos / 1e9);
  const before = session.pico.nanos;
  session.pico.reset();
  assert.deepEqual(probe.changes(15).changes.at(-1), [before / 1e9, 0]);
  session.boot();
  session.python("from machine import Pin\nPin(15, Pin.OUT, value=1)");
  const [seconds, level] = probe.changes(15).changes.at(-1);
  assert.ok(level === 1 && seconds > before / 1e9);
  assert.equal(probe.watch(15), 1);
  assert.deepEqual(probe.changes(15).changes, []);
});

test("changes by programmable I/O come with their own times, however late somebody looks", () => {
  const session = booted();
  const { probe } = session.pico;
  probe.watch(3);
  session.python(`
import rp2, time
from machine import Pin
@rp2.asm_pio(set_init=rp2.PIO.OUT_LOW)
def square():
    set(pins, 1) [4]
    set(pins, 0) [4]
sm = rp2.StateMachine(0, square, freq=2000, set_base=Pin(3))
sm.active(1); time.sleep_ms(100); sm.active(0)`);
  const { changes } = probe.changes(3);
  assert.ok(changes.length >= 39 && changes.length <= 41, `${changes.length} changes`);
  for (let n = 2; n < 38; n++) assert.ok(Math.abs(changes[n][0] - changes[n - 1][0] - 0.0025) < 1e-6);
});

test("of a pin that changes all the time the first changes are kept, and the others counted", () => {
  const session = booted();
  const { probe } = session.pico;
  probe.watch(3);
  session.python(`
import rp2, time
from machine import Pin
@rp2.asm_pio(set_init=rp2.PIO.OUT_LOW)
def square():
    set(pins, 1)
    set(pins, 0)
sm = rp2.StateMachine(0, square, freq=1000000, set_base=Pin(3))
sm.active(1); time.sleep_ms(20); sm.active(0)`);
  const { changes, lost } = probe.changes(3);
  assert.equal(changes.length, MOST);
  assert.ok(lost > 5000 && lost < 20_000, `${lost} lost`);
});
