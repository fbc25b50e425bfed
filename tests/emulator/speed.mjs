// How fast one program runs: emulated MHz, cycles by the processor time of this process with all its threads. One line of JSON.
//
//   node speed.mjs PROGRAM [--core CORE] [--xip] [--factor F] [--runs N]
import { parseArgs } from "node:util";

import * as programs from "./programs.mjs";
import { Session } from "./session.mjs";

const { values: options, positionals } = parseArgs({
  options: {
    core: { type: "string", default: "fast" },
    xip: { type: "boolean", default: false },
    factor: { type: "string", default: "1" }, // of the first run; the others do four times as much
    runs: { type: "string", default: "6" },
  },
  allowPositionals: true,
});

const session = new Session({ core: options.core, modelXip: options.xip });
const { pico } = session;

// What the program that listens hears, at its pins.
const samples = Int16Array.from({ length: 16_000 * 60 }, (_, i) => ((i * 37) % 20_000) - 10_000);
pico.connect([{ sck: 16, ws: 17, sd: 18 }], { rate: 16_000, samples });

function timed(work) {
  const before = { cycles: pico.cycles, ...process.cpuUsage() };
  work();
  const { user, system } = process.cpuUsage(before);
  return { cycles: pico.cycles - before.cycles, micros: user + system };
}

session.boot();
const program = programs[positionals[0]];
const factor = Number(options.factor);
const first = timed(() => session.python(program(factor)));
const later = Array.from({ length: Number(options.runs) - 1 }, () => timed(() => session.python(program(4 * factor)))).slice(-3);
const sum = (key) => later.reduce((total, run) => total + run[key], 0);
const { xip } = pico;
console.log(
  JSON.stringify({
    first: first.cycles / first.micros,
    later: sum("cycles") / sum("micros"),
    cycles: pico.cycles,
    misses: xip?.misses ?? null,
  }),
);
