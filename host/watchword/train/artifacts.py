"""Saves what training has made: the model with its description, checkpoint, validation set and curves."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from watchword import description
from watchword.description import Description
from watchword.graph import Graph
from watchword.train.checkpoint import write_checkpoint, write_whole
from watchword.train.network import Network
from watchword.train.recipe import Recipe
from watchword.train.run import CHECKPOINT, Result
from watchword.train.trainer import Epoch


def describe(recipe: Recipe, network: Network, content: bytes) -> Description:
    """Describe a quantized network, whose .tflite is `content`."""
    rows = next((node.shape[0] for node in network.nodes if node.name == network.embedding and len(node.shape) == 3), 1)
    parts = min(2, rows)  # two halves in time: words with the same sounds in another order are told apart
    return dataclasses.replace(
        recipe.description(), embedding=network.embedding, embedding_parts=parts, sha256=hashlib.sha256(content).hexdigest()
    )


def save(result: Result, graph: Graph, out: Path, write: Callable[[Graph], bytes]) -> Path:
    """Write the result to the folder `out` and return the path of the model.

    NAME.tflite (by `write`) and NAME.toml, checkpoint.npz, validation.csv with the silence clips in silence/, history.csv,
    history.json, and curves.png where matplotlib is installed. DataError: a file cannot be written; what was there before still
    is.
    """
    out.mkdir(parents=True, exist_ok=True)
    content = write(graph)
    model = out / f"{result.recipe.name}.tflite"
    write_checkpoint(result.checkpoint, out / CHECKPOINT)
    write_whole(model, content)
    description.write(describe(result.recipe, result.network, content), model.with_suffix(".toml"))
    result.dataset.save_validation(out)
    save_history(result.history, out)
    plot_curves(result.history, out / "curves.png")
    return model


def save_history(history: Sequence[Epoch], out: Path) -> None:
    """Write history.csv and history.json, a row for each epoch."""
    rows = [dataclasses.asdict(epoch) for epoch in history]
    write_whole(out / "history.json", f"{json.dumps(rows, indent=1)}\n".encode())
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, [field.name for field in dataclasses.fields(Epoch)], lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_whole(out / "history.csv", text.getvalue().encode())


def plot_curves(history: Sequence[Epoch], path: Path) -> bool:
    """Plot losses, accuracy and learning rate by epoch; returns False where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(11, 3), dpi=80, layout="constrained")
    losses, accuracy, rate = figure.subplots(1, 3)
    numbers = [epoch.number for epoch in history]
    losses.plot(numbers, [epoch.loss for epoch in history], label="training, augmented")
    losses.plot(numbers, [epoch.validation_loss for epoch in history], label="validation")
    losses.set(xlabel="epoch", ylabel="loss")
    losses.legend()
    shares = [(epoch.number, 100 * epoch.accuracy) for epoch in history if epoch.accuracy is not None]
    accuracy.plot(*zip(*shares, strict=True) if shares else ((), ()))
    accuracy.set(xlabel="epoch", ylabel="validation accuracy (%)")
    accuracy.grid(alpha=0.3)
    rate.plot(numbers, [epoch.rate for epoch in history])
    rate.set(xlabel="epoch", ylabel="learning rate")
    figure.savefig(path)
    return True
