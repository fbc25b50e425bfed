"""What a `.tflite` holds, told before anything of it is understood: operations, ends, and how it is quantized.

`tflite.read` refuses by it, and `watchword inspect` shows it of files that cannot be run, too.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import tflite

from watchword.tflite.node import Node
from watchword.tflite.tensors import Tensors, constant_name

Quantization = Literal["int8", "float32", "float16", "dynamic range", "int16", "uint8", "int8 in part", "none"]
"""By what computes: int8; float32, with float16 or int8 weights (dynamic range); int16 activations; uint8, of TensorFlow 1;
int8 beside float; or nothing of these."""

_FULL = "convert it with full-integer quantization: a representative dataset and TFLITE_BUILTINS_INT8"
_TOLD: dict[Quantization, tuple[str, str]] = {
    "float32": ("computes in float32", _FULL),
    "float16": ("computes in float, only its weights are float16", _FULL),
    "dynamic range": ("computes in float, only its weights are int8 (dynamic range quantization)", _FULL),
    "int16": ("has int16 activations (16x8 quantization)", "convert it with int8 ones: TFLITE_BUILTINS_INT8"),
    "int8 in part": ("computes in float in places, which `watchword inspect` lists", _FULL),
}
_RECURRENT = ("LSTM", "RNN", "GRU", "WHILE")
_ENDS_ONLY = (tflite.BuiltinOperator.QUANTIZE, tflite.BuiltinOperator.DEQUANTIZE)
_TYPES = {
    tflite.TensorType.FLOAT32: "float32",
    tflite.TensorType.FLOAT16: "float16",
    tflite.TensorType.INT8: "int8",
    tflite.TensorType.UINT8: "uint8",
    tflite.TensorType.INT16: "int16",
}


@dataclass(frozen=True)
class End:
    """An input or output of the file. type: as the format names it, in lower case."""

    name: str
    shape: tuple[int, ...]
    type: str


@dataclass(frozen=True)
class Survey:
    """operations: how many there are of each, the most frequent first; custom ones by their own names."""

    operations: dict[str, int]
    inputs: tuple[End, ...]
    outputs: tuple[End, ...]
    quantization: Quantization

    @property
    def what(self) -> str:
        """The file in a few words."""
        kind = "integers" if self.quantization == "none" else self.quantization
        told = _TOLD.get(self.quantization, (f"computes in {kind}", ""))
        inputs, outputs = _ends(self.inputs), _ends(self.outputs)
        return f"a .tflite that {told[0]}: {sum(self.operations.values())} operations, {inputs} to {outputs}"

    @property
    def verdict(self) -> tuple[str, str] | None:
        """(what it is, what to do) where its quantization alone says that it cannot be run."""
        return _TOLD.get(self.quantization)


def survey(nodes: list[Node]) -> Survey:
    """nodes: of the first subgraph, in order, at least one."""
    tensors = nodes[0].tensors
    subgraph = tensors.subgraph
    inputs = [int(subgraph.Inputs(i)) for i in range(subgraph.InputsLength())]
    outputs = [int(subgraph.Outputs(i)) for i in range(subgraph.OutputsLength())]
    return Survey(
        dict(Counter(node.name for node in nodes).most_common()),
        tuple(_end(tensors, index) for index in inputs),
        tuple(_end(tensors, index) for index in outputs),
        _quantization(nodes),
    )


def hint(name: str) -> str:
    """What is to be said of an operation that watchword does not have; empty where its name says all."""
    if name.startswith("CUSTOM"):
        if "Flex" in name:
            return "Flex operations are TensorFlow's own: export without SELECT_TF_OPS"
        if "edgetpu" in name:
            return "it is compiled for the Edge TPU: take the file before that"
        if "Detection_PostProcess" in name:
            return "it is an object detector's: export without it"
    if any(word in name for word in _RECURRENT):
        return "recurrent layers are not possible: train one of convolutions"
    return ""


def _quantization(nodes: list[Node]) -> Quantization:
    made = Counter(kind for node in nodes if node.builtin not in _ENDS_ONLY and (kind := _computes_in(node)))
    if made["float32"] + made["float16"] and made["int8"]:
        return "int8 in part"
    if made["float32"] + made["float16"]:
        weights = {kind for node in nodes for index in node.inputs if (kind := _constant(node.tensors, index))}
        return "dynamic range" if "int8" in weights else "float16" if "float16" in weights else "float32"
    kinds: tuple[Quantization, ...] = ("int8", "int16", "uint8")
    most = max(kinds, key=lambda kind: made[kind])
    return most if made[most] else "none"


def _computes_in(node: Node) -> str | None:
    """The type of what an operation makes, where it is one that converters quantize."""
    if node.builtin == tflite.BuiltinOperator.CUSTOM or not node.outputs:
        return None
    return _TYPES.get(node.tensors.type(node.outputs[0]))


def _constant(tensors: Tensors, index: int) -> str | None:
    """The type of a constant; None for what flows."""
    if index < 0:
        return None
    entry = tensors.entry(index)
    buffers = tensors.model.BuffersLength()
    if not 0 <= entry.Buffer() < buffers or tensors.model.Buffers(entry.Buffer()).DataLength() == 0:
        return None
    return _TYPES.get(entry.Type())


def _end(tensors: Tensors, index: int) -> End:
    entry = tensors.entry(index)
    shape = tuple(int(entry.Shape(i)) for i in range(entry.ShapeLength()))
    return End(tensors.name(index), shape, constant_name(tflite.TensorType, tensors.type(index)).lower())


def _ends(ends: tuple[End, ...]) -> str:
    shown = ", ".join(f"{end.type} {'x'.join(map(str, end.shape))}" for end in ends[:3])
    return shown + (f" and {len(ends) - 3} more" if len(ends) > 3 else "") or "nothing"
