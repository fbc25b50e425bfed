"""Models are found by name: a file in the folder first, then the package's; of other people's it is said where to get them."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchword import catalogue, description, shipped
from watchword.errors import ModelError
from watchword.model import keywords, load

DESCRIBED = [path.stem for path in sorted((shipped.models() / "descriptions").glob("*.toml"))]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_model_of_the_package_is_loaded_by_its_name() -> None:
    model = load("keywords")
    assert model.path == keywords()
    assert model.described
    assert model.description.name == "keywords"


@pytest.mark.parametrize("file", ["keywords", "keywords.tflite"])
def test_a_file_of_that_name_in_the_folder_goes_first(folder: Path, file: str) -> None:
    (folder / file).write_bytes(b"mine")
    assert catalogue.find("keywords") == Path(file)
    with pytest.raises(ModelError, match=rf"^{file}: "):
        load("keywords")


def test_a_folder_of_that_name_does_not(folder: Path) -> None:
    (folder / "keywords").mkdir()
    assert catalogue.find("keywords") == keywords()


def test_a_name_with_a_folder_or_a_suffix_is_a_file() -> None:
    for name in ("models/keywords", "keywords.tflite", "./x/keywords.tflite"):
        assert catalogue.find(name) == Path(name)
        with pytest.raises(ModelError, match="cannot be read: No such file"):
            load(name)


@pytest.mark.parametrize("name", DESCRIBED)
def test_of_a_model_that_is_only_described_it_is_said_where_it_is(name: str) -> None:
    for typed in (name, f"{name}.tflite"):
        with pytest.raises(ModelError) as refused:
            load(typed)
        text = str(refused.value)
        assert text.startswith(f"{name}.tflite: no such file: download it from https://github.com/")
        assert text.endswith(f"/{name}.tflite, then again")
        assert len(text) <= 300


def test_once_it_is_there_its_name_means_it(folder: Path, shared_data: Path) -> None:
    file = shared_data / "models/microwakeword/alexa.tflite"
    (folder / "alexa.tflite").write_bytes(file.read_bytes())
    assert load("alexa").description == description.read(shipped.models() / "descriptions/alexa.toml")


@pytest.mark.parametrize(("typed", "first"), [("keyword", "keywords"), ("okay_nabo", "okay_nabu"), ("Alexa", "alexa")])
def test_an_unknown_name_gets_the_names_that_there_are_the_nearest_first(typed: str, first: str) -> None:
    with pytest.raises(ModelError) as refused:
        load(typed)
    text = str(refused.value)
    assert text.startswith(f"'{typed}': no such file, and no model of that name; known: {first}, ")
    assert sorted(text.partition("known: ")[2].split(", ")) == sorted([*catalogue.shipped_models(), *DESCRIBED])
    assert len(text) <= 300


def test_a_name_of_any_length_gets_one_short_line() -> None:
    for typed in ("x" * 5000, "two\nlines", "nothing\0there", ""):
        with pytest.raises(ModelError) as refused:
            load(typed)
        assert "\n" not in str(refused.value)
        assert len(str(refused.value)) <= 300
