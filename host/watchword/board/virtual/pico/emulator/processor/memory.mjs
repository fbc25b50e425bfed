// One WebAssembly memory for all that translated code reaches: ROM, RAM, flash, registers, and the tables of the translator.
//
// rp2040js's arrays and fields become views of it, so that its peripherals, and its own core, see the same bytes.

/** start: the address on the chip; at: the offset in this memory. */
export const ROM = { start: 0, size: 0x4000, at: 0 };
export const RAM = { start: 0x20000000, size: 0x42000, at: 0x80000 };
export const FLASH = { start: 0x10000000, size: 0x200000, at: 0x200000 };
export const SIO = { start: 0xd0000000 | 0, size: 0x180 };

/** Words of the state: r0 to r15, and what follows. */
export const STATE = 0x4100;
// Flags, as results leave them: N is the sign of NF, Z that ZF is 0, C is CF (0 or 1), V the sign of VF.
export const [NF, ZF, CF, VF] = [16, 17, 18, 19];
export const PRIMASK = 20; // 0 or 1
export const PENDING = 21; // whether an interrupt would come if it were not masked
// The SIO's divider and spinlocks: there is no more to know of them than these values.
export const [DIVIDEND, DIVISOR, QUOTIENT, REMAINDER, DIVIDER_CSR, SPINLOCKS] = [22, 23, 24, 25, 26, 27];
export const DIVIDED = 28; // what was left of the budget as the divider was started; see sio.mjs
export const TOUCHES = 29; // hits of the XIP cache that translated code has had
const WORDS = 32;

/** A byte for each 16 bytes of RAM: whether translated code is among them. MicroPython's heap has blocks of that size. */
export const CODE = 0x5000;
export const GRANULE_BITS = 4;
/** A byte for each word of the SIO: 1 may be read, 2 written, by whoever knows no more than sio.mjs. */
export const SIO_ACCESS = 0xa000;
/** The tags of the XIP cache, two words a set. */
export const TAGS = 0xb000;
/** A word for each halfword of ROM, RAM and flash, at twice its offset: where its translation begins, or 0. */
export const ENTRIES = 0x410000;
export const PAGES = 193; // of 64 KB

/** What stands behind each memory: code that runs off its end finds an instruction that neither interpreter nor translator takes. */
const UNDEFINED = 0xde00;

/** Where in this memory the code at an address stands, or -1 where no code can be. */
export function offsetOf(pc) {
  if ((pc & 0xffe00000) === FLASH.start) return (pc & 0x1fffff) + FLASH.at;
  const inRam = (pc - RAM.start) >>> 0;
  if (inRam < RAM.size) return inRam + RAM.at;
  return pc >>> 0 < ROM.size ? pc : -1;
}

/** Where an aligned address of memory that can be read stands, or -1: a peripheral, nothing at all, or not aligned. */
export function readable(address, size) {
  const inRam = (address - RAM.start) >>> 0;
  if ((address & (size - 1)) !== 0) return -1;
  if (inRam < RAM.size) return inRam + RAM.at;
  const inFlash = (address - FLASH.start) >>> 0;
  if (inFlash < FLASH.size) return inFlash + FLASH.at;
  return address >>> 0 < ROM.size ? address : -1;
}

export class SharedMemory {
  constructor() {
    this.memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
    const { buffer } = this.memory;
    this.bytes = new Uint8Array(buffer);
    this.halves = new Uint16Array(buffer);
    this.words = new Int32Array(buffer);
    this.state = new Int32Array(buffer, STATE, WORDS);
    this.code = new Uint8Array(buffer, CODE, RAM.size >> GRANULE_BITS);
    this.entries = new Int32Array(buffer, ENTRIES, (FLASH.at + FLASH.size) >> 1);
    this.flash = new Uint8Array(buffer, FLASH.at, FLASH.size);
    for (const { at, size } of [ROM, RAM, FLASH]) this.halves[(at + size) >> 1] = UNDEFINED;
    this.sio = new Uint8Array(buffer, SIO_ACCESS, SIO.size >> 2);
    this.sio[0] = 1; // the processor's number, 0
    this.sio.fill(3, 0x60 >> 2, 0x78 >> 2); // divider
    this.sio[0x78 >> 2] = 1; // its status
    this.sio.fill(3, 0x80 >> 2); // interpolators, spinlocks
  }

  /** Words for the tags of a cache. */
  tags(count) {
    return new Int32Array(this.memory.buffer, TAGS, count);
  }

  /** Make a chip of rp2040js, as after power-on, use this memory; `bootrom`: bytes. */
  give(chip, bootrom) {
    const { buffer } = this.memory;
    chip.bootrom = new Uint32Array(buffer, ROM.at, ROM.size >> 2).fill(0);
    new Uint8Array(buffer, ROM.at, ROM.size).set(bootrom);
    chip.sram = new Uint8Array(buffer, RAM.at, RAM.size).fill(0);
    chip.sramView = new DataView(buffer, RAM.at, RAM.size);
    chip.flash = this.flash;
    chip.flash16 = new Uint16Array(buffer, FLASH.at, FLASH.size >> 1);
    chip.flashView = new DataView(buffer, FLASH.at, FLASH.size);
    this.#giveRegisters(chip.core);
    this.#giveSio(chip.sio);
  }

  #giveRegisters(core) {
    const { state } = this;
    state.fill(0);
    state[ZF] = 1;
    const registers = new Uint32Array(this.memory.buffer, STATE, 16);
    registers.set(core.registers);
    core.registers = registers;
    const flag = (get, set) => ({ get, set, enumerable: true, configurable: true });
    Object.defineProperties(core, {
      N: flag(() => state[NF] < 0, (value) => (state[NF] = value ? -1 : 0)),
      Z: flag(() => state[ZF] === 0, (value) => (state[ZF] = value ? 0 : 1)),
      C: flag(() => state[CF] !== 0, (value) => (state[CF] = value ? 1 : 0)),
      V: flag(() => state[VF] < 0, (value) => (state[VF] = value ? -1 : 0)),
      PM: flag(() => state[PRIMASK] !== 0, (value) => (state[PRIMASK] = value ? 1 : 0)),
    });
  }

  #giveSio(sio) {
    const { state } = this;
    const word = (i) => ({ get: () => state[i] >>> 0, set: (value) => (state[i] = value) });
    state[DIVISOR] = 1;
    Object.defineProperties(sio, {
      divDividend: word(DIVIDEND),
      divDivisor: word(DIVISOR),
      divQuotient: word(QUOTIENT),
      divRemainder: word(REMAINDER),
      divCSR: word(DIVIDER_CSR),
      spinLock: word(SPINLOCKS),
    });
  }
}
