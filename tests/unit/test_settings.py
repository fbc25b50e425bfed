"""What a board keeps of its owner's wishes, from the command line."""

from __future__ import annotations

import json
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.command import Command
from tests.unit.scripted import HELLO, ScriptedBoard, plugged_in

from watchword.board import Board, MicrophoneSetting
from watchword.errors import BoardError
from watchword.features.microphone import multiplier

NO_PIN = "a pin is a number, as 15 or GP15"


@pytest.fixture
def board() -> ScriptedBoard:
    return ScriptedBoard()


@pytest.fixture
def url(board: ScriptedBoard) -> Iterator[str]:
    with plugged_in(board) as url:
        yield url


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "room.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(32000))
    return path


# ---- mic


def test_a_module_gets_the_boards_own_pins_and_its_wiring_is_shown(board: ScriptedBoard, url: str, command: Command) -> None:
    lines = [line.split("  ") for line in command("mic", "inmp441", "--on", url).out.splitlines()]
    assert lines[0][0] == "INMP441, +24.0 dB"
    wires = [tuple(part.strip() for part in line if part.strip()) for line in lines[2:9]]
    assert wires == [
        ("INMP441", "board"),
        ("VDD", "3V3 (pin 36)"),
        ("GND", "GND (pin 23)"),
        ("SCK", "GP16 (pin 21)"),
        ("WS", "GP17 (pin 22)"),
        ("SD", "GP18 (pin 24)"),
        ("L/R", "GND (pin 28)"),
    ]
    assert board.settings["microphone"] == {
        "kind": "i2s",
        "module": "inmp441",
        "sck": 16,
        "ws": 17,
        "sd": 18,
        "right": False,
        "multiplier": multiplier(24),
    }
    assert [message["do"] for message in board.asked[1:3]] == ["microphone", "restart"]


def test_pins_side_and_gain_are_the_users(board: ScriptedBoard, url: str, command: Command) -> None:
    out = command("mic", "SPH0645", "--sck", "GP10", "--sd", "gpio12", "--right", "--gain", "-6", "--on", url).out
    setting = board.settings["microphone"]
    assert (setting["sck"], setting["ws"], setting["sd"], setting["right"]) == (10, 11, 12, True)
    assert setting["multiplier"] == multiplier(-6)
    assert "SPH0645LM4H, -6.0 dB, in the right channel" in out
    assert "LRCL         GP11 (pin 15)" in out


def test_a_pin_inside_the_board_is_no_microphones(board: ScriptedBoard, url: str, command: Command) -> None:
    for pin, what in ((23, "its regulator's mode"), (24, "whether USB gives power"), (25, "its LED"), (29, "its supply's")):
        error = command("mic", "i2s", "--sd", pin, "--on", url, status=1).error
        assert error.startswith(f"GP{pin} cannot be SD: on a Raspberry Pi Pico it leads to no pin but is for {what}")
    assert command("mic", "i2s", "--sck", 22, "--on", url, status=1).error.startswith("GP23 cannot be WS: ")
    assert board.settings["microphone"] is None


def test_on_another_board_with_the_chip_it_may_be_one(
    monkeypatch: pytest.MonkeyPatch, board: ScriptedBoard, url: str, command: Command
) -> None:
    monkeypatch.setitem(HELLO, "board", "Waveshare RP2040-Zero with RP2040")
    assert "GP29: most boards with this chip use that" in command("mic", "i2s", "--sd", 29, "--on", url).err
    assert board.settings["microphone"]["sd"] == 29


def test_pins_that_have_another_job_are_told(url: str, command: Command) -> None:
    assert "GP24: most boards" in command("when", "yes", "--pin", 24, "--toggle", "--on", url).err
    assert command("when", "yes", "--pin", 15, "--toggle", "--on", url).err == ""


def test_mic_alone_shows_what_there_is(board: ScriptedBoard, url: str, command: Command) -> None:
    assert command("mic", "--on", url).out == f"{url} has no microphone: `watchword mic inmp441` gives it one\n"
    assert json.loads(command("mic", "--on", url, "--json").out) == {"microphone": None}
    command("mic", "ics43434", "--on", url)
    assert command("mic", "--on", url).out.endswith("\nit hears, for 12.5 s, lost 0.10 s of it; no fault\n")
    board.fault = "all samples are zero: it is not plugged in"
    assert command("mic", "--on", url).out.endswith("; all samples are zero: it is not plugged in\n")
    told = json.loads(command("mic", "--on", url, "--json").out)["microphone"]
    assert told == board.settings["microphone"] | {
        "gain": 24.0,
        "hears": True,
        "time": 12.5,
        "lost": 1600,
        "fault": board.fault,
    }
    board.settings["mute"] = True
    assert f"{url} is mute: `watchword mute off` lets it hear" in command("mic", "--on", url).err


def test_off_takes_it_away(board: ScriptedBoard, url: str, command: Command) -> None:
    command("mic", "inmp441", "--on", url)
    assert "has no microphone" in command("mic", "off", "--on", url).out
    assert board.settings["microphone"] is None


def test_a_recording_is_a_microphone_too(board: ScriptedBoard, url: str, wav: Path, command: Command) -> None:
    assert str(wav) in command("mic", wav, "--on", url).out
    assert board.settings["microphone"] == {"kind": "wav", "file": str(wav)}
    assert "a recording has no pins, no gain" in command("mic", wav, "--gain", 12, "--on", url, status=1).error


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["mic", "inmp4411"], "microphone 'inmp4411' is not known; known: inmp441, sph0645"),
        (["mic", "inmp441", "--gain", "61"], "gain of 61.0 dB: -12 to 60 is expected"),
        (["mic", "inmp441", "--gain", "nan"], "gain of nan dB: -12 to 60 is expected"),
        (["mic", "inmp441", "--sck", "D4"], f"--sck D4: {NO_PIN}"),
        (["mic", "inmp441", "--sd", "-1"], f"--sd -1: {NO_PIN}"),
        (["mic", "--gain", "3"], "pins, --right and --gain are a microphone's: `watchword mic inmp441` takes them"),
        (["mic", "off", "--right"], "pins, --right and --gain are a microphone's"),
        (["mic", "nowhere.wav"], "nowhere.wav: no such file"),
        (["mic", "nowhere.wav", "--right"], "nowhere.wav: a recording has no pins, no gain, and only one channel"),
        (["when", "--pin", "15"], "which word? as in `watchword when LABEL --pin 15 --toggle`"),
        (["when", "yes", "--list"], "--list goes alone"),
        (["when", "yes", "--toggle"], "yes: at which pin? --pin 15, say"),
        (["when", "yes", "--pin", "x", "--toggle"], f"--pin x: {NO_PIN}"),
        (["when", "yes", "--pin", "15", "--toggle", "--for", "1"], "--for and --toggle: one of them is expected"),
        (["when", "yes", "--pin", "15", "--pulse", "3", "--for", "1"], "--for and --pulse: one of them is expected"),
        (["when", "yes", "--never", "--toggle"], "--never and --toggle: one of them is expected"),
        (["name", "kitchen", "--none"], "kitchen and --none: one of them is expected"),
        (["cutoff", "yes", "high"], "'high': a cutoff is a number, 0 to 1"),
        (["cutoff", "0.5", "--reset"], "0.5 and --reset: one of them is expected"),
    ],
)
def test_what_cannot_be_is_told_before_a_board_is_asked(arguments: list[str], error: str, command: Command) -> None:
    assert error in command(*arguments, "--on", "/dev/nothing", status=1).error


@pytest.mark.parametrize(
    "arguments",
    [
        ["mic", "inmp441", "--sck", "16", "--ws", "20"],
        ["when", "yes", "--pin", "99", "--toggle"],
        ["when", "yes", "--pin", "15", "--for", "3601"],
        ["when", "yes", "--pin", "15", "--pulse", "101"],
        ["cutoff", "1.5"],
        ["mute"],
    ],
)
def test_what_the_board_says_against_it_is_the_error(
    arguments: list[str], board: ScriptedBoard, url: str, command: Command
) -> None:
    board.refusal = "WS at GPIO20: it has to be the pin after SCK, GPIO17"
    before = json.dumps(board.settings)
    assert command(*arguments, "--on", url, status=1).error == board.refusal
    assert json.dumps(board.settings) == before


@pytest.mark.parametrize("arguments", [["when", "yes", "--pin", "1", "--for", "nan"], ["cutoff", "nan"], ["cutoff", "inf"]])
def test_a_number_that_json_has_not_is_refused(arguments: list[str], board: ScriptedBoard, url: str, command: Command) -> None:
    assert "is none that can be" in command(*arguments, "--on", url, status=1).error
    assert [message["do"] for message in board.asked] == ["info"]


def test_a_request_that_is_too_long_for_a_board_is_not_sent(board: ScriptedBoard, url: str, command: Command) -> None:
    error = command("when", "y" * 600, "--pin", 1, "--toggle", "--on", url, status=1).error
    assert error.startswith("when: a request of 6")
    assert [message["do"] for message in board.asked] == ["info"]


# ---- when


def test_words_switch_pins(board: ScriptedBoard, url: str, command: Command) -> None:
    assert command("when", "--on", url).out == f"no word does anything on {url}: `watchword when LABEL --pin 15 --for 0.5`\n"
    assert command("when", "yes", "--pin", "GP15", "--for", "0.5", "--on", url).out == "yes: GP15 high for 0.5 s\n"
    assert command("when", "yes", "--pin", 14, "--toggle", "--on", url).out == "yes: GP14 changes\n"
    told = json.loads(command("when", "jarvis", "--pin", 2, "--pulse", 3, "--on", url, "--json").out)
    assert told == {"label": "jarvis", "pin": 2, "act": "pulse", "count": 3}
    command("when", "yes", "--pin", 15, "--pulse", 1, "--on", url)  # instead of what it did there
    rows = [line.split(maxsplit=2) for line in command("when", "--list", "--on", url).out.splitlines()]
    assert [[part.strip() for part in row] for row in rows] == [
        ["word", "pin", "does"],
        ["yes", "GP14", "changes"],
        ["jarvis", "GP2", "3 pulses"],
        ["yes", "GP15", "one pulse"],
    ]
    assert json.loads(command("when", "--on", url, "--json").out) == board.settings["actions"]


def test_never_removes_actions_of_a_word(board: ScriptedBoard, url: str, command: Command) -> None:
    for pin in (1, 2, 3):
        command("when", "no", "--pin", pin, "--toggle", "--on", url)
    assert command("when", "no", "--never", "--pin", 2, "--on", url).out == "no: one action removed\n"
    assert json.loads(command("when", "no", "--never", "--on", url, "--json").out) == {"label": "no", "gone": 2}
    command("when", "yes", "--pin", 7, "--toggle", "--on", url)
    assert command("when", "no", "--never", "--on", url, status=1).error == "no: does nothing; there is yes at GP7"
    error = command("when", "yes", "--never", "--pin", 8, "--on", url, status=1).error
    assert error == "yes: does nothing at GP8; there is yes at GP7"


def test_a_word_that_the_board_does_not_know_is_refused_with_those_it_knows(url: str, command: Command) -> None:
    error = command("when", "lights", "--pin", 1, "--toggle", "--on", url, status=1).error
    assert error == "lights is none of what may fire here: yes, no, jarvis"


# ---- name


def test_a_board_has_a_name(board: ScriptedBoard, url: str, command: Command) -> None:
    assert command("name", "--on", url).out == f"{url} has no name: `watchword name kitchen` gives it one\n"
    assert command("name", "kitchen", "--on", url).out == f"{url} is kitchen\n"
    assert json.loads(command("name", "--on", url, "--json").out) == {"name": "kitchen"}
    assert command("name", "--none", "--on", url).out == f"{url} has no name\n"
    assert board.settings["name"] is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Kitchen", "1 to 20 of a-z"),
        ("a" * 21, "1 to 20 of a-z"),
        ("", "1 to 20 of a-z"),
        ("/dev/ttyACM0", "1 to 20 of a-z"),
        ("socket://x", "1 to 20 of a-z"),
        ("unix", "--on takes it for something else"),
        ("pico", "--on takes it for something else"),
        ("reference", "--on takes it for something else"),
        ("computer", "--on takes it for something else"),
        ("com3", "--on takes it for something else"),
    ],
)
def test_a_name_that_cannot_be_is_refused(name: str, why: str, board: ScriptedBoard, url: str, command: Command) -> None:
    assert why in command("name", name, "--on", url, status=1).error
    assert [message["do"] for message in board.asked] == ["info"]


# ---- cutoff and mute


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_cutoffs_are_shown_changed_and_reset(board: ScriptedBoard, url: str, command: Command) -> None:
    head = ["word", "cutoff"]
    assert rows(command("cutoff", "--on", url).out) == [head, ["yes", "0.800"], ["no", "0.800"], ["jarvis", "0.500"]]
    assert rows(command("cutoff", "yes", 0.9, "--on", url).out) == [head, ["yes", "0.900", "changed"]]
    assert rows(command("cutoff", "no", "--on", url).out) == [head, ["no", "0.800"]]
    assert json.loads(command("cutoff", "0.6", "--on", url, "--json").out) == {"yes": 0.6, "no": 0.6, "jarvis": 0.6}
    command("cutoff", "yes", "--reset", "--on", url)
    assert board.settings["cutoffs"] == {"no": 0.6, "jarvis": 0.6}
    command("cutoff", "--reset", "--on", url)
    assert board.settings["cutoffs"] == {}
    assert "none of what may fire here: yes, no, jarvis" in command("cutoff", "lights", "--on", url, status=1).error


def test_mute(board: ScriptedBoard, url: str, command: Command) -> None:
    assert command("mute", "--on", url).out == f"{url} is mute\n"
    assert board.settings["mute"] is True
    assert json.loads(command("mute", "off", "--on", url, "--json").out) == {"mute": False}


# ---- from a program


def test_a_program_sets_the_same(board: ScriptedBoard, url: str) -> None:
    setting = MicrophoneSetting("i2s", 1014, "inmp441", 16, 17, 18)
    with Board.open(url) as opened:
        opened.microphone(setting)
        assert opened.hello.microphone == "i2s"
        opened.when("yes", 15, "for", seconds=2)
        assert opened.never("no") == 0
        opened.name("hall-2")
        assert opened.cutoff(0.7, "yes")["yes"] == 0.7
        opened.mute()
        found = opened.settings()
        assert found.microphone == setting
        assert (found.name, found.cutoffs, found.mute) == ("hall-2", {"yes": 0.7}, True)
        assert str(found.actions[0]) == "high for 2 s"
        opened.microphone(None)
        assert opened.settings().microphone is None
        board.refusal = "flash is full"
        with pytest.raises(BoardError, match="flash is full"):
            opened.mute(False)
