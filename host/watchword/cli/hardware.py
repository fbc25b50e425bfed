"""Options that choose the hardware of a virtual Pico: every command that opens the board which --on names has them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from watchword.board import virtual
from watchword.board.virtual import Hardware
from watchword.board.virtual.wires import PARTS
from watchword.cli.usage import Command
from watchword.errors import BoardError


class Core(StrEnum):
    """What --old-core may name."""

    corrected = "corrected"
    stock = "stock"


_PANEL = "A virtual Pico"

Wire = Annotated[
    list[str] | None,
    typer.Option(
        "--wire",
        metavar="PART:PINS",
        help=f"A microphone at it, as in inmp441:sck=16,ws=17,sd=18 or analogue:26; one of {', '.join(PARTS)}. "
        "May be repeated.",
        rich_help_panel=_PANEL,
    ),
]
Sound = Annotated[
    Path | None,
    typer.Option(
        "--sound",
        metavar="WAV",
        help="What such a microphone hears from when the board listens to it: 16 bits.",
        rich_help_panel=_PANEL,
    ),
]
Xip = Annotated[
    bool,
    typer.Option(
        "--xip", help="It also counts misses of the cache before its flash; emulation is slower.", rich_help_panel=_PANEL
    ),
]
OldCore = Annotated[
    Core | None,
    typer.Option(
        "--old-core",
        metavar="[=stock]",
        help="It runs on rp2040js's own processor, about six times slower: with our corrections, or as it is.",
        rich_help_panel=_PANEL,
        show_choices=False,
    ),
]
_OPTIONS = {"wire": (Wire, None), "sound": (Sound, None), "xip": (Xip, False), "old_core": (OldCore, None)}

_chosen: ContextVar[Hardware] = ContextVar("_chosen", default=Hardware())  # noqa: B039 - it is frozen


def chosen() -> Hardware:
    """What the command's options choose."""
    return _chosen.get()


class HardwareCommand(Command):
    """A command with --old-core, which goes without a value: typer itself knows of no such options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [f"{one}={Core.corrected}" if one == "--old-core" else one for one in args])


def with_hardware(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options, to be registered as a HardwareCommand; what they choose it finds in `chosen`."""
    signature = inspect.signature(command, eval_str=True)
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
        for name, (annotation, default) in _OPTIONS.items()
    ]

    @functools.wraps(command)
    def run(**options: Any) -> None:
        wire, sound, xip, core = (options.pop(name) for name in _OPTIONS)
        with _choice(Hardware(wires=tuple(wire or ()), sound=sound, xip=xip, core=core or "fast")):
            if "on" in options:
                _require_virtual(options["on"])
            command(**options)

    parameters = [*signature.parameters.values(), *more]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def give_to(app: typer.Typer, *targets: object) -> None:
    """Give the options to all commands of an app, and of its groups, that open the board which --on names.

    targets: annotations of such an `on`.
    """
    for command in app.registered_commands:
        assert command.callback is not None
        on = inspect.signature(command.callback, eval_str=True).parameters.get("on")
        if on is not None and on.annotation in targets:
            command.callback = with_hardware(command.callback)
            command.cls = HardwareCommand
    for group in app.registered_groups:
        assert group.typer_instance is not None
        give_to(group.typer_instance, *targets)


@contextmanager
def _choice(hardware: Hardware) -> Iterator[None]:
    before = _chosen.set(hardware)
    try:
        yield
    finally:
        _chosen.reset(before)


def _require_virtual(on: str | None) -> None:
    if chosen() != Hardware() and (on is None or virtual.find(on) is None):
        given = "without --on" if on is None else f"with --on {on}"
        raise BoardError(
            f"--wire, --sound, --xip and --old-core are for a virtual Pico, which this does not start {given}: --on pico does"
        )
