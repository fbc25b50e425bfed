// The parts of the RP2040's SIO that firmware uses all the time, divider and spinlocks, as code that translated code can call.
//
// Their registers are words of the state, which rp2040js's own SIO reads and writes too. It does the interpolators, called from here:
// they know no time, and concern nothing else. The divider knows time: it is ready more than DIVIDER_CYCLES after the instruction that
// started it began (RP2040 data sheet, 2.3.1.5). Within a run of translated code, time is what is left of the budget; DIVIDED is what was left then.
import { DIVIDED, DIVIDEND, DIVIDER_CSR, DIVISOR, QUOTIENT, REMAINDER, SPINLOCKS, STATE } from "./memory.mjs";
import { Code } from "./translator/wasm.mjs";

export const DIVIDER_CYCLES = 8;
export const READY = 1; // bits of the divider's status
export const DIRTY = 2;

const at = (word) => STATE + 4 * word;
const DIV_QUOTIENT = 0x70;
const DIV_CSR = 0x78;
const INTERPOLATORS = 0x80; // up to the spinlocks
const SPINLOCK0 = 0x100;

/** Functions of JavaScript that the two below call, and their numbers of parameters: (offset) -> value, (offset, value) -> 0. */
export const IMPORTS = { readOther: 1, writeOther: 2 };
const [READ_OTHER, WRITE_OTHER] = [0, 1];

/** (offset, left) -> value. left: of the budget, before the instruction that reads. */
export function readSio() {
  const c = new Code();
  const [OFFSET, LEFT, BIT] = [0, 1, 2];
  c.get(OFFSET).const(SPINLOCK0).op("ge_u").if();
  c.const(1).get(OFFSET).const(2).op("shr_u", "shl").set(BIT);
  c.const(0).memory("load", at(SPINLOCKS)).get(BIT).op("and").if();
  c.const(0).op("return").end();
  c.const(0).const(0).memory("load", at(SPINLOCKS)).get(BIT).op("or").memory("store", at(SPINLOCKS));
  c.get(BIT).op("return").end();

  c.get(OFFSET).const(INTERPOLATORS).op("ge_u").if();
  c.get(OFFSET).call(READ_OTHER).op("return").end();

  c.get(OFFSET).op("eqz").if(); // the processor's number
  c.const(0).op("return").end();

  c.get(OFFSET).const(DIV_QUOTIENT).op("lt_u").if(); // operands: the signed ones are the unsigned ones
  c.get(OFFSET).const(4).op("and").memory("load", at(DIVIDEND)).op("return").end();

  c.get(OFFSET).const(DIV_CSR).op("eq").if();
  c.const(0).memory("load", at(DIVIDER_CSR));
  c.const(0).memory("load", at(DIVIDED)).get(LEFT).op("sub").const(DIVIDER_CYCLES).op("le_s"); // 1: busy
  c.const(-1).op("xor", "and").op("return").end();

  c.get(OFFSET).const(DIV_QUOTIENT).op("eq").if();
  c.const(0).const(0).memory("load", at(DIVIDER_CSR)).const(~DIRTY).op("and").memory("store", at(DIVIDER_CSR)).end();
  c.get(OFFSET).const(DIV_QUOTIENT).op("sub").memory("load", at(QUOTIENT));
  return { code: c, locals: 1, parameters: 2 };
}

/** (offset, value, left) -> 0 */
export function writeSio() {
  const c = new Code();
  const [OFFSET, VALUE, LEFT, DIVIDEND_NOW, DIVISOR_NOW] = [0, 1, 2, 3, 4];
  c.get(OFFSET).const(SPINLOCK0).op("ge_u").if();
  c.const(0).const(0).memory("load", at(SPINLOCKS));
  c.const(1).get(OFFSET).const(2).op("shr_u", "shl").const(-1).op("xor", "and").memory("store", at(SPINLOCKS));
  c.const(0).op("return").end();

  c.get(OFFSET).const(INTERPOLATORS).op("ge_u").if();
  c.get(OFFSET).get(VALUE).call(WRITE_OTHER).op("return").end();

  c.const(0).const(READY | DIRTY).memory("store", at(DIVIDER_CSR));
  c.get(OFFSET).const(DIV_QUOTIENT).op("ge_u").if(); // results, put back by an interrupt
  c.get(OFFSET).const(DIV_QUOTIENT).op("sub").get(VALUE).memory("store", at(QUOTIENT));
  c.const(0).op("return").end();

  c.get(OFFSET).const(4).op("and").get(VALUE).memory("store", at(DIVIDEND));
  c.const(0).get(LEFT).memory("store", at(DIVIDED));
  c.const(0).memory("load", at(DIVIDEND)).set(DIVIDEND_NOW);
  c.const(0).memory("load", at(DIVISOR)).set(DIVISOR_NOW);
  const done = c.block();
  const quotient = (emit) => {
    c.const(0);
    emit();
    c.memory("store", at(QUOTIENT));
  };
  const remainder = (emit) => {
    c.const(0);
    emit();
    c.memory("store", at(REMAINDER)).br(done);
  };
  const signed = () => c.get(OFFSET).const(8).op("and");
  // By zero: all ones, or what that is with the other sign where the dividend is negative.
  c.get(DIVISOR_NOW).op("eqz").if();
  quotient(() => {
    c.const(1).const(-1);
    signed().const(0).op("ne").get(DIVIDEND_NOW).const(0).op("lt_s", "and", "select");
  });
  remainder(() => c.get(DIVIDEND_NOW));
  c.end();
  signed().op("eqz").if();
  quotient(() => c.get(DIVIDEND_NOW).get(DIVISOR_NOW).op("div_u"));
  remainder(() => c.get(DIVIDEND_NOW).get(DIVISOR_NOW).op("rem_u"));
  c.end();
  // By -1 in its own way: the least number has no opposite, and WebAssembly would stop at it.
  c.get(DIVISOR_NOW).const(-1).op("eq").if();
  quotient(() => c.const(0).get(DIVIDEND_NOW).op("sub"));
  remainder(() => c.const(0));
  c.end();
  quotient(() => c.get(DIVIDEND_NOW).get(DIVISOR_NOW).op("div_s"));
  remainder(() => c.get(DIVIDEND_NOW).get(DIVISOR_NOW).op("rem_s"));
  c.end();
  c.const(0);
  return { code: c, locals: 2, parameters: 3 };
}
