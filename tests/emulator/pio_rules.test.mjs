import assert from "node:assert/strict";
import { test } from "node:test";

import { run, running } from "./board.mjs";
import { chipWithPio, Pair, RAM } from "./pio_pair.mjs";
import * as t from "./thumb.mjs";

const PIO0 = 0x50200000;
const PIO1 = 0x50300000;
const DMA = 0x50000000;
const IO_BANK0 = 0x40014000;
const PADS_BANK0 = 0x4001c000;
const SIO = 0xd0000000;
const TIMERAWL = 0x40054028;
const [CTRL, FSTAT, FDEBUG, FLEVEL, TXF0, RXF0, IRQ] = [0, 4, 8, 0xc, 0x10, 0x20, 0x30];
const [CLKDIV, EXECCTRL, SHIFTCTRL, ADDR, INSTR, PINCTRL] = [0xc8, 0xcc, 0xd0, 0xd4, 0xd8, 0xdc];
const CYCLE = 8;
const ONE_PIN_EACH = (1 << 26) | (1 << 20); // SET_COUNT, OUT_COUNT

const NOP = 0xa042;
const PULL = 0x80a0;
const PUSH = 0x8020;
const SET_PIN = 0xe001;
const CLEAR_PIN = 0xe000;
const SET_DIRECTION = 0xe081;
const setX = (value) => 0xe020 | value;
const jump = (address) => address;

/** A chip, and short names for what is done with it. */
function chipOf(...program) {
  const { chip, pio } = chipWithPio();
  const write = (offset, value) => chip.writeUint32(PIO0 + offset, value >>> 0);
  const read = (offset) => chip.readUint32(PIO0 + offset) >>> 0;
  program.forEach((opcode, n) => write(0x48 + 4 * n, opcode));
  write(EXECCTRL, Math.max(program.length - 1, 0) << 12);
  const pass = (cycles) => chip.clock.tick(cycles * CYCLE);
  const pin = (n, select = 6, pad = 0x56) => {
    chip.writeUint32(IO_BANK0 + 8 * n + 4, select);
    chip.writeUint32(PADS_BANK0 + 4 * n + 4, pad);
  };
  const level = (n) => (chip.readUint32(SIO + 4) >>> n) & 1;
  return { chip, pio, write, read, pass, pin, level, machine: pio.blocks[0].machines[0] };
}

test("an instruction of SMx_INSTR is executed by a disabled machine, and stalls in EXEC_STALLED", () => {
  const { write, read, pass, machine } = chipOf(NOP, NOP);
  write(INSTR, setX(9));
  assert.equal(machine.x, 9);
  write(INSTR, PULL);
  assert.equal(read(EXECCTRL) >>> 31, 1);
  pass(100);
  assert.equal(read(EXECCTRL) >>> 31, 1);
  write(TXF0, 1234);
  pass(1);
  assert.equal(read(EXECCTRL) >>> 31, 0);
  assert.equal(machine.osr, 1234);
  assert.equal(read(ADDR), 0);
  write(INSTR, jump(1));
  assert.equal(read(ADDR), 1);
});

test("a new instruction of SMx_INSTR takes the place of one that stalls", () => {
  const { write, read, pass, machine } = chipOf(NOP);
  write(INSTR, PULL);
  write(INSTR, setX(3));
  write(TXF0, 1);
  pass(10);
  assert.equal(read(EXECCTRL) >>> 31, 0);
  assert.equal(machine.x, 3);
  assert.equal(read(FLEVEL), 1);
});

test("an instruction that is latched has the side-set of the settings with which it is executed", () => {
  const { write, read, pass } = chipOf(NOP);
  write(CLKDIV, 10 << 16);
  write(CTRL, 0x100);
  write(PINCTRL, 1 << 29);
  write(TXF0, 0x1000 | NOP); // nop side 1
  write(INSTR, PULL);
  write(INSTR, 0x60f0); // out exec, 16
  write(PINCTRL, (1 << 29) | (3 << 10));
  assert.equal(read(0x3c), 0);
  pass(10);
  assert.equal(read(0x3c), 8);
});

test("a flag that one machine sets and another clears in the same cycle is set", () => {
  const { write, read, pass } = chipOf(0xc000, 0xc040, NOP); // irq 0; irq clear 0
  for (const m of [0, 1]) write(EXECCTRL + 24 * m, 2 << 12 | 2 << 7);
  write(INSTR + 24, jump(1));
  write(CTRL, 3);
  pass(1);
  assert.equal(read(IRQ), 1);
});

test("SM_RESTART ends what has stalled, and leaves X, Y, OSR and PC", () => {
  const { write, read, machine } = chipOf(NOP, NOP);
  write(INSTR, setX(3));
  write(INSTR, jump(1));
  write(INSTR, 0xa0e1); // mov osr, x
  write(INSTR, 0x4024); // in x, 4
  write(INSTR, PULL);
  write(CTRL, 0x10);
  assert.equal(read(EXECCTRL) >>> 31, 0);
  assert.deepEqual([machine.x, machine.osr, machine.pc, machine.isr, machine.isrCount, machine.osrCount], [3, 3, 1, 0, 0, 32]);
});

test("a FIFO that is joined has eight words, the other none, and a change of FJOIN clears both", () => {
  const { write, read } = chipOf();
  write(TXF0, 1);
  write(SHIFTCTRL, 1 << 30);
  assert.equal(read(FLEVEL) & 0xff, 0);
  for (let n = 0; n < 9; n++) write(TXF0, n);
  assert.equal(read(FLEVEL) & 0xff, 8);
  assert.equal(read(FDEBUG), 1 << 16);
  assert.equal((read(FSTAT) >>> 8) & 1, 1); // RX: empty
  assert.equal(read(FSTAT) & 1, 1); // and full
  write(SHIFTCTRL, (1 << 30) | (1 << 18));
  assert.equal(read(FLEVEL) & 0xff, 8);
  write(SHIFTCTRL, 1 << 31);
  assert.equal(read(FLEVEL) & 0xff, 0);
  assert.equal((read(FSTAT) >>> 16) & 1, 1);
  assert.equal((read(FSTAT) >>> 24) & 1, 1);
});

test("FDEBUG keeps what has happened until a 1 is written, and a stall tells again", () => {
  const { write, read, pass } = chipOf(PULL);
  write(CTRL, 1);
  pass(1);
  assert.equal(read(FDEBUG), 1 << 24); // TXSTALL
  write(FDEBUG, 1 << 24);
  assert.equal(read(FDEBUG), 0);
  pass(1);
  assert.equal(read(FDEBUG), 1 << 24);
  write(CTRL, 0);
  write(FDEBUG, 0xffffffff);
  read(RXF0);
  assert.equal(read(FDEBUG), 1 << 8); // RXUNDER
  write(FDEBUG, 1 << 8);
  for (let n = 0; n < 5; n++) write(INSTR, 0x8000); // push noblock
  assert.equal(read(FDEBUG), 1); // RXSTALL
});

test("a divider of 0 is 65536; ticks of 2.5 come after 2, 2, 3, 2, 3 cycles", () => {
  const { write, read, pass } = chipOf(NOP, NOP, NOP, NOP, NOP, NOP);
  write(CLKDIV, 0);
  write(CTRL, 0x101);
  pass(65535);
  assert.equal(read(ADDR), 0);
  pass(1);
  assert.equal(read(ADDR), 1);
  write(CTRL, 0);
  write(CLKDIV, (2 << 16) | (128 << 8));
  write(INSTR, jump(0));
  write(CTRL, 0x101);
  const ticks = [];
  for (let cycle = 1, before = 0; cycle <= 12; cycle++) {
    pass(1);
    if (read(ADDR) !== before) ticks.push(cycle);
    before = read(ADDR);
  }
  assert.deepEqual(ticks, [2, 4, 7, 9, 12]);
});

test("dividers that are restarted together run together, whether their machines are enabled or not", () => {
  const { write, read, pass } = chipOf(NOP, NOP, NOP, NOP);
  for (const m of [0, 1]) {
    write(CLKDIV + 24 * m, 7 << 16);
    write(EXECCTRL + 24 * m, 3 << 12);
  }
  write(CTRL, 0x301);
  pass(10);
  write(CTRL, 2);
  pass(3);
  assert.deepEqual([read(ADDR), read(ADDR + 24)], [1, 0]);
  pass(1);
  assert.deepEqual([read(ADDR), read(ADDR + 24)], [1, 1]);
});

test("an input passes two flip-flops, unless INPUT_SYNC_BYPASS has its bit", () => {
  for (const [bypass, late] of [[0, 2], [2, 0]]) {
    const { chip, write, read, pass, pin } = chipOf(0x2081, NOP); // wait 1 gpio 1
    pin(1);
    write(0x38, bypass);
    write(CTRL, 1);
    pass(50);
    chip.gpio[1].setInputValue(true);
    pass(late);
    assert.equal(read(ADDR), 0);
    pass(1);
    assert.equal(read(ADDR), 1);
  }
});

test("SMx_INSTR sees the pins of its own cycle, not what has just changed", () => {
  const { chip, write, pass, machine } = chipOf();
  write(0x38, 1);
  pass(5);
  chip.gpio[0].setInputValue(true);
  write(INSTR, 0x4001); // in pins, 1
  assert.equal(machine.isr, 0);
  pass(1);
  write(INSTR, 0x4001);
  assert.equal(machine.isr >>> 31, 1);
});

test("an output reads as itself, from wherever it is driven, if the pad's input is enabled", () => {
  const { chip, write, pin, level } = chipOf();
  pin(2);
  write(PINCTRL, ONE_PIN_EACH | (2 << 5));
  write(INSTR, SET_PIN);
  assert.equal(level(2), 0);
  write(INSTR, SET_DIRECTION);
  assert.equal(level(2), 1);
  assert.equal(chip.gpio[2].value, 1); // GPIOPinState.High
  assert.equal((chip.readUint32(IO_BANK0 + 16) >>> 17) & 1, 1); // INFROMPAD
  pin(2, 6, 0x16);
  assert.equal(level(2), 0);
  pin(2, 7);
  assert.equal(level(2), 0); // the other block drives nothing
  pin(3, 5);
  chip.writeUint32(SIO + 0x14, 8);
  chip.writeUint32(SIO + 0x24, 8);
  assert.equal(level(3), 1);
});

test("a pin that nobody drives is where its pull has it", () => {
  const { chip, pin, level } = chipOf();
  pin(4, 5, 0x5a);
  assert.equal(level(4), 1);
  chip.gpio[4].setInputValue(false);
  assert.equal(level(4), 0);
});

test("a bus keeper keeps what was on the pin last", () => {
  const { chip, pin, level } = chipOf();
  pin(4, 5, 0x5e);
  for (const value of [1, 0]) {
    chip.writeUint32(SIO + 0x10, value << 4);
    chip.writeUint32(SIO + 0x24, 16);
    chip.writeUint32(SIO + 0x28, 16);
    assert.equal(level(4), value);
  }
});

test("SMx_INSTR sees three cycles back through the synchronisers while a pin changes at each", () => {
  const pair = new Pair();
  pair.pin(0, 6, 0x56);
  [SET_PIN, SET_PIN, CLEAR_PIN, SET_PIN, CLEAR_PIN].forEach((opcode, n) => pair.write(0, 0x48 + 4 * n, opcode));
  pair.write(0, EXECCTRL, 4 << 12);
  pair.write(0, PINCTRL, ONE_PIN_EACH);
  pair.write(0, INSTR, SET_DIRECTION);
  pair.write(0, CTRL, 1);
  for (let n = 0; n < 40; n++) {
    pair.pass(1);
    pair.write(0, INSTR + 24, 0x4001); // in pins, 1
    pair.compare();
  }
});

test("side-set counts over SET, and the highest-numbered machine over the others", () => {
  const { write, read, pass } = chipOf(0xf000); // set pins, 0 side 1
  write(PINCTRL, (1 << 29) | ONE_PIN_EACH);
  write(INSTR, 0xf000);
  assert.equal(read(0x3c), 1);
  const other = chipOf(SET_PIN, CLEAR_PIN);
  for (const m of [0, 1]) {
    other.write(PINCTRL + 24 * m, ONE_PIN_EACH);
    other.write(EXECCTRL + 24 * m, m << 12 | m << 7);
  }
  other.write(INSTR + 24, jump(1));
  other.write(CTRL, 3);
  other.pass(1);
  assert.equal(other.read(0x3c), 0);
  pass(1);
});

test("OUT_STICKY asserts the last write again at each cycle, until a write without its enable", () => {
  const { write, read, pass } = chipOf();
  write(PINCTRL, ONE_PIN_EACH);
  write(PINCTRL + 24, ONE_PIN_EACH);
  write(EXECCTRL, (1 << 17) | (1 << 18) | (1 << 19)); // with INLINE_OUT_EN, by bit 1
  write(INSTR, 0xe023); // set x, 3
  write(INSTR, 0xa001); // mov pins, x
  assert.equal(read(0x3c), 1);
  write(INSTR + 24, CLEAR_PIN);
  assert.equal(read(0x3c), 0);
  pass(1);
  assert.equal(read(0x3c), 1);
  write(INSTR, 0xe020); // set x, 0
  write(INSTR, 0xa001);
  write(INSTR + 24, CLEAR_PIN);
  pass(5);
  assert.equal(read(0x3c), 0);
});

test("registers can be written by their aliases for set, clear and exclusive-or", () => {
  const { chip, read } = chipOf();
  const alias = (kind, offset, value) => chip.writeUint32(PIO0 + 0x1000 * kind + offset, value);
  alias(2, CTRL, 5);
  assert.equal(read(CTRL), 5);
  alias(3, CTRL, 1);
  assert.equal(read(CTRL), 4);
  alias(1, CTRL, 6);
  assert.equal(read(CTRL), 2);
  alias(2, 0x34, 0x81); // IRQ_FORCE
  assert.equal(chip.readUint32(PIO0 + 0x3000 + IRQ), 0x81);
  alias(2, IRQ, 0x80);
  assert.equal(read(IRQ), 1);
  alias(2, TXF0, 77);
  assert.equal(read(FLEVEL), 1);
});

test("what is fixed reads as the data sheet says", () => {
  const { read } = chipOf();
  const values = [[0x44, 0x200404], [CLKDIV, 0x10000], [EXECCTRL, 0], [SHIFTCTRL, 0xc0000], [PINCTRL, 0x14000000], [FSTAT, 0x0f000f00]];
  for (const [offset, value] of values) assert.equal(read(offset), value, offset.toString(16));
});

test("byte and halfword writes to a FIFO come on all lanes", () => {
  const { chip, machine, write } = chipOf();
  chip.writeUint8(PIO0 + TXF0, 0xa5);
  write(INSTR, PULL);
  assert.equal(machine.osr >>> 0, 0xa5a5a5a5);
});

test("a machine that stalls, or is disabled, asks for no time", () => {
  for (const opcode of [PULL, 0x2081, 0x20c3, 0x60a0]) {
    const { write, pass, pio } = chipOf(opcode); // pull, wait 1 gpio 1, wait 1 irq 3, out pc, 32 with autopull
    write(SHIFTCTRL, 1 << 17);
    write(CTRL, 1);
    pass(20);
    pio.sync();
    pio.schedule();
    assert.equal(pio.next, Infinity);
    write(CTRL, 0);
    assert.equal(pio.next, Infinity);
  }
});

test("a change of clk_sys moves all that is due", () => {
  const { chip, write, read, pass } = chipOf(NOP, NOP, NOP, NOP);
  write(CLKDIV, 100 << 16);
  write(CTRL, 0x101);
  pass(50);
  chip.clkSys = 62.5e6;
  for (const listener of chip.clockListeners) listener(62.5e6, 125e6);
  chip.clock.tick(49 * 16);
  assert.equal(read(ADDR), 0);
  chip.clock.tick(16);
  assert.equal(read(ADDR), 1);
});

test("a listener of rp2040js's is called at the time of the change, a GPIO interrupt comes at its own", () => {
  const program = [SET_PIN, ...new Array(20).fill(NOP), CLEAR_PIN, ...new Array(9).fill(NOP)];
  const { chip, write, pass, pin } = chipOf(...program);
  pin(5);
  write(PINCTRL, ONE_PIN_EACH | (5 << 5));
  write(INSTR, SET_DIRECTION);
  const seen = [];
  chip.gpio[5].addListener((value) => seen.push([value, chip.clock.nanos / CYCLE]));
  write(CTRL, 1);
  pass(100);
  assert.deepEqual(seen, [[1, 1], [0, 22], [1, 32], [0, 53], [1, 63], [0, 84], [1, 94]]);

  const other = chipOf(...program);
  other.pin(5);
  other.write(PINCTRL, ONE_PIN_EACH | (5 << 5));
  other.write(INSTR, SET_DIRECTION);
  other.chip.writeUint32(IO_BANK0 + 0x100, 4 << 20); // EDGE_LOW
  const interrupts = [];
  other.chip.setInterrupt = (irq, level) => irq === 13 && level && interrupts.push(other.chip.clock.nanos / CYCLE);
  other.write(CTRL, 1);
  other.pass(40);
  assert.deepEqual(interrupts.slice(0, 1), [22]);
  assert.equal((other.chip.readUint32(IO_BANK0 + 0xf0) >>> 20) & 0xf, 0b1110);
});

test("DMA: a ring, a count of 0xffffffff, a pacing timer of X / Y, and a chain", () => {
  const { chip, write, pass } = chipOf(0x4021, 0x0041); // in x, 1; jmp x--, 1
  const dma = (channel, offset, value) => chip.writeUint32(DMA + 0x40 * channel + offset, value >>> 0);
  dma(0, 0, PIO0 + RXF0);
  dma(0, 4, RAM + 0x400);
  dma(0, 8, 0xffffffff);
  dma(0, 0xc, (1 << 21) | (4 << 15) | (1 << 10) | (4 << 6) | (1 << 5) | (2 << 2) | 1);
  for (let n = 1; n < 8; n++) {
    write(INSTR, setX(n));
    write(INSTR, 0xa0c1); // mov isr, x
    write(INSTR, PUSH);
    pass(1);
  }
  assert.deepEqual([0, 4, 8, 12].map((at) => chip.readUint32(RAM + 0x400 + at)), [5, 6, 7, 4]);
  assert.equal(chip.readUint32(DMA + 8), 0xffffffff - 7);

  chip.writeUint32(DMA + 0x42c, (2 << 16) | 1000); // timer 3: each 500 cycles
  dma(2, 0, RAM);
  dma(2, 4, RAM + 0x800);
  dma(2, 8, 1);
  dma(2, 0x10, (63 << 15) | (2 << 11) | (2 << 2) | 1);
  dma(1, 0, RAM);
  dma(1, 4, RAM + 0x600);
  dma(1, 8, 3);
  chip.writeUint32(RAM, 99);
  dma(1, 0xc, (62 << 15) | (2 << 11) | (2 << 2) | 1);
  pass(1499);
  assert.equal(chip.readUint32(DMA + 0x48), 1);
  assert.equal(chip.readUint32(RAM + 0x800), 0);
  pass(1);
  assert.equal(chip.readUint32(DMA + 0x48), 0);
  assert.equal(chip.readUint32(RAM + 0x800), 99);
});

// ---- nobody looks: DMA and interrupts come at their cycle all the same

/** Both, with programs for the machines of block 0: {code, shiftctrl, pinctrl, clkdiv, rx, tx: whether DMA serves it}. */
function unseen(cycles, ...machines) {
  const pair = new Pair();
  pair.pin(0, 6, 0x56);
  let address = 0;
  machines.forEach(({ code, shiftctrl = 0xc0000, pinctrl = 0, clkdiv = 0x10000, rx = false, tx = false }, m) => {
    code.forEach((opcode, n) => pair.write(0, 0x48 + 4 * (address + n), opcode >>> 13 === 0 ? opcode + address : opcode));
    pair.write(0, CLKDIV + 24 * m, clkdiv);
    pair.write(0, EXECCTRL + 24 * m, ((address + code.length - 1) << 12) | (address << 7));
    pair.write(0, SHIFTCTRL + 24 * m, shiftctrl);
    pair.write(0, PINCTRL + 24 * m, pinctrl);
    pair.write(0, INSTR + 24 * m, jump(address));
    if (rx) pair.dma(2 * m, 0, m, true, 6, 1000);
    if (tx) pair.dma(2 * m + 1, 0, m, false, 6, 1000);
    address += code.length;
  });
  pair.write(0, CTRL, 2 ** machines.length - 1);
  for (let cycle = 0; cycle < cycles; cycle++) {
    pair.pass(1);
    pair.compareOutside();
  }
  assert.ok(pair.model.channels.every(({ left }) => left < 1000), "nothing was transferred");
  pair.compare();
}

const AUTOPUSH = 1 << 16;
const AUTOPULL = 1 << 17;
const IN_1 = 0x4061; // in null, 1
const OUT_1 = 0x6061; // out null, 1

test("a word that is shifted in bit by bit comes with its last bit", () => {
  unseen(200, { code: [IN_1], shiftctrl: AUTOPUSH, rx: true });
  unseen(400, { code: [IN_1, NOP | (3 << 8), 0x4063], shiftctrl: AUTOPUSH, clkdiv: 0x1c000, rx: true });
});

test("a word that is shifted out bit by bit is fetched with its last bit", () => {
  unseen(300, { code: [OUT_1], shiftctrl: AUTOPULL, tx: true });
  unseen(400, { code: [OUT_1, NOP | (3 << 8)], shiftctrl: AUTOPULL | (7 << 25), clkdiv: 0x1c000, tx: true });
});

test("OUT ISR may fill the ISR at once", () => {
  unseen(100, { code: [0x60de, IN_1, IN_1], shiftctrl: AUTOPUSH | AUTOPULL, rx: true, tx: true }); // out isr, 30
});

test("what EXEC brings may be a PUSH", () => {
  // X = 0x8000 by shifts: set x, 1; mov isr, ::x (0x80000000); mov x, isr; in null, 16 to the right; mov exec, isr
  unseen(300, { code: [0xe021, 0xa0d1, 0x4070, NOP, NOP, 0xa086], shiftctrl: 1 << 18, rx: true });
});

test("a machine that waits for a flag or a pin of another is heard as soon as that wakes it", () => {
  const setter = { code: [NOP | (31 << 8), NOP | (17 << 8), 0xc001] }; // irq 1
  unseen(500, setter, { code: [0x20c1, PUSH], rx: true }); // wait 1 irq 1
  const toggler = { code: [SET_PIN | (31 << 8), CLEAR_PIN | (23 << 8), SET_DIRECTION], pinctrl: ONE_PIN_EACH };
  unseen(800, toggler, { code: [0x2080, PUSH, 0x2000], rx: true }); // wait 1 gpio 0; push; wait 0 gpio 0
});

/** Each cycle by itself, for 200 cycles. */
function watch(pair) {
  for (let cycle = 0; cycle < 200; cycle++) {
    pair.pass(1);
    pair.compareOutside();
  }
  pair.compare();
}

test("an OSR that is empty is filled in the middle of a delay, and the FIFO asks for a word then", () => {
  const pair = new Pair();
  pair.write(0, 0x48, 0x7f60); // out null, 32 [31]
  pair.write(0, CLKDIV, 20 << 16);
  pair.write(0, EXECCTRL, 0);
  pair.write(0, SHIFTCTRL, AUTOPULL);
  pair.write(0, TXF0, 1);
  pair.write(0, CTRL, 1);
  pair.pass(75);
  pair.dma(0, 0, 0, false, 6, 1000);
  watch(pair);
  assert.equal(pair.model.channels[0].left, 995);
});

test("a flag that a machine takes lowers its interrupt at that time", () => {
  const pair = new Pair();
  pair.write(0, 0x48, 0x20c0); // wait 1 irq 0
  pair.write(0, CLKDIV, 50 << 16);
  pair.write(0, EXECCTRL, 0);
  pair.write(0, 0x12c, 0x100);
  pair.write(0, CTRL, 1);
  pair.pass(60);
  pair.write(0, 0x34, 1);
  watch(pair);
  assert.equal(pair.model.blocks[0].flags, 0);
});

test("both blocks see each other's pins", () => {
  const pair = new Pair();
  pair.pin(0, 6, 0x56);
  pair.write(0, PINCTRL, ONE_PIN_EACH);
  pair.write(0, INSTR, SET_DIRECTION);
  [SET_PIN, NOP, NOP, NOP, CLEAR_PIN, NOP, NOP, 0x2740].forEach((opcode, n) => pair.write(0, 0x48 + 4 * n, opcode));
  [0x2080, 0xc000, 0x2000, 0xc001].forEach((opcode, n) => pair.write(1, 0x48 + 4 * n, opcode)); // wait 1 gpio 0; irq 0; wait 0; irq 1
  pair.write(1, EXECCTRL, 3 << 12);
  pair.write(1, 0x12c, 0x300);
  pair.write(1, CTRL, 1);
  pair.write(0, CTRL, 1);
  for (let n = 0; n < 20; n++) {
    pair.pass(3);
    pair.compare();
  }
  assert.equal(pair.read(1, IRQ), 3);
});

test("a processor that waits is woken by a machine's flag, and by DMA from its FIFO, at their times", () => {
  const VECTORS = RAM + 0x100;
  const HANDLER = RAM + 0x200;
  const write = (address, value) => [t.set(1, value), t.set(2, address), t.str(1, 2)];
  /** The time in microseconds at which an interrupt ends the wait of a board that has started the machine. */
  const waited = (interrupt, ...start) => {
    const pico = running(
      ...write(0xe000ed08, VECTORS), // VTOR
      ...write(0xe000e100, 1 << interrupt), // NVIC_ISER
      ...write(PIO1 + CLKDIV, 25000 << 16), // a tick each 200 us
      ...start,
      t.set(0, TIMERAWL),
      t.ldr(2, 0, 0),
      t.set(1, RAM + 4),
      t.str(2, 1, 0),
      ...write(PIO1 + CTRL, 0x101),
      t.wfi(),
      t.bkpt(1),
    );
    const handler = t.assemble(t.set(0, TIMERAWL), t.ldr(2, 0, 0), t.set(1, RAM), t.str(2, 1, 0), t.bkpt(0));
    pico.chip.sram.set(handler, HANDLER - RAM);
    pico.chip.writeUint32(VECTORS + 4 * (16 + interrupt), HANDLER | 1);
    pico.idleNanos = 1e9;
    assert.equal(run(pico), "breakpoint");
    return pico.chip.readUint32(RAM) - pico.chip.readUint32(RAM + 4);
  };
  const flag = waited(9, ...write(PIO1 + 0x12c, 0x100), ...write(PIO1 + 0x48, 0xc000)); // irq 0
  assert.ok(flag >= 199 && flag < 203, `${flag} us`);
  // push; jmp 0: the third word comes with the fifth tick
  const channel = [[0, PIO1 + RXF0], [4, RAM + 64], [8, 3], [0xc, (12 << 15) | (2 << 2) | 1]];
  const words = channel.flatMap(([offset, value]) => write(DMA + offset, value));
  const dma = waited(11, ...write(DMA + 0x404, 1), ...write(PIO1 + 0x48, PUSH), ...words);
  assert.ok(dma >= 999 && dma < 1003, `${dma} us`);
});
