"""A model layer by layer, and what it takes on each target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from watchword import tflite
from watchword.chips import CHIPS, PORTABLE, Chip
from watchword.compile import Compiled, Drafts, Layer, TooLargeError
from watchword.embedding import MOST_VALUES
from watchword.errors import ModelError, Stop, UnsupportedError
from watchword.graph import AveragePool2D, MaxPool2D, Mean, Output, Reshape, Softmax
from watchword.model import Model
from watchword.purpose import told
from watchword.tflite import End, Survey

_EMBEDDING = (8, MOST_VALUES)  # channels of an output that may stand for what was heard or seen


@dataclass(frozen=True)
class Fit:
    """A model on one chip. compiled: its program; None: it does not fit. reason: why, or what to mind.

    need: why it does not fit, without what is the chip's own, so that it can be said once for many.
    """

    chip: Chip
    compiled: Compiled | None
    reason: str
    need: str = ""

    def as_dict(self) -> dict[str, Any]:
        fit = self.compiled is not None
        fields: dict[str, Any] = {"fits": fit, "ram_limit": self.chip.ram, "flash_limit": self.chip.flash}
        if self.compiled is not None:
            program = self.compiled.program
            fields |= {
                "ram": program.ram,
                "arena": program.arena,
                "program_bytes": len(self.compiled.content),
                "read_at_each_run": len(program.weights),
            }
        return fields | {"reason": self.reason}


@dataclass(frozen=True)
class Inspection:
    """compiled: the model without a limit of memory, whose layers are shown. fits: one for each chip. survey: of its file."""

    model: Model
    survey: Survey
    compiled: Compiled
    fits: list[Fit]

    @property
    def use(self) -> str:
        """What it is for, in one line: by its description, else by the shapes of its ends."""
        if not self.model.described:
            return told(self.model.graph) or f"{self.model.description.kind}, by the shape of its input"
        try:
            return self.model.require_fed().kind
        except ModelError as error:
            return str(error).removeprefix(f"{self.model.path}: ")

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.compiled.layers

    def embedding(self, layer: Layer) -> bool:
        """Whether a layer's output may stand for what was heard or seen: few values, which nothing passes by, no classes.

        Of more than one place, if what follows takes a mean of them.
        """
        graph, output = self.compiled.graph, layer.operation.output
        if isinstance(layer.operation, Reshape | Softmax) or any(output is one.tensor for one in graph.outputs):
            return False
        readers = [op for op in graph.operations if output in op.inputs]
        if output.size > output.shape[-1] and not all(isinstance(op, AveragePool2D | MaxPool2D | Mean) for op in readers):
            return False
        if not _EMBEDDING[0] <= output.shape[-1] <= _EMBEDDING[1]:
            return False
        at = graph.operations.index(layer.operation)
        before = {graph.input, *(op.output for op in graph.operations[:at])}
        kept = {state.assigned for state in graph.states}
        later = {tensor for op in graph.operations[at + 1 :] for tensor in op.inputs if not isinstance(op, Softmax)}
        if not later - {output}:  # what follows is the softmax only: classes already
            return output in later
        return not (later - kept) & before

    def as_dict(self) -> dict[str, Any]:
        """The JSON of the command line."""
        graph = self.compiled.graph
        return {
            "name": self.model.description.name,
            "runs": True,
            "what": self.survey.what,
            "use": self.use,
            "quantization": self.survey.quantization,
            "operations": self.survey.operations,
            "input": {
                "name": graph.input.name,
                "shape": list(graph.input.shape),
                "type": graph.input_type,
                **_scale(graph.input),
            },
            "output": _given(graph.outputs[0]),
            "outputs": [_given(output) for output in graph.outputs],
            "layers": [
                {
                    "name": layer.operation.output.name,
                    "kind": layer.operation.kind,
                    "shape": list(layer.operation.output.shape),
                    "macs": layer.operation.macs,
                    "weights": layer.constants,
                    "arena": layer.arena,
                    **_scale(layer.operation.output),
                    "embedding": self.embedding(layer),
                }
                for layer in self.layers
            ],
            "macs": graph.macs,
            "weights": sum(layer.constants for layer in self.layers),
            "arena": self.compiled.program.arena,
            "peak": self.compiled.peak.operation.output.name,
            "state_bytes": sum(state.read.size for state in graph.states),
            "targets": {fit.chip.name: fit.as_dict() for fit in self.fits},
        }


def _given(output: Output) -> dict[str, Any]:
    tensor = output.tensor
    return {"name": output.name, "shape": list(tensor.shape), "type": output.type, **_scale(tensor)}


def _scale(tensor: Any) -> dict[str, Any]:
    return {"scale": float(tensor.scale[0]), "zero_point": tensor.zero_point}


def inspect(model: Model, progress: Callable[[int, int], None] | None = None) -> Inspection:
    """Compile a model for every chip. progress: called with how often that is done, and how often in all.

    Raises UnsupportedError where no kernel computes a layer.
    """
    drafts: Drafts = {}
    compiled = model.compile(PORTABLE.name, ram=1 << 40, drafts=drafts)
    fits = []
    for number, chip in enumerate(CHIPS.values(), start=1):
        if progress is not None:
            progress(number, 1 + len(CHIPS))
        try:
            found = model.compile(chip.name, drafts=drafts)
        except ModelError as error:
            need = error.need if isinstance(error, TooLargeError) else str(error)
            fits.append(Fit(chip, None, str(error), need))
            continue
        read = len(found.program.weights)
        reason = f"reads {read} bytes of weights from flash at each run" if read else ""
        if not read and found.program.ram > 0.8 * chip.ram:
            reason = "leaves little RAM for anything else"
        fits.append(Fit(chip, found, reason))
    return Inspection(model, tflite.survey(model.content, str(model.path)), compiled, fits)


@dataclass(frozen=True)
class Refused:
    """A file that cannot be run, and why. survey: None where it is no `.tflite`, or damaged."""

    path: Path
    error: ModelError
    survey: Survey | None

    @property
    def stops(self) -> tuple[Stop, ...]:
        return self.error.stops if isinstance(self.error, UnsupportedError) else ()

    def as_dict(self) -> dict[str, Any]:
        """The JSON of the command line."""
        found = self.survey
        return {
            "name": self.path.stem,
            "runs": False,
            "what": found.what if found else None,
            "error": str(self.error),
            "quantization": found.quantization if found else None,
            "operations": found.operations if found else {},
            "inputs": [_end(end) for end in found.inputs] if found else [],
            "outputs": [_end(end) for end in found.outputs] if found else [],
            "stops": [asdict(stop) for stop in self.stops],
        }


def refused(path: Path, error: ModelError) -> Refused:
    """What can be said of a file that `load` or `inspect` has refused with an error."""
    try:
        found = tflite.survey(tflite.read_bytes(path), str(path))
    except ModelError:
        found = None
    return Refused(path, error, found)


def _end(end: End) -> dict[str, Any]:
    return {"name": end.name, "shape": list(end.shape), "type": end.type}
