// What the tests of the emulator share: its modules, as they were built, and boards that run a few instructions.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { assemble } from "./thumb.mjs";

const { WATCHWORD_EMULATOR, WATCHWORD_BOOTROM } = process.env;

/** A module of the emulator, by its file name. */
export const load = (name) => import(pathToFileURL(path.join(WATCHWORD_EMULATOR, name)));

const { Flash, SIZE } = await load("flash.mjs");
const { Pico } = await load("pico.mjs");

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "emulator-"));
process.on("exit", () => fs.rmSync(folder, { recursive: true }));
let files = 0;

/** The path of a new file with `bytes` in it. */
export function file(bytes) {
  const name = path.join(folder, String(files++));
  fs.writeFileSync(name, bytes);
  return name;
}

/** The path of a new flash image: empty but for `content`, bytes by their offsets. */
export function image(content = {}) {
  const bytes = Buffer.alloc(SIZE, 0xff);
  for (const [offset, piece] of Object.entries(content)) bytes.set(piece, Number(offset));
  return file(bytes);
}

export const UID = Buffer.from("0123456789abcdef", "hex");

/** A board with `flash` (the path of an image). */
export function boardOf(flash, options = {}) {
  const pico = new Pico({ flash: new Flash(flash), bootrom: fs.readFileSync(WATCHWORD_BOOTROM), uid: UID, ...options });
  return Object.assign(pico, { image: flash });
}

/** A board that runs instructions of thumb.mjs after the boot ROM: they stand where the second stage of the boot would. */
export function running(...lines) {
  const code = assemble(...lines);
  if (code.length > 256) throw new Error("the second stage has 256 bytes");
  return boardOf(image({ 0: code }));
}

/** Run until the board waits, or ends; a board that never does is a failure. Returns what `Pico.run` does. */
export function run(pico, seconds = 5) {
  const state = pico.run(performance.now() + seconds * 1000);
  if (state === "busy") throw new Error("the board still runs");
  return state;
}

/** Words of a board's RAM, from its beginning. */
export const ram = (pico, count) => Array.from({ length: count }, (_, i) => pico.chip.readUint32(0x20000000 + 4 * i));

// ---- the boot ROM's functions, called as firmware does

const RETURN = 0x20000000;
const STACK = 0x20041000;

/** Call machine code with up to four arguments; [r0, r1] as unsigned numbers, and the cycles that it took. */
export function call(pico, address, ...args) {
  const { core } = pico.chip;
  args.forEach((value, i) => (core.registers[i] = value));
  for (let i = 4; i < 12; i++) core.registers[i] = 0x01010101 * i;
  core.SP = STACK;
  core.LR = RETURN | 1;
  core.PC = address & ~1;
  const before = core.cycles;
  while (core.PC !== RETURN) {
    if (core.cycles - before > 1e9) throw new Error("the function does not return");
    core.executeInstruction();
    if (pico.stopped) throw new Error(pico.stopped);
  }
  const kept = core.registers.slice(4, 12).every((value, i) => value === 0x01010101 * (i + 4));
  if (!kept || core.SP !== STACK) throw new Error("a register that a function keeps has changed");
  return { r0: core.registers[0], r1: core.registers[1], cycles: core.cycles - before };
}

/** The address behind a code of two letters in a table (0x14: functions, 0x16: data), by the ROM's own look-up; or 0. */
export function lookUp(pico, code, table = 0x14) {
  const { chip } = pico;
  return call(pico, chip.readUint16(0x18), chip.readUint16(table), code.charCodeAt(0) | (code.charCodeAt(1) << 8)).r0;
}

// ---- sound

/** The path of a new WAV file; samples: those of all channels, interleaved. */
export function wav(samples, { rate = 16000, channels = 1, bits = 16, coding = 1, before = [] } = {}) {
  const data = bits === 16 ? Buffer.from(Int16Array.from(samples).buffer) : Buffer.from(samples);
  const format = Buffer.alloc(16);
  format.writeUInt16LE(coding, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(rate, 4);
  format.writeUInt32LE((rate * channels * bits) / 8, 8);
  format.writeUInt16LE((channels * bits) / 8, 12);
  format.writeUInt16LE(bits, 14);
  const body = Buffer.concat([Buffer.from("WAVE"), ...before, chunk("fmt ", format), chunk("data", data)]);
  return file(chunk("RIFF", body));
}

/** A chunk of a RIFF file, padded to an even size. */
export function chunk(name, body) {
  const head = Buffer.alloc(8);
  head.write(name, "latin1");
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length & 1)]);
}
