import assert from "node:assert/strict";
import fs from "node:fs";
import test from "node:test";

import { boardOf, call, image, lookUp, UID } from "./board.mjs";

const DR0 = 0x18000060;
const READ_STATUS = 0x05;
const READ_UNIQUE_ID = 0x4b;

const RAM = 0x20010000;
const CYCLES_PER_MS = 125_000; // of rp2040js until firmware sets clocks

/** What the chip answers to the bytes of a command, each as it is sent. */
function command({ chip }, ...bytes) {
  return bytes.map((byte) => {
    chip.writeUint32(DR0, byte);
    return chip.readUint32(DR0);
  });
}

const askForId = (pico) => command(pico, READ_UNIQUE_ID, 0, 0, 0, 0, ...new Array(8).fill(0)).slice(5);

test("the unique number is the board's, each time that it is asked for", () => {
  const pico = boardOf(image());
  assert.deepEqual(Buffer.from(askForId(pico)), UID);
  assert.deepEqual(Buffer.from(askForId(pico)), UID);
});

test("the chip is never busy: while it is, the processor stands still", () => {
  const pico = boardOf(image());
  assert.deepEqual(command(pico, READ_STATUS, 0), [0, 0]);
  askForId(pico);
  assert.deepEqual(command(pico, READ_STATUS, 0), [0, 0]);
});

test("other registers of the interface are rp2040js's", () => {
  const { chip } = boardOf(image());
  chip.writeUint32(0x18000014, 6); // BAUDR
  assert.equal(chip.readUint32(0x18000014), 6);
});

/** Call one of the boot ROM's functions for flash; the milliseconds that it took, of emulated time and of cycles. */
function timed(pico, code, ...args) {
  const { nanos } = pico;
  const { cycles } = call(pico, lookUp(pico, code), ...args);
  return { time: (pico.nanos - nanos) / 1e6, stalled: cycles / CYCLES_PER_MS };
}

/** A few instructions on top of `ms`. */
function justOver(value, ms) {
  assert.ok(value >= ms && value < ms + 0.001, `${value} ms, not ${ms}`);
}

test("the boot ROM's erase takes 45 ms a sector, in time and in cycles", () => {
  const path = image({ 0x10000: new Uint8Array(4 * 4096) });
  const pico = boardOf(path);
  const { time, stalled } = timed(pico, "RE", 0x11000, 2 * 4096, 65536, 0xd8);
  assert.equal(time, 90);
  justOver(stalled, 90);
  assert.deepEqual([pico.flash.erased, pico.flash.programmed], [2, 0]);
  const expected = Buffer.alloc(4 * 4096).fill(0xff, 4096, 3 * 4096);
  assert.ok(expected.equals(fs.readFileSync(path).subarray(0x10000, 0x14000)));
});

test("a block of 64 KB takes 150 ms", () => {
  const { time, stalled } = timed(boardOf(image()), "RE", 0x20000, 65536, 65536, 0xd8);
  assert.equal(time, 150);
  justOver(stalled, 150);
});

test("the boot ROM programs from RAM, 0.7 ms a page", () => {
  const path = image();
  const pico = boardOf(path);
  const bytes = Uint8Array.from({ length: 768 }, (_, i) => (i * 7) & 255);
  pico.chip.sram.set(bytes, RAM - 0x20000000);
  const { time, stalled } = timed(pico, "RP", 0x30100, RAM, 768);
  assert.ok(Math.abs(time - 2.1) < 1e-9);
  justOver(stalled, 2.1);
  assert.deepEqual([pico.flash.erased, pico.flash.programmed], [0, 3]);
  const expected = Buffer.concat([Buffer.alloc(256, 0xff), bytes, Buffer.alloc(256, 0xff)]);
  assert.ok(expected.equals(fs.readFileSync(path).subarray(0x30000, 0x30500)));
  assert.equal(pico.chip.readUint32(0x10030104), 0x312a231c); // and the processor reads it
});

test("the stall is as long at another clock, in time", () => {
  const pico = boardOf(image());
  pico.chip.clkSys = 48e6;
  const { nanos } = pico;
  const { cycles } = call(pico, lookUp(pico, "RE"), 0, 4096, 65536, 0xd8);
  assert.equal(pico.nanos - nanos, 45e6);
  justOver(cycles / 48_000, 45);
});

test("a processor's store to flash changes nothing: it is read through the cache only", () => {
  const pico = boardOf(image({ 0x100: [1, 2, 3, 4] }));
  pico.chip.writeUint32(0x10000100, 0);
  pico.chip.writeUint16(0x10000100, 0);
  pico.chip.writeUint8(0x10000100, 0);
  assert.equal(pico.chip.readUint32(0x10000100), 0x04030201);
});
