"""Saves what training has made: the model with its description, checkpoint, validation set and curves."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from watchword import description
from watchword.description import Description
from watchword.graph import Graph
from watchword.train.checkpoint import write_checkpoint
from watchword.train.loop import Epoch, Result
from watchword.train.network import Network
from watchword.train.recipe import Recipe


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
    history.json, and curves.png where matplotlib is installed.
    """
    out.mkdir(parents=True, exist_ok=True)
    content = write(graph)
    model = out / f"{result.recipe.name}.tflite"
    model.write_bytes(content)
    description.write(describe(result.recipe, result.network, content), model.with_suffix(".toml"))
    write_checkpoint(result.checkpoint, out / "checkpoint.npz")
    result.dataset.save_validation(out)
    _write_history(result.history, out)
    plot_curves(result.history, out / "curves.png")
    return model


def plot_curves(history: list[Epoch], path: Path) -> bool:
    """Plot losses and accuracy by epoch; returns False where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(8, 3), dpi=80, layout="constrained")
    losses, accuracy = figure.subplots(1, 2)
    numbers = [epoch.number for epoch in history]
    losses.plot(numbers, [epoch.loss for epoch in history], label="training, augmented")
    losses.plot(numbers, [epoch.validation_loss for epoch in history], label="validation")
    losses.set(xlabel="epoch", ylabel="loss (nats)")
    losses.legend()
    accuracy.plot(numbers, [100 * epoch.accuracy for epoch in history])
    accuracy.set(xlabel="epoch", ylabel="validation accuracy (%)")
    accuracy.grid(alpha=0.3)
    figure.savefig(path)
    return True


def _write_history(history: list[Epoch], out: Path) -> None:
    rows = [dataclasses.asdict(epoch) for epoch in history]
    (out / "history.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    with (out / "history.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, [field.name for field in dataclasses.fields(Epoch)], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
