// The virtual Pico: MicroPython's rp2 firmware on an emulated RP2040.
//
//   node main.mjs --flash IMAGE --bootrom FILE [--uid HEX] [--xip] [--core NAME] [--real-time] [--wires JSON] [--sound WAV]
//     [--control FD]
//
// Standard input and output are the board's USB serial line, as bytes; the open file descriptor FD, a socket, is the control
// channel (control.mjs). The image is the board's 2 MiB flash, firmware and file system; what the board erases and
// programs stands in it at once, so that it is right however this process ends. --core: which processor, as pico.mjs names them.
// --wires: an array of microphones, as Microphones.connect takes them (microphones.mjs); --sound: what they hear.
// --real-time: emulated time keeps to the wall's clock (pace.mjs). Ends with the input, or with a signal: status 0; power cut on
// demand: 3; the firmware ran into a breakpoint: 4; it cannot start on this machine: 5; the processor is locked up: 6. Of the last
// three, the last line on standard error says why.
import fs from "node:fs";
import net from "node:net";
import { parseArgs } from "node:util";

const STATUS = { cut: 3, breakpoint: 4, lockup: 6 };
const CANNOT_START = 5;

function end(status, line) {
  fs.writeSync(2, `${line}\n`); // at once, unlike console.error
  process.exit(status);
}

// Node would print more lines after the one that matters.
process.on("uncaughtException", (error) => end(1, `${error.stack}\n${error}`));

const { values: options } = parseArgs({
  options: {
    flash: { type: "string" },
    bootrom: { type: "string" },
    uid: { type: "string", default: "e660583883724a32" },
    xip: { type: "boolean", default: false },
    core: { type: "string", default: "fast" },
    "real-time": { type: "boolean", default: false },
    wires: { type: "string", default: "[]" },
    sound: { type: "string" },
    control: { type: "string" },
  },
});

if (options.core === "fast" && typeof WebAssembly === "undefined") {
  end(CANNOT_START, "this Node runs without WebAssembly: take --jitless from NODE_OPTIONS, or choose --old-core, which needs none");
}

// Only now, since the processor's modules may use WebAssembly as they load.
const { Control } = await import("./control.mjs");
const { Flash } = await import("./flash.mjs");
const { Pace } = await import("./pace.mjs");
const { Pico } = await import("./pico.mjs");
const { readWav } = await import("./wav.mjs");

function powerOn() {
  try {
    return new Pico({
      flash: new Flash(options.flash),
      bootrom: fs.readFileSync(options.bootrom),
      uid: Buffer.from(options.uid, "hex"),
      modelXip: options.xip,
      core: options.core,
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // V8 reserves 10 GB of addresses for a WebAssembly memory of any size, so as to check no access.
    return end(
      CANNOT_START,
      `${error.message}: raise the limit on memory (ulimit -v), set NODE_OPTIONS=--disable-wasm-trap-handler, or choose --old-core`,
    );
  }
}

const pico = powerOn();
pico.connect(JSON.parse(options.wires), options.sound ? readWav(options.sound) : null);
const pace = new Pace(pico, { realTime: options["real-time"] });

pico.line.onData = (bytes) => {
  pace.said();
  pico.lines.note(bytes, pico.nanos);
  process.stdout.write(bytes);
};
process.stdin.on("data", (bytes) => {
  settle();
  pace.heard();
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
  new Control(pico, socket, {
    before: settle,
    after: wake,
    late: () => (options["real-time"] ? pace.late / 1000 : null),
  });
}

// ---- the loop: a turn of the board's, then one of Node's for bytes that have come

let timer = null; // while this process sleeps between two turns
let asleep = false;
let scheduled = false;

function turn() {
  scheduled = false;
  goOn(pace.turn());
}

function goOn({ state, sleep }) {
  if (state === "cut") process.exit(STATUS.cut);
  if (Object.hasOwn(STATUS, state)) end(STATUS[state], pico.ending);
  if (sleep === 0) {
    next();
    return;
  }
  asleep = true;
  // Whole milliseconds, and no more than a timer can count.
  if (sleep < Infinity) timer = setTimeout(wake, Math.min(Math.ceil(sleep), 0x7fffffff));
}

/** A turn, after Node has looked for bytes: whether the board has to wait depends on them. */
function next() {
  if (!scheduled) {
    scheduled = true;
    setImmediate(turn);
  }
}

/** It is time, or something has come for the board: it need not wait any longer. */
function wake() {
  clearTimeout(timer);
  asleep = false;
  next();
}

/** Something comes for the board: what it has waited through has passed before that. */
function settle() {
  if (!asleep) return;
  clearTimeout(timer);
  asleep = false;
  goOn(pace.settle());
}

next();
