// Runs instructions one by one that only compute, load and store in memory, or branch: code that is not translated, or not yet.
//
// It stops *before* an instruction that needs more than that (a peripheral, a mode, an unmasking with an interrupt waiting, a store over
// translated code, a fault): rp2040js's core does those, as corrections.mjs has it.
import { CF, FLASH, GRANULE_BITS, NF, PENDING, PRIMASK, RAM, SIO, VF, ZF, offsetOf, readable } from "./memory.mjs";
import { K, KIND, COUNT8, LONGEST, branchOffset, callOffset, conditionalOffset, highSource, highTarget } from "./instructions.mjs";
import { isBarrier, literalAddress, maskFrom, maskTo } from "./instructions.mjs";

const [SP, LR, PC] = [13, 14, 15];
const { LDRSB, LDRSH, LDRB_I, LDRH_I, LDRH_R } = K;
const HOT = 30;
const MOST_LINES = 5; // of the XIP cache that a load of eight words lies on

export class Interpreter {
  /**
   * translate(pc): called at a place that is hot now. readSio, writeSio: those of sio.mjs. cache: an XipCache to be asked at each
   * access to flash, or null. hot: a place is translated when it has been branched to so often.
   */
  constructor(shared, { translate, readSio, writeSio, cache = null, hot = HOT }) {
    this.shared = shared;
    this.translate = translate;
    this.readSio = readSio;
    this.writeSio = writeSio;
    this.cache = cache;
    this.hot = hot;
    this.heat = new Uint16Array(shared.entries.length); // by halfword: how often branched to, up to `hot`
    // Cycles within which any instruction stays: with less, each is looked at before.
    this.longest = LONGEST + (cache ? (1 + MOST_LINES) * cache.cyclesPerMiss : 0);
    this.stopped = false; // whether it did so at an instruction that is not its own
    this.exhausted = false; // whether the budget may not suffice for the next one
  }

  /**
   * Run until `budget` cycles may not be enough, an instruction is not its own, or a branch goes to translated code; returns what
   * is left of the budget. `inside`: the first instruction is no place to look for a translation.
   */
  run(budget, inside) {
    this.stopped = false;
    this.exhausted = false;
    const at = offsetOf(this.shared.state[PC]);
    if (at < 0) {
      this.stopped = true;
      return budget;
    }
    if (!inside && this.#arrive(at, this.shared.state[PC] - at)) return budget;
    return this.#run(budget, at);
  }

  #run(budget, at) {
    const { state: S, bytes: M8, halves: M16, words: M32, code, sio } = this.shared;
    const { heat, cache, longest } = this;
    let delta = S[PC] - at;
    for (;;) {
      if (cache !== null) budget -= cache.take();
      const op = M16[at >> 1];
      if (budget < longest && (budget < LONGEST || this.#mayExceed(at, op, budget))) {
        S[PC] = at + delta;
        this.exhausted = true;
        return budget;
      }
      if (cache !== null && at >= FLASH.at) cache.touch(at - FLASH.at);
      // The numbers of the kinds stand here as such, since V8 makes a jump table of them; a test compares their names.
      branch: {
        switch (KIND[op]) {
          case 1: { // LSL_I
            const by = (op >> 6) & 31;
            const x = S[(op >> 3) & 7];
            if (by) S[CF] = (x >>> (32 - by)) & 1;
            S[op & 7] = S[NF] = S[ZF] = x << by;
            break;
          }
          case 2: { // LSR_I
            const by = (op >> 6) & 31; // 0 stands for 32
            const x = S[(op >> 3) & 7];
            S[CF] = by ? (x >>> (by - 1)) & 1 : x >>> 31;
            S[op & 7] = S[NF] = S[ZF] = by ? x >>> by : 0;
            break;
          }
          case 3: { // ASR_I
            const by = (op >> 6) & 31;
            const x = S[(op >> 3) & 7];
            S[CF] = by ? (x >>> (by - 1)) & 1 : x >>> 31;
            S[op & 7] = S[NF] = S[ZF] = x >> (by || 31);
            break;
          }
          case 4: // ADD_R
            S[op & 7] = add(S, S[(op >> 3) & 7], S[(op >> 6) & 7]);
            break;
          case 5: // SUB_R
            S[op & 7] = subtract(S, S[(op >> 3) & 7], S[(op >> 6) & 7]);
            break;
          case 6: // ADD_I3
            S[op & 7] = add(S, S[(op >> 3) & 7], (op >> 6) & 7);
            break;
          case 7: // SUB_I3
            S[op & 7] = subtract(S, S[(op >> 3) & 7], (op >> 6) & 7);
            break;
          case 8: // MOV_I
            S[(op >> 8) & 7] = S[NF] = S[ZF] = op & 255;
            break;
          case 9: // CMP_I
            subtract(S, S[(op >> 8) & 7], op & 255);
            break;
          case 10: // ADD_I8
            S[(op >> 8) & 7] = add(S, S[(op >> 8) & 7], op & 255);
            break;
          case 11: // SUB_I8
            S[(op >> 8) & 7] = subtract(S, S[(op >> 8) & 7], op & 255);
            break;
          case 12: // AND
            S[op & 7] = S[NF] = S[ZF] = S[op & 7] & S[(op >> 3) & 7];
            break;
          case 13: // EOR
            S[op & 7] = S[NF] = S[ZF] = S[op & 7] ^ S[(op >> 3) & 7];
            break;
          case 14: { // LSL_R
            const by = S[(op >> 3) & 7] & 255;
            const x = S[op & 7];
            if (by) S[CF] = by <= 32 ? (x >>> (32 - by)) & 1 : 0;
            S[op & 7] = S[NF] = S[ZF] = by < 32 ? x << by : 0;
            break;
          }
          case 15: { // LSR_R
            const by = S[(op >> 3) & 7] & 255;
            const x = S[op & 7];
            if (by) S[CF] = by <= 32 ? (x >>> (by - 1)) & 1 : 0;
            S[op & 7] = S[NF] = S[ZF] = by < 32 ? x >>> by : 0;
            break;
          }
          case 16: { // ASR_R
            const by = Math.min(S[(op >> 3) & 7] & 255, 32);
            const x = S[op & 7];
            if (by) S[CF] = (x >> Math.min(by - 1, 31)) & 1;
            S[op & 7] = S[NF] = S[ZF] = x >> Math.min(by, 31);
            break;
          }
          case 17: { // ADC
            const a = S[(op >> 3) & 7];
            const b = S[op & 7];
            const carry = S[CF];
            const r = (a + b + carry) | 0;
            S[op & 7] = S[NF] = S[ZF] = r;
            S[CF] = (a >>> 0) + (b >>> 0) + carry > 0xffffffff ? 1 : 0;
            S[VF] = (a ^ r) & (b ^ r);
            break;
          }
          case 18: { // SBC
            const a = S[op & 7];
            const b = S[(op >> 3) & 7];
            const borrow = 1 - S[CF];
            const r = (a - b - borrow) | 0;
            S[op & 7] = S[NF] = S[ZF] = r;
            S[CF] = a >>> 0 >= (b >>> 0) + borrow ? 1 : 0;
            S[VF] = (a ^ b) & (a ^ r);
            break;
          }
          case 19: { // ROR
            const by = S[(op >> 3) & 7];
            const x = S[op & 7];
            const r = (x >>> (by & 31)) | (x << (-by & 31));
            S[op & 7] = S[NF] = S[ZF] = r;
            if (by & 255) S[CF] = r >>> 31;
            break;
          }
          case 20: // TST
            S[NF] = S[ZF] = S[op & 7] & S[(op >> 3) & 7];
            break;
          case 21: // RSB
            S[op & 7] = subtract(S, 0, S[(op >> 3) & 7]);
            break;
          case 22: // CMP
            subtract(S, S[op & 7], S[(op >> 3) & 7]);
            break;
          case 23: // CMN
            add(S, S[op & 7], S[(op >> 3) & 7]);
            break;
          case 24: // ORR
            S[op & 7] = S[NF] = S[ZF] = S[op & 7] | S[(op >> 3) & 7];
            break;
          case 25: // MUL
            S[op & 7] = S[NF] = S[ZF] = Math.imul(S[op & 7], S[(op >> 3) & 7]);
            break;
          case 26: // BIC
            S[op & 7] = S[NF] = S[ZF] = S[op & 7] & ~S[(op >> 3) & 7];
            break;
          case 27: // MVN
            S[op & 7] = S[NF] = S[ZF] = ~S[(op >> 3) & 7];
            break;
          case 28: { // ADD_H
            const to = highTarget(op);
            const from = highSource(op);
            const next = at + delta + 4;
            const r = ((to === PC ? next : S[to]) + (from === PC ? next : S[from])) | 0;
            if (!setHigh(S, to, r)) break;
            budget -= 2;
            break branch;
          }
          case 29: // CMP_H
            subtract(S, S[highTarget(op)], S[highSource(op)]);
            break;
          case 30: { // MOV_H
            const to = highTarget(op);
            const from = highSource(op);
            const r = from === PC ? at + delta + 4 : S[from];
            if (!setHigh(S, to, r)) break;
            budget -= 2;
            break branch;
          }
          case 31: // BX
          case 32: { // BLX
            const r = S[highSource(op)];
            if (!goesToThumb(r)) return this.#stop(at, delta, budget, 1);
            if (op & 0x80) S[LR] = (at + delta + 2) | 1;
            S[PC] = r & ~1;
            budget -= 2;
            break branch;
          }
          case 33: { // LDR_L
            const i = readable(literalAddress(at + delta, op), 4);
            if (i < 0) return this.#stop(at, delta, budget, 1);
            if (cache !== null && i >= FLASH.at) cache.touch(i - FLASH.at);
            S[(op >> 8) & 7] = M32[i >> 2];
            budget--;
            break;
          }
          case 34: // STR_R
          case 42: // STR_I
          case 48: { // STR_S
            const a = wordAddress(S, op);
            const value = S[wordRegister(op)];
            const i = (a - RAM.start) >>> 0;
            if (i >= RAM.size || (i & 3) !== 0 || code[i >> GRANULE_BITS] !== 0) {
              const offset = (a - SIO.start) >>> 0;
              if (offset >= SIO.size || (offset & 3) !== 0 || (sio[offset >> 2] & 2) === 0) return this.#stop(at, delta, budget, 1);
              this.writeSio(offset, value, budget);
              break;
            }
            M32[(i + RAM.at) >> 2] = value;
            budget--;
            break;
          }
          case 35: // STRH_R
          case 46: { // STRH_I
            const i = (S[(op >> 3) & 7] + (op >> 12 === 8 ? ((op >> 6) & 31) << 1 : S[(op >> 6) & 7]) - RAM.start) >>> 0;
            if (i >= RAM.size || (i & 1) !== 0 || code[i >> GRANULE_BITS] !== 0) return this.#stop(at, delta, budget, 1);
            M16[(i + RAM.at) >> 1] = S[op & 7];
            budget--;
            break;
          }
          case 36: // STRB_R
          case 44: { // STRB_I
            const i = (S[(op >> 3) & 7] + (op >> 12 === 7 ? (op >> 6) & 31 : S[(op >> 6) & 7]) - RAM.start) >>> 0;
            if (i >= RAM.size || code[i >> GRANULE_BITS] !== 0) return this.#stop(at, delta, budget, 1);
            M8[i + RAM.at] = S[op & 7];
            budget--;
            break;
          }
          case 38: // LDR_R
          case 43: // LDR_I
          case 49: { // LDR_S
            const a = wordAddress(S, op);
            const i = readable(a, 4);
            if (i < 0) {
              const offset = (a - SIO.start) >>> 0;
              if (offset >= SIO.size || (offset & 3) !== 0 || (sio[offset >> 2] & 1) === 0) return this.#stop(at, delta, budget, 1);
              S[wordRegister(op)] = this.readSio(offset, budget);
              break;
            }
            if (cache !== null && i >= FLASH.at) cache.touch(i - FLASH.at);
            S[wordRegister(op)] = M32[i >> 2];
            budget--;
            break;
          }
          case 37: // LDRSB
          case 39: // LDRH_R
          case 40: // LDRB_R
          case 41: // LDRSH
          case 45: // LDRB_I
          case 47: { // LDRH_I
            const kind = KIND[op];
            const half = kind === LDRH_R || kind === LDRSH || kind === LDRH_I;
            const a = S[(op >> 3) & 7] + (kind < LDRB_I ? S[(op >> 6) & 7] : ((op >> 6) & 31) << (half ? 1 : 0));
            const i = readable(a | 0, half ? 2 : 1);
            if (i < 0) return this.#stop(at, delta, budget, 1);
            if (cache !== null && i >= FLASH.at) cache.touch(i - FLASH.at);
            const value = half ? M16[i >> 1] : M8[i];
            S[op & 7] = kind === LDRSB ? (value << 24) >> 24 : kind === LDRSH ? (value << 16) >> 16 : value;
            budget--;
            break;
          }
          case 50: // ADR
            S[(op >> 8) & 7] = literalAddress(at + delta, op);
            break;
          case 51: // ADD_RS
            S[(op >> 8) & 7] = S[SP] + ((op & 255) << 2);
            break;
          case 52: // ADD_S
            S[SP] = (S[SP] + ((op & 127) << 2)) & ~3;
            break;
          case 53: // SUB_S
            S[SP] = (S[SP] - ((op & 127) << 2)) & ~3;
            break;
          case 54: // SXTH
            S[op & 7] = (S[(op >> 3) & 7] << 16) >> 16;
            break;
          case 55: // SXTB
            S[op & 7] = (S[(op >> 3) & 7] << 24) >> 24;
            break;
          case 56: // UXTH
            S[op & 7] = S[(op >> 3) & 7] & 0xffff;
            break;
          case 57: // UXTB
            S[op & 7] = S[(op >> 3) & 7] & 0xff;
            break;
          case 58: { // PUSH
            const count = COUNT8[op & 255] + ((op >> 8) & 1);
            const i = (S[SP] - 4 * count - RAM.start) >>> 0;
            if (!this.#storable(i, count)) return this.#stop(at, delta, budget, 1);
            let word = (i + RAM.at) >> 2;
            for (let r = 0; r < 8; r++) if ((op >> r) & 1) M32[word++] = S[r];
            if (op & 0x100) M32[word] = S[LR];
            S[SP] -= 4 * count;
            budget -= count;
            break;
          }
          case 59: { // POP
            const count = COUNT8[op & 255] + ((op >> 8) & 1);
            const i = (S[SP] - RAM.start) >>> 0;
            if (i + 4 * count > RAM.size || (i & 3) !== 0) return this.#stop(at, delta, budget, 1);
            let word = (i + RAM.at) >> 2;
            const last = M32[word + count - 1];
            if (op & 0x100 && !goesToThumb(last)) return this.#stop(at, delta, budget, 1);
            for (let r = 0; r < 8; r++) if ((op >> r) & 1) S[r] = M32[word++];
            S[SP] += 4 * count;
            budget -= count;
            if (!(op & 0x100)) break;
            S[PC] = last & ~1;
            budget -= 3;
            break branch;
          }
          case 60: { // REV
            const x = S[(op >> 3) & 7];
            S[op & 7] = (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);
            break;
          }
          case 61: { // REV16
            const x = S[(op >> 3) & 7];
            S[op & 7] = ((x & 0x00ff00ff) << 8) | ((x >>> 8) & 0x00ff00ff);
            break;
          }
          case 62: { // REVSH
            const x = S[(op >> 3) & 7];
            S[op & 7] = ((x << 24) >> 16) | ((x >>> 8) & 0xff);
            break;
          }
          case 63: // NOP
            break;
          case 64: { // STM
            const rn = (op >> 8) & 7;
            const count = COUNT8[op & 255];
            const i = (S[rn] - RAM.start) >>> 0;
            if (!this.#storable(i, count)) return this.#stop(at, delta, budget, 1);
            let word = (i + RAM.at) >> 2;
            for (let r = 0; r < 8; r++) if ((op >> r) & 1) M32[word++] = S[r];
            S[rn] += 4 * count;
            budget -= count;
            break;
          }
          case 65: { // LDM
            const rn = (op >> 8) & 7;
            const count = COUNT8[op & 255];
            const a = S[rn];
            const i = readable(a, 4);
            if (i < 0 || readable((a + 4 * count - 4) | 0, 4) !== i + 4 * count - 4) return this.#stop(at, delta, budget, 1);
            let word = i >> 2;
            if (cache !== null && i >= FLASH.at) cache.touchWords(i - FLASH.at, count);
            for (let r = 0; r < 8; r++) if ((op >> r) & 1) S[r] = M32[word++];
            if (!((op >> rn) & 1)) S[rn] = a + 4 * count;
            budget -= count;
            break;
          }
          case 66: // B_C
            if (!holds(S, (op >> 8) & 15)) {
              at += 2;
              budget--;
              if (heat[at >> 1] === 0) heat[at >> 1] = 1; // it has been run: see blocks.mjs
              continue;
            }
            at += conditionalOffset(op);
            budget -= 2;
            if (this.#leaves(at, delta) || this.#arrive(at, delta)) return this.#depart(budget);
            continue;
          case 67: // B
            at += branchOffset(op);
            budget -= 2;
            if (this.#leaves(at, delta) || this.#arrive(at, delta)) return this.#depart(budget);
            continue;
          case 68: { // WIDE
            const half = M16[(at >> 1) + 1];
            if (cache !== null && at >= FLASH.at) cache.touch(at + 2 - FLASH.at);
            budget -= 3;
            const offset = callOffset(op, half);
            if (offset !== null) {
              S[LR] = (at + delta + 4) | 1;
              S[PC] = at + delta + 4 + offset;
              break branch;
            }
            const to = maskTo(op, half);
            const from = maskFrom(op, half);
            if (to !== null) S[to] = S[PRIMASK];
            else if (from !== null && !S[PENDING]) S[PRIMASK] = S[from] & 1;
            else if (!isBarrier(op, half)) return this.#stop(at, delta, budget + 3, 2);
            at += 4;
            continue;
          }
          case 69: // CPSID
            S[PRIMASK] = 1;
            break;
          case 70: // CPSIE
            if (S[PENDING]) return this.#stop(at, delta, budget, 1);
            S[PRIMASK] = 0;
            break;
          default:
            return this.#stop(at, delta, budget, 1);
        }
        at += 2;
        budget--;
        continue;
      }
      // A branch that may go anywhere: to S[PC].
      at = offsetOf(S[PC]);
      if (at < 0) {
        this.stopped = true;
        return this.#depart(budget);
      }
      delta = S[PC] - at;
      if (this.#arrive(at, delta)) return this.#depart(budget);
    }
  }

  /** Whether misses of the cache may let an instruction take more than a budget of at least LONGEST. */
  #mayExceed(at, op, budget) {
    const { cache } = this;
    if (cache === null) return false;
    let misses = KIND[op] === K.LDM ? MOST_LINES : mayLoad(op) ? 1 : 0;
    if (at >= FLASH.at) {
      if (!cache.holds(at - FLASH.at)) misses++;
      if (KIND[op] === K.WIDE && !cache.holds(at + 2 - FLASH.at)) misses++;
    }
    return budget < LONGEST + misses * cache.cyclesPerMiss;
  }

  /** What is left of the budget behind an instruction that was run. */
  #depart(budget) {
    return this.cache === null ? budget : budget - this.cache.take();
  }

  /** Whether a branch has left the memory that it was in: there is nothing to run. */
  #leaves(at, delta) {
    if (offsetOf(at + delta) === at) return false;
    this.shared.state[PC] = at + delta;
    this.stopped = true;
    return true;
  }

  /**
   * Stop before an instruction of which `fetches` halves were asked of the cache: it is fetched again, so those do not count. The
   * cycles of their misses, which the cache still holds, will be taken with it.
   */
  #stop(at, delta, budget, fetches) {
    if (this.cache !== null && at >= FLASH.at) this.cache.hits -= fetches;
    this.shared.state[PC] = at + delta;
    this.stopped = true;
    return budget;
  }

  /** Whether `count` words can be stored from an offset in RAM: they are there, aligned, and not part of translated code. */
  #storable(offset, count) {
    const end = offset + 4 * count;
    if (end > RAM.size || (offset & 3) !== 0) return false;
    const { code } = this.shared;
    const last = (end - 1) >> GRANULE_BITS;
    for (let granule = offset >> GRANULE_BITS; granule <= last; granule++) if (code[granule] !== 0) return false;
    return true;
  }

  /** A branch has come to `at`: whether there is translated code to go on with; the program counter is right then. */
  #arrive(at, delta) {
    const i = at >> 1;
    if (this.shared.entries[i] !== 0) {
      this.shared.state[PC] = at + delta;
      return true;
    }
    const { heat } = this;
    if (heat[i] < this.hot && ++heat[i] === this.hot) this.translate(at + delta);
    return false;
  }
}

/** Whether it may load one thing; stores, whose kinds stand among those of loads, count too. */
const mayLoad = (op) => KIND[op] >= K.LDR_L && KIND[op] <= K.LDR_S;

function add(S, a, b) {
  const r = (a + b) | 0;
  S[NF] = S[ZF] = r;
  S[CF] = r >>> 0 < a >>> 0 ? 1 : 0;
  S[VF] = (a ^ r) & (b ^ r);
  return r;
}

function subtract(S, a, b) {
  const r = (a - b) | 0;
  S[NF] = S[ZF] = r;
  S[CF] = a >>> 0 >= b >>> 0 ? 1 : 0;
  S[VF] = (a ^ b) & (a ^ r);
  return r;
}

/** Set any register; returns whether that is a branch. */
function setHigh(S, to, value) {
  S[to] = to === PC ? value & ~1 : to === SP ? value & ~3 : value;
  return to === PC;
}

/** The condition of a branch, by its four bits. */
function holds(S, condition) {
  const opposite = (condition & 1) !== 0;
  switch (condition >> 1) {
    case 0:
      return (S[ZF] === 0) !== opposite;
    case 1:
      return (S[CF] !== 0) !== opposite;
    case 2:
      return S[NF] < 0 !== opposite;
    case 3:
      return S[VF] < 0 !== opposite;
    case 4:
      return (S[CF] !== 0 && S[ZF] !== 0) !== opposite;
    case 5:
      return (S[NF] ^ S[VF]) >= 0 !== opposite;
  }
  return (S[ZF] !== 0 && (S[NF] ^ S[VF]) >= 0) !== opposite;
}

/** Whether a branch to this goes on with Thumb code: else it may end an exception, or be a fault. */
const goesToThumb = (target) => (target & 1) !== 0 && target >>> 28 !== 15;

/** Address and register of a load or store of a word: by a number, by a register, or from the stack pointer. */
function wordAddress(S, op) {
  if (op >> 12 === 6) return (S[(op >> 3) & 7] + (((op >> 6) & 31) << 2)) | 0;
  if (op >> 12 === 5) return (S[(op >> 3) & 7] + S[(op >> 6) & 7]) | 0;
  return (S[SP] + ((op & 255) << 2)) | 0;
}
const wordRegister = (op) => (op >> 12 === 9 ? (op >> 8) & 7 : op & 7);
