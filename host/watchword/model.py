"""A model on disk: a `.tflite` and its description."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword import catalogue, chips, compile, description, microwakeword, shipped, tflite
from watchword.compile.simplify import Simplified
from watchword.description import Decision, Description, Kind
from watchword.errors import DataError, ModelError
from watchword.features.tables import CHANNELS
from watchword.graph import Graph, Output, Tensor
from watchword.purpose import no_classifier, purpose, unfed

KEYWORDS = "keywords/keywords.tflite"  # the package's keyword model, among `shipped.models()`


@dataclass(frozen=True)
class Model:
    """described: whether a description was found; without one `description` names the outputs by number."""

    path: Path
    content: bytes
    graph: Graph
    description: Description
    described: bool

    def compile(
        self,
        target: str,
        *,
        simplify: bool = True,
        ram: int | None = None,
        background: bytes = b"",
        drafts: compile.Drafts | None = None,
    ) -> compile.Compiled:
        """The program for a chip, by its name; the rest as in `compile.compile`. ModelError, too: there is no such chip."""
        chip, graph = chips.named(target), self.simplified if simplify else self.graph
        return compile.compile(graph, self.description, chip, simplify=False, ram=ram, background=background, drafts=drafts)

    @cached_property
    def simplified(self) -> Simplified:
        """What exact simplification leaves of the graph; ModelError as `compile.simplified`."""
        return compile.simplified(self.graph, self.description)

    def quantize(self, x: NDArray[Any]) -> NDArray[np.int8]:
        """Inputs as the graph's int8: floats are real values, which the input's scale and zero point make int8; int8 stays
        what it is; uint8 is taken where the file takes that.

        DataError: another dtype.
        """
        if x.dtype == np.int8:
            return x
        if x.dtype == np.uint8 and self.graph.input_type == "uint8":
            return (x ^ 128).view(np.int8)
        if np.issubdtype(x.dtype, np.floating):
            with np.errstate(over="ignore"):  # what is too large for a float32 is so for the input, too
                return quantized(x.astype(np.float32), self.graph.input)
        kinds = "int8, uint8 or floats" if self.graph.input_type == "uint8" else "int8 or floats"
        raise DataError(f"{self.path.name} takes {kinds}, not {x.dtype}")

    def dequantize(self, y: NDArray[np.int8], output: Output | None = None) -> NDArray[Any]:
        """Values of an output as the file gives them. output: of graph.outputs; None: the first."""
        output = output or self.graph.outputs[0]
        if output.type == "uint8":
            return y.view(np.uint8) ^ np.uint8(128)
        if output.type == "float32":
            tensor = output.tensor
            real: NDArray[np.float32] = (y.astype(np.int32) - tensor.zero_point).astype(np.float32) * tensor.scale[0]
            return real
        return y

    @property
    def frames(self) -> int:
        """Frames of the front end that the input holds, where it holds frames."""
        return input_frames(self.graph)

    def of_kind(self, kind: Kind) -> Description:
        """The description with another kind, and what that kind takes where nothing else is known.

        ModelError: nothing here makes pictures of the form of its input.
        """
        own = self.description
        if kind == own.kind:
            return own
        known = ("name", "labels", "background", "licence", "source", "embedding", "embedding_parts")
        made = draft(self.path, self.content, self.graph, kind)
        made = dataclasses.replace(made, **{key: getattr(own, key) for key in known})
        if kind == "picture" and (reason := self._unfed(made)) is not None:
            raise ModelError(f"{self.path}: it cannot be for pictures: {reason}")
        return made

    def _unfed(self, own: Description) -> str | None:
        """Why no pipeline could feed it with this description; None: one can."""
        fields = own.as_dict() | {"shape": self.graph.input.shape[1:]}
        return unfed(fields, self.graph.input.size, self.graph.output.size)

    def require_description(self) -> Description:
        """The description, or ModelError saying that the model has none and what to do."""
        if not self.described:
            raise ModelError(
                f"{self.path}: has no description {self.path.with_suffix('.toml').name} beside it, so its labels are unknown: "
                "`watchword describe` drafts one"
            )
        return self.description

    def require_fed(self) -> Description:
        """The description of a model that a board can feed. ModelError: it has none, or nothing here makes what it takes."""
        if reason := no_classifier(self.graph):
            raise ModelError(f"{self.path}: {reason}: `watchword run` and `bench` are for it")
        description = self.require_description()
        if description.kind == "tensor":
            raise ModelError(
                f"{self.path}: takes neither sound nor pictures by its description: `watchword run` and `bench` are for it; "
                "`describe --kind` says otherwise"
            )
        if (unfed_by := self._unfed(description)) is not None:
            raise ModelError(f"{self.path}: {unfed_by}: `watchword run` and `bench` are for it, or mend its description")
        if description.kind == "sound" and self.graph.stateful and description.decision.stride != self.frames:
            raise ModelError(
                f"{self.path}: keeps state from run to run, so that it has to see every frame once: decision.stride is "
                f"{description.decision.stride}, its input holds {self.frames}"
            )
        return description

    def require_sound(self) -> Description:
        """The description of a model for sound; ModelError as `require_fed`, and where it is for pictures."""
        description = self.require_fed()
        if description.kind != "sound":
            raise ModelError(f"{self.path}: is for pictures, not for sound")
        return description

    def require_picture(self) -> Description:
        """The description of a model for pictures; ModelError as `require_fed`, and where it is for sound."""
        description = self.require_fed()
        if description.kind != "picture":
            raise ModelError(f"{self.path}: is for sound, not for pictures")
        return description


def load(path: Path | str, description_file: Path | None = None) -> Model:
    """Read a model: a file, or one known by its name (`catalogue.find`). description_file overrides the description beside it.

    A microWakeWord's `.json` stands for the `.tflite` that it names. Raises ModelError where a file is missing or damaged,
    UnsupportedError listing every operation that cannot be had.
    """
    path = catalogue.find(path)
    manifest = path if path.suffix == ".json" else None
    if manifest is not None:
        path = microwakeword.model_of(manifest)
    content = tflite.read_bytes(path)
    graph = tflite.read(content, str(path))
    frames = input_frames(graph)
    if description_file is not None:
        found: Description | None = description.read(description_file, frames)
    else:
        found = description.find(path, content, frames, manifest)
    return Model(path, content, graph, found or draft(path, content, graph), found is not None)


def input_frames(graph: Graph) -> int:
    """How many frames of 40 features the input holds, at least 1."""
    return max(1, graph.input.size // CHANNELS)


def draft(path: Path, content: bytes, graph: Graph, kind: Kind | None = None) -> Description:
    """A description to start from: the file's name and hash, labels by number, and what the shapes of its ends suggest.

    kind: what it is for, where that is known.
    """
    name = description.program_name(path.stem)
    outputs = graph.output.shape[-1]
    likely = purpose(graph)
    found = Description(
        name=name,
        labels=(name,) if outputs == 1 else tuple(f"label{i}" for i in range(outputs)),
        kind=kind or likely.kind,
        sha256=hashlib.sha256(content).hexdigest(),
    )
    if found.kind == "picture":
        return dataclasses.replace(found, input=description.PIXELS, decision=Decision(window=1, stride=1))
    if found.kind == "sound" and graph.stateful:
        # Models that keep state are mostly microWakeWords.
        front_end = dataclasses.replace(found.frontend, hop_ms=10)
        decision = Decision(stride=min(description.LONGEST_STRIDE, input_frames(graph)))
        return dataclasses.replace(found, frontend=front_end, decision=decision)
    return dataclasses.replace(found, features=likely.features) if found.kind == "sound" else found


def quantized(x: NDArray[np.float32], tensor: Tensor) -> NDArray[np.int8]:
    """Real numbers in a tensor's scale, halves away from 0, as LiteRT's QUANTIZE (AffineQuantize) does it."""
    scaled = (x / tensor.scale[0].astype(np.float32)).astype(np.float64)
    rounded = np.copysign(np.floor(np.abs(scaled) + 0.5), scaled) + tensor.zero_point
    bounded: NDArray[np.float64] = np.nan_to_num(rounded, nan=tensor.zero_point).clip(-128, 127)
    return bounded.astype(np.int8)


def keywords() -> Path:
    """The package's keyword model."""
    return shipped.models() / KEYWORDS
