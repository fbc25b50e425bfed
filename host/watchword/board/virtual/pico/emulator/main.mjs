// The virtual Pico: MicroPython's rp2 firmware on an emulated RP2040.
//
//   node main.mjs --flash IMAGE --bootrom FILE [--uid HEX] [--xip] [--adc WAV] [--control FD]
//
// Standard input and output are the board's USB serial line, as bytes; the open file descriptor FD, a socket, is the control
// channel (control.mjs). The image is the board's 2 MiB flash, firmware and file system; what the board erases and
// programs stands in it at once, so that it is right however this process ends. Ends with the input, or with a signal: status 0;
// power cut on demand: 3; the firmware ran into a breakpoint: 4.
import fs from "node:fs";
import net from "node:net";
import { parseArgs } from "node:util";

import { Control } from "./control.mjs";
import { Flash } from "./flash.mjs";
import { Pico } from "./pico.mjs";
import { readWav } from "./wav.mjs";

const { values: options } = parseArgs({
  options: {
    flash: { type: "string" },
    bootrom: { type: "string" },
    uid: { type: "string", default: "e660583883724a32" },
    xip: { type: "boolean", default: false },
    adc: { type: "string" },
    control: { type: "string" },
    core: { type: "string", default: "fast" },
  },
});

const pico = new Pico({
  flash: new Flash(options.flash),
  bootrom: fs.readFileSync(options.bootrom),
  uid: Buffer.from(options.uid, "hex"),
  modelXip: options.xip,
  core: options.core,
});
if (options.adc) pico.listenTo(readWav(options.adc));

pico.line.onData = (bytes) => process.stdout.write(bytes);
process.stdin.on("data", (bytes) => {
  pico.line.send(bytes);
  wake();
});
process.stdin.on("end", () => process.exit(0));
process.stdout.on("error", () => process.exit(0)); // whoever read the line has gone
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => process.exit(0));

if (options.control) {
  const socket = new net.Socket({ fd: Number(options.control), readable: true, writable: true });
  socket.unref(); // the serial line alone decides how long the board runs
  socket.on("error", () => {});
  new Control(pico, socket, wake);
}

// ---- the loop: a slice of emulated time, then a turn of Node's for bytes that have come

const BUSY = 20; // ms of this machine's time in one slice
let timer = null;
let scheduled = false;
let last = performance.now();

function turn() {
  scheduled = false;
  timer = null;
  const now = performance.now();
  // A processor that waits lets emulated time pass no faster than real time: the host's patience and the firmware's time limits
  // are of one kind then. While it computes, emulated time is slower than real time, and that is not made up for.
  pico.idleNanos = Math.min(now - last, BUSY) * 1e6;
  last = now;
  const state = pico.run(now + BUSY);
  if (state === "cut") process.exit(3);
  if (pico.stopped !== null) {
    console.error(pico.ending);
    process.exit(4);
  }
  if (state === "idle") timer = setTimeout(turn, 1);
  else next();
}

function next() {
  if (!scheduled) {
    scheduled = true;
    setImmediate(turn);
  }
}

/** Something has come for the board: it need not wait for the timer. */
function wake() {
  if (timer !== null) {
    clearTimeout(timer);
    timer = null;
    next();
  }
}

next();
