"""A graph out of a `.tflite` file: int8 models whose operations watchword has."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from os.path import isdir  # which no name is too long for
from pathlib import Path
from typing import Any

import tflite

from watchword.errors import LONGEST, ModelError, Stop, UnsupportedError
from watchword.graph import End, Graph, Operation, Output, Tensor
from watchword.tflite import foreign, limits
from watchword.tflite.folding import fold
from watchword.tflite.node import Node
from watchword.tflite.operations import OPERATIONS, lookup
from watchword.tflite.refusal import refusal
from watchword.tflite.survey import Survey
from watchword.tflite.survey import survey as survey_of
from watchword.tflite.tensors import Tensors, printable, text
from watchword.tflite.variables import Variables


def read_bytes(path: Path) -> bytes:
    """The bytes of a `.tflite` file. ModelError: it cannot be read, or is something else, and then what."""
    if isdir(path):
        raise ModelError(f"{path}: {foreign.folder(path)}")
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    _require_tflite(content, str(path))
    return content


def _require_tflite(content: bytes, shown: str) -> None:
    if not foreign.is_tflite(content):
        raise ModelError(f"{shown}: {foreign.told(content)}")


def read(path: Path | bytes, name: str | None = None) -> Graph:
    """The graph of a `.tflite` file, given by its path or its bytes.

    name: what messages and the graph call it; the file's stem or the name of the subgraph when not given.
    ModelError: as `read_bytes`, or the file contradicts itself. UnsupportedError: watchword cannot run it; its `stops` are all
    the reasons, each operation with its number, the tensor that it makes and what is wrong.
    """
    shown = name or ("the model" if isinstance(path, bytes) else str(path))
    content = path if isinstance(path, bytes) else read_bytes(path)
    with _reading(content, shown) as reader:
        graph = reader.graph(name or (reader.name() if isinstance(path, bytes) else path.stem))
        if graph is None:
            text = refusal(reader.survey(), reader.stops, LONGEST - len(f"{shown}: "))
            raise UnsupportedError(text, tuple(reader.stops))
        return graph


def survey(content: bytes, name: str) -> Survey:
    """What a `.tflite` file holds, also one that is unsupported. name: as of `read`. ModelError: it is damaged."""
    with _reading(content, name) as reader:
        return reader.survey()


@contextmanager
def _reading(content: bytes, shown: str) -> Iterator[_Reader]:
    """A reader; errors name the file, and those of reading FlatBuffers mean that it is damaged."""
    _require_tflite(content, shown)
    try:
        yield _Reader(content)
    except UnsupportedError as error:
        raise UnsupportedError(f"{shown}: {error}", error.stops or (Stop(str(error)),)) from None
    except ModelError as error:
        raise ModelError(f"{shown}: {error}") from None
    except (struct.error, ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError) as error:
        # FlatBuffers are read without a check beforehand: an offset that points nowhere shows as any of these.
        raise ModelError(f"{shown}: damaged .tflite file; fetch or export it again") from error


class _Reader:
    """The walk over the operators of a file."""

    def __init__(self, data: bytes) -> None:
        self.model: Any = tflite.Model.GetRootAs(data, 0)
        if self.model.SubgraphsLength() == 0:
            raise ModelError("the file holds no model")
        self.subgraph = self.model.Subgraphs(0)
        self.tensors = Tensors(self.model, self.subgraph)
        self.variables = Variables(self.model)
        self.stops: list[Stop] = []
        # The ends of the graph, each known when it is int8 or its QUANTIZE or DEQUANTIZE was met.
        self.input: Tensor | None = None
        self.outputs: dict[int, Tensor] = {}  # by the file's index

    def name(self) -> str:
        return text(self.subgraph.Name()) or "model"

    def nodes(self, made: set[int]) -> list[Node]:
        """The operators. made: the tensors that are computed before the one under way."""
        total = self.subgraph.OperatorsLength()
        if total == 0:
            raise ModelError("the model has no operations")
        return [Node(self.tensors, self.subgraph.Operators(number), made) for number in range(total)]

    def survey(self) -> Survey:
        return survey_of(self.nodes(set()))

    def graph(self, name: str) -> Graph | None:
        """The graph; None where `stops` then tells what hinders it."""
        inputs = [int(self.subgraph.Inputs(i)) for i in range(self.subgraph.InputsLength())]
        outputs = [int(self.subgraph.Outputs(i)) for i in range(self.subgraph.OutputsLength())]
        made = set(inputs)
        nodes = self.nodes(made)
        if len(inputs) != 1:
            self.stops.append(Stop(f"{len(inputs)} inputs where one is possible"))
        if not outputs:
            self.stops.append(Stop("no output"))
        for what, indices in (("input", inputs), ("output", outputs)):
            for index in indices:
                try:
                    if not self._converted(index, what, nodes):
                        end = self.tensors.activation(index)
                        if what == "input":
                            self.input = end
                        else:
                            self.outputs[index] = end
                except UnsupportedError as error:
                    self.stops.append(Stop(str(error), operation=what))
        operations: list[Operation] = []
        for number, node in enumerate(nodes):
            try:
                operations += self._operations(node, inputs, outputs)
            except UnsupportedError as error:
                self.stops.append(Stop(str(error), number, node.name, node.makes, not self._known(node)))
            except ModelError as error:
                raise ModelError(f"operation {Stop(str(error), number, node.name, node.makes)}") from error
            made.update(node.outputs)
        if self.stops:
            return None
        for index in outputs:
            if index not in self.outputs or index not in made:
                raise ModelError(f"no operation makes the output {self.tensors.name(index)!r}")
        if self.input is None:
            raise ModelError(f"no operation takes the input {self.tensors.name(inputs[0])!r}")
        found = [self._output(index) for index in outputs]
        graph = Graph(name, self.input, found[0].tensor, operations, self.variables.states(), self._end(inputs[0]))
        graph.output_type, graph.others = found[0].type, found[1:]
        graph.output_name = found[0].name if found[0].name != found[0].tensor.name else ""
        limits.check(graph)
        return graph

    def _output(self, index: int) -> Output:
        tensor = self.outputs[index]
        # It is another tensor than the file's where a variable that was assigned is read again.
        if index in self.tensors.known and self._end(index) == "int8":
            tensor = self.tensors.known[index]
        return Output(printable(self.tensors.name(index)), tensor, self._end(index))

    def _known(self, node: Node) -> bool:
        """Whether watchword has the operation, in some form; DEQUANTIZE stands at the end of a graph only."""
        return node.builtin in {*OPERATIONS, *self.variables.operations, tflite.BuiltinOperator.DEQUANTIZE}

    def _operations(self, node: Node, inputs: list[int], outputs: list[int]) -> list[Operation]:
        """The operations of the graph for one of the file; none for what is known once it is read."""
        if fold(node):
            return []
        if node.builtin in self.variables.operations:
            self.variables.operations[node.builtin](node)
            return []
        if node.builtin in (tflite.BuiltinOperator.QUANTIZE, tflite.BuiltinOperator.DEQUANTIZE) and len(node.inputs) == 1:
            if self.input is None and node.inputs[0] in inputs and self._end(node.inputs[0]) != "int8":
                return self._first(node)
            end = node.outputs[0] if len(node.outputs) == 1 else -1
            if end in outputs and end not in self.outputs and self._end(end) != "int8":
                return self._last(node)
        if node.builtin not in OPERATIONS:
            raise UnsupportedError("not supported")
        operations = OPERATIONS[node.builtin](node)
        return operations if isinstance(operations, list) else [operations]

    def _end(self, index: int) -> End:
        """The type of a tensor at an end of the graph; all that it is not ready for count as int8, and are refused so."""
        kind = self.tensors.type(index)
        return "uint8" if kind == tflite.TensorType.UINT8 else "float32" if kind == tflite.TensorType.FLOAT32 else "int8"

    def _converted(self, index: int, what: str, nodes: list[Node]) -> bool:
        """Whether an input or output of the file is uint8 or float, and all that stands at it brings it to another type."""
        if self._end(index) == "int8":
            return False
        touching = [node for node in nodes if index in (node.inputs if what == "input" else node.outputs)]
        code = tflite.BuiltinOperator.QUANTIZE
        if what == "output" and self._end(index) == "float32":
            code = tflite.BuiltinOperator.DEQUANTIZE
        if len(touching) != 1 or touching[0].builtin != code:
            return False
        kinds = {self.tensors.type(other) for other in (*touching[0].inputs, *touching[0].outputs)}
        return len(kinds) > 1

    def _first(self, node: Node) -> list[Operation]:
        """QUANTIZE from uint8 or float to int8: the graph starts behind it, or in front of it where uint8 is rescaled."""
        output = node.output(0)
        self.input = output
        if self._end(node.inputs[0]) == "float32":
            return []
        op = lookup("quantize", node.input(0), output)
        if op.is_identity:
            return []
        self.input = op.input
        return [op]

    def _last(self, node: Node) -> list[Operation]:
        """QUANTIZE from int8 to uint8 or DEQUANTIZE: likewise at the other end."""
        input = node.input(0)
        index = node.outputs[0]
        self.outputs[index] = input
        if self._end(index) == "float32":
            return []
        op = lookup("quantize", input, node.output(0))
        if op.is_identity:
            return []
        self.outputs[index] = op.output
        return [op]
