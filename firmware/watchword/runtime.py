"""Runs a program's steps, in pieces: the app serves the link between two calls of `run`."""

import time
from array import array

from watchword.kernels import READ, layers, walk

try:
    from uctypes import addressof
except ImportError:  # where there is no Thumb kernel either
    addressof = None


class Runtime:
    """Walks the steps of a loaded program. Nothing is allocated after the start.

    A step is cut into pieces, one after another: its rows in as many goes as the compiler wants. Those of Thumb kernels are
    called by `walk`, which needs no Python between them where the compiler put steps together. The program's steps are not
    needed any more.

    bodies: the kernels by number, as `layers.load` gives them; None: those of this chip.
    """

    def __init__(self, program, bodies=None):
        self.program = program
        self.arena = program.arena
        self.steps = len(program.steps)
        steps = program.reset + program.steps
        if bodies is None:
            bodies = layers.load({s.kernel for s in steps})
        count = sum([-(-s.rows // s.chunk) for s in steps])
        self.calls = [None] * count  # a piece: kernel, parameters, the buffer of its constants, first row, last
        self.records = array("i", bytes(16 * count))  # or what `walk` takes for it; then
        self.ends = array("H", bytes(2 * count))  # the piece behind the last one of the same call
        self.firsts = array("H")  # of each step's pieces: those of the reset come first
        piece = 0
        for i, step in enumerate(steps):
            if i >= len(program.reset):
                self.firsts.append(piece)
            kernel, p, constants, address = self.bind(step, bodies)
            for row in range(0, step.rows, step.chunk):
                last = min(row + step.chunk, step.rows)
                if address:
                    record = array("i", (addressof(p), addressof(constants), last << 16 | row, address))
                    self.records[4 * piece : 4 * piece + 4] = record
                    self.ends[piece] = piece + 1
                    self.calls[piece] = p  # which has to stay, wherever the step goes
                else:
                    self.calls[piece] = kernel, p, constants, row, last
                piece += 1
        self.firsts.append(piece)
        for i, step in enumerate(program.steps):
            first, end = self.firsts[i], self.firsts[min(i + step.together, self.steps)]
            if end - first == step.together > 1 and all(self.ends[j] for j in range(first, end)):
                self.ends[first] = end
        self.piece = piece
        self.reset()

    def bind(self, step, bodies):
        """What calls a step: kernel, parameters, the buffer of its constants, address; 0: `walk` cannot call it."""
        p = step.parameters
        if step.kernel == READ:
            if self.program.mapped:
                fetch, where, _ = self.program.mapped
                return fetch, p, where, fetch(0, 0, 0, 0)
            # The window is made here, since making one allocates.
            return self.read, p, memoryview(self.arena)[p[1] : p[1] + p[2]], 0
        kernel, address = bodies[step.kernel]
        return kernel, p, self.arena if step.streamed else self.program.constants, address

    def read(self, p, arena, window, first, last):
        """Bring constants from the program's file to the arena."""
        self.program.file.seek(self.program.weights + p[0])
        self.program.file.readinto(window)

    def reset(self):
        """Forget all that was run before: what the model remembers from step to step begins anew. Ends a run."""
        self.piece = 0
        while not self.run(1000, 0):
            pass
        self.stop()

    def start(self):
        """Begin a run on what the input window holds now."""
        self.piece = self.firsts[0]

    def stop(self):
        """Leave a run where it is."""
        self.piece = self.firsts[self.steps]

    @property
    def running(self):
        return self.piece < self.firsts[self.steps]

    def run(self, ms, until=None):
        """Go on for about `ms` milliseconds, or up to step `until`; True when there is nothing left to do."""
        t0 = time.ticks_ms()
        arena, records, ends = self.arena, self.records, self.ends
        piece = self.piece
        last = self.firsts[self.steps if until is None else until]
        while piece < last:
            end = ends[piece]
            if end:
                end = min(end, last)
                walk(records, arena, end << 16 | piece)
                piece = end
            else:
                kernel, parameters, constants, row, end = self.calls[piece]
                kernel(parameters, arena, constants, row, end)
                piece += 1
            if time.ticks_diff(time.ticks_ms(), t0) >= ms:
                break
        self.piece = piece
        return piece >= last
