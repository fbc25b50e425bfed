// As much of an assembler for WebAssembly as the translator needs: functions on 32-bit numbers and one memory.
//
// Numbers of instructions and the layout of a module are those of the WebAssembly Core Specification 1.0, chapter 5, and of its
// sign-extension operators.

const OPCODES = {
  ...{ unreachable: 0x00, block: 0x02, loop: 0x03, if: 0x04, else: 0x05, end: 0x0b, br: 0x0c, br_if: 0x0d, br_table: 0x0e },
  ...{ return: 0x0f, call: 0x10, call_indirect: 0x11, drop: 0x1a, select: 0x1b, get: 0x20, set: 0x21, tee: 0x22 },
  ...{ load: 0x28, load8_s: 0x2c, load8_u: 0x2d, load16_s: 0x2e, load16_u: 0x2f, store: 0x36, store8: 0x3a, store16: 0x3b },
  ...{ const: 0x41, eqz: 0x45, eq: 0x46, ne: 0x47, lt_s: 0x48, lt_u: 0x49, gt_s: 0x4a, gt_u: 0x4b },
  ...{ le_s: 0x4c, le_u: 0x4d, ge_s: 0x4e, ge_u: 0x4f, add: 0x6a, sub: 0x6b, mul: 0x6c },
  ...{ div_s: 0x6d, div_u: 0x6e, rem_s: 0x6f, rem_u: 0x70, and: 0x71, or: 0x72, xor: 0x73 },
  ...{ shl: 0x74, shr_s: 0x75, shr_u: 0x76, rotl: 0x77, rotr: 0x78, extend8_s: 0xc0, extend16_s: 0xc1 },
};
const ALIGNMENT = { load: 2, load8_s: 0, load8_u: 0, load16_s: 1, load16_u: 1, store: 2, store8: 0, store16: 1 };
const I32 = 0x7f;
const EMPTY = 0x40; // a block that leaves nothing on the stack
const FUNCTION = 0x60;

function unsigned(bytes, value) {
  value >>>= 0;
  while (value > 127) {
    bytes.push((value & 127) | 128);
    value >>>= 7;
  }
  bytes.push(value);
}

function signed(bytes, value) {
  value |= 0;
  for (;;) {
    const low = value & 127;
    value >>= 7;
    if ((value === 0 && !(low & 64)) || (value === -1 && low & 64)) {
      bytes.push(low);
      return;
    }
    bytes.push(low | 128);
  }
}

/** The body of a function. Instructions are methods of their names; blocks are counted, so that branches go to marks. */
export class Code {
  constructor() {
    this.bytes = [];
    this.depth = 0;
  }

  #open(opcode, type) {
    this.bytes.push(opcode, type);
    this.depth++;
    return this.depth;
  }

  block() {
    return this.#open(OPCODES.block, EMPTY);
  }

  loop() {
    return this.#open(OPCODES.loop, EMPTY);
  }

  if(hasResult = false) {
    return this.#open(OPCODES.if, hasResult ? I32 : EMPTY);
  }

  end() {
    this.bytes.push(OPCODES.end);
    this.depth--;
    return this;
  }

  #branch(opcode, mark) {
    this.bytes.push(opcode);
    unsigned(this.bytes, this.depth - mark);
    return this;
  }

  br(mark) {
    return this.#branch(OPCODES.br, mark);
  }

  brIf(mark) {
    return this.#branch(OPCODES.br_if, mark);
  }

  brTable(marks) {
    this.bytes.push(OPCODES.br_table);
    unsigned(this.bytes, marks.length - 1);
    for (const mark of marks) unsigned(this.bytes, this.depth - mark);
    return this;
  }

  #local(opcode, index) {
    this.bytes.push(opcode);
    unsigned(this.bytes, index);
    return this;
  }

  get(index) {
    return this.#local(OPCODES.get, index);
  }

  set(index) {
    return this.#local(OPCODES.set, index);
  }

  tee(index) {
    return this.#local(OPCODES.tee, index);
  }

  const(value) {
    this.bytes.push(OPCODES.const);
    signed(this.bytes, value);
    return this;
  }

  /** A load or store, by name; the address is on the stack, and `offset` is added to it. */
  memory(name, offset) {
    this.bytes.push(OPCODES[name], ALIGNMENT[name]);
    unsigned(this.bytes, offset);
    return this;
  }

  call(index) {
    this.bytes.push(OPCODES.call);
    unsigned(this.bytes, index);
    return this;
  }

  else() {
    this.bytes.push(OPCODES.else);
    return this;
  }

  /** A call of the table's function whose number is on the stack. */
  callIndirect(parameters) {
    this.bytes.push(OPCODES.call_indirect);
    unsigned(this.bytes, parameters);
    this.bytes.push(0);
    return this;
  }

  /** Any instruction without operands of its own. */
  op(...names) {
    for (const name of names) this.bytes.push(OPCODES[name]);
    return this;
  }
}

const section = (id, content) => {
  const size = [];
  unsigned(size, content.length);
  return [id, ...size, ...content];
};
const text = (string) => [string.length, ...Buffer.from(string)];
const count = (items) => {
  const bytes = [];
  unsigned(bytes, items);
  return bytes;
};
const MOST_PARAMETERS = 3;
/** Types of functions, by the number of their parameters: each gives one number. */
const TYPES = [MOST_PARAMETERS + 1];
for (let count = 0; count <= MOST_PARAMETERS; count++) TYPES.push(FUNCTION, count, ...Array(count).fill(I32), 1, I32);

/**
 * A module of functions, exported as "0", "1", …: each {code, locals: how many beside the parameters, parameters}. It imports from
 * "env" "memory", of `pages`, and functions ({name: number of parameters}); with `table`, a number of elements, it has and exports one.
 */
export function module(functions, { pages, table = 0, imports = {} }) {
  const names = Object.entries(imports);
  const imported = [...text("env"), ...text("memory"), 2, 1, ...count(pages), ...count(pages)];
  for (const [name, parameters] of names) imported.push(...text("env"), ...text(name), 0, parameters);
  const exported = functions.flatMap((_, i) => [...text(String(i)), 0, ...count(names.length + i)]);
  const head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...section(1, TYPES), ...section(2, [1 + names.length, ...imported])];
  head.push(...section(3, [...count(functions.length), ...functions.map(({ parameters }) => parameters)]));
  if (table) {
    head.push(...section(4, [1, 0x70, 0, ...count(table)]));
    exported.push(...text("table"), 1, 0);
  }
  head.push(...section(7, [...count(functions.length + (table ? 1 : 0)), ...exported]));
  const bodies = functions.flatMap(({ code, locals }) => {
    const declared = [1, ...count(locals), I32];
    return [count(declared.length + code.bytes.length + 1), declared, code.bytes, [OPCODES.end]];
  });
  const parts = [count(functions.length), ...bodies];
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  parts.unshift(head, [10], count(length));
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
