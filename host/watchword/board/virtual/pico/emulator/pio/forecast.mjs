// How soon a state machine can do something that others notice: a lower bound, from the shortest ways through its program.
import { FOR_FIFO } from "./datapath.mjs";
import * as i from "./instruction.mjs";

const FAR = 1e9; // ticks: a program without such an instruction

/** The shortest ways through a program, in ticks from the execution of each instruction. */
class Outlook {
  constructor(machine) {
    this.machine = machine;
    this.all = Array.from({ length: 32 }, (_, address) => machine.instruction(address));
    this.reach = this.all.map((instruction, address) => this.#successors(instruction, address));

    this.push = this.#ways(({ op }) => op === i.PUSH);
    this.pull = this.#ways(({ op }) => op === i.PULL);
    this.irq = this.#ways(({ op, source, polarity }) => op === i.IRQ || (op === i.WAIT && source === i.WAIT_IRQ && polarity === 1));
    const { outMask, setMask } = machine;
    this.pins = this.#ways(
      ({ op, what, sideMask }) =>
        sideMask !== 0 ||
        (op === i.OUT && outMask !== 0 && (what === i.PINS || what === i.PINDIRS)) ||
        (op === i.MOV && outMask !== 0 && what === i.PINS) ||
        (op === i.SET && setMask !== 0 && (what === i.PINS || what === i.PINDIRS)),
    );
    this.watchedMask = 0;
    this.watchedPins = null;

    this.in = this.#ways(({ op }) => op === i.IN);
    this.out = this.#ways(({ op }) => op === i.OUT);
    this.betweenIns = this.#between(i.IN, this.in);
    this.betweenOuts = this.#between(i.OUT, this.out);
    this.mostIn = this.#most(i.IN);
    this.mostOut = this.#most(i.OUT);
    this.setsIsrCount = this.all.some(({ op, what }) => op === i.OUT && what === i.ISR);
  }

  /** Ways to what changes a pin of `mask`. */
  toPins(mask) {
    if (this.watchedPins === null || mask !== this.watchedMask) {
      const { outMask, setMask } = this.machine;
      this.watchedMask = mask;
      this.watchedPins = this.#ways(
        ({ op, what, sideMask }) =>
          (sideMask & mask) !== 0 ||
          (op === i.OUT && (outMask & mask) !== 0 && (what === i.PINS || what === i.PINDIRS)) ||
          (op === i.MOV && (outMask & mask) !== 0 && what === i.PINS) ||
          (op === i.SET && (setMask & mask) !== 0 && (what === i.PINS || what === i.PINDIRS)),
      );
    }
    return this.watchedPins;
  }

  /** Addresses that may come next; null: any. */
  #successors(instruction, address) {
    const { wrapTop, wrapBottom } = this.machine;
    const next = address === wrapTop ? wrapBottom : (address + 1) & 0x1f;
    if (instruction.op === i.JMP) return instruction.what === 0 ? [instruction.low] : [instruction.low, next];
    const writesPc = (instruction.op === i.OUT || instruction.op === i.MOV) && instruction.what === i.PC;
    return writesPc ? null : [next];
  }

  /** Ticks from each address to an instruction that is sought; EXEC may bring any. */
  #ways(sought) {
    const ways = Int32Array.from(this.all, (instruction) => (sought(instruction) || instruction.isExec ? 0 : FAR));
    for (let better = true; better; ) {
      better = false;
      for (let address = 31; address >= 0; address--) {
        const way = this.#after(address, ways);
        if (way < ways[address]) {
          ways[address] = way;
          better = true;
        }
      }
    }
    return ways;
  }

  /** Ticks over the instruction at an address and on. */
  #after(address, ways) {
    const next = this.reach[address];
    let least = FAR;
    if (next === null) for (const way of ways) least = Math.min(least, way);
    else for (const to of next) least = Math.min(least, ways[to]);
    return Math.min(FAR, least + 1 + this.all[address].delay);
  }

  #between(op, ways) {
    let least = FAR;
    for (let address = 0; address < 32; address++) {
      if (this.all[address].op === op) least = Math.min(least, this.#after(address, ways));
    }
    return this.all.some(({ isExec }) => isExec) ? 0 : least;
  }

  #most(op) {
    return Math.max(1, ...this.all.filter((instruction) => instruction.op === op).map(({ count }) => count));
  }
}

const outlook = (machine) => (machine.outlook ??= new Outlook(machine));

const cycleOf = (machine, from, ticks) => (ticks >= FAR ? Infinity : Math.floor((from + ticks * machine.divider) / 256));

/** The first cycle at which a machine may change a flag or a pin, and so wake another; Infinity for one that sleeps itself. */
export function firstChange(machine) {
  if (machine.due === Infinity || machine.latch !== null) return machine.event;
  const { irq, pins } = outlook(machine);
  return cycleOf(machine, machine.position, Math.min(irq[machine.pc], pins[machine.pc]));
}

/**
 * No change that anybody waits for comes from `machine` before this cycle. watchRx, watchTx, watchIrq: whether its FIFOs and the block's
 * flags are waited for; watchPins: pins that are; wake: the first cycle at which another machine may wake it, if it sleeps.
 */
export function firstNoticed(machine, watchRx, watchTx, watchIrq, watchPins, wake) {
  if (!machine.ticking) return Infinity;
  let from = machine.position;
  if (machine.due === Infinity) {
    if (machine.asleep === FOR_FIFO || wake === Infinity) return Infinity;
    from = Math.max(from, (wake + 1) * 256);
  }
  const first = watchTx ? machine.refillAt : Infinity;
  if (machine.latch !== null) return Math.min(first, Math.floor(from / 256));
  const ways = outlook(machine);
  const { pc } = machine;
  let ticks = FAR;
  if (watchRx) {
    ticks = Math.min(ticks, ways.push[pc]);
    if (machine.autopush) {
      const ins = ways.setsIsrCount ? 1 : Math.max(1, Math.ceil((machine.pushAt - machine.isrCount) / ways.mostIn));
      ticks = Math.min(ticks, ways.in[pc] + (ins - 1) * ways.betweenIns);
    }
  }
  if (watchTx && !machine.tx.empty) {
    ticks = Math.min(ticks, ways.pull[pc]);
    if (machine.autopull) {
      const outs = Math.max(0, Math.ceil((machine.pullAt - machine.osrCount) / ways.mostOut));
      ticks = Math.min(ticks, outs === 0 ? 0 : ways.out[pc] + (outs - 1) * ways.betweenOuts);
    }
  }
  if (watchIrq) ticks = Math.min(ticks, ways.irq[pc]);
  if (watchPins !== 0) ticks = Math.min(ticks, ways.toPins(watchPins)[pc]);
  return Math.min(first, cycleOf(machine, from, ticks));
}
