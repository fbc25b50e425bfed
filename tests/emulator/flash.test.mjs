import assert from "node:assert/strict";
import fs from "node:fs";
import test from "node:test";

import { file, image, load } from "./board.mjs";

const { Flash, SIZE } = await load("flash.mjs");

const SECTOR = 4096;
const PAGE = 256;

/** A wait() with power to the end, and what it was asked for. */
function powered() {
  const waits = [];
  return { waits, wait: (nanos) => (waits.push(nanos), 1) };
}

/** A wait() that has power for `whole` times, and for `share` of the next. */
const cutAfter = (whole, share) => () => (whole-- > 0 ? 1 : share);

const zeros = () => file(Buffer.alloc(SIZE));

test("a file of another size is refused by name", () => {
  const short = file(Buffer.alloc(SIZE - 1));
  assert.throws(() => new Flash(short), { message: `${short}: a flash image has ${SIZE} bytes, this file ${SIZE - 1}` });
});

test("what the file holds is read", () => {
  const flash = new Flash(image({ 0: [1, 2, 3], [SIZE - 1]: [4] }));
  assert.deepEqual([...flash.content.subarray(0, 4), flash.content[SIZE - 1]], [1, 2, 3, 255, 4]);
});

test("an erase sets all bits of its sectors and of no other, at once in the file", () => {
  const path = zeros();
  const flash = new Flash(path);
  flash.erase(3 * SECTOR, 2 * SECTOR, powered().wait);
  const expected = Buffer.alloc(SIZE).fill(0xff, 3 * SECTOR, 5 * SECTOR);
  assert.ok(expected.equals(flash.content));
  assert.ok(expected.equals(fs.readFileSync(path)));
});

test("programming clears bits and sets none, at once in the file", () => {
  const path = image({ 0x1000: [0b11110000, 0b11110000, 0xff] });
  const flash = new Flash(path);
  flash.program(0x1000, Uint8Array.of(0b11001100, 0xff, 0x12), powered().wait);
  const expected = [0b11000000, 0b11110000, 0x12, 0xff];
  assert.deepEqual([...flash.content.subarray(0x1000, 0x1004)], expected);
  assert.deepEqual([...fs.readFileSync(path).subarray(0x1000, 0x1004)], expected);
});

test("the times are the W25Q16's: 45 ms a sector, 0.7 ms a page", () => {
  const flash = new Flash(zeros());
  const { waits, wait } = powered();
  flash.erase(0, 2 * SECTOR, wait);
  flash.program(0, new Uint8Array(3 * PAGE), wait);
  assert.deepEqual(waits, [45e6, 45e6, 0.7e6, 0.7e6, 0.7e6]);
  assert.equal(flash.erased, 2);
  assert.equal(flash.programmed, 3);
  assert.equal(flash.nanos, 2 * 45e6 + 3 * 0.7e6);
});

test("an aligned block of 64 KB is erased at once, in 150 ms, and counted as its sectors", () => {
  const flash = new Flash(zeros());
  const { waits, wait } = powered();
  flash.erase(65536 - SECTOR, SECTOR + 65536 + SECTOR, wait);
  assert.deepEqual(waits, [45e6, 150e6, 45e6]);
  assert.equal(flash.erased, 18);
  assert.ok(flash.content.subarray(65536 - SECTOR, 2 * 65536 + SECTOR).every((byte) => byte === 0xff));
  assert.equal(flash.content[65536 - SECTOR - 1], 0);
  assert.equal(flash.content[2 * 65536 + SECTOR], 0);
});

test("power that goes in an erase leaves a sector half done and the next ones alone", () => {
  const path = zeros();
  const flash = new Flash(path);
  flash.erase(0, 4 * SECTOR, cutAfter(1, 0.25));
  const expected = Buffer.alloc(SIZE).fill(0xff, 0, SECTOR + SECTOR / 4);
  assert.ok(expected.equals(flash.content));
  assert.ok(expected.equals(fs.readFileSync(path)));
  assert.equal(flash.nanos, 1.25 * 45e6);
});

test("power that goes in programming leaves a page half done and the next ones alone", () => {
  const path = image();
  const flash = new Flash(path);
  flash.program(PAGE, new Uint8Array(3 * PAGE), cutAfter(1, 0.5));
  const expected = Buffer.alloc(SIZE, 0xff).fill(0, PAGE, 2 * PAGE + PAGE / 2);
  assert.ok(expected.equals(flash.content));
  assert.ok(expected.equals(fs.readFileSync(path)));
  assert.equal(flash.nanos, 1.5 * 0.7e6);
});
