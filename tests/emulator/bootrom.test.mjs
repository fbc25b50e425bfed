// The boot ROM's functions, run by the emulator and compared with JavaScript's own numbers.
import assert from "node:assert/strict";
import test from "node:test";

import { boardOf, call, image, lookUp, run } from "./board.mjs";

const pico = boardOf(image());
const { chip } = pico;
const { sram } = chip;

const RAM = 0x20000000;
const TO = 0x10000; // in RAM
const FROM = 0x20000;

const functionOf = (code) => lookUp(pico, code);

/** The same numbers in each run. */
let seed = 1;
function random(below) {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
  return (seed >>> 8) % below;
}

test("a code that no function has is looked up as 0", () => {
  assert.notEqual(functionOf("MC"), 0);
  assert.equal(functionOf("xx"), 0);
  assert.equal(lookUp(pico, "xx", 0x16), 0);
});

// ---- memory

/** Call a function on memory at TO; compares all around with what `change` makes of the same bytes, and what is returned. */
function onMemory(code, offset, second, count, change) {
  for (let i = 0; i < 128; i++) sram[TO + i] = random(256);
  const expected = sram.slice(TO, TO + 128);
  change(expected);
  const { r0 } = call(pico, functionOf(code), RAM + TO + offset, second, count);
  assert.equal(r0, RAM + TO + offset);
  assert.ok(Buffer.from(expected).equals(sram.subarray(TO, TO + 128)), `${code} of ${count} bytes at ${offset}`);
}

for (const code of ["MC", "C4"]) {
  test(`${code}, a memcpy, copies what it should and nothing else, at all alignments and lengths`, () => {
    for (let i = 0; i < 128; i++) sram[FROM + i] = random(256);
    const step = code === "C4" ? 4 : 1; // memcpy44 is of whole words
    for (let to = 0; to < 4; to += step) {
      for (let from = 0; from < 4; from += step) {
        for (let count = 0; count <= 70; count += step) {
          const source = sram.slice(FROM + from, FROM + from + count);
          onMemory(code, 16 + to, RAM + FROM + from, count, (bytes) => bytes.set(source, 16 + to));
        }
      }
    }
  });
}

for (const code of ["MS", "S4"]) {
  test(`${code}, a memset, sets what it should and nothing else, at all alignments and lengths`, () => {
    const step = code === "S4" ? 4 : 1;
    for (let to = 0; to < 4; to += step) {
      for (let count = 0; count <= 70; count += step) {
        const value = random(1024); // of which 8 bits count
        onMemory(code, 16 + to, value, count, (bytes) => bytes.fill(value & 255, 16 + to, 16 + to + count));
      }
    }
  });
}

/** Cycles a byte of a long call. */
function cost(code, to, second) {
  const count = 4096;
  return call(pico, functionOf(code), RAM + TO + to, second, count).cycles / count;
}

test("long pieces are copied and set in bursts of words, as by the real ROM", (t) => {
  const copied = cost("MC", 0, RAM + FROM);
  const shifted = cost("MC", 1, RAM + FROM + 1); // aligned after the first bytes
  const set = cost("MS", 0, 0);
  const [memcpy, both, memset] = [copied, shifted, set].map((cycles) => cycles.toFixed(3));
  t.diagnostic(`cycles a byte: memcpy ${memcpy}, shifted by one on both sides ${both}, memset ${memset}`);
  // Four words: LDM and STM of 1 + 4 cycles each, and 3 of the loop. A loop of single words takes 7 for each, one of bytes too.
  assert.ok(copied < 13 / 16 + 0.02, `memcpy: ${copied} cycles a byte`);
  assert.ok(shifted < 13 / 16 + 0.03, `memcpy, shifted: ${shifted} cycles a byte`);
  assert.ok(set < 8 / 16 + 0.02, `memset: ${set} cycles a byte`);
});

// ---- bits

test("bits are counted and reversed", () => {
  const words = [0, 1, 0x80000000, 0xffffffff, 0x00010000, 0xaaaaaaaa];
  while (words.length < 300) words.push((random(1 << 24) * 256 + random(256)) >>> random(32));
  for (const x of words) {
    const digits = x.toString(2).padStart(32, "0");
    const result = (code) => call(pico, functionOf(code), x).r0;
    assert.equal(result("P3"), digits.split("1").length - 1, `popcount32(${x})`);
    assert.equal(result("L3"), Math.clz32(x), `clz32(${x})`);
    assert.equal(result("T3"), x === 0 ? 32 : 31 - digits.lastIndexOf("1"), `ctz32(${x})`);
    assert.equal(result("R3"), parseInt([...digits].reverse().join(""), 2), `reverse32(${x})`);
  }
});

// ---- float and double: the SDK's tables, by its offsets

const FUNCTIONS = { add: 0x00, sub: 0x04, mul: 0x08, div: 0x0c, sqrt: 0x18, cmp: 0x54 };
const TO_INTEGER = { int: 0x1c, uint: 0x24, int64: 0x6c, uint64: 0x74 };
const FROM_INTEGER = { int: 0x2c, uint: 0x34, int64: 0x5c, uint64: 0x64 };
const CONVERT = 0x7c; // to the other of the two

const view = new DataView(new ArrayBuffer(8));

/** A number that two registers hold, or one. */
function fromWords({ r0, r1 }, read) {
  view.setUint32(0, r0, true);
  view.setUint32(4, r1, true);
  return view[read](0, true);
}

/** words(x): the registers that hold x; value(result of `call`): the number; round(x): the nearest that the type has. */
const float = {
  table: "SF",
  round: Math.fround,
  words: (x) => (view.setFloat32(0, x, true), [view.getUint32(0, true)]),
  value: (result) => fromWords(result, "getFloat32"),
};
const double = {
  table: "SD",
  round: (x) => x,
  words: (x) => (view.setFloat64(0, x, true), [view.getUint32(0, true), view.getUint32(4, true)]),
  value: (result) => fromWords(result, "getFloat64"),
};
for (const type of [float, double]) {
  const table = lookUp(pico, type.table, 0x16);
  type.entry = (offset) => chip.readUint32(table + offset);
  type.call = (offset, ...words) => call(pico, type.entry(offset), ...words);
}

const NUMBERS = [0, -0, 1, -1, 0.5, -0.5, 1.5, -1.5, 3, 1e10, -1e10, 1e30, -1e30, Infinity, -Infinity, NaN];
NUMBERS.push(2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 32 - 1, 2 ** 32);
NUMBERS.push(2 ** 63, -(2 ** 63), 2 ** 64, 2 ** 64 - 2 ** 11);
while (NUMBERS.length < 150) NUMBERS.push((random(1e6) - 5e5) * 2 ** (random(80) - 40) * 1.0000001);

/** Object.is: NaN is itself, and 0 is not -0. */
const same = (got, expected, what) => assert.ok(Object.is(got, expected), `${what}: ${got}, not ${expected}`);

for (const [name, type] of Object.entries({ float, double })) {
  const numbers = NUMBERS.map(type.round);

  test(`${name}: sums, differences, products and quotients are JavaScript's`, () => {
    const operations = { add: (a, b) => a + b, sub: (a, b) => a - b, mul: (a, b) => a * b, div: (a, b) => a / b };
    numbers.forEach((a, i) => {
      for (const b of [numbers[(7 * i + 3) % numbers.length], numbers[i % 16]]) {
        for (const [operation, expected] of Object.entries(operations)) {
          const got = type.value(type.call(FUNCTIONS[operation], ...type.words(a), ...type.words(b)));
          same(got, type.round(expected(a, b)), `${a} ${operation} ${b}`);
        }
      }
    });
  });

  test(`${name}: to integers it is rounded down, and to the nearest that there is`, () => {
    for (const [integer, offset] of Object.entries(TO_INTEGER)) {
      const bits = integer.endsWith("64") ? 64n : 32n;
      const [low, high] = integer.startsWith("u") ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n];
      for (const x of numbers.filter((x) => !Number.isNaN(x))) {
        const result = type.call(offset, ...type.words(x));
        const unsigned = bits === 64n ? fromWords(result, "getBigUint64") : BigInt(result.r0);
        const got = low < 0n ? BigInt.asIntN(Number(bits), unsigned) : unsigned;
        const whole = Number.isFinite(x) ? BigInt(Math.floor(x)) : x > 0 ? high : low;
        assert.equal(got, whole < low ? low : whole > high ? high : whole, `${integer} of ${x}`);
      }
    }
  });

  test(`${name}: integers become the nearest number`, () => {
    const words = [0, 1, 0xffffffff, 0x7fffffff, 0x80000000, 0x01000001, 0x01000003, 0xfffffeff];
    while (words.length < 60) words.push((random(1 << 24) * 256 + random(256)) >>> random(32));
    for (const [i, low] of words.entries()) {
      const high = words[(5 * i + 1) % words.length];
      const got = (integer, ...args) => type.value(type.call(FROM_INTEGER[integer], ...args));
      same(got("int", low), type.round(low | 0), `int ${low | 0}`);
      same(got("uint", low), type.round(low), `uint ${low}`);
      const wide = (BigInt(high) << 32n) | BigInt(low);
      for (const [integer, value] of [["int64", BigInt.asIntN(64, wide)], ["uint64", wide]]) {
        // By way of a double, a float would be rounded twice.
        if (type === float && BigInt(Number(value)) !== value) continue;
        same(got(integer, low, high), type.round(Number(value)), `${integer} ${value}`);
      }
    }
  });
}

test("a float becomes its double, and a double the nearest float", () => {
  for (const x of NUMBERS) {
    same(double.value(float.call(CONVERT, ...float.words(Math.fround(x)))), Math.fround(x), "to double");
    same(float.value(double.call(CONVERT, ...double.words(x))), Math.fround(x), "to float");
  }
});

test("the square root of a float is right to one unit in the last place", () => {
  const root = (x) => float.value(float.call(FUNCTIONS.sqrt, ...float.words(x)));
  for (const x of NUMBERS.map(Math.fround).filter((x) => x > 0 && x < Infinity)) {
    const [got] = float.words(root(x));
    const [exact] = float.words(Math.sqrt(x));
    assert.ok(Math.abs(got - exact) <= 1, `sqrt(${x}): ${root(x)}`);
  }
  same(root(0), 0, "sqrt(0)");
  same(root(-0), -0, "sqrt(-0)");
  same(root(Infinity), Infinity, "sqrt(Infinity)");
  same(root(-1), -Infinity, "sqrt(-1), as the real ROM has it");
});

test("a function that there is not stops the emulator", () => {
  for (const type of [float, double]) {
    const other = boardOf(image());
    other.chip.core.PC = type.entry(FUNCTIONS.cmp) & ~1;
    assert.equal(run(other), "breakpoint");
  }
});
