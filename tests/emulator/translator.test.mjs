// The parts of the processor, one by one; that they are right together, lockstep and sequences show.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { boardOf, image, load } from "./board.mjs";
import { assemble, b, bne, movs, subs } from "./thumb.mjs";

const { K, KIND, callOffset, cyclesOf } = await load("processor/instructions.mjs");
const { FLASH, GRANULE_BITS, RAM, ROM, SharedMemory, offsetOf, readable } = await load("processor/memory.mjs");
const { blocksFrom, endsBlock } = await load("processor/translator/blocks.mjs");
const { liveFlags } = await load("processor/translator/flags.mjs");
const { Code, module } = await load("processor/translator/wasm.mjs");

const NAMES = Object.keys(K);
const CODE = 0x20001000;

// ---- decoding

test("opcodes have the kinds of ARM's tables", () => {
  const known = {
    0x0000: "LSL_I", 0x0fff: "LSR_I", 0x1000: "ASR_I", 0x1800: "ADD_R", 0x1a00: "SUB_R", 0x1c00: "ADD_I3", 0x1e00: "SUB_I3",
    0x2000: "MOV_I", 0x2800: "CMP_I", 0x3000: "ADD_I8", 0x3800: "SUB_I8", 0x4000: "AND", 0x4040: "EOR", 0x4080: "LSL_R",
    0x40c0: "LSR_R", 0x4100: "ASR_R", 0x4140: "ADC", 0x4180: "SBC", 0x41c0: "ROR", 0x4200: "TST", 0x4240: "RSB", 0x4280: "CMP",
    0x42c0: "CMN", 0x4300: "ORR", 0x4340: "MUL", 0x4380: "BIC", 0x43c0: "MVN", 0x4488: "ADD_H", 0x4588: "CMP_H", 0x4688: "MOV_H",
    0x4770: "BX", 0x4780: "BLX", 0x4800: "LDR_L", 0x5000: "STR_R", 0x5200: "STRH_R", 0x5400: "STRB_R", 0x5600: "LDRSB",
    0x5800: "LDR_R", 0x5a00: "LDRH_R", 0x5c00: "LDRB_R", 0x5e00: "LDRSH", 0x6000: "STR_I", 0x6800: "LDR_I", 0x7000: "STRB_I",
    0x7800: "LDRB_I", 0x8000: "STRH_I", 0x8800: "LDRH_I", 0x9000: "STR_S", 0x9800: "LDR_S", 0xa000: "ADR", 0xa800: "ADD_RS",
    0xb000: "ADD_S", 0xb080: "SUB_S", 0xb200: "SXTH", 0xb240: "SXTB", 0xb280: "UXTH", 0xb2c0: "UXTB", 0xb400: "PUSH",
    0xbc00: "POP", 0xba00: "REV", 0xba40: "REV16", 0xbac0: "REVSH", 0xbf00: "NOP", 0xbf40: "SEV", 0xbf20: "WFE", 0xbf30: "WFI",
    0xbf10: "YIELD", 0xbe00: "BKPT", 0xc000: "STM", 0xc800: "LDM", 0xd000: "B_C", 0xdd00: "B_C", 0xde00: "UNDEFINED", 0xdf00: "SVC",
    0xe000: "B", 0xe800: "UNDEFINED", 0xf000: "WIDE", 0xf800: "UNDEFINED", 0xb672: "CPSID", 0xb662: "CPSIE", 0xb100: "UNDEFINED",
    0xba80: "UNDEFINED", 0xbf08: "UNDEFINED", 0x47ff: "OTHER", 0x4587: "OTHER", 0x45ff: "OTHER",
  };
  for (const [op, name] of Object.entries(known)) assert.equal(NAMES[KIND[op]], name, Number(op).toString(16));
});

test("a BL goes up to 16 MB both ways", () => {
  assert.equal(callOffset(0xf000, 0xf800), 0);
  assert.equal(callOffset(0xf7ff, 0xfffe), -4);
  assert.equal(callOffset(0xf3ff, 0xd7ff), 0xfffffe);
  assert.equal(callOffset(0xf400, 0xd000), -0x1000000);
  assert.equal(callOffset(0xf3bf, 0x8f5f), null);
});

test("the interpreter's cases have the numbers of the kinds that they name", async () => {
  const source = fs.readFileSync(path.join(process.env.WATCHWORD_EMULATOR, "processor/interpreter.mjs"), "utf8");
  const cases = [...source.matchAll(/^ {10}case (\d+): (?:\{ )?\/\/ (\w+)/gm)];
  assert.equal(cases.length, K.CPSIE);
  for (const [, number, name] of cases) assert.equal(NAMES[number], name);
});

// ---- memory

test("addresses are found in their memories, and nowhere else", () => {
  for (const { start, size, at } of [ROM, RAM, FLASH]) {
    assert.equal(offsetOf(start), at);
    assert.equal(offsetOf(start + size - 2), at + size - 2);
    assert.equal(readable(start + size - 4, 4), at + size - 4);
    assert.equal(readable(start + 2, 4), -1);
    assert.equal(readable(start + 1, 2), -1);
  }
  for (const address of [0x4000, 0x0ffffffe, 0x10200000, 0x1ffffffe, 0x20042000, 0x40000000, 0xd0000000, 0xfffffffe]) {
    assert.equal(offsetOf(address | 0), -1, address.toString(16));
    assert.equal(readable(address | 0, 2), -1, address.toString(16));
  }
});

// ---- blocks

/** Blocks of code in RAM, all of it having run unless `hasRun` says otherwise. */
function blocks(code, hasRun = () => true) {
  const { halves } = new SharedMemory();
  const at = offsetOf(CODE) >> 1;
  halves.fill(0xbe00, at, at + 2000); // a breakpoint, which is not translated
  halves.set(new Uint16Array(code.buffer, code.byteOffset, code.length / 2), at);
  return blocksFrom(CODE, halves, hasRun);
}
const shape = (found) => found.map(({ start, end, code }) => [start - CODE, end - CODE, code.length]);

test("a loop is a block between others, and code that was never run is left out", () => {
  const loop = assemble(movs(0, 5), "again", subs(0, 1), bne("again"), movs(1, 1), movs(2, 1), movs(3, 1));
  assert.deepEqual(shape(blocks(loop)), [[0, 2, 1], [2, 6, 2], [6, 12, 3]]);
  assert.deepEqual(shape(blocks(loop, (pc) => pc < CODE + 6)), [[0, 2, 1], [2, 6, 2]]);
});

test("blocks and pieces end where they are long enough", () => {
  const long = blocks(assemble(...Array(500).fill(movs(0, 1))));
  assert.ok(long.every(({ code }) => code.length <= 64));
  assert.equal(long.reduce((sum, { code }) => sum + code.length, 0), 150);
});

test("what is not translated ends a piece before it; there may be nothing to translate", () => {
  assert.deepEqual(shape(blocks(assemble(movs(0, 1), 0xdf00))), [[0, 2, 1]]);
  assert.deepEqual(blocks(assemble(0xdf00)), []);
  // A literal behind the end of the memory cannot be read.
  const { halves } = new SharedMemory();
  const last = RAM.start + RAM.size - 4;
  halves[offsetOf(last) >> 1] = 0x48ff;
  assert.deepEqual(blocksFrom(last, halves, () => true), []);
});

test("a branch to nowhere is no block", () => {
  assert.deepEqual(shape(blocks(assemble("here", b("here")))), [[0, 2, 1]]);
  const { halves } = new SharedMemory();
  halves[offsetOf(RAM.start) >> 1] = 0xe400; // 2 KB back
  const found = blocksFrom(RAM.start, halves, () => true);
  assert.equal(found.length, 1);
  assert.ok(endsBlock(found[0].code[0]));
});

// ---- flags

test("flags that the next instruction sets anew are not computed, nor those of none", () => {
  const instruction = (op) => ({ op, kind: KIND[op] });
  const live = (...ops) => liveFlags(ops.map(instruction)).map(({ nz, c, v }) => `${nz ? "n" : ""}${c ? "c" : ""}${v ? "v" : ""}`);
  assert.deepEqual(live(0x1840, 0x1840), ["", "ncv"]); // ADDS, ADDS
  assert.deepEqual(live(0x1840, 0x2001, 0x1840), ["", "", "ncv"]);
  assert.deepEqual(live(0x1840, 0x4148, 0x1840), ["c", "", "ncv"]); // ADCS needs the carry
  assert.deepEqual(live(0x1840, 0x4088), ["cv", "ncv"]); // LSLS by a register, which may be 0
  assert.deepEqual(live(0x1840, 0x4088, 0x1840), ["", "", "ncv"]);
  assert.deepEqual(live(0x1840, 0x6801, 0x1840), ["ncv", "", "ncv"]); // a load may stop, and then all can be seen
  assert.deepEqual(live(0x1840, 0xd000), ["ncv", "ncv"]);
});

// ---- WebAssembly

test("modules compute, branch, call and load", () => {
  const c = new Code();
  // The sum of so many words from an address on, and what a function makes of it.
  const [COUNT, ADDRESS, SUM] = [0, 1, 2];
  const done = c.block();
  const again = c.loop();
  c.get(COUNT).op("eqz").brIf(done);
  c.get(ADDRESS).memory("load", 8).get(SUM).op("add").set(SUM);
  c.get(ADDRESS).const(4).op("add").set(ADDRESS).get(COUNT).const(1).op("sub").set(COUNT).br(again);
  c.end().end();
  c.get(SUM).call(0);
  const bytes = module([{ code: c, locals: 1, parameters: 2 }], { pages: 1, table: 4, imports: { twice: 1 } });
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  new Int32Array(memory.buffer).set([9, 9, 100, -300, 0x7fffffff, 9]);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory, twice: (x) => 2 * x } });
  assert.equal(exports[0](3, 0), (2 * (100 - 300 + 0x7fffffff)) | 0);
  assert.equal(exports[0](0, 0), 0);
  assert.equal(exports.table.length, 4);
});

test("numbers of every length are written as WebAssembly reads them", () => {
  for (const value of [0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, -8193, 0x7fffffff, -0x80000000, 0x12345678]) {
    const code = new Code().const(value);
    const bytes = module([{ code, locals: 0, parameters: 0 }], { pages: 1 });
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
    assert.equal(exports[0](), value);
  }
});

// ---- pieces

/** A board with a loop in RAM that has been translated. */
function translated() {
  const pico = boardOf(image(), { hot: 2 });
  assemble("again", subs(0, 1), bne("again"), 0xbf30).forEach((byte, i) => pico.chip.writeUint8(CODE + i, byte));
  const { core } = pico.chip;
  core.PC = CODE;
  core.registers[0] = 10_000_000;
  core.interruptsUpdated = false;
  while (pico.processor.translated === 0) pico.step(100_000);
  return pico;
}

const entry = ({ shared }) => shared.entries[offsetOf(CODE) >> 1];

test("whoever stores over translated code drops it, and data beside it does not", () => {
  for (const [name, at, drops] of [["writeUint32", 0, true], ["writeUint8", 3, true], ["writeUint16", 4, true], ["writeUint32", 64, false]]) {
    const pico = translated();
    assert.notEqual(entry(pico), 0);
    const { dropped } = pico.processor.statistics();
    pico.chip[name](CODE + at, 0);
    assert.equal(entry(pico) === 0, drops, `${name} at ${at}`);
    assert.equal(pico.processor.statistics().dropped > dropped, drops);
    assert.equal(pico.shared.code[(CODE - RAM.start) >> GRANULE_BITS] === 0, drops);
  }
});

test("erasing flash drops the code in it", () => {
  const code = assemble("again", subs(0, 1), bne("again"), 0xbf30);
  const pico = boardOf(image({ 0x1000: code }), { hot: 2 });
  const { core } = pico.chip;
  core.PC = FLASH.start + 0x1000;
  core.registers[0] = 10_000_000;
  core.interruptsUpdated = false;
  while (pico.processor.translated === 0) pico.step(100_000);
  const i = offsetOf(FLASH.start + 0x1000) >> 1;
  assert.notEqual(pico.shared.entries[i], 0);
  pico.flash.erase(0x2000, 4096, () => 1);
  assert.notEqual(pico.shared.entries[i], 0);
  pico.flash.erase(0x1000, 4096, () => 1);
  assert.equal(pico.shared.entries[i], 0);
});

test("a reset leaves no translation of RAM", () => {
  const pico = translated();
  pico.reset();
  assert.equal(entry(pico), 0);
});

test("cycles of the kinds are never more than the longest", async () => {
  const { LONGEST } = await load("processor/instructions.mjs");
  assert.equal(Math.max(...Array.from({ length: 65536 }, (_, op) => cyclesOf(op))), LONGEST);
});
