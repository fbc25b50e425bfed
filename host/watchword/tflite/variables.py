"""CALL_ONCE, VAR_HANDLE, READ_VARIABLE and ASSIGN_VARIABLE: what a model remembers from step to step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from watchword.errors import ModelError, UnsupportedError
from watchword.graph import State, Tensor
from watchword.tflite.node import Node, require
from watchword.tflite.tensors import Tensors, text


class Variables:
    """The variables of a file, by container and name, as the walk over its operators meets them."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.handles: dict[int, str] = {}  # tensor index -> name
        self.initial: dict[str, NDArray[np.int8]] = {}
        self.read: dict[str, Tensor] = {}
        self.current: dict[str, Tensor] = {}  # what a read gives now
        self.operations: dict[int, Callable[[Node], None]] = {
            tflite.BuiltinOperator.CALL_ONCE: self._call_once,
            tflite.BuiltinOperator.VAR_HANDLE: self._handle,
            tflite.BuiltinOperator.READ_VARIABLE: self._read,
            tflite.BuiltinOperator.ASSIGN_VARIABLE: self._assign,
        }

    def states(self) -> list[State]:
        """The variables that are read, after the walk. What is only assigned has no effect."""
        return [State(name, read, self.current[name], self.initial[name]) for name, read in self.read.items()]

    def _call_once(self, node: Node) -> None:
        """Its subgraph may only assign constants: the values after a reset."""
        number = node.options(tflite.CallOnceOptions).InitSubgraphIndex()
        require(0 < number < self.model.SubgraphsLength(), f"there is no subgraph {number} that it could run")
        subgraph = self.model.Subgraphs(number)
        tensors = Tensors(self.model, subgraph)
        handles: dict[int, str] = {}
        for i in range(subgraph.OperatorsLength()):
            inner = Node(tensors, subgraph.Operators(i), set())
            if inner.builtin == tflite.BuiltinOperator.VAR_HANDLE:
                handles[_only(inner.outputs)] = _name(inner)
            elif inner.builtin == tflite.BuiltinOperator.ASSIGN_VARIABLE:
                value = tensors.tensor(inner.index(1))
                if value.dtype != np.int8 or value.data is None or value.scale.size != 1:
                    raise UnsupportedError(f"variable {_of(handles, inner)!r} does not start with an int8 constant")
                self.initial[_of(handles, inner)] = value.data.astype(np.int8)
            else:
                raise UnsupportedError(f"its subgraph runs {inner.name}; only variables that start as constants are possible")

    def _handle(self, node: Node) -> None:
        self.handles[_only(node.outputs)] = _name(node)

    def _read(self, node: Node) -> None:
        name, output = _of(self.handles, node), node.output(0)
        if name not in self.initial:
            raise UnsupportedError(f"variable {name!r} has no value to start with")
        require(self.initial[name].shape == output.shape, f"variable {name!r} has the shape {self.initial[name].shape}")
        if name not in self.current:
            self.read[name] = self.current[name] = output
            return
        # Read for a second time, or after it was assigned: the tensor that it has now.
        _require_alike(name, output, self.current[name])
        node.tensors.known[node.outputs[0]] = self.current[name]

    def _assign(self, node: Node) -> None:
        name, value = _of(self.handles, node), node.input(1)
        if name in self.initial:
            require(self.initial[name].shape == value.shape, f"variable {name!r} has the shape {self.initial[name].shape}")
        if name in self.read:
            _require_alike(name, self.read[name], value)
        self.current[name] = value


def _require_alike(name: str, a: Tensor, b: Tensor) -> None:
    """A variable's bytes are copied as they are."""
    if a.shape != b.shape or a.scale[0] != b.scale[0] or a.zero_point != b.zero_point:
        raise UnsupportedError(f"variable {name!r} changes its shape, scale or zero point")


def _of(handles: dict[int, str], node: Node) -> str:
    """The name of the variable that a node reads or assigns."""
    if node.index(0) not in handles:
        raise ModelError("it names no variable")
    return handles[node.index(0)]


def _name(node: Node) -> str:
    options = node.options(tflite.VarHandleOptions)
    container, name = text(options.Container()), text(options.SharedName())
    return f"{container}/{name}" if container else name


def _only(outputs: list[int]) -> int:
    require(len(outputs) == 1, f"{len(outputs)} outputs")
    return outputs[0]
