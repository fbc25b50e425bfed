"""Descriptions: what is read is what was written, and mistakes are named."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from watchword import description, shipped
from watchword.description import Decision, Description
from watchword.errors import ModelError
from watchword.features.micro import FrontendParameters

FULL = Description(
    name="my-word",
    labels=("_silence_", "yes"),
    background=("_silence_",),
    frontend=FrontendParameters(10, "micro", False, False, False),
    input_multiplier=77,
    decision=Decision(0.9, 5, 0.5, 2),
    embedding="pool",
    sha256="0" * 64,
    licence="MIT",
    source="here",
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    description.write(FULL, tmp_path / "a.toml")
    assert description.read(tmp_path / "a.toml") == FULL


def test_only_name_and_labels_are_needed() -> None:
    assert description.from_dict({"name": "a", "labels": ["x"]}) == Description(name="a", labels=("x",))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('labels = ["a"]', "name is missing"),
        ('name = "a"', "labels is missing"),
        ('name = ""\nlabels = ["a"]', "name is ''"),
        ('name = "a/b"\nlabels = ["a"]', "name is 'a/b'"),
        ('name = "a"\nlabels = []', "labels: one different name"),
        ('name = "a"\nlabels = ["x", "x"]', "labels: one different name"),
        ('name = "a"\nlabels = "x"', "labels is 'x': a list of strings"),
        ('name = "a"\nlabels = [1]', "labels is [1]: a list of strings"),
        ('name = 3\nlabels = ["x"]', "name is 3: str is expected"),
        ('name = "a"\nlabels = ["x"]\nkind = "smell"', "kind is 'smell'"),
        ('name = "a"\nlabels = ["x"]\nbackground = ["y"]', "background names 'y'"),
        ('name = "a"\nlabels = ["x"]\ncolour = 1', "colour is not known; known here: name, labels"),
        ('name = "a"\nlabels = ["x"]\n[frontend]\nhop_ms = 15', "frontend.hop_ms is 15: it is 10 or 20"),
        ('name = "a"\nlabels = ["x"]\n[frontend]\nhop_ms = true', "frontend.hop_ms is True: int is expected"),
        ('name = "a"\nlabels = ["x"]\n[frontend]\npcan = 1', "frontend.pcan is 1: bool is expected"),
        ('name = "a"\nlabels = ["x"]\n[frontend]\ncolour = 1', "frontend.colour is not known"),
        ('name = "a"\nlabels = ["x"]\n[decision]\ncutoff = 1.5', "decision.cutoff is 1.5"),
        ('name = "a"\nlabels = ["x"]\n[decision]\nwindow = 0', "decision.window is 0"),
        ('name = "a"\nlabels = ["x"]\n[decision]\nrefractory = -1', "decision.refractory is -1"),
        ('name = "a"\nlabels = ["x"]\n[decision]\nstride = 0', "decision.stride is 0"),
        ('name = "a"\nlabels = ["x"]\n[input]\nmultiplier = "x"', "input.multiplier is 'x'"),
        ('name = "a"\nlabels = ["x"]\n[input]\ncolour = 1', "input is {'colour': 1}"),
        ('name = "a"\nlabels = ["x"]\ndecision = 3', "decision is 3: a table is expected"),
        ("name = ", "not a readable TOML file"),
    ],
)
def test_mistakes_are_named_with_their_file(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(ModelError) as error:
        description.read(path)
    assert str(error.value).startswith(f"{path}: ")
    assert fault in str(error.value)
    assert "\n" not in str(error.value)


def test_the_one_beside_the_model_is_found_and_must_fit(tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    assert description.find(model, b"content") is None
    (tmp_path / "m.toml").write_text('name = "m"\nlabels = ["a"]\n')
    found = description.find(model, b"content")
    assert found is not None
    assert found.sha256 == hashlib.sha256(b"content").hexdigest()
    (tmp_path / "m.toml").write_text(f'name = "m"\nlabels = ["a"]\nsha256 = "{"0" * 64}"\n')
    with pytest.raises(ModelError, match="belongs to another file than m.tflite"):
        description.find(model, b"content")


def test_ready_descriptions_are_found_by_hash(shared_data: Path) -> None:
    path = shared_data / "models/tflite_micro/micro_speech_quantized.tflite"
    found = description.find(path, path.read_bytes())
    assert found is not None
    assert found.labels == ("silence", "unknown", "yes", "no")


def test_ready_descriptions_are_in_order() -> None:
    paths = [p for p in shipped.models().rglob("*.toml") if p.name != "recipe.toml"]
    assert paths
    for path in paths:
        assert len(description.read(path).sha256) == 64
