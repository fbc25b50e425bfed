"""A board's own microphone: mic."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from watchword.board import Board, Hearing, MicrophoneSetting
from watchword.board.modules import MODULES, named, wiring
from watchword.chips import boards
from watchword.chips.boards import Pins
from watchword.cli.options import Json, On, dev_board, has_pins, open_board, pin_number, some_microphone, warn_of_taken
from watchword.cli.output import note, progress_bar, say, say_json, say_table
from watchword.data import audio
from watchword.errors import BoardError, DataError
from watchword.features.microphone import multiplier

Gain = Annotated[
    float | None, typer.Option("--gain", metavar="DB", help="Of what it hears, -12 to 60; default: the module's own.")
]


def _pin(option: str, signal: str) -> Any:
    return typer.Option(option, metavar="N", help=f"The board's pin for {signal}.")


def mic(
    module: Annotated[
        str | None,
        typer.Argument(
            metavar="MODULE", help=f"{', '.join(MODULES)}; off: none; for unix a WAV file. Default: show which one it has."
        ),
    ] = None,
    sck: Annotated[str | None, _pin("--sck", "the clock, also called BCLK")] = None,
    ws: Annotated[str | None, _pin("--ws", "word select, also called LRCL; default: the one after --sck")] = None,
    sd: Annotated[str | None, _pin("--sd", "its data, also called DOUT")] = None,
    right: Annotated[
        bool, typer.Option("--right", help="Its channel pin (L/R, SEL) is at 3.3 V, so that it is the right one.")
    ] = False,
    gain: Gain = None,
    on: On = None,
    json: Json = False,
) -> None:
    """Give a board a microphone, or show the one that it has.

    It prints how it is wired; from then on the board hears by itself. `watchword listen` shows what it hears, `watchword
    when` makes it act without a computer.
    """
    given = {name: text for name, text in (("sck", sck), ("ws", ws), ("sd", sd)) if text is not None}
    pins = {name: pin_number(text, f"--{name}") for name, text in given.items()}
    wired = bool(pins) or right
    if module is None or module == "off":
        if wired or gain is not None:
            raise DataError(f"pins, --right and --gain are a microphone's: `watchword mic {next(iter(MODULES))}` takes them")
        with open_board(on) as board:
            if module == "off":
                board.microphone(None)
            _show(board, json)
        return
    recording = None
    if module.lower().endswith(".wav"):
        recording = Path(module).absolute()
        if wired or gain is not None:
            raise DataError(f"{module}: a recording has no pins, no gain, and only one channel")
        audio.read(recording)  # whatever is wrong with it is told here
    else:
        times = multiplier(named(module).gain if gain is None else gain)
    with open_board(on) as board:
        if recording is not None:
            setting = MicrophoneSetting("wav", file=str(recording))
        else:
            setting = _wired(board, named(module).name, pins, right, times)
        with progress_bar("starting with the microphone"):
            board.microphone(setting)
        _show(board, json)


def _wired(board: Board, module: str, given: dict[str, int], right: bool, times: int) -> MicrophoneSetting:
    """A module at the pins that were given, or else at those that it takes on this board."""
    hello = board.hello
    if not has_pins(board):
        raise BoardError(f"{board.target} is a process and has no pins: `watchword mic FILE.wav` lets it hear a recording")
    pins = {} if len(given) == len(asdict(Pins(0, 0, 0))) else asdict(boards.of(hello.target, hello.board).microphone)
    if "sck" in given:
        pins["ws"] = given["sck"] + 1
    pins |= given
    board_there = dev_board(hello)
    for signal, pin in pins.items():
        if pin in board_there.inside:
            raise BoardError(
                f"{board_there.pin(pin)} cannot be {signal.upper()}: on a {board_there.title} it leads to no pin but is for"
                f" {board_there.inside[pin]}: choose one at the board's edge"
            )
    warn_of_taken(hello, list(pins.values()))
    return MicrophoneSetting("i2s", times, module, pins["sck"], pins["ws"], pins["sd"], right)


def _show(board: Board, json: bool) -> None:
    """Which microphone a board has, how it is wired, and what is heard of it."""
    setting = board.settings().microphone
    hearing = board.hearing()
    if json:
        fields = None if setting is None else setting.as_dict() | {"gain": setting.gain} | _heard(hearing)
        say_json({"microphone": fields})
        return
    if setting is None:
        say(f"{board.target} has no microphone: {some_microphone(board)}")
        return
    module = MODULES.get(setting.module or "")
    title = module.title if module else setting.file or setting.kind
    say(f"{title}, {setting.gain:+.1f} dB{', in the right channel' if setting.right else ''}" if module else title)
    if module and setting.sck is not None and setting.ws is not None and setting.sd is not None:
        say()
        pins = Pins(setting.sck, setting.ws, setting.sd)
        say_table((module.title, "board"), wiring(module, dev_board(board.hello), pins, setting.right))
        say()
    if not hearing.labels:
        note(f"{board.target} runs no program that listens: `watchword push MODEL` gives it one")
    elif hearing.mute:
        note(f"{board.target} is mute: `watchword mute off` lets it hear")
    elif hearing.source is None:
        say(f"it does not hear: {hearing.fault or 'something else keeps the board busy'}")
    else:
        lost = f", lost {hearing.lost / audio.RATE:.2f} s of it" if hearing.lost else ""
        say(f"it hears, for {hearing.time:.1f} s{lost}; {hearing.fault or 'no fault'}")
        note("`watchword listen --scores` shows what")


def _heard(hearing: Hearing) -> dict[str, Any]:
    """What of it is the microphone's."""
    return {"hears": hearing.source is not None, "time": hearing.time, "lost": hearing.lost, "fault": hearing.fault}
