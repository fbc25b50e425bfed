"""Steps and bytes of a program, once it is decided which constants stay in RAM."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword import embedding
from watchword.compile import memory
from watchword.compile.lower.call import CYCLES_PER_CALL, Call, Parameter
from watchword.compile.program import Program, Step
from watchword.compile.schedule import Place, Schedule
from watchword.compile.simplify import Simplified
from watchword.description import Description
from watchword.features.micro import pack_tables
from watchword.features.tables import CHANNELS
from watchword.graph import Graph, Operation, Tensor
from watchword.kernels import READ

_CHANNELS = 8  # of which a block has a multiple, where it has as many
_PARTS = 64  # in which an operation's weights are read at the most: each costs a step


@dataclass(frozen=True)
class Layer:
    """One operation of the graph in the program: what it takes, and where its output can be read.

    steps: number of the program's steps after which the output stands. offset: of the output in the arena. arena: bytes that
    live while it is computed, work space and weights that were read included. constants: bytes of weights and tables.
    blocks: in how many parts those are read from the program's file; 0: they stay in RAM. order: the channel that lies in each
    place; None: as the graph has them. step: bytes from pixel to pixel, where the output lies inside another tensor; else 0.
    """

    operation: Operation
    steps: int
    offset: int
    arena: int
    constants: int
    blocks: int
    order: NDArray[np.int64] | None = None
    step: int = 0

    @property
    def span(self) -> int:
        """Bytes of the arena from the output's first to its last."""
        output = self.operation.output
        channels = output.shape[-1]
        return (output.size // channels - 1) * self.step + channels if self.step else output.size

    def read(self, span: NDArray[np.int8]) -> NDArray[np.int8]:
        """The output as the graph has it. span: these bytes."""
        shape = self.operation.output.shape
        if self.step:
            span = np.lib.stride_tricks.as_strided(span, (self.operation.output.size // shape[-1], shape[-1]), (self.step, 1))
        return self.restored(span.reshape(shape))

    def stored(self, y: NDArray[np.int8]) -> NDArray[np.int8]:
        """An output, (..., channels) as the graph has it, as it lies in the arena."""
        return y if self.order is None else y[..., self.order]

    def restored(self, y: NDArray[np.int8]) -> NDArray[np.int8]:
        """The other way round."""
        return y if self.order is None else y[..., np.argsort(self.order)]


@dataclass(frozen=True)
class Compiled:
    """A program and its layers.

    graph: what was compiled, its operations in the order of the layers. simplified: how it came about. outputs: where each of
    the graph's outputs begins in the arena after a run. peak: the layer that takes most of the arena.
    """

    program: Program
    graph: Graph
    layers: tuple[Layer, ...]
    simplified: Simplified
    outputs: tuple[int, ...]

    @cached_property
    def content(self) -> bytes:
        """The bytes of its file."""
        return self.program.write()

    @property
    def name(self) -> str:
        return str(self.program.description["name"])

    @property
    def peak(self) -> Layer:
        return max(self.layers, key=lambda layer: layer.arena)

    @property
    def cycles(self) -> int:
        """What one run is expected to take in kernels; 0 for a target whose kernels' times are not known."""
        return sum(step.cycles for step in self.program.steps)

    def stages(self) -> list[tuple[Layer, tuple[Step, ...]]]:
        """The layers, each with the steps that compute it."""
        ends = [layer.steps for layer in self.layers]
        return [
            (layer, self.program.steps[begin:end]) for layer, begin, end in zip(self.layers, [0, *ends], ends, strict=False)
        ]


class _Section:
    """Grows a section of the file; equal parts are kept once, every part starts on eight bytes."""

    def __init__(self) -> None:
        self._grown = bytearray()
        self._known: dict[bytes, int] = {}

    @property
    def content(self) -> bytes:
        return bytes(self._grown)

    def add(self, part: bytes) -> int:
        if part not in self._known:
            self._grown += bytes(-len(self._grown) % memory.ALIGNMENT)
            self._known[part] = len(self._grown)
            self._grown += part
        return self._known[part]


def emit(
    simplified: Simplified,
    description: Description,
    target: str,
    schedule: Schedule,
    background: bytes,
    paged: Collection[int],
    block: int,
) -> Compiled:
    """The program of a schedule of simplified.graph.

    paged: operations, by number, whose constants are read from the file at every run; block: bytes that the arena may grow
    by for that, where it leaves less free.
    """
    graph = dataclasses.replace(simplified.graph, operations=schedule.operations)
    builder = _Builder(schedule)
    for call in schedule.reset:
        builder.add(call)
    begin = len(builder.steps)
    need = memory.need(schedule.blocks)
    layers = []
    for slot, calls in enumerate(schedule.calls):
        operation = graph.operations[slot] if slot < len(graph.operations) else None
        blocks, before = 0, len(builder.steps)
        if operation is not None and slot in paged:
            blocks = builder.page(slot, operation, block)
        else:
            for call in calls:
                builder.add(call)
        if operation is not None:
            size = _room(parts(calls))
            after = len(builder.steps) - begin
            read = max((step.named["size"] for step in builder.steps[before:] if step.kernel is READ), default=0)
            arena = need[slot] + read
            order = schedule.lower.orders.get(operation.output)
            step = schedule.where[operation.output].step
            layers.append(Layer(operation, after, builder.offset(operation.output), arena, size, blocks, order, step))
    outputs = tuple(builder.begin(schedule.given[output.tensor]) for output in graph.outputs)
    program = Program(
        target=target,
        description=description.as_dict() | _shape(graph, description) | _taught(layers, description),
        tables=pack_tables(description.frontend) if _listens(graph, description) else b"",
        reset=tuple(builder.steps[:begin]),
        steps=batched(builder.steps[begin:]),
        constants=builder.constants.content,
        weights=builder.weights.content,
        arena=builder.arena,
        input=(builder.offset(graph.input), graph.input.size),
        output=(outputs[0], graph.output.size),
        background=background,
    )
    return Compiled(program, graph, tuple(layers), simplified, outputs)


def _shape(graph: Graph, description: Description) -> dict[str, Any]:
    """Rows, columns and channels of a picture, which the board brings frames to."""
    return {"shape": list(graph.input.shape[1:])} if description.kind == "picture" else {}


def _taught(layers: Sequence[Layer], description: Description) -> dict[str, Any]:
    """Where the board finds the layer by which taught words are told apart, and whose words they are."""
    if not description.embedding:
        return {}
    layer = layers[embedding.find((layer.operation for layer in layers), description.embedding)]
    shape = embedding.shape(layer.operation.output.shape, description.embedding_parts)
    return {
        "taught": {
            "key": embedding.key(description).hex(),
            "steps": layer.steps,
            "at": layer.offset,
            "step": layer.step or shape.channels,
            **dataclasses.asdict(shape),
            "parts": description.embedding_parts,
            "zero_point": layer.operation.output.zero_point,
            "order": None if layer.order is None else layer.order.tolist(),
        }
    }


def _listens(graph: Graph, description: Description) -> bool:
    """Whether the program is fed by the front end for sound; one that is not carries no tables."""
    return "frontend" in description.tables and graph.input.size % CHANNELS == 0


def parts(calls: Iterable[Call]) -> set[bytes]:
    """The constants of some calls, each once."""
    return {part for call in calls for part in call.constants.values()}


class _Builder:
    """Turns calls into steps, with all addresses in them."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.constants, self.weights = _Section(), _Section()
        self.arena = schedule.plan.size
        self.steps: list[Step] = []

    def offset(self, tensor: Tensor) -> int:
        return self.begin(self.schedule.where[tensor])

    def begin(self, place: Place) -> int:
        return self.schedule.plan.offsets[place.block] + place.begin

    def add(self, call: Call, constants: dict[bytes, int] | None = None) -> None:
        """constants: where each part lies in the arena; None: they go to the constants section."""
        call = self.schedule.lower.timed(call)
        values = dict.fromkeys(call.kernel.fields, 0) | call.parameters
        more = [(record, dict(fields)) for record, fields in call.more]

        def place(parameter: Parameter, offset: int) -> None:
            if isinstance(parameter, str):
                values[parameter] += offset
            else:
                number, field = parameter
                more[number][1][field] += offset

        for parameter, tensor in call.tensors.items():
            place(parameter, self.offset(tensor))
        for parameter, part in call.constants.items():
            place(parameter, self.constants.add(part) if constants is None else constants[part])
        step = self.schedule.where[call.tensors["input"]].step if "input" in call.tensors else 0
        if step:  # only a kernel that takes such steps reads this tensor
            values["input_step"] = step
        parameters = call.kernel.packed(values, more)
        paged = constants is not None
        self.steps.append(Step(call.kernel, call.rows, call.chunk, parameters, paged, 0, call.cycles, call.groupings))

    def page(self, slot: int, operation: Operation, block: int) -> int:
        """An operation whose constants are read into what the arena leaves free, or into `block` bytes that it grows by.

        Returns the number of parts in which they are read.
        """
        schedule = self.schedule
        count = operation.parts
        room = memory.gap(schedule.blocks, schedule.plan, slot)
        whole = _room(parts(schedule.calls[slot]))
        one = -(-whole // count)
        least = whole if count == 1 else min(whole, max(block, one + 64, whole // _PARTS))
        if room[1] < least:  # nowhere: the arena grows, from the last byte that lives now
            begin = max(
                (schedule.plan.offsets[i] + block.room for i, block in enumerate(schedule.blocks) if _lives(block, slot)),
                default=0,
            )
            room = (begin, least)
            self.arena = max(self.arena, begin + least)
        at_once = min(count, max(1, (room[1] - 64) // one)) if whole > room[1] else count
        at_once -= at_once % _CHANNELS if at_once < count and at_once > _CHANNELS else 0
        blocks = range(0, count, at_once)
        for first in blocks:
            calls = schedule.calls[slot]
            if at_once < count:
                calls = self.cut(slot, operation, first, min(first + at_once, count))
            content = b""
            places: dict[bytes, int] = {}
            for part in sorted(parts(calls)):
                content += bytes(-len(content) % memory.ALIGNMENT)
                places[part] = room[0] + len(content)
                content += part
            read = {"input": self.weights.add(content), "output": room[0], "size": len(content)}
            self.add(Call(READ, 1, 1, read))
            for call in calls:
                self.add(call, places if call.constants else None)
        return len(blocks)

    def cut(self, slot: int, operation: Operation, first: int, last: int) -> list[Call]:
        """The calls of an operation for some channels, with the places that were planned for all of them."""
        cuts = self.schedule.cuts
        if (slot, first, last) not in cuts:  # programs that are tried one after another cut alike
            calls = cuts[slot, first, last] = self.schedule.lower(operation, first, last)
            for call, whole in zip(calls, self.schedule.calls[slot], strict=True):
                call.tensors = whole.tensors
        return cuts[slot, first, last]


def batched(steps: list[Step]) -> tuple[Step, ...]:
    """Steps that know how many of those after them may run in the same call, which lasts no longer than one of a layer."""
    batch = [0] * len(steps)
    for i in range(len(steps)):
        total = end = 0
        for other in steps[i:]:
            total += other.cycles
            if not other.cycles or other.chunk < other.rows or total > CYCLES_PER_CALL:
                break
            end += 1
        batch[i] = end if end > 1 else 0
    return tuple(dataclasses.replace(step, batch=n) if n else step for step, n in zip(steps, batch, strict=True))


def _lives(block: memory.Block, step: int) -> bool:
    return block.first <= step <= block.last


def _room(parts: Iterable[bytes]) -> int:
    return sum(-(-len(part) // memory.ALIGNMENT) * memory.ALIGNMENT for part in parts)
