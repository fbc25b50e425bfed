"""An I2S microphone at an ESP32, by MicroPython's own driver. Never run on silicon: tests have a stand-in for that driver.

Its DMA fills buffers of 256 frames, 16 ms, of which it drops the oldest when they are full, and tells nobody; so what was lost
is reckoned from the time. It always receives both slots of a frame: the one that is wanted is picked out here. A poll makes its
reads give what is there and wait for nothing.
"""

import select
import time

import micropython
from machine import I2S, Pin
from micropython import const

from watchword import Refusal
from watchword.board import check_pin
from watchword.kernels import bodies
from watchword.sources import RATE
from watchword.sources.words import Words

_convert = bodies.module("microphone").convert

# Parameters of kernels/microphone.py, written by `make parameters`:
_AT = const(0)
_MEAN = const(5)
_WAITING = const(10)

_LAST = const(48)  # the highest number of a pin that any of these chips has
_FRAME = const(8)  # bytes
_BUFFER = const(256)  # frames of a buffer of the driver,
_BUFFERS = const(16)  # and how many it has: a quarter of a second, 32 KB of memory that is no part of Python's heap
_HELD = const(_BUFFER * _BUFFERS)
_AT_ONCE = const(64)  # frames of one read
_RING = const(1024)  # words


class MachineI2sSource(Words):
    """A microphone of 24 or fewer bits, 16 kHz, one channel. sck, ws and sd: numbers of its pins.

    right: its L/R pin is high. multiplier: the gain, as in sources/words.py. Raises Refusal where that cannot be. It hears
    nothing before `start`. `available` and `read` allocate nothing.
    """

    def __init__(self, sck, ws, sd, right=False, multiplier=1024):
        super().__init__((sck, ws, sd), _LAST, multiplier, 4 * _RING)
        self.slot = 1 if right else 0
        self.driver = None

    def check(self):
        """Refusal: this chip has no such pins."""
        for pin in self.pins:
            check_pin(pin)

    def prepare(self, small=False):
        """Take the heap that it needs."""
        if self.ring is None:
            self.ring = bytearray(4 * _RING)
            self.frames = bytearray(_FRAME * _AT_ONCE)

    def start(self):
        """Begin to hear. Raises Refusal where the driver cannot. Does nothing where it has begun."""
        if self.driver is not None:
            return
        self.check()
        self.prepare()
        sck, ws, sd = self.pins
        try:
            pin = Pin(sd, Pin.IN, Pin.PULL_DOWN)  # where nobody sends are zeros
            driver = I2S(
                0,
                sck=Pin(sck),
                ws=Pin(ws),
                sd=pin,
                mode=I2S.RX,
                bits=32,
                format=I2S.STEREO,
                rate=RATE,
                ibuf=_FRAME * _HELD,
            )
            poller = select.poll()
            poller.register(driver, select.POLLIN)
            poller.poll(0)
        except (OSError, RuntimeError, ValueError) as error:
            raise Refusal("I2S microphone: the driver refuses pins %d, %d and %d: %s" % (sck, ws, sd, error))
        self.driver = driver
        state = self.state
        state[_AT] = state[_MEAN] = state[_WAITING] = 0
        self.behind = 0  # frames that the driver holds, by the time
        self.at = time.ticks_ms()
        self.reset()

    def stop(self):
        """Hear nothing more, and leave the pins free. The ring stays."""
        if self.driver is None:
            return
        self.driver.deinit()
        self.driver = None
        for pin in self.pins:
            Pin(pin, Pin.IN, None)
        self.state[_WAITING] = 0

    def reset(self):
        """Forget what waits, what was lost, and what was found about the microphone."""
        if self.driver is not None:
            self.drop()
        self.lost = self.skipped = 0

    def drop(self):
        """Forget what waits, and what was found about the microphone; how many samples that was."""
        dropped = 0
        while True:
            n = self.available()
            state = self.state
            state[_AT] = state[_AT] + 4 * n & 4 * _RING - 1
            state[_WAITING] = 0
            dropped += n
            if n < _RING - _AT_ONCE:  # the driver had no more
                break
        self.taken = 0
        self.forget()
        return dropped

    def available(self):
        """Return how many samples wait. Where the driver's buffers were full, the oldest are lost."""
        state = self.state
        if self.driver is None:
            return 0
        now = time.ticks_ms()
        behind = self.behind + time.ticks_diff(now, self.at) * (RATE // 1000)
        self.at = now
        if behind > _HELD:
            self.lost += behind - _HELD
            behind = _HELD
        waiting = state[_WAITING]
        while waiting <= _RING - _AT_ONCE:
            n = (self.driver.readinto(self.frames) or 0) // _FRAME
            pick(self.frames, self.slot | n << 1, self.ring, state[_AT] + 4 * waiting)
            waiting += n
            behind -= n
            if n < _AT_ONCE:
                behind = 0  # but for the buffer that is being filled
                break
        self.behind = behind if behind > 0 else 0
        state[_WAITING] = waiting
        return waiting

    def read(self, samples, at, n):
        """Put the n oldest samples into an array 'h' from byte `at`; the caller has seen that they are available."""
        _convert(self.state, self.ring, samples, at | n << 16)
        self.taken += n

    def turn(self):
        """Listen to the other slot: the microphone's L/R pin may say so."""
        self.turned = not self.turned
        self.slot ^= 1
        self.skipped += self.drop()


@micropython.viper
def pick(frames: ptr32, which: int, ring: ptr32, at: int):
    """Append words of one slot to a ring. which: 0 for the left or 1 for the right, + 2 * the number of frames. at: bytes."""
    slot = which & 1
    n = which >> 1
    to = at >> 2
    i = 0
    while i < n:
        ring[to & (int(_RING) - 1)] = frames[i + i + slot]
        to += 1
        i += 1
