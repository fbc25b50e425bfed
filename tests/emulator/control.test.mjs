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

test("adc gives the board sound from now on", async () => {
  const pico = waiting();
  run(pico);
  assert.deepEqual(await channelOf(pico).ask({ do: "adc", file: wav([1, 2, 3], { rate: 8000 }) }), {});
  assert.equal(pico.sound.rate, 8000);
  assert.deepEqual([...pico.sound.samples], [1, 2, 3]);
  assert.equal(pico.sound.start, pico.nanos);
});

test("adc needs a file that it can read, and keeps the sound before otherwise", async () => {
  const pico = waiting();
  const channel = channelOf(pico);
  const wrong = wav([1], { bits: 8 });
  assert.deepEqual(await channel.ask({ do: "adc", file: wrong }), { error: `${wrong}: 16-bit PCM is expected` });
  assert.match((await channel.ask({ do: "adc", file: "/nowhere.wav" })).error, /no such file.*nowhere\.wav/);
  // A number would be the descriptor of an open file: the board's serial line, even.
  for (const file of [undefined, null, 99]) {
    assert.deepEqual(await channel.ask({ do: "adc", file }), { error: "file: the path of a WAV file is expected" });
  }
  assert.equal(pico.sound, null);
});

test("i2s changes the microphone, and what was said before stays, over a reset too", async () => {
  const pico = waiting();
  const channel = channelOf(pico);
  assert.match((await channel.ask({ do: "i2s", right: true })).error, /has no I2S microphone/);
  pico.attachMicrophone({ sck: 1, ws: 2, sd: 3 }, { rate: 16000, samples: Int16Array.of(1) });
  assert.deepEqual(await channel.ask({ do: "i2s", right: true, offset: -5 }), {});
  assert.deepEqual(await channel.ask({ do: "i2s", stuck: 7, plugged: false, file: wav([4, 5], { rate: 8000 }) }), {});
  await channel.ask({ do: "reset" });
  const { right, offset, stuck, plugged, sound } = pico.microphone.device;
  assert.deepEqual({ right, offset, stuck, plugged }, { right: true, offset: -5, stuck: 7, plugged: false });
  assert.deepEqual([sound.rate, ...sound.samples], [8000, 4, 5]);
  await channel.ask({ do: "i2s", stuck: null, plugged: true });
  assert.deepEqual([pico.microphone.device.stuck, pico.microphone.device.plugged], [null, true]);
});

test("i2s takes nothing else", async () => {
  const pico = waiting();
  pico.attachMicrophone({ sck: 1, ws: 2, sd: 3 }, { rate: 16000, samples: Int16Array.of(1) });
  const channel = channelOf(pico);
  for (const [wrong, wanted] of [
    [{ right: 1 }, "right: true or false"],
    [{ plugged: null }, "plugged: true or false"],
    [{ offset: 2 ** 23 }, "offset: a number of 24 bits"],
    [{ stuck: "x" }, "stuck: a number of 24 bits, or null"],
    [{ file: 3 }, "file: the path of a WAV file"],
  ]) {
    assert.deepEqual(await channel.ask({ do: "i2s", offset: 9, ...wrong }), { error: `${wanted} is expected` });
  }
  assert.equal(pico.microphone.device.offset, 0);
});

test("an unknown command is answered with the known ones", async () => {
  const channel = channelOf(waiting());
  const error = "unknown command; known: counters, reset, cut, adc, i2s";
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
