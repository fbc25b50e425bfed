// The long form of lockstep.test.mjs and sequences.test.mjs: a line of JSON for each comparison, {what, way, instructions, comparisons,
// exceptions}; the first difference ends it, with an Error.
//
//   node soak.mjs [--factor F] [--rounds N] [--modules A,B,...]
//
// modules: of tests/device, which are on the image at WATCHWORD_IMAGE.
import { parseArgs } from "node:util";

import { Lockstep } from "./lockstep.mjs";
import * as programs from "./programs.mjs";
import { Sequences } from "./sequences.mjs";

const { values: options } = parseArgs({
  options: {
    factor: { type: "string", default: "1" },
    rounds: { type: "string", default: "200000" },
    modules: { type: "string", default: "" },
  },
});
const tell = (what, way, counts) => console.log(JSON.stringify({ what, way, ...counts }));

/** Run sources of Python, by name, on two boards in lockstep. */
function lockstep(way, boardOptions, sources) {
  const boards = new Lockstep({ options: boardOptions, most: 2000 });
  let last = { instructions: 0, comparisons: 0, exceptions: 0 };
  const done = (what) => {
    const { instructions, comparisons, exceptions } = boards;
    const now = { instructions, comparisons, exceptions };
    tell(what, way, Object.fromEntries(Object.keys(now).map((key) => [key, now[key] - last[key]])));
    last = now;
  };
  boards.boot();
  done("boot");
  for (const [name, source] of Object.entries(sources)) {
    const printed = boards.python(source);
    if (/Traceback/.test(printed)) throw new Error(`${name}: ${printed}`);
    done(name);
  }
}

const factor = Number(options.factor);
const sources = Object.fromEntries(Object.entries(programs).map(([name, program]) => [name, program(factor)]));
lockstep("as boards run", {}, sources);
lockstep("all translated", { hot: 2 }, sources);
lockstep("with the cache", { modelXip: true }, sources);

const runModule = (name) => `import os, sys; os.chdir('/tests'); sys.path.append('/'); import run; run.run('${name}')`;
for (const name of options.modules.split(",").filter(Boolean)) {
  lockstep("as boards run", {}, { [`tests/device/${name}.py`]: runModule(name) });
}

for (const modelXip of [false, true]) {
  const sequences = new Sequences({ seed: 2, modelXip });
  const rounds = Number(options.rounds);
  for (let i = 0; i < rounds; i++) sequences.round();
  const { instructions } = sequences;
  tell("random sequences", modelXip ? "with the cache" : "as boards run", { instructions, comparisons: 2 * rounds, exceptions: 0 });
}
