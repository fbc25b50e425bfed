// What the 16-bit instructions of ARMv6-M are: interpreter, translator and corrections decode by one table.
//
// KIND[opcode] is the kind of an instruction; OTHER is whatever only rp2040js's core does: what changes modes, or waits.

const NAMES = [
  ...["OTHER", "LSL_I", "LSR_I", "ASR_I", "ADD_R", "SUB_R", "ADD_I3", "SUB_I3", "MOV_I", "CMP_I", "ADD_I8", "SUB_I8"],
  ...["AND", "EOR", "LSL_R", "LSR_R", "ASR_R", "ADC", "SBC", "ROR", "TST", "RSB", "CMP", "CMN", "ORR", "MUL", "BIC", "MVN"],
  ...["ADD_H", "CMP_H", "MOV_H", "BX", "BLX", "LDR_L", "STR_R", "STRH_R", "STRB_R", "LDRSB", "LDR_R", "LDRH_R", "LDRB_R", "LDRSH"],
  ...["STR_I", "LDR_I", "STRB_I", "LDRB_I", "STRH_I", "LDRH_I", "STR_S", "LDR_S", "ADR", "ADD_RS", "ADD_S", "SUB_S"],
  ...["SXTH", "SXTB", "UXTH", "UXTB", "PUSH", "POP", "REV", "REV16", "REVSH", "NOP", "STM", "LDM", "B_C", "B", "WIDE", "CPSID", "CPSIE"],
  ...["SEV", "YIELD", "WFE", "WFI", "BKPT", "SVC", "UNDEFINED"],
];

/** Numbers of the kinds, by name. The letters behind some: I a number in the instruction, R a register, H high registers too, L a
 * literal beside the code, S the stack pointer, C a condition. */
export const K = Object.fromEntries(NAMES.map((name, number) => [name, number]));

/** Rdn and Rm of the instructions on high registers. */
export const highTarget = (op) => ((op >> 4) & 8) | (op & 7);
export const highSource = (op) => (op >> 3) & 15;

const LOADS_AND_STORES = ["STR_R", "STRH_R", "STRB_R", "LDRSB", "LDR_R", "LDRH_R", "LDRB_R", "LDRSH"];
const WITH_OFFSET = ["STR_I", "LDR_I", "STRB_I", "LDRB_I", "STRH_I", "LDRH_I", "STR_S", "LDR_S"];

/** By the five bits at the top, as the manual's table of encodings does (ARM DDI 0419, A5.2). */
function kindOf(op) {
  const top = op >> 11;
  if (top < 3) return K.LSL_I + top;
  if (top === 3) return K.ADD_R + ((op >> 9) & 3);
  if (top < 8) return K.MOV_I + top - 4;
  if (top === 8) return (op >> 10) & 1 ? onHighRegisters(op) : K.AND + ((op >> 6) & 15);
  if (top === 9) return K.LDR_L;
  if (top < 12) return K[LOADS_AND_STORES[(op >> 9) & 7]];
  if (top < 20) return K[WITH_OFFSET[top - 12]];
  if (top === 20) return K.ADR;
  if (top === 21) return K.ADD_RS;
  if (top < 24) return miscellaneous(op);
  if (top === 24) return K.STM;
  if (top === 25) return K.LDM;
  if (top < 28) return onCondition(op);
  if (top === 28) return K.B;
  return top === 30 ? K.WIDE : K.UNDEFINED;
}

/** What ARM leaves unpredictable (the program counter compared, or called) is rp2040js's to say. */
function onHighRegisters(op) {
  switch ((op >> 8) & 3) {
    case 0:
      return K.ADD_H;
    case 1:
      return highSource(op) === 15 || highTarget(op) === 15 ? K.OTHER : K.CMP_H;
    case 2:
      return K.MOV_H;
  }
  if ((op & 7) !== 0 || highSource(op) === 15) return K.OTHER;
  return op & 0x80 ? K.BLX : K.BX;
}

function miscellaneous(op) {
  if (op >> 7 === 0b101100000) return K.ADD_S;
  if (op >> 7 === 0b101100001) return K.SUB_S;
  if (op >> 8 === 0b10110010) return K.SXTH + ((op >> 6) & 3);
  if (op >> 9 === 0b1011010) return K.PUSH;
  if (op >> 9 === 0b1011110) return K.POP;
  if (op >> 6 === 0b1011101000) return K.REV;
  if (op >> 6 === 0b1011101001) return K.REV16;
  if (op >> 6 === 0b1011101011) return K.REVSH;
  if (op === 0xb672) return K.CPSID;
  if (op === 0xb662) return K.CPSIE;
  if (op >> 8 === 0b10111110) return K.BKPT;
  if (op >> 8 !== 0b10111111) return K.UNDEFINED;
  // Hints; one that is not allocated does nothing, but those with a mask would be ARMv7's IT.
  if (op & 15) return K.UNDEFINED;
  return [K.NOP, K.YIELD, K.WFE, K.WFI, K.SEV][(op >> 4) & 15] ?? K.NOP;
}

function onCondition(op) {
  const condition = (op >> 8) & 15;
  if (condition < 14) return K.B_C;
  return condition === 14 ? K.UNDEFINED : K.SVC;
}

export const KIND = Uint8Array.from({ length: 65536 }, (_, op) => kindOf(op));

/** The number of registers in a list of eight. */
export const COUNT8 = Uint8Array.from({ length: 256 }, (_, list) => list.toString(2).split("1").length - 1);

/** The numbers of the registers in a list of eight. */
export const listed = (list) => [0, 1, 2, 3, 4, 5, 6, 7].filter((register) => (list >> register) & 1);

/** How far branches go, from the instruction's own address. */
export const conditionalOffset = (op) => 4 + ((op << 24) >> 23);
export const branchOffset = (op) => 4 + ((op << 21) >> 20);

/** Where a literal stands: from the word that the instruction behind the next is in. */
export const literalAddress = (pc, op) => ((pc + 4) & ~3) + ((op & 255) << 2);

// ---- the instructions of 32 bits, from their two halves: BL, barriers, MRS and MSR

/** How far a BL goes, from the instruction behind it; null where the halves are another instruction. */
export function callOffset(op, half) {
  if (half >> 14 !== 3 || ((half >> 12) & 1) !== 1) return null;
  const s = (op >> 10) & 1;
  const i1 = 1 - (s ^ ((half >> 13) & 1));
  const i2 = 1 - (s ^ ((half >> 11) & 1));
  return (s ? 0xff000000 | 0 : 0) | (i1 << 23) | (i2 << 22) | ((op & 0x3ff) << 12) | ((half & 0x7ff) << 1);
}

/** DMB, DSB and ISB take 3 cycles and do nothing here. */
export function isBarrier(op, half) {
  const kind = half & 0xfff0;
  return op === 0xf3bf && (kind === 0x8f40 || kind === 0x8f50 || kind === 0x8f60);
}

export const isMrs = (op, half) => op === 0xf3ef && half >> 12 === 8;
export const isMsr = (op, half) => op >> 4 === 0xf38 && half >> 8 === 0x88;

/** The register that a MRS of PRIMASK goes to, or null. */
export const maskTo = (op, half) => (op === 0xf3ef && (half & 0xf0ff) === 0x8010 ? general((half >> 8) & 15) : null);

/** The register that a MSR to PRIMASK comes from, or null. */
export const maskFrom = (op, half) => (op >> 4 === 0xf38 && half === 0x8810 ? general(op & 15) : null);

const general = (register) => (register < 13 ? register : null);

/** Whether an instruction goes to an address that is not in the code. */
export function branchesAway(op) {
  switch (KIND[op]) {
    case K.BX:
    case K.BLX:
      return true;
    case K.POP:
      return (op & 0x100) !== 0;
    case K.MOV_H:
    case K.ADD_H:
      return highTarget(op) === 15;
  }
  return false;
}

/**
 * Cycles of an instruction on memory without wait states, a condition being true: table 3-1 of the Cortex-M0+ manual (ARM DDI 0484),
 * with the fast multiplier. An access to SIO takes one less, one to a peripheral on the APB two more for a store, one for a load.
 */
export function cyclesOf(op) {
  const kind = KIND[op];
  switch (kind) {
    case K.PUSH:
      return 1 + COUNT8[op & 255] + ((op >> 8) & 1);
    case K.POP:
      return op & 0x100 ? 4 + COUNT8[op & 255] : 1 + COUNT8[op & 255];
    case K.STM:
    case K.LDM:
      return 1 + COUNT8[op & 255];
    case K.B_C:
    case K.B:
    case K.LDR_L:
    case K.WFE:
    case K.WFI:
      return 2;
    case K.WIDE:
      return 3;
  }
  if ((kind >= K.STR_R && kind <= K.LDR_S) || branchesAway(op)) return 2;
  return 1;
}

/** No instruction takes more: POP of nine registers. */
export const LONGEST = 12;
