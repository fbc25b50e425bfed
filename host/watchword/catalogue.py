"""Models by name: those that come with the package, and those of other projects whose description does.

The files of the latter are not the package's to give: what is known of them is where they are.
"""

from __future__ import annotations

import difflib
from os.path import isfile  # which no name is too long for
from pathlib import Path

from watchword import description, shipped
from watchword.errors import ModelError
from watchword.settings import shown

_DESCRIPTIONS = "descriptions"  # folder among `shipped.models()`, a file for each model: NAME.toml of NAME.tflite


def find(model: Path | str) -> Path:
    """The file that MODEL means: a path, else a name: that of NAME.tflite in the folder, else of a model of the package.

    Raises ModelError in one line: no such name, with those that there are, or a file that has to be downloaded first.
    """
    path = Path(model)
    if isfile(path):
        return path
    if path.suffix == "" and "" != path.name == str(model):
        beside = path.with_suffix(".tflite")
        if isfile(beside):
            return beside
        if path.name in (own := shipped_models()):
            return own[path.name]
        if path.name not in known():
            raise ModelError(
                f"{shown(path.name)}: no such file, and no model of that name; known: {', '.join(_nearest(path.name))}"
            )
    described = shipped.models() / _DESCRIPTIONS / f"{path.stem}.toml"
    if path.suffix in ("", ".tflite") and isfile(described):
        file = path.with_suffix(".tflite")
        source = description.read(described).source.partition(",")[0]  # the author may follow
        raise ModelError(f"{file}: no such file: download it from {source}, then again")
    return path


def shipped_models() -> dict[str, Path]:
    """The models of the package: their files by name."""
    return {path.stem: path for path in sorted(shipped.models().rglob("*.tflite"))}


def known() -> list[str]:
    """All names: the package's models, then those that it only describes."""
    described = sorted(path.stem for path in (shipped.models() / _DESCRIPTIONS).glob("*.toml"))
    return [*shipped_models(), *described]


def _nearest(name: str) -> list[str]:
    """All names, those that look like this one first."""
    names = known()
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return near + [other for other in names if other not in near]
