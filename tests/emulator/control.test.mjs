import assert from "node:assert/strict";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Duplex, PassThrough } from "node:stream";
import test from "node:test";

import { load, run, running, wav } from "./board.mjs";
import { b, set, str, wfi } from "./thumb.mjs";

const { Control } = await load("control.mjs");

/** A control channel of a board; ask(command): the answer, an object. A command may be a line as it is. */
function channelOf(pico) {
  const [to, from] = [new PassThrough(), new PassThrough()];
  const channel = { calls: [], late: null };
  const around = { before: () => channel.calls.push("before"), after: () => channel.calls.push("after"), late: () => channel.late };
  new Control(pico, Duplex.from({ readable: to, writable: from }), around);
  const lines = createInterface({ input: from });
  channel.ask = async (command) => {
    to.write((typeof command === "string" ? command : JSON.stringify(command)) + "\n");
    const [line] = await once(lines, "line");
    return JSON.parse(line);
  };
  return channel;
}

const waiting = () => running(wfi());

test("counters tells what the board has spent", async () => {
  const pico = running(set(0, 0x4f000000), set(1, 0x10000), str(1, 0, 0), set(1, 8192), str(1, 0, 8), wfi());
  run(pico);
  const { cycles, cpu, wall, ...others } = await channelOf(pico).ask({ do: "counters" });
  assert.equal(cycles, pico.cycles);
  assert.ok(cycles > 2 * 5_625_000);
  const flash = { erased: 2, programmed: 0, nanos: 90e6 };
  assert.deepEqual(others, { nanos: 8 * cycles, hz: 125e6, resets: 0, flash, xip: null, late: null });
  assert.ok(cpu > 0.01 && wall > 0.01 && wall < performance.now() / 1000);
});

test("counters tells by how much real time was missed", async () => {
  const channel = channelOf(waiting());
  channel.late = 1.5;
  assert.equal((await channel.ask({ do: "counters" })).late, 1.5);
});

test("counters tells hits and misses where the cache is modelled", async () => {
  const pico = waiting();
  pico.xip = { hits: 5, misses: 7 };
  assert.deepEqual((await channelOf(pico).ask({ do: "counters" })).xip, { hits: 5, misses: 7 });
});

test("reset starts the board anew", async () => {
  const pico = waiting();
  run(pico);
  const before = pico.chip;
  const channel = channelOf(pico);
  assert.deepEqual(await channel.ask({ do: "reset" }), {});
  assert.notEqual(pico.chip, before);
  assert.equal((await channel.ask({ do: "counters" })).resets, 1);
});

test("cut takes power away after so many cycles more", async () => {
  const pico = running("again", b("again"));
  pico.run(0);
  const { cycles } = pico;
  assert.ok(cycles > 1000);
  assert.deepEqual(await channelOf(pico).ask({ do: "cut", after: 12345 }), {});
  assert.equal(run(pico), "cut");
  assert.ok(pico.cycles >= cycles + 12345 && pico.cycles < cycles + 12350);
});

test("cut needs a number of cycles", async () => {
  const pico = waiting();
  const channel = channelOf(pico);
  for (const after of [undefined, null, -1, 1.5, "5", true]) {
    assert.deepEqual(await channel.ask({ do: "cut", after }), { error: "after: a number of cycles is expected" });
  }
  assert.equal(pico.cutAt, Infinity);
});

const I2S = { sck: 1, ws: 2, sd: 3 };

test("play lets all microphones hear a file from now on", async () => {
  const pico = waiting();
  pico.connect([{ pin: 26 }, I2S]);
  run(pico);
  assert.deepEqual(await channelOf(pico).ask({ do: "play", file: wav([16, 32, 48], { rate: 8000 }) }), {});
  for (const { playback } of pico.microphones.devices) {
    const heard = [-1, 0, 1, 2, 3].map((n) => playback.sample(pico.nanos + n * 125_000));
    assert.deepEqual(heard, [0, 16, 32, 48, 0]);
  }
});

test("play can wait until somebody begins to listen, and begun tells when that was", async () => {
  const pico = waiting();
  pico.connect([{ pin: 26 }, I2S]);
  const channel = channelOf(pico);
  const [first, second] = pico.microphones.devices.map(({ playback }) => playback);
  first.begin(100);
  await channel.ask({ do: "play", file: wav([16, 32]), waits: true });
  assert.deepEqual((await channel.ask({ do: "begun" })).begun, [null, null]);
  assert.equal(first.sample(pico.nanos), 0);
  first.begin(5e9);
  assert.deepEqual((await channel.ask({ do: "begun" })).begun, [5, null]);
  assert.equal(first.sample(5e9), 16);
  await channel.ask({ do: "play", file: wav([16, 32]) });
  const { seconds, begun } = await channel.ask({ do: "begun" });
  assert.deepEqual(begun, [seconds, seconds]);
  second.begin(9e9);
  assert.equal(second.begun, pico.nanos);
  assert.deepEqual(await channel.ask({ do: "play", file: wav([1]), waits: 1 }), { error: "waits: true or false is expected" });
});

test("play needs a file that it can read and somebody to hear it, and keeps the sound before otherwise", async () => {
  const pico = waiting();
  const channel = channelOf(pico);
  assert.match((await channel.ask({ do: "play", file: wav([1]) })).error, /^no microphone is there to hear it/);
  pico.connect([{ pin: 26 }]);
  const wrong = wav([1], { bits: 8 });
  assert.deepEqual(await channel.ask({ do: "play", file: wrong }), { error: `${wrong}: 16-bit PCM is expected` });
  assert.match((await channel.ask({ do: "play", file: "/nowhere.wav" })).error, /no such file.*nowhere\.wav/);
  // A number would be the descriptor of an open file: the board's serial line, even.
  for (const file of [undefined, null, 99]) {
    assert.deepEqual(await channel.ask({ do: "play", file }), { error: "file: the path of a WAV file is expected" });
  }
  assert.equal(pico.microphones.devices[0].playback.recording, null);
});

test("i2s changes a microphone, and what was said before stays, over a reset too", async () => {
  const pico = waiting();
  const channel = channelOf(pico);
  assert.match((await channel.ask({ do: "i2s", right: true })).error, /^no I2S microphone is there/);
  pico.connect([{ pin: 26 }, I2S, { sck: 4, ws: 5, sd: 6 }], { rate: 16000, samples: Int16Array.of(1) });
  assert.match((await channel.ask({ do: "i2s", wire: 0, right: true })).error, /^no I2S microphone is there/);
  assert.deepEqual(await channel.ask({ do: "i2s", right: true, offset: -5 }), {});
  assert.deepEqual(await channel.ask({ do: "i2s", wire: 1, stuck: 7, plugged: false }), {});
  await channel.ask({ do: "reset" });
  const { right, offset, stuck, plugged, playback } = pico.microphones.devices[1];
  assert.deepEqual({ right, offset, stuck, plugged }, { right: true, offset: -5, stuck: 7, plugged: false });
  assert.deepEqual([...playback.recording.samples], [1]);
  await channel.ask({ do: "i2s", stuck: null, plugged: true });
  const [, first, second] = pico.microphones.devices;
  assert.deepEqual([first.stuck, first.plugged, second.offset], [null, true, 0]);
  await channel.ask({ do: "i2s", wire: 2, offset: 3 });
  assert.deepEqual([first.offset, second.offset], [-5, 3]);
});

test("i2s takes nothing else", async () => {
  const pico = waiting();
  pico.connect([I2S]);
  const channel = channelOf(pico);
  for (const [wrong, wanted] of [
    [{ right: 1 }, "right: true or false"],
    [{ plugged: null }, "plugged: true or false"],
    [{ offset: 2 ** 23 }, "offset: a number of 24 bits"],
    [{ stuck: "x" }, "stuck: a number of 24 bits, or null"],
  ]) {
    assert.deepEqual(await channel.ask({ do: "i2s", offset: 9, ...wrong }), { error: `${wanted} is expected` });
  }
  assert.equal(pico.microphones.devices[0].offset, 0);
});

test("line takes the four states", async () => {
  const pico = waiting();
  const channel = channelOf(pico);
  for (const state of ["closed", "stalled", "unplugged", "open"]) {
    assert.deepEqual(await channel.ask({ do: "line", state }), {});
    assert.equal(pico.line.state, state);
  }
  for (const state of [undefined, "shut", 1]) {
    assert.deepEqual(await channel.ask({ do: "line", state }), { error: "state: one of open, closed, stalled, unplugged is expected" });
  }
});

test("pins, watch and changes tell of the pins, and of none that is not there", async () => {
  const pico = waiting();
  const channel = channelOf(pico);
  assert.equal((await channel.ask({ do: "pins" })).pins.length, 30);
  assert.equal((await channel.ask({ do: "watch", pin: 5 })).level, 0);
  const { seconds, changes, lost } = await channel.ask({ do: "changes", pin: 5 });
  assert.deepEqual([seconds, changes, lost], [pico.nanos / 1e9, [], 0]);
  assert.deepEqual(await channel.ask({ do: "changes", pin: 6 }), { error: "pin 6 is not watched" });
  for (const act of ["watch", "changes"]) {
    for (const pin of [undefined, -1, 30, 1.5, "5"]) assert.deepEqual(await channel.ask({ do: act, pin }), { error: "pin: a GPIO number is expected" });
  }
});

test("lines tells what the board has said since, and when each line had left", async () => {
  const pico = waiting();
  const channel = channelOf(pico);
  pico.lines.note(Buffer.from("on"), 1e9);
  pico.lines.note(Buffer.from("e\ntwo\nthr"), 2e9);
  assert.deepEqual(await channel.ask({ do: "lines" }), { seconds: pico.nanos / 1e9, lines: [[2, "one"], [2, "two"]], lost: 0 });
  pico.lines.note(Buffer.from("ee\n" + "\n".repeat(1000)), 3e9);
  const { lines, lost } = await channel.ask({ do: "lines" });
  assert.deepEqual([lines.length, lines[0], lost], [1000, [3, "three"], 1]);
  assert.deepEqual((await channel.ask({ do: "lines" })).lines, []);
});

test("an unknown command is answered with the known ones", async () => {
  const channel = channelOf(waiting());
  const error = "unknown command; known: counters, reset, cut, line, play, begun, i2s, pins, watch, changes, lines";
  for (const name of ["fly", "toString", "", undefined, 1]) assert.deepEqual(await channel.ask({ do: name }), { error });
  for (const line of ["{}", "[]", "1", "null", '"reset"']) assert.deepEqual(await channel.ask(line), { error }, line);
});

test("what is no JSON is answered with an error, and the channel goes on", async () => {
  const channel = channelOf(waiting());
  for (const line of ["", "reset", '{"do": "reset"']) assert.match((await channel.ask(line)).error, /JSON/);
  assert.deepEqual(await channel.ask({ do: "reset" }), {});
});

test("the board is told before and after each command, also of one that fails", async () => {
  const channel = channelOf(waiting());
  await channel.ask({ do: "counters" });
  assert.deepEqual(channel.calls, ["before", "after"]);
  await channel.ask({ do: "fly" });
  assert.deepEqual(channel.calls, ["before", "after", "before", "after"]);
});
