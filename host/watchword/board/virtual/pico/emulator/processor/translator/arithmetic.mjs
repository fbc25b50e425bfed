// What computes, in WebAssembly: by kind, (piece, instruction, c: the code to add to).
//
// The rules of the flags are those of ARM's manual (DDI 0419), as in interpreter.mjs. They are computed only where somebody can see
// them: `live`.
import { K, highSource, highTarget, literalAddress } from "../instructions.mjs";
import { readable } from "../memory.mjs";
import { A, B, LCF, LNF, LVF, LZF, NEXT, R, SP, T } from "./locals.mjs";

const rd = (op) => R + (op & 7);
const rm = (op) => R + ((op >> 3) & 7);
const rn = (op) => R + ((op >> 6) & 7);
const r8 = (op) => R + ((op >> 8) & 7);
const by3 = (op) => (op >> 6) & 7;
const by5 = (op) => (op >> 6) & 31;
const byte = (op) => op & 255;

/** The carry is what `emit` leaves on the stack, if anyone asks. */
function carry({ c, live }, emit) {
  if (!live.c) return;
  emit();
  c.set(LCF);
}

/** What is on the stack is the result: N and Z, and a register, if there is one. */
function result({ c, live }, register) {
  if (live.nz) c.tee(LNF).tee(LZF);
  if (register === null) c.op("drop");
  else c.set(register);
}

/** a and b, what `a` and `b` put on the stack, stay in the locals A and B: a branch behind a subtraction compares them. */
function add(piece, register, a, b) {
  const { c, live } = piece;
  a().set(A);
  b().set(B);
  c.get(A).get(B).op("add").set(T);
  carry(piece, () => c.get(T).get(A).op("lt_u"));
  if (live.v) c.get(A).get(T).op("xor").get(B).get(T).op("xor", "and").set(LVF);
  c.get(T);
  result(piece, register);
}

function subtract(piece, register, a, b) {
  const { c, live } = piece;
  a().set(A);
  b().set(B);
  c.get(A).get(B).op("sub").set(T);
  carry(piece, () => c.get(A).get(B).op("ge_u"));
  if (live.v) c.get(A).get(B).op("xor").get(A).get(T).op("xor", "and").set(LVF);
  c.get(T);
  result(piece, register);
}

/** The subtractions after which A and B are what was compared. */
export const SUBTRACTIONS = new Set([K.SUB_R, K.SUB_I3, K.SUB_I8, K.CMP, K.CMP_I, K.CMP_H, K.RSB]);

const binary = (...names) => (piece, { op }, c) => {
  c.get(rd(op)).get(rm(op)).op(...names);
  result(piece, rd(op));
};

/** Shifts by a number: 0 stands for 32 where they go right. */
const shiftRight = (name) => (piece, { op }, c) => {
  const by = by5(op);
  c.get(rm(op)).set(A);
  carry(piece, () => c.get(A).const(by ? by - 1 : 31).op("shr_u").const(1).op("and"));
  if (by === 0 && name === "shr_u") c.const(0);
  else c.get(A).const(by || 31).op(name);
  result(piece, rd(op));
};

/** Shifts by a register, of which a byte counts: B is the number and A what is shifted. A carry that is `emit`'s for 1 to 32 only. */
function shift(piece, { op }, emitCarry) {
  const { c } = piece;
  c.get(rm(op)).const(255).op("and").set(B).get(rd(op)).set(A);
  carry(piece, () => {
    emitCarry().const(1).op("and");
    c.const(0).get(B).const(32).op("le_u", "select");
    c.get(LCF).get(B).op("select");
  });
}

function swapBytes(c, register) {
  c.get(register).const(0x00ff00ff).op("and").const(8).op("shl");
  return c.get(register).const(8).op("shr_u").const(0x00ff00ff).op("and", "or");
}

/** The value of a register, the program counter among them. */
const operand = (c, register, pc) => (register === 15 ? c.const(pc + 4) : c.get(R + register));

/** What is on the stack goes to a register; ends the piece's run where that is the program counter. */
function setHigh({ c, exit }, register) {
  if (register === 15) c.const(-2).op("and").set(NEXT).br(exit);
  else if (register === SP) c.const(-4).op("and").set(R + SP);
  else c.set(R + register);
}

export const ARITHMETIC = {
  [K.LSL_I](piece, { op }, c) {
    const by = by5(op);
    c.get(rm(op)).set(A);
    if (by) carry(piece, () => c.get(A).const(32 - by).op("shr_u").const(1).op("and"));
    c.get(A).const(by).op("shl");
    result(piece, rd(op));
  },
  [K.LSR_I]: shiftRight("shr_u"),
  [K.ASR_I]: shiftRight("shr_s"),
  [K.ADD_R]: (piece, { op }, c) => add(piece, rd(op), () => c.get(rm(op)), () => c.get(rn(op))),
  [K.ADD_I3]: (piece, { op }, c) => add(piece, rd(op), () => c.get(rm(op)), () => c.const(by3(op))),
  [K.ADD_I8]: (piece, { op }, c) => add(piece, r8(op), () => c.get(r8(op)), () => c.const(byte(op))),
  [K.CMN]: (piece, { op }, c) => add(piece, null, () => c.get(rd(op)), () => c.get(rm(op))),
  [K.SUB_R]: (piece, { op }, c) => subtract(piece, rd(op), () => c.get(rm(op)), () => c.get(rn(op))),
  [K.SUB_I3]: (piece, { op }, c) => subtract(piece, rd(op), () => c.get(rm(op)), () => c.const(by3(op))),
  [K.SUB_I8]: (piece, { op }, c) => subtract(piece, r8(op), () => c.get(r8(op)), () => c.const(byte(op))),
  [K.CMP_I]: (piece, { op }, c) => subtract(piece, null, () => c.get(r8(op)), () => c.const(byte(op))),
  [K.CMP]: (piece, { op }, c) => subtract(piece, null, () => c.get(rd(op)), () => c.get(rm(op))),
  [K.CMP_H]: (piece, { op }, c) => subtract(piece, null, () => c.get(R + highTarget(op)), () => c.get(R + highSource(op))),
  [K.RSB]: (piece, { op }, c) => subtract(piece, rd(op), () => c.const(0), () => c.get(rm(op))),
  [K.MOV_I](piece, { op }, c) {
    c.const(byte(op));
    result(piece, r8(op));
  },
  [K.AND]: binary("and"),
  [K.EOR]: binary("xor"),
  [K.ORR]: binary("or"),
  [K.MUL]: binary("mul"),
  [K.TST](piece, { op }, c) {
    c.get(rd(op)).get(rm(op)).op("and");
    result(piece, null);
  },
  [K.BIC](piece, { op }, c) {
    c.get(rd(op)).get(rm(op)).const(-1).op("xor", "and");
    result(piece, rd(op));
  },
  [K.MVN](piece, { op }, c) {
    c.get(rm(op)).const(-1).op("xor");
    result(piece, rd(op));
  },
  [K.LSL_R](piece, instruction, c) {
    shift(piece, instruction, () => c.get(A).const(32).get(B).op("sub", "shr_u"));
    c.get(A).get(B).op("shl").const(0).get(B).const(32).op("lt_u", "select");
    result(piece, rd(instruction.op));
  },
  [K.LSR_R](piece, instruction, c) {
    shift(piece, instruction, () => c.get(A).get(B).const(1).op("sub", "shr_u"));
    c.get(A).get(B).op("shr_u").const(0).get(B).const(32).op("lt_u", "select");
    result(piece, rd(instruction.op));
  },
  [K.ASR_R](piece, { op }, c) {
    // By more than 31, all bits become the sign, and so does the carry: shifting by 31 does that.
    c.get(rm(op)).const(255).op("and").set(B).get(rd(op)).set(A);
    carry(piece, () => {
      c.get(A).get(B).const(1).op("sub").const(31).get(B).const(32).op("lt_u", "select", "shr_u").const(1).op("and");
      c.get(LCF).get(B).op("select");
    });
    c.get(A).get(B).const(31).get(B).const(32).op("lt_u", "select", "shr_s");
    result(piece, rd(op));
  },
  [K.ROR](piece, { op }, c) {
    c.get(rd(op)).get(rm(op)).op("rotr").set(T);
    carry(piece, () => c.get(T).const(31).op("shr_u").get(LCF).get(rm(op)).const(255).op("and", "select"));
    c.get(T);
    result(piece, rd(op));
  },
  [K.ADC](piece, { op }, c) {
    c.get(rm(op)).set(A).get(rd(op)).set(B);
    c.get(A).get(B).op("add").get(LCF).op("add").set(T);
    if (piece.live.v) c.get(A).get(T).op("xor").get(B).get(T).op("xor", "and").set(LVF);
    // There is a carry where the sum is less than a, or as much as a with a carry before.
    carry(piece, () => c.get(T).get(A).op("lt_u").get(T).get(A).op("eq").get(LCF).op("and", "or"));
    c.get(T);
    result(piece, rd(op));
  },
  [K.SBC](piece, { op }, c) {
    c.get(rd(op)).set(A).get(rm(op)).set(B);
    c.get(A).get(B).op("sub").const(1).get(LCF).op("sub", "sub").set(T);
    if (piece.live.v) c.get(A).get(B).op("xor").get(A).get(T).op("xor", "and").set(LVF);
    carry(piece, () => c.get(A).get(B).op("gt_u").get(A).get(B).op("eq").get(LCF).op("and", "or"));
    c.get(T);
    result(piece, rd(op));
  },
  [K.ADD_H](piece, { op, pc }, c) {
    operand(c, highSource(op), pc);
    operand(c, highTarget(op), pc).op("add");
    setHigh(piece, highTarget(op));
  },
  [K.MOV_H](piece, { op, pc }, c) {
    operand(c, highSource(op), pc);
    setHigh(piece, highTarget(op));
  },
  [K.LDR_L](piece, { op, pc }, c) {
    const literal = literalAddress(pc, op);
    piece.touchLiteral(literal);
    c.const(0).memory("load", readable(literal, 4)).set(r8(op));
  },
  [K.ADR](piece, { op, pc }, c) {
    c.const(literalAddress(pc, op)).set(r8(op));
  },
  [K.ADD_RS](piece, { op }, c) {
    c.get(R + SP).const(4 * byte(op)).op("add").set(r8(op));
  },
  [K.ADD_S](piece, { op }, c) {
    c.get(R + SP).const(4 * (op & 127)).op("add").const(-4).op("and").set(R + SP);
  },
  [K.SUB_S](piece, { op }, c) {
    c.get(R + SP).const(4 * (op & 127)).op("sub").const(-4).op("and").set(R + SP);
  },
  [K.SXTH](piece, { op }, c) {
    c.get(rm(op)).op("extend16_s").set(rd(op));
  },
  [K.SXTB](piece, { op }, c) {
    c.get(rm(op)).op("extend8_s").set(rd(op));
  },
  [K.UXTH](piece, { op }, c) {
    c.get(rm(op)).const(0xffff).op("and").set(rd(op));
  },
  [K.UXTB](piece, { op }, c) {
    c.get(rm(op)).const(0xff).op("and").set(rd(op));
  },
  [K.REV](piece, { op }, c) {
    swapBytes(c, rm(op)).const(16).op("rotr").set(rd(op));
  },
  [K.REV16](piece, { op }, c) {
    swapBytes(c, rm(op)).set(rd(op));
  },
  [K.REVSH](piece, { op }, c) {
    swapBytes(c, rm(op)).op("extend16_s").set(rd(op));
  },
  [K.NOP]() {},
};
