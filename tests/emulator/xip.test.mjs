import assert from "node:assert/strict";
import test from "node:test";

import { boardOf, image, load, run, running } from "./board.mjs";
import { assemble, bkpt, bne, bx, movs, set, subs, wfi } from "./thumb.mjs";

const { CYCLES_PER_MISS, XipCache } = await load("xip.mjs");

const FLASH = 0x10000000;
const WAY = 8192; // bytes: addresses so far apart share a set

/** A cache before a chip whose memory holds addresses. */
function cached() {
  const read = (address) => address;
  const chip = { readUint8: read, readUint16: read, readUint32: read };
  const cache = new XipCache();
  cache.plugInto(chip);
  return { chip, cache };
}

/** "h" for a hit, "m" for a miss, of each read in turn. */
function reads(addresses) {
  const { chip, cache } = cached();
  let result = "";
  for (const address of addresses) {
    const { misses } = cache;
    assert.equal(chip.readUint32(FLASH + address), FLASH + address);
    result += cache.misses > misses ? "m" : "h";
  }
  assert.equal(cache.hits + cache.misses, addresses.length);
  return result;
}

test("a line has 8 bytes", () => assert.equal(reads([0, 4, 8, 12, 0, 20, 16]), "mhmhhmh"));

test("two lines of one set are kept, and a third puts out the one not used for longest", () => {
  const [a, b, c] = [0, WAY, 2 * WAY];
  assert.equal(reads([a, b, a, b]), "mmhh");
  assert.equal(reads([a, b, c, b, c, a]), "mmmhhm");
  assert.equal(reads([a, b, a, c, a, b]), "mmhmhm");
  assert.equal(reads([a, b, a, a, c, b]), "mmhhmm");
});

test("sets do not disturb each other: 16 KB fit, and 24 KB read in turn do not", () => {
  const lines = (size) => Array.from({ length: size / 8 }, (_, i) => 8 * i);
  assert.equal(reads([...lines(2 * WAY), ...lines(2 * WAY)]), "m".repeat(2048) + "h".repeat(2048));
  assert.equal(reads([...lines(3 * WAY), ...lines(3 * WAY)]), "m".repeat(2 * 3072));
});

test("reads of all widths count, and none outside the cached window of flash", () => {
  const { chip, cache } = cached();
  chip.readUint8(FLASH);
  chip.readUint16(FLASH + 8);
  chip.readUint32(FLASH + 16);
  assert.equal(cache.misses, 3);
  for (const address of [0, 0x0ffffff8, 0x11000000, 0x13000000, 0x20000000, 0x40000000, 0xd0000000]) chip.readUint32(address);
  assert.equal(cache.hits + cache.misses, 3);
});

test("a miss costs 28 clocks at half the system clock", () => {
  assert.equal(CYCLES_PER_MISS, 56);
  const { chip, cache } = cached();
  chip.readUint32(FLASH);
  chip.readUint32(FLASH);
  chip.readUint32(FLASH + WAY);
  assert.equal(cache.stalled, 112);
});

// ---- on a board

/** A board whose second stage goes on in flash behind itself: a loop of two instructions, `rounds` times, and then it waits. */
function inFlash(rounds, modelXip) {
  const loop = assemble(movs(0, rounds), movs(1, 0), "loop", subs(0, 1), bne("loop"), wfi());
  return boardOf(image({ 0: assemble(set(0, FLASH + 0x100 + 1), bx(0)), 0x100: loop }), { modelXip });
}

test("the processor's fetches count, and it stands still for each miss", () => {
  const plain = inFlash(100, false);
  const pico = inFlash(100, true);
  assert.equal(run(plain), "idle");
  assert.equal(run(pico), "idle");
  assert.equal(plain.xip, null);
  // The boot ROM copies 64 words, two of a line; then one line holds the loop, and the next what is behind it.
  assert.equal(pico.xip.misses, 32 + 2);
  assert.equal(pico.xip.hits, 32 + 2 + 200 + 1 - 2);
  assert.equal(pico.cycles - plain.cycles, 34 * CYCLES_PER_MISS);
  assert.ok(Math.abs(pico.nanos - plain.nanos - 34 * CYCLES_PER_MISS * 8) < 1e-3);
});

test("counts go on over a reset, and the cache is empty then", () => {
  const pico = inFlash(100, true);
  run(pico);
  const { hits, misses } = pico.xip;
  pico.reset();
  run(pico);
  assert.deepEqual([pico.xip.hits, pico.xip.misses], [2 * hits, 2 * misses]);
});
