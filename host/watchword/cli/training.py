"""Making and judging models: train and evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from watchword import tflite
from watchword import train as trainer
from watchword.cli.options import DescriptionFile, Fresh, Json, ModelFile, OnOrReference, open_board, running
from watchword.cli.output import note, progress_bar, say, say_json, say_table
from watchword.data import audio, pictures
from watchword.data.clips import read_folder, read_manifest
from watchword.errors import DataError
from watchword.evaluate import Evaluation
from watchword.evaluate import evaluate as judge
from watchword.model import load


def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.toml", help="What is trained, on what, and how.")],
    data: Annotated[Path, typer.Option("--data", metavar="ROOT", help="The folder that the recipe's paths are relative to.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="The folder for the model and what belongs to it.")
    ],
    json: Json = False,
) -> None:
    """Train a model by a recipe and quantize it. OUT gets the model, its description, checkpoint, validation set, curves."""
    plan = trainer.read_recipe(recipe)
    if not data.is_dir():
        raise DataError(f"{data}: no such folder")
    with progress_bar(f"training {plan.name}") as progress:

        def epoch_done(epoch: trainer.Epoch) -> None:
            progress(epoch.number, plan.training.epochs)
            losses = f"loss {epoch.loss:.3f}  validation loss {epoch.validation_loss:.3f}"
            note(f"epoch {epoch.number:3}  {losses}  accuracy {epoch.accuracy:.1%}")

        result = trainer.train(plan, data, epoch_done)
    graph = trainer.quantize(result.network, result.checkpoint.calibration, plan.name)
    path = trainer.save(result, graph, output, tflite.write)
    quantized = judge(load(path), read_manifest(output / "validation.csv"))
    facts = {
        "model": str(path),
        "epoch": result.best.number,
        "accuracy_float": result.best.accuracy,
        "accuracy": quantized.accuracy,
        "n": quantized.n,
        "macs": graph.macs,
    }
    if json:
        say_json(facts)
    else:
        say(
            f"{path}: accuracy {result.best.accuracy:.1%} in float, {quantized.accuracy:.1%} in int8, on {quantized.n} clips; "
            f"{graph.macs} MACs; best of {len(result.history)} epochs: {result.best.number}"
        )


def evaluate(
    model: ModelFile,
    data: Annotated[
        Path, typer.Option("--data", metavar="MANIFEST.csv", help="A manifest, or a folder with one sub-folder per label.")
    ],
    label_column: Annotated[str, typer.Option(help="The column of the manifest with the labels.")] = "label",
    split: Annotated[str | None, typer.Option(help="Only the clips of this split.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many clips, evenly spread.")] = None,
    on: OnOrReference = None,
    fresh: Fresh = False,
    description: DescriptionFile = None,
    json: Json = False,
) -> None:
    """Accuracy and confusion on labelled recordings or pictures, on a board or on the reference.

    A label of a picture may be the name of one of the model's, or its number.
    """
    loaded = load(model, description)
    picture = loaded.require_fed().kind == "picture"
    doing = "looking" if picture else "listening"
    if data.is_dir():
        clips = read_folder(data, pictures.find if picture else audio.find)
    else:
        clips = read_manifest(data, label_column=label_column, split=split)
    if limit is not None and limit < len(clips):
        clips = [clips[i * len(clips) // limit] for i in range(limit)]
    if on == "reference":
        with progress_bar(doing) as progress:
            result = judge(loaded, clips, progress=progress)
    else:
        with open_board(on, fresh) as board, running(board, loaded), progress_bar(doing) as progress:
            result = judge(loaded, clips, board, progress)
    if json:
        say_json(result.as_dict())
    else:
        _show(result)


def _show(result: Evaluation) -> None:
    say(f"accuracy {result.accuracy:.1%} on {result.n} clips")
    rows = [(label, *counts) for label, counts in zip(result.labels, result.confusion.tolist(), strict=True)]
    say_table(("true \\ said", *result.labels), rows)


def add_to(app: typer.Typer) -> None:
    app.command()(train)
    app.command()(evaluate)
