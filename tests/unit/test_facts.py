"""The text of commands has what somebody does something about; what only programs need is in `--json`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.unit import scripted
from tests.unit.command import Command, command_of
from tests.unit.scripted import HELLO, ScriptedBoard, plugged_in

from watchword.board.bench import Bench, LayerCost
from watchword.cli import measuring
from watchword.description import Decision, Description
from watchword.model import keywords, load


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_of(monkeypatch, capsys)


def facts(text: str) -> dict[str, str]:
    """The lines of a text, by the name that each begins with."""
    return {name: rest.strip() for name, _, rest in (line.partition("  ") for line in text.splitlines() if line)}


@contextmanager
def board(monkeypatch: pytest.MonkeyPatch, mute: bool = False, **says: object) -> Iterator[str]:
    monkeypatch.setattr(scripted, "HELLO", HELLO | says)
    on = ScriptedBoard("kitchen")
    on.settings["mute"] = mute
    with plugged_in(on) as url:
        yield url


def test_info_of_a_board_that_is_as_it_should_be(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with board(monkeypatch) as url:
        assert facts(command("info", "--on", url).out) == {
            "board": "Raspberry Pi Pico with RP2040, named kitchen",
            "MicroPython": "1.25.0",
            "firmware": "0.1.0, as here",
            "runs": "kws",
            "fires at": "yes, no, jarvis",  # in the model's order, then what was taught
            "microphone": "none",
            "memory": "110 KB free",
            "flash": "1.2 MB of 1.4 MB free",
        }


def test_info_says_what_to_do(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with board(monkeypatch, mute=True, firmware="0.0.9", running=None, programs=[]) as url:
        found = facts(command("info", "--on", url).out)
    assert found["firmware"] == "0.0.9, and 0.1.0 here: `watchword flash` puts that on it"
    assert found["runs"] == "nothing: `watchword push MODEL` gives it a program"
    assert found["microphone"] == "none, and mute: `watchword mute off` lets it hear"
    assert "fires at" not in found


def test_info_as_json_has_all_that_the_board_says(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with board(monkeypatch) as url:
        assert json.loads(command("info", "--on", url, "--json").out) == HELLO | {"name": "kitchen"}


def test_describe_tells_what_a_model_is_for(command: Command) -> None:
    found = facts(command("describe", keywords()).out)
    assert found.pop("source").startswith("trained by watchword on Speech Commands")
    assert found == {
        "name": "keywords",
        "takes": "sound",
        "fires at": "yes, no, up, down, left, right, on, off, stop, go",
        "not at": "_silence_, _unknown_",
        "when": "its mean score over 5 runs reaches 0.8, not again within 1 s",
        "runs": "every 80 ms",
        "taught by": "conv_8, in 2 parts",
        "licence": "CC-BY-4.0",
    }
    assert json.loads(command("describe", keywords(), "--json").out) == load(keywords()).description.as_dict()


@pytest.mark.parametrize(
    ("seconds", "live"),
    [
        (0.038, "a run for each 80 ms, 50.0 % of the processor"),
        (0.0797, "a run for each 80 ms, 102.1 % of the processor: slower than sound, so that a board leaves runs out"),
    ],
)
def test_bench_tells_whether_a_model_keeps_up(capsys: pytest.CaptureFixture[str], seconds: float, live: str) -> None:
    layers = [LayerCost("a", "packed", 3000, 0.75 * seconds), LayerCost("b", "softmax", 0, 0.25 * seconds)]
    figures = {"macs": 3000, "arena": 10, "program_bytes": 64384, "peak_ram": 146592, "heap_free": 53312}
    report = Bench("m", "a Pico", 125_000_000, seconds, seconds, layers, 0.0005, 0.8, modelled=None, **figures)
    measuring._show(report, Description("m", ("a",), decision=Decision(stride=4)))
    text = capsys.readouterr().out
    assert [line.split() for line in text.splitlines()[:3]] == [
        ["layer", "MACs", "time", "share"],
        ["a", "3000", f"{750 * seconds:.2f}", "ms", "75.0", "%"],
        ["b", "-", f"{250 * seconds:.2f}", "ms", "25.0", "%"],
    ]
    found = facts(text)
    assert found["live"] == live
    assert found["a run"].endswith(f"; {round(125_000_000 * seconds)} cycles")
    assert found["memory"] == "147 KB of heap, and 53 KB stay free"
    assert found["flash"] == "64 KB, loaded in 0.8 s"
