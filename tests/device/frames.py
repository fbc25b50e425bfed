"""Frames brought to a model's input, Thumb, viper and plain: what the host makes of them, byte for byte."""

import gc
import json
import sys
import time

import micropython

from watchword.kernels import bodies, frames_plain, frames_viper
from watchword.pipelines.pictures import Viewer, stretches
from watchword.sources.frames import FrameSource

SLOW = sys.platform == "rp2"
KERNELS = [frames_plain, frames_viper]
if bodies.dispatch is not None:
    from watchword.kernels import frames_thumb

    KERNELS.append(frames_thumb)


class Program:
    """Takes a picture and has two outputs; nothing runs between them."""

    steps = reset = ()
    mapped = None

    def __init__(self, shape, multiplier=65536, offset=-128):
        self.arena = bytearray(shape[0] * shape[1] * shape[2] + 2 + 32)
        for i in range(len(self.arena)):
            self.arena[i] = 0x5A
        view = memoryview(self.arena)
        self.input, self.output = view[16:-18], view[-18:-16]
        self.description = {
            "kind": "picture",
            "labels": ["no", "yes"],
            "background": ["no"],
            "shape": shape,
            "input": {"multiplier": multiplier, "offset": offset},
            "decision": {"cutoff": 0.6, "window": 1, "refractory": 1.0, "stride": 1},
        }

    def untouched(self):
        return bytes(self.arena[:16]) == bytes(self.arena[-16:]) == b"\x5a" * 16


def cases():
    with open("cases.jsonl") as lines, open("cases.bin", "rb") as content:
        for line in lines:
            width, height, shape, multiplier, offset = json.loads(line)
            frame = content.read(width * height * (1 if shape[2] == 1 else 2))
            at = content.tell()
            yield width, height, shape, multiplier, offset, frame, content
            content.seek(at + shape[0] * shape[1] * shape[2])


def equal(x, content):
    """Whether the content goes on with x, piece by piece, since a chip has no room for both; afterwards it is where it was."""
    begin = content.tell()
    same = all(bytes(x[at : at + 512]) == content.read(min(512, len(x) - at)) for at in range(0, len(x), 512))
    content.seek(begin)
    return same


def show(viewer, frame, rows):
    """Bands of so many rows."""
    size = rows * viewer.pitch
    for at in range(0, len(frame), size):
        band = frame[at : at + size]
        viewer.source.buffer = band
        viewer.source.give(len(band) // viewer.pitch)
        done = viewer.take()
        assert done == (at + size >= len(frame))


def test_every_kernel_equals_the_host():
    for kernels in KERNELS:
        seen = 0
        for width, height, shape, multiplier, offset, frame, content in cases():
            gc.collect()
            if kernels is frames_plain and SLOW and len(frame) > 2000:
                continue
            program = Program(shape, multiplier, offset)
            viewer = Viewer(program, kernels=kernels)
            viewer.begin(FrameSource(None, width, height, viewer.pixel_bytes))
            for rows in (1, 7, height):
                show(viewer, frame, rows)
                assert equal(program.input, content), (kernels.__name__, width, height, shape, rows)
                assert program.untouched()
            seen += 1
        assert seen > 10


def test_weights_of_an_output_add_up():
    for size in (1, 2, 3, 96, 97, 120, 640):
        for outputs in (1, 2, 7, 96, 97):
            table = stretches(size, outputs)
            total = pixels = 0
            for segment in table[1:]:
                total += segment >> 2
                pixels += segment & 1
                if segment & 2:
                    assert total == 256
                    total = 0
            assert pixels == size
            assert total == 0


def test_a_frame_takes_no_memory_and_few_cycles():
    """Of QQVGA, grey, to 96x96."""
    program = Program([96, 96, 1])
    viewer = Viewer(program)
    band = bytearray(9 * 160)
    viewer.begin(FrameSource(band, 160, 120, 1))
    source = viewer.source
    gc.collect()
    micropython.heap_lock()
    try:
        t0 = time.ticks_us()
        for _ in range(13):
            source.give(9)
            viewer.take()
        source.give(3)
        done = viewer.take()
        us = time.ticks_diff(time.ticks_us(), t0)
    finally:
        micropython.heap_unlock()
    assert done
    print("frame to tensor:", us, "us")
    if sys.platform == "rp2":
        import machine

        assert us * (machine.freq() // 1000000) < 1500000, us


def test_what_is_no_picture_or_no_frame_is_refused():
    for change in ({"kind": "sound"}, {"shape": [4, 4, 2]}, {"shape": [4, 5, 1]}, {"shape": [0, 4, 1]}, {"labels": "no"}):
        program = Program([4, 4, 1])
        program.description.update(change)
        try:
            Viewer(program)
        except (ValueError, KeyError):
            continue
        raise AssertionError(change)
    viewer = Viewer(Program([4, 4, 1]))
    for width, height, colours in ((0, 4, 1), (641, 4, 1), (4, -1, 1), (4, 4, 2)):
        try:
            viewer.begin(FrameSource(None, width, height, colours))
        except ValueError:
            continue
        raise AssertionError((width, height, colours))
