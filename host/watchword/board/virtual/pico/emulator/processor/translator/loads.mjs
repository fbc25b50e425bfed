// Loads and stores in WebAssembly: by kind, (piece, instruction, c). They ask the cache themselves: `fetch`, and for what they load.
//
// A piece stops before one that is not in plain memory, not aligned, or in the way of translated code.
import { COUNT8, K, listed } from "../instructions.mjs";
import { CODE, FLASH, GRANULE_BITS, RAM, SIO, SIO_ACCESS } from "../memory.mjs";
import { stopUnlessThumb } from "./branches.mjs";
import { A, LR, NEXT, P, R, READ_SIO, SP, WRITE_SIO } from "./locals.mjs";

const SIZE_BITS = { load: 2, store: 2, load16_u: 1, load16_s: 1, store16: 1, load8_u: 0, load8_s: 0, store8: 0 };
const MAY_READ = 1; // bits of SIO_ACCESS
const MAY_WRITE = 2;

/** Put the address on the stack: a register and one more, a register and a number of so many units, or the stack pointer and a number. */
const byRegister = (c, op) => c.get(R + ((op >> 3) & 7)).get(R + ((op >> 6) & 7)).op("add");
const byNumber = (unit) => (c, op) => c.get(R + ((op >> 3) & 7)).const(unit * ((op >> 6) & 31)).op("add");
const fromStack = (c, op) => c.get(R + SP).const(4 * (op & 255)).op("add");

/** Whether the offset on the stack is aligned, and `count` pieces from there are within `size` bytes: a misaligned one turns large. */
function within(c, bits, size, count = 1) {
  if (bits) c.const(bits).op("rotr");
  return c.const((size >> bits) - count + 1).op("lt_u");
}

const load = (name, address) => (piece, { op, pc }, c) => {
  const bits = SIZE_BITS[name];
  const rd = R + (address === fromStack ? (op >> 8) & 7 : op & 7);
  const done = c.block();
  const stop = c.block();
  address(c, op).const(RAM.start).op("sub").tee(P);
  within(c, bits, RAM.size).if();
  piece.fetch();
  c.get(P).memory(name, RAM.at).set(rd).br(done).end();
  c.get(P).const(RAM.start - FLASH.start).op("add").tee(P);
  within(c, bits, FLASH.size).if();
  piece.fetch();
  piece.touchData();
  c.get(P).memory(name, FLASH.at).set(rd).br(done).end();
  if (name === "load" && address !== fromStack) {
    checkSio(piece, FLASH.start, MAY_READ, stop);
    c.get(P);
    piece.left();
    piece.fetch(); // the time is that before it
    c.call(READ_SIO).set(rd);
    piece.refund(1);
    c.br(done);
  }
  c.end();
  piece.stop(pc);
  c.end();
};

const store = (name, address) => (piece, { op, pc }, c) => {
  const rd = R + (address === fromStack ? (op >> 8) & 7 : op & 7);
  const done = c.block();
  const stop = c.block();
  address(c, op).const(RAM.start).op("sub").tee(P);
  within(c, SIZE_BITS[name], RAM.size).if();
  c.get(P).const(GRANULE_BITS).op("shr_u").memory("load8_u", CODE).brIf(stop);
  piece.fetch();
  c.get(P).get(rd).memory(name, RAM.at).br(done).end();
  if (name === "store" && address !== fromStack) {
    checkSio(piece, RAM.start, MAY_WRITE, stop);
    c.get(P).get(rd);
    piece.left();
    piece.fetch();
    c.call(WRITE_SIO).op("drop");
    piece.refund(1);
    c.br(done);
  }
  c.end();
  piece.stop(pc);
  c.end();
};

/** P, an offset from `start`, becomes one in SIO; to `stop` where there is none that can be read or written here. */
function checkSio({ c }, start, access, stop) {
  c.get(P).const(start - SIO.start).op("add").tee(P);
  within(c, 2, SIO.size).op("eqz").brIf(stop);
  c.get(P).const(2).op("shr_u").memory("load8_u", SIO_ACCESS).const(access).op("and", "eqz").brIf(stop);
}

/** Branch to `stop` unless `count` words from the offset P in RAM can be stored. */
function checkStores(c, count, stop) {
  c.get(P);
  within(c, 2, RAM.size, count).op("eqz").brIf(stop);
  const granule = 1 << (GRANULE_BITS - 2); // words
  for (let word = 0; word < count + granule - 1; word += granule) {
    const last = Math.min(word, count - 1);
    c.get(P).const(4 * last).op("add").const(GRANULE_BITS).op("shr_u").memory("load8_u", CODE).brIf(stop);
  }
}

function push(piece, { op, pc }, c) {
  const registers = listed(op & 255);
  if (op & 0x100) registers.push(LR);
  const done = c.block();
  const stop = c.block();
  c.get(R + SP).const(RAM.start + 4 * registers.length).op("sub").set(P);
  checkStores(c, registers.length, stop);
  piece.fetch();
  registers.forEach((register, i) => c.get(P).get(R + register).memory("store", RAM.at + 4 * i));
  c.get(P).const(RAM.start).op("add").set(R + SP);
  c.br(done).end();
  piece.stop(pc);
  c.end();
}

function pop(piece, { op, pc }, c) {
  const registers = listed(op & 255);
  const returns = (op & 0x100) !== 0;
  const count = registers.length + (returns ? 1 : 0);
  const done = c.block();
  const stop = c.block();
  c.get(R + SP).const(RAM.start).op("sub").tee(P);
  within(c, 2, RAM.size, count).op("eqz").brIf(stop);
  if (returns) {
    c.get(P).memory("load", RAM.at + 4 * registers.length).set(A);
    stopUnlessThumb(piece, pc);
  }
  piece.fetch();
  registers.forEach((register, i) => c.get(P).memory("load", RAM.at + 4 * i).set(R + register));
  c.get(P).const(RAM.start + 4 * count).op("add").set(R + SP);
  if (returns) c.get(A).const(-2).op("and").set(NEXT).br(piece.exit);
  else c.br(done);
  c.end();
  piece.stop(pc);
  c.end();
}

function storeMany(piece, { op, pc }, c) {
  const registers = listed(op & 255);
  const rn = R + ((op >> 8) & 7);
  const done = c.block();
  const stop = c.block();
  c.get(rn).const(RAM.start).op("sub").set(P);
  checkStores(c, registers.length, stop);
  piece.fetch();
  registers.forEach((register, i) => c.get(P).get(R + register).memory("store", RAM.at + 4 * i));
  c.get(P).const(RAM.start + 4 * registers.length).op("add").set(rn);
  c.br(done).end();
  piece.stop(pc);
  c.end();
}

function loadMany(piece, { op, pc }, c) {
  const registers = listed(op & 255);
  const count = COUNT8[op & 255];
  const base = (op >> 8) & 7;
  c.get(R + base).set(A);
  c.get(A).const(RAM.start).op("sub").tee(P);
  within(c, 2, RAM.size, count).if();
  piece.fetch();
  c.get(P).const(RAM.at).op("add").set(P);
  c.else();
  c.get(A).const(FLASH.start).op("sub").tee(P);
  within(c, 2, FLASH.size, count).if();
  piece.fetch();
  piece.touchData(count);
  c.get(P).const(FLASH.at).op("add").set(P);
  c.else();
  piece.stop(pc);
  c.end().end();
  registers.forEach((register, i) => c.get(P).memory("load", 4 * i).set(R + register));
  if (!registers.includes(base)) c.get(A).const(4 * count).op("add").set(R + base);
}

export const MEMORY = {
  [K.LDR_R]: load("load", byRegister),
  [K.LDR_I]: load("load", byNumber(4)),
  [K.LDR_S]: load("load", fromStack),
  [K.LDRH_R]: load("load16_u", byRegister),
  [K.LDRH_I]: load("load16_u", byNumber(2)),
  [K.LDRSH]: load("load16_s", byRegister),
  [K.LDRB_R]: load("load8_u", byRegister),
  [K.LDRB_I]: load("load8_u", byNumber(1)),
  [K.LDRSB]: load("load8_s", byRegister),
  [K.STR_R]: store("store", byRegister),
  [K.STR_I]: store("store", byNumber(4)),
  [K.STR_S]: store("store", fromStack),
  [K.STRH_R]: store("store16", byRegister),
  [K.STRH_I]: store("store16", byNumber(2)),
  [K.STRB_R]: store("store8", byRegister),
  [K.STRB_I]: store("store8", byNumber(1)),
  [K.PUSH]: push,
  [K.POP]: pop,
  [K.STM]: storeMany,
  [K.LDM]: loadMany,
};
