"""Putting the firmware on a board, on one that exists only here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from watchword import firmware
from watchword.board.flash import check_abi, install
from watchword.board.repl import Facts, Held
from watchword.errors import BoardError, LinkError

ABI_6_3 = 3 << 8 | 6
PICO = Facts("micropython", (1, 25, 0), 4870, "Raspberry Pi Pico with RP2040", 1_000_000, 4096)


class FakeRepl:
    """A board: its files by path, its folders, and what has been done to them."""

    def __init__(self, files: dict[str, bytes] | None = None, facts: Facts = PICO) -> None:
        self.port = "PORT"
        self.is_what = facts
        self.held = dict(files or {})
        self.made = {path.rsplit("/", n)[0] for path in self.held for n in range(1, path.count("/") + 1)}
        self.done: list[tuple[str, str]] = []
        self.breaks_after = 1000  # things done
        self.worn: set[str] = set()  # files that come out other than they were sent

    def facts(self) -> Facts:
        return self.is_what

    def files(self, *places: str) -> dict[str, Held]:
        return {
            path: Held(len(data), hashlib.sha256(data).hexdigest())
            for path, data in self.held.items()
            if any(path == place or path.startswith(f"{place}/") for place in places)
        }

    def folders(self, *places: str) -> list[str]:
        found = [f for f in self.made if any(f == place or f.startswith(f"{place}/") for place in places)]
        return sorted(found, reverse=True)

    def read(self, path: str) -> bytes:
        return self.held[path]

    def _do(self, what: str, path: str) -> None:
        if len(self.done) == self.breaks_after:
            raise LinkError("PORT: the line to the board broke")
        self.done.append((what, path))

    def write(self, path: str, data: bytes, sent: Callable[[int], None] = lambda size: None) -> None:
        self._do("write", path)
        folder = path.rpartition("/")[0]
        assert not folder or folder in self.made
        self.held[path] = data + b"?" if path in self.worn else data
        sent(len(data))

    def mkdir(self, path: str) -> None:
        self._do("mkdir", path)
        above = path.rpartition("/")[0]
        assert not above or above in self.made
        self.made.add(path)

    def remove(self, path: str) -> None:
        self._do("remove", path)
        assert not any(other.startswith(f"{path}/") for other in (*self.held, *self.made))
        if path in self.made:
            self.made.remove(path)
        else:
            del self.held[path]

    def rename(self, path: str, to: str) -> None:
        self._do("rename", to)
        self.held[to] = self.held.pop(path)

    def restart(self) -> None: ...

    def close(self) -> None: ...

    def written(self) -> list[str]:
        return [path for what, path in self.done if what == "write"]


@pytest.fixture(scope="module")
def wanted() -> dict[str, bytes]:
    return firmware.files("armv6m")


def test_an_empty_board_gets_all_and_main_last(wanted: dict[str, bytes]) -> None:
    board = FakeRepl()
    progress: list[tuple[int, int]] = []
    report = install(board, progress=lambda done, total: progress.append((done, total)))
    assert board.held == wanted
    assert board.done[-1] == ("write", "main.py")
    assert report.sent == list(wanted)
    assert report.architecture == "armv6m"
    assert progress[-1] == (report.size, report.size)


def test_a_board_that_has_all_is_left_alone(wanted: dict[str, bytes]) -> None:
    board = FakeRepl(wanted)
    assert install(board).sent == []
    assert board.done == []


def test_one_file_that_differs_is_sent_alone_while_main_is_away(wanted: dict[str, bytes]) -> None:
    board = FakeRepl(wanted | {"watchword/app.mpy": b"older"})
    assert install(board).sent == ["watchword/app.mpy"]
    assert board.held == wanted
    assert board.done == [("rename", "main.py.new"), ("write", "watchword/app.mpy"), ("rename", "main.py")]


def test_what_is_not_of_this_firmware_goes(wanted: dict[str, bytes]) -> None:
    """A .py is loaded instead of the .mpy beside it, and /lib after the root."""
    stale = {
        "watchword/app.py": b"",
        "watchword/kernels/pooling_plain.mpy": b"",
        "watchword/old/thing.mpy": b"",
        "lib/watchword/app.mpy": b"",
    }
    others = {"lib/other.py": b"", "ww/state.json": b"{}", "boot.py": b""}
    board = FakeRepl(wanted | stale | others)
    report = install(board)
    assert sorted(report.removed) == sorted(stale)
    assert board.held == wanted | others
    assert {"watchword/old", "lib/watchword"}.isdisjoint(board.made)


def test_a_main_of_the_users_that_does_not_start_the_app_is_not_touched(wanted: dict[str, bytes]) -> None:
    board = FakeRepl({"main.py": b"print('mine')"})
    with pytest.raises(BoardError, match=r"PORT: the board has a main.py of yours.*--force"):
        install(board)
    assert board.done == []


def test_a_main_of_the_users_that_starts_the_app_stays(wanted: dict[str, bytes]) -> None:
    mine = b"from watchword import app  # and more"
    board = FakeRepl({"main.py": mine})
    report = install(board)
    assert report.kept == "main.py"
    assert board.held == wanted | {"main.py": mine}
    assert "main.py" not in report.sent


@pytest.mark.parametrize("mine", [b"print('mine')", b"import watchword"])
def test_force_replaces_it(wanted: dict[str, bytes], mine: bytes) -> None:
    board = FakeRepl({"main.py": mine})
    assert install(board, force=True).kept == ""
    assert board.held == wanted


def test_a_full_flash_is_refused_with_figures_before_anything_is_written() -> None:
    board = FakeRepl(facts=replace(PICO, free=20_000))
    with pytest.raises(BoardError, match=r"PORT: flash is full: the firmware needs \d+ bytes more, and 20000 are free"):
        install(board)
    assert board.done == []


def test_room_is_needed_only_for_what_changes(wanted: dict[str, bytes]) -> None:
    changed = {"watchword/app.mpy": b"older", "watchword/link.mpy": b"older"}
    largest = max(len(wanted[name]) for name in changed) // 4096 * 4096 + 4096
    install(FakeRepl(wanted | changed, replace(PICO, free=2 * largest)))
    with pytest.raises(BoardError, match="flash is full"):
        install(FakeRepl(wanted | changed, replace(PICO, free=largest - 4096)))


@pytest.mark.parametrize("count", range(1, 25, 3))
def test_a_flash_that_breaks_off_leaves_no_main_and_is_finished_by_the_next(wanted: dict[str, bytes], count: int) -> None:
    board = FakeRepl({name: data for name, data in wanted.items() if "kernels" not in name} | {"watchword/app.py": b"old"})
    changes = FakeRepl(board.held)
    install(changes)
    board.breaks_after = min(count, len(changes.done) - 1)
    with pytest.raises(LinkError):
        install(board)
    assert "main.py" not in board.held
    board.breaks_after = 1000
    install(board)
    assert {path: data for path, data in board.held.items() if path != "main.py.new"} == wanted


def test_a_file_that_flash_does_not_hold_as_sent_is_named() -> None:
    board = FakeRepl()
    board.worn.add("watchword/link.mpy")
    with pytest.raises(BoardError, match=r"PORT: watchword/link.mpy is not on flash as it was sent"):
        install(board)


def test_a_board_without_mpy_gets_sources() -> None:
    board = FakeRepl(facts=replace(PICO, mpy=None))
    assert install(board).architecture == "source"
    assert "watchword/app.py" in board.held


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (replace(PICO, version=(1, 24, 1)), "runs MicroPython 1.24.1, and 1.25 or later is needed"),
        (replace(PICO, name="circuitpython", version=(9, 2, 0)), "runs CircuitPython, and watchword needs MicroPython"),
        (replace(PICO, mpy=4 << 10 | 2 << 8 | 6), "takes .mpy files of version 6.2"),
    ],
)
def test_what_cannot_run_the_firmware_is_refused(facts: Facts, message: str) -> None:
    board = FakeRepl(facts=facts)
    with pytest.raises(BoardError, match=message):
        install(board)
    assert board.done == []


def test_an_mpy_version_that_the_board_does_not_take_is_refused(wanted: dict[str, bytes]) -> None:
    check_abi(wanted, 4 << 10 | ABI_6_3, "PORT")
    for mpy, takes in (4 << 10 | 2 << 8 | 6, r"6\.2"), (4 << 10 | 3 << 8 | 5, r"5\.3"):
        with pytest.raises(
            BoardError, match=rf"PORT: its MicroPython takes .mpy files of version {takes}, and mpy-cross .* makes"
        ):
            check_abi(wanted, mpy, "PORT")


def test_bytecode_does_not_depend_on_the_version_of_native_code() -> None:
    check_abi(firmware.files("bytecode"), 2 << 8 | 6, "PORT")
