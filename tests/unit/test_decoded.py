"""The cache of decoded clips: it is never trusted, and whoever damages, fills or removes it gets the same rows."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from watchword.data import decoded
from watchword.data.batch import Batch, Report
from watchword.data.decoded import Form, decode
from watchword.errors import DataError

FORM = Form("digits", (4,), "int16")
CALLS: list[str] = []


def read(path: Path, report: Report) -> NDArray[np.int16]:
    """A row of four numbers from a text file; 7 is worth a note."""
    CALLS.append(path.name)
    try:
        row = np.array([int(part) for part in path.read_text().split()], np.int16)
    except (OSError, ValueError):
        raise DataError(f"{path}: no numbers") from None
    if 7 in row:
        report("a seven")
    return row


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WATCHWORD_CLIPS", str(tmp_path / "cache"))
    CALLS.clear()
    return tmp_path / "cache"


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    found = [tmp_path / f"{number}.txt" for number in range(5)]
    for number, path in enumerate(found):
        path.write_text(f"{number} 5 6 {number + 3}")
    return found


def expected(paths: list[Path]) -> list[list[int]]:
    return [[int(part) for part in path.read_text().split()] for path in paths]


def test_what_was_decoded_once_is_read(paths: list[Path], cache: Path) -> None:
    rows, numbers = decode(paths, FORM, read)
    assert numbers == [0, 1, 2, 3, 4]
    assert rows.rows([3, 0, 3]).tolist() == [expected(paths)[row] for row in (3, 0, 3)]
    assert [start for start, _ in rows.blocks(2)] == [0, 2, 4]
    CALLS.clear()
    again, _ = decode(paths, FORM, read)
    assert again.rows(range(5)).tolist() == expected(paths)
    assert CALLS == []
    assert len(list(cache.iterdir())) == 1


def test_a_source_that_changed_is_decoded_anew_and_only_that(paths: list[Path]) -> None:
    decode(paths, FORM, read)
    paths[2].write_text("9 9 9 9")
    os.utime(paths[3], ns=(1, 1))  # the same size and content, another time
    CALLS.clear()
    rows, _ = decode(paths, FORM, read)
    assert rows.rows(range(5)).tolist() == expected(paths)
    assert CALLS == ["2.txt", "3.txt"]


def test_other_lists_take_what_is_there(paths: list[Path], cache: Path) -> None:
    decode(paths, FORM, read)
    CALLS.clear()
    rows, _ = decode(paths[:3][::-1], FORM, read)
    assert rows.rows(range(3)).tolist() == expected(paths[:3])[::-1]
    assert CALLS == []
    decode(paths, Form("others", (4,), "int16"), read)  # of another kind nothing is taken
    assert len(CALLS) == 5
    assert len(list(cache.iterdir())) == 3


def test_what_cannot_be_read_is_counted_each_time_and_taken_once_it_can(paths: list[Path]) -> None:
    paths[1].write_text("none")
    for _ in range(2):
        batch = Batch("files")
        rows, numbers = decode(paths, FORM, read, batch)
        assert numbers == [0, 2, 3, 4]
        assert (batch.skipped, dict(batch.notes)) == (1, {"a seven": 1})
        assert rows.rows([1]).tolist() == [expected(paths[2:])[0]]
    paths[1].write_text("1 2 3 4")
    assert decode(paths, FORM, read)[1] == [0, 1, 2, 3, 4]


def test_what_was_said_is_said_from_the_cache_too(paths: list[Path]) -> None:
    for _ in range(2):
        batch = Batch("files")
        decode(paths, FORM, read, batch)
        assert dict(batch.notes) == {"a seven": 1}
    assert len(CALLS) == 5


@pytest.mark.parametrize("place", range(0, 600, 7))
def test_a_damaged_byte_changes_no_row(paths: list[Path], cache: Path, place: int) -> None:
    rows, _ = decode(paths, FORM, read)
    [file] = cache.iterdir()
    content = bytearray(file.read_bytes())
    if place >= len(content):
        place = len(content) - 1
    content[place] ^= 0x55
    file.write_bytes(content)
    for found in (rows, decode(paths, FORM, read)[0]):
        found.close()
        assert found.rows(range(5)).tolist() == expected(paths)


@pytest.mark.parametrize("length", [0, 3, 8, 30, 48, 200, -1])
def test_a_file_cut_short_is_made_anew(paths: list[Path], cache: Path, length: int) -> None:
    rows, _ = decode(paths, FORM, read)
    rows.close()
    [file] = cache.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:length])
    assert rows.rows(range(5)).tolist() == expected(paths)
    decode(paths, FORM, read)
    assert file.read_bytes() == whole


def test_a_file_that_is_removed_is_not_needed(paths: list[Path], cache: Path) -> None:
    rows, _ = decode(paths, FORM, read)
    rows.close()
    for file in cache.iterdir():
        file.unlink()
    assert rows.rows([4]).tolist() == [expected(paths)[4]]
    paths[4].unlink()
    with pytest.raises(DataError, match="4.txt: no numbers"):
        rows.rows([4])


def test_rows_may_be_read_in_another_process(paths: list[Path]) -> None:
    rows, _ = decode(paths, FORM, read)
    rows.rows([0])
    assert pickle.loads(pickle.dumps(rows)).rows([2]).tolist() == [expected(paths)[2]]


def test_the_cache_keeps_to_its_limit_by_removing_what_was_not_used_for_long(
    paths: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for count in (2, 3, 4):
        decode(paths[:count], FORM, read)
        [new] = set(cache.iterdir()) - set(made)
        os.utime(new, (count, count))
        made.append(new)
    size = max(file.stat().st_size for file in made)
    monkeypatch.setenv("WATCHWORD_CLIPS_LIMIT", str(3 * size))
    decode(paths, FORM, read)
    assert made[0] not in set(cache.iterdir())
    assert made[2] in set(cache.iterdir())
    monkeypatch.setenv("WATCHWORD_CLIPS_LIMIT", "1")  # the one in use stays
    rows, _ = decode(paths[1:], FORM, read)
    assert len(list(cache.iterdir())) == 1
    assert rows.rows([0]).tolist() == [expected(paths)[1]]
    monkeypatch.setenv("WATCHWORD_CLIPS_LIMIT", "much")
    with pytest.raises(DataError, match="WATCHWORD_CLIPS_LIMIT is 'much': a number of bytes"):
        decode(paths[2:], FORM, read)


def test_where_the_cache_cannot_be_written_rows_are_held(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("WATCHWORD_CLIPS", str(tmp_path / "file"))
    told: list[str] = []
    paths[1].write_text("none")
    rows, numbers = decode(paths, FORM, read, report=told.append)
    assert numbers == [0, 2, 3, 4]
    assert rows.rows([0, 1]).tolist() == [expected(paths[:1])[0], expected(paths[2:])[0]]
    assert len(told) == 1
    assert "cannot be used" in told[0]


def test_a_full_disk_leaves_no_half_file(paths: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*names: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(decoded.os, "replace", full)
    told: list[str] = []
    rows, _ = decode(paths, FORM, read, report=told.append)
    assert rows.rows(range(5)).tolist() == expected(paths)
    assert list(cache.iterdir()) == []
    assert "No space left on device" in told[0]
