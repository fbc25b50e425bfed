"""IMA ADPCM into the ring, viper and plain: the samples are the host's, bit for bit, and nothing is allocated on the way."""

from array import array

import micropython

from watchword.kernels import buffers_plain, buffers_viper
from watchword.sources.link import LinkSource


def samples():
    with open("samples.raw", "rb") as f:
        return f.read()


def decode(body, sound, sizes):
    """Decode in pieces of several sizes, the ring (of 300 bytes) read after each."""
    state = LinkSource(bytearray(4)).adpcm
    ring = bytearray(300)
    out = bytearray()
    head = at = i = 0
    while at < len(sound):
        n = min(sizes[i % len(sizes)], len(sound) - at)
        body.decode_adpcm(sound[at : at + n], n, ring, head, len(ring), state)
        for k in range(4 * n):
            out.append(ring[(head + k) % len(ring)])
        head = (head + 4 * n) % len(ring)
        at += n
        i += 1
    return out


def coded():
    with open("coded.raw", "rb") as f:
        return f.read()


def test_viper_equals_host():
    assert decode(buffers_viper, coded(), (1, 64, 7, 30)) == samples()


def test_plain_equals_host():
    sound = coded()[:3000]
    assert decode(buffers_plain, sound, (1, 64, 7, 30)) == samples()[:12000]


def test_decoding_allocates_nothing_and_a_reset_begins_anew():
    source = LinkSource(bytearray(1024))
    sound = coded()[:100]
    seen = array("h", bytes(400))
    micropython.heap_lock()
    try:
        for _ in range(20):
            source.reset()
            source.write_adpcm(sound, 100)
            source.read(seen, 0, 200)
    finally:
        micropython.heap_unlock()
    assert bytes(seen) == samples()[:400]
    assert source.available() == 0
