import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./board.mjs";
import { chipWithPio, RAM } from "./pio_pair.mjs";

const { I2SMicrophone } = await load("microphone.mjs");
const { Playback } = await load("playback.mjs");

const PIO0 = 0x50200000;
const DMA = 0x50000000;
const [SCK, WS, SD] = [16, 17, 18];
const RATE = 16000;
const RING_BITS = 13;
const RING = RAM + 0x2000;

// One slot of a receiver's is shifted in, the other only clocked through; side-set: WS, SCK.
const side = (bits) => bits << 11;
const RECEIVER = [
  0xe03e | side(0), //         set x, 30    side 0
  0x4001 | side(1), //     l:  in pins, 1   side 1
  0x0041 | side(0), //         jmp x-- l    side 0
  0x4001 | side(3), //         in pins, 1   side 3
  0xe03e | side(2), //         set x, 30    side 2
  0xa042 | side(3), //     r:  nop          side 3
  0x0045 | side(2), //         jmp x-- r    side 2
  0xa042 | side(1), //         nop          side 1
];
const OTHER_SLOT = RECEIVER.map((opcode) => opcode ^ side(2));

/** A chip that receives from a microphone for some seconds; the words in its ring, the oldest first. */
function receive({ program = RECEIVER, seconds = 0.1, pad = 0x56, late = 0, ...options }, prepare) {
  const { chip, pio } = chipWithPio();
  const microphone = new I2SMicrophone(pio, { sck: SCK, ws: WS, sd: SD, playback: new Playback(), ...options });
  const write = (address, value) => chip.writeUint32(address, value >>> 0);
  for (const pin of [SCK, WS, SD]) {
    write(0x40014004 + 8 * pin, 6);
    write(0x4001c004 + 4 * pin, pin === SD ? pad : 0x56);
  }
  program.forEach((opcode, n) => write(PIO0 + 0x48 + 4 * n, opcode));
  write(PIO0 + 0xc8, Math.round((125e6 * 256) / (RATE * 64 * 2)) << 8);
  write(PIO0 + 0xcc, 7 << 12);
  write(PIO0 + 0xd0, (1 << 31) | (1 << 16));
  write(PIO0 + 0xdc, (2 << 29) | (2 << 26) | (SD << 15) | (SCK << 10) | (SCK << 5));
  write(PIO0 + 0xd8, 0xe083);
  write(DMA + 0x00, PIO0 + 0x20);
  write(DMA + 0x04, RING);
  write(DMA + 0x08, 0xffffffff);
  write(DMA + 0x0c, (1 << 21) | (4 << 15) | (1 << 10) | (RING_BITS << 6) | (1 << 5) | (2 << 2) | 1);
  prepare?.(microphone, chip);
  chip.clock.tick(late * 1e9);
  write(PIO0, 1);
  const end = (late + seconds) * 1e9;
  let stops = 0;
  while (chip.clock.nanos < end) {
    chip.clock.tick(Math.min(chip.clock.nanosToNextAlarm, end - chip.clock.nanos));
    stops++;
  }
  const count = 0xffffffff - chip.dma.channels[0].transCount;
  const size = 2 ** RING_BITS / 4;
  const words = Array.from({ length: Math.min(count, size) }, (_, n) => {
    const at = (count - Math.min(count, size) + n) % size;
    return chip.readUint32(RING + 4 * at);
  });
  return { words, count, stops, microphone };
}

const ramp = { rate: RATE, samples: Int16Array.from({ length: RATE }, (_, n) => n - 8000) };
const hear = (sound) => (microphone) => (microphone.playback = new Playback(sound));

test("a ramp arrives sample by sample, in the upper 24 bits, and none is lost", () => {
  const { words, count } = receive({}, hear(ramp));
  assert.ok(Math.abs(count - 0.1 * RATE) <= 1, `${count} words`);
  const samples = words.map((word) => word >> 16);
  assert.ok(words.every((word) => (word & 0xffff) === 0));
  assert.ok(Math.abs(samples.at(-1) - (1599 - 8000)) <= 1, `the last is ${samples.at(-1)}`);
  // The receiver's rate is not exactly the sound's: a sample in many thousands comes twice.
  const steps = samples.slice(1).map((sample, n) => sample - samples[n]);
  assert.ok(steps.slice(1).every((step) => step === 1), "steps of one");
});

test("it does so for longer than the ring, and the machine stops nobody more often than it must", () => {
  const { words, count, stops } = receive({ seconds: 0.6 }, hear(ramp));
  assert.ok(Math.abs(count - 9600) <= 1);
  assert.equal(words.length, 2048);
  assert.ok(stops < 5 * count, `${stops} stops for ${count} words`);
});

test("the right one sends in the other slot", () => {
  const right = receive({ program: OTHER_SLOT, right: true }, hear(ramp)).words;
  assert.ok(right.slice(2).every((word, n) => (word >> 16) - (right[n + 1] >> 16) === 1));
  for (const options of [{ right: true }, { program: OTHER_SLOT }]) {
    const { words } = receive(options, hear({ ...ramp, samples: new Int16Array(RATE).fill(-1) }));
    assert.ok(words.every((word) => word === 0), "silence in the slot that is not its own");
  }
});

test("it lets go of SD where it has nothing to say: a pull shows", () => {
  const { words } = receive({ pad: 0x5a }, hear({ ...ramp, samples: new Int16Array(RATE).fill(0) }));
  assert.equal(words.at(-1) >>> 0, 0xff); // behind 24 zeros
});

test("no sound is silence, and so is the end of one", () => {
  assert.ok(receive({}).words.every((word) => word === 0));
  const four = { rate: RATE, samples: Int16Array.of(1, 2, 3, 4) };
  const { words } = receive({}, ({ playback }) => playback.play(four, 0.05e9));
  const samples = words.map((word) => word >> 16);
  assert.deepEqual(samples.filter((sample) => sample !== 0), [1, 2, 3, 4]);
  assert.ok(Math.abs(samples.indexOf(1) - 0.05 * RATE) <= 1);
});

test("a sound begins with the clock, whenever that is, and by the time of the board", () => {
  for (const [late, origin] of [[0, 0], [0.7, 0], [0.7, 5e9]]) {
    const { words, microphone } = receive({ late, origin }, hear(ramp));
    const samples = words.map((word) => word >> 16);
    assert.ok(samples.findIndex((sample) => sample === -7990) <= 11, `${samples.slice(0, 20)} after ${late} s`);
    assert.ok(microphone.playback.isPlaying(origin + late * 1e9 + 0.99e9));
    assert.ok(!microphone.playback.isPlaying(origin + late * 1e9 + 1.01e9));
  }
});

test("which slot has which sample is always the same, also after a clock that has stopped within a slot", () => {
  const stopped = (microphone, chip) => {
    for (let clock = 0; clock < 10; clock++) {
      for (const level of [1, 0]) {
        chip.clock.tick(488);
        microphone.pinsChanged(level << SCK, 1 << SCK, Math.round(chip.clock.nanos / 8));
      }
    }
  };
  for (const before of [() => {}, stopped]) {
    const { words } = receive({ late: 0.5 }, (microphone, chip) => {
      before(microphone, chip);
      hear(ramp)(microphone);
    });
    assert.equal(words[0] >>> 0, ((-8000 << 16) >>> 0) >>> 1); // this receiver looks a clock too early at first,
    words.slice(1, 1500).forEach((word, k) => assert.equal(word >> 16, k - 8000)); // and again before a sample has passed
  }
});

test("it begins anew with a clock that has paused, unless it was played on command", () => {
  const { chip, pio } = chipWithPio();
  const playback = new Playback(ramp);
  const begun = [];
  playback.begin = (nanos) => begun.push(Math.round(nanos / 1e6));
  const microphone = new I2SMicrophone(pio, { sck: SCK, ws: WS, sd: SD, playback });
  for (const ms of [10, 99, 101, 1, 500]) {
    chip.clock.tick(ms * 1e6);
    microphone.pinsChanged(1 << SCK, 1 << SCK, Math.round(chip.clock.nanos / 8));
  }
  assert.deepEqual(begun, [10, 210, 711]);
  const once = new Playback();
  once.play(ramp, 100e6);
  once.begin(200e6);
  assert.equal(once.sample(100e6), -8000);
});

test("it needs time to start, from the clock's start on", () => {
  for (const late of [0, 0.5]) {
    const { words } = receive({ startup: 83e6, late }, hear({ ...ramp, samples: new Int16Array(RATE).fill(5) }));
    const first = words.findIndex((word) => word !== 0);
    assert.ok(Math.abs(first - 0.083 * RATE) <= 2, `the first is ${first}`);
  }
});

test("what its precision has not is 0", () => {
  const loud = { ...ramp, samples: new Int16Array(RATE).fill(-1) };
  const word = (options) => receive(options, hear(loud)).words.at(-1) >>> 0;
  assert.equal(word({ precision: 18, offset: 0xff }), 0xffffc000);
  assert.equal(word({ precision: 24, offset: 0xff }), 0xffffff00);
});

test("DC is added to what it hears, as far as 24 bits go", () => {
  const sound = { ...ramp, samples: new Int16Array(RATE).fill(-7) };
  const word = (offset) => receive({}, (microphone) => Object.assign(microphone, { playback: new Playback(sound), offset })).words.at(-1);
  assert.equal(word(-1), ((-7 << 8) - 1) << 8 >>> 0);
  assert.equal(word(2 ** 23 - 1) | 0, (2 ** 23 - 1 - 7 * 256) << 8);
  assert.equal(word(-(2 ** 23)) | 0, -(2 ** 31));
});

test("it may be stuck, unplugged, and change sides", () => {
  const state = (changes, options = {}) => receive(options, (microphone) => Object.assign(microphone, { playback: new Playback(loud) }, changes)).words;
  const loud = { ...ramp, samples: new Int16Array(RATE).fill(-1) };
  assert.ok(state({ stuck: 0x123456 }).slice(1).every((word) => word === 0x12345600));
  assert.ok(state({ plugged: false }).every((word) => word === 0), "a pull shows");
  assert.ok(state({ plugged: false }, { pad: 0x5a }).every((word) => word >>> 0 === 0xffffffff));
  assert.ok(state({ right: true }).every((word) => word === 0));
  assert.equal(state({ right: true }, { program: OTHER_SLOT }).at(-1) >>> 0, 0xffff0000);
});
