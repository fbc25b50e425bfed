import assert from "node:assert/strict";
import test from "node:test";

import { Lockstep } from "./lockstep.mjs";
import * as programs from "./programs.mjs";

// A short form: `make soak` runs all programs in all three ways, and for longer.
const FACTOR = 0.003;
const { interpreted, floats, interrupts, files, listening, recompiled, selfModifying } = programs;
const WAYS = {
  "as boards run": [{}, [interpreted, floats, interrupts, listening]],
  "all of it translated": [{ hot: 2 }, [recompiled, selfModifying]],
  "with the XIP cache": [{ modelXip: true }, [interpreted, files]],
};

for (const [way, [options, chosen]] of Object.entries(WAYS)) {
  test(`MicroPython on the fast processor is the same as one by one, ${way}`, () => {
    const boards = new Lockstep({ options, most: 2000 });
    boards.boot();
    for (const program of chosen) boards.python(program(FACTOR));
    assert.ok(boards.instructions > 2e6, `${boards.instructions} instructions`);
    assert.ok(boards.exceptions > 20, `${boards.exceptions} exceptions`);
    const { translated, interpreted: oneByOne, dropped } = boards.fast.pico.processor.statistics();
    assert.ok(translated > oneByOne, "most of it ran in translated code");
    if (options.hot) assert.ok(dropped > 0, "code has changed that was translated");
  });
}
