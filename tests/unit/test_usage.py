"""`--help` shows commands in groups, each in a line; what was mistyped is told in one line that names the nearest."""

from __future__ import annotations

import re

import pytest
from tests.unit.command import Command, command_of

from watchword.cli import COMMANDS, app

PLAIN = [command.__name__ for commands in COMMANDS.values() for command in commands]
GROUPS = {"Make": ["data"], "Board": ["board"]}  # of commands, behind those of their panel
ALL = (*PLAIN, "board start", "board stop", "data check")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.setenv("NO_COLOR", "1")
    return command_of(monkeypatch, capsys)


def test_help_has_the_groups_in_order_and_each_command_once_in_a_line(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = command("--help").out
    assert re.findall(r"╭─ (\w+) ─", text) == ["Options", *COMMANDS]
    rows = re.findall(r"│ (\w+) +(\S.*?) *│\n", text)
    expected = [
        name for panel, commands in COMMANDS.items() for name in [*(one.__name__ for one in commands), *GROUPS.get(panel, [])]
    ]
    assert [name for name, _ in rows] == expected
    for _, line in rows:
        assert re.fullmatch(r"[A-Z].*\.", line), line  # whole, neither cut nor wrapped


@pytest.mark.parametrize("columns", [50, 80])
@pytest.mark.parametrize("name", ["", *ALL])
def test_help_fits_the_terminal(command: Command, monkeypatch: pytest.MonkeyPatch, name: str, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = command(*name.split(), "--help").out
    assert max(map(len, text.splitlines())) <= columns
    assert "…" not in text.replace("high, low, high …", "")
    assert not re.search(r"<(bool|str|path|int)\b", text), "an option or argument without a name for its value"


def test_all_commands_are_in_a_group() -> None:
    assert len(PLAIN) == len(set(PLAIN)) == len(app.registered_commands)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["programms"], "No such command 'programms'. Did you mean 'programs'? Try `watchword --help`."),
        (["board", "strat"], "No such command 'strat'. Did you mean 'start'? Try `watchword board --help`."),
        (["listen", "--scors"], "No such option: --scors. Did you mean --scores? Try `watchword listen --help`."),
        (["info", "--jsn"], "No such option: --jsn. Did you mean --json? Try `watchword info --help`."),
        (["models", "--on", "unix"], "`watchword models` is now `watchword programs`. Try `watchword --help`."),
        (["dance"], "No such command 'dance'. Try `watchword --help`."),
        (["listen", "--zzz"], "No such option: --zzz. Try `watchword listen --help`."),
        (["push"], "Missing argument 'MODEL'. Try `watchword push --help`."),
        (["train", "x", "-o", "y"], "Missing option '--data'. Try `watchword train --help`."),
        (["mute", "maybe"], "Invalid value for 'on|off': 'maybe' is not one of 'on', 'off'. Try `watchword mute --help`."),
    ],
)
def test_what_was_mistyped_is_told_in_one_line(command: Command, typed: list[str], told: str) -> None:
    assert command(*typed, status=2).error == told


def test_even_a_long_mistake_is_a_line_of_300_characters(command: Command) -> None:
    assert command("x" * 5000, status=2).error.endswith("… Try `watchword --help`.")


def test_without_a_command_the_help_is_shown(command: Command) -> None:
    done = command(status=2)
    assert "╭─ Start" in done.out
    assert done.err == ""
