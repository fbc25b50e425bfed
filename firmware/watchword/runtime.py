"""Runs a program's steps, in pieces: the app serves the link between two calls of `run`."""

import time

from watchword.kernels import READ, layers


class Runtime:
    """Walks the steps of a loaded program. Nothing is allocated after the start.

    bodies: the kernels by number; None: those of this chip.
    """

    def __init__(self, program, bodies=None):
        self.program = program
        self.arena = program.arena
        if bodies is None:
            bodies = layers.load({s.kernel for s in program.reset + program.steps} - {READ})
        self.begin = [self.bind(step, bodies) for step in program.reset]
        self.steps = [self.bind(step, bodies) for step in program.steps]
        self.step = len(self.steps)
        self.row = 0
        self.reset()

    def bind(self, step, bodies):
        """What `run` needs of a step: kernel, parameters, the buffer of its constants, rows, rows in one go."""
        p = step.parameters
        if step.kernel == READ:
            # The window is made here, since making one allocates.
            return self.read, p, memoryview(self.arena)[p[1] : p[1] + p[2]], 1, 1
        constants = self.arena if step.streamed else self.program.constants
        return bodies[step.kernel], p, constants, step.rows, step.chunk

    def read(self, p, arena, window, first, last):
        """Bring constants from the program's file to the arena."""
        self.program.file.seek(self.program.weights + p[0])
        self.program.file.readinto(window)

    def reset(self):
        """Forget all that was run before: what the model remembers from step to step begins anew."""
        for kernel, parameters, constants, rows, _ in self.begin:
            kernel(parameters, self.arena, constants, 0, rows)

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
            kernel, parameters, constants, rows, chunk = self.steps[self.step]
            row = self.row
            end = min(row + chunk, rows)
            kernel(parameters, arena, constants, row, end)
            if end < rows:
                self.row = end
            else:
                self.row = 0
                self.step += 1
            if time.ticks_diff(time.ticks_ms(), t0) >= ms:
                break
        return self.step >= last
