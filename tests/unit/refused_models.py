"""Files that cannot be run: `.tflite` models of the kinds that people have, made of a small int8 one, and what is none."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import ai_edge_litert.schema_py_generated as schema
import numpy as np
from tests.unit.litert import changed

from watchword.graph import Conv2D, Dense, Graph, Reshape, Softmax, Tensor

Change = Callable[[schema.ModelT], None]
CONV, RESHAPE, DENSE, SOFTMAX = range(4)
TYPES = schema.TensorType


def small() -> Graph:
    """A picture classifier of 12 x 12 pixels: a convolution, a dense layer, softmax."""

    def flowing(name: str, shape: tuple[int, ...], scale: float = 0.1, zero_point: int = 0) -> Tensor:
        return Tensor(name, shape, np.dtype(np.int8), np.array([scale], np.float32), zero_point)

    def weights(name: str, shape: tuple[int, ...]) -> Tensor:
        data = (np.arange(np.prod(shape)) % 11 - 5).astype(np.int8).reshape(shape)
        return Tensor(name, shape, np.dtype(np.int8), np.array([0.01], np.float32), data=data)

    x, y, flat = flowing("x", (1, 12, 12, 1)), flowing("y", (1, 5, 5, 2)), flowing("flat", (1, 50))
    z, scores = flowing("z", (1, 3)), flowing("scores", (1, 3), 1 / 256, -128)
    operations = [
        Conv2D(x, y, weights("cw", (2, 4, 4, 1)), None, (2, 2), (1, 1), "valid", "none"),
        Reshape(y, flat),
        Dense(flat, z, weights("dw", (3, 50)), None),
        Softmax(z, scores),
    ]
    return Graph("small", x, scores, operations)


_FLOWING = ("x", "y", "flat", "z", "scores")


def typed(activations: int, weights: int | None = None) -> Change:
    """All activations of another type, and the weights. Their values mean nothing."""

    def change(model: schema.ModelT) -> None:
        for tensor in model.subgraphs[0].tensors:
            name = tensor.name.decode()
            if name in _FLOWING:
                tensor.type = activations
            elif name in ("cw", "dw") and weights is not None:
                tensor.type = weights
                size = {TYPES.FLOAT32: 4, TYPES.FLOAT16: 2}.get(weights, 1)
                model.buffers[tensor.buffer].data = np.zeros(size * int(np.prod(tensor.shape)), np.uint8)

    return change


def operation(number: int, code: int, custom: str | None = None) -> Change:
    """Another operation in an operation's place."""

    def change(model: schema.ModelT) -> None:
        made = schema.OperatorCodeT()
        made.builtinCode, made.deprecatedBuiltinCode, made.version = code, min(code, 127), 1
        made.customCode = custom
        model.operatorCodes.append(made)
        model.subgraphs[0].operators[number].opcodeIndex = len(model.operatorCodes) - 1

    return change


def custom(number: int, name: str) -> Change:
    return operation(number, schema.BuiltinOperator.CUSTOM, name)


def in_part(model: schema.ModelT) -> None:
    """Only the softmax computes in float."""
    for tensor in model.subgraphs[0].tensors:
        if tensor.name in (b"z", b"scores"):
            tensor.type = TYPES.FLOAT32


def both(*changes: Change) -> Change:
    def change(model: schema.ModelT) -> None:
        for each in changes:
            each(model)

    return change


def repeated(number: int, times: int, codes: tuple[int, ...]) -> Change:
    """Many more operations that watchword does not have, in turn."""

    def change(model: schema.ModelT) -> None:
        operators = model.subgraphs[0].operators
        for i in range(times):
            operation(number, codes[i % len(codes)])(model)
            copy = schema.OperatorT()
            copy.opcodeIndex, copy.inputs, copy.outputs = (
                len(model.operatorCodes) - 1,
                operators[number].inputs,
                operators[number].outputs,
            )
            operators.append(copy)

    return change


def outputs(*numbers: int) -> Change:
    """What some operations make is the output, as of an object detector."""

    def change(model: schema.ModelT) -> None:
        subgraph = model.subgraphs[0]
        subgraph.outputs = [subgraph.operators[number].outputs[0] for number in numbers]

    return change


OPS = schema.BuiltinOperator
MANY = (
    *(OPS.GATHER, OPS.COS, OPS.SIN, OPS.EXP, OPS.LOG, OPS.SQRT, OPS.RSQRT, OPS.SELECT, OPS.TILE, OPS.WHERE, OPS.ROUND),
    *(OPS.NON_MAX_SUPPRESSION_V4, OPS.REVERSE_SEQUENCE, OPS.LOCAL_RESPONSE_NORMALIZATION, OPS.RANK),
)

MODELS: dict[str, tuple[Change, str, tuple[str, ...]]] = {
    "float32": (typed(TYPES.FLOAT32, TYPES.FLOAT32), "float32", ("float32", "full-integer quantization")),
    "float16": (typed(TYPES.FLOAT32, TYPES.FLOAT16), "float16", ("float16", "full-integer quantization")),
    "dynamic range": (typed(TYPES.FLOAT32), "dynamic range", ("only its weights are int8", "full-integer quantization")),
    "int16": (typed(TYPES.INT16), "int16", ("int16 activations", "TFLITE_BUILTINS_INT8")),
    "float LSTM": (
        both(typed(TYPES.FLOAT32, TYPES.FLOAT32), operation(RESHAPE, OPS.UNIDIRECTIONAL_SEQUENCE_LSTM)),
        "float32",
        ("float32", "full-integer quantization", "it has UNIDIRECTIONAL_SEQUENCE_LSTM, which watchword lacks"),
    ),
    "LSTM": (operation(RESHAPE, OPS.UNIDIRECTIONAL_SEQUENCE_LSTM), "int8", ("SEQUENCE_LSTM", "recurrent")),
    "RNN": (operation(RESHAPE, OPS.RNN), "int8", ("RNN", "recurrent")),
    "Flex": (custom(RESHAPE, "FlexErf"), "int8", ("FlexErf", "SELECT_TF_OPS")),
    "Edge TPU": (custom(RESHAPE, "edgetpu-custom-op"), "int8", ("edgetpu-custom-op", "Edge TPU")),
    "in part": (in_part, "int8 in part", ("float in places", "full-integer quantization")),
    "custom": (custom(RESHAPE, "Mine"), "int8", ("CUSTOM 'Mine'", "not supported")),
    "detection": (
        both(custom(SOFTMAX, "TFLite_Detection_PostProcess"), outputs(CONV, DENSE, SOFTMAX)),
        "int8",
        ("Detection_PostProcess", "object detector"),
    ),
    "many operations": (repeated(RESHAPE, 60, MANY), "int8", ("4 GATHER", "which watchword lacks")),
    "many custom ones": (
        both(*(custom(number, "x" * 300 + str(number)) for number in range(4))),
        "none",
        ("cannot run this model",),
    ),
}
"""By name: (what makes it of `small`, its quantization, what its refusal says)."""


def model(name: str) -> bytes:
    return changed(small(), MODELS[name][0])


def archive(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in names:
            file.writestr(name, b"content")
    return content.getvalue()


FOREIGN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "an empty one"),
    "zeros": (bytes(100), "nothing but zeros"),
    "page": (
        b'\n\n<!DOCTYPE html>\n<html lang="en" data-color-mode="auto">' + b"<p>" * 900,
        "a web page: fetch the file itself",
    ),
    "lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n",
        "a Git LFS pointer: `git lfs pull`",
    ),
    "annex": (b"/annex/objects/MD5E-s12--0.tflite\n", "a git-annex pointer"),
    "h5": (b"\x89HDF\r\n\x1a\n" + bytes(80), "an HDF5 file, as Keras writes .h5 models: convert it"),
    "keras": (archive("metadata.json", "config.json", "model.weights.h5"), "a Keras model (.keras): convert it"),
    "pt": (archive("net/data.pkl", "net/version"), "a PyTorch model: export it"),
    "old pt": (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19." + bytes(20), "a PyTorch file"),
    "zip": (archive("model/a.tflite"), "a ZIP archive: unpack it first"),
    "onnx": (b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\x90\x01", "an ONNX model"),
    "saved model": (b"\x08\x01\x12\x80\x02\x0a\x10\x12\x05serve", "TensorFlow's saved_model.pb"),
    "pb": (b"\x0a\x20\x0a\x01x\x12\x0bPlaceholder*\x0b\x0a\x05dtype\x12\x02", "a TensorFlow graph (.pb): convert it"),
    "C": (b'#include "model.h"\nalignas(16) const unsigned char g_model[] = {0x1c, 0x00,', "C source with a model in it"),
    "json": (b'{"type": "micro", "wake_word": "x"}', "JSON: name the .tflite"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(30), "a gzip archive"),
    "program": (b"WWRD\4\0" + bytes(200), "a compiled program (.ww): `watchword push`"),
    "text": (b"hello, world, this is no model at all", "not a .tflite file"),
    "other TFL": (b"\0\0\0\0TFL2" + b"\1" * 60, "not a .tflite file"),
}
"""By name: (the bytes, what they are said to be)."""
