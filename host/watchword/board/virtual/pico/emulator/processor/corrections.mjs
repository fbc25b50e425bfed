// What rp2040js's core does otherwise than ARMv6-M and the RP2040, put right from outside: docs/emulator.md lists each with its source.
//
// A correction of an instruction runs rp2040js's and mends what it leaves, or stops it before it is run where the chip would fault.
import { COUNT8, K, KIND, highSource, isBarrier, isMrs, isMsr, callOffset } from "./instructions.mjs";
import { DIRTY, DIVIDER_CYCLES, READY } from "./sio.mjs";

const [NMI, HARD_FAULT, SVCALL, PENDSV, SYSTICK] = [2, 3, 11, 14, 15]; // exceptions
const THREAD = 0; // mode of rp2040js's core
const FRAME = 0x20; // bytes that an exception puts on the stack
const [SP, LR] = [13, 14];

/** Make a chip of rp2040js follow the manuals; returns its Divider. onLockup(reason): called as the processor locks up. */
export function correct(chip, onLockup) {
  correctCore(chip, onLockup);
  return new Divider(chip);
}

// ---- the core

/** Addresses where something answers, and whether code may be there: RP2040 data sheet, 2.2; ARM DDI 0419, B3.1. */
const REGIONS = [
  { name: "boot ROM", start: 0x00000000, end: 0x00004000, code: true },
  { name: "flash", start: 0x10000000, end: 0x14000000, code: true },
  { name: "XIP registers", start: 0x14000000, end: 0x15000000, code: false },
  { name: "XIP cache", start: 0x15000000, end: 0x15004000, code: true },
  { name: "SSI", start: 0x18000000, end: 0x19000000, code: false },
  { name: "SRAM", start: 0x20000000, end: 0x20042000, code: true },
  { name: "SRAM by banks", start: 0x21000000, end: 0x21040000, code: true },
  { name: "peripherals", start: 0x40000000, end: 0x60000000, code: false },
  { name: "SIO", start: 0xd0000000, end: 0xe0000000, code: false },
  { name: "processor", start: 0xe0000000, end: 0xe0100000, code: false },
];
const regionOf = (address) => REGIONS.find(({ start, end }) => address >= start && address < end);
const hex = (number) => `0x${(number >>> 0).toString(16)}`;
const after = (fault) => (fault === null ? "" : `, after a ${fault}`);

function correctCore(chip, onLockup) {
  const { core } = chip;
  const execute = core.executeInstruction.bind(core);
  const peek = chip.readUint16.bind(chip); // past a cache, which is asked for each instruction once
  core.fault = null; // the last, in words
  // Sums of registers that are addresses wrap at 2^32.
  for (const access of ["readUint8", "readUint16", "readUint32", "writeUint8", "writeUint16", "writeUint32"]) {
    core[access] = (address, value) => chip[access](address >>> 0, value);
  }

  const enter = core.exceptionEntry.bind(core);
  core.exceptionEntry = (number) => {
    // Registers that cannot be put on the stack are a fault, and so are those of that.
    const stack = core.SPSEL && core.currentMode === THREAD ? core.SPprocess : core.SPmain;
    if (regionOf((stack - FRAME) >>> 0)?.name === "SRAM") enter(number);
    else onLockup(`exception ${number} at ${hex(core.PC & ~1)} with the stack at ${hex(stack)}, where no RAM is${after(core.fault)}`);
  };

  // One that waits with interrupts masked wakes up by one, and goes on behind WFI; rp2040js would enter its handler (B1.5.18).
  const check = core.checkForInterrupts.bind(core);
  core.checkForInterrupts = () => (core.waiting && core.PM ? wakes(core) : check());

  /** Take a HardFault at the present instruction, or lock up where one is being handled (ARM DDI 0419, B1.5). Returns its cycles. */
  const fault = (reason) => {
    const pc = core.PC & ~1;
    core.fault = `HardFault at ${hex(pc)}: ${reason}`;
    core.PC = pc;
    if (core.IPSR === NMI || core.IPSR === HARD_FAULT) onLockup(core.fault);
    else core.exceptionEntry(HARD_FAULT);
    core.cycles++;
    return 1;
  };

  core.executeInstruction = () => {
    if (core.interruptsUpdated && core.checkForInterrupts()) core.waiting = false;
    const pc = core.PC & ~1;
    const region = regionOf(pc >>> 0);
    if (!region?.code) return fault(region ? `code in ${region.name}` : `no memory at ${hex(pc)}`);
    const op = peek(pc);
    const correction = CORRECTIONS[KIND[op]];
    // rp2040js would look for interrupts once more.
    const again = core.interruptsUpdated;
    core.interruptsUpdated = false;
    const cycles = correction === undefined ? execute() : correction({ chip, core, op, pc, peek, execute, fault });
    core.interruptsUpdated ||= again;
    return cycles;
  };
}

/** Whether an exception is pending that would preempt what runs, were it not for PRIMASK. */
function wakes(core) {
  const interrupts = core.pendingInterrupts & core.enabledInterrupts;
  const pending = [...Array(32).keys()].filter((n) => (interrupts >>> n) & 1).map((n) => 16 + n);
  if (core.pendingSVCall) pending.push(SVCALL);
  if (core.pendingPendSV) pending.push(PENDSV);
  if (core.pendingSystick) pending.push(SYSTICK);
  const present = core.exceptionPriority(core.IPSR);
  return core.pendingNMI || pending.some((exception) => core.exceptionPriority(exception) < present);
}

/** Corrections by the kind of instruction: each runs it (`execute`) and returns its cycles. */
const CORRECTIONS = {};

function addCorrection(kinds, correction) {
  for (const kind of kinds) CORRECTIONS[K[kind]] = correction;
}

/** The carry of shifts by a register: that of the last bit that went out, none after more than all, as before after none. */
const carries = {
  LSL_R: (x, by) => (by <= 32 ? (x >>> (32 - by)) & 1 : 0),
  LSR_R: (x, by) => (by <= 32 ? (x >>> (by - 1)) & 1 : 0),
  ASR_R: (x, by) => (x >> Math.min(by - 1, 31)) & 1,
  ROR: (x, by) => (x >>> ((by - 1) & 31)) & 1,
};
for (const [kind, carry] of Object.entries(carries)) {
  addCorrection([kind], ({ core, op, execute }) => {
    const by = core.registers[(op >> 3) & 7] & 255;
    const x = core.registers[op & 7];
    const before = core.C;
    const cycles = execute();
    core.C = by === 0 ? before : carry(x, by) === 1;
    return cycles;
  });
}

addCorrection(["ADC"], ({ core, op, execute }) => {
  const [a, b] = [core.registers[(op >> 3) & 7], core.registers[op & 7]];
  const cycles = execute();
  const r = core.registers[op & 7];
  core.V = ((a ^ r) & (b ^ r)) < 0;
  return cycles;
});

addCorrection(["SBC"], ({ core, op, execute }) => {
  const [a, b] = [core.registers[op & 7], core.registers[(op >> 3) & 7]];
  const cycles = execute();
  const r = core.registers[op & 7];
  core.V = ((a ^ b) & (a ^ r)) < 0;
  return cycles;
});

/** One more cycle than rp2040js counts, for LR or PC in the list. */
const withOneMore = ({ core, op, execute }) => {
  const more = (op >> 8) & 1;
  const cycles = execute();
  core.cycles += more;
  return cycles + more;
};

/** What keeps `count` pieces of `size` bytes at an address from being read or written, or null. */
function unreachable(what, address, size, count = 1) {
  address >>>= 0;
  if (address & (size - 1)) return `${what} at ${hex(address)}, which is not aligned`;
  const last = address + size * count - 1;
  if (regionOf(address) === undefined || regionOf(last) === undefined) return `${what} at ${hex(address)}, where nothing answers`;
  return null;
}

const WORDS = { 1: "a byte", 2: "a halfword", 4: "a word" };

/** Loads and stores at the address that `addressOf` gives: they fault unless it is aligned, and something answers there. */
function addAccess(kinds, what, size, addressOf) {
  addCorrection(kinds, ({ core, op, execute, fault }) => {
    const reason = unreachable(`${what} of ${WORDS[size]}`, addressOf(core, op), size);
    return reason === null ? execute() : fault(reason);
  });
}

const byRegister = ({ registers }, op) => registers[(op >> 3) & 7] + registers[(op >> 6) & 7];
const byNumber = (unit) => ({ registers }, op) => registers[(op >> 3) & 7] + unit * ((op >> 6) & 31);
const fromStack = ({ registers }, op) => registers[SP] + 4 * (op & 255);

addAccess(["LDR_R"], "load", 4, byRegister);
addAccess(["LDRH_R", "LDRSH"], "load", 2, byRegister);
addAccess(["LDRB_R", "LDRSB"], "load", 1, byRegister);
addAccess(["LDR_I"], "load", 4, byNumber(4));
addAccess(["LDRH_I"], "load", 2, byNumber(2));
addAccess(["LDRB_I"], "load", 1, byNumber(1));
addAccess(["LDR_S"], "load", 4, fromStack);
addAccess(["STR_R"], "store", 4, byRegister);
addAccess(["STRH_R"], "store", 2, byRegister);
addAccess(["STRB_R"], "store", 1, byRegister);
addAccess(["STR_I"], "store", 4, byNumber(4));
addAccess(["STRH_I"], "store", 2, byNumber(2));
addAccess(["STRB_I"], "store", 1, byNumber(1));
addAccess(["STR_S"], "store", 4, fromStack);

addCorrection(["LDM", "STM"], ({ core, op, execute, fault }) => {
  const rn = (op >> 8) & 7;
  const base = core.registers[rn];
  const isStore = KIND[op] === K.STM;
  const reason = unreachable(isStore ? "STM" : "LDM", base, 4, COUNT8[op & 255]);
  if (reason !== null) return fault(reason);
  const cycles = execute();
  // A store writes its base back, in the list or not.
  if (isStore) core.registers[rn] = base + 4 * COUNT8[op & 255];
  return cycles;
});

addCorrection(["PUSH"], (step) => {
  const { core, op, fault } = step;
  const count = COUNT8[op & 255] + ((op >> 8) & 1);
  const reason = unreachable("PUSH", core.registers[SP] - 4 * count, 4, count);
  return reason === null ? withOneMore(step) : fault(reason);
});

addCorrection(["POP"], (step) => {
  const { core, op, fault } = step;
  const count = COUNT8[op & 255] + ((op >> 8) & 1);
  const reason = unreachable("POP", core.registers[SP], 4, count);
  if (reason !== null) return fault(reason);
  const target = op & 0x100 ? step.chip.readUint32(core.registers[SP] + 4 * (count - 1)) : null;
  const cycles = withOneMore(step);
  return target === null ? cycles : cycles + faultUnlessThumb(step, target);
});

/** After a branch: code that is not Thumb is a fault as the next instruction is due. Returns its cycles. */
function faultUnlessThumb({ core, fault }, target) {
  const isReturn = target >>> 28 === 15; // from an exception, in whose handling alone it means that
  if (target & 1 || isReturn) return 0;
  return fault(`a branch to ${hex(target)}, which is not Thumb code: its lowest bit is 0`);
}

addCorrection(["BX"], (step) => {
  const target = step.core.registers[highSource(step.op)];
  const cycles = step.execute();
  return cycles + faultUnlessThumb(step, target);
});

addCorrection(["BLX"], (step) => {
  const { core, op, pc } = step;
  const target = core.registers[highSource(op)]; // the old one, where it is LR
  const cycles = step.execute();
  core.registers[LR] = (pc + 2) | 1;
  core.PC = target & ~1;
  return cycles + faultUnlessThumb(step, target);
});

addCorrection(["SEV"], ({ core, execute }) => {
  core.eventRegistered = true;
  return execute();
});

addCorrection(["UNDEFINED"], ({ op, fault }) => fault(`an undefined instruction, ${hex(op)}`));

addCorrection(["WIDE"], ({ op, pc, peek, execute, fault }) => {
  const half = peek(pc + 2);
  const known = callOffset(op, half) !== null || isBarrier(op, half) || isMrs(op, half) || isMsr(op, half);
  return known ? execute() : fault(`an undefined instruction, ${hex(op)} ${hex(half)}`);
});

// ---- the SIO

const DIVIDER = { dividend: 0x60, divisor: 0x64, signedDividend: 0x68, signedDivisor: 0x6c, status: 0x78 };

/** The divider: rp2040js's takes cycles of the processor instead of its own time. `started`: the cycle in which it was, last. */
class Divider {
  constructor(chip) {
    const { core, sio } = chip;
    this.started = -Infinity;
    const read = sio.readUint32.bind(sio);
    const write = sio.writeUint32.bind(sio);
    sio.readUint32 = (offset) => {
      const value = read(offset);
      return offset === DIVIDER.status && core.cycles - this.started <= DIVIDER_CYCLES ? value & ~READY : value;
    };
    sio.writeUint32 = (offset, value) => {
      const { cycles } = core;
      write(offset, value);
      core.cycles = cycles;
      if (offset < DIVIDER.dividend || offset > DIVIDER.signedDivisor) return;
      this.started = cycles;
      if ((sio.divDivisor | 0) !== 0) return;
      const isSigned = offset >= DIVIDER.signedDividend;
      sio.divQuotient = isSigned && (sio.divDividend | 0) < 0 ? 1 : -1;
      sio.divRemainder = sio.divDividend;
      sio.divCSR = READY | DIRTY;
    };
  }
}
