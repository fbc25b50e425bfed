"""A network: layers as the nodes of a graph, from one input to one output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from watchword.errors import DataError
from watchword.train.layers import Array, Layer, Merge, Part, Shape, Sigmoid, Softmax

Head = Literal["softmax", "sigmoid", "none"]

INPUT = "input"
"""What the input is called among the nodes."""

_BATCH = 64  # clips of a prediction at once


@dataclass(frozen=True)
class Input:
    """What a network takes. shape: of one example, (height, width, channels) or (values,).

    scale, zero_point: of its int8 form, where that is given: real = scale * (q - zero_point). Without a scale the input is real
    numbers, and calibration finds their range.
    """

    shape: Shape
    scale: float | None = None
    zero_point: int = 0

    @classmethod
    def sound(cls, frames: int, channels: int) -> Input:
        """Features of the micro front end: one unit is 1 / 25.6 (as in TFLite Micro), one int8 count 666 / 256 units."""
        return cls((frames, channels, 1), 666 / 256 / 25.6, -128)

    @classmethod
    def picture(cls, height: int, width: int, channels: int) -> Input:
        """Pixels 0..255 (uint8), or those less 128 (int8), brought to -1..1."""
        return cls((height, width, channels), 1 / 128, 0)

    def real(self, inputs: NDArray[Any], dtype: DTypeLike) -> Array:
        """Real numbers (examples, *shape). inputs: int8 or uint8 by the scale, or floats; examples are reshaped if need be.

        DataError: they have another size, or are integers where there is no scale.
        """
        if inputs[:1].size != int(np.prod(self.shape)) * len(inputs[:1]):
            raise DataError(f"the network takes examples of shape {self.shape}, not {inputs.shape[1:]}")
        if np.issubdtype(inputs.dtype, np.floating):
            return inputs.reshape(-1, *self.shape).astype(dtype, copy=False)
        if self.scale is None or inputs.dtype not in (np.int8, np.uint8):
            raise DataError(
                f"the network takes {'floats' if self.scale is None else 'int8, uint8 or floats'}, not {inputs.dtype}"
            )
        zero = self.zero_point + (128 if inputs.dtype == np.uint8 else 0)
        counts = inputs.reshape(-1, *self.shape).astype(dtype)
        counts -= zero
        counts *= self.scale
        return counts


@dataclass(frozen=True, eq=False)
class Node:
    """A layer in a network. inputs: the names of the nodes that it takes. shape: of its output for one example."""

    name: str
    layer: Part
    inputs: tuple[str, ...]
    shape: Shape


class Network:
    """Nodes in an order in which they can be computed; the last one is the output.

    input: what it takes. rng: draws the first weights, in the order in which layers are added. head: what makes predictions of
    the outputs: the softmax of a classifier's logits, the sigmoid of one for yes or no, or nothing. embedding: the node whose
    output stands for what was heard or seen, or empty.
    """

    def __init__(self, input: Input, rng: np.random.Generator, head: Head = "softmax") -> None:
        self.input = input
        self.head: Head = head
        self.embedding = ""
        self.nodes: list[Node] = []
        self._rng = rng

    def add(self, layer: Part, *inputs: str, name: str = "") -> str:
        """Add a layer after some nodes, or after the last one; returns the name of its node.

        name: what the node is called; without one its kind and a number. DataError: the layer does not fit what it takes, or
        the name is one that a node cannot have.
        """
        shapes = {INPUT: self.input.shape} | {node.name: node.shape for node in self.nodes}
        inputs = inputs or (list(shapes)[-1],)
        name = name or f"{layer.kind}_{len(self.nodes)}"
        if name in shapes or "." in name:
            raise DataError(f"{name} cannot name a layer: another one has that name, or there is a dot in it")
        if unknown := [one for one in inputs if one not in shapes]:
            raise DataError(f"{name}: there is no node {unknown[0]} before it, only {', '.join(shapes)}")
        try:
            shape = layer.build([shapes[one] for one in inputs], self._rng)
        except DataError as error:
            raise DataError(f"{name}: {error}") from None
        self.nodes.append(Node(name, layer, inputs, shape))
        return name

    def with_nodes(self, nodes: list[Node]) -> Network:
        """A network of the same input and purpose with other nodes, whose layers are built."""
        other = Network(self.input, self._rng, self.head)
        other.embedding, other.nodes = self.embedding, nodes
        return other

    @property
    def output(self) -> Node:
        """The last node. DataError: there is none."""
        if not self.nodes:
            raise DataError("the network has no layers")
        return self.nodes[-1]

    @property
    def layers(self) -> list[Part]:
        """The layers, in the order of the nodes."""
        return [node.layer for node in self.nodes]

    def consumers(self, name: str) -> list[Node]:
        """The nodes that take the output of one."""
        return [node for node in self.nodes if name in node.inputs]

    def forward(self, inputs: NDArray[Any], training: bool = False) -> Array:
        """Compute outputs (examples, ...) from inputs (examples, ...); with `training`, also keep what `backward` needs.

        Pictures among the outputs are (examples, height, width, channels). The array is a view of a layer's buffer and holds
        until the next pass. DataError: the inputs are not what `Input.real` takes.
        """
        return _outside(self.values(inputs, training)[self.output.name])

    def values(self, inputs: NDArray[Any], training: bool = False) -> dict[str, Array]:
        """Compute all nodes by name, the input among them: each (channels, height, width, examples), or (values, examples)."""
        real = self.input.real(inputs, self.dtype)
        values = {INPUT: _inside(real)}
        for node in self.nodes:
            layer, taken = node.layer, [values[name] for name in node.inputs]
            if isinstance(layer, Merge):
                values[node.name] = layer.forward(taken, training)
            elif isinstance(layer, Layer):
                values[node.name] = layer.forward(taken[0], training)
        return values

    def backward(self, gradient: Array, others: Mapping[str, Array] | None = None) -> None:
        """Backpropagate the gradient of the outputs (examples, ...) through the last training `forward`; sets `gradients`.

        others: gradients of further nodes (examples, ...), of losses that look at an embedding, say. Gradients by what has no
        parameters before it, as the input, are not computed.
        """
        wanted = self._wanted()
        arriving = {name: _inside(part.astype(self.dtype, copy=False)) for name, part in (others or {}).items()}
        arriving[self.output.name] = _inside(gradient.astype(self.dtype, copy=False))
        for node in reversed(self.nodes):
            if node.name not in arriving:  # nothing that counts comes of it
                node.layer.gradients = {name: np.zeros_like(value) for name, value in node.layer.parameters.items()}
                continue
            layer, arrived = node.layer, arriving.pop(node.name)
            if not wanted.intersection(node.inputs):
                if isinstance(layer, Layer):
                    layer.backward_parameters(arrived)
                continue
            leaving = layer.backward(arrived) if isinstance(layer, Layer | Merge) else []
            for name, part in zip(node.inputs, leaving if isinstance(leaving, list) else [leaving], strict=True):
                if name in arriving:
                    total = node.layer.buffer(f"sum {name}", part.shape, part.dtype)
                    arriving[name] = np.add(arriving[name], part, out=total)
                elif name in wanted:
                    arriving[name] = part

    def _wanted(self) -> set[str]:
        """The nodes whose output gradients are of use: parameters are before them, or theirs."""
        wanted: set[str] = set()
        for node in self.nodes:
            if node.layer.parameters or wanted.intersection(node.inputs):
                wanted.add(node.name)
        return wanted

    def predict(self, inputs: NDArray[Any]) -> Array:
        """Predict (examples, outputs) from inputs: what `head` makes of the outputs; probabilities for a softmax."""
        heads: dict[Head, Layer] = {"softmax": Softmax(), "sigmoid": Sigmoid()}
        parts = [np.zeros((0, *self.output.shape), self.dtype)]
        for start in range(0, len(inputs), _BATCH):
            outputs = self.values(inputs[start : start + _BATCH])[self.output.name]
            made = heads[self.head].forward(outputs) if self.head in heads else outputs
            parts.append(_outside(made).copy())
        return np.concatenate(parts)

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """The dtype of parameters, and so of all arrays: float32 at first."""
        return next((value.dtype for _, value in self._named("parameters")), np.dtype(np.float32))

    def astype(self, dtype: DTypeLike) -> Network:
        """Give parameters and state another dtype, float64 to check gradients; returns the network itself."""
        for layer in self.layers:
            for arrays in (layer.parameters, layer.state):
                for name, value in arrays.items():
                    if np.issubdtype(value.dtype, np.floating):
                        arrays[name] = value.astype(dtype)
            layer.gradients = {}
        return self

    def parameters(self) -> dict[str, Array]:
        """Return all parameters as "node.parameter": the arrays themselves, not copies."""
        return dict(self._named("parameters"))

    def gradients(self) -> dict[str, Array]:
        """Return the gradients of the last `backward`, by the names of `parameters`: the arrays themselves, which the next one
        overwrites."""
        return dict(self._named("gradients"))

    def state(self) -> dict[str, Array]:
        """Return what training keeps beside the parameters (running means), by such names: the arrays themselves."""
        return dict(self._named("state"))

    def _named(self, kind: Literal["parameters", "gradients", "state"]) -> Iterator[tuple[str, Array]]:
        for node in self.nodes:
            for name, value in getattr(node.layer, kind).items():
                yield f"{node.name}.{name}", value

    def arrays(self) -> dict[str, Array]:
        """Return copies of all parameters and state, for `restore`."""
        return {name: value.copy() for name, value in (self.parameters() | self.state()).items()}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Load what `arrays` of a network of the same layers returned. KeyError: an array is missing."""
        for name, value in (self.parameters() | self.state()).items():
            value[...] = arrays[name]


def _inside(x: Array) -> Array:
    """(examples, height, width, channels) or (examples, values), as layers have it: examples last, channels first."""
    return np.ascontiguousarray(x.transpose(3, 1, 2, 0) if x.ndim == 4 else x.T)


def _outside(x: Array) -> Array:
    """The reverse of `_inside`, as a view."""
    return x.transpose(3, 1, 2, 0) if x.ndim == 4 else x.T
