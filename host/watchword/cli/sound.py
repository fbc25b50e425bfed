"""Sound: listen and demo."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from watchword import shipped
from watchword.board import Board, Detection, Event
from watchword.board.streams import LONGEST_PAD, PAD, Codec, quiet
from watchword.board.summary import Highest, Loudness, summary
from watchword.board.virtual.wires import I2S_PARTS, part
from watchword.cli.hearing import attach, require_microphone, until_interrupted
from watchword.cli.options import (
    DescriptionFile,
    Fresh,
    Json,
    Lent,
    MoreFiles,
    OnOrReference,
    compiled,
    load,
    named_files,
    open_board,
    running,
)
from watchword.cli.output import awaited, note, of_file, progress_bar, say, say_event, say_json, say_summary
from watchword.data import audio
from watchword.data.batch import Batch
from watchword.data.microphone import Microphone
from watchword.errors import BoardError, DataError
from watchword.evaluate import streaming
from watchword.features.microphone import multiplier
from watchword.model import Model, keywords


class Source(StrEnum):
    """What --from may name."""

    computer = "computer"


def listen(
    wav: Annotated[
        list[Path] | None,
        typer.Option(
            "--wav",
            metavar="FILE...",
            help="Recordings to stream; folders and patterns too. Default: the board's own microphone; "
            "on the reference, the words that come along.",
        ),
    ] = None,
    more: MoreFiles = None,
    model: Lent = None,
    on: OnOrReference = None,
    fresh: Fresh = False,
    description: DescriptionFile = None,
    codec: Annotated[
        Codec,
        typer.Option(
            "--codec", metavar="s16|adpcm", help="How sound travels: s16 is exact, adpcm takes a quarter of the line."
        ),
    ] = "s16",
    through: Annotated[
        str | None,
        typer.Option(
            "--through",
            metavar="MODULE",
            help=f"On the reference: what a board hears of it by its own microphone: {', '.join(I2S_PARTS)}.",
        ),
    ] = None,
    gain: Annotated[
        float | None, typer.Option("--gain", metavar="DB", help="Of --through, -12 to 60; default: the module's own.")
    ] = None,
    source: Annotated[
        Source | None, typer.Option("--from", metavar="computer", help="Stream what the computer's microphone hears.")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option("--device", metavar="NAME", help="Which of its microphones: a part of the name, or the number."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", help="Of a microphone: end after so long; else Ctrl-C does.")
    ] = None,
    pad: Annotated[
        float | None,
        typer.Option(
            "--pad",
            metavar="SECONDS",
            help=f"Silence before and after a recording, before a microphone's sound: {PAD:g}, 0 to {LONGEST_PAD}.",
        ),
    ] = None,
    scores: Annotated[
        bool, typer.Option("--scores", help="Of a board's microphone: level, scores and cutoffs as moving bars.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what a board hears, a line for each word.

    By its own microphone, in recordings, or by the computer's microphone. In the end a line says what was heard, how near
    the rest came, and how loud it was. Each recording is a stream of its own. The reference hears what a board would, by
    watchword's keyword model unless --model names another. With --through it hears
    what a virtual Pico hears whose microphone plays the recording from its start on.
    """
    by_itself = not wav and source is None and on != "reference"
    _require_sense(wav, more, source, device, seconds, scores, by_itself)
    _require_reference(through, gain, on, source, codec)
    if pad is not None and (by_itself or through is not None):
        raise DataError("--pad is for sound that the computer sends: it needs --wav or --from computer, without --through")
    pad = PAD if pad is None else pad
    quiet(pad)  # before anything starts
    loaded = load(model, description) if model else load(keywords()) if on == "reference" else None
    if loaded is not None:
        loaded.require_sound()
    files = [] if by_itself or source else named_files([*(wav or [_clips()]), *(more or [])], audio.find, "sound")
    if source is not None:
        with Microphone(device, note) as microphone, _hearing(loaded, on, fresh) as board:
            _hear_live(microphone, board or loaded, codec, pad, seconds, json)
        return
    with _hearing(loaded, on, fresh, by_itself) as board:
        if board is None:
            assert loaded is not None
            hear = partial(_by_reference, loaded, codec, pad) if through is None else partial(_by_itself, loaded, through, gain)
            _hear(hear, "reference", files, json)
        elif by_itself:
            attach(board, seconds, scores, json)
        else:
            _hear(partial(_by_board, board, codec, pad), board.target, files, json)


def _require_sense(
    wav: list[Path] | None,
    more: list[Path] | None,
    source: Source | None,
    device: str | None,
    seconds: float | None,
    scores: bool,
    by_itself: bool,
) -> None:
    """DataError: options that do not go together."""
    if more and not wav:
        raise DataError(f"{more[0]}: recordings come after --wav")
    if source is not None and wav:
        raise DataError("--wav and --from: recordings or the computer's microphone, not both")
    if device is not None and source is None:
        raise DataError("--device names the computer's microphone: it needs --from computer")
    if scores and not by_itself:
        raise DataError("--scores is for a board's own microphone, without --wav and --from")
    if seconds is not None and not by_itself and source is None:
        raise DataError("--for is for a microphone, without --wav")
    if seconds is not None and not seconds > 0:
        raise DataError(f"--for {seconds:g}: seconds are expected, more than 0")


def _require_reference(through: str | None, gain: float | None, on: str | None, source: Source | None, codec: Codec) -> None:
    """DataError, BoardError: a microphone that there is not, or where none can be."""
    if through is None:
        if gain is not None:
            raise DataError("--gain is the microphone's: it needs --through MODULE; a board's own has it by `watchword mic`")
        return
    part(through)
    if gain is not None:
        multiplier(gain)
    if on != "reference" or source is not None:
        raise DataError("--through is for recordings on the reference: --on reference; a virtual Pico takes --wire and --sound")
    if codec != "s16":
        raise DataError("--codec is for sound that travels to a board: --through needs none")


@contextmanager
def _hearing(loaded: Model | None, on: str | None, fresh: bool, by_itself: bool = False) -> Iterator[Board | None]:
    """A board that listens, with the model where one is lent to it; None for the reference. by_itself: by its microphone."""
    if on == "reference":
        yield None
        return
    with open_board(on, fresh) as board:
        if by_itself:
            require_microphone(board)
        if loaded is not None:
            with running(board, loaded):
                yield board
            return
        if not board.holds("sound"):
            give_keywords(board)
        board.turn_to("sound")
        yield board


def _hear_live(
    microphone: Microphone, by: Board | Model | None, codec: Codec, pad: float, seconds: float | None, json: bool
) -> None:
    """What a board, or a model on the reference, hears of a microphone, until it has heard enough or Ctrl-C comes."""
    assert by is not None
    target = by.target if isinstance(by, Board) else "reference"
    note(f"{target} hears {microphone.name}" + ("; Ctrl-C ends it" if seconds is None else ""))
    loudness = Loudness()
    blocks = loudness.all(microphone.blocks(seconds))
    if isinstance(by, Board):
        heard = Hearing(by.listen_live(blocks, codec, pad), lambda: by.last_stream.highest)
    else:
        listening = streaming.listen_live(by, blocks, codec, pad)
        heard = Hearing(listening, lambda: listening.highest)
    with until_interrupted(microphone.stop):
        told = _tell(heard.events, target, json)
    if microphone.lost:
        note(f"{microphone.name}: {microphone.lost:.1f} s of sound were lost: {target} is slower than the microphone")
    say_summary(summary(told, heard.highest(), loudness.peak, loudness.rms), json)


def _clips() -> Path:
    """Recorded words that come along."""
    return shipped.models() / "keywords" / "clips"


def give_keywords(board: Board) -> None:
    """An empty virtual board gets the package's keyword model; a real one is its owner's to fill."""
    if not board.virtual:
        raise BoardError(f"{board.target} holds no program: `watchword push MODEL` sends one")
    model = load(keywords())
    program = compiled(model, board.hello.target)
    with progress_bar("pushing keywords") as progress:
        board.push(program, progress=progress)
    note(f"{board.target} held no program: it listens with watchword's keyword model now")


@dataclass(frozen=True)
class Hearing:
    """What is heard as it comes, and how near the rest came, once all has come."""

    events: Iterable[Event]
    highest: Callable[[], Highest]


Hear = Callable[[Path, NDArray[np.int16]], Hearing]
"""What is heard of a file's samples."""


def _by_board(board: Board, codec: Codec, pad: float, file: Path, samples: NDArray[np.int16]) -> Hearing:
    return Hearing(_events(board, codec, pad, file, samples), lambda: board.last_stream.highest)


def _events(board: Board, codec: Codec, pad: float, file: Path, samples: NDArray[np.int16]) -> Iterator[Event]:
    yield from board.listen(samples, codec, pad)
    if gaps := board.last_stream.gaps:
        times = "once" if gaps == 1 else f"{gaps} times"
        note(f"{file}: hearing paused {times}, {board.last_stream.gap_ms / 1000:.2f} s in all")


def _by_reference(model: Model, codec: Codec, pad: float, file: Path, samples: NDArray[np.int16]) -> Hearing:
    return _once_asked(lambda: streaming.heard(streaming.run_stream(model, samples, codec, pad), model.description))


def _by_itself(model: Model, through: str, gain: float | None, file: Path, samples: NDArray[np.int16]) -> Hearing:
    return _once_asked(lambda: streaming.heard(streaming.run_by_itself(model, samples, through, gain), model.description))


def _once_asked(hear: Callable[[], streaming.Heard]) -> Hearing:
    """What the reference hears, which begins to when its events are asked for."""
    found: list[streaming.Heard] = []

    def events() -> Iterator[Event]:
        found.append(hear())
        yield from found[0].events

    return Hearing(events(), lambda: found[0].highest)


def _hear(hear: Hear, target: str, files: list[Path], json: bool) -> None:
    for number, samples, notes in Batch("recordings", note).each(files, audio.read):
        file = files[number]
        heard = hear(file, samples)
        told = _tell(awaited(f"hearing {file.name}", heard.events), target, json, file)
        loudness = Loudness()
        loudness.take(samples)
        say_summary(summary(told, heard.highest(), loudness.peak, loudness.rms), json, file, notes)


def _tell(events: Iterable[Event], target: str, json: bool, file: Path | None = None) -> list[Event]:
    """A line for each event as it comes; all of them. file: of which they tell."""
    told = []
    for event in events:
        told.append(event)
        if json:
            say_json(event.as_dict() if file is None else of_file(event, file))
        elif isinstance(event, Detection):
            say(f"{'' if file is None else f'{file}  '}{event.time:7.2f} s  {event.label}  {event.score:.2f}")
        else:
            say_event(event, target)
    return told


def demo(
    wav: Annotated[
        Path | None, typer.Option("--wav", metavar="FILE", help="Your own recording instead of the clips that come along.")
    ] = None,
    on: OnOrReference = None,
) -> None:
    """Let a virtual board hear recorded words.

    It runs the firmware that a real board does. --on lets another board hear them, which keeps the model then.
    """
    model = load(keywords())
    words = [label for label in model.description.labels if label not in model.description.background]
    if on == "reference":
        say(f"without a board, by the same numbers: listening for {', '.join(words)}")
        _demonstrate(partial(_by_reference, model, "s16", PAD), wav, words)
        return
    with open_board(on or "unix:demo", fresh=on is None) as board:
        hello = board.hello
        say(f"{hello.board}, MicroPython {hello.micropython}, watchword {hello.firmware}, {hello.heap_free} bytes of heap free")
        program = compiled(model, hello.target)
        with progress_bar("pushing keywords") as progress:
            file = board.push(program, progress=progress)
        say(f"pushed {file}: listening for {', '.join(words)}")
        _demonstrate(partial(_by_board, board, "s16", PAD), wav, words)


def _demonstrate(hear: Hear, wav: Path | None, words: list[str]) -> None:
    clips = [wav] if wav else audio.find(_clips())
    spoken = _speak(words) if wav is None else None
    for clip in [*clips, *([spoken] if spoken else [])]:
        with progress_bar(f"hearing {clip.name}"):
            samples = audio.read(clip, partial(_note_of, clip))
            found = [event for event in hear(clip, samples).events if isinstance(event, Detection)]
        heard = ", ".join(f"{event.label} at {event.time:.2f} s (score {event.score:.2f})" for event in found)
        say(f"  {'espeak-ng' if clip == spoken else clip.name:28} {heard or 'nothing'}")
    if spoken:
        spoken.unlink()


def _note_of(file: Path, text: str) -> None:
    note(f"{file}: {text}")


def _speak(known: list[str]) -> Path | None:
    """A synthetic voice says a few of the words, where espeak-ng is installed."""
    program = shutil.which("espeak-ng")
    if program is None:
        return None
    with tempfile.NamedTemporaryFile(suffix=".wav", delete=False) as file:
        path = Path(file.name)
    text = " ... ".join(word for word in ("yes", "no", "stop", "go") if word in known)
    done = subprocess.run([program, "-s", "120", "-w", str(path), text], capture_output=True, check=False)
    try:
        if done.returncode:
            raise DataError("espeak-ng failed")
        audio.read(path)
    except DataError:
        path.unlink()
        return None
    return path
