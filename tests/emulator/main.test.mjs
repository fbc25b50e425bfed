// The emulator as a process, with MicroPython on it.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import test from "node:test";
import { setTimeout } from "node:timers/promises";

import { file, load, wav } from "./board.mjs";

const { WATCHWORD_EMULATOR, WATCHWORD_BOOTROM, WATCHWORD_IMAGE } = process.env;
const { SIZE } = await load("flash.mjs");

const PATIENCE = 30_000; // ms for whatever is waited for

class Board {
  constructor(...options) {
    this.flash = file(fs.readFileSync(WATCHWORD_IMAGE));
    const main = path.join(WATCHWORD_EMULATOR, "main.mjs");
    const fixed = ["--flash", this.flash, "--bootrom", WATCHWORD_BOOTROM, "--control", "3"];
    this.process = spawn(process.execPath, [main, ...fixed, ...options], { stdio: ["pipe", "pipe", "pipe", "pipe"] });
    this.end = once(this.process, "close");
    this.output = "";
    this.errors = "";
    this.process.stderr.setEncoding("utf8").on("data", (text) => (this.errors += text));
    this.process.stdout.setEncoding("latin1").on("data", (text) => (this.output += text));
    this.control = this.process.stdio[3];
    this.answers = createInterface({ input: this.control });
    // A board that has ended is not there to read what is sent.
    for (const stream of [this.process.stdin, this.control]) stream.on("error", () => {});
  }

  /** What the board has sent up to a match of `pattern`, which is taken off. */
  async read(pattern) {
    const signal = AbortSignal.timeout(PATIENCE);
    for (;;) {
      const match = this.output.match(pattern);
      if (match) {
        this.output = this.output.slice(match.index + match[0].length);
        return match;
      }
      try {
        await once(this.process.stdout, "data", { signal });
      } catch {
        throw new Error(`no ${pattern} in what came: ${JSON.stringify(this.output.slice(-500))}`);
      }
    }
  }

  async interrupt() {
    this.output = "";
    this.process.stdin.write("\r\x03\x03\x01");
    await this.read(/raw REPL; CTRL-B to exit\r\n>/);
  }

  /** Run lines of Python; what they print. */
  async python(...lines) {
    this.process.stdin.write(`${lines.join("\n")}\x04`);
    const [, printed, error] = await this.read(/OK([^\x04]*)\x04([^\x04]*)\x04>/);
    assert.equal(error, "");
    return printed.replaceAll("\r\n", "\n").trim();
  }

  /** A reset from within; returns after it, since what is sent before is lost. */
  async resetItself() {
    const { resets } = await this.ask({ do: "counters" });
    this.process.stdin.write("import machine\nmachine.reset()\x04");
    for (const begun = performance.now(); (await this.ask({ do: "counters" })).resets === resets; await setTimeout(10)) {
      assert.ok(performance.now() - begun < PATIENCE, "no reset");
    }
  }

  async ask(command) {
    this.control.write(JSON.stringify(command) + "\n");
    const [line] = await once(this.answers, "line", { signal: AbortSignal.timeout(PATIENCE) });
    return JSON.parse(line);
  }

  /** The exit status. */
  async status() {
    const ended = await Promise.race([this.end, setTimeout(PATIENCE, null, { ref: false })]);
    assert.ok(ended, "it does not end");
    const [status, signal] = ended;
    assert.equal(signal, null);
    return status;
  }
}

/** A test with a board of its own, which ends with it. */
function boardTest(name, options, body) {
  test(name, async () => {
    const board = new Board(...options);
    try {
      await body(board);
    } finally {
      board.process.kill("SIGKILL");
      await board.end;
    }
  });
}

boardTest("MicroPython has the unique number that was chosen", ["--uid", "00112233445566ff"], async (board) => {
  await board.interrupt();
  assert.equal(await board.python("import machine", "print(machine.unique_id().hex())"), "00112233445566ff");
});

// A sample each millisecond, each of another level than those around it.
const LEVELS = Array.from({ length: 20_000 }, (_, i) => (i * 37) % 4096);
const SOUND = wav(LEVELS.map((level) => (level - 2048) << 4), { rate: 1000 });

boardTest("MicroPython's ADC reads the sound of its time", ["--wires", '[{"pin": 27}]', "--sound", SOUND], async (board) => {
  await board.interrupt();
  const printed = await board.python(
    "import machine, time",
    "adc = machine.ADC(1)",
    "begun = time.ticks_us()",
    "adc.read_u16()",
    "for _ in range(30):",
    "    print(time.ticks_us() - begun - 20, adc.read_u16(), time.ticks_us() - begun)",
    "    time.sleep_ms(3)",
  );
  const reads = printed.split("\n").map((line) => line.split(" ").map(Number));
  assert.equal(reads.length, 30);
  for (const [before, value, after] of reads) {
    const possible = LEVELS.slice(Math.floor(Math.max(0, before) / 1000), Math.floor(after / 1000) + 1);
    assert.ok(possible.includes(value >> 4), `${value >> 4} between ${before} and ${after} us, where ${possible} are`);
  }
  assert.ok(new Set(reads.map(([, value]) => value)).size > 20);
});

boardTest("what the board wrote to flash is in the file when a signal has ended it, with status 0", [], async (board) => {
  await board.interrupt();
  const block = 300;
  await board.python(
    "import rp2",
    "data = bytes((7 * i + i // 256) & 255 for i in range(4096))",
    `rp2.Flash().writeblocks(${block}, data)`,
  );
  board.process.kill("SIGTERM");
  assert.equal(await board.status(), 0);
  const at = SIZE - 1408 * 1024 + 4096 * block; // where MicroPython's storage begins, to the end of the chip
  const expected = Buffer.from(Array.from({ length: 4096 }, (_, i) => (7 * i + Math.floor(i / 256)) & 255));
  assert.ok(fs.readFileSync(board.flash).subarray(at, at + 4096).equals(expected));
});

boardTest("misses of the cache are counted on demand, over a reset too", ["--xip"], async (board) => {
  await board.interrupt();
  const { cycles, resets, xip } = await board.ask({ do: "counters" });
  assert.equal(resets, 0);
  assert.ok(xip.misses > 1000, `${xip.misses} misses`);
  assert.ok(xip.hits > 10 * xip.misses, `${xip.hits} hits, ${xip.misses} misses`);
  assert.ok(cycles > 56 * xip.misses);
  await board.resetItself();
  await board.interrupt();
  const after = await board.ask({ do: "counters" });
  assert.equal(after.resets, 1);
  assert.ok(after.cycles > cycles);
  assert.ok(after.xip.misses > xip.misses);
});

boardTest("MicroPython sees why it starts: by its own reset, or by the button", [], async (board) => {
  const cause = async () => {
    await board.interrupt();
    return board.python("import machine", "print(machine.reset_cause() == machine.WDT_RESET)");
  };
  assert.equal(await cause(), "False");
  await board.resetItself();
  assert.equal(await cause(), "True");
  assert.deepEqual(await board.ask({ do: "reset" }), {});
  assert.equal(await cause(), "False");
  const { resets, xip } = await board.ask({ do: "counters" });
  assert.equal(resets, 2);
  assert.equal(xip, null);
});

boardTest("a firmware that runs into a breakpoint ends it with status 4", [], async (board) => {
  await board.interrupt();
  board.process.stdin.write("import machine\nmachine.bootloader()\x04"); // there is none in this boot ROM
  assert.equal(await board.status(), 4);
  assert.match(board.errors, /^breakpoint \d+ at 0x[0-9a-f]+.*\n$/);
});

boardTest("a processor that is locked up ends it with status 6, and it says why", [], async (board) => {
  await board.interrupt();
  const lines = ["import machine", "@micropython.asm_thumb", "def jump(r0):", "    data(2, 0x4700)"]; // bx r0
  // The vectors are where no memory is, and so is the next instruction: no handler of the fault can be had.
  lines.push("machine.disable_irq()", "machine.mem32[0xe000ed08] = 0x30000000", "jump(0x30000001)");
  board.process.stdin.write(`${lines.join("\n")}\x04`);
  assert.equal(await board.status(), 6);
  assert.match(board.errors, /^[^\n]*HardFault at 0x[0-9a-f]+: no memory[^\n]*\n$/);
});

boardTest("once nobody says anything, a minute's sleep takes no minute", [], async (board) => {
  await board.interrupt();
  const begun = performance.now();
  assert.equal(await board.python("import time", "t = time.ticks_ms()", "time.sleep(60)", "print(time.ticks_ms() - t >= 60000)"), "True");
  const took = performance.now() - begun;
  assert.ok(took > 1500 && took < 20_000, `${took} ms`);
});

boardTest("a board at its prompt sleeps, and its time passes all the same", [], async (board) => {
  await board.interrupt();
  const before = await board.ask({ do: "counters" });
  await setTimeout(4000);
  const after = await board.ask({ do: "counters" });
  const [cpu, nanos] = ["cpu", "nanos"].map((name) => after[name] - before[name]);
  assert.ok(cpu < 0.4, `${cpu} s of a core`);
  assert.ok(nanos > 3.9e9 && nanos < 6e9, `${nanos} ns`);
});

boardTest("in real time a board keeps to the clock, asleep and at work", ["--real-time"], async (board) => {
  await board.interrupt();
  await board.python("import time");
  await setTimeout(2500); // nobody says anything
  for (const lines of [["time.sleep(2)"], ["t = time.ticks_ms()", "while time.ticks_ms() - t < 1000: pass"]]) {
    const before = await board.ask({ do: "counters" });
    await board.python(...lines);
    const after = await board.ask({ do: "counters" });
    const [nanos, wall, late] = ["nanos", "wall", "late"].map((name) => after[name] - before[name]);
    assert.ok(nanos <= (wall + 0.06) * 1e9, `${nanos} ns in ${wall} s`); // as much as flash and one look at the clock take at once
    assert.ok(Math.abs(nanos / 1e9 + late - wall) < 0.2, `${nanos} ns and ${late} s in ${wall} s`);
  }
});

test("without WebAssembly it says in one line what to do", async () => {
  const board = new Board();
  board.process.kill("SIGKILL");
  await board.end;
  const main = path.join(WATCHWORD_EMULATOR, "main.mjs");
  const { status, stderr } = spawnSync(process.execPath, ["--jitless", main, "--flash", board.flash, "--bootrom", WATCHWORD_BOOTROM]);
  assert.equal(status, 5);
  assert.match(String(stderr), /(^|\n)this Node runs without WebAssembly: .*\n$/);
});

test("where there are too few addresses for WebAssembly it says so, and what it proposes helps", { skip: process.platform !== "linux" }, async () => {
  const flash = file(fs.readFileSync(WATCHWORD_IMAGE));
  const main = path.join(WATCHWORD_EMULATOR, "main.mjs");
  const run = (...options) =>
    spawnSync("sh", ["-c", 'ulimit -v 4000000; exec "$@"', "sh", process.execPath, ...options, main, "--flash", flash, "--bootrom", WATCHWORD_BOOTROM]);
  const { status, stderr } = run();
  assert.equal(status, 5);
  const [, option] = String(stderr).match(/ulimit -v.*NODE_OPTIONS=(\S+),.*\n$/);
  if (process.allowedNodeEnvironmentFlags.has(option)) assert.equal(run(option).status, 0); // no input: it ends
});

test("a fault of the emulator's own ends with a line that says what", async () => {
  const main = path.join(WATCHWORD_EMULATOR, "main.mjs");
  const { status, stderr } = spawnSync(process.execPath, [main, "--flash", "/nowhere", "--bootrom", WATCHWORD_BOOTROM]);
  assert.equal(status, 1);
  assert.match(String(stderr).trimEnd().split("\n").at(-1), /^Error: ENOENT.*nowhere/);
});

boardTest("power cut on demand ends it with status 3", [], async (board) => {
  await board.ask({ do: "cut", after: 100_000 });
  assert.equal(await board.status(), 3);
});

boardTest("the end of its input ends it with status 0", [], async (board) => {
  await board.ask({ do: "counters" });
  board.process.stdin.end();
  assert.equal(await board.status(), 0);
});

for (const signal of ["SIGINT", "SIGHUP"]) {
  boardTest(`${signal} ends it with status 0`, [], async (board) => {
    await board.ask({ do: "counters" }); // it runs
    board.process.kill(signal);
    assert.equal(await board.status(), 0);
  });
}
