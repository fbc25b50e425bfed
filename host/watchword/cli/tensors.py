"""Raw tensors: run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from watchword import reference
from watchword.board import Board
from watchword.cli.options import Fresh, Json, ModelFile, OnOrReference, load, open_board, require_writable, running
from watchword.cli.output import progress_bar, say, say_json
from watchword.data import tensors
from watchword.errors import DataError
from watchword.model import Model


def run(
    model: ModelFile,
    input: Annotated[
        Path,
        typer.Option(
            "-i",
            "--input",
            metavar="X.npy|X.npz",
            help="The inputs, samples x input shape; in a .npz under the input's name, or alone.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", "--out", metavar="Y.npy|Y.npz", help="The outputs to write, samples x output shape."),
    ],
    on: OnOrReference = None,
    fresh: Fresh = False,
    json: Json = False,
) -> None:
    """Run a model on arrays of a file.

    Floats are real values, which become int8 by the scale and zero point of the model's input; int8 is taken as it is, and
    uint8 by models that take that. Outputs are of the model's own type. The samples of a model that keeps state are
    consecutive steps, the first one after a reset.
    """
    require_writable(output, input, model)
    loaded = load(model)
    x = _inputs(input, loaded)
    if on == "reference":
        with progress_bar("running"):
            y = reference.run(loaded.graph, x)
    else:
        with open_board(on, fresh) as board, running(board, loaded):
            y = _on_board(board, loaded, x)
    values = loaded.dequantize(y)
    tensors.write(output, loaded.graph.output.name, values)
    samples, shape = len(values), values.shape[1:]
    if json:
        say_json({"output": str(output), "samples": samples, "shape": list(shape), "dtype": str(values.dtype)})
    else:
        say(f"{output}: {samples} {'output' if samples == 1 else 'outputs'} of {'x'.join(map(str, shape))}, {values.dtype}")


def _on_board(board: Board, model: Model, x: NDArray[np.int8]) -> NDArray[np.int8]:
    shape = model.graph.output.shape[1:]
    y = np.empty((len(x), *shape), np.int8)
    with progress_bar("running") as progress:
        for i, sample in enumerate(x):
            y[i] = board.run(sample, reset=i == 0).reshape(shape)
            progress(i + 1, len(x))
    return y


def _inputs(path: Path, model: Model) -> NDArray[np.int8]:
    """int8 (samples, *input shape without batch) of a file."""
    try:
        return model.quantize(tensors.read(path, model.graph.input.name, model.graph.input.shape[1:]))
    except DataError as error:
        raise error if str(path) in str(error) else DataError(f"{path}: {error}") from None
