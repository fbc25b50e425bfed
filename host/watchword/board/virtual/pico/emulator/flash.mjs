// The flash chip of a Pico, a W25Q16: 2 MiB in a file.
import fs from "node:fs";

export const SIZE = 2 * 1024 * 1024;
const SECTOR = 4096;
const BLOCK = 65536;
const PAGE = 256;

// Typical times of the W25Q16JV's datasheet, in nanoseconds.
const TIMES = { sector: 45e6, block: 150e6, page: 0.7e6 };

export class Flash {
  /** path: a file of SIZE bytes, changed in place. */
  constructor(path) {
    this.file = fs.openSync(path, "r+");
    this.content = new Uint8Array(SIZE);
    const size = fs.readSync(this.file, this.content, 0, SIZE, 0);
    if (size !== SIZE) throw new Error(`${path}: a flash image has ${SIZE} bytes, this file ${size}`);
    this.erased = 0; // sectors, so far
    this.programmed = 0; // pages
    this.nanos = 0; // that the processor has waited for them
    this.onChange = () => {};
  }

  /** Keep the content in `memory`, of SIZE bytes. onChange(offset, size): called after each change. */
  moveTo(memory, onChange) {
    memory.set(this.content);
    this.content = memory;
    this.onChange = onChange;
  }

  /**
   * Erase `count` bytes from `offset`, in blocks where they are aligned, as the boot ROM does.
   * wait(nanos) lets that time pass and returns the part of it, 0 to 1, for which there was power.
   */
  erase(offset, count, wait) {
    const end = offset + count;
    while (offset < end) {
      const isBlock = offset % BLOCK === 0 && end - offset >= BLOCK;
      const size = isBlock ? BLOCK : SECTOR;
      const done = this.#timed(isBlock ? TIMES.block : TIMES.sector, wait);
      // A cut in the middle leaves part of the old content: a chip promises nothing about it.
      this.content.fill(0xff, offset, offset + Math.floor(size * done));
      this.#store(offset, size);
      this.erased += size / SECTOR;
      if (done < 1) return;
      offset += size;
    }
  }

  /** Program bytes from `offset`, page by page: bits go from 1 to 0 only. */
  program(offset, bytes, wait) {
    for (let at = 0; at < bytes.length; at += PAGE) {
      const page = bytes.subarray(at, at + PAGE);
      const done = this.#timed(TIMES.page, wait);
      const size = Math.floor(page.length * done);
      for (let i = 0; i < size; i++) this.content[offset + at + i] &= page[i];
      this.#store(offset + at, page.length);
      this.programmed++;
      if (done < 1) return;
    }
  }

  #timed(nanos, wait) {
    const done = wait(nanos);
    this.nanos += nanos * done;
    return done;
  }

  #store(offset, size) {
    fs.writeSync(this.file, this.content, offset, size, offset);
    this.onChange(offset, size);
  }
}
