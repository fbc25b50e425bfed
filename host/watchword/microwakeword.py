"""The `.json` beside a microWakeWord model, in ESPHome's versions 1 and 2, read as a description.

Facts: ESPHome's component micro_wake_word and https://github.com/esphome/micro-wake-word-models. Version 1 has a step of 20 ms.
ESPHome hears the word when the last `sliding_window_size` outputs (uint8) add up to more than sliding_window_size * c, where c
is 255 * probability_cutoff without its fraction. Then it sets them to 0 and waits for 100 frames with a newest output below c.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from watchword import settings, shipped
from watchword.errors import DataError

LONGEST_WINDOW: int = shipped.firmware_module("decision").LONGEST_WINDOW
"""Runs of a model in a mean: what a board keeps."""

_COOL_DOWN = 100  # frames
_TEXTS = ("author", "website")


@dataclass(frozen=True)
class _Version1:
    probability_cutoff: float
    sliding_window_average_size: int

    @property
    def step_ms(self) -> int:
        return 20

    @property
    def window(self) -> int:
        return self.sliding_window_average_size

    def __post_init__(self) -> None:
        _check(self, "sliding_window_average_size")


@dataclass(frozen=True)
class _Version2:
    probability_cutoff: float
    sliding_window_size: int
    feature_step_size: int

    @property
    def step_ms(self) -> int:
        return self.feature_step_size

    @property
    def window(self) -> int:
        return self.sliding_window_size

    def __post_init__(self) -> None:
        _check(self, "sliding_window_size")
        if self.feature_step_size not in (10, 20):
            raise DataError(f"feature_step_size is {self.feature_step_size}: it is 10 or 20 here")


def _check(micro: _Version1 | _Version2, window_key: str) -> None:
    if not 0 <= micro.probability_cutoff <= 1:
        raise DataError(f"probability_cutoff is {micro.probability_cutoff}: it is between 0 and 1")
    if not 1 <= micro.window <= LONGEST_WINDOW:
        raise DataError(f"{window_key} is {micro.window}: it is between 1 and {LONGEST_WINDOW} here")


def as_description(manifest: dict[str, Any], name: str, frames: int) -> dict[str, Any]:
    """The table of the description (`description.from_dict`) of a model whose input is `frames` frames of 40 features.

    DataError: names the key that is missing or wrong. Keys that do not matter here are not looked at.
    """
    if manifest.get("type") != "micro":
        raise DataError(f'type is {settings.shown(manifest.get("type"))}: a microWakeWord has "micro" there')
    word = manifest.get("wake_word")
    if not isinstance(word, str) or not word.split():
        raise DataError(f"wake_word is {settings.shown(word)}: the word is expected")
    version = manifest.get("version")
    forms: dict[object, type[_Version1] | type[_Version2]] = {1: _Version1, 2: _Version2}
    if type(version) is not int or version not in forms:
        raise DataError(f"version is {settings.shown(version)}: 1 and 2 are known")
    keys = forms[version].__dataclass_fields__
    table = manifest.get("micro")
    if isinstance(table, dict):
        table = {key: value for key, value in table.items() if key in keys}
    micro = settings.build(forms[version], table, "micro")
    return {
        "name": name,
        "labels": ["_".join(word.lower().split())],
        "source": ", ".join(manifest[key] for key in _TEXTS if isinstance(manifest.get(key), str)),
        "frontend": {"hop_ms": micro.step_ms},
        "decision": {
            "cutoff": _cutoff(micro.probability_cutoff, micro.window),
            "window": micro.window,
            "refractory": _COOL_DOWN * micro.step_ms / 1000,
            "stride": frames,
        },
    }


def _cutoff(probability: float, window: int) -> float:
    """The cutoff with which our decision fires on the very runs that ESPHome's does.

    Ours fires from the least sum of scores that reaches cutoff * 256 * window, ESPHome's from c * window + 1. The cutoff lies
    midway between that sum and the one before it, so that rounding, here to four digits, cannot move it past either.
    """
    return round((int(probability * 255) * window + 0.5) / (256 * window), 4)
