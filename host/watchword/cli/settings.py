"""What a board keeps beside its programs: when, name, cutoff and mute."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from watchword.board import Action, Board, Settings
from watchword.board.settings import Act
from watchword.cli.options import Json, On, open_board, pin_name, pin_number, warn_of_taken
from watchword.cli.output import say, say_json, say_table
from watchword.errors import BoardError, DataError

_HELD = 0.5  # seconds that a pin is high, where nothing else was asked for


def when(
    label: Annotated[str | None, typer.Argument(metavar="LABEL", help="A word that the board listens for.")] = None,
    pin: Annotated[str | None, typer.Option("--pin", metavar="N", help="The board's pin, as 15 or GP15.")] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--for", metavar="SECONDS", help="The pin goes high for so long, 0.01 to 3600. Default: 0.5."),
    ] = None,
    toggle: Annotated[bool, typer.Option("--toggle", help="The pin changes: high, low, high …")] = False,
    pulse: Annotated[int | None, typer.Option("--pulse", metavar="N", help="The pin gives 1 to 100 short pulses.")] = None,
    never: Annotated[
        bool, typer.Option("--never", help="The word no longer does anything, or with --pin nothing at that pin.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="Show what words do, as without any option.")] = False,
    on: On = None,
    json: Json = False,
) -> None:
    """Let a word switch a pin of the board.

    The board needs no computer then; taught words switch pins, too. `watchword when lights --pin 15 --toggle`; `watchword
    when lights --never`.
    """
    number = None if pin is None else pin_number(pin, "--pin")
    acts = [name for name, given in (("for", seconds is not None), ("toggle", toggle), ("pulse", pulse is not None)) if given]
    if label is None or list_:
        if label is not None or number is not None or acts or never:
            raise DataError("--list goes alone" if list_ else "which word? as in `watchword when LABEL --pin 15 --toggle`")
        with open_board(on) as board:
            _list(board.settings(), board, json)
        return
    if never:
        if acts:
            raise DataError(f"--never and --{acts[0]}: one of them is expected")
        with open_board(on) as board:
            _remove(board, label, number, json)
        return
    act, fields = _chosen(acts, seconds, pulse)
    if number is None:
        raise DataError(f"{label}: at which pin? --pin 15, say")
    with open_board(on) as board:
        warn_of_taken(board.hello, [number])
        board.when(label, number, act, **fields)
        action = next(one for one in board.settings().actions if (one.label, one.pin) == (label, number))
    if json:
        say_json(action.as_dict())
    else:
        say(f"{label}: {pin_name(board.hello, number)} {action}")


def _chosen(acts: list[str], seconds: float | None, pulse: int | None) -> tuple[Act, dict[str, Any]]:
    """What is to be done, of the options; DataError: several of them."""
    if len(acts) > 1:
        raise DataError(f"{' and '.join(f'--{name}' for name in acts)}: one of them is expected")
    if pulse is not None:
        return "pulse", {"count": pulse}
    if acts == ["toggle"]:
        return "toggle", {}
    return "for", {"seconds": _HELD if seconds is None else seconds}


def _list(settings: Settings, board: Board, json: bool) -> None:
    if json:
        say_json([action.as_dict() for action in settings.actions])
    elif settings.actions:
        say_table(("word", "pin", "does"), [(one.label, pin_name(board.hello, one.pin), str(one)) for one in settings.actions])
    else:
        say(f"no word does anything on {board.target}: `watchword when LABEL --pin 15 --for 0.5`")


def _remove(board: Board, label: str, pin: int | None, json: bool) -> None:
    actions: tuple[Action, ...] = board.settings().actions
    gone = board.never(label, pin)
    if not gone:
        at = "" if pin is None else f" at {pin_name(board.hello, pin)}"
        there = ", ".join(f"{one.label} at {pin_name(board.hello, one.pin)}" for one in actions[:5])
        raise BoardError(f"{label[:40]}: does nothing{at}; there is {there or 'no word that does'}")
    if json:
        say_json({"label": label, "gone": gone})
    else:
        say(f"{label}: {'one action' if gone == 1 else f'{gone} actions'} removed")


def name(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="1 to 20 of a-z, 0-9, - and _. Default: show what it is called.")
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="Take the name away.")] = False,
    on: On = None,
    json: Json = False,
) -> None:
    """Name a board, for `--on NAME` to find it."""
    if none and name is not None:
        raise DataError(f"{name[:40]} and --none: one of them is expected")
    with open_board(on) as board:
        if none or name is not None:
            board.name(name)
        named = board.settings().name
    if json:
        say_json({"name": named})
    elif named is None:
        say(f"{board.target} has no name{'' if none else ': `watchword name kitchen` gives it one'}")
    else:
        say(f"{board.target} is {named}")


def cutoff(
    label: Annotated[str | None, typer.Argument(metavar="LABEL", help="A word. Default: all of them.")] = None,
    value: Annotated[str | None, typer.Argument(metavar="CUTOFF", help="0 to 1. Default: show what it is.")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Back to the model's own.")] = False,
    on: On = None,
    json: Json = False,
) -> None:
    """Show or change the score from which a word fires.

    Raise it against false alarms, lower it where words are missed. `watchword cutoff yes 0.9`, `watchword cutoff 0.9` for
    all. It counts at once, and for the model that runs.
    """
    if value is None and label is not None and _number(label) is not None:
        label, value = None, label
    wanted = None if value is None else _number(value)
    if value is not None and wanted is None:
        raise DataError(f"{value[:40]!r}: a cutoff is a number, 0 to 1")
    if reset and wanted is not None:
        raise DataError(f"{value} and --reset: one of them is expected")
    with open_board(on) as board:
        found = board.cutoff(wanted, label) if reset or wanted is not None else board.cutoffs(label)
        changed, hearing = board.settings().cutoffs, board.hearing()
    found = {one: found[one] for one in (*hearing.labels, *hearing.taught) if one in found}
    shown = {label: found[label]} if label is not None else found
    if json:
        say_json(shown)
    else:
        say_table(("word", "cutoff", ""), [(one, at, "changed" if one in changed else "") for one, at in shown.items()])


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def mute(
    state: Annotated[
        Literal["on", "off"], typer.Argument(metavar="on|off", help="off: it hears again.", show_choices=False)
    ] = "on",
    on: On = None,
    json: Json = False,
) -> None:
    """Let a board hear nothing, until `mute off`.

    It stays mute when it was off, too; nothing but `watchword mute off` lets it hear again.
    """
    with open_board(on) as board:
        board.mute(state == "on")
        muted = board.settings().mute
    if json:
        say_json({"mute": muted})
    else:
        say(f"{board.target} {'is mute' if muted else 'hears'}")
