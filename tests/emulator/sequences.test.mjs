import assert from "node:assert/strict";
import test from "node:test";

import { EXPECTED, Sequences } from "./sequences.mjs";

// A short form: `make soak` tries many more.
for (const [modelXip, rounds] of [[false, 600], [true, 400]]) {
  test(`random instructions leave the same as one by one${modelXip ? ", with the XIP cache" : ""}`, () => {
    const sequences = new Sequences({ seed: 1, modelXip });
    for (let i = 0; i < rounds; i++) sequences.round();
    assert.ok(sequences.instructions > 1500, `${sequences.instructions} instructions`);
    if (!modelXip) assert.deepEqual([...EXPECTED].filter((kind) => !sequences.reached.has(kind)), []);
  });
}
