"""A model on disk: a `.tflite` and its description."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword import compile, description, shipped, tflite
from watchword.description import Description
from watchword.errors import DataError, ModelError, UnsupportedError
from watchword.graph import Graph, Tensor

KEYWORDS = "keywords/keywords.tflite"  # the package's keyword model, among `shipped.models()`


@dataclass(frozen=True)
class Model:
    """described: whether a description was found; without one `description` names the outputs by number."""

    path: Path
    content: bytes
    graph: Graph
    description: Description
    described: bool

    def compile(self, target: str, *, simplify: bool = True, ram: int | None = None) -> compile.Compiled:
        """The program for a target; simplify and ram as in `compile.compile`."""
        return compile.compile(self.graph, self.description, target, simplify=simplify, ram=ram)

    def quantize(self, x: NDArray[Any]) -> NDArray[np.int8]:
        """Inputs as the file takes them (int8, uint8 or float32 by its input_type) as the graph's int8; int8 stays what it is.

        DataError: another dtype.
        """
        if x.dtype == np.int8:
            return x
        if x.dtype == np.uint8 and self.graph.input_type == "uint8":
            return (x ^ 128).view(np.int8)
        if x.dtype == np.float32 and self.graph.input_type == "float32":
            return quantized(x, self.graph.input)
        kinds = " or ".join(dict.fromkeys(("int8", self.graph.input_type)))
        raise DataError(f"{self.path.name} takes {kinds}, not {x.dtype}")

    def dequantize(self, y: NDArray[np.int8]) -> NDArray[Any]:
        """The graph's outputs as the file gives them."""
        if self.graph.output_type == "uint8":
            return y.view(np.uint8) ^ np.uint8(128)
        if self.graph.output_type == "float32":
            output = self.graph.output
            real: NDArray[np.float32] = (y.astype(np.int32) - output.zero_point).astype(np.float32) * output.scale[0]
            return real
        return y

    def require_description(self) -> Description:
        """The description, or ModelError saying that the model has none and what to do."""
        if not self.described:
            raise ModelError(
                f"{self.path}: has no description {self.path.with_suffix('.toml').name} beside it, so its labels are unknown: "
                f"`watchword describe {self.path}` drafts one"
            )
        outputs = self.graph.output.shape[-1]
        if outputs != len(self.description.labels):
            raise ModelError(f"{self.path}: has {outputs} outputs, its description {len(self.description.labels)} labels")
        return self.description

    def require_windows(self) -> None:
        """UnsupportedError where the model keeps state from step to step, and so has no output for one window alone."""
        if self.graph.stateful:
            raise UnsupportedError(f"{self.path}: keeps state from step to step: only models of whole windows can be evaluated")


def load(path: Path | str, description_file: Path | None = None) -> Model:
    """Read a model. description_file overrides the description beside it.

    Raises ModelError where a file is missing or damaged, UnsupportedError listing every operation that cannot be had.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    graph = tflite.read(content, str(path))
    found = description.read(description_file) if description_file else description.find(path, content)
    return Model(path, content, graph, found or draft(path, content, graph), found is not None)


def draft(path: Path, content: bytes, graph: Graph) -> Description:
    """A description to start from: labels by number, the model's file name, its hash."""
    name = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in path.stem)[:40] or "model"
    labels = tuple(f"label{i}" for i in range(graph.output.shape[-1]))
    return dataclasses.replace(Description(name=name, labels=labels), sha256=hashlib.sha256(content).hexdigest())


def quantized(x: NDArray[np.float32], tensor: Tensor) -> NDArray[np.int8]:
    """Real numbers in a tensor's scale, halves away from 0, as LiteRT's QUANTIZE (AffineQuantize) does it."""
    scaled = (x / tensor.scale[0].astype(np.float32)).astype(np.float64)
    rounded = np.copysign(np.floor(np.abs(scaled) + 0.5), scaled) + tensor.zero_point
    bounded: NDArray[np.float64] = np.nan_to_num(rounded, nan=tensor.zero_point).clip(-128, 127)
    return bounded.astype(np.int8)


def keywords() -> Path:
    """The package's keyword model."""
    return shipped.models() / KEYWORDS
