// The registers of a block of programmable I/O, as the bus sees them.
import { Block } from "./block.mjs";

const CTRL = 0x000;
const FSTAT = 0x004;
const FDEBUG = 0x008;
const FLEVEL = 0x00c;
const TXF0 = 0x010;
const RXF0 = 0x020;
const IRQ = 0x030;
const IRQ_FORCE = 0x034;
const INPUT_SYNC_BYPASS = 0x038;
const DBG_PADOUT = 0x03c;
const DBG_PADOE = 0x040;
const DBG_CFGINFO = 0x044;
const INSTR_MEM0 = 0x048;
const SM0_CLKDIV = 0x0c8; // six registers a machine
const INTR = 0x128;
const IRQ0_INTE = 0x12c;
const IRQ0_INTF = 0x130;
const IRQ0_INTS = 0x134;
const IRQ1_INTE = 0x138;
const IRQ1_INTF = 0x13c;
const IRQ1_INTS = 0x140;
// Of one machine
const CLKDIV = 0;
const EXECCTRL = 1;
const SHIFTCTRL = 2;
const ADDR = 3;
const INSTR = 4;
const PINCTRL = 5;

const CONFIGURATION = (32 << 16) | (4 << 8) | 4; // instructions, machines, words of a FIFO
const FJOIN = 3 << 30;

export class Registers extends Block {
  /** A register for which set, clear and exclusive-or make sense reads as what it holds; the others as 0, and nothing is taken. */
  writeUint32Atomic(offset, value, type) {
    const isQueue = offset >= TXF0 && offset < IRQ;
    if (type === 0 || !isQueue) super.writeUint32Atomic(offset, value, type);
    else this.writeUint32(offset, type === 3 ? 0 : value);
  }

  readUint32(address) {
    const offset = address & 0xfff;
    this.pio.sync();
    if (offset >= SM0_CLKDIV && offset < INTR) {
      const at = (offset - SM0_CLKDIV) >>> 2;
      return this.#readMachine(this.machines[Math.floor(at / 6)], at % 6);
    }
    if (offset >= RXF0 && offset < IRQ) {
      const word = this.receive(this.machines[(offset - RXF0) >>> 2]);
      this.#finish();
      return word;
    }
    if ((offset >= TXF0 && offset < RXF0) || (offset >= INSTR_MEM0 && offset < SM0_CLKDIV)) return 0;
    switch (offset) {
      case CTRL:
        return this.#collect((machine) => (machine.enabled ? 1 : 0));
      case FSTAT:
        return this.#collect(
          ({ tx, rx }) =>
            ((tx.empty ? 1 : 0) << 24) | ((tx.full ? 1 : 0) << 16) | ((rx.empty ? 1 : 0) << 8) | (rx.full ? 1 : 0),
        );
      case FDEBUG:
        return this.fdebug;
      case FLEVEL:
        return this.machines.reduce((levels, { index, tx, rx }) => levels | ((tx.level | (rx.level << 4)) << (8 * index)), 0) >>> 0;
      case IRQ:
        return this.flags;
      case IRQ_FORCE:
        return 0;
      case INPUT_SYNC_BYPASS:
        return this.bypass >>> 0;
      case DBG_PADOUT:
        return this.values;
      case DBG_PADOE:
        return this.directions;
      case DBG_CFGINFO:
        return CONFIGURATION;
      case INTR:
        return this.raw;
      case IRQ0_INTE:
        return this.enables[0];
      case IRQ0_INTF:
        return this.forces[0];
      case IRQ0_INTS:
        return this.status(0);
      case IRQ1_INTE:
        return this.enables[1];
      case IRQ1_INTF:
        return this.forces[1];
      case IRQ1_INTS:
        return this.status(1);
    }
    return super.readUint32(offset);
  }

  #collect(bits) {
    return this.machines.reduce((word, machine) => word | (bits(machine) << machine.index), 0) >>> 0;
  }

  #readMachine(machine, register) {
    switch (register) {
      case CLKDIV:
        return machine.clkdiv >>> 0;
      case EXECCTRL:
        return ((machine.execctrl & 0x7fffffff) | (machine.latch !== null && machine.isForced ? 1 << 31 : 0)) >>> 0;
      case SHIFTCTRL:
        return machine.shiftctrl >>> 0;
      case ADDR:
        return machine.pc;
      case INSTR:
        return this.memory[machine.pc];
      default:
        return machine.pinctrl >>> 0;
    }
  }

  writeUint32(offset, value) {
    this.pio.sync();
    if (offset >= SM0_CLKDIV && offset < INTR) {
      const at = (offset - SM0_CLKDIV) >>> 2;
      this.#writeMachine(this.machines[Math.floor(at / 6)], at % 6, value);
    } else if (offset >= INSTR_MEM0 && offset < SM0_CLKDIV) {
      this.memory[(offset - INSTR_MEM0) >>> 2] = value;
      for (const machine of this.machines) machine.forget();
      this.#wakeAll(); // one may stall in it
    } else if (offset >= TXF0 && offset < RXF0) {
      this.send(this.machines[(offset - TXF0) >>> 2], value);
    } else {
      this.#write(offset, value);
    }
    this.#finish();
  }

  /** After an access that has changed something: what follows from it at once, and when the next thing will happen. */
  #finish() {
    const { cycle } = this.pio;
    this.settle(cycle);
    this.pins.update(cycle);
    this.pio.schedule();
  }

  #write(offset, value) {
    switch (offset) {
      case CTRL:
        for (const machine of this.machines) this.#control(machine, value >>> machine.index);
        break;
      case FDEBUG:
        this.fdebug &= ~this.rawWriteValue;
        this.#wakeAll(); // what stalls will say so again
        break;
      case IRQ:
        this.clearFlags |= this.rawWriteValue & 0xff;
        break;
      case IRQ_FORCE:
        this.setFlags |= value & 0xff;
        break;
      case INPUT_SYNC_BYPASS:
        this.bypass = value | 0;
        break;
      case IRQ0_INTE:
      case IRQ1_INTE:
        this.enables[offset === IRQ0_INTE ? 0 : 1] = value & 0xfff;
        this.driveInterrupts();
        break;
      case IRQ0_INTF:
      case IRQ1_INTF:
        this.forces[offset === IRQ0_INTF ? 0 : 1] = value & 0xfff;
        this.driveInterrupts();
        break;
      case FSTAT:
      case FLEVEL:
      case DBG_PADOUT:
      case DBG_PADOE:
      case DBG_CFGINFO:
      case INTR:
      case IRQ0_INTS:
      case IRQ1_INTS:
        break; // read only
      default:
        if (offset < RXF0 || offset >= IRQ) super.writeUint32(offset, value);
    }
  }

  #wakeAll() {
    for (const machine of this.machines) machine.wake(this.pio.cycle);
  }

  /** A machine's bits of CTRL: SM_ENABLE 0, SM_RESTART 4, CLKDIV_RESTART 8. */
  #control(machine, bits) {
    const { cycle } = this.pio;
    machine.freeze(cycle);
    machine.enabled = (bits & 1) !== 0;
    if (bits & 0x10) machine.restart();
    if (bits & 0x100) machine.restartClock(cycle);
    machine.thaw();
  }

  #writeMachine(machine, register, value) {
    const { cycle } = this.pio;
    machine.freeze(cycle);
    if (register === CLKDIV) machine.clkdiv = value & 0xffffff00;
    else if (register === EXECCTRL) machine.execctrl = value & 0x7fffff9f;
    else if (register === SHIFTCTRL) this.#join(machine, value | 0);
    else if (register === PINCTRL) machine.pinctrl = value | 0;
    if (register === INSTR) machine.force(value & 0xffff, cycle);
    else if (register !== ADDR) machine.configure();
    machine.thaw();
  }

  /** SHIFTCTRL; a change of FJOIN clears both FIFOs. */
  #join(machine, shiftctrl) {
    const changed = (machine.shiftctrl ^ shiftctrl) & FJOIN;
    machine.shiftctrl = shiftctrl & ~0xffff;
    if (!changed) return;
    const [toRx, toTx] = [shiftctrl >>> 31, (shiftctrl >>> 30) & 1];
    machine.rx.clear(toTx ? 0 : toRx ? 8 : 4);
    machine.tx.clear(toRx ? 0 : toTx ? 8 : 4);
    this.rxChanged(machine);
    this.txChanged(machine);
  }
}
