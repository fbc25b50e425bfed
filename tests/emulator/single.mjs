// Runs single instructions, with random registers, on the fast processor and on rp2040js's, corrected: a line of JSON for each, for
// whoever has a third to compare with (tests/unit/test_processor.py).
//
//   node single.mjs COUNT SEED
//
// {op, before: {registers: r0 to r14, flags: NZCV as bits 3 to 0}, after: [of the fast, of the corrected], data: what each left there}
import { boardOf, image, load } from "./board.mjs";
import { random } from "./random.mjs";

const { K, KIND, highSource, highTarget } = await load("processor/instructions.mjs");
const CODE = 0x20001000;
export const DATA = 0x20008000;
const WORDS = 512;
const SPECIAL = [0, 1, 2, 31, 32, 33, 64, 255, 256, 0x100, 0x120, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff];

/** What computes, loads and stores, as far as ARM defines it, and stays where it is. */
function isTried(op) {
  const kind = KIND[op];
  if (kind === K.OTHER || kind === K.BX || kind === K.BLX || kind >= K.B_C || kind === K.LDR_L) return false;
  if (kind === K.POP) return (op & 255) !== 0 && !(op & 0x100);
  // A base that is stored is the lowest of the list, or what it leaves is unknown.
  const base = 1 << ((op >> 8) & 7);
  if (kind === K.STM && op & base) return (op & (base - 1)) === 0;
  if ([K.STM, K.LDM, K.PUSH].includes(kind)) return (op & 255) !== 0;
  // The two lowest bits of a stack pointer are unpredictable.
  if (kind === K.ADD_H || kind === K.MOV_H) return highTarget(op) !== 13 && highTarget(op) !== 15 && highSource(op) !== 15;
  if (kind === K.CMP_H) return highTarget(op) > 7 || highSource(op) > 7;
  return true;
}
const kinds = Object.values(K).map((kind) => [...KIND.keys()].filter((op) => KIND[op] === kind && isTried(op)));
const tried = kinds.filter(({ length }) => length);

const [count, seed] = process.argv.slice(2).map(Number);
const below = random(seed);
const fast = boardOf(image());
const corrected = boardOf(image(), { core: "corrected" });

function run(pico, op, { registers, flags }) {
  const { core, sramView, sram } = pico.chip;
  const at = DATA - 0x20000000;
  pico.processor?.translator.pieces.ramChanged(0, sram.length);
  sramView.setUint16(CODE - 0x20000000, op, true);
  sramView.setUint16(CODE - 0x20000000 + 2, 0xde00, true); // where the fast processor stops
  for (let i = 0; i < WORDS; i++) sramView.setUint32(at + 4 * i, Math.imul(i + 1, 0x9e3779b9) >>> 0, true);
  registers.forEach((value, i) => (core.registers[i] = value));
  core.registers[15] = CODE;
  [core.N, core.Z, core.C, core.V] = [8, 4, 2, 1].map((bit) => (flags & bit) !== 0);
  Object.assign(core, { interruptsUpdated: false, IPSR: 0, currentMode: 0, cycles: 0, fault: null });
  if (pico.processor) pico.processor.interpreter.run(pico.processor.longest, true);
  else core.executeInstruction();
  const kept = (core.N ? 8 : 0) | (core.Z ? 4 : 0) | (core.C ? 2 : 0) | (core.V ? 1 : 0);
  return {
    registers: [...core.registers.slice(0, 15)],
    flags: kept,
    ran: core.registers[15] !== CODE && core.fault === null,
    data: Buffer.from(sram.subarray(at, at + 4 * WORDS)).toString("base64"),
  };
}

for (let i = 0; i < count; i++) {
  const opcodes = tried[below(tried.length)];
  const op = opcodes[below(opcodes.length)];
  const value = () => [SPECIAL[below(SPECIAL.length)], below(2 ** 32), below(64), DATA + 4 * below(400)][below(4)];
  const before = { registers: Array.from({ length: 15 }, value), flags: below(16) };
  before.registers[13] = DATA + 64 + 4 * below(300);
  // The base of a load or store, so that most of them find something.
  if (below(4)) before.registers[(op >> ([K.LDM, K.STM].includes(KIND[op]) ? 8 : 3)) & 7] = DATA + 4 * below(400);
  console.log(JSON.stringify({ op, before, after: [run(fast, op, before), run(corrected, op, before)] }));
}
