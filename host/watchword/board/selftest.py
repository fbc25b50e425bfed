"""Does a board compute what the reference does, and as quickly as the virtual Pico? For boards that nobody has tried yet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from watchword import reference
from watchword.board.bench import Bench, measure
from watchword.board.board import Board
from watchword.board.events import Score
from watchword.chips import named
from watchword.compile import Compiled, compile
from watchword.description import Description
from watchword.features.micro import MicroFrontend, to_int8
from watchword.graph import (
    Add,
    AveragePool2D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Graph,
    Lookup,
    MaxPool2D,
    Mean,
    Multiply,
    Operation,
    Pad,
    Softmax,
    Svdf,
    Tensor,
    Transpose,
)
from watchword.reference import lookup_table
from watchword.shipped import __version__

RECORD = "selftest.json"  # cycles on the virtual Pico, by target and what was measured; `make bench` writes it
_FRAMES, _CHANNELS = 12, 40
_FRONTEND = "front end"
_HEARD = 3  # seconds


@dataclass(frozen=True)
class Check:
    """One kind of layer, or the front end. cycles: None where the board counts none; recorded: on the virtual Pico."""

    name: str
    equal: bool
    cycles: int | None
    recorded: int | None


@dataclass(frozen=True)
class EarTest:
    """What a board's own microphone did for some seconds.

    hears: whether sound came; fault: what is wrong with it, in a line, None: nothing. peaks: the greatest sample of a run of
    the model, 0 to 1, at the least and at the most. busy: share of the processor, 0 to 1. lost: samples that went by unheard.
    """

    hears: bool
    fault: str | None
    peaks: tuple[float, float] | None
    busy: float | None
    lost: int | None

    def lines(self) -> list[str]:
        if not self.hears:
            return [f"microphone it does not hear: {self.fault or 'something else keeps the board busy'}"]
        level = "no run of the model" if self.peaks is None else "peaks of {:.1%} to {:.1%}".format(*self.peaks)
        load = "" if self.busy is None else f"hearing    {self.busy:.1%} of the processor, {self.lost} samples lost"
        return [f"microphone {self.fault or 'no fault'}; {level} of full scale", *([load] if load else [])]


@dataclass(frozen=True)
class SelfTest:
    """What a board did. firmware: its version, and whether its kernels are native. ears: None where it has no microphone."""

    board: str
    firmware: str
    hz: int | None
    heap_free: int
    modelled: str | None
    checks: list[Check]
    ears: EarTest | None = None

    @property
    def passed(self) -> bool:
        heard = self.ears is None or (self.ears.hears and self.ears.fault is None and not self.ears.lost)
        return heard and all(check.equal for check in self.checks)

    def block(self) -> str:
        """All of it as text of a fixed width, to be pasted where others read it."""
        clock = "unknown" if self.hz is None else f"{self.hz / 1e6:g} MHz"
        lines = [
            f"board      {self.board}",
            f"firmware   {self.firmware}, host {__version__}",
            f"clock      {clock}, {self.heap_free} bytes of heap free",
            *([f"virtual    {self.modelled}"] if self.modelled else []),
            "",
            f"{'':14}{'outputs':>10}{'cycles':>10}{'recorded':>10}{'ratio':>8}",
        ]
        for check in self.checks:
            ratio = f"{check.cycles / check.recorded:.3f}" if check.cycles and check.recorded else "-"
            outputs = "equal" if check.equal else "DIFFER"
            lines.append(f"{check.name:14}{outputs:>10}{check.cycles or '-':>10}{check.recorded or '-':>10}{ratio:>8}")
        return "\n".join(lines if self.ears is None else [*lines, "", *self.ears.lines()])


def model() -> tuple[Graph, Description]:
    """A small network with every kind of layer, made by arithmetic alone, so that it is the same for everybody."""
    x = _tensor("input", (1, _FRAMES, _CHANNELS, 1), 0.1, -128)
    conv = _tensor("conv", (1, 6, 20, 8), 0.08, -128)
    depthwise = _tensor("depthwise", (1, 6, 20, 8), 0.1, 3)
    pointwise = _tensor("pointwise", (1, 6, 20, 12), 0.15, -5)
    tanh = _tensor("tanh", (1, 6, 20, 12), 1 / 128, 0)
    add = _tensor("add", (1, 6, 20, 12), 0.16, 4)
    product = _tensor("multiply", (1, 6, 20, 12), 0.1, -1)
    average = _tensor("average_pool", (1, 2, 5, 12), 0.1, -1)
    turned = _tensor("transpose", (1, 5, 2, 12), 0.1, -1)
    padded = _tensor("pad", (1, 6, 2, 12), 0.1, -1)
    greatest = _tensor("max_pool", (1, 3, 2, 12), 0.1, -1)
    mean = _tensor("mean", (1, 12), 0.12, -10)
    svdf = _tensor("svdf", (1, 6), 0.05, 1)
    dense = _tensor("dense", (1, 4), 0.06, 0)
    y = _tensor("softmax", (1, 4), 1 / 256, -128)
    operations: list[Operation] = [
        Conv2D(x, conv, *_parameters(x, conv, (8, 3, 3, 1)), (2, 2), activation="relu"),
        DepthwiseConv2D(conv, depthwise, *_parameters(conv, depthwise, (1, 3, 3, 8))),
        Conv2D(depthwise, pointwise, *_parameters(depthwise, pointwise, (12, 1, 1, 8))),
        Lookup(pointwise, tanh, "tanh", lookup_table("tanh", pointwise, tanh)),
        Add(pointwise, add, tanh),
        Multiply(add, product, tanh),
        AveragePool2D(product, average, (3, 4), (3, 4)),
        Transpose(average, turned, (0, 2, 1, 3)),
        Pad(turned, padded, (0, 1, 0, 0), (0, 0, 0, 0), -1),
        MaxPool2D(padded, greatest, (2, 1), (2, 1)),
        Mean(greatest, mean, (1, 2)),
        _svdf(mean, svdf),
        Dense(svdf, dense, *_parameters(svdf, dense, (4, 6), 0.003)),
        Softmax(dense, y),
    ]
    labels = ("_silence_", "a", "b", "c")
    return Graph("selftest", x, y, operations), Description("selftest", labels, ("_silence_",))


def _tensor(name: str, shape: tuple[int, ...], scale: float, zero_point: int) -> Tensor:
    return Tensor(name, shape, np.dtype(np.int8), np.array([scale], np.float32), zero_point)


def _pattern(size: int, step: int) -> NDArray[np.int64]:
    """Whole numbers from -127 to 127 that repeat late and look like nothing."""
    i = np.arange(size, dtype=np.int64)
    return (i * i * 31 + i * step) % 255 - 127


def _parameters(x: Tensor, y: Tensor, shape: tuple[int, ...], scale: float = 0.01) -> tuple[Tensor, Tensor]:
    """Weights and biases of the layer from x to y."""
    weights = _pattern(int(np.prod(shape)), 73).astype(np.int8).reshape(shape)
    biases = (_pattern(y.shape[-1], 41) * 20).astype(np.int32)
    return (
        Tensor(f"{y.name}/weights", shape, weights.dtype, np.array([scale], np.float32), 0, None, weights),
        Tensor(f"{y.name}/bias", biases.shape, biases.dtype, x.scale * np.float32(scale), 0, None, biases),
    )


def _svdf(x: Tensor, y: Tensor) -> Svdf:
    """Two filters for each unit, over three steps."""
    filters = 2 * y.shape[1]
    features, bias = _parameters(x, y, (filters, x.shape[1]))
    data = (_pattern(filters * 3, 11) * 200).astype(np.int16).reshape(filters, 3)
    time = Tensor("svdf/time", data.shape, data.dtype, np.array([2e-5], np.float32), 0, None, data)
    state = Tensor("svdf/state", (1, filters * 3), np.dtype(np.int16), np.array([0.001], np.float32))
    return Svdf(x, y, features, time, bias, state, rank=2)


def program(target: str) -> Compiled:
    """The program of `model` for a target, with every layer of it."""
    return compile(*model(), named(target), simplify=False)


def selftest(board: Board) -> SelfTest:
    """Run golden inputs through every kind of layer and the front end of a board that runs `program(its target)`."""
    graph, description = model()
    compiled = program(board.hello.target)
    golden = np.stack([_pattern(graph.input.size, 59), np.full(graph.input.size, -128), np.full(graph.input.size, 127)])
    inputs = golden.astype(np.int8).reshape(3, *graph.input.shape[1:])
    expected = reference.run_layers(compiled.graph, inputs)
    equal = [True] * len(graph.operations)
    for i, x in enumerate(inputs):
        for j, output in enumerate(board.run_layers(compiled, x, reset=i == 0)):
            equal[j] &= bool(np.array_equal(output.ravel(), expected[j][i].ravel()))
    layers = {op.output.name: same for op, same in zip(compiled.graph.operations, equal, strict=True)}
    heard = _hears(board, graph, description)
    report = _report(board, layers, heard, measure(board, compiled))
    return report if board.hello.microphone is None else replace(report, ears=_listen(board))


def _listen(board: Board) -> EarTest:
    """What the board's own microphone hears, with the program that runs: after a restart, as the tests before stopped it."""
    if board.hello.mute:
        return EarTest(False, "the board is mute: `watchword mute off` lets it hear", None, None, None)
    board.restart(scratch=True)
    peaks = [event.peak for event in board.hear(scores=True, seconds=_HEARD) if isinstance(event, Score)]
    found = board.hearing()
    if found.source is None:
        return EarTest(False, found.fault, None, None, None)
    load = board.load(_HEARD)
    level = (min(peaks), max(peaks)) if peaks else None
    return EarTest(True, board.hearing().fault, level, 1 - (load.idle + load.measuring) / load.us, load.lost)


def _hears(board: Board, graph: Graph, description: Description) -> bool:
    """Whether a second of sound gives the scores of the reference: front end and model together."""
    samples = (_pattern(16000, 7) * 60).astype(np.int16)
    rows = MicroFrontend(description.frontend).process(np.concatenate([np.zeros(16000, np.int16), samples]))
    window = to_int8(rows[-_FRAMES:], description.input.multiplier).reshape(1, *graph.input.shape[1:])
    return bool(np.array_equal(board.scores(samples), reference.run(graph, window).ravel()))


def _report(board: Board, layers: dict[str, bool], heard: bool, cost: Bench) -> SelfTest:
    recorded = record(board.hello.target)
    checks = [
        Check(layer.name, layers[layer.name], cost.cycles(layer.seconds), recorded.get(layer.name)) for layer in cost.layers
    ]
    assert cost.frontend is not None
    checks.append(Check(_FRONTEND, heard, cost.cycles(cost.frontend), recorded.get(_FRONTEND)))
    hello = board.hello
    kernels = "native" if hello.native else "plain"
    firmware = f"{hello.firmware}, {kernels} kernels"
    return SelfTest(cost.board, firmware, cost.hz, hello.heap_free, cost.modelled, checks)


def record(target: str) -> dict[str, int]:
    """Cycles on the virtual board of a target, without the model of the cache; empty: there is none that counts them."""
    found: dict[str, dict[str, int]] = json.loads(files("watchword.board").joinpath(RECORD).read_text())
    return found.get(target, {})


def write_record(target: str, checks: Sequence[Check]) -> str:
    """The text of a new record."""
    return json.dumps({target: {check.name: check.cycles for check in checks}}, indent=2) + "\n"
