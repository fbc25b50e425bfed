// A model of the RP2040's XIP cache: 16 KB in lines of 8 bytes, two ways, the least recently used way replaced.
//
// A miss reads a line from flash as RPI_PICO's second boot stage sets it up: continuous quad reads, 8 clocks of address and mode, 4 of
// wait, 16 for 8 bytes, at half the system clock. Not modelled: the fetch of the next line while this one is used, and writes.
const LINE_BITS = 3;
const SETS = 1024; // of two lines
const CLOCKS_PER_MISS = 8 + 4 + 16;
const CYCLES_PER_CLOCK = 2; // PICO_FLASH_SPI_CLKDIV

export const CYCLES_PER_MISS = CLOCKS_PER_MISS * CYCLES_PER_CLOCK;

export class XipCache {
  constructor(chip) {
    this.tags = new Int32Array(2 * SETS).fill(-1); // way 0 of each set is the one used last
    this.hits = 0;
    this.misses = 0;
    this.stalled = 0; // cycles since the emulator last took them
    for (const read of ["readUint8", "readUint16", "readUint32"]) {
      const original = chip[read].bind(chip);
      chip[read] = (address) => {
        if (address >>> 24 === 0x10) this.touch(address);
        return original(address);
      };
    }
  }

  touch(address) {
    const line = (address & 0xffffff) >> LINE_BITS;
    const first = 2 * (line & (SETS - 1));
    const { tags } = this;
    if (tags[first] === line) {
      this.hits++;
      return;
    }
    if (tags[first + 1] === line) {
      this.hits++;
    } else {
      this.misses++;
      this.stalled += CYCLES_PER_MISS;
    }
    tags[first + 1] = tags[first];
    tags[first] = line;
  }
}
