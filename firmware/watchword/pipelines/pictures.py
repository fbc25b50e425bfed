"""The picture pipeline: source, crop and resize, model, decision, events. Allocates nothing between two frames.

An output pixel is the mean of what its area covers of the frame's middle, in weights of 1/256, down and across one after the
other: the numbers of the host's features/frames.py, bit for bit.
"""

from array import array

from micropython import const

from watchword.kernels import bodies
from watchword.kernels.bodies import addressof
from watchword.presence import Presence
from watchword.runtime import Runtime
from watchword.sources import LONGEST

_kernels = bodies.module("frames")

_TO = const(4)  # words of what frames_thumb takes: where the next row of the input begins,
_DOWN = const(5)  # and the next stretch down
ONE = const(512)  # twice the weight of a whole output: halves are rounded up


def stretches(size, outputs):
    """Plan how `size` pixels become `outputs`: an array 'H' of the number of stretches, then each as weight << 2 | ends.

    A stretch lies in one pixel and one output. ends: 1 where the pixel ends with it, 2 where the output does. The weights of
    an output add up to 256.
    """
    found = array("H", (0,))
    pixel = output = begin = 0
    while output < outputs:
        end = min((pixel + 1) * outputs, (output + 1) * size)  # a pixel is `outputs` long, an output `size`
        before = output * size
        weight = ((end - before) * ONE + size) // (2 * size) - ((begin - before) * ONE + size) // (2 * size)
        pixel_ends, output_ends = end % outputs == 0, end % size == 0
        found.append(weight << 2 | pixel_ends | output_ends << 1)
        pixel += pixel_ends
        output += output_ends
        begin = end
    found[0] = len(found) - 1
    return found


class Viewer:
    """Feeds a program from a source of frames and tells what was seen.

    `begin` starts a stream of frames, `take` brings what waits of one to the model's input; when `take` has said that the model
    runs, `work(ms)` does about `ms` milliseconds of that, and reports in the end. `advance(ms)` is one step of it; when it has
    said that the run has ended, `decision` tells. ms: time of the frame, for its events.
    """

    subject = "pictures"
    span = 0  # no samples are in a run of the model,
    frame_us = None  # and no front end before it

    def __init__(self, program, report=None, kernels=_kernels):
        from watchword import feeds  # which nobody needs once the program is there

        d = program.description
        feeds.picture(d, len(program.input), len(program.output), LONGEST)
        self.labels = d["labels"]
        self.rows, self.columns, self.channels = [int(n) for n in d["shape"]]
        self.program = program
        self.report = report
        self.runtime = Runtime(program)
        self.kernels = kernels
        self.stride = d["decision"]["stride"]
        self.decision = Presence(d["labels"], d["background"], d["decision"]["cutoff"], d["decision"]["window"])
        multiplier, offset = d["input"]["multiplier"], d["input"]["offset"]
        # What each value of a pixel is to the model.
        self.values = bytes([min((v * multiplier + 32768 >> 16) + offset, 127) & 255 for v in range(256)])
        n = self.columns * self.channels
        self.line = array("H", bytes(2 * n))
        self.sums = array("i", bytes(4 * n))
        self.source = None
        self.ms = 0
        self.looking = False  # whether the model runs on a frame
        self.teacher = None  # who knows of taught labels, where there are any
        self.rows_kernel = getattr(kernels, "rows", None)  # of Thumb code, which does all of a band
        if self.rows_kernel is None:
            self.line_kernel = kernels.line_grey if self.channels == 1 else kernels.line_rgb565
            self.to = [memoryview(program.input)[i * n : (i + 1) * n] for i in range(self.rows)]

    @property
    def pixel_bytes(self):
        """Bytes per pixel of the frames that it takes: GREY or RGB565."""
        return 1 if self.channels == 1 else 2

    def begin(self, source):
        """Begin a new stream of frames: nothing is remembered. ValueError: their sides are not supported."""
        width, height = source.width, source.height
        if not 1 <= width <= LONGEST or not 1 <= height <= LONGEST or source.colours != self.pixel_bytes:
            raise ValueError("frames have sides of 1 to %d pixels, and %d bytes in each here" % (LONGEST, self.pixel_bytes))
        across = max(1, min(width, height * self.columns // self.rows))
        down = max(1, min(height, width * self.rows // self.columns))
        self.top, self.bottom = (height - down) // 2, (height - down) // 2 + down
        self.left = (width - across) // 2 * self.pixel_bytes
        self.pitch = width * self.pixel_bytes
        self.table = stretches(across, self.columns)
        self.heights = stretches(down, self.rows)
        self.source = source
        if self.rows_kernel is not None:
            used = (self.table, self.line, self.sums, self.values, self.program.input, self.heights)
            self.places = array("I", [addressof(a) for a in used])
            self.places.extend(array("I", (len(self.sums), self.pitch, self.pixel_bytes)))
            self.first = self.places[_TO], self.places[_DOWN] + 2
        self.count = 0  # frames so far
        self.decision.reset()
        if self.teacher is not None:
            self.teacher.reset()
        self.runtime.reset()
        self.again()

    def again(self):
        """Begin a new frame: its first rows come next."""
        self.row = 0  # of the frame
        for i in range(len(self.sums)):
            self.sums[i] = 0
        if self.rows_kernel is not None:
            self.places[_TO], self.places[_DOWN] = self.first
        else:
            self.output = 0  # row of the input
            self.stretch = 1  # of heights

    def take(self):
        """Bring the rows that wait to the model's input; True when the frame is complete and the model begins to run on it."""
        source = self.source
        rows = source.rows()
        above = max(0, min(rows, self.top - self.row))
        inside = min(rows, self.bottom - self.row) - above
        at = self.left + above * self.pitch
        if inside > 0 and self.rows_kernel is not None:
            self.rows_kernel(self.places, source.buffer, at, inside)
        elif inside > 0:
            for _ in range(inside):
                self.line_kernel(source.buffer, at, self.table, self.line)
                self.spread()
                at += self.pitch
        self.row += rows
        if self.row < source.height:
            return False
        self.again()
        self.count += 1
        if self.count % self.stride:
            return False
        self.runtime.start()
        self.looking = True
        return True

    def spread(self):
        """Add a row of the frame to the rows of the input that it lies in."""
        kernels, heights = self.kernels, self.heights
        n = len(self.sums)
        while True:
            segment = heights[self.stretch]
            self.stretch += 1
            kernels.spread(self.line, self.sums, segment >> 2, n)
            if segment & 2:
                kernels.store(self.sums, self.values, self.to[self.output], n)
                self.output += 1
            if segment & 1:
                break

    def advance(self, ms):
        """Go on with the run of the model for about `ms` milliseconds; True when it has ended and been decided upon."""
        teacher = self.teacher
        if not (self.runtime.run(ms) if teacher is None else teacher.run(self.runtime, ms)):
            return False
        self.decision.update(self.program.output)
        if teacher is not None:
            teacher.update(0)
        return True

    def work(self, ms):
        """Look at a frame for about `ms` milliseconds; True when there is more to do now."""
        if not self.looking:
            return False
        if self.advance(ms):
            self.looking = False
            self.tell()
        return self.looking

    def stop(self):
        """Look no more at a frame that is not seen yet."""
        self.looking = False

    def decisions(self):
        return [self.decision]

    def close(self):
        pass

    def scores(self):
        """The model's outputs, int8."""
        return [v - 256 if v > 127 else v for v in self.program.output]

    def tell(self):
        """Report what the frame shows."""
        at = self.ms / 1000
        scores = self.scores()
        best = scores.index(max(scores))
        self.report("frame", label=self.labels[best], score=round((scores[best] + 128) / 256, 3), time=at)
        self.changes(self.labels, self.decision, at)
        if self.teacher is not None:
            self.changes(self.teacher.taught.words, self.teacher.decision, at, taught=True)

    def changes(self, labels, decision, at, **fields):
        """Report what has come into view, and what has left it."""
        for event, index in (("gone", decision.gone), ("detect", decision.seen)):
            if index >= 0:
                self.report(event, label=labels[index], score=round(decision.score(index), 3), time=at, **fields)
