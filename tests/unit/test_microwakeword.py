"""microWakeWord's `.json` as a description, and which of them belongs to which model."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.descriptions import manifest, refused

from watchword import description, microwakeword, shipped
from watchword.description import Description
from watchword.errors import ModelError
from watchword.features.micro import FrontendParameters
from watchword.model import load

# ---- microWakeWord


@pytest.mark.parametrize(("version", "hop", "window", "refractory"), [(1, 20, 10, 2.0), (2, 10, 5, 1.0)])
def test_a_microwakeword_is_read(tmp_path: Path, version: int, hop: int, window: int, refractory: float) -> None:
    path = tmp_path / "hey you.json"
    path.write_text(json.dumps(manifest(version)))
    found = description.read(path, 3)
    assert found.name == "hey_you"
    assert found.labels == ("hey_you",)
    assert found.background == ()
    assert (found.kind, found.features, found.source) == ("sound", "micro", "A. Author, https://example.org")
    assert found.frontend == FrontendParameters(hop_ms=hop)
    assert (found.decision.window, found.decision.refractory, found.decision.stride) == (window, refractory, 3)


@settings(max_examples=300, deadline=None)
@given(probability=st.floats(0, 1), window=st.integers(1, 32), sums=st.lists(st.integers(0, 255 * 32), max_size=5))
def test_it_fires_on_the_runs_that_esphome_fires_on(probability: float, window: int, sums: list[int]) -> None:
    table = microwakeword.as_description(manifest(2, probability_cutoff=probability, sliding_window_size=window), "x", 3)
    cutoff = description.from_dict(table).decision.cutoff
    least = max(1, int(cutoff * 256 * window + 0.999))  # firmware/watchword/decision.py
    edge = int(probability * 255) * window
    for total in (*sums, edge, edge + 1):
        assert (total >= least) == (total > edge)


WRONG = [-0.1, 256, 97.5, 1.01, float("nan"), float("inf"), "high", "", "%", "101 %", "-1%", True, None]  # cutoffs


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"type": "tflite"}, 'type is \'tflite\': it is no microWakeWord, whose .json has "type": "micro"'),
        ({"version": 3}, "version is 3: 1 and 2 are known"),
        ({"version": "2"}, "version is '2': 1 and 2 are known"),
        ({"version": True}, "version is True"),
        ({"version": [2]}, "version is [2]"),
        ({"wake_word": ""}, "wake_word is '': the word is expected"),
        ({"wake_word": ["x"]}, "wake_word is ['x']: the word is expected"),
        ({"wake_word": "x" * 50}, "labels: 'xxx"),
        ({"author": "half \ud800"}, "source is 'half \\ud800"),
        ({"micro": 3}, "micro is 3: a table is expected"),
        ({"micro": [manifest(2)["micro"]]}, "micro is [{"),
        *(({"micro": manifest(2, probability_cutoff=wrong)["micro"]}, f"{wrong!r}: it is between 0 and 1") for wrong in WRONG),
        ({"micro": manifest(2, probability_cutoff=10**400)["micro"]}, "micro.probability_cutoff is 10000000000"),
        (
            {"micro": manifest(2, sliding_window_size=10**9)["micro"]},
            "sliding_window_size is 1000000000: a whole number from 1",
        ),
        ({"micro": manifest(2, sliding_window_size=5.0)["micro"]}, "sliding_window_size is 5.0: a whole number from 1"),
        ({"micro": manifest(2, sliding_window_average_size=0)["micro"]}, "sliding_window_average_size is 0: a whole number"),
        ({"micro": manifest(2, feature_step_size=30)["micro"]}, "micro.feature_step_size is 30: it is 10 or 20 here"),
        ({"micro": manifest(2, feature_step_size="10")["micro"]}, "micro.feature_step_size is '10': it is 10 or 20 here"),
        (
            {"micro": manifest(2, sliding_window_average_size=10)["micro"]},
            "micro has sliding_window_size 5 but sliding_window_average_size 10: version 2's and version 1's",
        ),
        ({"version": 1}, "micro.feature_step_size is 10, but version 1 means 20 ms: put one of them right"),
    ],
)
def test_mistakes_in_a_microwakeword_are_named(tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    assert fault in refused(tmp_path / "a.json", json.dumps(manifest(2) | change).encode())


def test_cut_off_anywhere_it_is_refused(tmp_path: Path) -> None:
    whole = json.dumps(manifest(2)).encode()
    for size in range(len(whole)):
        refused(tmp_path / "a.json", whole[:size])


def described(tmp_path: Path, content: dict[str, Any]) -> Description:
    path = tmp_path / "marvin.json"
    path.write_text(json.dumps(content))
    return description.read(path, 3)


def test_what_both_versions_say_alike_is_read(tmp_path: Path) -> None:
    both = described(tmp_path, manifest(2, sliding_window_average_size=5))
    assert both == described(tmp_path, manifest(2))
    assert described(tmp_path, manifest(1, sliding_window_size=10, feature_step_size=20)) == described(tmp_path, manifest(1))
    older = manifest(1)["micro"] | {"tensor_arena_size": 1, "minimum_esphome_version": "2024.2.0"}
    assert described(tmp_path, manifest(1) | {"micro": older}) == described(tmp_path, manifest(1))
    renamed = {"probability_cutoff": 0.9, "sliding_window_average_size": 5, "feature_step_size": 10}
    assert described(tmp_path, manifest(2) | {"micro": renamed}) == described(tmp_path, manifest(2))


@pytest.mark.parametrize(
    ("content", "window", "cutoff", "step"),
    [
        ({"type": "micro"}, 5, 0.97, 10),
        ({"micro": {}}, 5, 0.97, 10),
        ({"type": "micro", "version": 2, "micro": {"sliding_window_size": 7}}, 7, 0.97, 10),
        ({"type": "micro", "version": 1, "micro": {}}, 10, 0.5, 20),
        ({"type": "micro", "micro": {"sliding_window_average_size": 4}}, 4, 0.5, 20),
        ({"type": "micro", "micro": {"sliding_window_average_size": 4, "feature_step_size": 10}}, 4, 0.97, 10),
    ],
)
def test_keys_that_are_missing_are_those_of_its_versions_models(
    tmp_path: Path, content: dict[str, Any], window: int, cutoff: float, step: int
) -> None:
    found = described(tmp_path, content)
    full = manifest(2, probability_cutoff=cutoff, sliding_window_size=window, feature_step_size=step)
    assert (found.name, found.labels, found.source) == ("marvin", ("marvin",), "")
    assert (found.decision, found.frontend) == (described(tmp_path, full).decision, described(tmp_path, full).frontend)


@pytest.mark.parametrize(
    ("written", "c"),
    [
        *((0.9, 229), (0, 0), (1, 255), (1.0, 255), (229, 229), (229.0, 229), (2, 2), (255, 255)),
        *(("0.9", 229), ("229", 229), ("90%", 229), (" 90 % ", 229), ("97.5%", 248), ("100%", 255)),
    ],
)
def test_a_cutoff_is_a_probability_a_part_of_255_or_a_percentage(tmp_path: Path, written: object, c: int) -> None:
    found = described(tmp_path, manifest(2, probability_cutoff=written))
    assert found.decision.cutoff == round((5 * c + 0.5) / 1280, 4)


def test_author_website_and_licence_are_the_source(tmp_path: Path) -> None:
    found = described(tmp_path, manifest(2) | {"license": "Apache-2.0", "author": "A" * 300, "trained_languages": "en"})
    assert (found.source, found.licence) == ("A" * 200, "Apache-2.0")


# ---- which manifest belongs to which model


@pytest.fixture
def folder(tmp_path: Path, shared_data: Path) -> Path:
    """A folder as trainers leave it: marvin.json names the model, whose own name is another one."""
    content = (shared_data / "models/microwakeword/hey_jarvis.tflite").read_bytes()
    (tmp_path / "stream_state_internal_quant.tflite").write_bytes(content)
    (tmp_path / "package.json").write_text('{"name": "x", "model": "stream_state_internal_quant.tflite"}')
    (tmp_path / "broken.json").write_text('{"model": "stream_state_internal_quant.tflite"')
    name(tmp_path / "marvin.json", "stream_state_internal_quant.tflite")
    return tmp_path


def name(path: Path, model: object) -> Path:
    path.write_text(json.dumps(manifest(2) | {"model": model, "wake_word": "Marvin"}))
    return path


NAMING = [
    "stream_state_internal_quant.tflite",
    "./stream_state_internal_quant.tflite",
    "trained/out/stream_state_internal_quant.tflite",
    "C:\\out\\stream_state_internal_quant.tflite",
    "https://example.org/m/stream_state_internal_quant.tflite?raw=true#top",
]


@pytest.mark.parametrize("written", NAMING)
def test_a_model_and_the_manifest_that_names_it_find_each_other(folder: Path, written: str) -> None:
    name(folder / "marvin.json", written)
    by_manifest = load(folder / "marvin.json")
    by_model = load(folder / "stream_state_internal_quant.tflite")
    assert by_manifest == by_model or by_manifest.description == by_model.description
    assert by_manifest.path == by_model.path == folder / "stream_state_internal_quant.tflite"
    assert by_model.described
    assert by_model.description.name == "marvin"
    assert by_model.require_sound().labels == ("marvin",)
    assert by_model.description.decision.stride == 3
    assert by_model.description.sha256 == hashlib.sha256(by_model.content).hexdigest()


def test_two_manifests_that_name_a_model_are_both_told(folder: Path) -> None:
    model = folder / "stream_state_internal_quant.tflite"
    name(folder / "zoe.json", "a/stream_state_internal_quant.tflite")
    with pytest.raises(ModelError, match=r"quant.tflite: marvin.json and zoe.json both name it: .*--description marvin.json"):
        load(model)
    assert load(folder / "zoe.json").description.name == "zoe"
    assert load(model, folder / "marvin.json").description.name == "marvin"
    name(folder / "stream_state_internal_quant.json", "x.tflite")  # of its own name, before all that name it
    assert load(model).description.name == "stream_state_internal_quant"


def test_a_manifest_of_a_models_own_name_that_names_another_one_is_that_ones(folder: Path) -> None:
    model = folder / "stream_state_internal_quant.tflite"
    (folder / "other.tflite").write_bytes(model.read_bytes())
    name(folder / "stream_state_internal_quant.json", "other.tflite")
    assert load(model).description.name == "marvin"
    assert load(folder / "other.tflite").description.name == "stream_state_internal_quant"
    assert load(folder / "stream_state_internal_quant.json").path == folder / "other.tflite"


def test_a_json_of_a_models_own_name_that_is_no_manifest_is_told_where_no_other_names_it(folder: Path) -> None:
    model = folder / "stream_state_internal_quant.tflite"
    (folder / "stream_state_internal_quant.json").write_text('{"epochs": [1, 2]}')
    assert load(model).description.name == "marvin"
    (folder / "marvin.json").unlink()
    with pytest.raises(ModelError, match=r"stream_state_internal_quant.json: it has neither type nor micro"):
        load(model)


def test_a_manifest_whose_model_was_renamed_with_it_is_read(folder: Path) -> None:
    (folder / "stream_state_internal_quant.tflite").rename(folder / "marvin.tflite")
    assert load(folder / "marvin.json").path == folder / "marvin.tflite"
    assert load(folder / "marvin.tflite").description.name == "marvin"
    (folder / "marvin.json").write_text('{"type": "micro"}')
    assert load(folder / "marvin.json").description.decision.cutoff == 0.9652


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (manifest(2) | {"model": "gone.tflite"}, "its model 'gone.tflite' is not beside it: put it into that folder"),
        (manifest(2) | {"model": "a/b/gone.tflite"}, "its model 'gone.tflite' is not beside it: put it into"),
        (
            manifest(2) | {"model": "https://example.org/a/gone.tflite?x=1"},
            "'gone.tflite' is not beside it: download it from https://example.org/a/gone.tflite?x=1 into that folder",
        ),
        (manifest(2) | {"model": 3}, "names no model, and no marvin.tflite lies beside it"),
        (manifest(2) | {"model": ".."}, "names no model, and no marvin.tflite lies beside it"),
        (manifest(2) | {"model": "https://example.org/" + "x" * 5000}, "names no model, and no marvin.tflite lies beside it"),
        ({"name": "x", "version": "1.0.0"}, 'it has neither type nor micro: it is no microWakeWord, whose .json has "type"'),
        ({"type": "module"}, "type is 'module': it is no microWakeWord"),
        ([1], "holds [1]: a JSON object is expected"),
    ],
)
def test_a_manifest_that_leads_nowhere_says_what_to_do(tmp_path: Path, content: object, fault: str) -> None:
    path = tmp_path / "marvin.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert fault in str(error.value)
    assert len(str(error.value)) < len(str(path)) + 300


def test_bad_json_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "marvin.json"
    path.write_text('{\n "type": "micro",\n "version" 2\n}')
    with pytest.raises(ModelError, match=r"marvin.json: not a readable JSON file: .*line 3 column 12"):
        load(path)


@pytest.mark.parametrize("name", ["alexa", "hey_jarvis", "okay_nabu"])
def test_ready_ones_say_what_their_json_says(shared_data: Path, name: str) -> None:
    theirs = load(shared_data / f"models/microwakeword/{name}.tflite").description
    ready = description.read(shipped.models() / f"descriptions/{name}.toml")
    for key in ("name", "labels", "background", "kind", "features", "sha256", "frontend", "input", "decision"):
        assert getattr(theirs, key) == getattr(ready, key)
