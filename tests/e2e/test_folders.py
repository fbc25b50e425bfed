"""Folders as people have them, by the commands that take them: what systems leave in them changes nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import fails, watchword
from watchword.model import keywords


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two recordings of each of two words, in capitals, with what macOS and Windows leave and a link that leads up."""
    for word in ("yes", "no"):
        (tmp_path / "words" / word).mkdir(parents=True)
        [clip] = (keywords().parent / "clips").glob(f"{word}_*.wav")
        for name in ("10.WAV", "9.WAV"):
            shutil.copy(clip, tmp_path / "words" / word / name)
        for junk in ("._9.WAV", ".DS_Store", "Thumbs.db"):
            (tmp_path / "words" / word / junk).write_bytes(b"junk")
    (tmp_path / "words/__MACOSX").mkdir()
    (tmp_path / "words/__MACOSX/1.wav").write_bytes(b"junk")
    (tmp_path / "words/yes/up").symlink_to("..")
    (tmp_path / "empty").mkdir()
    return tmp_path


def lines(*arguments: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in watchword(*arguments, "--on", "unix", "--json").stdout.splitlines()]


def test_push_teach_and_listen_take_folders(micropython: Path, folder: Path) -> None:
    words = folder / "words"
    lines("push", "keywords", "--background", words / "no", "--fresh")
    shots = lines("teach", "ja", "--wav", words / "yes")
    assert [(Path(shot["file"]).name, shot["shots"]) for shot in shots] == [("9.WAV", 1), ("10.WAV", 2)]
    heard = [Path(event["file"]) for event in lines("listen", "--wav", words) if event.get("label") in ("yes", "no")]
    assert heard == [words / name for name in ("no/9.WAV", "no/10.WAV", "yes/9.WAV", "yes/10.WAV")]


def test_folders_without_anything_to_use(micropython: Path, folder: Path) -> None:
    empty = folder / "empty"
    assert f"{empty}: no files that are read there" in fails("push", "keywords", "--background", empty, "--on", "unix")
    assert f"{empty}: no sound files there" in fails("teach", "ja", "--wav", empty, "--on", "unix")
    assert f"{empty}: no picture files there" in fails("teach", "ja", "--image", empty, "--on", "unix")
    assert f"{empty}: no sound files there" in fails("listen", "--wav", empty, "--on", "unix")
    assert f"{empty}/*.wav: no sound files there" in fails("listen", "--wav", empty / "*.wav", "--on", "unix")
