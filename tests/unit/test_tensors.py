"""`watchword run` takes arrays of .npy and .npz files, and refuses all others in one line that names the file."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.command import Command, command_of

from watchword import reference
from watchword.data import tensors
from watchword.errors import DataError
from watchword.model import keywords, load

MODEL = load(keywords())
INPUT, SHAPE = MODEL.graph.input, MODEL.graph.input.shape[1:]
X = np.random.default_rng(0).integers(-128, 128, (3, *SHAPE)).astype(np.int8)
Y = reference.run(MODEL.graph, X)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_of(monkeypatch, capsys)


def saved(path: Path, save: Callable[[Any], None]) -> Path:
    with path.open("wb") as file:
        save(file)
    return path


REAL = (X.astype(np.float64) - INPUT.zero_point) * INPUT.scale[0]
GOOD: dict[str, Callable[[Any], None]] = {
    "int8": lambda f: np.save(f, X),
    "with the batch axis": lambda f: np.save(f, X[:, None]),
    "in Fortran's order": lambda f: np.save(f, np.asfortranarray(X)),
    "float64": lambda f: np.save(f, REAL),
    "float32": lambda f: np.save(f, REAL.astype(np.float32)),
    "float32 of the other byte order": lambda f: np.save(f, REAL.astype(">f4")),
    "npz, alone under another name": lambda f: np.savez(f, x=X),
    "npz, by name among others": lambda f: np.savez(f, labels=np.zeros(3), **{INPUT.name: X}),
    "npz, compressed": lambda f: np.savez_compressed(f, x=X),
}


@pytest.mark.parametrize("save", GOOD.values(), ids=GOOD)
def test_what_is_read_runs_as_the_reference_has_it(command: Command, tmp_path: Path, save: Callable[[Any], None]) -> None:
    given, made = saved(tmp_path / "x", save), tmp_path / "y.npy"
    done = command("run", keywords(), "--input", given, "--out", made, "--on", "reference")
    assert done.out == f"{made}: 3 outputs of {Y.shape[1]}, int8\n"
    assert np.array_equal(np.load(made), Y)


def test_outputs_go_to_the_very_file_that_is_named(command: Command, tmp_path: Path) -> None:
    given = saved(tmp_path / "x.npy", lambda f: np.save(f, X[:1]))
    for name in ("y.npy", "y", "y.npz"):
        done = command("run", keywords(), "-i", given, "-o", tmp_path / name, "--on", "reference", "--json")
        assert json.loads(done.out) == {"output": str(tmp_path / name), "samples": 1, "shape": [Y.shape[1]], "dtype": "int8"}
    assert {path.name for path in tmp_path.iterdir()} == {"x.npy", "y.npy", "y", "y.npz"}
    with np.load(tmp_path / "y.npz") as held:
        assert held.files == [MODEL.graph.output.name]
        assert np.array_equal(held[MODEL.graph.output.name], np.load(tmp_path / "y"))


def test_a_file_that_was_written_is_read_back_whatever_its_array_is_called(tmp_path: Path) -> None:
    for name in ("file", "a/b:0", "serving_default;x"):
        tensors.write(tmp_path / "y.npz", [(name, X)])
        assert np.array_equal(tensors.read(tmp_path / "y.npz", name, SHAPE), X)


def with_one(value: float) -> NDArray[np.float32]:
    x = REAL.astype(np.float32)
    x[1].flat[7] = value
    return x


def objects(file: Any) -> None:
    np.save(file, np.array([{"a": 1}], object), allow_pickle=True)


BAD: dict[str, tuple[Callable[[Any], Any], str]] = {
    "empty": (lambda f: None, "is empty; a .npy or .npz file is expected"),
    "text": (lambda f: f.write(b"1, 2, 3\n"), "is no .npy or .npz file, or a damaged one"),
    "a pickle": (lambda f: f.write(b"\x80\x04K\x01."), "is no .npy or .npz file, or a damaged one"),
    "cut short": (lambda f: f.write(npy(X)[:-5]), "is no .npy or .npz file, or a damaged one"),
    "half a header": (lambda f: f.write(npy(X)[:20]), "is no .npy or .npz file, or a damaged one"),
    "objects": (objects, "holds Python objects, which are never unpickled"),
    "objects in an npz": (lambda f: np.savez(f, x=np.array([None])), "holds Python objects, which are never unpickled"),
    "another shape": (lambda f: np.save(f, X[:, :-1]), "has the shape 3x48x40x1; samples x 49x40x1 is expected"),
    "one sample without its axis": (lambda f: np.save(f, X[0]), "has the shape 49x40x1; samples x 49x40x1 is expected"),
    "a number": (lambda f: np.save(f, np.int8(1)), "has the shape of a single number; samples x"),
    "no samples": (lambda f: np.save(f, X[:0]), "holds no samples"),
    "NaN": (lambda f: np.save(f, with_one(np.nan)), "holds NaN or infinity, first in sample 1"),
    "infinity": (lambda f: np.save(f, with_one(-np.inf)), "holds NaN or infinity, first in sample 1"),
    "int64": (lambda f: np.save(f, X.astype(np.int64)), "keywords.tflite takes int8 or floats, not int64"),
    "uint8": (lambda f: np.save(f, X.view(np.uint8)), "keywords.tflite takes int8 or floats, not uint8"),
    "complex": (lambda f: np.save(f, X.astype(complex)), "keywords.tflite takes int8 or floats, not complex128"),
    "strings": (lambda f: np.save(f, X.astype(str)), "keywords.tflite takes int8 or floats, not <U4"),
    "two arrays": (lambda f: np.savez(f, a=X, b=X), "holds a, b; the model's input is"),
    "no array": (lambda f: np.savez(f), "holds no array; the model's input is"),
}


def npy(x: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, x)
    return file.getvalue()


@pytest.mark.parametrize(("save", "told"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_told_in_one_line(
    command: Command, tmp_path: Path, save: Callable[[Any], None], told: str
) -> None:
    given = saved(tmp_path / "x.npz", save)
    error = command("run", keywords(), "-i", given, "-o", tmp_path / "y.npy", "--on", "reference", status=1).error
    assert error.startswith(f"{given}: {told}")
    assert not (tmp_path / "y.npy").exists()


def test_damaged_files_raise_nothing_else(tmp_path: Path) -> None:
    rng = random.Random(0)
    file = io.BytesIO()
    np.savez_compressed(file, x=X[:1])
    refused = []
    for number in range(600):
        content = bytearray((npy(X[:1]), file.getvalue())[number % 2])
        for _ in range(rng.randint(1, 4)):
            content[rng.randrange(min(len(content), rng.choice((160, 10**6))))] = rng.randrange(256)
        path = tmp_path / "x"
        path.write_bytes(content)
        try:
            tensors.read(path, INPUT.name, SHAPE)
        except DataError as error:
            refused.append(str(error))
    assert len(refused) > 300
    assert all(line.startswith(f"{tmp_path / 'x'}: ") and "\n" not in line for line in refused)


def test_where_nothing_can_be_written_is_told_before_the_work(command: Command, tmp_path: Path) -> None:
    given = saved(tmp_path / "x.npy", lambda f: np.save(f, X))
    run = ("run", keywords(), "--input", given, "--on", "reference", "--output")
    assert command(*run, tmp_path, status=1).error == f"{tmp_path}: is a folder; a file is expected"
    none = tmp_path / "none" / "y.npy"
    assert command(*run, none, status=1).error == f"{none}: cannot be written: there is no folder {none.parent}"
    assert "is read by this command" in command(*run, given, status=1).error
    assert "is read by this command" in command("run", "none.tflite", "-i", given, "-o", given, status=1).error
    assert np.array_equal(np.load(given), X)
