// Which of the flags that an instruction sets anyone can see: those that nobody can are not computed.
import { K } from "../instructions.mjs";

const kinds = (...names) => new Set(names.map((name) => K[name]));

const SET_ALL = kinds("ADD_R", "SUB_R", "ADD_I3", "SUB_I3", "ADD_I8", "SUB_I8", "CMP", "CMP_I", "CMP_H", "CMN", "RSB");
const SET_NZ = kinds("MOV_I", "AND", "EOR", "TST", "ORR", "MUL", "BIC", "MVN");
const SET_NZC = kinds("LSR_I", "ASR_I");
/** By a register that may be 0: C stays as it was then, so that it is read too. */
const SHIFTS = kinds("LSL_R", "LSR_R", "ASR_R", "ROR");
/** These neither set flags nor stop, where all flags can be seen. */
const NONE = kinds(
  ...["ADD_H", "MOV_H", "LDR_L", "ADR", "ADD_RS", "ADD_S", "SUB_S", "SXTH", "SXTB", "UXTH", "UXTB", "REV", "REV16", "REVSH", "NOP"],
);
const ALL = { nz: true, c: true, v: true };

/** For each instruction of a block, which of its flags can be seen: {nz, c, v}. All can be where the block ends or may stop. */
export function liveFlags(code) {
  const result = new Array(code.length);
  let live = ALL;
  for (let i = code.length - 1; i >= 0; i--) {
    result[i] = live;
    live = before(code[i], live);
  }
  return result;
}

function before({ kind, op }, live) {
  if (SET_ALL.has(kind)) return { nz: false, c: false, v: false };
  if (SET_NZ.has(kind)) return { ...live, nz: false };
  if (SET_NZC.has(kind)) return { ...live, nz: false, c: false };
  if (kind === K.LSL_I) return { ...live, nz: false, c: live.c && ((op >> 6) & 31) === 0 };
  if (SHIFTS.has(kind)) return { ...live, nz: false };
  if (kind === K.ADC || kind === K.SBC) return { nz: false, c: true, v: false };
  return NONE.has(kind) ? live : ALL;
}
