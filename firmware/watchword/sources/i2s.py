"""An I2S microphone at an RP2 chip: programmable I/O, and DMA into a ring, without interrupts.

Sound goes on while flash is erased and Python collects garbage, as long as the ring lasts: 64 ms for each 4 KB. Not
machine.I2S: it takes 16 % of the processor, and writes beyond its buffer while interrupts are off.
On an RP2350 (not tested) all is the same but for the addresses that are looked up here.
"""

import time
from array import array

import rp2
from machine import Pin, mem32
from micropython import const
from uctypes import addressof

from watchword import Refusal, forget
from watchword.kernels import bodies
from watchword.sources import RATE
from watchword.sources.words import Words

_kernels = bodies.module("microphone")
_arrived = _kernels.arrived
_convert = _kernels.convert

_PIO0 = const(0x50200000)  # PIO1 is 1 MB further; a PIO2 is not used: MicroPython 1.25 has no place for its programs

# Parameters of kernels/microphone.py, written by `make parameters`:
_MARGIN = const(32)
_AT = const(0)
_SIZE = const(1)
_MEAN = const(5)
_WAITING = const(10)
_LOST = const(11)
_LEFT = const(12)
_FEW = const(13)


class _Nothing:
    """In the place of a channel, where there is none."""

    count = 0


_nothing = _Nothing()
_running = []  # sources that DMA writes for: their rings must not be collected


# Side-set: WS, SCK; two instructions for each bit. WS changes with the falling edge before a slot's last bit, and the
# microphone sends the first bit one clock after that.
@rp2.asm_pio(
    sideset_init=(rp2.PIO.OUT_LOW, rp2.PIO.OUT_LOW),
    in_shiftdir=rp2.PIO.SHIFT_LEFT,
    autopush=True,
    push_thresh=32,
    fifo_join=rp2.PIO.JOIN_RX,
)
def _left():
    set(x, 29).side(0b00)
    nop().side(0b01)
    nop().side(0b00)
    label("left")
    in_(pins, 1).side(0b01)
    jmp(x_dec, "left").side(0b00)
    in_(pins, 1).side(0b01)
    set(x, 29).side(0b10)
    in_(pins, 1).side(0b11)
    nop().side(0b10)
    label("right")
    nop().side(0b11)
    jmp(x_dec, "right").side(0b10)
    nop().side(0b11)


_EXECCTRL = const(0xCC)  # of a block's first state machine, 24 bytes for each
_MEMORY = const(0x48)  # its instructions
_WS = const(0x1000)  # in an instruction
_SETTLE = const(400)  # us, more than five frames of the bus
_LARGEST = const(14)  # bits of the size of a ring that the heap has to give room for: a quarter of a second


class I2sSource(Words):
    """A microphone of 24 or fewer bits, 16 kHz, one channel. SCK, WS and SD: numbers of its pins.

    right: its L/R pin is high. multiplier: the gain, 1 to 65535, 64 for the upper 16 bits (watchword.features.microphone on
    the host makes one of dB). bits: the ring has 2^bits bytes, and lies on a multiple of that; None: 14, or what the heap
    gives. Raises Refusal where that cannot be. It hears nothing before `start`, and must be stopped before it is given up.
    While it runs the processor's clock has to stay as it is. `available` and `read` allocate nothing.
    """

    COUNT = (1 << 28) - 1  # transfers before DMA ends by itself: an RP2350 counts no further, and 31 bits need no heap

    def __init__(self, sck, ws, sd, right=False, multiplier=1024, bits=None):
        super().__init__((sck, ws, sd), 29, multiplier, 1 << _LARGEST)
        if ws != sck + 1:
            raise Refusal("I2S microphone: WS at GPIO%d: it has to be the pin after SCK, GPIO%d" % (ws, sck + 1))
        if bits is not None and (not isinstance(bits, int) or not 9 <= bits <= 15):
            raise Refusal("I2S microphone: a ring of 2^%s bytes: 2^9 to 2^15 are expected" % (bits,))
        self.program = list(_left)
        if right:
            self.program[0] = array("H", [instruction ^ _WS for instruction in _left[0]])
        self.bits = bits
        self.dma = _nothing

    def check(self):
        """Refusal: something else drives one of its pins."""
        from watchword.sources.claims import check

        try:
            for pin in self.pins:
                check(pin)
        finally:
            forget("sources.claims")

    def give(self, ring):
        """A ring for what comes: its size is a power of 2, and so it lies."""
        size = len(ring)
        self.ring = ring
        self.state[_SIZE] = size
        self.capacity = (size >> 2) - _MARGIN
        self.pressing = self.capacity >> 2
        self.bits = 0
        while 1 << self.bits < size:
            self.bits += 1

    def prepare(self, small=False):
        """Find a ring. Refusal: the heap has none. small: half as large as it might be, since others need the heap."""
        if self.ring is None:
            from watchword.sources.claims import ring

            try:
                self.give(ring(self.bits, _LARGEST - 1 if small else _LARGEST))
            finally:
                forget("sources.claims")

    def start(self):
        """Begin to hear. What comes in the first tenth of a second is a microphone that starts.

        Raises Refusal where a pin is in use, or no channel of DMA or state machine is free. Does nothing where it has begun.
        """
        if self.dma is not _nothing:
            return
        self.check()
        self.prepare()
        try:
            dma = rp2.DMA()
        except OSError:
            raise Refusal("I2S microphone: all channels of DMA are in use: close one")
        try:
            number = self.number = self._claim()
        except Refusal:
            dma.close()
            raise
        address = addressof(self.ring)
        pio, n = number >> 2, number & 3
        self.control = dma.pack_ctrl(
            size=2, inc_read=False, ring_sel=True, ring_size=self.bits, treq_sel=8 * pio + 4 + n, irq_quiet=True
        )
        dma.config(read=_PIO0 + (pio << 20) + 0x20 + 4 * n, write=address, count=self.COUNT, ctrl=self.control, trigger=True)
        self.dma = dma
        state = self.state
        state[_AT] = state[_MEAN] = state[_WAITING] = 0
        state[_LEFT] = self.COUNT
        state[_FEW] = self.COUNT >> 1
        self.reset()
        _running.append(self)
        self.machine.active(1)

    def _claim(self):
        """Make a free state machine the receiver; its number."""
        sck, _, sd = self.pins
        for number in range(8):
            if not mem32[_PIO0 + (number >> 2 << 20)] >> (number & 3) & 1:  # not enabled
                try:
                    self.machine = rp2.StateMachine(
                        number, self.program, freq=RATE * 64 * 2, sideset_base=Pin(sck), in_base=Pin(sd)
                    )
                except (ValueError, OSError):  # it is another driver's, or there is no room for the program
                    continue
                self.pio = rp2.PIO(number >> 2)
                Pin(sd, Pin.IN, Pin.PULL_DOWN)  # where nobody sends are zeros
                return number
        raise Refusal("I2S microphone: no state machine is free, or none with room for 12 instructions: stop what uses them")

    def stop(self):
        """Hear nothing more, and leave pins, channel and state machine free. The ring stays."""
        if self.dma is _nothing:
            return
        self.machine.active(0)
        self.dma.active(0)  # `close` alone would let it go on, before MicroPython 1.27
        self.dma.close()
        self.pio.remove_program(self.program)
        for pin in self.pins:
            Pin(pin, Pin.IN, None)
        self.dma = _nothing
        self.machine = self.pio = None
        self.state[_WAITING] = self.state[_LEFT] = self.state[_FEW] = 0
        _running.remove(self)

    def reset(self):
        """Forget what waits, what was lost, and what was found about the microphone."""
        if self.ring is not None:
            self.drop()
        self.state[_LOST] = self.lost = self.skipped = 0

    def drop(self):
        """Forget what waits, and what was found about the microphone; how many samples that was."""
        n = self.available()
        state = self.state
        state[_AT] = state[_AT] + 4 * n & (1 << self.bits) - 1
        state[_WAITING] = self.taken = 0
        self.forget()
        return n

    def available(self):
        """Return how many samples wait. Where the ring was full, the oldest are lost."""
        state = self.state
        n = _arrived(state, self.dma.count)
        self.lost = state[_LOST]
        return self._again() if n < 0 else n

    def _again(self):
        """Let DMA count from the beginning again, where it is. The number of samples that wait.

        The state machine's FIFO holds what comes while DMA stands still, for half a millisecond.
        """
        dma, state = self.dma, self.state
        dma.ctrl = self.control & ~1
        _arrived(state, dma.count)
        dma.active(0)
        state[_LEFT] = self.COUNT
        dma.config(count=self.COUNT, ctrl=self.control, trigger=True)
        return state[_WAITING]

    def read(self, samples, at, n):
        """Put the n oldest samples into an array 'h' from byte `at`; the caller has just seen that they are available."""
        _convert(self.state, self.ring, samples, at | n << 16)
        self.taken += n

    def turn(self):
        """Listen to the other slot: the microphone's L/R pin may say so. Its clock goes on."""
        self.turned = not self.turned
        self.program[0] = array("H", [instruction ^ _WS for instruction in self.program[0]])
        if self.dma is _nothing:
            return
        base = _PIO0 + (self.number >> 2 << 20)
        first = mem32[base + _EXECCTRL + 24 * (self.number & 3)] >> 7 & 31  # where it begins, to which it jumps back
        for i, instruction in enumerate(self.program[0]):
            jumps = instruction >> 13 == 0
            mem32[base + _MEMORY + 4 * (first + i)] = instruction + first if jumps else instruction
        time.sleep_us(_SETTLE)
        self.skipped += self.drop()  # a few of which are neither of the one slot nor of the other
