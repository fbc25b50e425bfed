"""Refusals are one useful line: what the file is, what stops it, what to do; and `inspect` tells all there is to tell of it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.refused_models import FOREIGN, MODELS, model, small
from typer.testing import CliRunner

from watchword import tflite
from watchword.cli import app, main
from watchword.errors import LONGEST, BoardError, DataError, ModelError, UnsupportedError, WatchwordError


def refusal(content: bytes, name: str = "mine.tflite") -> ModelError:
    with pytest.raises(ModelError) as caught:
        tflite.read(content, name)
    message = str(caught.value)
    assert message.startswith((f"{name}: ", f"…{name[-39:]}: "))  # of a long path the end, so that the rest is whole
    assert message.isprintable()
    assert len(message) <= LONGEST
    return caught.value


@pytest.mark.parametrize("name", MODELS)
def test_what_a_model_is_and_what_to_do_is_told_in_one_line(name: str) -> None:
    _, quantization, words = MODELS[name]
    content = model(name)
    error = refusal(content)
    assert isinstance(error, UnsupportedError)
    assert [word for word in words if word not in str(error)] == []
    assert "…" not in str(error)
    assert error.stops
    assert tflite.survey(content, name).quantization == quantization
    refusal(content, "/home/somebody/" + "models/" * 20 + "mine.tflite")


def test_what_stops_a_model_is_told_in_full_beside_the_message() -> None:
    error = refusal(model("many operations"))
    assert isinstance(error, UnsupportedError)
    lacking = [stop for stop in error.stops if stop.lacking]
    assert [stop.number for stop in lacking] == [1, *range(4, 64)]
    assert {str(stop) for stop in lacking} >= {"63 RANK 'flat': not supported"}
    found = tflite.survey(model("many operations"), "x").operations
    assert sum(found.values()) == 64
    assert (found["RANK"], found["GATHER"], found["CONV_2D"]) == (5, 4, 1)


def test_the_most_frequent_of_many_operations_are_named_and_the_rest_is_counted() -> None:
    long = "/home/somebody/" + "models/" * 8 + "mine.tflite"
    text = str(refusal(model("many operations"), long))
    named, _, rest = text.partition("it has ")[2].partition(" and ")
    count, kinds = map(int, re.findall(r"\d+", rest))
    assert sum(int(part.split()[0]) for part in named.split(", ")) + count == 61
    assert len(named.split(", ")) + kinds == 15
    assert named.startswith("5 RANK, 4 ")


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_no_tflite_is_named_for_what_it_is(name: str) -> None:
    content, what = FOREIGN[name]
    assert what in str(refusal(content))


def test_an_int8_model_is_surveyed_as_one() -> None:
    found = tflite.survey(tflite.write(small()), "small")
    assert found.quantization == "int8"
    assert found.operations == {"CONV_2D": 1, "RESHAPE": 1, "FULLY_CONNECTED": 1, "SOFTMAX": 1}
    assert found.what == "a .tflite that computes in int8: 4 operations, int8 1x12x12x1 to int8 1x3"


def test_folders_are_told_from_files(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"a folder: name a \.tflite"):
        tflite.read_bytes(tmp_path)
    (tmp_path / "a.tflite").touch()
    with pytest.raises(ModelError, match=r"a folder: name the file in it, such as a\.tflite"):
        tflite.read_bytes(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(ModelError, match="SavedModel: convert it"):
        tflite.read_bytes(tmp_path)


# ---- every message


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=60), st.text(max_size=900), st.sampled_from([ModelError, DataError, BoardError, UnsupportedError]))
def test_every_error_is_one_line_of_bounded_length(start: str, text: str, kind: type[WatchwordError]) -> None:
    message = str(kind(start + text))
    assert message.isprintable()
    assert len(message) <= LONGEST
    if start.isprintable() and len(start + text) <= LONGEST and text.isprintable():
        assert message == (start + text).strip()


def test_what_is_too_long_keeps_its_beginning_and_its_end() -> None:
    message = str(ModelError(f"a.tflite: {'very ' * 200}long: do this"))
    assert message.startswith("a.tflite: very very")
    assert message.endswith("very long: do this")
    assert message.count("…") == 1
    named = str(ModelError(f"a.tflite: tensor '{'a/' * 300}last' is odd: do this"))
    assert named.startswith("a.tflite: tensor '…")
    assert named.endswith("a/last' is odd: do this")
    assert len(named) < 100


# ---- inspect, and all other commands that take a model


@pytest.mark.parametrize("name", MODELS)
def test_inspect_tells_of_a_refused_model_what_it_is_and_what_stops_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.tflite"
    path.write_bytes(model(name))
    result = CliRunner().invoke(app, ["inspect", str(path), "--json"])
    assert isinstance(result.exception, UnsupportedError)
    found = json.loads(result.stdout)
    assert (found["runs"], found["quantization"]) == (False, MODELS[name][1])
    assert found["error"] == str(result.exception)
    assert found["what"].startswith("a .tflite that computes in" if MODELS[name][1] != "int16" else "a .tflite that has int16")
    assert sum(found["operations"].values()) >= 4
    assert found["inputs"][0]["shape"] == [1, 12, 12, 1]
    assert {stop["operation"] for stop in found["stops"] if stop["number"] is not None} <= set(found["operations"])
    assert len(found["stops"]) == len(result.exception.stops)
    text = CliRunner().invoke(app, ["inspect", str(path)]).stdout
    assert text.startswith("mine.tflite: a .tflite that ")
    assert str(found["stops"][0]["reason"])[:40] in text


def test_inspect_tells_of_what_is_no_model_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.tflite"
    path.write_bytes(FOREIGN["page"][0])
    result = CliRunner().invoke(app, ["inspect", str(path), "--json"])
    found = json.loads(result.stdout)
    assert (found["runs"], found["what"], found["operations"]) == (False, None, {})
    assert "a web page" in found["error"]


COMMANDS = {
    "inspect": ["inspect", "MODEL"],
    "describe": ["describe", "MODEL"],
    "compile": ["compile", "MODEL", "-o", "OUT"],
    "export": ["export", "MODEL", "-o", "OUT"],
    "push": ["push", "MODEL"],
    "run": ["run", "MODEL", "--input", "OUT", "--output", "WRITTEN"],
    "bench": ["bench", "MODEL"],
    "bench live": ["bench", "MODEL", "--live"],
    "listen": ["listen", "--wav", "OUT", "--model", "MODEL"],
    "see": ["see", "--image", "OUT", "--model", "MODEL"],
    "evaluate": ["evaluate", "MODEL", "--data", "OUT"],
}
BAD = {name: content for name, (content, _) in FOREIGN.items()} | {
    "float32": model("float32"),
    "many": model("many operations"),
    "cut off": tflite.write(small())[:900],
    "damaged": tflite.write(small())[:8] + b"\xff" * 900,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_refuse_what_they_cannot_use_in_one_line(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHWORD_STATE", str(tmp_path / "state"))
    out = tmp_path / "out.wav"
    out.write_bytes(b"no sound, no picture, no array")
    for name in BAD if command == "inspect" else ("page", "float32", "cut off"):
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(BAD[name])
        _refused(command, path, out)
    for path in (tmp_path, tmp_path / "absent.tflite", tmp_path / ("x" * 300), tmp_path / "a\nb.tflite"):
        _refused(command, path, out)


def _refused(command: str, path: Path, out: Path) -> None:
    arguments = [{"MODEL": str(path), "OUT": str(out), "WRITTEN": f"{out}.npy"}.get(word, word) for word in COMMANDS[command]]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, WatchwordError), (command, path, result.exception)
    message = str(result.exception)
    assert len(message) <= LONGEST
    assert message.isprintable()
    assert path.name.replace("\n", " ")[-30:] in message


def test_inputs_that_are_none_are_refused(tmp_path: Path) -> None:
    path, bad = tmp_path / "small.tflite", tmp_path / "bad.npy"
    path.write_bytes(tflite.write(small()))
    np.savez(tmp_path / "several.npz", a=np.zeros(3))
    np.save(tmp_path / "objects.npy", np.array([None, {}], object))
    contents = [b"", b"\x93NUMPY", b"PK\3\4" + bytes(90), b"no numbers", np.int8(3)]
    contents += [(tmp_path / name).read_bytes() for name in ("several.npz", "objects.npy")]
    for content in contents:
        if isinstance(content, bytes):
            bad.write_bytes(content)
        else:
            np.save(bad, content)
        arguments = ["run", str(path), "--input", str(bad), "--output", str(tmp_path / "y.npy"), "--on", "reference"]
        result = CliRunner().invoke(app, arguments)
        assert isinstance(result.exception, DataError), (content, result.exception)
        assert str(result.exception).startswith(f"{bad}: ")


def test_an_embedding_of_absurdly_many_parts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "small.tflite"
    path.write_bytes(tflite.write(small()))
    for parts in ("9", "9" * 9, "9" * 5000):
        result = CliRunner().invoke(app, ["describe", str(path), "--embedding", f"y:{parts}"])
        assert isinstance(result.exception, ModelError)


def test_a_file_name_that_is_too_long_is_one_line_wherever_it_stands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["watchword", "listen", "--on", "reference", "--wav", "x" * 5000])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.endswith("… no such file\n")
    assert len(said) < LONGEST + 20
