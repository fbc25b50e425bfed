"""Looking at data sets before anything is trained on them: data check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from watchword.cli.options import Json, load
from watchword.cli.output import note, progress_bar, say, say_facts, say_json, say_table
from watchword.cli.usage import Command, CommandGroup
from watchword.data import audio, files, pictures
from watchword.data.batch import Batch
from watchword.data.check import check as look_through
from watchword.data.manifests import read_manifest
from watchword.data.sources import read_source
from watchword.errors import DataError
from watchword.evaluate.outliers import outliers

data = typer.Typer(cls=CommandGroup, help="Look at a data set before a model is trained on it.", no_args_is_help=True)


@data.command(cls=Command)
def check(
    source: Annotated[
        Path,
        typer.Argument(metavar="DIR|MANIFEST", help="A folder with a sub-folder per label, or a list of files with labels."),
    ],
    label_column: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column of the labels, where that is not label, word, class or the like."),
    ] = None,
    split_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of the splits, where that is not split, fold or the like.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Also find clips that this model takes for another label, by its embedding."),
    ] = None,
    most: Annotated[int, typer.Option("--most", metavar="N", min=1, help="So many of those are listed.")] = 20,
    json: Json = False,
) -> None:
    """Find what spoils training, or flatters its figures, in recordings or pictures.

    Speakers and identical clips in several splits, two labels of one clip, silence, clipping, low rates, uneven labels; faults
    that only one label has. Files that cannot be read are counted.
    """
    picture = _pictures(source)
    suffixes = pictures.SUFFIXES if picture else audio.SUFFIXES
    clips = read_source(source, suffixes, label_column=label_column, split_column=split_column, report=note)
    batch = Batch("pictures" if picture else "recordings", note)
    with progress_bar("looking" if picture else "listening") as progress:
        found = look_through(clips, picture=picture, batch=batch, progress=progress)
    strange = []
    if model is not None:
        loaded = load(Path(model))
        with progress_bar("comparing") as progress:
            strange = outliers(loaded, clips, progress)
    if json:
        listed = [
            {"file": str(one.clip.path), "label": one.clip.label, "nearer": one.label, "own": one.own, "other": one.other}
            for one in strange
        ]
        say_json(found.as_dict() | ({"outliers": listed} if model is not None else {}))
        return
    splits = ", ".join(f"{name} {count}" for name, count in found.splits.items())
    facts = [("clips", str(found.clips)), ("splits", splits or "none"), ("speakers", str(found.speakers or "not known"))]
    if not picture:
        facts.append(("sound", f"{found.seconds / 60:.1f} min"))
    say_facts(facts)
    say()
    say_table(("label", "clips", "share"), [(label, n, f"{n / found.clips:.1%}") for label, n in found.labels.items()])
    say()
    for finding in found.findings:
        say(f"{finding.kind}: {finding.text}")
        for file in finding.files:
            say(f"    {file}")
    if not found.findings:
        say("nothing is amiss")
    if strange:
        say()
        say(f"{len(strange)} of {found.clips} clips are nearer to another label; those that are farthest:")
        rows = [(one.clip.path, one.clip.label, one.label, f"{one.own:.2f}", f"{one.other:.2f}") for one in strange[:most]]
        say_table(("file", "label", "nearer to", "own", "other"), rows)


def _pictures(source: Path) -> bool:
    """Whether a source has pictures: by what is in a folder, or by the first file of a list."""
    if source.is_dir():
        return not files.find(source, audio.SUFFIXES) and bool(files.find(source, pictures.SUFFIXES))
    clips = read_manifest(source, labelled=False)
    if not clips:
        raise DataError(f"{source}: lists no files")
    return clips[0].path.suffix.lower() in pictures.SUFFIXES
