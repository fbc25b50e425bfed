import fs from "node:fs";

/** The first channel of a WAV file of 16-bit samples: {rate, samples: Int16Array}. */
export function readWav(path) {
  const file = fs.readFileSync(path);
  if (file.toString("latin1", 0, 4) !== "RIFF" || file.toString("latin1", 8, 12) !== "WAVE") {
    throw new Error(`${path}: not a WAV file`);
  }
  let format = null;
  for (let at = 12; at + 8 <= file.length; ) {
    const name = file.toString("latin1", at, at + 4);
    const size = file.readUInt32LE(at + 4);
    const body = file.subarray(at + 8, at + 8 + size);
    if (name === "fmt ") {
      format = { coding: body.readUInt16LE(0), channels: body.readUInt16LE(2), rate: body.readUInt32LE(4), bits: body.readUInt16LE(14) };
    } else if (name === "data") {
      if (format === null || format.coding !== 1 || format.bits !== 16) throw new Error(`${path}: 16-bit PCM is expected`);
      const step = 2 * format.channels;
      const samples = Int16Array.from({ length: Math.floor(body.length / step) }, (_, i) => body.readInt16LE(i * step));
      return { rate: format.rate, samples };
    }
    at += 8 + size + (size & 1);
  }
  throw new Error(`${path}: has no samples`);
}
