"""Settings in files of a user's: a TOML or JSON table is read with bounds and fills a dataclass, and mistakes are named.

`read_toml` and `read_json` take whatever a file may hold, `build` whatever a table may hold. Both raise DataError, one line.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import reprlib
import tomllib
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from watchword.errors import DataError, ModelError

T = TypeVar("T")

# Bytes of a file that are looked at. The time that tomllib takes for dotted keys grows with the square of their length.
LIMIT = 16 * 1024

_SHORT = 120  # characters of names in a message


def read_toml(path: Path) -> dict[str, Any]:
    """The table in a TOML file. DataError: names the file and what is wrong with it."""
    table: dict[str, Any] = _parse(path, "TOML", tomllib.loads)
    return table


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. DataError: names the file and what is wrong with it."""
    table = _parse(path, "JSON", json.loads)
    if not isinstance(table, dict):
        raise DataError(f"{path}: holds {shown(table)}: a JSON object is expected")
    return table


def _parse(path: Path, form: str, loads: Callable[[str], Any]) -> Any:
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT + 1)
        if len(content) > LIMIT:
            raise DataError(f"{path}: has more than {LIMIT} bytes, too much for what it is")
        return loads(content.decode("utf-8-sig"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except RecursionError:
        raise DataError(f"{path}: not a readable {form} file: nested too deep") from None
    except ValueError as error:  # bad UTF-8, bad syntax, an integer of thousands of digits
        raise DataError(f"{path}: not a readable {form} file: {' '.join(str(error).split())}") from None


def build(cls: type[T], table: object, where: str = "") -> T:
    """A dataclass from a table, and its parts from the tables in it. `where`: the name of the table, empty for the file.

    A field whose metadata have "named", classes by name, is one of those: the table's key `name` says which. Where the class of
    a part depends on another key, `cls.chosen(table)` says which it is, by the name of the field.

    DataError: names the key that is missing, unknown or of another type, or that `cls` refuses by DataError or ModelError.
    """
    if not isinstance(table, dict):
        raise DataError(f"{where} is {shown(table)}: a table is expected")
    types = typing.get_type_hints(cls)
    if chosen := getattr(cls, "chosen", None):
        types |= chosen(table)
    fields = {entry.name: entry for entry in dataclasses.fields(cls)}  # type: ignore[arg-type]
    prefix = f"{where}." if where else ""
    for key in table:
        if key not in fields:
            name = key if key.isidentifier() and len(key) <= 40 else shown(key)
            raise DataError(f"{prefix}{name} is not known{nearest(key, fields)}; known here: {', '.join(fields)}")
    for name, entry in fields.items():
        required = entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING
        if required and name not in table:
            raise DataError(f"{prefix}{name} is missing")
    values = {
        key: _named(fields[key].metadata["named"], value, f"{prefix}{key}")
        if "named" in fields[key].metadata
        else _convert(types[key], value, f"{prefix}{key}")
        for key, value in table.items()
    }
    try:
        return cls(**values)
    except (DataError, ModelError) as error:
        raise DataError(f"{prefix}{error}") from None


def _named(classes: Mapping[str, type[Any]], table: object, where: str) -> object:
    """One of several dataclasses from a table: the one that its key `name` names, the first without one."""
    if not isinstance(table, dict):
        raise DataError(f"{where} is {shown(table)}: a table is expected")
    name = table.get("name", next(iter(classes)))
    if not isinstance(name, str) or name not in classes:
        raise DataError(f"{where}.name is {shown(name)}{nearest(name, classes)}: it is one of {', '.join(classes)}")
    return build(classes[name], {key: value for key, value in table.items() if key != "name"}, where)


def schema(cls: type[Any]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of the tables that `build` takes for a dataclass.

    A field's metadata are keywords that its type does not tell: minimum, pattern and the like.
    """
    types = typing.get_type_hints(cls)
    properties, required = {}, []
    for entry in dataclasses.fields(cls):
        keywords = _keywords(types[entry.name]) | dict(entry.metadata)
        if entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING:
            required.append(entry.name)
        elif isinstance(entry.default, (str, int, float)):
            keywords["default"] = entry.default
        properties[entry.name] = keywords
    return {"type": "object", "required": required, "additionalProperties": False, "properties": properties}


def _keywords(kind: Any) -> dict[str, Any]:
    """What JSON Schema says of the type of a field."""
    if dataclasses.is_dataclass(kind):
        return schema(typing.cast("type[Any]", kind))
    if typing.get_origin(kind) is Literal:
        return {"enum": list(typing.get_args(kind))}
    if typing.get_origin(kind) is tuple:
        return {"type": "array", "items": _keywords(typing.get_args(kind)[0])}
    return {"type": {str: "string", int: "integer", float: "number", bool: "boolean"}[kind]}


def _convert(kind: Any, value: object, where: str) -> object:
    """A value as the type of a field; whole numbers pass as float, lists as tuple."""
    if dataclasses.is_dataclass(kind):
        return build(typing.cast("type[Any]", kind), value, where)
    if typing.get_origin(kind) is Literal:
        known = typing.get_args(kind)
        if not isinstance(value, str) or value not in known:
            raise DataError(f"{where} is {shown(value)}{nearest(value, known)}: it is {' or '.join(known)}")
        return value
    if typing.get_origin(kind) is tuple:
        entries = typing.get_args(kind)
        if not isinstance(value, list):
            raise DataError(f"{where} is {shown(value)}: a list is expected")
        if entries[-1] is Ellipsis:
            entries = (entries[0],) * len(value)
        if len(value) != len(entries):
            raise DataError(f"{where} is {shown(value)}: {len(entries)} entries are expected")
        return tuple(
            _convert(entry, part, f"{where}[{number}]") for number, (entry, part) in enumerate(zip(entries, value, strict=True))
        )
    if kind is float and type(value) is int and abs(value) < 1 << 53:
        return float(value)
    if type(value) is not kind:
        raise DataError(f"{where} is {shown(value)}: {kind.__name__} is expected")
    if isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        raise DataError(f"{where} is {shown(value)}: it holds half a character (a lone surrogate), which no file can")
    return value


def nearest(value: object, known: Collection[str]) -> str:
    """What a mistyped name may have meant, to say: `, did you mean 'epochs'?`; empty where none of `known` is near."""
    found = difflib.get_close_matches(value[:80], known, n=1) if isinstance(value, str) else []
    return f", did you mean {shown(found[0])}?" if found else ""


def listed(names: Sequence[str]) -> str:
    """Join names for a message: as many as are short together, and how many more there are."""
    few: list[str] = []
    for name in names:
        printable = name if name.isprintable() else ascii(name)
        if few and len(", ".join([*few, printable])) > _SHORT:
            break
        few.append(printable)
    text = ", ".join(few)
    shortened = text if len(text) <= _SHORT else f"{text[:_SHORT]}…"
    return shortened + (f" and {len(names) - len(few)} more" if len(names) > len(few) else "")


def between(name: str, value: float, low: float, high: float) -> None:
    """DataError: a value is not in its range."""
    if not low <= value <= high:
        raise DataError(f"{name} is {value}: it is between {low} and {high}")


def all_between(name: str, values: tuple[float, ...], low: float, high: float) -> None:
    """DataError: one of several is not in its range."""
    for value in values:
        between(name, value, low, high)


def ordered(name: str, ends: tuple[float, float], low: float, high: float) -> None:
    """DataError: the ends of a range are in the wrong order, or outside another one."""
    first, last = ends
    if not first <= last:
        raise DataError(f"{name} is {first} to {last}: the lower end comes first")
    if not low <= first <= last <= high:
        raise DataError(f"{name} is {first} to {last}: it lies between {low} and {high}")


def shown(value: object) -> str:
    """A value in an error message: on one line, and short whatever it holds."""
    return reprlib.repr(value)
