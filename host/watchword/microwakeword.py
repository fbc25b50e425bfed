"""The `.json` beside a microWakeWord model, in ESPHome's versions 1 and 2, read as a description.

Facts: ESPHome's component micro_wake_word (the manifests' schemas: __init__.py) and
https://github.com/esphome/micro-wake-word-models. Version 1 has a step of 20 ms. ESPHome hears the word when the last
`sliding_window_size` outputs (uint8) add up to more than sliding_window_size * c, where c is 255 * probability_cutoff without
its fraction. Then it sets them to 0 and waits for 100 frames with a newest output below c (streaming_model.cpp).

People's files leave keys out or mix those of both versions: what is missing is what that version's published models have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from watchword import settings, shipped
from watchword.errors import DataError, ModelError

LONGEST_WINDOW: int = shipped.firmware_module("feeds").LONGEST_WINDOW
"""Runs of a model in a mean: what a board keeps."""

_COOL_DOWN = 100  # frames
_SOURCE = ("author", "website")
_LICENCE = ("license", "licence")
_WINDOWS = ("sliding_window_size", "sliding_window_average_size")  # of version 2 and of version 1
_LONGEST_TEXT = 200  # that a description takes


@dataclass(frozen=True)
class _Version:
    """What a version's models have where a manifest does not say it. step: ms."""

    cutoff: float
    window: int
    step: int


_VERSIONS = {1: _Version(0.5, 10, 20), 2: _Version(0.97, 5, 10)}


def as_description(manifest: Mapping[str, Any], name: str, frames: int) -> dict[str, Any]:
    """The table of the description (`description.from_dict`) of a model whose input is `frames` frames of 40 features.

    name: of the file, which names the word too where the manifest does not. DataError: names the key that is wrong. Keys that
    do not matter here are not looked at.
    """
    micro = manifest.get("micro", {})
    if manifest.get("type", "micro") != "micro" or not {"type", "micro"} & manifest.keys():
        found = f"type is {settings.shown(manifest['type'])}" if "type" in manifest else "it has neither type nor micro"
        raise DataError(f'{found}: it is no microWakeWord, whose .json has "type": "micro"')
    if not isinstance(micro, dict):
        raise DataError(f"micro is {settings.shown(micro)}: a table is expected")
    word = manifest.get("wake_word", name)
    if not isinstance(word, str) or not word.split():
        raise DataError(f"wake_word is {settings.shown(word)}: the word is expected")
    version = _version(manifest, micro)
    step = _step(micro, version)
    window = _window(micro, version)
    return {
        "name": name,
        "labels": ["_".join(word.lower().split())],
        "licence": _text(manifest, _LICENCE),
        "source": _text(manifest, _SOURCE),
        "frontend": {"hop_ms": step},
        "decision": {
            "cutoff": _cutoff(_quantized(micro.get("probability_cutoff", _VERSIONS[version].cutoff)), window),
            "window": window,
            "refractory": _COOL_DOWN * step / 1000,
            "stride": frames,
        },
    }


def _version(manifest: Mapping[str, Any], micro: Mapping[str, Any]) -> int:
    """As it says, else as its keys do."""
    guessed = 1 if _WINDOWS[1] in micro and not {_WINDOWS[0], "feature_step_size"} & micro.keys() else 2
    version = manifest.get("version", guessed)
    if type(version) is not int or version not in _VERSIONS:
        raise DataError(f"version is {settings.shown(version)}: 1 and 2 are known")
    return version


def _step(micro: Mapping[str, Any], version: int) -> int:
    step = micro.get("feature_step_size", _VERSIONS[version].step)
    if type(step) is not int or step not in (10, 20):
        raise DataError(f"micro.feature_step_size is {settings.shown(step)}: it is 10 or 20 here")
    if version == 1 and step != _VERSIONS[1].step:
        raise DataError(f"micro.feature_step_size is {step}, but version 1 means {_VERSIONS[1].step} ms: put one of them right")
    return step


def _window(micro: Mapping[str, Any], version: int) -> int:
    given = {key: micro[key] for key in _WINDOWS if key in micro}
    for key, window in given.items():
        if type(window) is not int or not 1 <= window <= LONGEST_WINDOW:
            raise DataError(f"micro.{key} is {settings.shown(window)}: a whole number from 1 to {LONGEST_WINDOW} is expected")
    if len(set(given.values())) > 1:
        both = " but ".join(f"{key} {window}" for key, window in given.items())
        raise DataError(f"micro has {both}: version 2's and version 1's; put one of them right")
    return next(iter(given.values()), _VERSIONS[version].window)


def _quantized(probability: object) -> int:
    """c of `probability_cutoff`: a probability, or a whole number of 255, or a percentage with its sign, as "97 %"."""
    value: object = probability
    text = probability.strip() if isinstance(probability, str) else ""
    if text:
        try:
            value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            value = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        if 0 <= value <= 1:
            return int(value * 255)
        if 1 < value <= 255 and value == int(value) and not text.endswith("%"):
            return int(value)
    raise DataError(
        f"micro.probability_cutoff is {settings.shown(probability)}: it is between 0 and 1, a whole number of 255, or a "
        'percentage as "97 %"'
    )


def _text(manifest: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return ", ".join(manifest[key] for key in keys if isinstance(manifest.get(key), str))[:_LONGEST_TEXT]


def _cutoff(c: int, window: int) -> float:
    """The cutoff with which our decision fires on the very runs that ESPHome's does.

    Ours fires from the least sum of scores that reaches cutoff * 256 * window, ESPHome's from c * window + 1. The cutoff lies
    midway between that sum and the one before it, so that rounding, here to four digits, cannot move it past either.
    """
    return round((c * window + 0.5) / (256 * window), 4)


# ---- which file belongs to which


def model_of(manifest: Path) -> Path:
    """The `.tflite` that a manifest belongs to: the one beside it that it names, else the one of its own name.

    Of `model` only the last part counts, of a path or an address. ModelError: neither is there, with what to do; or the file is
    no manifest.
    """
    try:
        table = settings.read_json(manifest)
        as_description(table, manifest.stem, 1)
    except DataError as error:
        text = str(error)
        raise ModelError(text if text.startswith(str(manifest)) else f"{manifest}: {text}") from None
    own = manifest.with_suffix(".tflite")
    named = _named(table)
    for path in (manifest.with_name(named) if named else own, own):
        if path.is_file():
            return path
    if not named:
        raise ModelError(f"{manifest}: names no model, and no {own.name} lies beside it: put the model there under that name")
    address = table["model"]
    from_where = f"download it from {address[:120]} into" if _is_address(address) else "put it into"
    raise ModelError(f"{manifest}: its model {named!r:.70} is not beside it: {from_where} that folder, then again")


def manifest_of(model: Path) -> Path | None:
    """The manifest that belongs to a `.tflite`: NAME.json beside it, unless that one names another model that is there; else
    the one beside it that names it; else a NAME.json that is no manifest, whose reader says so. ModelError: several name it.
    """
    own = model.with_suffix(".json")
    table = _table(own)
    if table:
        named = _named(table)
        if named in ("", model.name) or not model.with_name(named).is_file():
            return own
    naming = [path for path in sorted(model.parent.glob("*.json")) if path != own and _named(_table(path)) == model.name]
    if len(naming) > 1:
        raise ModelError(
            f"{model}: {naming[0].name} and {naming[1].name} both name it: `--description {naming[0].name}` chooses one, "
            "or leave one of them there"
        )
    if naming:
        return naming[0]
    return own if own.is_file() and not table else None


def _table(path: Path) -> dict[str, Any]:
    """What a file holds that may be a manifest; empty where it is none."""
    try:
        table = settings.read_json(path)
    except DataError:
        return {}
    return table if isinstance(table.get("micro"), dict) or table.get("type") == "micro" else {}


def _named(table: Mapping[str, Any]) -> str:
    """The file name of the model that a manifest names; empty: none."""
    model = table.get("model")
    if not isinstance(model, str):
        return ""
    path = unquote(urlsplit(model).path) if _is_address(model) else model
    name = path.replace("\\", "/").rpartition("/")[2].strip()
    return "" if name in ("..", ".") or "\0" in name or len(name) > 200 else name


def _is_address(model: str) -> bool:
    return model.lower().startswith(("http://", "https://"))
