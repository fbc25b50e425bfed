"""A checkpoint: all that a training run needs to go on, in one .npz file that is either the former one or whole."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword.data import tensors
from watchword.errors import DataError
from watchword.settings import shown
from watchword.train.layers import Array
from watchword.train.recipe import Recipe
from watchword.train.trainer import Epoch, Position, State

FORMAT = 1
"""Of the file; another one is refused."""

_ANY_LENGTH = ("constant", "step")
"""Schedules whose rates do not depend on the number of epochs: a run may be made longer."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a run between two steps.

    recipe: what of the recipe the run depends on, as JSON has it. data: a digest of the validation set. calibration: inputs for
    `quantize`, (n, height, width, channels). finished: whether there is nothing left to train.
    """

    state: State
    recipe: dict[str, Any]
    data: str
    calibration: NDArray[Any]
    finished: bool

    @property
    def best(self) -> dict[str, Array]:
        """The network's arrays after the best epoch. DataError: no epoch is done."""
        if not self.state.arrays["best"]:
            raise DataError("the checkpoint is of a run in its first epoch: no weights have been validated yet")
        return self.state.arrays["best"]

    def weights(self, nodes: Sequence[str]) -> dict[str, Array]:
        """The same for a network of these nodes, by which the layers of a former checkpoint, numbers there, are called."""
        if "0.weights" not in self.best:
            return self.best
        names = {str(number): name for number, name in enumerate(nodes)}
        parts = {name: name.partition(".") for name in self.best}
        return {f"{names.get(parts[name][0], '-')}.{parts[name][2]}": value for name, value in self.best.items()}

    def require_recipe(self, recipe: Recipe, path: Path) -> None:
        """DataError: the run is of another recipe; names the key. path: of the checkpoint, to say."""
        if not self.recipe:
            raise DataError(f"{path}: is of an earlier watchword, from which a run cannot go on: begin another run")
        wanted = dependence(recipe)
        if recipe.training.schedule in _ANY_LENGTH:
            wanted["training"]["epochs"] = self.recipe.get("training", {}).get("epochs")
        if found := _difference(self.recipe, wanted, ""):
            raise DataError(f"{path}: is of a run with {found}: resume with that, or begin another run in another folder")

    def require_data(self, data: str, path: Path) -> None:
        """DataError: the run was begun with another validation set, so its recordings are no longer what they were."""
        if data != self.data:
            raise DataError(
                f"{path}: is of a run with other recordings for validation than there are now: give it those again, or begin "
                "another run in another folder"
            )


def dependence(recipe: Recipe) -> dict[str, Any]:
    """What of a recipe a run depends on, as JSON has it; names and what is decided on the board may change."""
    whole = dataclasses.asdict(recipe)
    for name in ("name", "background", "licence", "source", "decision"):
        whole.pop(name)
    found: dict[str, Any] = json.loads(json.dumps(whole))
    return found


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write the file that `read_checkpoint` reads. DataError: it cannot be written, or an array is infinite or NaN; what was
    there before still is."""
    state = checkpoint.state
    arrays = {f"{part}/{name}": value for part, values in state.arrays.items() for name, value in values.items()}
    for name, value in arrays.items():
        if not np.isfinite(value).all():
            raise DataError(f"{path}: not written, as {name} has become infinite or NaN")
    about = {
        "format": FORMAT,
        "position": dataclasses.asdict(state.position),
        "history": [dataclasses.asdict(epoch) for epoch in state.history],
        "parts": list(state.arrays),
        "recipe": checkpoint.recipe,
        "data": checkpoint.data,
        "finished": checkpoint.finished,
    }
    content = io.BytesIO()
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(content, about=text, calibration=checkpoint.calibration, **arrays)  # type: ignore[arg-type]
    write_whole(path, content.getvalue())


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; of a former one only the weights are left.

    DataError: no such file, not a checkpoint, or one of a later watchword.
    """
    with tensors.opened(path, "not a checkpoint of watchword") as file:
        content = dict(file)
        if "about" not in content:
            return _former(content)
        about = json.loads(content["about"].tobytes())
        if about["format"] != FORMAT:
            raise DataError(
                f"{path}: is a checkpoint of format {shown(about['format'])}, and this watchword reads {FORMAT}: use the "
                "watchword that wrote it, or train anew"
            )
        return Checkpoint(
            State(
                Position(**about["position"]),
                tuple(Epoch(**row) for row in about["history"]),
                {part: _part(content, part) for part in about["parts"]},
            ),
            about["recipe"],
            about["data"],
            content["calibration"],
            about["finished"],
        )


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is either the former one or whole, whatever happens meanwhile. DataError: it cannot be written."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        former = "; the former one is still there" if path.exists() else ""
        raise DataError(f"{path}: cannot be written: {error.strerror or error}{former}") from None
    finally:
        with contextlib.suppress(OSError):  # where it is gone, it has become the file or was never made
            part.unlink()


def _part(content: Mapping[str, NDArray[Any]], part: str) -> dict[str, Array]:
    return {name.removeprefix(f"{part}/"): value for name, value in content.items() if name.startswith(f"{part}/")}


def _former(content: Mapping[str, NDArray[Any]]) -> Checkpoint:
    """A checkpoint as they once were: weights to begin with, and ranges to quantize by, but no run to go on with."""
    names = {"scale": "gamma", "offset": "beta"}  # as parameters were called
    best = {}
    for name, value in _part(content, "network").items():
        layer, _, parameter = name.partition(".")
        best[f"{layer}.{names.get(parameter, parameter)}"] = value
    return Checkpoint(State(Position(), (), {"best": best}), {}, "", content["calibration"], True)


def _difference(old: Any, new: Any, where: str) -> str:
    """The first key whose values differ, with both; empty where none does."""
    if isinstance(old, dict) and isinstance(new, dict):
        parts = ((f"{where}.{key}" if where else key, old.get(key), new.get(key)) for key in {**old, **new})
        return next((found for name, a, b in parts if (found := _difference(a, b, name))), "")
    return "" if old == new else f"{where} = {shown(old)}, not {shown(new)}"
