// Branches, and what masks interrupts, in WebAssembly: by kind, (piece, instruction, c). They ask the cache themselves: `fetch`.
import { K, branchOffset, callOffset, conditionalOffset, highSource, maskFrom, maskTo } from "../instructions.mjs";
import { PENDING, PRIMASK, STATE } from "../memory.mjs";
import { SUBTRACTIONS } from "./arithmetic.mjs";
import { A, B, LCF, LNF, LR, LVF, LZF, NEXT, R } from "./locals.mjs";

const at = (word) => STATE + 4 * word;

/** A condition by the operands, A and B, of the subtraction just before; null: by the flags. */
const RELATIONS = ["eq", "ne", "ge_u", "lt_u", null, null, null, null, "gt_u", "le_u", "ge_s", "lt_s", "gt_s", "le_s"];

function test({ c, last }, condition) {
  const relation = last && SUBTRACTIONS.has(last.kind) ? RELATIONS[condition] : null;
  if (relation) return c.get(A).get(B).op(relation);
  switch (condition >> 1) {
    case 0:
      c.get(LZF).op("eqz");
      break;
    case 1:
      c.get(LCF);
      break;
    case 2:
      c.get(LNF).const(0).op("lt_s");
      break;
    case 3:
      c.get(LVF).const(0).op("lt_s");
      break;
    case 4:
      c.get(LCF).const(0).get(LZF).op("select");
      break;
    case 5:
      c.get(LNF).get(LVF).op("xor").const(0).op("ge_s");
      break;
    case 6:
      c.get(LNF).get(LVF).op("xor").const(0).op("ge_s").const(0).get(LZF).op("select");
      break;
  }
  return condition & 1 ? c.op("eqz") : c;
}

/** Go to what is in the local A, or stop where that is no Thumb code: it may end an exception, or be a fault. */
export function stopUnlessThumb(piece, pc) {
  const { c } = piece;
  c.get(A).const(1).op("and", "eqz").get(A).const(28).op("shr_u").const(15).op("eq", "or").if();
  piece.stop(pc);
  c.end();
}

function toRegister(piece, { op, pc, kind }, c) {
  c.get(R + highSource(op)).set(A);
  stopUnlessThumb(piece, pc);
  piece.fetch();
  if (kind === K.BLX) c.const((pc + 2) | 1).set(R + LR);
  c.get(A).const(-2).op("and").set(NEXT).br(piece.exit);
}

/** Where an interrupt may come now, rp2040js has it. */
function stopIfPending(piece, pc) {
  const { c } = piece;
  c.const(0).memory("load", at(PENDING)).if();
  piece.stop(pc);
  c.end();
}

export const BRANCHES = {
  [K.B_C](piece, { op, pc }, c) {
    piece.fetch();
    test(piece, (op >> 8) & 15).if();
    piece.goTo(pc + conditionalOffset(op));
    c.end();
    piece.refund(1);
    piece.goTo(pc + 2);
  },
  [K.B](piece, { op, pc }) {
    piece.fetch();
    piece.goTo(pc + branchOffset(op));
  },
  [K.BX]: toRegister,
  [K.BLX]: toRegister,
  [K.WIDE](piece, { op, half, pc }, c) {
    const offset = callOffset(op, half);
    const to = maskTo(op, half);
    const from = maskFrom(op, half);
    if (from !== null) stopIfPending(piece, pc);
    piece.fetch();
    if (to !== null) c.const(0).memory("load", at(PRIMASK)).set(R + to);
    if (from !== null) c.const(0).get(R + from).const(1).op("and").memory("store", at(PRIMASK));
    if (offset === null) return; // a barrier does nothing
    c.const((pc + 4) | 1).set(R + LR);
    piece.goTo(pc + 4 + offset);
  },
  [K.CPSID](piece, instruction, c) {
    piece.fetch();
    c.const(0).const(1).memory("store", at(PRIMASK));
  },
  [K.CPSIE](piece, { pc }, c) {
    stopIfPending(piece, pc);
    piece.fetch();
    c.const(0).const(0).memory("store", at(PRIMASK));
  },
};
