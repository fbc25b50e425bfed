// What ARM's manual and the RP2040's data sheet say, in numbers, on the fast processor and on rp2040js's, corrected.
import assert from "node:assert/strict";
import test from "node:test";

import { boardOf, image, load, ram, run, running } from "./board.mjs";
import { assemble, ldr, movs, set, str, wfi } from "./thumb.mjs";

const CORES = ["fast", "corrected"];
const CODE = 0x20001000;
const DATA = 0x20008000;
const NOP = 0xbf00;
const SIO = 0xd0000000;

/** A board about to run opcodes in RAM; registers by number, flags by name. */
function prepared(core, ops, { registers = {}, flags = "", options = {} } = {}) {
  const pico = boardOf(image(), { core, ...options });
  const { chip } = pico;
  [...ops, ...Array(40).fill(NOP)].forEach((op, i) => chip.writeUint16(CODE + 2 * i, op));
  for (const [number, value] of Object.entries({ 13: DATA + 0x1000, ...registers })) chip.core.registers[number] = value;
  for (const flag of "NZCV") chip.core[flag] = flags.includes(flag);
  chip.core.PC = CODE;
  chip.core.cycles = 0;
  chip.core.interruptsUpdated = false;
  return pico;
}

/** Run so many instructions: the fast processor stops behind each where that is all that its budget allows. */
function execute(pico, count = 1) {
  for (let i = 0; i < count; i++) pico.step(pico.processor ? pico.processor.longest : 1);
}

/** Run one instruction: the interpreter, given the cycles of just one, goes on behind those that take fewer; NOPs take one each. */
function one(core, op, state) {
  const ops = Array.isArray(op) ? op : [op];
  const pico = prepared(core, ops, state);
  pico.chip.core.executeInstruction();
  return pico;
}

const flagsOf = ({ chip: { core } }) => [..."NZCV"].filter((flag) => core[flag]).join("");

// ---- flags. Each also as the fast processor has it: sequences.test.mjs compares the two.

const LSLS = 0x4088; // r0 by r1
const LSRS = 0x40c8;
const ASRS = 0x4108;
const RORS = 0x41c8;
const ADCS = 0x4148;
const SBCS = 0x4188;

/** [opcode, r0, r1, flags before, r0 after, flags after] */
const FLAGS = [
  // By 0, the carry stays as it is.
  ...[[LSLS, 5, 0, "C", 5, "C"], [LSRS, 5, 0, "C", 5, "C"], [ASRS, 5, 0, "C", 5, "C"], [RORS, 0x80000000, 0, "", 0x80000000, "N"]],
  ...[[LSRS, 5, 0, "", 5, ""], [ASRS, 0x80000000, 0x100, "", 0x80000000, "N"], [RORS, 0x80000000, 0x100, "V", 0x80000000, "NV"]],
  // By 32, it is the last bit that goes out; by more, none.
  ...[[LSLS, 1, 32, "", 0, "ZC"], [LSLS, 1, 33, "C", 0, "Z"], [LSLS, 0xffffffff, 64, "C", 0, "Z"], [LSLS, 0xffffffff, 255, "C", 0, "Z"]],
  ...[[LSRS, 0x80000000, 32, "", 0, "ZC"], [LSRS, 0x80000000, 33, "C", 0, "Z"], [LSRS, 0xffffffff, 65, "C", 0, "Z"]],
  ...[[ASRS, 0x80000000, 32, "", 0xffffffff, "NC"], [ASRS, 0x80000000, 200, "", 0xffffffff, "NC"], [ASRS, 0x7fffffff, 40, "C", 0, "Z"]],
  ...[[RORS, 0x80000000, 32, "", 0x80000000, "NC"], [RORS, 1, 33, "", 0x80000000, "NC"], [RORS, 2, 1, "C", 1, ""]],
  // Overflow is that of the whole sum, where the second operand and the carry alone would overflow too.
  ...[[ADCS, 0x7fffffff, 0, "C", 0x80000000, "NV"], [ADCS, 0, 0x7fffffff, "C", 0x80000000, "NV"]],
  ...[[ADCS, 0x7fffffff, 0x80000000, "C", 0, "ZC"], [ADCS, 0xffffffff, 0xffffffff, "C", 0xffffffff, "NC"]],
  ...[[SBCS, 0, 0x7fffffff, "", 0x80000000, "N"], [SBCS, 0x80000000, 0, "", 0x7fffffff, "CV"], [SBCS, 0, 0xffffffff, "", 0, "Z"]],
  ...[[SBCS, 0x7fffffff, 0x7fffffff, "", 0xffffffff, "N"], [SBCS, 0x80000000, 0x7fffffff, "", 0, "ZCV"]],
];

for (const core of CORES) {
  test(`flags are those of ARM's manual, ${core}`, () => {
    for (const [op, r0, r1, before, after, flags] of FLAGS) {
      const pico = prepared(core, [op], { registers: { 0: r0, 1: r1 }, flags: before });
      execute(pico);
      const what = `${op.toString(16)} of ${r0.toString(16)}, ${r1}, ${before}`;
      assert.equal(pico.chip.core.registers[0], after, what);
      assert.equal(flagsOf(pico), flags, what);
    }
  });

  test(`STM writes its base back, in the list or not, ${core}`, () => {
    const pico = prepared(core, [0xc003], { registers: { 0: DATA, 1: 7 } }); // stmia r0!, {r0, r1}
    execute(pico);
    assert.equal(pico.chip.core.registers[0], DATA + 8);
    assert.deepEqual([pico.chip.readUint32(DATA), pico.chip.readUint32(DATA + 4)], [DATA, 7]);
  });

  test(`BLX of LR goes to where LR was, ${core}`, () => {
    const pico = prepared(core, [0x47f0], { registers: { 14: CODE + 0x21 } });
    pico.chip.core.executeInstruction();
    assert.equal(pico.chip.core.PC & ~1, CODE + 0x20);
    assert.equal(pico.chip.core.LR, CODE + 3);
  });
}

test("rp2040js's own processor, uncorrected, is still to be had", () => {
  const wrong = FLAGS.filter(([op, r0, r1, before, , flags]) => {
    const pico = one("stock", op, { registers: { 0: r0, 1: r1 }, flags: before });
    return flagsOf(pico) !== flags;
  });
  assert.ok(wrong.length >= 8, `${wrong.length} differ`);
});

for (const core of CORES) {
  test(`what waits with interrupts masked wakes up, and the handler comes with the unmasking, ${core}`, () => {
    const pico = prepared(core, [0xb672, 0xbf30, 0x2001, 0xb662, NOP]); // cpsid, wfi, movs r0, #1, cpsie
    const { chip } = pico;
    chip.core.enabledInterrupts = 1 << 5;
    chip.writeUint32(4 * (16 + 5), CODE + 0x41);
    for (let i = 0; i < 4 && !chip.core.waiting; i++) pico.step(1);
    assert.ok(chip.core.waiting);
    chip.setInterrupt(6, true); // not enabled
    assert.ok(chip.core.waiting);
    chip.setInterrupt(5, true);
    assert.ok(!chip.core.waiting);
    pico.step(1);
    assert.equal(chip.core.registers[0], 1);
    assert.equal(chip.core.IPSR, 0);
    for (let i = 0; i < 3 && chip.core.IPSR === 0; i++) pico.step(1);
    assert.equal(chip.core.IPSR, 16 + 5);
  });
}

// ---- cycles: Cortex-M0+ Technical Reference Manual (ARM DDI 0484), table 3-1; the RP2040 has the fast multiplier

const BRANCHES = { registers: { 0: CODE + 0x11, 14: CODE + 0x11 } };
const MEMORY = { registers: { 0: DATA, 1: 0, 2: 0, 3: 0 } };
/** [instruction, opcodes, cycles, state before] */
const CYCLES = [
  ...[["MOVS Rd, #imm", 0x2001, 1], ["MOV Rd, Rm", 0x4608, 1], ["MOV PC, Rm", 0x4687, 2, BRANCHES]],
  ...[["ADDS Rd, Rn, #imm", 0x1c48, 1], ["ADDS Rd, Rn, Rm", 0x1840, 1], ["ADD Rd, Rd, Rm", 0x4488, 1]],
  ...[["ADD PC, PC, Rm", 0x4497, 2, { registers: { 2: 8 } }], ["ADCS", 0x4148, 1], ["ADD SP, SP, #imm", 0xb001, 1]],
  ...[["ADD Rd, SP, #imm", 0xa801, 1], ["ADR", 0xa001, 1], ["SUBS", 0x1a40, 1], ["SBCS", 0x4188, 1], ["RSBS", 0x4248, 1]],
  ...[["MULS", 0x4348, 1], ["CMP", 0x4288, 1], ["CMN", 0x42c8, 1], ["ANDS", 0x4008, 1], ["EORS", 0x4048, 1], ["ORRS", 0x4308, 1]],
  ...[["BICS", 0x4388, 1], ["MVNS", 0x43c8, 1], ["TST", 0x4208, 1], ["LSLS #imm", 0x0088, 1], ["LSLS Rs", 0x4088, 1], ["RORS", 0x41c8, 1]],
  ...[["LDR [Rn, #imm]", 0x6801, 2, MEMORY], ["LDRH [Rn, #imm]", 0x8801, 2, MEMORY], ["LDRB [Rn, #imm]", 0x7801, 2, MEMORY]],
  ...[["LDR [Rn, Rm]", 0x5881, 2, MEMORY], ["LDRSH", 0x5e81, 2, MEMORY], ["LDRSB", 0x5681, 2, MEMORY], ["LDR literal", 0x4801, 2]],
  ...[["LDR [SP, #imm]", 0x9801, 2], ["LDM Rn!, {3}", 0xc80e, 4, MEMORY], ["LDM Rn, {with Rn}", 0xc803, 3, MEMORY]],
  ...[["STR [Rn, #imm]", 0x6001, 2, MEMORY], ["STRH", 0x8001, 2, MEMORY], ["STRB", 0x7001, 2, MEMORY], ["STR [SP]", 0x9001, 2]],
  ...[["STM Rn!, {3}", 0xc00e, 4, MEMORY], ["PUSH {2}", 0xb403, 3], ["PUSH {2, LR}", 0xb503, 4], ["PUSH {LR}", 0xb500, 2]],
  ...[["POP {2}", 0xbc03, 3], ["POP {2, PC}", 0xbd03, 6], ["POP {PC}", 0xbd00, 4]],
  ...[["B<cc> taken", 0xd0fe, 2, { flags: "Z" }], ["B<cc> not taken", 0xd0fe, 1], ["B", 0xe7fe, 2], ["BL", [0xf000, 0xf800], 3]],
  ...[["BX", 0x4770, 2, BRANCHES], ["BLX", 0x4780, 2, BRANCHES], ["SXTH", 0xb200, 1], ["UXTB", 0xb2c0, 1], ["REV", 0xba00, 1]],
  ...[["CPSID", 0xb672, 1], ["CPSIE", 0xb662, 1], ["MRS", [0xf3ef, 0x8010], 3], ["MSR", [0xf381, 0x8810], 3]],
  ...[["SEV", 0xbf40, 1], ["WFE", 0xbf20, 2], ["WFI", 0xbf30, 2], ["YIELD", 0xbf10, 1], ["NOP", NOP, 1]],
  ...[["DMB", [0xf3bf, 0x8f5f], 3], ["DSB", [0xf3bf, 0x8f4f], 3], ["ISB", [0xf3bf, 0x8f6f], 3]],
];

test("instructions take the cycles of the Cortex-M0+ manual", async () => {
  const { cyclesOf, KIND, K } = await load("processor/instructions.mjs");
  for (const [name, op, cycles, state] of CYCLES) {
    const stack = Object.fromEntries([0, 1, 2].map((i) => [DATA + 0x1000 + 4 * i, CODE + 0x11]));
    const pico = prepared("corrected", Array.isArray(op) ? op : [op], state);
    for (const [address, word] of Object.entries(stack)) pico.chip.writeUint32(Number(address), word);
    pico.chip.core.cycles = 0;
    assert.equal(pico.chip.core.executeInstruction(), cycles, name);
    assert.equal(pico.chip.core.cycles, cycles, name);
    const first = Array.isArray(op) ? op[0] : op;
    // The translator's table has a branch's cycles where it is taken; rp2040js does what has to wait.
    if (name !== "B<cc> not taken" && KIND[first] !== K.OTHER) assert.equal(cyclesOf(first), cycles, `${name}, in the table`);
  }
});

test("an access to SIO takes a cycle, to a peripheral three or four", () => {
  for (const [address, op, cycles] of [[SIO, 0x6801, 1], [SIO + 0x60, 0x6001, 1], [0x40054028, 0x6801, 4], [0x40058010, 0x6001, 5]]) {
    const pico = one("corrected", op, { registers: { 0: address } });
    assert.equal(pico.chip.core.cycles, cycles, address.toString(16));
  }
});

// ---- the divider

for (const core of CORES) {
  test(`the divider takes no cycles of the processor's, and is ready after eight, ${core}`, () => {
    for (const [wait, ready] of [[0, 0], [6, 0], [7, 0], [8, 1], [9, 1], [30, 1]]) {
      const pico = running(
        ...[set(0, SIO), movs(1, 100), movs(2, 7), set(4, 0x20000000), str(1, 0, 0x60), str(2, 0, 0x64)],
        ...Array(wait).fill(NOP),
        ...[ldr(3, 0, 0x78), str(3, 4), ldr(5, 0, 0x70), str(5, 4, 4), ldr(5, 0, 0x74), str(5, 4, 8), wfi()],
      );
      const chosen = core === "fast" ? pico : boardOf(pico.image, { core });
      run(chosen);
      assert.deepEqual(ram(chosen, 3), [2 | ready, 14, 2], `after ${wait} cycles`);
      assert.ok(Math.abs(chosen.nanos - 8 * chosen.cycles) < 1, "cycles and time are one");
    }
  });

  test(`division by zero gives all ones, or one below zero, and the dividend, ${core}`, () => {
    for (const [offset, dividend, quotient] of [[0x60, 5, -1], [0x60, 0, -1], [0x60, -5, -1], [0x68, 5, -1], [0x68, 0, -1], [0x68, -5, 1]]) {
      const pico = running(
        ...[set(0, SIO), set(1, dividend >>> 0), movs(2, 0), set(4, 0x20000000), str(1, 0, offset), str(2, 0, offset + 4)],
        ...[ldr(5, 0, 0x70), str(5, 4), ldr(5, 0, 0x74), str(5, 4, 4), wfi()],
      );
      const chosen = core === "fast" ? pico : boardOf(pico.image, { core });
      run(chosen);
      assert.deepEqual(ram(chosen, 2).map((word) => word | 0), [quotient, dividend], `${dividend} at ${offset.toString(16)}`);
    }
  });
}

// ---- faults

/** [what, opcodes, registers, the reason given] */
const FAULTS = [
  ["a word that is not aligned", 0x6801, { 0: DATA + 2 }, /load of a word at 0x20008002, which is not aligned/],
  ["a halfword that is not aligned", 0x8801, { 0: DATA + 1 }, /load of a halfword at 0x20008001, which is not aligned/],
  ["a store that is not aligned", 0x6001, { 0: DATA + 1 }, /store of a word at 0x20008001, which is not aligned/],
  ["several words that are not aligned", 0xc80e, { 0: DATA + 2 }, /LDM at 0x20008002, which is not aligned/],
  ["a load from nowhere", 0x6801, { 0: 0x30000000 }, /load of a word at 0x30000000, where nothing answers/],
  ["a store behind RAM", 0x7001, { 0: 0x20042000 }, /store of a byte at 0x20042000, where nothing answers/],
  ["a push below RAM", 0xb510, { 13: 0x20000004 }, /PUSH at 0x1ffffffc, where nothing answers/],
  ["code that is no Thumb", 0x4700, { 0: CODE + 0x10 }, /a branch to 0x20001010, which is not Thumb code/],
  ["code where no memory is", 0x4700, { 0: 0x30000001 }, /no memory at 0x30000000/],
  ["code among peripherals", 0x4700, { 0: 0x40054001 }, /code in peripherals/],
  ["running off the end of RAM", 0x4700, { 0: 0x20041fff }, /no memory at 0x20042000/],
  ["an undefined instruction", 0xde07, {}, /an undefined instruction, 0xde07/],
  ["one that ARMv6-M has not", 0xb900, {}, /an undefined instruction, 0xb900/],
  ["one of 32 bits that it has not", [0xfb90, 0xf0f1], {}, /an undefined instruction, 0xfb90/], // SDIV
];

for (const core of CORES) {
  test(`what the chip cannot do is a HardFault, ${core}`, () => {
    for (const [what, op, registers, reason] of FAULTS) {
      const pico = prepared(core, Array.isArray(op) ? op : [op], { registers });
      pico.chip.writeUint32(12, CODE + 0x41); // the vector of HardFault
      pico.chip.writeUint16(0x20041ffe, NOP);
      const stack = pico.chip.core.SP;
      for (let i = 0; i < 6 && pico.chip.core.IPSR !== 3 && pico.stopped === null; i++) pico.step(1);
      assert.match(pico.chip.core.fault ?? pico.ending ?? "none", reason, what);
      if (pico.stopped) continue;
      assert.equal(pico.chip.core.IPSR, 3, what);
      assert.ok(stack - pico.chip.core.SP >= 32, `${what}: registers are on the stack`);
    }
  });

  test(`a fault while one is handled, or with no stack, locks the processor up, ${core}`, () => {
    const twice = prepared(core, [0xde00]);
    twice.chip.writeUint32(12, CODE + 1);
    for (let i = 0; i < 4; i++) twice.step(1);
    assert.equal(twice.stopped, "lockup");
    assert.match(twice.ending, /^HardFault at 0x20001000: an undefined instruction, 0xde00$/);
    const noStack = prepared(core, [0xde00], { registers: { 13: 0x30000000 } });
    noStack.step(1);
    assert.equal(noStack.stopped, "lockup");
    assert.match(noStack.ending, /exception 3 at 0x20001000 with the stack at 0x30000000, where no RAM is, after a HardFault at 0x20001000/);
  });
}

test("a board whose processor is locked up has stopped, and says why", () => {
  const pico = boardOf(image({ 0: assemble(0xde01, wfi()) }));
  pico.chip.writeUint32(12, 0x20000001);
  pico.chip.writeUint16(0x20000000, 0xde02);
  assert.equal(pico.run(performance.now() + 1000), "lockup");
  assert.match(pico.ending, /an undefined instruction, 0xde02/);
});
