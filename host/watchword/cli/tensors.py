"""Raw tensors: run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from watchword import reference
from watchword.board import Board
from watchword.cli.options import Fresh, Json, ModelFile, OnOrReference, load, open_board, require_writable, running
from watchword.cli.output import progress_bar, say, say_json
from watchword.compile import Compiled
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
        typer.Option(
            "-o",
            "--output",
            "--out",
            metavar="Y.npy|Y.npz",
            help="The outputs to write, samples x output shape; in a .npz by their names.",
        ),
    ],
    on: OnOrReference = None,
    fresh: Fresh = False,
    json: Json = False,
) -> None:
    """Run a model on arrays of a file.

    Floats are real values, which become int8 by the scale and zero point of the model's input; int8 is taken as it is, and
    uint8 by models that take that. Outputs are of the model's own type. The samples of a model that keeps state are
    consecutive steps, the first one after a reset. A model of several outputs has each of them in the .npz.
    """
    require_writable(output, input, model)
    loaded = load(model)
    if loaded.graph.others and output.suffix != ".npz":
        raise DataError(
            f"{output}: {loaded.path.name} has {len(loaded.graph.outputs)} outputs, each an array by its name: "
            "name a file that ends in .npz"
        )
    x = _inputs(input, loaded)
    if on == "reference":
        with progress_bar("running"):
            made = reference.run_outputs(loaded.graph, x)
    else:
        with open_board(on, fresh) as board, running(board, loaded) as program:
            made = _on_board(board, program, x)
    outputs = loaded.graph.outputs
    arrays = [
        (name, loaded.dequantize(y, given))
        for name, y, given in zip(tensors.distinct([given.name for given in outputs]), made, outputs, strict=True)
    ]
    tensors.write(output, arrays)
    if json:
        say_json({"output": str(output), "samples": len(x), **_form(arrays[0][1]), **_all(arrays)})
    elif len(arrays) == 1:
        of = "output" if len(x) == 1 else "outputs"
        say(f"{output}: {len(x)} {of} of {_told(arrays[0][1])}")
    else:
        say(f"{output}: {len(arrays)} outputs of {len(x)} {'sample' if len(x) == 1 else 'samples'}")
        for name, values in arrays:
            say(f"  {name}: {_told(values)}")


def _told(values: NDArray[Any]) -> str:
    return f"{'x'.join(map(str, values.shape[1:]))}, {values.dtype}"


def _form(values: NDArray[Any]) -> dict[str, Any]:
    return {"shape": list(values.shape[1:]), "dtype": str(values.dtype)}


def _all(arrays: list[tuple[str, NDArray[Any]]]) -> dict[str, Any]:
    """Of several outputs each by its name."""
    return {"outputs": {name: _form(values) for name, values in arrays}} if len(arrays) > 1 else {}


def _on_board(board: Board, program: Compiled, x: NDArray[np.int8]) -> list[NDArray[np.int8]]:
    made = []
    with progress_bar("running") as progress:
        for i, sample in enumerate(x):
            made.append(board.run_outputs(program, sample, reset=i == 0))
            progress(i + 1, len(x))
    return [np.stack(samples) for samples in zip(*made, strict=True)]


def _inputs(path: Path, model: Model) -> NDArray[np.int8]:
    """int8 (samples, *input shape without batch) of a file."""
    try:
        return model.quantize(tensors.read(path, model.graph.input.name, model.graph.input.shape[1:]))
    except DataError as error:
        raise error if str(path) in str(error) else DataError(f"{path}: {error}") from None
