"""What a model is for: the description that lies beside its `.tflite` as `NAME.toml`.

docs/formats.md shows the file. `find` looks for the description of a model: the one beside it, else a ready one of the
package that names the model's SHA-256.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tomli_w

from watchword import shipped
from watchword.errors import ModelError
from watchword.features.micro import MICRO_MULTIPLIER, FrontendParameters


@dataclass(frozen=True)
class Decision:
    """When a word counts as heard.

    cutoff: mean score from which it fires, 0..1. window: runs of the model in that mean. refractory: seconds of silence
    after a detection. stride: frames of the front end from one run of the model to the next.
    """

    cutoff: float = 0.8
    window: int = 3
    refractory: float = 1.0
    stride: int = 4

    def __post_init__(self) -> None:
        if not 0 < self.cutoff <= 1:
            raise ModelError(f"decision.cutoff is {self.cutoff}: it is a mean score, above 0 and at most 1")
        if not 1 <= self.window <= 32:
            raise ModelError(f"decision.window is {self.window}: between 1 and 32 runs of the model are averaged")
        if not 0 <= self.refractory <= 60:
            raise ModelError(f"decision.refractory is {self.refractory}: between 0 and 60 seconds")
        if not 1 <= self.stride <= 100:
            raise ModelError(f"decision.stride is {self.stride}: the model runs every 1 to 100 frames")


@dataclass(frozen=True)
class Description:
    """labels: the names of the model's outputs, in order. background: those of them that never fire.

    input_multiplier: int8 input = (feature * input_multiplier + 2^15 >> 16) - 128. embedding: the layer whose output
    stands for what was heard, for words taught later. sha256: of the `.tflite`, lower-case hex, or empty.
    """

    name: str
    labels: tuple[str, ...]
    background: tuple[str, ...] = ()
    kind: Literal["sound", "picture"] = "sound"
    frontend: FrontendParameters = field(default_factory=FrontendParameters)
    input_multiplier: int = MICRO_MULTIPLIER
    decision: Decision = field(default_factory=Decision)
    embedding: str = ""
    sha256: str = ""
    licence: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if (
            not self.name
            or len(self.name) > 40
            or not all(c.isalnum() or c in "_-" for c in self.name)
            or not self.name.isascii()
        ):
            raise ModelError(
                f"name is {self.name!r}: 1 to 40 letters, digits, _ and - are allowed, as it names a file on the board"
            )
        if self.kind not in ("sound", "picture"):
            raise ModelError(f"kind is {self.kind!r}: it is sound or picture")
        if not self.labels or len(set(self.labels)) != len(self.labels):
            raise ModelError("labels: one different name for each output of the model is needed")
        strange = [label for label in self.background if label not in self.labels]
        if strange:
            raise ModelError(f"background names {strange[0]!r}, which is not among the labels {', '.join(self.labels)}")
        if not 1 <= self.input_multiplier <= 32767:
            raise ModelError(f"input.multiplier is {self.input_multiplier}: it is between 1 and 32767")

    def as_dict(self) -> dict[str, Any]:
        """The form of the file, and of the JSON in a program."""
        plain = dataclasses.asdict(self)
        multiplier = plain.pop("input_multiplier")
        tables = {key: plain.pop(key) for key in ("frontend", "decision")}
        plain.update(labels=list(self.labels), background=list(self.background))
        return {**plain, "frontend": tables["frontend"], "input": {"multiplier": multiplier}, "decision": tables["decision"]}


_TYPES: dict[str, type | tuple[type, ...]] = {
    "bool": bool,
    "int": int,
    "float": (int, float),
    "str": str,
}


def _fields(cls: type[Any], table: object, where: str) -> dict[str, Any]:
    """The values of `table` that a dataclass takes; an unknown key or a wrong type is an error that names it."""
    if not isinstance(table, dict):
        raise ModelError(f"{where or 'the description'} is {table!r}: a table is expected")
    known = {f.name: str(f.type) for f in dataclasses.fields(cls)}
    for key, value in table.items():
        name = f"{where}.{key}" if where else key
        if key not in known:
            raise ModelError(f"{name} is not known; known here: {', '.join(known)}")
        kind = known[key]
        if kind.startswith("tuple"):
            if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
                raise ModelError(f"{name} is {value!r}: a list of strings is expected")
        elif kind in _TYPES and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "bool")):
            raise ModelError(f"{name} is {value!r}: {kind} is expected")
    return {key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}


def from_dict(table: dict[str, Any]) -> Description:
    """A description from the form of `as_dict`. Raises ModelError naming the key that is wrong."""
    table = dict(table)
    parts: dict[str, Any] = {}
    if "frontend" in table:
        parts["frontend"] = FrontendParameters(**_fields(FrontendParameters, table.pop("frontend"), "frontend"))
    if "decision" in table:
        parts["decision"] = Decision(**_fields(Decision, table.pop("decision"), "decision"))
    scaling = table.pop("input", {})
    if not isinstance(scaling, dict) or set(scaling) - {"multiplier"}:
        raise ModelError(f"input is {scaling!r}: a table with the key multiplier is expected")
    if "multiplier" in scaling:
        if not isinstance(scaling["multiplier"], int):
            raise ModelError(f"input.multiplier is {scaling['multiplier']!r}: int is expected")
        parts["input_multiplier"] = scaling["multiplier"]
    values = _fields(Description, table, "")
    for key in ("name", "labels"):
        if key not in values:
            raise ModelError(f"{key} is missing")
    return Description(**values, **parts)


def read(path: Path) -> Description:
    """The description in a TOML file. Raises ModelError that names the file and what is wrong in it."""
    try:
        return from_dict(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ModelError(f"{path}: not a readable TOML file: {error}") from None
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None


def write(description: Description, path: Path) -> None:
    """Write the TOML file that `read` reads."""
    path.write_text(tomli_w.dumps(description.as_dict()), "utf-8")


def find(model: Path, content: bytes) -> Description | None:
    """The description of a `.tflite`: NAME.toml beside it, else a ready one of the package with its SHA-256, else None.

    Raises ModelError where the one beside the model names another model's SHA-256.
    """
    digest = hashlib.sha256(content).hexdigest()
    beside = model.with_suffix(".toml")
    if beside.is_file():
        found = read(beside)
        if found.sha256 and found.sha256 != digest:
            raise ModelError(
                f"{beside}: sha256 belongs to another file than {model.name} ({digest[:16]}…): correct or remove the line"
            )
        return dataclasses.replace(found, sha256=digest)
    for path in sorted(shipped.models().rglob("*.toml")):
        text = path.read_text("utf-8")
        if digest in text:
            return read(path)
    return None
