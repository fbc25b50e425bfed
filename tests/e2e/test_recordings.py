"""Recordings of all kinds, as they lie in people's folders, before every command that takes many of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import wavs
from tests.e2e.command import fails, watchword
from watchword import shipped
from watchword.data import audio
from watchword.model import keywords

CLIPS = shipped.models() / "keywords/clips"
SLOW = "recorded at 8000 Hz: nothing above 4 kHz"
CUT = "truncated: read as far as it goes"

RECIPE = """
name = "two"
labels = ["yes", "no"]
[data]
train = [{ folder = "." }]
[architecture]
channels = 4
blocks = 1
[training]
epochs = 1
batch = 4
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """yes/ and no/, each with two good recordings, one cut short, one of 8 kHz, one of a telephone, and one of nothing."""
    for word, file in (("yes", "yes_f292725f.wav"), ("no", "no_837a0f64.wav")):
        own = tmp_path / "words" / word
        own.mkdir(parents=True)
        samples = audio.read(CLIPS / file)
        for name, quieter in (("1.wav", 1), ("2.wav", 2)):
            audio.write(own / name, samples // quieter)
        (own / "3.wav").write_bytes((own / "1.wav").read_bytes()[:-2000])
        (own / "4.wav").write_bytes(wavs.wav(fmt=wavs.form(rate=8000), data=(samples // 3)[::2].tobytes()))
        (own / "5 of mine.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
        (own / "6.wav").write_bytes(wavs.wav(data=b""))
    return tmp_path / "words"


def told(stderr: str, folder: Path, word: str = "yes") -> None:
    """What there is to be told of a word's files was told, in a line each."""
    lines = stderr.splitlines()
    own = folder / word
    assert f"{own / '3.wav'}: {CUT}" in lines
    assert f"{own / '4.wav'}: {SLOW}" in lines
    assert f"{own / '6.wav'}: holds no sound" in lines
    telephone = own / "5 of mine.m4a"
    (line,) = (line for line in lines if line.startswith(f"{telephone}: "))
    assert f"`ffmpeg -i '{telephone}' " in line


def counted(result: dict[str, object], skipped: int, cut: int, slow: int) -> None:
    assert result["skipped"] == skipped
    assert result["notes"] == {CUT: cut, SLOW: slow}


def test_listen_goes_on_and_says_what_is_amiss(folder: Path) -> None:
    done = watchword("listen", "--wav", folder / "yes", "--on", "reference", "--json")
    told(done.stderr, folder)
    assert "2 of 6 recordings were skipped" in done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    notes = {Path(event["file"]).name: event.get("notes") for event in events}
    assert notes["1.wav"] is None
    assert notes["3.wav"] == [CUT]
    assert done.stderr.count(SLOW) == 1


@pytest.mark.parametrize("more", [[], ["--few-shot", "1", "--draws", "2"]], ids=["accuracy", "few shot"])
def test_evaluate(folder: Path, more: list[str]) -> None:
    unknown = ["--words", "yes", "--unknown", folder] if more else []
    done = watchword("evaluate", keywords(), "--data", folder, "--on", "reference", "--json", *more, *unknown)
    told(done.stderr, folder)
    counted(json.loads(done.stdout), skipped=4, cut=2, slow=2)
    assert "4 of 12 recordings were skipped" in done.stderr


def test_train(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(RECIPE)
    done = watchword("train", tmp_path / "recipe.toml", "--data", folder, "-o", tmp_path / "out", "--json")
    told(done.stderr, folder)
    counted(json.loads(done.stdout), skipped=4, cut=2, slow=2)
    clips = (tmp_path / "out/validation.csv").read_text()
    assert ".m4a" not in clips
    assert "6.wav" not in clips


def test_teach_and_push_with_a_background(folder: Path, micropython: Path) -> None:
    done = watchword("push", keywords(), "--background", folder, "--on", "unix", "--json")
    told(done.stderr, folder)
    counted(json.loads(done.stdout), skipped=4, cut=2, slow=2)
    done = watchword("teach", "jarvis", "--wav", folder / "no", "--on", "unix", "--json")
    told(done.stderr, folder, "no")
    shots = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(Path(shot["file"]).name, shot.get("notes")) for shot in shots][2:] == [("3.wav", [CUT]), ("4.wav", [SLOW])]
    assert [shot["shots"] for shot in shots] == [1, 2, 3, 4]
    assert "2 of 6 files were skipped" in done.stderr


def _only_text(folder: Path) -> Path:
    (folder / "a.wav").write_text("nothing but text")
    return folder / "a.wav"


def _folder(folder: Path) -> Path:
    (folder / "a.wav").mkdir()
    return folder / "a.wav"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_only_text, r"a.wav: is text, no sound"),
        (_folder, r"a.wav: no sound files there"),
        (lambda folder: folder / "none.wav", "none.wav: no such file"),
    ],
)
def test_one_that_is_no_recording_is_one_line(tmp_path: Path, make: Callable[[Path], Path], said: str) -> None:
    assert said in fails("listen", "--wav", make(tmp_path), "--on", "reference")


def test_of_many_that_are_none_the_first_is_told(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / f"{number}.wav").write_text("text")
    line = fails("listen", "--wav", tmp_path, "--on", "reference")
    assert line == f"watchword: none of 8 recordings can be read; the first: {tmp_path / '0.wav'}: is text, no sound"
    assert len(line) <= 300
    (tmp_path / "yes").mkdir()
    for number in range(2):
        (tmp_path / f"{number}.wav").rename(tmp_path / f"yes/{number}.wav")
    line = fails("evaluate", keywords(), "--data", tmp_path, "--on", "reference")
    assert line.startswith("watchword: none of 2 recordings can be read; the first: ")


def test_the_demo_says_what_is_amiss_of_a_recording(folder: Path) -> None:
    done = watchword("demo", "--wav", folder / "yes/4.wav", "--on", "reference")
    assert f"{folder / 'yes/4.wav'}: {SLOW}" in done.stderr
