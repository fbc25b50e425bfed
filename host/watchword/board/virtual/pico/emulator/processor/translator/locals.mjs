// What a translated function has: its parameters and locals by number, and the functions that it may call.
import { IMPORTS as CACHE } from "../../xip.mjs";

/** (label, budget) -> what is left of the budget; where the piece has stopped before an instruction, ~ of that. */
export const PARAMETERS = 2;
export const LABEL = 0; // of the block to begin with
export const BUDGET = 1;
export const R = 2; // + number: r0 to r14
export const [SP, LR] = [13, 14];
export const FLAGS = R + 15; // as in the state: NF, ZF, CF, VF
export const [LNF, LZF, LCF, LVF] = [FLAGS, FLAGS + 1, FLAGS + 2, FLAGS + 3];
export const NEXT = FLAGS + 4; // the program counter to go on with
export const [A, B, T, P] = [NEXT + 1, NEXT + 2, NEXT + 3, NEXT + 4]; // temporary
export const TOUCHED = P + 1; // hits of the cache, but for those that it counts itself
export const LOCALS = TOUCHED + 1 - PARAMETERS;

/** The functions, and their numbers of parameters: those of sio.mjs, and the cache's where there is one. */
export const IMPORTS = { readSio: 2, writeSio: 3 };
export const IMPORTS_WITH_CACHE = { ...IMPORTS, ...CACHE };
export const [READ_SIO, WRITE_SIO, TOUCH, TOUCH_WORDS] = Object.keys(IMPORTS_WITH_CACHE).keys();
