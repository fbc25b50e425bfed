"""Raw tensors to a board and back, and how long its program takes for them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword.board.connection import Connection
from watchword.board.messages import Said
from watchword.compile import Compiled
from watchword.errors import BoardError


@dataclass(frozen=True)
class Timing(Said):
    """us, us_max: least and greatest time of the runs. hz: of the processor, None where it is not known. layers: of each step,
    None where that was not asked. frontend_us: of one frame, None where the program is fed no sound."""

    us: int
    us_max: int
    hz: int | None
    load_ms: int
    layers: tuple[int, ...] | None = None
    frontend_us: int | None = None


@dataclass(frozen=True)
class _Taken(Said):
    """output: bytes of the output tensor; None where the input is not whole yet."""

    output: int | None = None


@dataclass(frozen=True)
class _Part(Said):
    data: bytes


class Tensors(Connection):
    """What a board computes."""

    def run(self, x: NDArray[np.int8], *, until: int | None = None, reset: bool = False) -> NDArray[np.int8]:
        """Run the program on one quantized input; int8 output, flat.

        until: stop after so many steps. reset: what the model remembers of the runs before is forgotten first.
        """
        return self._read(self._start(x, until, reset), output=True)

    def run_outputs(self, compiled: Compiled, x: NDArray[np.int8], *, reset: bool = False) -> list[NDArray[np.int8]]:
        """All outputs of compiled.graph for one input, int8 in their shapes without batch, read where they lie in the arena."""
        self._start(x, None, reset)
        shapes = [output.tensor.shape[1:] for output in compiled.graph.outputs]
        return [self._read(math.prod(shape), at).reshape(shape) for shape, at in zip(shapes, compiled.outputs, strict=True)]

    def _start(self, x: NDArray[np.int8], until: int | None, reset: bool) -> int:
        """Send an input and run; bytes of the (first) output."""
        data = np.ascontiguousarray(x, np.int8).tobytes()
        size = max(3, self.hello.chunk // 3 * 3)
        taken = _Taken()
        for start in range(0, len(data), size):
            fields: dict[str, Any] = {"offset": start, "go": start + size >= len(data), "reset": reset}
            if until is not None:
                fields["until"] = until
            taken = self._ask(_Taken, "run", data[start : start + size], timeout=60.0, **fields)
        return taken.output or 0

    def run_layers(self, compiled: Compiled, x: NDArray[np.int8], *, reset: bool = False) -> list[NDArray[np.int8]]:
        """The output of every operation of compiled.graph for one input, int8 in their shapes, read one by one."""
        outputs = []
        self.run(x, until=0, reset=reset)
        for layer in compiled.layers:
            self.link.request("run", b"", timeout=60.0, go_on=True, until=layer.steps)
            outputs.append(layer.read(self._read(layer.span, layer.offset)))
        self.link.request("run", b"", timeout=60.0, go_on=True)  # what is kept for the next run
        return outputs

    def bench(self, runs: int = 5, layers: bool = False) -> Timing:
        """How long the program takes for one of `runs` runs. layers: also for each step, in a run of their own."""
        return self._ask(Timing, "bench", runs=runs, layers=layers, timeout=60.0 * (runs + 1))

    def _read(self, size: int, base: int = 0, **fields: Any) -> NDArray[np.int8]:
        """Bytes of the arena from `base` on, or with output=True of the output tensor."""
        data = b""
        while len(data) < size:
            asked = min(max(1, self.hello.chunk), size - len(data))
            part = self._ask(_Part, "read", offset=base + len(data), size=asked, **fields).data
            if len(part) != asked:
                raise BoardError(f"{self.target}: its reply to read is damaged, it has {len(part)} of {asked} bytes: try again")
            data += part
        return np.frombuffer(data, np.int8)
