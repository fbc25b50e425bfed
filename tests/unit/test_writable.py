"""Where a command cannot write is told in one line before its work starts, and nothing that it reads is written over."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.unit.command import Command, command_of

from watchword import shipped
from watchword.model import keywords


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_of(monkeypatch, capsys)


@pytest.mark.parametrize(
    "arguments",
    [
        ("compile", keywords(), "-o"),
        ("export", keywords(), "-o"),
        ("run", keywords(), "--input", "none.npy", "-o"),
        ("evaluate", keywords(), "--data", "none.csv", "--scores"),
        ("taught", "--on", "none", "--export"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_file_that_cannot_be_written(command: Command, tmp_path: Path, arguments: tuple[object, ...]) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    none = tmp_path / "none"
    assert command(*arguments, tmp_path, status=1).error == f"{tmp_path}: is a folder; a file is expected"
    for folder in (none, file):
        told = f"{folder / 'x'}: cannot be written: there is no folder {folder}"
        assert command(*arguments, folder / "x", status=1).error == told
    assert file.read_text() == "kept"


@pytest.mark.parametrize("name", ["compile", "export"])
def test_a_model_is_not_written_over(command: Command, tmp_path: Path, name: str) -> None:
    model = tmp_path / "m.tflite"
    shutil.copy(keywords(), model)
    shutil.copy(keywords().with_suffix(".toml"), tmp_path / "m.toml")
    (tmp_path / "other.tflite").symlink_to(model)
    for path in (model, tmp_path / "other.tflite", tmp_path / "." / "m.tflite"):
        assert "is read by this command, and would be written over" in command(name, model, "-o", path, status=1).error
    assert model.read_bytes() == keywords().read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [("train", shipped.models() / "keywords" / "recipe.toml", "--data", ".", "-o"), ("firmware", "-o")],
    ids=["train", "firmware"],
)
def test_a_folder_that_cannot_be_one(command: Command, tmp_path: Path, arguments: tuple[object, ...]) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    assert command(*arguments, file, status=1).error == f"{file}: is a file; a folder is expected"
    assert command(*arguments, file / "x", status=1).error == f"{file / 'x'}: cannot be made: Not a directory"
    assert file.read_text() == "kept"
