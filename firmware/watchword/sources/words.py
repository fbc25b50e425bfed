"""What the sources of an I2S microphone share: its words' state, and what they say of the microphone."""

from array import array

from micropython import const

from watchword import Refusal

# Parameters of kernels/microphone.py, written by `make parameters`:
_WORDS = const(14)
_SIZE = const(1)
_GAIN = const(2)
_HIGH = const(3)
_LOW = const(4)
_CLIPPED = const(6)
_LEAST = const(7)
_GREATEST = const(8)
_BITS = const(9)

CLIPPED = const(200)  # of so many samples, one that is too loud is no fault yet


class Words:
    """No property is here, nor in others that take part in hearing: MicroPython looks for one at each assignment to an
    attribute of such a class, which takes an RP2040 a thousand cycles or more.

    state: that of kernels/microphone.py, for a ring of `size` bytes, a power of 2.

    multiplier: the gain, 1 to 65535, 64 for the upper 16 bits (watchword.features.microphone on the host makes one of dB).
    lost: how many samples since `reset` came while the ring was full, as `available` has last seen it. Raises Refusal where
    that cannot be, or sck, ws and sd are no three pins from 0 to `last`.
    """

    kind = "i2s"

    def __init__(self, pins, last, multiplier, size):
        for pin in pins:
            if not isinstance(pin, int) or not 0 <= pin <= last:
                raise Refusal("I2S microphone: %s is no pin: 0 to %d are" % (pin, last))
        sck, ws, sd = pins
        if ws == sck:
            raise Refusal("I2S microphone: WS at GPIO%d, where SCK is: another pin is expected" % ws)
        if sd in (sck, ws):
            raise Refusal(
                "I2S microphone: SD at GPIO%d, where %s is: another pin is expected" % (sd, "SCK" if sd == sck else "WS")
            )
        if not isinstance(multiplier, int) or not 1 <= multiplier <= 65535:
            raise Refusal("I2S microphone: a multiplier of %s: 1 to 65535 is expected" % (multiplier,))
        self.pins = pins
        self.ring = None  # before the first start
        self.state = state = array("i", bytes(4 * _WORDS))
        state[_SIZE] = size
        state[_GAIN] = multiplier
        state[_HIGH] = ((1 << 29) - 8193) // multiplier
        state[_LOW] = -(((1 << 29) + 8192) // multiplier)
        self.turned = False  # whether it listens to the slot that it was not made for
        self.taken = 0  # samples since `fault`
        self.lost = 0
        self.skipped = 0  # samples that `turn` has taken
        self.forget()

    def ring_size(self):
        """Tell how many bytes of the heap the ring takes."""
        return len(self.ring) if self.ring is not None else 0

    def clipped(self):
        """Tell how many samples since `reset` were too loud for this gain."""
        return self.state[_CLIPPED]

    def range(self):
        """Tell the least and the greatest sample since `reset` or `fault`, of 24 bits, DC included; None before the first."""
        least, greatest = self.state[_LEAST], self.state[_GREATEST]
        return None if least > greatest else (least, greatest)

    def fault(self):
        """Return what the samples taken since `reset`, or since this was last asked, say of the microphone, or None.

        "stopped": there were none. "zeros": nobody sends in this slot. "stuck": all are the same. "floating": there are bits
        that no microphone of 24 bits sends. "clipped": one in CLIPPED was too loud for this gain. "channel": it was found in
        the other slot.
        """
        state = self.state
        least, greatest = state[_LEAST], state[_GREATEST]
        bits, clipped = state[_BITS], state[_CLIPPED]  # four at once would be a tuple
        taken = self.taken
        self.taken = 0
        self.forget()
        if least > greatest:
            return "stopped"
        if least == greatest:
            return "stuck" if least or bits else "zeros"
        if bits & 15:  # the upper four: a line may need some clocks to fall
            return "floating"
        if clipped * CLIPPED > taken:
            return "clipped"
        return "channel" if self.turned else None

    def forget(self):
        """What was found about the microphone."""
        state = self.state
        state[_CLIPPED] = state[_BITS] = 0
        state[_LEAST] = 1 << 23
        state[_GREATEST] = -(1 << 23) - 1
