import assert from "node:assert/strict";
import { test } from "node:test";

import { Pair, randomOf } from "./pio_pair.mjs";

const PROGRAMS = Number(process.env.PIO_PROGRAMS ?? 100);
const FIRST = Number(process.env.PIO_SEED ?? 1);
const CYCLES = 3000;

// ---- random programs

/** An instruction that a program may have; sideBits: of the five that are delay and side-set. */
function instruction(random, sideBits, kinds) {
  const { below, chance, of } = random;
  const low = () => (chance(20) ? 0 : chance(50) ? 1 + below(8) : below(32));
  const delay = chance(75) ? 0 : below(2 ** (5 - sideBits));
  const head = (op) => (op << 13) | (below(2 ** sideBits) << (13 - sideBits)) | (delay << 8);
  switch (of(...kinds)) {
    case "jmp":
      return head(0) | (below(8) << 5) | below(8);
    case "wait":
      return head(1) | (below(2) << 7) | (of(0, 1, 1) << 5) | below(8);
    case "flag":
      return head(1) | (below(2) << 7) | (2 << 5) | of(0, 1, 2, 3, 7, 16, 17, 18, 21);
    case "in":
      return head(2) | (of(0, 0, 0, 1, 2, 3, 6, 7) << 5) | low();
    case "out":
      return head(3) | (of(0, 0, 0, 1, 2, 3, 4, 6) << 5) | low();
    case "away":
      return head(3) | (of(5, 7) << 5) | low();
    case "bit in":
      return head(2) | (of(0, 1, 2) << 5) | (1 + below(4));
    case "bit out":
      return head(3) | (of(0, 1, 2, 4, 6) << 5) | (1 + below(4));
    case "push":
      return head(4) | (below(4) << 5);
    case "pull":
      return head(4) | 0x80 | (below(4) << 5);
    case "mov":
      return head(5) | (of(0, 1, 1, 2, 2, 6, 7) << 5) | (below(3) << 3) | of(0, 1, 2, 3, 5, 6, 7);
    case "exec":
      return head(5) | (of(4, 5) << 5) | (below(3) << 3) | of(0, 1, 2, 6, 7);
    case "irq":
      return head(6) | (of(0, 0, 1, 2) << 5) | of(0, 1, 2, 3, 7, 16, 17, 18, 21);
    default:
      return head(7) | (of(0, 0, 1, 2, 4) << 5) | below(32);
  }
}

const KINDS = ["jmp", "jmp", "wait", "flag", "in", "in", "out", "out", "push", "pull", "mov", "irq", "set", "set"];

// Programs that seldom stall, for what comes at its own time while nobody looks: DMA, interrupts.
const LIVELY = ["in", "in", "in", "out", "out", "set", "mov", "jmp", "irq", "push", "pull"];
const SERIAL = ["bit in", "bit in", "bit out", "set"];

const divider = ({ below, chance, of }) =>
  chance(40) ? 0x10000 : chance(60) ? (of(1, 1, 2, 3, 5) << 16) | (below(256) << 8) : ((1 + below(70)) << 16) | (of(0, below(256)) << 8);

const execctrl = ({ below, chance }) =>
  (chance(40) << 30) |
  (chance(15) << 29) |
  (below(12) << 24) |
  (below(8) << 19) |
  (chance(15) << 18) |
  (chance(15) << 17) |
  ((chance(70) ? 7 : below(32)) << 12) |
  ((chance(80) ? 0 : below(8)) << 7) |
  (below(2) << 4) |
  below(6);

const shiftctrl = ({ below, chance, of }) =>
  (of(0, 0, 0, 1, 2) << 30) |
  (of(0, 0, 8, 1 + below(31)) << 25) |
  (of(0, 0, 8, 1 + below(31)) << 20) |
  (below(4) << 18) |
  (chance(60) << 17) |
  (chance(60) << 16);

const pinctrl = ({ below, chance, of }, sideBits) =>
  (sideBits << 29) |
  (below(6) << 26) |
  (of(0, 1, 2, 3, 4, 8, 20, 32) << 20) |
  ((chance(80) ? below(12) : below(32)) << 15) |
  ((chance(80) ? below(12) : below(32)) << 10) |
  ((chance(80) ? below(12) : below(32)) << 5) |
  (chance(80) ? below(12) : below(32));

/** Settings, a program and DMA in both, by `random`. */
function prepare(pair, random) {
  const { below, chance, of, word } = random;
  const blocks = chance(30) ? [0, 1] : [below(2)];
  const used = [];
  for (let n = 0; n < 12; n++) {
    const over = chance(85) ? 0 : (below(4) << 8) | (below(4) << 12) | (below(4) << 16);
    pair.pin(n, of(6, 6, 7, blocks[0] + 6, 5, 31) | over, of(0x56, 0x56, 0x5a, 0x52, 0x5e, 0x16, 0xd6));
    if (chance(50)) pair.drive(n, below(2));
  }
  const isLively = chance(40);
  let kinds = chance(25) ? [...KINDS, "away", "exec"] : KINDS.filter(() => chance(75)).concat("set", "jmp");
  if (isLively) kinds = (chance(50) ? LIVELY : SERIAL).filter((kind, n) => n < 1 || chance(70));
  if (isLively && chance(25)) kinds.push("away", "exec");
  for (const block of blocks) {
    const sideBits = of(0, 0, 1, 2, 3, 5);
    for (let n = 0; n < 32; n++) pair.write(block, 0x48 + 4 * n, instruction(random, sideBits, kinds));
    if (chance(40)) pair.write(block, 0x38, word());
    if (chance(60)) pair.write(block, 0x12c, below(4096) & below(4096));
    if (chance(30)) pair.write(block, 0x138, below(4096) & below(4096));
    const machines = 1 + below(4);
    for (let m = 0; m < machines; m++) {
      used.push([block, m]);
      const at = 0xc8 + 24 * m;
      pair.write(block, at, divider(random));
      pair.write(block, at + 4, execctrl(random));
      pair.write(block, at + 8, isLively ? (shiftctrl(random) & 0x3ffcffff) | (below(16) ? 3 << 16 : 0) : shiftctrl(random));
      pair.write(block, at + 20, pinctrl(random, sideBits));
      pair.write(block, at + 16, 0xe080 | below(32)); // set pindirs
    }
    pair.write(block, 0, (2 ** machines - 1) * (chance(50) ? 0xf11 : 1));
  }
  let channel = 0;
  for (const [block, machine] of used) {
    if (chance(isLively ? 90 : 35) && channel < 12) pair.dma(channel++, block, machine, true, 4 + below(4), of(100000, 1 + below(50)));
    if (chance(isLively ? 80 : 35) && channel < 12) pair.dma(channel++, block, machine, false, 4 + below(4), of(100000, 1 + below(50)));
  }
  return { blocks, used, isLively };
}

/** Something that the processor or the outside does. */
function act(pair, random, { blocks, used }) {
  const { below, chance, of, word } = random;
  const block = of(...blocks);
  const [, machine] = of(...used);
  const at = 0xc8 + 24 * machine;
  const setting = below(12) === 0;
  switch (of("send", "send", "send", "receive", "receive", "pin", "pin", "pin", "flags", "rare", "instr", setting ? "setting" : "pin")) {
    case "send":
      for (let n = below(5); n >= 0; n--) pair.write(block, 0x10 + 4 * machine, word());
      break;
    case "receive":
      for (let n = below(5); n >= 0; n--) pair.receive(block, machine);
      break;
    case "pin":
      pair.drive(below(12), below(2));
      break;
    case "flags":
      pair.write(block, of(0x30, 0x34), word() & word() & 0xff);
      break;
    case "instr":
      if (chance(40)) pair.write(block, at + 16, instruction(random, 0, [...KINDS, "away", "exec"]));
      break;
    case "rare":
      if (chance(30)) pair.write(block, 0x08, word());
      else if (chance(30)) pair.sio(word() & 0xfff, word() & 0xfff);
      else if (chance(20)) pair.write(block, 0x38, word());
      else if (chance(20)) pair.write(block, of(0x12c, 0x130, 0x138, 0x13c), below(4096) & below(4096));
      else if (chance(30)) pair.pin(below(12), of(5, 6, 7, 31) | (below(4) << 8), of(0x56, 0x5a, 0x5e, 0x16));
      else if (chance(50)) pair.write(block, 0, 15);
      else pair.write(block, 0, (below(16) & below(16)) << 8 | (below(16) & below(16) & below(16)) << 4 | (below(16) | below(16)));
      break;
    case "setting":
      if (chance(40)) pair.write(block, at, divider(random));
      else if (chance(30)) pair.write(block, at + 4, execctrl(random));
      else if (chance(30)) pair.write(block, at + 8, shiftctrl(random));
      else pair.write(block, 0x48 + 4 * below(32), instruction(random, 0, KINDS));
  }
}

function runRandomly(seed) {
  const random = randomOf(seed);
  const pair = new Pair();
  const parts = prepare(pair, random);
  const pace = random.of(3, 20, 100, 400);
  let next = CYCLES / 6;
  while (pair.cycle < CYCLES) {
    pair.pass(1 + random.below(pace));
    if (random.chance(30)) pair.compareOutside();
    if (random.chance(parts.isLively ? 20 : 70)) act(pair, random, parts);
    if (random.chance(parts.isLively ? 5 : 20) || pair.cycle > next) {
      pair.compare();
      next = pair.cycle + CYCLES / 6;
    }
  }
  pair.compare();
  return pair.cycle;
}

test(`${PROGRAMS} random programs do what the data sheet says, to the cycle`, () => {
  for (let seed = FIRST; seed < FIRST + PROGRAMS; seed++) {
    try {
      runRandomly(seed);
    } catch (error) {
      error.message = `seed ${seed}: ${error.message}`;
      throw error;
    }
  }
});
