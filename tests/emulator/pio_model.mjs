// Programmable I/O as chapter 3 of the RP2040's data sheet describes it, one cycle of clk_sys after another and nothing saved up:
// what the emulator, which skips whatever it can, is compared with. Written for plainness; numbers of sections are the data sheet's.
//
// Where the data sheet says nothing: see the comments with "silent".

const bits = (word, from, count) => Math.floor((word >>> 0) / 2 ** from) % 2 ** count;
const bit = (word, at) => bits(word, at, 1);
const u32 = (value) => value >>> 0;

class Fifo {
  words = [];
  depth = 4;
  get full() {
    return this.words.length >= this.depth;
  }
  get empty() {
    return this.words.length === 0;
  }
}

class Machine {
  constructor(block, number) {
    this.block = block;
    this.number = number;
    this.enabled = false;
    Object.assign(this, { x: 0, y: 0, isr: 0, osr: 0, isrCount: 0, osrCount: 32, pc: 0 });
    this.tx = new Fifo();
    this.rx = new Fifo();
    this.clkdiv = 0x00010000;
    this.execctrl = 0x0001f000;
    this.shiftctrl = 0x000c0000;
    this.pinctrl = 0x14000000;
    this.count = 1; // of the clock divider, down to 1
    this.total = 0; // of fractions
    this.delay = 0;
    this.isStalled = false;
    this.exec = null; // {opcode, isStalled, isForced}
    this.held = null; // OUT_STICKY: {pins: [numbers], levels: [0 or 1]}
  }

  // ---- 3.5.5: clock dividers are free-running

  clock() {
    const tick = this.count === 1;
    if (tick) {
      this.total += bits(this.clkdiv, 8, 8);
      this.count = (bits(this.clkdiv, 16, 16) || 65536) + (this.total >= 256 ? 1 : 0);
      this.total %= 256;
    } else {
      this.count--;
    }
    return tick;
  }

  get pullThreshold() {
    return bits(this.shiftctrl, 25, 5) || 32;
  }

  get pushThreshold() {
    return bits(this.shiftctrl, 20, 5) || 32;
  }

  get autopush() {
    return bit(this.shiftctrl, 16) === 1;
  }

  get autopull() {
    return bit(this.shiftctrl, 17) === 1;
  }

  /** A tick of its clock: of one that is disabled only an instruction from SMx_INSTR or EXEC goes on (silent). */
  tick() {
    if (!this.enabled && !this.exec) return;
    if (this.delay > 0) {
      this.delay--;
      this.refill();
      return;
    }
    this.cycle();
  }

  /** 3.5.4.2: on cycles that are not those of an OUT */
  refill() {
    if (this.autopull && this.osrCount >= this.pullThreshold && !this.tx.empty) {
      this.osr = this.tx.words.shift();
      this.osrCount = 0;
      return true;
    }
    return false;
  }

  cycle() {
    const exec = this.exec;
    const opcode = exec ? exec.opcode : this.block.memory[this.pc];
    const isFirst = exec ? !exec.isStalled : !this.isStalled;
    this.exec = null;
    this.nextPc = null;
    const done = this.perform(opcode, isFirst);
    if (opcode >> 13 !== 3) this.refill();
    this.assert();
    if (isFirst) this.sideSet(opcode);
    if (!done) {
      if (exec) this.exec = { ...exec, isStalled: true };
      else this.isStalled = true;
      return;
    }
    const isExec = (opcode >> 13 === 3 && bits(opcode, 5, 3) === 7) || (opcode >> 13 === 5 && bits(opcode, 5, 3) === 4);
    this.delay = isExec ? 0 : this.delayOf(opcode);
    if (this.nextPc !== null) {
      // A jump from outside leaves the program's own instruction, stalled or not.
      this.pc = this.nextPc;
      this.isStalled = false;
    } else if (!exec) {
      this.isStalled = false;
      this.pc = this.pc === bits(this.execctrl, 12, 5) ? bits(this.execctrl, 7, 5) : (this.pc + 1) % 32;
    }
  }

  // ---- 3.5.1: side-set

  delayOf(opcode) {
    return bits(opcode, 8, 5 - bits(this.pinctrl, 29, 3));
  }

  sideSet(opcode) {
    const count = bits(this.pinctrl, 29, 3);
    const optional = bit(this.execctrl, 30);
    const data = bits(opcode, 13 - count, count);
    if (count === 0 || (optional && !bit(data, count - 1))) return;
    const pins = count - optional;
    this.writePins(bit(this.execctrl, 29) ? "directions" : "values", bits(this.pinctrl, 10, 5), pins, data);
  }

  writePins(what, base, count, data) {
    const pins = [];
    for (let n = 0; n < count; n++) {
      this.block[what][(base + n) % 32] = bit(data, n);
      pins.push((base + n) % 32);
    }
    return pins;
  }

  /** OUT_STICKY */
  assert() {
    this.held?.pins.forEach((pin, n) => (this.block.values[pin] = this.held.levels[n]));
  }

  writeOut(base, count, data) {
    const pins = this.writePins("values", base, count, data);
    if (bit(this.execctrl, 17) && count > 0) this.held = { pins, levels: pins.map((_, n) => bit(data, n)) };
    else this.held = bit(this.execctrl, 17) ? null : this.held;
  }

  // ---- 3.4: the instructions; false for a stall

  perform(opcode, isFirst) {
    const what = bits(opcode, 5, 3);
    const low = bits(opcode, 0, 5);
    switch (opcode >> 13) {
      case 0:
        if (this.condition(what)) this.nextPc = low;
        return true;
      case 1:
        return this.wait(bit(opcode, 7), bits(opcode, 5, 2), low);
      case 2:
        return this.in(what, low || 32, isFirst);
      case 3:
        return this.out(what, low || 32);
      case 4:
        return bit(opcode, 7) ? this.pull(bit(opcode, 6), bit(opcode, 5)) : this.push(bit(opcode, 6), bit(opcode, 5));
      case 5:
        return this.mov(what, bits(opcode, 3, 2), bits(opcode, 0, 3));
      case 6:
        return this.irq(bit(opcode, 6), bit(opcode, 5), low, isFirst);
      case 7:
        if (what === 0) this.writeOut(bits(this.pinctrl, 5, 5), bits(this.pinctrl, 26, 3), low);
        else if (what === 1) this.x = low;
        else if (what === 2) this.y = low;
        else if (what === 4) this.writePins("directions", bits(this.pinctrl, 5, 5), bits(this.pinctrl, 26, 3), low);
        return true;
    }
  }

  // 3.4.2
  condition(what) {
    const { x, y } = this;
    if (what === 2) this.x = u32(x - 1);
    if (what === 4) this.y = u32(y - 1);
    const pin = bits(this.execctrl, 24, 5);
    return [true, x === 0, x !== 0, y === 0, y !== 0, x !== y, bit(this.block.seen, pin) === 1, this.osrCount < this.pullThreshold][what];
  }

  flag(number) {
    return bit(number, 4) ? (number & 4) + (((number & 3) + this.number) % 4) : number & 7;
  }

  // 3.4.3
  wait(polarity, source, index) {
    if (source === 3) return true; // reserved: silent
    if (source === 2) {
      const flag = this.flag(index);
      if (bit(this.block.flags, flag) !== polarity) return false;
      if (polarity) this.block.cleared.add(flag);
      return true;
    }
    const pin = source === 0 ? index : (index + bits(this.pinctrl, 15, 5)) % 32;
    return bit(this.block.seen, pin) === polarity;
  }

  source(what) {
    const base = bits(this.pinctrl, 15, 5);
    if (what === 0) {
      let pins = 0;
      for (let n = 0; n < 32; n++) pins += bit(this.block.seen, (base + n) % 32) * 2 ** n;
      return pins;
    }
    return { 1: this.x, 2: this.y, 6: this.isr, 7: this.osr }[what] ?? 0;
  }

  // 3.4.4, 3.5.4.1: the stall comes after the shift
  in(what, count, isFirst) {
    if (isFirst) {
      const data = BigInt(bits(this.source(what), 0, count));
      const isr = BigInt(this.isr);
      const shift = BigInt(count);
      const right = bit(this.shiftctrl, 18);
      this.isr = Number(right ? ((data << 32n) | isr) >> shift : ((isr << shift) | data) & 0xffffffffn);
      this.isrCount = Math.min(32, this.isrCount + count);
    }
    if (!this.autopush || this.isrCount < this.pushThreshold) return true;
    if (this.rx.full) {
      this.block.fdebug.add(this.number); // RXSTALL
      return false;
    }
    this.rx.words.push(this.isr);
    this.isr = this.isrCount = 0;
    return true;
  }

  // 3.4.5, 3.5.4.2
  out(what, count) {
    if (this.autopull && this.osrCount >= this.pullThreshold) {
      if (!this.refill()) this.block.fdebug.add(24 + this.number); // TXSTALL
      return false;
    }
    const osr = BigInt(this.osr);
    let data;
    if (bit(this.shiftctrl, 19)) {
      data = bits(this.osr, 0, count);
      this.osr = Number(osr >> BigInt(count));
    } else {
      data = bits(this.osr, 32 - count, count);
      this.osr = Number((osr << BigInt(count)) & 0xffffffffn);
    }
    this.osrCount = Math.min(32, this.osrCount + count);
    this.refill();
    if (what === 4) this.writePins("directions", bits(this.pinctrl, 0, 5), bits(this.pinctrl, 20, 6), data);
    else if (what === 6) [this.isr, this.isrCount] = [data, count];
    else if (what === 7) this.exec = { opcode: data & 0xffff, isStalled: false, isForced: false };
    else this.store(what, data);
    return true;
  }

  /** What OUT and MOV have in common. */
  store(what, data) {
    if (what === 0) {
      // INLINE_OUT_EN: "use a bit of OUT data as an auxiliary write enable"; that MOV is one too is silent.
      if (bit(this.execctrl, 18) && !bit(data, bits(this.execctrl, 19, 5))) this.held = null;
      else this.writeOut(bits(this.pinctrl, 0, 5), bits(this.pinctrl, 20, 6), data);
    } else if (what === 1) this.x = data;
    else if (what === 2) this.y = data;
    else if (what === 5) this.nextPc = data % 32;
  }

  // 3.4.6
  push(ifFull, block) {
    if (ifFull && this.isrCount < this.pushThreshold) return true;
    if (this.rx.full) {
      this.block.fdebug.add(this.number);
      if (block) return false;
    } else {
      this.rx.words.push(this.isr);
    }
    this.isr = this.isrCount = 0;
    return true;
  }

  // 3.4.7
  pull(ifEmpty, block) {
    if (ifEmpty && this.osrCount < this.pullThreshold) return true;
    if (this.autopull && this.osrCount === 0) return true; // a barrier: a no-op where the OSR is full
    if (this.tx.empty && block) {
      this.block.fdebug.add(24 + this.number);
      return false;
    }
    this.osr = this.tx.empty ? this.x : this.tx.words.shift();
    this.osrCount = 0;
    return true;
  }

  // 3.4.8
  mov(what, operation, source) {
    let data = this.source(source);
    if (source === 5) {
      const level = bit(this.execctrl, 4) ? this.rx.words.length : this.tx.words.length;
      data = level < bits(this.execctrl, 0, 4) ? 0xffffffff : 0;
    }
    if (operation === 1) data = u32(~data);
    if (operation === 2) data = parseInt(data.toString(2).padStart(32, "0").split("").reverse().join(""), 2);
    if (what === 4) this.exec = { opcode: data & 0xffff, isStalled: false, isForced: false };
    else if (what === 6) [this.isr, this.isrCount] = [data, 0];
    else if (what === 7) [this.osr, this.osrCount] = [data, 0];
    else this.store(what, data);
    return true;
  }

  // 3.4.9
  irq(clear, wait, index, isFirst) {
    const flag = this.flag(index);
    if (clear) this.block.cleared.add(flag);
    else if (isFirst) this.block.raised.add(flag);
    if (clear || !wait) return true;
    return !isFirst && !bit(this.block.flags, flag);
  }
}

export class Block {
  constructor(model) {
    this.model = model;
    this.memory = new Array(32).fill(0);
    this.values = new Array(32).fill(0);
    this.directions = new Array(32).fill(0);
    this.flags = 0;
    this.raised = new Set();
    this.cleared = new Set();
    this.fdebug = new Set(); // numbers of bits
    this.bypass = 0;
    this.seen = 0; // inputs, in this cycle
    this.enables = [0, 0];
    this.forces = [0, 0];
    this.machines = [0, 1, 2, 3].map((n) => new Machine(this, n));
  }

  cycle() {
    // 3.5.6: the highest-numbered machine's write counts; its side-set over its OUT and SET.
    for (const machine of this.machines) {
      const tick = machine.clock();
      if (tick && (machine.exec || (machine.enabled && machine.delay === 0))) machine.tick();
      else {
        if (tick) machine.tick();
        machine.assert();
      }
    }
    this.settleFlags();
  }

  /** Machines see the flags of the cycle before; a flag that is raised and cleared at once is raised (silent). */
  settleFlags() {
    for (const flag of this.cleared) this.flags &= ~(1 << flag);
    for (const flag of this.raised) this.flags |= 1 << flag;
    this.cleared.clear();
    this.raised.clear();
  }

  get raw() {
    let raw = (this.flags & 0xf) << 8;
    for (const { number, tx, rx } of this.machines) raw += (tx.full ? 0 : 16 << number) + (rx.empty ? 0 : 1 << number);
    return raw;
  }

  lines() {
    return [0, 1].map((line) => ((this.raw & this.enables[line]) | this.forces[line]) !== 0);
  }

  // ---- registers, 3.7

  write(offset, value) {
    value = u32(value);
    if (offset >= 0xc8 && offset < 0x128) {
      const machine = this.machines[Math.floor((offset - 0xc8) / 24)];
      const register = ["clkdiv", "execctrl", "shiftctrl", "addr", "instr", "pinctrl"][((offset - 0xc8) % 24) / 4];
      if (register === "addr") return;
      if (register === "instr") {
        machine.exec = { opcode: value & 0xffff, isStalled: false, isForced: true };
        machine.delay = 0;
        machine.cycle();
        this.settleFlags();
        return;
      }
      if (register === "shiftctrl" && bits(machine.shiftctrl, 30, 2) !== bits(value, 30, 2)) {
        machine.tx.words = [];
        machine.rx.words = [];
        machine.tx.depth = bit(value, 31) ? 0 : bit(value, 30) ? 8 : 4;
        machine.rx.depth = bit(value, 30) ? 0 : bit(value, 31) ? 8 : 4;
      }
      machine[register] = value;
      if (register === "execctrl" && !bit(value, 17)) machine.held = null;
    } else if (offset >= 0x48 && offset < 0xc8) {
      this.memory[(offset - 0x48) / 4] = value & 0xffff;
    } else if (offset >= 0x10 && offset < 0x20) {
      const machine = this.machines[(offset - 0x10) / 4];
      if (machine.tx.full) this.fdebug.add(16 + machine.number);
      else machine.tx.words.push(value);
    } else if (offset === 0x00) {
      for (const machine of this.machines) {
        machine.enabled = bit(value, machine.number) === 1;
        if (bit(value, 4 + machine.number)) {
          Object.assign(machine, { isrCount: 0, osrCount: 32, isr: 0, delay: 0, isStalled: false, exec: null, held: null });
        }
        if (bit(value, 8 + machine.number)) {
          machine.count = bits(machine.clkdiv, 16, 16) || 65536;
          machine.total = 0;
        }
      }
    } else if (offset === 0x08) {
      for (const at of [...this.fdebug]) if (bit(value, at)) this.fdebug.delete(at);
    } else if (offset === 0x30) {
      this.flags &= ~value & 0xff;
    } else if (offset === 0x34) {
      this.flags |= value & 0xff;
    } else if (offset === 0x38) {
      this.bypass = value;
    } else if (offset === 0x12c || offset === 0x138) {
      this.enables[offset === 0x12c ? 0 : 1] = value & 0xfff;
    } else if (offset === 0x130 || offset === 0x13c) {
      this.forces[offset === 0x130 ? 0 : 1] = value & 0xfff;
    }
  }

  /** RXFn */
  receive(number) {
    const { rx } = this.machines[number];
    if (!rx.empty) return rx.words.shift();
    this.fdebug.add(8 + number);
    return null; // undefined
  }

  mask(levels) {
    return levels.slice(0, 30).reduce((word, level, n) => word + level * 2 ** n, 0);
  }
}

/** Both blocks, the pins, and channels of DMA that move words as soon as there are any. */
export class Model {
  constructor() {
    this.now = 0;
    this.blocks = [new Block(this), new Block(this)];
    this.pads = Array.from({ length: 30 }, () => ({ ctrl: 31, inputEnable: true, outputDisable: false, up: false, down: true }));
    this.outside = new Array(30).fill(null); // levels of what drives a pin from outside
    this.sioOut = 0;
    this.sioEnable = 0;
    this.pad = 0;
    this.input = 0;
    this.first = 0; // flip-flops of the synchronisers
    this.second = 0;
    this.channels = [];
    this.onPad = () => {};
    this.onLine = () => {};
    this.shown = [false, false, false, false];
    this.settle();
  }

  cycle() {
    this.now++;
    this.settle(); // what the processor did at the end of the cycle before
    const direct = this.input;
    for (const block of this.blocks) block.seen = u32((direct & block.bypass) | (this.second & ~block.bypass));
    for (const block of this.blocks) block.cycle();
    this.second = this.first;
    this.first = direct;
    this.settle();
    this.transfer();
  }

  /** Levels on the pads and interrupt lines follow at once. */
  settle() {
    const before = this.pad;
    let pad = 0;
    let input = 0;
    const over = (level, type) => [level, 1 - level, 0, 1][type];
    this.pads.forEach(({ ctrl, inputEnable, outputDisable, up, down }, n) => {
      const select = bits(ctrl, 0, 5);
      let [out, enable] = [0, 0];
      if (select === 5) [out, enable] = [bit(this.sioOut, n), bit(this.sioEnable, n)];
      else if (select === 6 || select === 7) [out, enable] = [this.blocks[select - 6].values[n], this.blocks[select - 6].directions[n]];
      out = over(out, bits(ctrl, 8, 2));
      enable = outputDisable ? 0 : over(enable, bits(ctrl, 12, 2));
      const floating = up && down ? bit(before, n) : up ? 1 : 0;
      const level = enable ? out : (this.outside[n] ?? floating);
      pad += level * 2 ** n;
      input += over(inputEnable ? level : 0, bits(ctrl, 16, 2)) * 2 ** n;
    });
    this.pad = pad;
    this.input = input;
    if (pad !== before) this.onPad(pad, this.now);
    this.blocks.forEach((block, index) =>
      block.lines().forEach((level, line) => {
        if (this.shown[2 * index + line] !== level) {
          this.shown[2 * index + line] = level;
          this.onLine(2 * index + line, level, this.now);
        }
      }),
    );
  }

  /** channel: {block, machine, toMemory, ring: words, at, left} */
  transfer() {
    for (let moved = true; moved; ) {
      moved = false;
      for (const channel of this.channels) {
        if (channel.left === 0) continue;
        const machine = this.blocks[channel.block].machines[channel.machine];
        if (channel.toMemory ? machine.rx.empty : machine.tx.full) continue;
        if (channel.toMemory) channel.ring[channel.at] = machine.rx.words.shift();
        else machine.tx.words.push(channel.ring[channel.at]);
        channel.at = (channel.at + 1) % channel.ring.length;
        channel.left--;
        moved = true;
      }
    }
    this.settle();
  }
}
