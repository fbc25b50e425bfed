// An assembler of the few Thumb instructions that the tests are written in.

const three = (opcode) => (rd, rn, offset = 0) => opcode | ((offset >> 2) << 6) | (rn << 3) | rd;
const immediate = (opcode) => (rd, value) => opcode | (rd << 8) | value;
const branch = (opcode, bits) => (label) => (at, labels) => opcode | (((labels[label] - at - 4) >> 1) & ((1 << bits) - 1));

export const movs = immediate(0x2000);
export const cmp = immediate(0x2800);
export const adds = immediate(0x3000);
export const subs = immediate(0x3800);
export const str = three(0x6000);
export const ldr = three(0x6800);
/** LSRS rd, rm, #by: the last bit that it shifts out becomes the carry. */
export const lsrs = (rd, rm, by) => 0x0800 | (by << 6) | (rm << 3) | rd;
export const bx = (rm) => 0x4700 | (rm << 3);
export const bkpt = (code) => 0xbe00 | code;
export const wfi = () => 0xbf30;
export const b = branch(0xe000, 11);
export const beq = branch(0xd000, 8);
export const bne = branch(0xd100, 8);
export const bcc = branch(0xd300, 8);
export const bcs = branch(0xd200, 8);
/** LDR rd, =value */
export const set = (rd, value) => (at, labels, literal) => 0x4800 | (rd << 8) | ((literal(value) - ((at + 4) & ~3)) >> 2);

/** Machine code of instructions and labels (strings), with the constants behind it; it may stand at any multiple of 4. */
export function assemble(...lines) {
  const labels = {};
  const code = [];
  for (const line of lines) {
    if (typeof line === "string") labels[line] = 2 * code.length;
    else code.push(line);
  }
  const constants = [];
  const pool = (2 * code.length + 3) & ~3;
  const literal = (value) => pool + 4 * (constants.push(value) - 1);
  const halves = code.map((line, i) => (typeof line === "function" ? line(2 * i, labels, literal) : line));
  const bytes = Buffer.alloc(pool + 4 * constants.length);
  halves.forEach((half, i) => bytes.writeUInt16LE(half, 2 * i));
  constants.forEach((value, i) => bytes.writeUInt32LE(value, pool + 4 * i));
  return bytes;
}
