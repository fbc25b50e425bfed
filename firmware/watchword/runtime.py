"""Runs a program's steps, in pieces: the app serves the link between two calls of `run`."""

import time
from array import array

from micropython import const

from watchword.kernels.bodies import addressof, body, dispatch

# Parameters of kernels/movement.py, written by `make parameters`:
_INPUT = const(0)
_OUTPUT = const(1)
_SIZE = const(2)


class Program:
    """A loaded program. `description` is its JSON as a dict, `input` and `output` are int8 windows into the arena.

    reset: steps that make a stream begin anew; steps: one run. Weights that steps read begin at byte `weights` of the file,
    which is open then; or `mapped` is what watchword.flash finds of it. background: where embeddings of background lie in the
    file, offset and bytes. size: bytes of the file.
    """

    def __init__(self, description, tables, reset, steps, constants, arena):
        self.description = description
        self.tables = tables
        self.reset = reset
        self.steps = steps
        self.constants = constants
        self.arena = arena
        self.ram = len(arena) + len(constants) + len(tables)
        self.file = None
        self.mapped = None
        self.weights = 0

    def window(self, at, size):
        """Bytes of the arena."""
        return memoryview(self.arena)[at : at + size]

    def close(self):
        if self.file is not None:
            self.file.close()


class Runtime:
    """Walks the steps of a loaded program. Nothing is allocated after the start.

    A step is cut into pieces, one after another: its rows in as many goes as the compiler wants. Those of Thumb kernels are
    called by `dispatch`, which needs no Python between them where the compiler batches steps. The program's steps are not
    needed any more.

    body: gives what computes a kernel, by its number; by default the fastest on this chip.
    """

    def __init__(self, program, body=body):
        self.program = program
        self.arena = program.arena
        self.steps = len(program.steps)
        steps = program.reset + program.steps
        bodies = {number: body(number) for number in {step.kernel for step in steps if step.name != "read"}}
        count = sum([-(-s.rows // s.chunk) for s in steps])
        self.calls = [None] * count  # a piece: body, parameters, the buffer of its constants, rows
        self.records = array("i", bytes(16 * count))  # or what `dispatch` takes for it; then
        self.ends = array("H", bytes(2 * count))  # the piece behind the last one of the same call
        self.firsts = array("H")  # of each step's pieces: those of the reset come first
        piece = 0
        for i, step in enumerate(steps):
            if i >= len(program.reset):
                self.firsts.append(piece)
            function, p, constants, address = self.bind(step, bodies)
            for row in range(0, step.rows, step.chunk):
                rows = min(row + step.chunk, step.rows) << 16 | row
                if address:
                    record = array("i", (addressof(p), addressof(constants), rows, address))
                    self.records[4 * piece : 4 * piece + 4] = record
                    self.ends[piece] = piece + 1
                    self.calls[piece] = p  # which has to stay, wherever the step goes
                else:
                    self.calls[piece] = function, p, constants, rows
                piece += 1
        self.firsts.append(piece)
        for i, step in enumerate(program.steps):
            first, end = self.firsts[i], self.firsts[min(i + step.batch, self.steps)]
            if end - first == step.batch > 1 and all(self.ends[j] for j in range(first, end)):
                self.ends[first] = end
        self.piece = self.end = piece  # end: behind the last of all
        self.reset()

    def bind(self, step, bodies):
        """What calls a step: body, parameters, the buffer of its constants, address; 0: `dispatch` cannot call it."""
        p = step.parameters
        if step.name == "read":
            if self.program.mapped:
                read, where, _ = self.program.mapped
                return read, p, where, read(0, 0, 0, 0)
            # The window is made here, since making one allocates.
            return self.read, p, memoryview(self.arena)[p[_OUTPUT] : p[_OUTPUT] + p[_SIZE]], 0
        function, address = bodies[step.kernel]
        return function, p, self.arena if step.paged else self.program.constants, address

    def read(self, p, arena, window, rows):
        """Bring constants from the program's file to the arena: the body of READ for chips on which flash cannot be read."""
        self.program.file.seek(self.program.weights + p[_INPUT])
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
                if end > last:
                    end = last
                dispatch(records, arena, end << 16 | piece)
                piece = end
            else:
                function, p, constants, rows = self.calls[piece]
                function(p, arena, constants, rows)
                piece += 1
            if time.ticks_diff(time.ticks_ms(), t0) >= ms:
                break
        self.piece = piece
        return piece >= last
