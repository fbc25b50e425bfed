"""What a board keeps of its owner's wishes: its microphone, what words do, its name, cutoffs, and whether it is mute.

They lie on its flash, beside the programs, and outlast these.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, Literal

from watchword.board import virtual
from watchword.board.connection import Connection
from watchword.board.messages import Said
from watchword.errors import BoardError

Act = Literal["for", "toggle", "pulse"]
LONGEST_NAME = 20  # characters
RESERVED = re.compile(r"reference|computer|com\d+")  # what --on means otherwise, beside the kinds of virtual boards
_NAME = re.compile(rf"[a-z0-9_-]{{1,{LONGEST_NAME}}}")


@dataclass(frozen=True)
class MicrophoneSetting(Said):
    """Which microphone a board has.

    kind: i2s, or wav of the virtual board `unix`: a recording, played in real time. Of I2S, multiplier: what
    `watchword.features.microphone.multiplier` makes of a gain; module: its name in `watchword.board.modules`; sck, ws,
    sd: the pins (GPIO numbers) of its clock, word select and data; right: it speaks in the right half of a frame. file: of a
    recording.
    """

    kind: str
    multiplier: int = 64
    module: str | None = None
    sck: int | None = None
    ws: int | None = None
    sd: int | None = None
    right: bool = False
    file: str | None = None

    @property
    def gain(self) -> float:
        """In dB; 0 takes the upper 16 bits of a word as they are."""
        return round(20 * math.log10(max(1, self.multiplier) / 64), 1)


@dataclass(frozen=True)
class Action(Said):
    """What a word does. act: its pin goes high for some seconds ("for"), changes ("toggle"), or gives pulses ("pulse")."""

    label: str
    pin: int
    act: str
    seconds: float | None = None
    count: int | None = None

    def __str__(self) -> str:
        does = {
            "for": f"high for {self.seconds:g} s" if self.seconds is not None else "high",
            "toggle": "changes",
            "pulse": "one pulse" if self.count == 1 else f"{self.count} pulses",
        }
        return does.get(self.act, self.act)


@dataclass(frozen=True)
class Settings(Said):
    """All of them. cutoffs: those of the program that runs that are not the model's own."""

    name: str | None
    microphone: MicrophoneSetting | None
    actions: tuple[Action, ...]
    cutoffs: dict[str, float]
    mute: bool


@dataclass(frozen=True)
class _Gone(Said):
    gone: int


@dataclass(frozen=True)
class _Cutoffs(Said):
    cutoffs: dict[str, float] = field(default_factory=dict)


def possible_name(text: str) -> bool:
    """Whether a board can have this name: 1 to 20 of a-z, 0-9, - and _, and --on takes it for nothing else."""
    return bool(_NAME.fullmatch(text)) and not RESERVED.fullmatch(text) and text not in virtual.KINDS


class BoardSettings(Connection):
    """What a board keeps. A BoardError of each is one line with what the board says against it; nothing has changed then."""

    def settings(self) -> Settings:
        return self._ask(Settings, "settings")

    def hear_once(self, setting: MicrophoneSetting) -> None:
        """Restart with the scratch program, which hears by this microphone until the next restart. All that is kept stays."""
        self.restart(scratch=True, microphone=_set_fields(setting))

    def microphone(self, setting: MicrophoneSetting | None) -> None:
        """Give the board a microphone, or none, and restart it with that. BoardError: it cannot be here, and why."""
        self.link.request("microphone", set=None if setting is None else _set_fields(setting))
        self.restart()

    def when(self, label: str, pin: int, act: Act, *, seconds: float | None = None, count: int | None = None) -> None:
        """From now on a label that fires acts at a pin (its GPIO number), instead of what it did there.

        seconds: of "for", 0.01 to 3600. count: of "pulse", 1 to 100. BoardError: the program that runs has no such label, too.
        """
        fields: dict[str, Any] = {"seconds": _finite("seconds", seconds), "count": count}
        given = {name: value for name, value in fields.items() if value is not None}
        self.link.request("when", label=label, pin=pin, act=act, **given)

    def never(self, label: str, pin: int | None = None) -> int:
        """A label no longer acts at a pin; None: at any. Returns how many actions went, 0 where there was none."""
        fields = {} if pin is None else {"pin": pin}
        return self._ask(_Gone, "never", label=label, **fields).gone

    def name(self, name: str | None) -> None:
        """Call the board so, or take its name away. BoardError: it cannot be a name, see `possible_name`."""
        if name is not None and not possible_name(name):
            why = (
                f"1 to {LONGEST_NAME} of a-z, 0-9, - and _ make a name"
                if not _NAME.fullmatch(name)
                else "--on takes it for something else: choose another name"
            )
            raise BoardError(f"{_short(name)} cannot be a board's name: {why}")
        self.link.request("name", name=name)

    def cutoffs(self, label: str | None = None) -> dict[str, float]:
        """From which mean score on each label fires, taught words too, 0 to 1.

        label: has to be among them. BoardError: it is not, or no program runs.
        """
        return self._ask(_Cutoffs, "cutoff", **_of(label)).cutoffs

    def cutoff(self, cutoff: float | None, label: str | None = None) -> dict[str, float]:
        """Change it for a label, or for all; None: back to the model's own. Returns that of all labels.

        BoardError: it is not within 0 and 1, or the program that runs has no such label.
        """
        return self._ask(_Cutoffs, "cutoff", cutoff=_finite("cutoff", cutoff), **_of(label)).cutoffs

    def mute(self, mute: bool = True) -> None:
        """Let the board hear nothing, or hear again."""
        self.link.request("mute", mute=mute)


def _set_fields(setting: MicrophoneSetting) -> dict[str, Any]:
    """A setting as the board takes it."""
    if setting.kind == "wav":
        return {"kind": "wav", "file": setting.file}
    names = ("kind", "module", "sck", "ws", "sd", "right", "multiplier")
    return {name: getattr(setting, name) for name in names}


def _of(label: str | None) -> dict[str, Any]:
    return {} if label is None else {"label": label}


def _finite(what: str, value: float | None) -> float | None:
    """A number that JSON has. BoardError: it has none for this one."""
    if value is not None and not math.isfinite(value):
        raise BoardError(f"{what}: {value:g} is none that can be")
    return value


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
