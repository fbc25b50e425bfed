"""Making and judging models: train and evaluate."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from watchword import tflite
from watchword import train as trainer
from watchword.board import Board
from watchword.cli.hearing import until_interrupted
from watchword.cli.options import (
    DescriptionFile,
    Fresh,
    Json,
    ModelFile,
    OnOrReference,
    load,
    open_board,
    require_folder,
    require_writable,
    running,
)
from watchword.cli.output import note, percent, progress_bar, rate, say, say_facts, say_json, say_table
from watchword.data import audio, pictures
from watchword.data.batch import Batch
from watchword.data.clips import Clip, Selection
from watchword.data.labels import strangers
from watchword.data.manifests import read_manifest
from watchword.data.sources import read_source
from watchword.errors import DataError
from watchword.evaluate import Evaluation, fewshot, write_scores
from watchword.evaluate import evaluate as judge
from watchword.evaluate.scores import wilson
from watchword.model import Model
from watchword.train.checkpoint import Checkpoint, read_checkpoint
from watchword.train.hooks import Pace, Progress
from watchword.train.run import CHECKPOINT

_FEW = "Taught words"
INTERRUPTED = 130  # the status of a command that Ctrl-C ended before its work was done, as shells have it


def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.toml", help="What is trained, on what, and how.")],
    data: Annotated[Path, typer.Option("--data", metavar="ROOT", help="The folder that the recipe's paths are relative to.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="The folder for the model and what belongs to it.")
    ],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in OUT, as if it had not been stopped.")] = False,
    json: Json = False,
) -> None:
    """Train a model by a recipe, and quantize it.

    OUT gets the model, its description, checkpoint, validation set and curves. Ctrl-C saves and ends; `--resume` goes on there.
    """
    plan = trainer.read_recipe(recipe)
    if not data.is_dir():
        raise DataError(f"{data}: no such folder")
    require_folder(output)
    former = _former(output / CHECKPOINT, resume)
    again = shlex.join(["watchword", "train", str(recipe), "--data", str(data), "-o", str(output), "--resume"])
    batch = Batch("recordings", note)
    with progress_bar(f"training {plan.name}") as progress:

        def epoch_done(epoch: trainer.Epoch, pace: Pace) -> None:
            trainer.save_history(run.trainer.history, output)
            note(_epoch_line(epoch, pace))

        def step_done(pace: Pace) -> None:
            progress(pace.done, pace.total, f"training {plan.name}, epoch {pace.epoch}, {pace.rate:.0f} examples/s")

        run = trainer.Run(plan, data, output, [Progress(step_done, epoch_done)], note, batch)
        if former is not None:
            run.resume(former)
            note(f"going on in epoch {run.trainer.position.epoch}, after batch {run.trainer.position.batch}")
        with until_interrupted(run.trainer.stop):
            finished = run.train()
    if not finished:
        run.save()
        note(f"stopped in epoch {run.trainer.position.epoch} of {plan.training.epochs} and saved: `{again}` goes on")
        raise typer.Exit(INTERRUPTED)
    result = run.result()
    with progress_bar(f"quantizing {plan.name}"):
        graph = trainer.quantize(result.network, result.checkpoint.calibration, plan.name)
        path = trainer.save(result, graph, output, tflite.write)
    made = load(path)
    with progress_bar(f"judging {plan.name}") as progress:
        quantized = judge(made, read_manifest(output / "validation.csv"), progress=progress)
    facts = {
        "model": str(path),
        "epoch": result.best.number,
        "epochs": len(result.history),
        "accuracy_float": result.best.accuracy,
        "accuracy": quantized.accuracy,
        "n": quantized.n,
        "macs": graph.macs,
        "training": asdict(Selection.of(result.dataset.clips)),
        "validation": asdict(Selection.of(result.dataset.validation_clips)),
        **batch.as_dict(),
    }
    if json:
        say_json(facts)
    else:
        say(
            f"{path}: accuracy {_rate(quantized.right, quantized.n)} on {quantized.n} clips in int8, "
            f"{_share(result.best.accuracy)} in float; "
            f"{graph.macs} MACs; best of {len(result.history)} epochs: {result.best.number}"
        )


def _former(path: Path, resume: bool) -> Checkpoint | None:
    """The checkpoint to go on from. DataError: it cannot be read, or a run that is not finished would be written over."""
    if resume:
        if not path.exists():
            raise DataError(f"{path}: no such file: there is no run to go on with")
        return read_checkpoint(path)
    try:
        unfinished = path.exists() and not read_checkpoint(path).finished
    except DataError:  # whatever it is, nobody can go on from it
        return None
    if unfinished:
        raise DataError(f"{path}: is of a run that was not finished: --resume goes on with it; remove it to begin anew")
    return None


def _epoch_line(epoch: trainer.Epoch, pace: Pace) -> str:
    losses = f"loss {epoch.loss:.3f}  validation loss {epoch.validation_loss:.3f}"
    accuracy = "" if epoch.accuracy is None else f"  accuracy {percent(epoch.accuracy)}"
    steps = f"rate {epoch.rate:.2g}  gradient {epoch.gradient:.2g}"
    minutes, seconds = divmod(round(pace.left), 60)
    return f"epoch {epoch.number:3}  {losses}{accuracy}  {steps}  {pace.rate:.0f} examples/s  {minutes}:{seconds:02} left"


def _share(accuracy: float | None) -> str:
    return "none" if accuracy is None else percent(accuracy)


def evaluate(
    model: ModelFile,
    data: Annotated[
        list[Path],
        typer.Option(
            "--data", metavar="MANIFEST.csv", help="A manifest, or a folder with a sub-folder per label; several too."
        ),
    ],
    label_column: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="The column of the labels in a manifest, where that is not label, word, class or the like"
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Only the clips of this split; of folders, by validation_list.txt and testing_list.txt."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only so many clips, evenly spread.")] = None,
    few_shot: Annotated[
        int | None,
        typer.Option(
            "--few-shot",
            metavar="N",
            min=1,
            max=16,
            help="Teach words by so many clips of each, and ask for the others.",
            rich_help_panel=_FEW,
        ),
    ] = None,
    words: Annotated[
        str | None,
        typer.Option("--words", metavar="A,B,...", help="Those to teach. Default: all labels.", rich_help_panel=_FEW),
    ] = None,
    unknown: Annotated[
        Path | None,
        typer.Option("--unknown", metavar="MANIFEST.csv", help="Clips of words that are not taught.", rich_help_panel=_FEW),
    ] = None,
    draws: Annotated[
        int, typer.Option(metavar="N", min=1, help="How often the taught clips are drawn.", rich_help_panel=_FEW)
    ] = 20,
    queries: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Clips of each word to ask for in a draw, at the most. Default: all.", rich_help_panel=_FEW
        ),
    ] = None,
    neighbours: Annotated[
        int, typer.Option(metavar="N", min=1, max=8, help="Nearest shots whose mean distance counts.", rich_help_panel=_FEW)
    ] = 2,
    means: Annotated[
        bool, typer.Option("--means", help="Compare with the mean of a word's shots instead.", rich_help_panel=_FEW)
    ] = False,
    scores: Annotated[
        Path | None,
        typer.Option("--scores", metavar="OUT.csv", help="Write what was made of each clip: prediction, scores or what fired."),
    ] = None,
    on: OnOrReference = None,
    fresh: Fresh = False,
    description: DescriptionFile = None,
    json: Json = False,
) -> None:
    """Judge a model on labelled recordings or pictures.

    On a board, or on the reference, which gives the same numbers. A label of a picture may be the name of one of the
    model's, or its number. Separator, encoding and columns of a manifest are found.
    """
    if scores is not None:
        if few_shot is not None:
            raise DataError("--scores tells of clips that are judged one by one: it does not go with --few-shot")
        require_writable(scores, model, description, *data)
    loaded = load(model, description)
    picture = loaded.require_fed().kind == "picture"
    doing = "looking" if picture else "listening"
    batch = Batch("pictures" if picture else "recordings", note)

    def listed(path: Path) -> list[Clip]:
        suffixes = pictures.SUFFIXES if picture else audio.SUFFIXES
        return read_source(path, suffixes, label_column=label_column, split=split, report=note)

    clips = [clip for path in data for clip in listed(path)]
    if few_shot is not None:
        if unknown is None:
            raise DataError("--few-shot needs --unknown MANIFEST.csv: clips of words that are not taught")
        wanted = _wanted(words, clips)
        others = [clip for clip in listed(unknown) if clip.label not in wanted]
        clips = [clip for clip in clips if clip.label in wanted]
        with _maybe_board(on, fresh, loaded) as board, progress_bar(doing) as progress:
            found = fewshot.few_shot(
                loaded,
                clips,
                others,
                shots=few_shot,
                draws=draws,
                queries=queries,
                neighbours=fewshot.Neighbours(neighbours, means),
                board=board,
                progress=progress,
                batch=batch,
            )
        selection = Selection.of(clips)
        note(f"on {selection}")
        if json:
            say_json(found.as_dict() | {"selection": asdict(selection)} | batch.as_dict())
        else:
            _show_few_shot(found)
        return
    if limit is not None and limit < len(clips):
        clips = [clips[i * len(clips) // limit] for i in range(limit)]
    if not picture and (told := strangers(clips, loaded.description.labels)):
        note(told)
    with _maybe_board(on, fresh, loaded) as board, progress_bar(doing) as progress:
        result = judge(loaded, clips, board, progress, batch)
    selection = Selection.of(clips)
    note(f"on {selection}")
    if scores is not None:
        write_scores(result, scores)
        note(f"{scores}: {result.n} {'clip' if result.n == 1 else 'clips'}")
    if json:
        say_json(result.as_dict() | {"selection": asdict(selection)} | batch.as_dict())
    else:
        _show(result)


@contextmanager
def _maybe_board(on: str | None, fresh: bool, model: Model) -> Iterator[Board | None]:
    """A board that runs the model, or None for the reference."""
    if on == "reference":
        yield None
    else:
        with open_board(on, fresh) as board, running(board, model):
            yield board


def _wanted(words: str | None, clips: Sequence[Clip]) -> list[str]:
    """The words to teach. DataError: one of them has no clips."""
    known = list(dict.fromkeys(clip.label for clip in clips))
    wanted = known if words is None else [word.strip() for word in words.split(",") if word.strip()]
    strange = [word for word in wanted if word not in known]
    if strange or not wanted:
        raise DataError(f"--words: {', '.join(strange) or 'none'}: there are clips of {', '.join(known)}")
    return wanted


def _show_few_shot(found: fewshot.FewShot) -> None:
    say(f"{found.shots} shots of each of {len(found.words)} words, {found.draws} draws of {found.queries} queries")
    recognised = (
        f"{rate(found.detection_at_fa5, found.detection_at_fa5_ci95)} at 5 % false accepts, "
        f"{rate(found.detection_at_fa1, found.detection_at_fa1_ci95)} at 1 %"
    )
    say_facts([("accuracy", rate(found.accuracy, found.accuracy_ci95)), ("recognised", recognised)])


def _show(result: Evaluation) -> None:
    say(f"accuracy {_rate(result.right, result.n)}: {result.right} of {result.n} clips are right")
    say()
    rows = [
        (
            one.label,
            f"{one.right} of {one.n}",
            _rate(one.right, one.n),
            ", ".join(f"{label} {count}" for label, count in one.taken_for),
        )
        for one in result.classes
    ]
    say_table(("label", "right", "rate (95 %)", "taken for"), rows)


def _rate(right: int, n: int) -> str:
    return rate(right / max(n, 1), wilson(right, n))
