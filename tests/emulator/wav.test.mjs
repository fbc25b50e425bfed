import assert from "node:assert/strict";
import fs from "node:fs";
import test from "node:test";

import { chunk, file, load, wav } from "./board.mjs";

const { readWav } = await load("wav.mjs");

const SAMPLES = [0, 1, -1, 32767, -32768];

/** The message with which a file is refused; it names the file. */
function refusal(path) {
  let message;
  assert.throws(() => readWav(path), (error) => ((message = error.message), true));
  assert.ok(message.startsWith(`${path}: `), message);
  return message.slice(path.length + 2);
}

test("one channel of 16 bits is read", () => {
  const { rate, samples } = readWav(wav(SAMPLES, { rate: 22050 }));
  assert.equal(rate, 22050);
  assert.deepEqual([...samples], SAMPLES);
});

test("of two channels, the first is read", () => {
  const both = SAMPLES.flatMap((value) => [value, 99]);
  assert.deepEqual([...readWav(wav(both, { channels: 2 })).samples], SAMPLES);
});

test("other chunks are passed over, those of odd size with their padding", () => {
  const before = [chunk("LIST", Buffer.from("odd")), chunk("note", Buffer.from("even"))];
  assert.deepEqual([...readWav(wav(SAMPLES, { before })).samples], SAMPLES);
});

test("a file that ends within its samples gives those that are whole", () => {
  const path = wav(SAMPLES);
  fs.truncateSync(path, fs.statSync(path).size - 3);
  assert.deepEqual([...readWav(path).samples], SAMPLES.slice(0, 3));
});

test("8 bits are refused", () => assert.equal(refusal(wav([1, 2, 3, 4], { bits: 8 })), "16-bit PCM is expected"));

test("floats are refused", () => assert.equal(refusal(wav(SAMPLES, { coding: 3 })), "16-bit PCM is expected"));

test("no channels are refused", () => assert.equal(refusal(wav(SAMPLES, { channels: 0 })), "16-bit PCM is expected"));

test("samples before their format are refused", () => {
  const before = [chunk("data", Buffer.alloc(4))];
  assert.equal(refusal(wav(SAMPLES, { before })), "16-bit PCM is expected");
});

test("a format that is cut off is refused", () => {
  const short = [Buffer.from("WAVE"), chunk("fmt ", Buffer.of(1, 0, 1, 0)), chunk("data", Buffer.alloc(4))];
  assert.equal(refusal(file(chunk("RIFF", Buffer.concat(short)))), "16-bit PCM is expected");
});

test("a file without samples is refused", () => {
  assert.equal(refusal(file(chunk("RIFF", Buffer.from("WAVE")))), "has no samples");
});

test("what is no WAV file is refused", () => {
  for (const bytes of ["", "RIFF", "not a sound at all", "RIFF....AVI LIST"]) {
    assert.equal(refusal(file(Buffer.from(bytes))), "not a WAV file");
  }
});

test("a file that is not there is named", () => {
  assert.throws(() => readWav("/nowhere.wav"), /nowhere\.wav/);
});
