"""Sound from an I2S microphone at the virtual Pico: sample by sample what the host makes of it, and nothing left behind."""

from __future__ import annotations

import json
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.device.repl import Repl
from tests.device.test_device import emulated
from watchword.board.virtual import Controls, Hardware
from watchword.features.microphone import Microphone, multiplier

GAIN = 18.0  # dB
START = f"""
import sys; sys.path.append('/')
import gc, machine, micropython, rp2, time
from array import array
from machine import Pin, mem32
from watchword import Refusal
from watchword.sources import claims, i2s
from watchword.sources.i2s import I2sSource

def source(**options):
    return I2sSource(16, 17, 18, multiplier={multiplier(GAIN)}, **options)

def oldest(s):
    '''The 16 bits that the microphone heard of the oldest sample that waits.'''
    at = s.state[0]
    return s.ring[at + 2] | s.ring[at + 3] << 8

def channels():
    '''How many of DMA are free.'''
    found = []
    try:
        while True:
            found.append(rp2.DMA())
    except OSError:
        pass
    for each in found:
        each.close()
    return len(found)

def hear(s, n):
    '''Take n samples.'''
    taken = array('h', bytes(640))
    while n > 0:
        while s.available() < 320:
            pass
        s.read(taken, 0, 320)
        n -= 320

def refused(act):
    try:
        act()
    except Refusal as error:
        print(error)
    else:
        print('taken')
"""


class Pico:
    """A virtual Pico with a microphone: its REPL, where `START` has run on a fresh heap, and files for sounds."""

    def __init__(self, repl: Repl, folder: Path) -> None:
        self.repl = repl
        self.folder = folder

    def fresh(self) -> None:
        self.repl.soft_reset()
        self.controls.microphone(right=False, offset=0, stuck="no", plugged=True)
        self.play(np.zeros(10))
        self.run(START)

    @property
    def controls(self) -> Controls:
        return Controls(self.repl.transport)

    def play(self, samples: np.ndarray) -> None:
        """The microphone hears samples from now on."""
        path = self.folder / "heard.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes(samples.astype("<i2").tobytes())
        self.controls.play(path)

    def run(self, code: str) -> list[str]:
        out, error = self.repl.run(code, 300)
        assert not error, out + error
        return out.splitlines()


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pico]:
    folder = tmp_path_factory.mktemp("pico")
    with emulated(folder / "pico.img", Hardware(wires=("inmp441:sck=16,ws=17,sd=18",))) as (put, _):
        transport = put({})
        yield Pico(Repl(transport), folder)
        transport.close()


@pytest.fixture
def pico(board: Pico) -> Pico:
    board.fresh()
    return board


RECORD = """
{count}
s = source(right={right})
s.start()
kept = array('h', bytes(2 * 8320))
view = memoryview(kept)
n = i = most = 0
write = {write}
hear(s, 8000)
s.reset()
print('ready')
f = open('written', 'wb')
while n < 8000:
    micropython.heap_lock()
    try:
        while s.available() < 320:
            pass
        s.read(kept, 2 * n, 320)
    finally:
        micropython.heap_unlock()
    if n or any(view[:320]):
        n += 320
        i += 1
        if write and i % 8 == 0:
            f.write(bytes(4096))
            f.flush()
            most = max(most, s.available())
f.close()
s.stop()
print(s.lost, most)
from binascii import hexlify
for at in range(0, 8000, 500):
    print(str(hexlify(view[at:at + 500]), 'ascii'))
"""


@pytest.mark.parametrize(
    ("right", "offset", "write", "count"),
    [(False, 0, False, 0), (True, 0, True, 0), (False, -1_500_000, True, 0), (False, 700_001, False, 3001)],
    ids=["left", "right, while flash is written", "with DC, while flash is written", "where DMA begins to count again"],
)
def test_samples_are_those_of_the_hosts_arithmetic(pico: Pico, right: bool, offset: int, write: bool, count: int) -> None:
    rng = np.random.default_rng(1)
    heard = np.clip(rng.normal(0, 1500, 16000), -32768, 32767).astype(np.int16)
    heard[0] = 9000
    pico.controls.microphone(right=right, offset=offset)
    deadline = pico.repl.begin(
        RECORD.format(right=right, write=write, count=f"I2sSource.COUNT = {count}" if count else ""), 300
    )
    pico.repl.said("ready", deadline)
    pico.play(heard)
    out, error = pico.repl.end(deadline)
    assert not error, out + error
    lines = out.split()
    found = np.frombuffer(bytes.fromhex("".join(lines[2:])), "<i2")
    words = np.clip((np.concatenate([np.zeros(8000, np.int32), heard]) << 8) + offset, -(2**23), 2**23 - 1) << 8
    expected = Microphone(GAIN).process(words.astype(np.int32))[8000:]
    start = int(np.flatnonzero(found)[0])
    assert start < 320
    assert lines[0] == "0"  # lost
    assert int(lines[1]) > 700 or not write  # while flash was erased nobody took any
    assert np.array_equal(found[start:], expected[: len(found) - start])


def test_what_is_lost_when_nobody_reads_is_counted_exactly(pico: Pico) -> None:
    """Each sample of the sound is its number."""
    pico.play(np.arange(65536 * 8).astype(np.int16))
    lines = pico.run("""
s = source(bits=12)
s.start()
hear(s, 3200)
for ms in (10, 100, 700, 1500, 0):
    s.reset()
    while not s.available(): pass
    first = oldest(s)
    time.sleep_ms(ms)
    n = s.available()
    print([ms, n, s.lost, (oldest(s) - first) & 65535])
s.stop()
""")
    rows = [json.loads(line) for line in lines]
    assert [row[0] for row in rows] == [10, 100, 700, 1500, 0]
    for ms, waiting, lost, gap in rows:
        assert lost == gap
        assert waiting == 1024 - 32 if ms > 62 else waiting < 200
        assert abs(waiting + lost - 16 * ms) <= 16


def test_starts_and_stops_leave_nothing_behind(pico: Pico) -> None:
    lines = pico.run("""
def state():
    gc.collect()
    pio = [mem32[0x50200000 + (i << 20)] & 15 for i in range(2)]
    return channels(), pio, [mem32[0x40014004 + 8 * pin] & 31 for pin in (16, 17, 18)], gc.mem_free()
source().start()
i2s._running[0].stop()
s = source()
s.start()  # which makes its ring
s.stop()
print(state())
for i in range(50):
    s.start()
    hear(s, 320)
    s.stop()
print(state())
s = None
gc.collect()
free = gc.mem_free()
for i in range(50):
    s = source(right=bool(i & 1))
    s.start()
    hear(s, 320)
    s.stop()
    s.stop()
print(state())
s = None
gc.collect()
print(free - gc.mem_free())
""")
    before = json.loads(lines[0].replace("(", "[").replace(")", "]"))
    assert before[:3] == [12, [0, 0], [5, 5, 5]]
    for line in lines[1:3]:
        after = json.loads(line.replace("(", "[").replace(")", "]"))
        assert after[:3] == before[:3]
        assert abs(after[3] - before[3]) <= 128  # of 50 starts: not two bytes of each
    assert abs(int(lines[3])) <= 64


def test_nothing_is_written_beside_the_ring_whatever_the_processor_does(pico: Pico) -> None:
    pico.play(np.full(16000 * 60, -1))
    lines = pico.run("""
s = source(bits=13)
canaries = []
try:
    while gc.mem_free() > 20000:
        canaries.append(bytearray(b'\\xa5' * 1024))
    s.start()
    hear(s, 1600)
    masked = machine.disable_irq()
    t = time.ticks_us()
    while time.ticks_us() - t < 700000: pass
    machine.enable_irq(masked)
    gc.collect()
    time.sleep_ms(300)
    s.stop()
    print(len(canaries), all(c == b'\\xa5' * 1024 for c in canaries))
    canaries = None
    gc.collect()
    print(all(s.ring[i] == (0, 0, 255, 255)[i & 3] for i in range(8192)))
finally:
    canaries = None
""")
    assert int(lines[0].split()[0]) > 80
    assert lines[0].split()[1] == "True"
    assert lines[1] == "True"


def test_a_ring_lies_where_it_must_and_takes_no_more_than_its_size(pico: Pico) -> None:
    lines = pico.run("""
from uctypes import addressof
for seed in range(12):
    # A heap with holes.
    some = []
    for i in range(60):
        seed = (seed * 69069 + 12345) & 0x3fffffff
        some.append(bytearray((seed >> 8) % 1500))
    some = some[::2]
    gc.collect()
    free = gc.mem_free()
    ring = claims.aligned(16384)
    gc.collect()
    print(addressof(ring) % 16384, free - gc.mem_free())
    ring = None
some = None
gc.collect()
""")
    for line in lines:
        rest, taken = map(int, line.split())
        assert rest == 0
        assert 16384 <= taken <= 16384 + 128


def test_what_cannot_be_is_refused_in_a_line_and_leaves_nothing_behind(pico: Pico) -> None:
    lines = pico.run("""
refused(lambda: I2sSource(16, 18, 17))
refused(lambda: I2sSource(17, 16, 18))
refused(lambda: I2sSource(16, 17, 17))
refused(lambda: I2sSource(16, 17, 30))
refused(lambda: I2sSource(16, 17, 18, multiplier=0))
refused(lambda: I2sSource(16, 17, 18, bits=16))
print('-')
some = []
try:
    while True: some.append(bytearray(3000))
except MemoryError:
    some = some[::2]
gc.collect()
refused(lambda: claims.aligned(8192))
some = None
gc.collect()
s = source(bits=12)
spi = machine.SPI(0, sck=Pin(18), mosi=Pin(19), miso=Pin(20))
refused(s.start)
spi.deinit()
Pin(18, Pin.IN)
taken = []
try:
    while True: taken.append(rp2.DMA())
except OSError: pass
refused(s.start)
for each in taken: each.close()
@rp2.asm_pio()
def nothing(): nop()
machines = [rp2.StateMachine(i, nothing) for i in range(8)]
for each in machines: each.active(1)
refused(s.start)
for each in machines: each.active(0)
rp2.PIO(0).remove_program(); rp2.PIO(1).remove_program()
@rp2.asm_pio()
def long():
    for i in range(25): nop()
rp2.PIO(0).add_program(long); rp2.PIO(1).add_program(long)
refused(s.start)
rp2.PIO(1).remove_program(long)
print(channels(), mem32[0x50200000] & 15, mem32[0x50300000] & 15)
s.start()
print(s.machine)
other = source(bits=12)
refused(other.start)
s.reset()
hear(s, 3200)
print(s.lost)
s.stop()
refused(lambda: (other.start(), other.stop()))
rp2.PIO(0).remove_program(long)
""")
    expected = [
        "WS at GPIO18: it has to be the pin after SCK, GPIO17",
        "WS at GPIO16: it has to be the pin after SCK, GPIO18",
        "SD at GPIO17, where WS is",
        "30 is no pin",
        "1 to 65535 is expected",
        "2^9 to 2^15 are expected",
        "-",
        "the heap has no free piece of 8192 bytes that begins at a multiple of that",
        "GPIO18 is in use by SPI",
        "all channels of DMA are in use",
        "no state machine is free",
        "no state machine is free",
        "12 0 0",
        "StateMachine",
        "GPIO16 is in use by programmable I/O",
        "0",
        "taken",
    ]
    assert len(lines) == len(expected), lines
    for line, part in zip(lines, expected, strict=True):
        assert part in line
        assert len(line) <= 300


FAULT = """
s.reset()
hear(s, 6400)
seen = s.clipped() > 0, s.range()
print(s.fault(), *seen)
"""


def test_what_is_wrong_with_a_microphone_is_told(pico: Pico) -> None:
    pico.play(np.random.default_rng(2).normal(0, 600, 16000 * 600))
    assert pico.run("s = source(bits=12)\nprint(s.fault(), s.range(), s.available())\ns.start()" + FAULT)[0] == "stopped None 0"
    pico.controls.microphone(right=True)
    assert pico.run(FAULT + FAULT)[1] == "zeros False (0, 0)"
    pico.controls.microphone(right=False, plugged=False)
    assert pico.run(FAULT + FAULT)[1] == "zeros False (0, 0)"
    pico.controls.microphone(plugged=True, stuck=-77)
    assert pico.run(FAULT + FAULT)[1] == "stuck False (-77, -77)"
    pico.controls.microphone(stuck="no")
    assert pico.run(FAULT + FAULT)[1].startswith("None False")
    pico.play(np.random.default_rng(2).normal(0, 9000, 16000 * 600))
    assert pico.run(FAULT + FAULT)[1].startswith("clipped True")
    assert pico.run("Pin(18, Pin.IN, Pin.PULL_UP)" + FAULT)[0].startswith("floating")
    pico.run("s.stop()")


def test_a_channel_that_an_app_before_left_writing_writes_nothing_and_is_stopped(pico: Pico) -> None:
    """MicroPython stops state machines before the heap is another one, so that nobody asks for a transfer; `dma.abort` does the
    rest before anything might make that state machine run again."""
    busy = "from machine import mem32\nprint([mem32[0x50000010 + 64 * i] >> 24 & 1 for i in range(12)].count(1))\n"
    pico.play(np.full(16000 * 60, -1))
    pico.run("s = source(bits=12)\ns.start()\nhear(s, 1600)")
    pico.repl.soft_reset()
    assert pico.run(busy) == ["1"]
    lines = pico.run("""
import gc, time
left = lambda: [mem32[0x50000008 + 64 * i] for i in range(12)]
before = left()
fill = b'\xa5' * 1024
canaries = []
while gc.mem_free() > 8000:
    canaries.append(bytearray(fill))
    gc.collect()
time.sleep_ms(500)
print(len(canaries), all(c == fill for c in canaries), left() == before, max(left()) > 0)
canaries = None
gc.collect()
""")
    count, *rest = lines[0].split()
    assert int(count) > 100  # from the heap's start on, where the ring was
    assert rest == ["True", "True", "True"]
    assert pico.run("import sys; sys.path.append('/')\nfrom watchword import dma\ndma.abort()\n" + busy) == ["0"]


def test_it_takes_less_than_a_hundredth_of_the_processor(pico: Pico) -> None:
    [line] = pico.run("""
s = source()
s.start()
taken = array('h', bytes(640))
def work(n):
    for i in range(n):
        s.available()
        s.read(taken, 0, 320)
def nothing(n):
    for i in range(n):
        pass
us = []
for act in (nothing, work):
    time.sleep_ms(240)
    t = time.ticks_us()
    act(10)
    us.append(time.ticks_diff(time.ticks_us(), t))
s.stop()
print((us[1] - us[0]) * 125 / 3200)
""")
    assert float(line) < 78
