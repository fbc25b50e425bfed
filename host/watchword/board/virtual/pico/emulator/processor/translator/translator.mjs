// Translates pieces of Thumb code that run often into functions of WebAssembly, and runs them.
//
// Why WebAssembly, and no JavaScript made of text: numbers of 32 bits without guesses at their types, a first compiler whose code is
// good at once, memory without checks of bounds, and rotations and unsigned comparisons as they are.
import { FLASH, PAGES, RAM, ROM, ENTRIES, STATE, offsetOf } from "../memory.mjs";
import { IMPORTS as SIO_IMPORTS, readSio, writeSio } from "../sio.mjs";
import { blocksFrom } from "./blocks.mjs";
import { IMPORTS, IMPORTS_WITH_CACHE, LOCALS, PARAMETERS } from "./locals.mjs";
import { Piece } from "./piece.mjs";
import { Pieces, SLOTS } from "./pieces.mjs";
import { Code, module } from "./wasm.mjs";

const BATCH = 16; // pieces of a module: one of many takes little longer to make than one of one
const PATIENCE = 500_000; // cycles for which less are not translated

export class Translator {
  /** cache: an XipCache that translated code asks, or null. hasRun(pc): whether code was ever run. onDrop: see Pieces. */
  constructor(shared, { cache = null, hasRun, onDrop }) {
    this.shared = shared;
    this.cache = cache;
    this.hasRun = hasRun;
    this.pieces = new Pieces(shared, onDrop);
    this.sio = null; // rp2040js's, for the interpolators
    this.waiting = []; // addresses to translate from
    this.latest = 0; // cycles by which that is to be done
    this.made = { modules: 0, pieces: 0, instructions: 0, seconds: 0 };
    this.#makeDispatcher();
  }

  /** The functions that everything here calls: `run`, and the SIO's. */
  #makeDispatcher() {
    const functions = [dispatcher(), readSio(), writeSio()];
    const bytes = module(functions, { pages: PAGES, table: SLOTS, imports: SIO_IMPORTS });
    const { memory } = this.shared;
    const others = {
      readOther: (offset) => this.sio.readUint32(offset),
      writeOther: (offset, value) => (this.sio.writeUint32(offset, value >>> 0), 0),
    };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory, ...others } });
    const [run, read, write] = [exports[0], exports[1], exports[2]];
    /** (budget) -> what is left of it when code comes that is not translated; or, where a piece has stopped, ~ of that. */
    this.run = run;
    this.readSio = read;
    this.writeSio = write;
    // An imported table would be copied by each instance, which takes milliseconds: functions are put in from here.
    this.pieces.table = exports.table;
    this.environment = { env: { memory, readSio: read, writeSio: write, ...this.cache?.imports } };
  }

  /** Ask for a translation of the piece at an address; now: cycles. */
  ask(pc, now) {
    if (this.waiting.length === 0) this.latest = now + PATIENCE;
    this.waiting.push(pc);
  }

  /** Translate what was asked for, if that is enough, or has waited long enough. */
  work(now) {
    if (this.waiting.length === 0 || (this.waiting.length < BATCH && now < this.latest)) return;
    const begun = performance.now();
    this.translate(this.waiting.splice(0));
    this.made.seconds += (performance.now() - begun) / 1e3;
  }

  /** Translate the pieces at some addresses, now. */
  translate(addresses) {
    const functions = [];
    const slots = [];
    for (const pc of addresses) {
      if (this.shared.entries[offsetOf(pc) >> 1] !== 0) continue; // another piece has it
      const blocks = blocksFrom(pc, this.shared.halves, this.hasRun);
      if (blocks.length === 0) continue;
      const slot = this.pieces.slot();
      if (slot === 0) break;
      this.pieces.enter(blocks, pc, slot);
      slots.push(slot);
      functions.push({ code: new Piece(blocks, this.cache).emit(), locals: LOCALS, parameters: PARAMETERS });
      this.made.pieces++;
      this.made.instructions += blocks.reduce((sum, { code }) => sum + code.length, 0);
    }
    if (functions.length === 0) return;
    const imports = this.cache ? IMPORTS_WITH_CACHE : IMPORTS;
    const bytes = module(functions, { pages: PAGES, imports });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), this.environment);
    slots.forEach((slot, i) => this.pieces.table.set(slot, exports[i]));
    this.made.modules++;
  }
}

/** (budget) -> see Translator.run. It goes from piece to piece by the program counter, as long as there is one. */
function dispatcher() {
  const c = new Code();
  const [BUDGET, PC] = [0, 1];
  /** The entry for an offset in a memory: a word for each halfword. */
  const entry = (memory) => c.get(PC).const(1).op("shl").memory("load", ENTRIES + 2 * memory.at);
  const again = c.loop();
  c.const(0).memory("load", STATE + 4 * 15).set(PC);
  c.get(PC).const(FLASH.start).op("sub").tee(PC).const(FLASH.size).op("lt_u").if(true);
  entry(FLASH).else();
  c.get(PC).const(RAM.start - FLASH.start).op("sub").tee(PC).const(RAM.size).op("lt_u").if(true);
  entry(RAM).else();
  c.get(PC).const(RAM.start).op("add").tee(PC).const(ROM.size).op("lt_u").if(true);
  entry(ROM).else();
  c.const(0).end().end().end();
  c.tee(PC).op("eqz").if();
  c.get(BUDGET).op("return").end();
  c.get(PC).const(255).op("and").get(BUDGET).get(PC).const(8).op("shr_u").callIndirect(PARAMETERS);
  c.tee(BUDGET).const(0).op("ge_s").brIf(again);
  c.end();
  c.get(BUDGET);
  return { code: c, locals: 1, parameters: 1 };
}
