"""A board on the shelf: it hears by itself whatever becomes of its line, its microphone, its pins and its settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.shelf import LED, MICROPHONE, PIN, Shelf, shelf
from watchword import shipped
from watchword.board import Detection, Event, Failed, Log, Microphone
from watchword.board.virtual.controls import Line
from watchword.data import audio
from watchword.errors import BoardError


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    with shelf(tmp_path_factory.mktemp("shelf")) as one:
        yield one


@pytest.fixture
def board(one: Shelf) -> Shelf:
    one.fresh()
    return one


def hears(event: Event) -> bool:
    return isinstance(event, Detection)


def fault(name: str | None) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, Microphone) and event.fault == name


def microphones(events: list[Event]) -> list[str | None]:
    """Faults that were told."""
    return [event.fault for event in events if isinstance(event, Microphone)]


def rises(board: Shelf, pin: int = PIN) -> list[float]:
    """When a watched pin went high."""
    return [change.seconds for change in board.controls.changes(pin) if change.level]


# ---- nobody reads


@pytest.mark.parametrize("state", ["closed", "stalled", "unplugged"])
def test_words_switch_pins_and_nothing_is_lost_while_nobody_reads(board: Shelf, state: Line) -> None:
    board.until(hears)
    board.controls.line(state)
    board.controls.watch(PIN)
    board.passes(7)
    times = rises(board)
    assert len(times) >= 3
    assert all(b - a == pytest.approx(2, abs=0.1) for a, b in pairwise(times))  # of each word one
    board.controls.line("open")
    board.until(hears)
    assert board.board.hearing().lost == 0


def test_a_terminal_that_reads_again_gets_whole_lines_and_numbers_tell_what_was_dropped(board: Shelf) -> None:
    board.until(hears)
    board.controls.line("stalled")
    request = board.board.link.send("user", code="for i in range(40): app.report('note', number=i, text='x' * 30)")
    board.passes(4)
    board.controls.line("open")
    board.board.link.wait(request)
    events = [event for event in board.during(3) if event.seq is not None or isinstance(event, Log)]
    assert not [event for event in events if isinstance(event, Log)]
    numbers = [event.said["number"] for event in events if event.event == "note"]
    sequence = [event.seq for event in events if event.seq is not None]
    assert numbers[-1] == 39
    assert 1 <= len(numbers) <= 18
    assert sequence == sorted(set(sequence))
    assert max(b - a for a, b in pairwise(sequence)) > 20
    assert any(map(hears, events))


def test_replies_come_whole_and_in_order_to_a_host_that_stopped_reading(board: Shelf) -> None:
    link = board.board.link
    asked = [link.send("info") for _ in range(5)]
    board.controls.line("stalled")
    board.passes(3)
    board.controls.line("open")
    assert [link.wait(request)["id"] for request in asked] == asked
    board.until(hears)


# ---- the microphone


@pytest.mark.parametrize(
    ("change", "back", "name"),
    [
        ({"plugged": False}, {"plugged": True}, "zeros"),
        ({"stuck": -77}, {"stuck": "no"}, "stuck"),
        ({"right": True}, {"right": False}, "channel"),
    ],
)
def test_a_fault_of_the_microphone_is_told_once_and_its_end(
    board: Shelf, change: dict[str, object], back: dict[str, object], name: str
) -> None:
    board.until(hears)
    start = board.controls.seconds()
    board.controls.microphone(**change)  # type: ignore[arg-type]
    told = board.until(fault(name))
    assert board.controls.seconds() - start < 4.5
    assert microphones(told + board.during(4)) == [name]
    board.controls.microphone(**back)  # type: ignore[arg-type]
    assert microphones(board.until(fault(None))) == [None]
    board.until(hears)


def test_a_loose_wire_and_too_loud_a_sound_are_told(board: Shelf, tmp_path: Path) -> None:
    board.until(hears)
    board.user("Pin(18, Pin.IN, Pin.PULL_UP)")
    assert microphones(board.until(fault("floating"))) == ["floating"]
    board.user("Pin(18, Pin.IN, Pin.PULL_DOWN)")
    board.until(fault(None))
    noise = np.random.default_rng(1).normal(0, 9000, 10 * audio.RATE).clip(-32768, 32767).astype(np.int16)
    audio.write(tmp_path / "noise.wav", noise)
    board.controls.play(tmp_path / "noise.wav")
    assert microphones(board.until(fault("clipped"))) == ["clipped"]
    board.controls.play(board.room)
    board.until(fault(None))
    board.until(hears)


# ---- what it needs


def test_a_microphone_that_cannot_be_is_refused_in_a_line_and_the_one_before_hears_on(board: Shelf) -> None:
    board.user("machine.SPI(0, sck=Pin(2), mosi=Pin(3), miso=Pin(4))")
    setting = {"kind": "i2s", "module": "inmp441", "sck": 16, "ws": 17, "sd": 18, "right": False, "multiplier": 1024}
    for changes, error in (
        ({"sck": 10, "ws": 13}, "WS at GPIO13: it has to be the pin after SCK, GPIO11"),
        ({"sck": 14, "ws": 15}, "GPIO15 is switched by word"),
        ({"sd": 30}, "30 is no pin"),
        ({"sd": 17}, "SD at GPIO17, where WS is"),
        ({"sck": 2, "ws": 3}, "GPIO2 is in use by SPI"),
        ({"multiplier": 0}, "1 to 65535 is expected"),
        ({"kind": "pdm"}, "hears no microphone of the kind pdm"),
        ({"kind": 5}, "kind: str is expected"),
        ({"loud": True}, "microphone i2s: "),
    ):
        with pytest.raises(BoardError) as raised:
            board.board.link.request("microphone", set=setting | changes)
        assert error in str(raised.value)
        assert len(str(raised.value)) <= 300
        assert board.board.hearing().source == "i2s"
    board.user("[Pin(n, Pin.IN) for n in (2, 3, 4)]")
    board.until(hears)


@pytest.mark.parametrize(
    ("taken", "error"), [("dma", "all channels of DMA are in use"), ("machines", "no state machine is free")]
)
def test_it_hears_again_when_what_it_needs_is_free_again(board: Shelf, taken: str, error: str) -> None:
    board.user(f"app.ears.close(); User.kept = take_{taken}(); app.ears.open()")
    [told] = [event for event in board.during(7) if isinstance(event, Microphone)]
    assert told.fault == "stopped"
    assert error in str(told.text)
    assert board.board.hearing().fault == told.text
    board.user(f"give_{taken}(User.kept)")
    assert microphones(board.until(fault(None))) == [None]
    board.until(hears)


# ---- settings


def test_settings_that_cannot_be_read_leave_a_board_that_answers_and_is_set_anew(board: Shelf) -> None:
    for content, why in (("{", "is damaged"), ("", "is damaged"), ('{"version": 2}', "has version 2")):
        board.user(f"open('ww/settings.json', 'w').write({content!r})")
        board.restart()
        note = str(board.board.hello.note)
        assert f"settings.json {why}" in note
        assert "counts for nothing until something is set" in note
        assert board.board.hearing().source is None
    board.board.microphone(MICROPHONE)
    assert board.board.hello.note is None
    board.until(hears)


# ---- user code


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_a_users_code_gets_events_and_may_fail(board: Shelf, kind: str) -> None:
    begin = "async def" if kind == "async" else "def"
    board.user(
        f"{begin} on_event(event):\n"
        "  if event['event'] == 'detect': print('seen', event['label'], 1 // event.get('zero', 0))\n"
        "User.on_event = on_event"
    )
    seen = board.until(lambda event: isinstance(event, Log) and "failed" in event.text)
    assert "on_event failed: ZeroDivisionError" in seen[-1].said["text"]
    again = board.until(lambda event: isinstance(event, Log) and "failed" in event.text)
    assert any(map(hears, again))


def test_an_exception_while_it_hears_is_told_and_it_hears_again(board: Shelf) -> None:
    board.until(hears)
    board.user("def broken():\n  del app.pipeline.take\n  raise ValueError('a test')\napp.pipeline.take = broken")
    [told] = [event for event in board.until(lambda event: isinstance(event, Failed)) if isinstance(event, Failed)]
    assert (told.text, told.count, told.given_up) == ("ValueError: a test", 1, False)
    board.until(hears)


def test_it_gives_up_after_five_exceptions_and_its_led_blinks_fast(board: Shelf) -> None:
    board.until(hears)
    board.user("def broken():\n  raise ValueError('a test')\napp.pipeline.take = broken")
    board.controls.watch(LED)
    failures = [event for event in board.during(4) if isinstance(event, Failed)]
    assert [(event.count, event.given_up) for event in failures] == [(n, n == 5) for n in range(1, 6)]
    last = rises(board, LED)[-5:]
    assert all(0.15 < b - a < 0.25 for a, b in pairwise(last))
    assert board.board.hearing().source is None
    board.restart()
    board.until(hears)


def test_its_led_tells_that_it_hears_and_blinks_for_a_word(board: Shelf, tmp_path: Path) -> None:
    hiss = np.random.default_rng(1).integers(-2, 3, 30 * audio.RATE).astype(np.int16)
    audio.write(tmp_path / "hiss.wav", hiss)
    board.controls.play(tmp_path / "hiss.wav")
    board.passes(2)
    board.controls.watch(LED)
    board.passes(5)
    changes = board.controls.changes(LED)
    beats = rises(board, LED)
    lengths = [b.seconds - a.seconds for a, b in pairwise(changes) if a.level]
    assert len(beats) in (2, 3)
    assert all(1.9 < b - a < 2.2 for a, b in pairwise(beats))
    assert all(0.01 < length < 0.06 for length in lengths)
    board.during(0.5)  # what it has heard before
    board.controls.play(board.room)
    board.until(hears)
    board.passes(1)
    changes = board.controls.changes(LED)
    assert max(b.seconds - a.seconds for a, b in pairwise(changes) if a.level) > 0.15


# ---- mute, and a host that sends sound

REGISTERS = "tell([mem32[0x50000010 + 64 * i] >> 24 & 1 for i in range(12)].count(1)); tell(mem32[0x50200000] & 15)"


def test_a_board_that_is_mute_takes_no_sound_in(board: Shelf) -> None:
    board.until(hears)
    assert board.user(REGISTERS) == [1, 1]
    board.board.mute(True)
    assert board.user(REGISTERS) == [0, 0]
    assert board.during(4) == []
    board.restart()
    assert board.board.hello.mute
    assert board.user(REGISTERS) == [0, 0]
    board.board.mute(False)
    assert board.user(REGISTERS) == [1, 1]
    board.until(hears)


def test_its_microphone_comes_back_after_sound_from_the_host(board: Shelf) -> None:
    board.until(hears)
    clip = audio.read(shipped.models() / "keywords/clips/yes_f292725f.wav")
    heard = list(board.board.listen(clip))
    assert any(map(hears, heard))
    assert board.board.hearing().source == "i2s"
    board.until(hears)
    board.board.link.request("stream")
    assert board.board.hearing().source is None
    assert not [event for event in board.during(8) if hears(event)]
    board.until(hears)
