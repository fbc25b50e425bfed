"""What a model is for: the description that lies beside its `.tflite` as `NAME.toml`.

docs/formats.md shows the file, description.schema.json is its JSON Schema, which `make schema` writes. `find` looks for the
description of a model: the one beside it (ours, or the `.json` of a microWakeWord), else a ready one of the package that names
the model's SHA-256.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tomli_w

from watchword import microwakeword, settings, shipped
from watchword.errors import DataError, ModelError
from watchword.features.micro import MICRO_MULTIPLIER, FrontendParameters

Kind = Literal["sound", "picture", "tensor"]
Features = Literal["micro", "mfcc", "log_mel"]

# What boards keep to.
LONGEST_WINDOW: int = microwakeword.LONGEST_WINDOW
LONGEST_STRIDE: int = shipped.firmware_module("feeds").LONGEST_STRIDE
LONGEST_REFRACTORY: int = shipped.firmware_module("feeds").LONGEST_REFRACTORY
_NAME_LENGTH = 40
_TEXT_LENGTH = 200  # of strings that a program carries to a board whose memory is small
_MOST_PARTS = 8  # of an embedding
_GREATEST_MULTIPLIER = 1 << 20
_GREATEST_SOUND_MULTIPLIER = 32767
_TEXT: dict[str, Any] = {"maxLength": _TEXT_LENGTH}
_LABEL = {"minLength": 1, "maxLength": _NAME_LENGTH, "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"}


@dataclass(frozen=True)
class Decision:
    """When a label counts as heard or seen.

    cutoff: mean score from which it fires, 0..1. window: runs of the model in that mean. refractory: seconds in which nothing
    fires after a detection, from where its mean falls below the cutoff. stride: frames of the front end, or pictures, from one
    run of the model to the next.
    """

    cutoff: float = field(default=0.8, metadata={"exclusiveMinimum": 0, "maximum": 1})
    window: int = field(default=3, metadata={"minimum": 1, "maximum": LONGEST_WINDOW})
    refractory: float = field(default=1.0, metadata={"minimum": 0, "maximum": LONGEST_REFRACTORY})
    stride: int = field(default=4, metadata={"minimum": 1, "maximum": LONGEST_STRIDE})

    def __post_init__(self) -> None:
        if not 0 < self.cutoff <= 1:
            raise ModelError(f"cutoff is {self.cutoff}: it is a mean score, above 0 and at most 1")
        if not 1 <= self.window <= LONGEST_WINDOW:
            raise ModelError(f"window is {self.window}: between 1 and {LONGEST_WINDOW} runs of the model are averaged")
        if not 0 <= self.refractory <= LONGEST_REFRACTORY:
            raise ModelError(f"refractory is {self.refractory}: between 0 and {LONGEST_REFRACTORY} seconds")
        if not 1 <= self.stride <= LONGEST_STRIDE:
            raise ModelError(f"stride is {self.stride}: the model runs every 1 to {LONGEST_STRIDE} frames")


@dataclass(frozen=True)
class Scaling:
    """From a feature or a pixel (0..255) v to the model's int8: (v * multiplier + 2^15 >> 16) + offset, at most 127.

    Integers, so that host and boards agree; a multiplier of 65536 leaves v as it is. Models whose input has another scale have
    another multiplier.
    """

    multiplier: int = field(metadata={"minimum": 1, "maximum": _GREATEST_MULTIPLIER})
    offset: int = field(default=-128, metadata={"minimum": -128, "maximum": 127})

    def __post_init__(self) -> None:
        if not 1 <= self.multiplier <= _GREATEST_MULTIPLIER:
            raise ModelError(f"multiplier is {self.multiplier}: it is between 1 and {_GREATEST_MULTIPLIER}")
        if not -128 <= self.offset <= 127:
            raise ModelError(f"offset is {self.offset}: it is between -128 and 127")


FEATURES = Scaling(MICRO_MULTIPLIER)  # of the micro front end, as micro_speech and ESPHome scale them
PIXELS = Scaling(1 << 16)  # pixel - 128


@dataclass(frozen=True)
class Description:
    """name: of the program on a board. labels: the model's outputs, in order. background: those of them that never fire.

    kind: what feeds the model; "tensor" is everything that watchword neither hears nor sees. features: what a model for sound
    takes; those that are not "micro" are made by nothing here. frontend: belongs to sound of "micro" features. input, decision:
    to that and to pictures, whose input is PIXELS where nothing else is known. embedding: the layer whose output stands for
    what was heard or seen, for labels taught later; embedding_parts: stretches of its rows of which each is a mean of its own
    (embedding.py). sha256: of the `.tflite`, lower-case hex, or empty.
    """

    name: str = field(
        metadata={"pattern": f"^[A-Za-z0-9_-]{{1,{_NAME_LENGTH}}}$", "description": "names the program on the board"}
    )
    labels: tuple[str, ...] = field(
        metadata={
            "minItems": 1,
            "uniqueItems": True,
            "items": {"type": "string", **_LABEL},
            "description": "the model's outputs, in order",
        }
    )
    background: tuple[str, ...] = field(default=(), metadata={"description": "the labels that never fire"})
    kind: Kind = field(default="sound", metadata={"description": "what feeds the model; tensor: nothing here"})
    features: Features = field(
        default="micro",
        metadata={"description": "of sound: what the model takes; a front end of this package makes only micro"},
    )
    embedding: str = field(
        default="", metadata=_TEXT | {"description": "the layer whose output stands for what was heard or seen"}
    )
    embedding_parts: int = field(
        default=1,
        metadata={
            "minimum": 1,
            "maximum": _MOST_PARTS,
            "description": "stretches of that layer's rows, each with its own mean",
        },
    )
    sha256: str = field(default="", metadata={"pattern": "^([0-9a-f]{64})?$", "description": "of the .tflite"})
    licence: str = field(default="", metadata=_TEXT)
    source: str = field(default="", metadata=_TEXT)
    frontend: FrontendParameters = field(
        default_factory=FrontendParameters, metadata={"description": "parameters of the micro front end"}
    )
    input: Scaling = field(
        default=FEATURES, metadata={"description": "int8 = (feature or pixel * multiplier + 2^15 >> 16) + offset"}
    )
    decision: Decision = field(default_factory=Decision)

    def __post_init__(self) -> None:
        if self.name != program_name(self.name):
            raise ModelError(
                f"name is {settings.shown(self.name)}: 1 to {_NAME_LENGTH} letters, digits, _ and - are allowed, as it names a "
                "file on the board"
            )
        if not self.labels or len(set(self.labels)) != len(self.labels):
            raise ModelError("labels: one different name for each output of the model is needed")
        for label in self.labels:
            if not 1 <= len(label) <= _NAME_LENGTH or not label.isprintable():
                raise ModelError(f"labels: {settings.shown(label)} is not 1 to {_NAME_LENGTH} printable characters")
        strange = [label for label in self.background if label not in self.labels]
        if strange:
            raise ModelError(f"background names {settings.shown(strange[0])}, which is not among the labels")
        if self.sha256 and (len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef")):
            raise ModelError(f"sha256 is {settings.shown(self.sha256)}: 64 lower-case hexadecimal digits are expected")
        for key in ("embedding", "licence", "source"):
            if len(getattr(self, key)) > _TEXT_LENGTH:
                raise ModelError(f"{key} has more than {_TEXT_LENGTH} characters")
        if not 1 <= self.embedding_parts <= _MOST_PARTS:
            raise ModelError(
                f"embedding_parts is {self.embedding_parts}: 1 to {_MOST_PARTS} stretches of the layer's rows are possible"
            )
        if self.kind == "sound" and (self.input.multiplier > _GREATEST_SOUND_MULTIPLIER or self.input.offset != -128):
            raise ModelError(
                f"input has multiplier {self.input.multiplier} and offset {self.input.offset}: for sound they are at most "
                f"{_GREATEST_SOUND_MULTIPLIER} and always -128"
            )

    @property
    def tables(self) -> tuple[str, ...]:
        """The keys that only some kinds of description have, of this one."""
        if self.kind == "sound":
            return ("features", "frontend", "input", "decision") if self.features == "micro" else ("features",)
        return ("input", "decision") if self.kind == "picture" else ()

    def as_dict(self) -> dict[str, Any]:
        """The form of the file, and of the JSON in a program."""
        plain = dataclasses.asdict(self)
        plain.update(labels=list(self.labels), background=list(self.background))
        return {key: value for key, value in plain.items() if key in self.tables or key not in _TABLES}


_TABLES = ("features", "frontend", "input", "decision")


def schema() -> str:
    """The text of description.schema.json: the JSON Schema of the form of `as_dict`."""
    sound = {"multiplier": {"maximum": _GREATEST_SOUND_MULTIPLIER}, "offset": {"const": -128}}

    def only(key: str, values: list[str]) -> dict[str, Any]:
        return {"required": [key], "properties": {key: {"enum": values}}}

    def none(*keys: str) -> dict[str, Any]:
        return {"properties": dict.fromkeys(keys, False)}

    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Description of a model for watchword",
        "description": "NAME.toml beside NAME.tflite, and the JSON in a program. "
        "Not said here: background is a subset of labels, labels are printable, and 3.0 is no whole number.",
        **settings.schema(Description),
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": "sound"}}},
                "then": {"properties": {"input": {"properties": sound}}},
                "else": none("features", "frontend"),
            },
            {"if": only("features", ["mfcc", "log_mel"]), "then": none("frontend", "input", "decision")},
            {"if": only("kind", ["tensor"]), "then": none("input", "decision")},
        ],
    }
    return json.dumps(whole, indent=1) + "\n"


def program_name(name: str) -> str:
    """`name` with what a program's name cannot have replaced: 1 to 40 letters, digits, _ and -."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in name)[:_NAME_LENGTH] or "model"


def from_dict(table: dict[str, Any]) -> Description:
    """A description from the form of `as_dict`. Raises ModelError naming the key that is wrong."""
    if table.get("kind") == "picture":
        table = {"input": dataclasses.asdict(PIXELS), **table}
    try:
        description = settings.build(Description, table)
    except DataError as error:
        raise ModelError(str(error)) from None
    for key in _TABLES:
        if key in table and key not in description.tables:
            made = f' with features = "{description.features}"' if description.kind == "sound" else ""
            raise ModelError(f'{key} is not known where kind is "{description.kind}"{made}')
    return description


def read(path: Path, frames: int = 1) -> Description:
    """The description in a TOML file or a microWakeWord's `.json`. frames: of the model's input, which a `.json` leaves to it.

    Raises ModelError that names the file and what is wrong in it.
    """
    try:
        table = settings.read_json(path) if path.suffix == ".json" else settings.read_toml(path)
    except DataError as error:
        raise ModelError(str(error)) from None
    try:
        return from_dict(
            microwakeword.as_description(table, program_name(path.stem), frames) if path.suffix == ".json" else table
        )
    except (DataError, ModelError) as error:
        raise ModelError(f"{path}: {error}") from None


def write(description: Description, path: Path, heading: str = "") -> None:
    """Write the TOML file that `read` reads. heading: lines of comment before it. ModelError: it cannot be written."""
    comment = "".join(f"# {line}\n" for line in heading.splitlines())
    try:
        path.write_text(comment + tomli_w.dumps(description.as_dict()), "utf-8")
    except OSError as error:
        raise ModelError(f"{path}: cannot be written: {error.strerror}") from None


def find(model: Path, content: bytes, frames: int = 1, manifest: Path | None = None) -> Description | None:
    """The description of a `.tflite`, whose bytes are `content`; None where there is none. frames: as in `read`. manifest: the
    microWakeWord's `.json` by which the model was named, if it was; else it is the first of these that is there:

    NAME.toml beside it, else a microWakeWord's `.json` beside it (`microwakeword.manifest_of`), else a ready one of the package
    with its SHA-256. Raises ModelError where one beside the model is wrong or names another model's SHA-256.
    """
    digest = hashlib.sha256(content).hexdigest()
    toml = model.with_suffix(".toml")
    beside = manifest or (toml if toml.is_file() else microwakeword.manifest_of(model))
    if beside is not None:
        found = read(beside, frames)
        if found.sha256 and found.sha256 != digest:
            raise ModelError(
                f"{beside}: sha256 belongs to another file than {model.name} ({digest[:16]}…): correct or remove the line"
            )
        return dataclasses.replace(found, sha256=digest)
    for path in sorted(shipped.models().rglob("*.toml")):
        if digest in path.read_text("utf-8"):
            return read(path)
    return None
