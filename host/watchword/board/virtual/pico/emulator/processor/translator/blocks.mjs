// Finds the code that becomes one piece: what can be reached from a place by branches whose target stands in the code, as most of a
// function of C can. What has never been run so far is left out: most of it is for errors.
import { K, KIND, branchOffset, branchesAway, callOffset, conditionalOffset, cyclesOf } from "../instructions.mjs";
import { isBarrier, literalAddress, maskFrom, maskTo } from "../instructions.mjs";
import { offsetOf, readable } from "../memory.mjs";

const MOST = 150; // instructions of a piece
const MOST_IN_BLOCK = 64;
const MOST_BLOCKS = 200; // an entry has 8 bits for it

/** One instruction where it stands: {pc, op, half: the one behind it, kind, size: in bytes, cycles: a branch being taken}. */
function instructionAt(halves, pc) {
  const at = offsetOf(pc) >> 1;
  const [op, half] = [halves[at], halves[at + 1]];
  const kind = KIND[op];
  return { pc, op, half, kind, size: kind === K.WIDE ? 4 : 2, cycles: cyclesOf(op) };
}

const isCall = ({ kind, op, half }) => kind === K.WIDE && callOffset(op, half) !== null;

/** Whether the translator has a way to say it. */
function translatable(instruction) {
  const { kind, op, half, pc } = instruction;
  if (kind === K.LDR_L) return readable(literalAddress(pc, op), 4) >= 0;
  if (kind === K.WIDE) return isCall(instruction) || isBarrier(op, half) || maskTo(op, half) !== null || maskFrom(op, half) !== null;
  return kind !== K.OTHER && kind <= K.CPSIE;
}

/** Whether the instruction behind it does not come next, or not always. */
export function endsBlock(instruction) {
  const { kind, op } = instruction;
  return kind === K.B_C || kind === K.B || branchesAway(op) || isCall(instruction);
}

/** Where it may go on, as far as the code tells. A call comes back. */
function targetsOf(instruction) {
  const { pc, op, kind, size } = instruction;
  if (kind === K.B_C) return [pc + conditionalOffset(op), pc + size];
  if (kind === K.B) return [pc + branchOffset(op)];
  return isCall(instruction) || kind === K.BLX ? [pc + size] : [];
}

/**
 * The basic blocks of a piece, by address: {start, end, code: instructions}. hasRun(pc): whether it ever was. The block at `start` may
 * be empty, or missing: then there is nothing to translate.
 */
export function blocksFrom(start, halves, hasRun) {
  const found = new Map(); // instructions by address
  const leaders = new Set([start]);
  const waiting = [start];
  const lead = (pc) => {
    leaders.add(pc);
    waiting.push(pc);
  };
  while (waiting.length && found.size < MOST && leaders.size < MOST_BLOCKS) {
    let pc = waiting.shift();
    let ended = false;
    for (let length = 0; !ended && !found.has(pc) && offsetOf(pc) >= 0 && found.size < MOST; length++) {
      if (length === MOST_IN_BLOCK) {
        lead(pc);
        break;
      }
      const instruction = instructionAt(halves, pc);
      if (!translatable(instruction)) break;
      found.set(pc, instruction);
      targetsOf(instruction).filter(hasRun).forEach(lead);
      ended = endsBlock(instruction);
      pc += instruction.size;
    }
    if (!ended && found.has(pc)) leaders.add(pc); // it has run into code that is there already
  }
  return cut(found, leaders);
}

function cut(found, leaders) {
  const blocks = [];
  for (const start of [...leaders].sort((a, b) => a - b)) {
    if (!found.has(start) || blocks.length === MOST_BLOCKS) continue;
    const block = { start, end: start, code: [] };
    do {
      const instruction = found.get(block.end);
      block.code.push(instruction);
      block.end += instruction.size;
      if (endsBlock(instruction)) break;
    } while (found.has(block.end) && !leaders.has(block.end) && block.code.length < MOST_IN_BLOCK);
    blocks.push(block);
  }
  return blocks;
}
