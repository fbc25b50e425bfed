"""Descriptions: what is read is what was written, mistakes are named, and the schema says the same as the reader."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.descriptions import manifest, refused

from watchword import description, shipped
from watchword.description import PIXELS, Decision, Description, Scaling
from watchword.errors import ModelError
from watchword.features.micro import FrontendParameters
from watchword.graph import Graph, Tensor
from watchword.model import draft, load
from watchword.settings import LIMIT

FULL = Description(
    name="my-word",
    labels=("_silence_", "yes"),
    background=("_silence_",),
    frontend=FrontendParameters(10, "micro", False, False, False),
    input=Scaling(77),
    decision=Decision(0.9, 5, 0.5, 2),
    embedding="pool",
    sha256="0" * 64,
    licence="MIT",
    source="here",
)
PICTURE = Description(
    name="cat", labels=("cat",), kind="picture", input=Scaling(1 << 17, -100), decision=Decision(0.6, 1, 1.0, 1)
)
MFCC = Description(name="words", labels=("a", "b"), features="mfcc")
TENSOR = Description(name="sine", labels=("sine",), kind="tensor")

MODELS = {
    "mlperf_tiny/kws_ref_model": "down go left no off on right stop up yes silence unknown",
    "mlperf_tiny/str_ww_ref_model": "marvin silence unknown",
    "mlperf_tiny/vww_96_int8": "no_person person",
    "tflite_micro/person_detect": "no_person person",
    "tflite_micro/micro_speech_quantized": "silence unknown yes no",
    "tflite_micro/hello_world_int8": "sine",
    "microwakeword/alexa": "alexa",
    "microwakeword/hey_jarvis": "hey_jarvis",
    "microwakeword/okay_nabu": "okay_nabu",
}


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    path = Path(description.__file__).with_suffix(".schema.json")
    found = json.loads(path.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


@pytest.mark.parametrize("made", [FULL, PICTURE, MFCC, TENSOR])
def test_what_is_written_is_read(tmp_path: Path, made: Description) -> None:
    description.write(made, tmp_path / "a.toml", "two lines\nof comment")
    assert (tmp_path / "a.toml").read_text().startswith("# two lines\n# of comment\n")
    assert description.read(tmp_path / "a.toml") == made


def test_only_name_and_labels_are_needed() -> None:
    assert description.from_dict({"name": "a", "labels": ["x"]}) == Description(name="a", labels=("x",))


def test_a_picture_is_taken_as_pixels_where_nothing_else_is_said() -> None:
    assert description.from_dict({"name": "a", "labels": ["x"], "kind": "picture"}).input == PIXELS


GOOD = 'name = "a"\nlabels = ["x"]\n'
MISTAKES = [
    ('labels = ["a"]', "name is missing"),
    ('name = "a"', "labels is missing"),
    ('name = ""\nlabels = ["a"]', "name is ''"),
    ('name = "a/b"\nlabels = ["a"]', "name is 'a/b'"),
    (f'name = "{"a" * 41}"\nlabels = ["a"]', "1 to 40 letters"),
    ('name = "a"\nlabels = []', "labels: one different name"),
    ('name = "a"\nlabels = ["x", "x"]', "labels: one different name"),
    ('name = "a"\nlabels = ["x", ""]', "labels: '' is not 1 to 40 printable"),
    ('name = "a"\nlabels = ["x\\ny"]', r"labels: 'x\ny' is not 1 to 40 printable"),
    ('name = "a"\nlabels = "x"', "labels is 'x': a list is expected"),
    ('name = "a"\nlabels = [1]', "labels[0] is 1: str is expected"),
    ('name = "a"\nlabels = [[["x"]]]', "labels[0] is [['x']]: str is expected"),
    ('name = 3\nlabels = ["x"]', "name is 3: str is expected"),
    (GOOD + 'kind = "smell"', "kind is 'smell': it is sound or picture or tensor"),
    (GOOD + "kind = 1", "kind is 1: it is sound"),
    (GOOD + 'features = "chroma"', "features is 'chroma': it is micro or mfcc or log_mel"),
    (GOOD + 'background = ["y"]', "background names 'y'"),
    (GOOD + "colour = 1", "colour is not known; known here: name, labels"),
    (GOOD + '"a\\nb" = 1', r"'a\nb' is not known"),
    (GOOD + 'sha256 = "ABC"', "sha256 is 'ABC': 64 lower-case"),
    (GOOD + f'source = "{"x" * 201}"', "source has more than 200 characters"),
    (GOOD + "licence = 1979-05-27", "licence is datetime.date(1979, 5, 27): str is expected"),
    (GOOD + "[frontend]\nhop_ms = 15", "frontend.hop_ms is 15: it is 10 or 20"),
    (GOOD + "[frontend]\nhop_ms = true", "frontend.hop_ms is True: int is expected"),
    (GOOD + "[frontend]\npcan = 1", "frontend.pcan is 1: bool is expected"),
    (GOOD + "[frontend]\ncolour = 1", "frontend.colour is not known"),
    (GOOD + '[frontend]\ntables = "x"', "frontend.tables is 'x': it is micro or preprocessor"),
    (GOOD + "[decision]\ncutoff = 1.5", "decision.cutoff is 1.5"),
    (GOOD + "[decision]\ncutoff = nan", "decision.cutoff is nan"),
    (GOOD + "[decision]\ncutoff = inf", "decision.cutoff is inf"),
    (GOOD + f"[decision]\ncutoff = {'9' * 400}", "decision.cutoff is 9999"),
    (GOOD + "[decision]\nwindow = 0", "decision.window is 0"),
    (GOOD + "[decision]\nwindow = 33", "decision.window is 33"),
    (GOOD + "[decision]\nrefractory = -1", "decision.refractory is -1"),
    (GOOD + "[decision]\nrefractory = nan", "decision.refractory is nan"),
    (GOOD + "[decision]\nstride = 0", "decision.stride is 0"),
    (GOOD + '[input]\nmultiplier = "x"', "input.multiplier is 'x'"),
    (GOOD + "[input]\nmultiplier = 32768", "for sound they are at most 32767 and always -128"),
    (GOOD + "[input]\nmultiplier = 1\noffset = 0", "for sound they are at most 32767 and always -128"),
    (GOOD + "[input]\ncolour = 1", "input.colour is not known"),
    (GOOD + "[input]\noffset = 0", "input.multiplier is missing"),
    (GOOD + 'kind = "picture"\n[input]\nmultiplier = 1048577', "input.multiplier is 1048577"),
    (GOOD + 'kind = "picture"\n[input]\nmultiplier = 1\noffset = 128', "input.offset is 128"),
    (GOOD + 'kind = "picture"\n[frontend]', 'frontend is not known where kind is "picture"'),
    (GOOD + 'kind = "picture"\nfeatures = "micro"', 'features is not known where kind is "picture"'),
    (GOOD + 'kind = "tensor"\n[decision]', 'decision is not known where kind is "tensor"'),
    (GOOD + 'features = "mfcc"\n[input]\nmultiplier = 1', 'input is not known where kind is "sound" with features = "mfcc"'),
    ("decision = 3\n" + GOOD, "decision is 3: a table is expected"),
]


@pytest.mark.parametrize(("text", "fault"), MISTAKES)
def test_mistakes_are_named_with_their_file(tmp_path: Path, text: str, fault: str) -> None:
    assert fault in refused(tmp_path / "a.toml", text.encode())


@pytest.mark.parametrize("suffix", [".toml", ".json"])
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"name = {", "not a readable"),
        (b"\xff\xfe\x00", "not a readable"),
        (b"\0" * 100, "not a readable"),
        (b"x = " + b"[" * 9000, "nested too deep"),
        (b"[" * 9000, ": "),
        (b'{"type": ' + b"9" * 6000 + b"}", "not a readable"),
        (b"", ": "),
        (b"#" * (LIMIT + 1), f"has more than {LIMIT} bytes"),
    ],
)
def test_hostile_files_are_refused(tmp_path: Path, suffix: str, content: bytes, fault: str) -> None:
    if suffix == ".json":
        content = content.removeprefix(b"x = ")
    assert fault in refused(tmp_path / f"a{suffix}", content)


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_a_huge_file_is_not_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # of holes
    with pytest.raises(ModelError, match=f"has more than {LIMIT} bytes"):
        description.read(path)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none.toml: no such file"):
        description.read(tmp_path / "none.toml")
    (tmp_path / "d.toml").mkdir()
    with pytest.raises(ModelError, match=r"d.toml: cannot be read"):
        description.read(tmp_path / "d.toml")
    with pytest.raises(ModelError, match=r"d.toml: cannot be written"):
        description.write(FULL, tmp_path / "d.toml")


# ---- the schema


def test_the_schema_is_that_of_the_classes() -> None:
    path = Path(description.__file__).with_suffix(".schema.json")
    assert path.read_text("utf-8") == description.schema(), "`make schema` writes it"


@pytest.mark.parametrize("made", [FULL, PICTURE, MFCC, TENSOR])
def test_the_schema_takes_what_is_written(schema: jsonschema.Draft202012Validator, made: Description) -> None:
    schema.validate(made.as_dict())


NUMBERS = [0, 1, -1, 10, 20, 33, 40, 101, 128, -128, 32767, 32768, 1 << 21, 0.5, 1.5, 60, 60.5]
STRINGS = ["", "x", "mfcc", "tensor", "picture", "sound", "preprocessor", "x" * 41, "x" * 201, "a\tb", "0" * 64, "F" * 64]
LISTS = [[], ["x"], ["x", "x"], [""], [1], ["x" * 41], ["a\tb"], ["y", "x"]]
TABLES = [{}, {"multiplier": 1}, {"offset": 1}, {"cutoff": 1}]
VALUES: st.SearchStrategy[Any] = st.sampled_from([True, False, None, *NUMBERS, *STRINGS, *LISTS, *TABLES])


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_schema_and_reader_agree(schema: jsonschema.Draft202012Validator, data: st.DataObject) -> None:
    table: dict[str, Any] = copy.deepcopy(data.draw(st.sampled_from([FULL, PICTURE, MFCC, TENSOR])).as_dict())
    for _ in range(data.draw(st.integers(1, 2))):
        inner = data.draw(st.sampled_from([table, *(part for part in table.values() if isinstance(part, dict))]))
        key = data.draw(st.sampled_from([*inner, "features", "frontend", "input", "decision", "kind", "colour"]))
        if data.draw(st.booleans()):
            inner.pop(key, None)
        else:
            inner[key] = copy.deepcopy(data.draw(VALUES))
    try:
        description.from_dict(table)
        fault = ""
    except ModelError as error:
        fault = str(error)
    if not fault.startswith("background names"):  # no schema can tell
        assert schema.is_valid(table) == (not fault), fault or [error.message for error in schema.iter_errors(table)]


# ---- where a description comes from


def test_the_one_beside_the_model_is_found_and_must_fit(tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    assert description.find(model, b"content") is None
    (tmp_path / "m.json").write_text(json.dumps(manifest(2)))
    assert (description.find(model, b"content", 3) or FULL).labels == ("hey_you",)
    (tmp_path / "m.toml").write_text('name = "m"\nlabels = ["a"]\n')
    found = description.find(model, b"content")
    assert found is not None
    assert found.labels == ("a",)
    assert found.sha256 == hashlib.sha256(b"content").hexdigest()
    (tmp_path / "m.toml").write_text(f'name = "m"\nlabels = ["a"]\nsha256 = "{"0" * 64}"\n')
    with pytest.raises(ModelError, match="belongs to another file than m.tflite"):
        description.find(model, b"content")


@pytest.mark.parametrize("name", MODELS)
def test_ready_descriptions_are_found_by_hash(tmp_path: Path, shared_data: Path, name: str) -> None:
    path = tmp_path / "of_another_name.tflite"
    path.write_bytes((shared_data / f"models/{name}.tflite").read_bytes())
    model = load(path)
    assert model.described
    assert " ".join(model.require_description().labels) == MODELS[name]
    assert model.description.licence
    assert model.description.source
    if model.description.kind == "picture":
        assert model.description.input == PIXELS


def test_ready_descriptions_are_in_order(schema: jsonschema.Draft202012Validator) -> None:
    paths = [p for p in shipped.models().rglob("*.toml") if p.name != "recipe.toml"]
    assert len(paths) == len(MODELS) + 1
    for path in paths:
        found = description.read(path)
        assert len(found.sha256) == 64
        schema.validate(found.as_dict())


@pytest.mark.parametrize(
    ("shape", "outputs", "kind"),
    [
        ((1, 49, 40, 1), 12, "sound"),
        ((1, 3, 40), 1, "sound"),
        ((1, 30, 1, 40), 3, "sound"),
        ((1, 1960), 4, "sound"),
        ((1, 3, 1, 40), 2, "sound"),
        ((1, 96, 96, 3), 2, "picture"),
        ((1, 96, 96, 1), 2, "picture"),
        ((1, 32, 24, 1), 10, "tensor"),
        ((1, 49, 10, 1), 12, "tensor"),
        ((1, 96, 96, 4), 2, "tensor"),
        ((1, 1), 1, "tensor"),
        ((1, 640), 640, "tensor"),
        ((1, 641), 8, "tensor"),
    ],
)
def test_a_draft_guesses_the_kind_and_is_a_description(
    tmp_path: Path, schema: jsonschema.Draft202012Validator, shape: tuple[int, ...], outputs: int, kind: str
) -> None:
    int8, scale = np.dtype(np.int8), np.array([0.1], np.float32)
    graph = Graph("g", Tensor("x", shape, int8, scale), Tensor("y", (1, outputs), int8, scale))
    drafted = draft(tmp_path / "ein Größeres.tflite", b"content", graph)
    assert drafted.kind == kind
    assert len(drafted.labels) == outputs
    assert drafted.name == "ein_Gr__eres"
    description.write(drafted, tmp_path / "a.toml", "of an input\nlike this")
    assert description.read(tmp_path / "a.toml") == drafted
    schema.validate(drafted.as_dict())
