// The book of translated pieces: where each begins, and of which code it is, so that it goes when that changes.
import { FLASH, GRANULE_BITS, RAM, offsetOf } from "../memory.mjs";

const SLOTS = 16384; // pieces at a time
const SECTOR_BITS = 12; // what flash erases at once

export class Pieces {
  /** onDrop(entries): called as a piece goes; entries: its places in shared.entries. */
  constructor(shared, onDrop) {
    this.shared = shared;
    this.onDrop = onDrop;
    this.table = null; // of WebAssembly: the functions, by slot
    this.inRam = new Map(); // granule: set of pieces
    this.inFlash = new Map(); // sector: set of pieces
    this.free = [];
    this.used = 0;
    this.dropped = 0; // so far, since their code has changed
  }

  /** A number for a new piece; 0: all are in use. */
  slot() {
    return this.free.pop() ?? (this.used + 1 < SLOTS ? ++this.used : 0);
  }

  /** Write down a piece of `blocks` that was asked for at `pc`: its function is in the table, at `slot`. */
  enter(blocks, pc, slot) {
    const { entries, code } = this.shared;
    const piece = { slot, entries: [], granules: new Set(), sectors: new Set() };
    blocks.forEach((block, label) => {
      const i = offsetOf(block.start) >> 1;
      if (entries[i] === 0 || block.start === pc) {
        entries[i] = (slot << 8) | label;
        piece.entries.push(i);
      }
      for (let at = block.start; at < block.end; at += 2) {
        if (at >>> 28 === RAM.start >>> 28) piece.granules.add((at - RAM.start) >> GRANULE_BITS);
        else if (at >>> 28 === FLASH.start >>> 28) piece.sectors.add((at - FLASH.start) >> SECTOR_BITS);
      }
    });
    for (const granule of piece.granules) {
      add(this.inRam, granule, piece);
      code[granule] = 1;
    }
    for (const sector of piece.sectors) add(this.inFlash, sector, piece);
  }

  /** Bytes of RAM have changed that may be code. */
  ramChanged(from, size) {
    this.#dropIn(this.inRam, from >> GRANULE_BITS, (from + size - 1) >> GRANULE_BITS);
  }

  flashChanged(from, size) {
    this.#dropIn(this.inFlash, from >> SECTOR_BITS, (from + size - 1) >> SECTOR_BITS);
  }

  #dropIn(places, first, last) {
    for (let place = first; place <= last; place++) for (const piece of places.get(place) ?? []) this.#drop(piece);
  }

  #drop(piece) {
    const { entries, code } = this.shared;
    // Another piece may have taken over one of its entries.
    for (const i of piece.entries) if (entries[i] >>> 8 === piece.slot) entries[i] = 0;
    for (const granule of piece.granules) if (remove(this.inRam, granule, piece)) code[granule] = 0;
    for (const sector of piece.sectors) remove(this.inFlash, sector, piece);
    this.table.set(piece.slot, null);
    this.free.push(piece.slot);
    this.onDrop(piece.entries);
    this.dropped++;
  }
}

export { SLOTS };

function add(map, key, value) {
  if (!map.has(key)) map.set(key, new Set());
  map.get(key).add(value);
}

/** Whether it was the last. */
function remove(map, key, value) {
  const set = map.get(key);
  set.delete(value);
  if (set.size === 0) map.delete(key);
  return set.size === 0;
}
