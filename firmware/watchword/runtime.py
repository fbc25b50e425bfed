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

    bodies: the kernels by number, as `layers.load` gives them; None: those of this chip.
    """

    def __init__(self, program, bodies=None):
        self.program = program
        self.arena = program.arena
        if bodies is None:
            bodies = layers.load({s.kernel for s in program.reset + program.steps})
        self.begin = [self.bind(step, bodies) for step in program.reset]
        self.steps = [self.bind(step, bodies) for step in program.steps]
        # Steps of Thumb kernels need no Python between them: `walk` calls those that the compiler put together.
        self.records = array("i", bytes(16 * len(self.steps)))
        self.ends = array("H", bytes(2 * len(self.steps)))  # of the stretch that begins with a step; 0: it is called alone
        for i, step in enumerate(program.steps):
            p, constants, rows, _, address = self.steps[i][1:]
            if address:
                self.records[4 * i : 4 * i + 4] = array("i", (addressof(p), addressof(constants), rows << 16, address))
                end = i + step.together
                if step.together > 1 and all(s[5] and s[3] <= s[4] for s in self.steps[i:end]):
                    self.ends[i] = end
        self.step = len(self.steps)
        self.row = 0
        self.reset()

    def bind(self, step, bodies):
        """What `run` needs of a step: kernel, parameters, the buffer of its constants, rows, rows in one go, address."""
        p = step.parameters
        if step.kernel == READ:
            if self.program.mapped:
                fetch, where, _ = self.program.mapped
                return fetch, p, where, 1, 1, fetch(0, 0, 0, 0)
            # The window is made here, since making one allocates.
            return self.read, p, memoryview(self.arena)[p[1] : p[1] + p[2]], 1, 1, 0
        kernel, address = bodies[step.kernel]
        return kernel, p, self.arena if step.streamed else self.program.constants, step.rows, step.chunk, address

    def read(self, p, arena, window, first, last):
        """Bring constants from the program's file to the arena."""
        self.program.file.seek(self.program.weights + p[0])
        self.program.file.readinto(window)

    def reset(self):
        """Forget all that was run before: what the model remembers from step to step begins anew."""
        for kernel, p, constants, rows, _, address in self.begin:
            if address:
                kernel(p, self.arena, constants, rows << 16)
            else:
                kernel(p, self.arena, constants, 0, rows)

    def start(self):
        """Begin a run on what the input window holds now."""
        self.step = 0
        self.row = 0

    @property
    def running(self):
        return self.step < len(self.steps)

    def run(self, ms, until=None):
        """Go on for about `ms` milliseconds, or up to step `until`; True when there is nothing left to do."""
        t0 = time.ticks_ms()
        arena = self.arena
        last = len(self.steps) if until is None else until
        while self.step < last:
            step = self.step
            end = self.ends[step]
            if end and end <= last:
                walk(self.records, arena, end << 16 | step)
                self.step = end
            else:
                kernel, parameters, constants, rows, chunk, address = self.steps[step]
                row = self.row
                end = min(row + chunk, rows)
                if address:
                    kernel(parameters, arena, constants, end << 16 | row)
                else:
                    kernel(parameters, arena, constants, row, end)
                if end < rows:
                    self.row = end
                else:
                    self.row = 0
                    self.step += 1
            if time.ticks_diff(time.ticks_ms(), t0) >= ms:
                break
        return self.step >= last
