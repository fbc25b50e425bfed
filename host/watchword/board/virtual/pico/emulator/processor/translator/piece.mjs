// Translates one piece of Thumb code, some basic blocks, into a function of WebAssembly.
//
// Registers and flags are its locals, and its blocks follow each other in the order of their addresses; each is an entry, where the
// dispatcher can begin, by its number (the label). The function calls nothing but the SIO and the cache. It stops, with all registers
// as they are *before* an instruction that it cannot do, and before a block for which the cycles given may not suffice: so nothing
// outside can tell it from one instruction at a time.
//
// With the XIP cache, instructions in flash are asked of it line by line: while code stays in a line, that is the one of its set that
// was used last, and asking again would change nothing. What an instruction asks comes after the checks that may stop it.
import { FLASH, STATE, NF, ZF, CF, VF, TAGS, TOUCHES } from "../memory.mjs";
import { K } from "../instructions.mjs";
import { SETS, LINE_BITS } from "../../xip.mjs";
import { ARITHMETIC } from "./arithmetic.mjs";
import { BRANCHES } from "./branches.mjs";
import { MEMORY } from "./loads.mjs";
import { endsBlock } from "./blocks.mjs";
import { liveFlags } from "./flags.mjs";
import { BUDGET, FLAGS, LABEL, NEXT, P, R, T, TOUCHED } from "./locals.mjs";
import { TOUCH, TOUCH_WORDS } from "./locals.mjs";
import { Code } from "./wasm.mjs";

const at = (word) => STATE + 4 * word;
const STATE_FLAGS = [NF, ZF, CF, VF];
const MOST_LINES = 5; // that a load of eight words can lie on

export const lineOf = (address) => (address & 0xffffff) >> LINE_BITS;
const setOf = (line) => line & (SETS - 1);
const inFlash = (pc) => pc >>> 28 === FLASH.start >>> 28;

export class Piece {
  /** cache: the XipCache, or null. */
  constructor(blocks, cache) {
    this.blocks = blocks;
    this.cache = cache;
    this.c = new Code();
    this.labels = new Map(blocks.map(({ start }, label) => [start, label]));
  }

  emit() {
    const { c, blocks, cache } = this;
    for (let i = 0; i < 15; i++) c.const(0).memory("load", at(i)).set(R + i);
    STATE_FLAGS.forEach((word, i) => c.const(0).memory("load", at(word)).set(FLAGS + i));
    this.exit = c.block();
    this.top = c.loop();
    // Blocks around blocks: the end of the n-th from within is where code n begins.
    this.marks = blocks.map(() => c.block()).reverse();
    c.get(LABEL).brTable(this.marks);
    blocks.forEach((block, label) => {
      c.end();
      this.#block(block, label);
    });
    c.op("unreachable").end().end();
    for (let i = 0; i < 15; i++) c.const(0).get(R + i).memory("store", at(i));
    STATE_FLAGS.forEach((word, i) => c.const(0).get(FLAGS + i).memory("store", at(word)));
    c.const(0).get(NEXT).memory("store", at(15));
    if (cache) c.const(0).const(0).memory("load", at(TOUCHES)).get(TOUCHED).op("add").memory("store", at(TOUCHES));
    c.get(BUDGET);
    return c;
  }

  #block(block, label) {
    const { c, cache } = this;
    const { code } = block;
    this.label = label;
    this.total = code.reduce((sum, { cycles }) => sum + cycles, 0);
    this.spent = 0;
    this.touches = cache ? code.reduce((sum, instruction) => sum + fetchesOf(instruction) + literalsOf(instruction), 0) : 0;
    this.touched = 0;
    this.counted = false; // whether those of the block are in TOUCHED already
    this.line = null; // that of the code, where it is known to be the last used of its set
    // A block that ends in a branch to itself is a loop of its own.
    this.self = c.loop();
    this.#spend(block);
    const live = liveFlags(code);
    code.forEach((instruction, i) => {
      this.instruction = instruction;
      this.last = code[i - 1];
      this.following = code[i + 1];
      this.live = live[i];
      this.#instruction();
      this.spent += instruction.cycles;
      if (cache) this.touched += fetchesOf(instruction) + literalsOf(instruction);
    });
    if (!endsBlock(code.at(-1))) this.goTo(block.end);
    c.end();
  }

  /** Take the block's cycles from the budget; stop before it unless they, and those of all misses that it may have, are there. */
  #spend(block) {
    const { c } = this;
    c.get(BUDGET).const(this.total).op("sub").tee(BUDGET).const(this.#mostStalled(block)).op("lt_s").if();
    this.stop(block.start);
    c.end();
    this.counted = this.touches !== 0;
    if (this.counted) c.get(TOUCHED).const(this.touches).op("add").set(TOUCHED);
  }

  #mostStalled({ start, end, code }) {
    if (!this.cache) return 0;
    const lines = inFlash(start) ? lineOf(end - 1) - lineOf(start) + 1 : 0;
    const loads = code.reduce((sum, { kind }) => sum + (kind === K.LDM ? MOST_LINES : kind === K.LDR_L || kind in MEMORY ? 1 : 0), 0);
    return (lines + loads) * this.cache.cyclesPerMiss;
  }

  #instruction() {
    const { c, instruction } = this;
    const { kind, pc } = instruction;
    this.toFetch = this.cache ? this.#linesToFetch(instruction) : [];
    if (kind in MEMORY) {
      MEMORY[kind](this, instruction, c);
    } else if (kind in BRANCHES) {
      BRANCHES[kind](this, instruction, c);
    } else {
      this.fetch();
      ARITHMETIC[kind](this, instruction, c);
    }
    if (this.toFetch.length) this.line = this.toFetch.at(-1);
    if (this.lineLost) this.line = null;
    this.lineLost = false;
    if (!inFlash(pc)) this.line = null;
  }

  // ---- ways out

  /** Stop before an instruction: its cycles, and those behind it, were not spent. */
  stop(pc) {
    const { c } = this;
    c.get(BUDGET).const(this.total - this.spent).op("add").const(-1).op("xor").set(BUDGET);
    if (this.counted) c.get(TOUCHED).const(this.touches - this.touched).op("sub").set(TOUCHED);
    c.const(pc).set(NEXT).br(this.exit);
  }

  goTo(pc) {
    const { c } = this;
    const label = this.labels.get(pc);
    if (label === undefined) c.const(pc).set(NEXT).br(this.exit);
    else if (label === this.label) c.br(this.self);
    else if (label > this.label) c.br(this.marks[label]);
    else c.const(label).set(LABEL).br(this.top);
  }

  /** What is left of the budget before the present instruction. */
  left() {
    const { c } = this;
    return c.get(BUDGET).const(this.total - this.spent).op("add");
  }

  /** An instruction takes fewer cycles than was thought. */
  refund(cycles) {
    const { c } = this;
    c.get(BUDGET).const(cycles).op("add").set(BUDGET);
  }

  // ---- the XIP cache

  #linesToFetch({ pc, size }) {
    if (!inFlash(pc)) return [];
    const lines = [lineOf(pc), lineOf(pc + size - 2)].filter((line) => line !== this.line);
    return [...new Set(lines)];
  }

  /** Ask the cache for the present instruction. Those that may stop do it in each of their ways, after their checks. */
  fetch() {
    for (const line of this.toFetch) this.#touch(line);
  }

  #touch(line) {
    const { c } = this;
    c.const(0).memory("load", TAGS + 8 * setOf(line)).const(line).op("ne").if();
    this.#ask(() => c.const(line << LINE_BITS).call(TOUCH));
    c.get(TOUCHED).const(1).op("sub").set(TOUCHED).end(); // it counts hits and misses itself
  }

  /** What `emit` leaves on the stack are cycles of misses. */
  #ask(emit) {
    const { c } = this;
    c.get(BUDGET);
    emit();
    c.op("sub").set(BUDGET);
  }

  /** The present instruction loads from a place in flash that is known. */
  touchLiteral(address) {
    if (!this.cache || !inFlash(address)) return;
    const line = lineOf(address);
    const current = lineOf(this.instruction.pc);
    if (line === current) return;
    this.#touch(line);
    this.lineLost = setOf(line) === setOf(current);
  }

  /** It loads `words` words (0: less) from the offset P in flash. */
  touchData(words = 0) {
    const { c, cache } = this;
    if (!cache) return;
    if (words) {
      this.#ask(() => c.get(P).const(words).call(TOUCH_WORDS));
    } else {
      c.get(P).const(LINE_BITS).op("shr_u").tee(T).const(SETS - 1).op("and").const(3).op("shl");
      c.memory("load", TAGS).get(T).op("ne").if();
      this.#ask(() => c.get(P).call(TOUCH));
      c.else().get(TOUCHED).const(1).op("add").set(TOUCHED).end();
    }
    this.#fetchFollowing(words);
  }

  /** The next instruction, in the line of this one, would not ask for it; but what was loaded may lie in the same set. */
  #fetchFollowing(words) {
    const { c, following } = this;
    const { pc, size } = this.instruction;
    if (!inFlash(pc) || following === undefined || lineOf(following.pc) !== lineOf(pc + size - 2)) return;
    const line = lineOf(following.pc);
    if (words) {
      this.#touch(line);
    } else {
      c.get(T).const(SETS - 1).op("and").const(setOf(line)).op("eq").if();
      this.#touch(line);
      c.end();
    }
  }
}

const fetchesOf = ({ pc, size }) => (inFlash(pc) ? size / 2 : 0);
const literalsOf = ({ pc, kind }) => (kind === K.LDR_L && inFlash(pc) ? 1 : 0);
