"""What an I2S microphone claims of an RP2 chip before it starts: pins that nobody drives, and a ring. Not needed afterwards."""

import gc
import sys

from machine import mem32
from micropython import const
from uctypes import addressof

from watchword import Refusal

_PIO0 = const(0x50200000)
_GPIO = 0x40028004 if "RP2350" in sys.implementation._machine else 0x40014004  # CTRL of pin 0, 8 bytes for each
_FUNCTIONS = ("", "SPI", "a UART", "I2C", "PWM", "", "programmable I/O", "programmable I/O")
_SIO = const(5)  # the function of a pin of Python's own,
_PIO = const(6)  # of the first block of programmable I/O, the second is 7,
_NONE = const(31)  # and of one that nobody has asked for
_LEAST = const(12)  # bits of the size of a ring, the fewest
_SPARE = const(10240)  # bytes of heap that a ring leaves


def check(pin):
    """Refusal: something else drives a pin."""
    function = mem32[_GPIO + 8 * pin] & 31
    if function in (_SIO, _NONE):
        return
    # A soft reset leaves pins to state machines that it has stopped.
    if function >> 1 == _PIO >> 1 and not mem32[_PIO0 + (function - _PIO << 20)] & 15:
        return
    user = _FUNCTIONS[function] if function < len(_FUNCTIONS) else "another device"
    raise Refusal("I2S microphone: GPIO%d is in use by %s: choose another pin, or switch the board off and on" % (pin, user))


def ring(bits, largest):
    """A ring of 2^bits bytes; without that number the largest, of 2^largest bytes and less, that leaves _SPARE to others."""
    if bits is not None:
        return aligned(1 << bits)
    gc.collect()
    bits = largest
    while True:
        try:
            if gc.mem_free() < (1 << bits) + _SPARE:
                raise Refusal("the heap has %d bytes free: too few for a microphone" % gc.mem_free())
            return aligned(1 << bits)
        except Refusal:
            bits -= 1
            if bits < _LEAST:
                raise


def aligned(size):
    """A bytearray that begins at a multiple of its size, a power of 2. Refusal: the heap has no such piece.

    What lies before the piece is filled for the moment, so that the next one begins where it should.
    """
    filled = [bytearray(16) for _ in range(8)]  # after this, small holes for the heads of arrays
    filled = []
    try:
        while True:
            gc.collect()
            piece = bytearray(size)
            gap = -addressof(piece) % size
            if gap == 0:
                return piece
            piece = None
            gc.collect()
            filled.append(bytearray(gap))
    except MemoryError:
        raise Refusal("the heap has no free piece of %d bytes that begins at a multiple of that: make a smaller ring" % size)
    finally:
        filled = piece = None
        gc.collect()
