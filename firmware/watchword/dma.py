"""Channels of an RP2 chip's DMA that go on although their program has ended: a soft reset stops none of them."""

import sys

_CHANNELS = {"RP2040": (0x50000444, 12), "RP2350": (0x50000464, 16)}  # CHAN_ABORT, and how many there are


def abort():
    """Stop all channels. To be called before anything is allocated: one may still write into what is the heap again."""
    if sys.platform != "rp2":
        return
    from machine import mem32

    for chip, (register, channels) in _CHANNELS.items():
        if chip in sys.implementation._machine:
            mem32[register] = (1 << channels) - 1
            for i in range(channels):
                while mem32[0x50000010 + 64 * i] & 1 << 24:  # BUSY: a transfer is under way
                    pass
