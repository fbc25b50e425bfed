"""Runs a program's steps, in pieces: the app serves the link between two calls of `run`."""

import time

from watchword.kernels.layers import KERNELS


class Runtime:
    """Walks the steps of a loaded program. Nothing is allocated after the start."""

    def __init__(self, program, kernels=KERNELS):
        self.arena = program.arena
        self.constants = program.constants
        self.steps = [(kernels[s.kernel], s.parameters, s.rows, s.chunk) for s in program.steps]
        self.step = len(self.steps)
        self.row = 0

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
        constants = self.constants
        last = len(self.steps) if until is None else until
        while self.step < last:
            kernel, parameters, rows, chunk = self.steps[self.step]
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
