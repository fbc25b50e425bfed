"""The ESP32's microphone with a stand-in for MicroPython's driver, which no emulator here has.

It has what the driver of MicroPython 1.25 does by its source: both slots of a frame, buffers of 256 frames of which the oldest
are dropped, and reads that give what is there once it has been polled.
"""

import io
from array import array

import micropython
from standins import imported

from watchword import Refusal
from watchword.kernels import bodies
from watchword.kernels.microphone import STATE, WORDS

BUFFER, BUFFERS = 256, 16
GAIN = 1014


class Clock:
    """Time that passes when the driver is fed."""

    ms = 0

    def ticks_ms():
        return Clock.ms

    def ticks_diff(a, b):
        return a - b


class Pin:
    IN, OUT, PULL_DOWN = 0, 1, 2

    def __init__(self, number, *options):
        if number > 39:
            raise ValueError("invalid pin")
        self.number = number


class I2S(io.IOBase):
    RX, STEREO = 1, 0
    error = None
    last = None

    def __init__(self, number, sck, ws, sd, mode, bits, format, rate, ibuf):
        if I2S.error is not None:
            raise I2S.error
        assert (mode, bits, format, rate, ibuf) == (I2S.RX, 32, I2S.STEREO, 16000, BUFFERS * BUFFER * 8)
        self.pins = sck.number, ws.number, sd.number
        self.polled = self.ended = self.silent = False
        self.first = self.filled = 0  # the oldest frame that is held, and the one that comes next
        I2S.last = self

    def pass_ms(self, ms):
        Clock.ms += ms
        self.filled += 16 * ms
        whole = self.filled - self.filled % BUFFER
        self.first = max(self.first, whole - BUFFERS * BUFFER)

    def ioctl(self, request, argument):
        if request != 3:  # poll
            return -1
        self.polled = True
        return 0

    def readinto(self, buffer):
        assert self.polled, "it would wait"
        whole = self.filled - self.filled % BUFFER
        n = min(len(buffer) // 8, whole - self.first)
        for i in range(n):
            k = 8 * i
            self.put(buffer, k, self.first + i, 0)
            self.put(buffer, k + 4, self.first + i, 1)
        self.first += n
        return 8 * n

    def put(self, buffer, at, number, slot):
        """The word of a frame in a slot: its 24 bits are half the frame's number, or that of one 5 later, as they count up."""
        number += 5 * slot
        buffer[at] = 0
        buffer[at + 1] = 0 if self.silent else number & 255
        buffer[at + 2] = 0 if self.silent else number >> 8 & 255
        buffer[at + 3] = 0

    def deinit(self):
        self.ended = True


class Machine:
    I2S, Pin = I2S, Pin


def module():
    """The module under test, with the stand-ins."""
    machine_i2s = imported("watchword.sources.machine_i2s", Machine)
    machine_i2s.time = Clock
    machine_i2s.check_pin = Pin
    return machine_i2s


def source(**options):
    made = module().MachineI2sSource(26, 25, 33, multiplier=GAIN, **options)
    made.start()
    return made


def expected(first, n):
    """What the kernel makes of n words from one on, from the start of a stream."""
    words = bytearray(4096)
    p = array("i", bytes(4 * WORDS))
    names = [name for name, _ in STATE]
    p[names.index("size")] = len(words)
    p[names.index("gain")] = GAIN
    p[names.index("high")] = ((1 << 29) - 8193) // GAIN
    p[names.index("low")] = -(((1 << 29) + 8192) // GAIN)
    for i in range(n):
        words[4 * i + 1], words[4 * i + 2] = first + i & 255, first + i >> 8 & 255
    samples = array("h", bytes(2 * n))
    bodies.module("microphone").convert(p, words, samples, n << 16)
    return samples


def refused(do, *arguments):
    try:
        do(*arguments)
    except Refusal as error:
        assert len(str(error)) <= 300
        return str(error)
    raise AssertionError("it was taken")


def test_samples_are_the_kernels_of_the_slot_that_is_wanted_over_the_rings_end():
    for right in (False, True):
        s = source(right=right)
        assert I2S.last.pins == (26, 25, 33)
        samples = array("h", bytes(2 * 1000))
        taken = 0
        while taken < 1000:
            I2S.last.pass_ms(17)
            while s.available() >= 40 and taken < 1000:
                s.read(samples, 2 * taken, 40)
                taken += 40
        assert samples == expected(5 if right else 0, 1000)
        assert s.lost == 0
        for i in range(100):  # several times around
            I2S.last.pass_ms(17)
            while s.available() >= 40:
                s.read(samples, 0, 40)
        assert s.lost == 0
        s.stop()


def test_what_is_lost_is_counted_to_within_a_buffer():
    s = source()
    samples = array("h", bytes(640))
    for ms in (100, 250, 400, 3000):
        s.reset()
        before = I2S.last.first
        I2S.last.pass_ms(ms)
        dropped = I2S.last.first - before
        waits = s.available()
        assert waits == min(1024, ms * 16 - ms * 16 % 64) or ms < 250, waits
        assert abs(s.lost - dropped) <= BUFFER, (ms, s.lost, dropped)
        while s.available() >= 320:
            s.read(samples, 0, 320)
    s.stop()


def test_it_turns_to_the_other_slot_and_what_goes_by_is_no_loss():
    s = source()
    I2S.last.pass_ms(64)
    s.turn()
    assert (s.lost, s.skipped) == (0, 1024)
    I2S.last.pass_ms(64)
    assert s.available() == 1024
    samples = array("h", bytes(640))
    s.read(samples, 0, 320)
    assert s.range() == (1024 + 5, 1024 + 5 + 319)
    assert s.fault() == "channel"
    s.stop()


def test_what_is_wrong_with_the_microphone_is_told():
    s = source()
    samples = array("h", bytes(640))
    assert s.fault() == "stopped"
    I2S.last.silent = True
    I2S.last.pass_ms(64)
    s.available()
    s.read(samples, 0, 320)
    assert s.fault() == "zeros"
    s.reset()
    I2S.last.silent = False
    I2S.last.pass_ms(64)
    s.available()
    s.read(samples, 0, 320)
    assert s.fault() is None
    s.stop()


def test_it_stops_and_starts_again():
    s = source()
    driver = I2S.last
    I2S.last.pass_ms(64)
    s.start()
    assert I2S.last is driver
    s.stop()
    s.stop()
    assert driver.ended
    assert s.available() == 0
    s.start()
    assert I2S.last is not driver
    assert s.available() == 0
    I2S.last.pass_ms(16)
    assert s.available() == 256
    s.stop()


def test_what_cannot_be_is_refused_in_a_line():
    made = module().MachineI2sSource
    assert "0 to 48 are" in refused(made, 26, 25, 49)
    assert "WS at GPIO26, where SCK is" in refused(made, 26, 26, 33)
    assert "SD at GPIO25, where WS is" in refused(made, 26, 25, 25)
    assert "1 to 65535" in refused(made, 26, 25, 33, False, 0)
    s = made(26, 25, 33)
    for error in (OSError("ESP_ERR_NO_MEM"), ValueError("invalid pin"), RuntimeError("task")):
        I2S.error = error
        assert str(error) in refused(s.start)
        assert s.available() == 0
    I2S.error = None
    s.start()
    s.stop()


def test_nothing_is_allocated_between_two_events():
    class Driver:  # no stream: MicroPython would make a buffer for each read of one in Python
        def readinto(self, buffer):
            return len(buffer)

    s = source()
    samples = array("h", bytes(640))
    driver, s.driver = s.driver, Driver()
    micropython.heap_lock()
    try:
        for i in range(4):
            assert s.available() >= 320
            s.read(samples, 0, 320)
            s.fault()
    finally:
        micropython.heap_unlock()
        s.driver = driver
    s.stop()
