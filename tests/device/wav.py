"""A recording as a microphone, in real time: what is there when, and which files do. Time is a stand-in."""

import os
import struct
from array import array

from standins import Clock

from watchword import Refusal
from watchword.sources import wav

PATH = "wav-test.wav"
N = 8000


def chunk(name, content):
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) & 1)


def file(*chunks):
    content = b"WAVE" + b"".join(chunks)
    with open(PATH, "wb") as f:
        f.write(b"RIFF" + struct.pack("<I", len(content)) + content)


def form(kind=1, channels=1, rate=16000, bits=16, more=b""):
    width = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", kind, channels, rate, width * rate, width, bits) + more)


def counted():
    """Each sample is its number."""
    file(form(), chunk(b"data", bytes(array("h", range(N)))))


def source():
    wav.time = Clock
    Clock.ms = 0
    counted()
    return wav.WavSource(PATH)


def refused():
    try:
        wav.WavSource(PATH)
    except Refusal as error:
        assert len(str(error)) <= 300
        return str(error)
    return None


def test_it_plays_from_its_start_on_as_time_passes():
    s = source()
    Clock.ms = 500
    assert s.available() == 0
    s.start()
    s.reset()
    samples = array("h", bytes(2 * 1600))
    assert s.available() == 0
    for ms in range(100, 900, 100):
        Clock.ms = 500 + ms
        assert s.available() == 1600
        s.read(samples, 0, 1600)
        first = (ms - 100) * 16
        assert list(samples[:3]) == [n if n < N else 0 for n in range(first, first + 3)]
    assert s.lost == 0
    s.file.close()


def test_samples_go_where_they_are_to():
    s = source()
    s.start()
    Clock.ms = 100
    assert s.available() == 1600
    samples = array("h", [-1] * 10)
    s.read(samples, 4, 5)
    assert list(samples) == [-1, -1, 0, 1, 2, 3, 4, -1, -1, -1]
    s.file.close()


def test_after_the_end_there_is_silence_for_ever():
    s = source()
    s.start()
    samples = array("h", [-1] * 320)
    for i in range(500):
        Clock.ms += 20
        assert s.available() == 320, (i, s.available())
        s.read(samples, 0, 320)
    assert not any(samples)
    assert s.lost == 0
    s.file.close()


def test_who_is_late_loses_the_oldest_and_hears_the_rest_at_its_time():
    s = source()
    s.start()
    Clock.ms = 400
    assert s.available() == 4000
    assert s.lost == 6400 - 4000
    samples = array("h", bytes(20))
    s.read(samples, 0, 10)
    assert samples[0] == 2400
    s.reset()
    assert (s.lost, s.available()) == (0, 0)
    s.file.close()


def test_files_that_are_no_such_sound_are_refused_in_a_line():
    sound = chunk(b"data", bytes(20))
    for chunks in (
        (form(channels=2), sound),
        (form(rate=44100), sound),
        (form(bits=8), sound),
        (form(kind=3, bits=32), sound),
        (sound,),
    ):
        file(*chunks)
        assert "16 bits, 16 kHz and one channel" in refused()
    for chunks in ((), (form(),), (form(), b"da")):
        file(*chunks)
        assert "without sound" in refused()
    for content in (b"", b"RIFF", b"fLaC" + bytes(40), b"\0" * 100):
        with open(PATH, "wb") as f:
            f.write(content)
        assert "no WAV file" in refused(), content
    os.remove(PATH)
    assert "ENOENT" in refused()


def test_other_chunks_are_passed_over():
    file(chunk(b"LIST", b"odd"), form(kind=65534, more=bytes(24)), chunk(b"fact", bytes(4)), chunk(b"data", b"\1\0\2\0"))
    assert refused() is None
    s = wav.WavSource(PATH)
    assert s.left == 2
    s.file.close()
    os.remove(PATH)


def test_a_format_that_is_cut_short_is_refused():
    file(chunk(b"fmt ", b"\1\0\1\0"), chunk(b"data", bytes(4)))
    assert refused() is not None
    os.remove(PATH)


def test_sizes_that_a_header_makes_up_do_no_harm():
    source().file.close()
    with open(PATH, "rb") as f:
        content = f.read()
    at = content.index(b"data") + 4
    for size in (0xFFFFFFFF, 0x7FFFFFF0, 2 * N + 2):
        with open(PATH, "wb") as f:
            f.write(content[:at] + struct.pack("<I", size) + content[at + 4 :])
        s = wav.WavSource(PATH)
        assert s.left == N, size
        s.file.close()
    file(form(), b"JUNK" + struct.pack("<I", 0x7FFFFFF0), chunk(b"data", bytes(4)))
    assert "without sound" in refused()
    file(chunk(b"fmt ", bytes(4)), chunk(b"data", bytes(4)))
    assert "16 bits, 16 kHz and one channel" in refused()
    os.remove(PATH)
