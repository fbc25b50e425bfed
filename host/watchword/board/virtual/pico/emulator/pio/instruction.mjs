// An instruction of programmable I/O as one state machine sees it: the same 16 bits mean other pins and another delay elsewhere.
export const JMP = 0;
export const WAIT = 1;
export const IN = 2;
export const OUT = 3;
export const PUSH = 4;
export const MOV = 5;
export const IRQ = 6;
export const SET = 7;
export const PULL = 8; // PUSH with bit 7

// Sources and destinations; what else IN, OUT, MOV and SET know has a number of its own in each.
export const PINS = 0;
export const X = 1;
export const Y = 2;
export const NULL = 3;
export const PINDIRS = 4; // of OUT and SET
export const MOV_EXEC = 4;
export const PC = 5; // of OUT and MOV
export const STATUS = 5; // of MOV, as a source
export const ISR = 6;
export const OSR = 7;
export const OUT_EXEC = 7;

// What WAIT waits for
export const WAIT_GPIO = 0;
export const WAIT_PIN = 1;
export const WAIT_IRQ = 2;

/** 32 bits, turned left. */
export const rotate = (value, by) => (value << by) | (value >>> (32 - by) % 32);

/** `count` ones from bit `base` on, wrapping after bit 31. */
export const field = (base, count) => (count >= 32 ? -1 : rotate((1 << count) - 1, base));

/** An IRQ's number in an instruction, as a mask of one flag; with bit 4 it counts from the machine's own number. */
function flag(number, machine) {
  return 1 << (number & 0x10 ? (number & 4) | ((number + machine) & 3) : number & 7);
}

export class Instruction {
  /** machine: the one that is to execute `opcode`; its settings decide what is delay and what side-set. */
  constructor(opcode, machine) {
    const { pinctrl, execctrl } = machine;
    const kind = opcode >>> 13;
    this.opcode = opcode;
    this.op = kind === PUSH && opcode & 0x80 ? PULL : kind;
    this.what = (opcode >>> 5) & 7; // condition, source or destination
    this.low = opcode & 0x1f; // address, data, or a bit count
    this.count = this.low || 32;

    // SIDESET_COUNT bits of the five are side-set, the first of them an enable if SIDE_EN says so.
    const sideBits = Math.min(pinctrl >>> 29, 5);
    const optional = (execctrl >>> 30) & 1;
    const five = (opcode >>> 8) & 0x1f;
    this.delay = five & ((1 << (5 - sideBits)) - 1);
    const pins = Math.max(sideBits - optional, 0);
    const enabled = sideBits > 0 && (!optional || five & 0x10);
    const base = (pinctrl >>> 10) & 0x1f;
    this.sideMask = enabled ? field(base, pins) : 0;
    this.sideValue = rotate(five >>> (5 - sideBits), base) & this.sideMask;

    // Decoded for one kind each, but present in all, so that all instructions have the same shape.
    this.polarity = (opcode >>> 7) & 1; // WAIT
    this.source = kind === WAIT ? (opcode >>> 5) & 3 : opcode & 7; // WAIT, MOV
    this.operation = (opcode >>> 3) & 3; // MOV
    this.conditional = (opcode & 0x40) !== 0; // PUSH IFFULL, PULL IFEMPTY
    this.block = (opcode & 0x20) !== 0; // PUSH, PULL; IRQ: wait
    this.clear = (opcode & 0x40) !== 0; // IRQ
    this.mask = 0; // WAIT: of a pin or a flag; IRQ: of a flag
    if (kind === IRQ || (kind === WAIT && this.source === WAIT_IRQ)) this.mask = flag(this.low, machine.index);
    else if (kind === WAIT && this.source === WAIT_GPIO) this.mask = 1 << this.low;
    else if (kind === WAIT && this.source === WAIT_PIN) this.mask = rotate(1, (this.low + (pinctrl >>> 15)) & 0x1f);
    /** The next instruction will be the one that this one brings; its own delay does not count. */
    this.isExec = (kind === OUT && this.what === OUT_EXEC) || (kind === MOV && this.what === MOV_EXEC);
  }
}
