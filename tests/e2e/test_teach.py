"""Words and things taught to a board: heard and seen from then on, kept, and never mixed up with another model's."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.e2e import golden
from tests.e2e.command import fails, watchword
from tests.e2e.power import any_embedding, cut_memory, power
from watchword import embedding, reference
from watchword.board import Board, Detection
from watchword.data import audio, words
from watchword.data.clips import Clip
from watchword.data.manifests import read_manifest
from watchword.errors import BoardError
from watchword.evaluate import fewshot
from watchword.evaluate.sound import inputs
from watchword.model import keywords, load


@pytest.fixture(scope="module")
def clips(shared_data: Path) -> dict[str, list[Clip]]:
    """Recordings of words that the keyword model never heard."""
    speech = shared_data / "speech"
    found = read_manifest(speech / "picovoice_wakeword/manifest.csv", label_column="word")
    return {word: [clip for clip in found if clip.label == word] for word in ("jarvis", "computer", "alexa")}


def window(clip: Clip) -> np.ndarray:
    samples = audio.read(clip.path)
    return words.crop(samples, words.find(samples), audio.RATE)


def teach(board: Board, word: str, clips: list[Clip]) -> None:
    board.taught(ready=True)
    for clip in clips:
        board.scores(window(clip))
        board.enrol(word)


def heard(board: Board, clips: list[Clip]) -> list[list[str]]:
    """The taught words that fire in each clip."""
    return [[e.label for e in board.listen(audio.read(clip.path)) if isinstance(e, Detection) and e.taught] for clip in clips]


def test_taught_words_are_heard_and_kept(board: Board, clips: dict[str, list[Clip]]) -> None:
    model = load(keywords())
    board.push(model.compile("unix"))
    teach(board, "jarvis", clips["jarvis"][:5])
    teach(board, "computer", clips["computer"][:5])
    at_once = heard(board, clips["jarvis"][5:15] + clips["computer"][5:15])
    assert sum("jarvis" in found for found in at_once[:10]) >= 4
    assert sum("computer" in found for found in at_once[10:]) >= 2
    assert sum("computer" in found for found in at_once[:10]) + sum("jarvis" in found for found in at_once[10:]) <= 4
    board.restart()
    assert board.taught().words == {"jarvis": 5, "computer": 5}
    assert heard(board, clips["jarvis"][5:15] + clips["computer"][5:15]) == at_once
    # Another program of the same model keeps them.
    board.push(model.compile("unix", simplify=False))
    assert heard(board, clips["jarvis"][5:10]) == at_once[:5]
    assert board.forget("jarvis") == 5
    assert not any("jarvis" in found for found in heard(board, clips["jarvis"][5:8]))
    assert board.taught().words == {"computer": 5}


def test_a_taught_sound_that_goes_on_is_one_event(board: Board) -> None:
    """And after the recording nothing is told: of one that it fills to its end the event lies in it."""
    board.push(load(keywords()).compile("unix"))
    noise = np.random.default_rng(2).normal(0, 3000, 96000).astype(np.int16)
    board.taught(ready=True)
    for begin in range(0, 48000, 8000):
        board.scores(noise[begin : begin + 16000])
        board.enrol("rain")
    for end in (96000, 60000):
        events = [event for event in board.listen(noise[:end]) if isinstance(event, Detection) and event.taught]
        assert [event.label for event in events] == ["rain"]
        assert 0 < events[0].time <= end / 16000
        score, time, cutoff = board.last_stream.highest["rain"]
        assert score > cutoff == 0.5
        assert time <= end / 16000


def test_embeddings_equal_the_references(board: Board, clips: dict[str, list[Clip]]) -> None:
    model = load(keywords())
    board.push(model.compile("unix"), scratch=True)
    board.taught(ready=True)
    sounds = np.stack([window(clip) for clip in clips["jarvis"][:6]])
    expected = [own for _, own in fewshot.embeddings(model, clips["jarvis"][:6])]
    for sound, own in zip(sounds, expected, strict=True):
        board.scores(sound)
        assert np.array_equal(board.embedding(), own)
    y = reference.run_layers(model.graph, inputs(model, sounds))
    layer = [op.output.name for op in model.graph.operations].index(model.description.embedding)
    assert np.array_equal(embedding.embed(y[layer], -128, 2), expected)


def test_words_of_another_model_wait_for_it(board: Board, clips: dict[str, list[Clip]], tmp_path: Path) -> None:
    board.push(load(keywords()).compile("unix"))
    teach(board, "jarvis", clips["jarvis"][:2])
    mine = board.export_taught()
    other = tmp_path / "other.toml"
    other.write_text(keywords().with_suffix(".toml").read_text().replace("embedding_parts = 2", "embedding_parts = 1"))
    board.push(load(keywords(), other).compile("unix"))
    found = board.taught(ready=True)
    assert found.words == {}
    assert found.others == ((mine.file, {"jarvis": 2}),)
    with pytest.raises(BoardError, match="taught to another model"):
        board.import_taught(mine)
    teach(board, "alexa", clips["alexa"][:1])
    board.rollback()
    assert board.taught().words == {"jarvis": 2}
    assert [held for _, held in board.taught().others] == [{"alexa": 1}]


def test_export_and_import(board: Board, clips: dict[str, list[Clip]]) -> None:
    board.push(load(keywords()).compile("unix"))
    teach(board, "jarvis", clips["jarvis"][:3])
    kept = board.export_taught()
    with Board.open("unix:second") as second:
        second.push(load(keywords()).compile("unix"))
        assert second.import_taught(kept) == 3
        assert second.export_taught() == kept
        assert heard(second, clips["jarvis"][3:6]) == heard(board, clips["jarvis"][3:6])


def test_an_import_is_taken_whole_or_not_at_all(board: Board, clips: dict[str, list[Clip]]) -> None:
    board.push(load(keywords()).compile("unix"))
    teach(board, "jarvis", clips["jarvis"][:3])
    kept = board.export_taught()
    board.forget("jarvis")
    kept = dataclasses.replace(kept, shots=(*kept.shots[:2], ("alexa", kept.shots[0][1])))  # the same sound under two names
    with pytest.raises(BoardError, match="same as a shot of jarvis"):
        board.import_taught(kept)
    assert board.taught().words == {}
    teach(board, "alexa", clips["alexa"][:1])
    board.restart()
    assert board.taught().words == {"alexa": 1}


def test_background_makes_it_stricter(board: Board, clips: dict[str, list[Clip]]) -> None:
    model = load(keywords())
    near = fewshot.background(model, clips["jarvis"][5:30])
    board.push(model.compile("unix", background=near.tobytes()))
    assert board.taught(ready=True).background == 64
    teach(board, "jarvis", clips["jarvis"][:5])
    strict = sum("jarvis" in found for found in heard(board, clips["jarvis"][30:50]))
    board.push(model.compile("unix"))
    assert sum("jarvis" in found for found in heard(board, clips["jarvis"][30:50])) > strict


def test_memory_that_is_damaged_or_full(board: Board, clips: dict[str, list[Clip]], state: Path) -> None:
    board.push(load(keywords()).compile("unix"))
    teach(board, "jarvis", clips["jarvis"][:1])
    shot, file = board.embedding().tobytes(), board.taught().file
    for i in range(63):
        board.link.request("enrol", shot, word="jarvis", key=file, last=i == 62)
    with pytest.raises(BoardError, match="memory is full: it holds 64 shots; forget a word first"):
        board.enrol("jarvis")
    with pytest.raises(BoardError, match="same as a shot of jarvis|memory is full"):
        board.enrol("other")
    assert board.taught().words == {"jarvis": 64}
    board.close()
    path = state / "unix/default/ww" / file
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    with Board.open("unix") as again:
        assert "the memory of taught words is damaged" in again.hello.note
        assert again.hello.running
        assert again.taught().words == {}
        teach(again, "jarvis", clips["jarvis"][:2])  # and is begun anew
        again.restart()
        assert again.taught().words == {"jarvis": 2}
        assert again.hello.note is None


def test_few_shot_is_the_same_on_reference_and_unix(board: Board, clips: dict[str, list[Clip]]) -> None:
    model = load(keywords())
    board.push(model.compile("unix"), scratch=True)
    taught = clips["jarvis"][:30] + clips["computer"][:30]
    options = {"shots": 5, "draws": 3, "queries": 8}
    found = fewshot.few_shot(model, taught, clips["alexa"], **options)
    assert found == fewshot.few_shot(model, taught, clips["alexa"], board=board, **options)
    assert found.accuracy > 0.8
    assert found.queries == 16
    assert found.unknown == 16


@pytest.mark.xdist_group(golden.OWN)
def test_the_virtual_pico_learns_within_a_second(clips: dict[str, list[Clip]]) -> None:
    """From the last shot on, the word is heard; also after a restart. Embeddings and answers are the reference's."""
    model = load(keywords())
    expected = [own for _, own in fewshot.embeddings(model, clips["jarvis"][:5])]
    with Board.open("pico") as board:
        board.push(golden.compiled(keywords(), "rp2040"))
        board.taught(ready=True)
        for clip, own in zip(clips["jarvis"][:5], expected, strict=True):
            board.scores(window(clip))
            assert np.array_equal(board.embedding(), own)
            before = power(board).control("counters")["cycles"]
            board.enrol("jarvis")
            cycles = power(board).control("counters")["cycles"] - before
        assert cycles < 125_000_000  # 1 s
        hits = heard(board, clips["jarvis"][5:7])
        assert hits[0] == ["jarvis"]
        board.restart()
        assert board.hello.running
        assert board.hello.heap_free > 30_000
        assert heard(board, clips["jarvis"][5:6]) == hits[:1]
    with Board.open("unix") as board:
        board.push(model.compile("unix"))
        teach(board, "jarvis", clips["jarvis"][:5])
        assert heard(board, clips["jarvis"][5:7]) == hits


def test_a_full_memory_and_a_background_fit_the_virtual_pico(clips: dict[str, list[Clip]]) -> None:
    rng = np.random.default_rng(0)
    with Board.open("pico") as board:
        background = b"".join(any_embedding(rng, 128) for _ in range(fewshot.BACKGROUND))
        board.push(load(keywords()).compile("rp2040", background=background))
        board.taught(ready=True)
        shots = tuple((f"word{i % 8}", any_embedding(rng, 128)) for i in range(64))
        assert board.import_taught(dataclasses.replace(board.export_taught(), shots=shots)) == 64
        board.restart()
        assert board.hello.note is None
        assert board.hello.heap_free > 20_000
        assert board.taught().words == {f"word{i}": 8 for i in range(8)}
        assert board.taught().background == 64
        assert heard(board, clips["jarvis"][:1]) == [[]]


@pytest.mark.xdist_group(golden.OWN)
def test_power_that_goes_leaves_the_memory_whole(micropython: Path) -> None:
    cuts = cut_memory([0.1, 0.7, 0.5, 0.9, 0.97])
    assert len(cuts) == 5


# ---- the command


@pytest.fixture
def wavs(tmp_path: Path, clips: dict[str, list[Clip]]) -> list[Path]:
    for i, clip in enumerate(clips["jarvis"][:6]):
        audio.write(tmp_path / f"jarvis{i}.wav", audio.read(clip.path))
    return sorted(tmp_path.glob("jarvis*.wav"))


def test_teach_and_listen(micropython: Path, wavs: list[Path], tmp_path: Path) -> None:
    done = watchword("teach", "jarvis", "--wav", *wavs[:5], "--on", "unix")
    assert "shot 5: " in done.stdout
    assert "dB above the noise: good" in done.stdout
    assert "jarvis: 5 shots; the board holds 5, at most 64" in done.stdout
    assert "judged by the shots of jarvis alone" in done.stderr
    done = watchword("listen", "--wav", *wavs[5:], "--on", "unix", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(event["label"], event["taught"]) for event in events if "taught" in event] == [("jarvis", True)]
    assert all("jarvis" in event["highest"] for event in events if event["event"] == "summary")
    assert json.loads(watchword("taught", "--on", "unix", "--json").stdout)["words"] == {"jarvis": 5}
    kept = tmp_path / "kept.json"
    watchword("taught", "--export", kept, "--on", "unix")
    assert "jarvis: forgotten, 5 shots" in watchword("forget", "jarvis", "--on", "unix").stdout
    assert "nothing was taught" in watchword("taught", "--on", "unix").stdout
    assert "5 shots added" in watchword("taught", "--import", kept, "--on", "unix").stderr
    assert "jarvis was not" not in fails("forget", "alexa", "--on", "unix")


def test_what_cannot_be_learnt(micropython: Path, wavs: list[Path], tmp_path: Path) -> None:
    silent, short, click = (tmp_path / f"{name}.wav" for name in ("silent", "short", "click"))
    audio.write(silent, np.zeros(32000, np.int16))
    audio.write(short, np.full(500, 9000, np.int16))
    sound = np.zeros(32000, np.int16)
    sound[16000:16160] = 20000
    audio.write(click, sound)
    on = ("--on", "unix")
    assert "silent.wav: the recording is silent" in fails("teach", "x", "--wav", silent, *on)
    assert "short.wav: the recording is too short" in fails("teach", "x", "--wav", short, *on)
    assert "click.wav: the recording is silent" in fails("teach", "x", "--wav", click, *on)
    assert "none.wav: no such file" in fails("teach", "x", "--wav", tmp_path / "none.wav", *on)
    assert "one of --wav" in fails("teach", "x", *on)
    assert "a word has 1 to 40 characters" in fails("teach", "x" * 41, "--wav", wavs[0], *on)
    done = watchword("teach", "jarvis", "--wav", silent, wavs[0], *on)
    assert "1 of 2 files were skipped" in done.stderr
    assert "same as a shot of jarvis: two words need different sounds" in fails("teach", "travis", "--wav", wavs[0], *on)
    assert "none of 2 files can be learnt as travis" in fails("teach", "travis", "--wav", wavs[0], silent, *on)
    assert "alexa was not taught; known: jarvis" in fails("forget", "alexa", *on)
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    assert "no shots, as `watchword taught --export` writes them" in fails("taught", "--import", broken, *on)
    broken.write_text('{"file": "0123.knn", "shots": [["x", "AAAA"]]}')
    assert "taught to another model" in fails("taught", "--import", broken, *on)
    assert json.loads(watchword("taught", *on, "--json").stdout)["words"] == {"jarvis": 1}


def test_teach_by_pictures(micropython: Path, shared_data: Path, tmp_path: Path) -> None:
    """With a model whose description gets an embedding; what was taught is seen again."""
    source = golden.path(shared_data, "tflite_micro/person_detect")
    model = tmp_path / "person_detect.tflite"
    model.write_bytes(source.read_bytes())
    on = ("--on", "unix")
    said = fails("describe", model, "--embedding", "none")
    assert "no layer is named 'none'" in said
    pool = [op.output.name for op in load(model).graph.operations if op.kind == "AveragePool2D"][-1]
    done = watchword("describe", model, "--embedding", pool)
    assert pool in done.stdout
    watchword("push", model, *on)
    photos = sorted((shared_data / "images/coco/by_bysa/person").glob("*.jpg"))[:2]
    blank = tmp_path / "blank.png"
    Image.new("RGB", (40, 30)).save(blank)
    for name, photo in zip(("this", "that"), photos, strict=True):
        done = watchword("teach", name, "--image", photo, *on)
        assert f"{name}: 1 shots" in done.stdout
    done = watchword("see", "--image", *photos, *on, "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    seen = [(event["event"], event["label"], Path(event["file"]).name) for event in events if event.get("taught")]
    assert ("detect", "this", photos[0].name) in seen
    assert ("detect", "that", photos[1].name) in seen
    assert ("gone", "this", photos[1].name) in seen


def test_a_model_without_an_embedding(micropython: Path, shared_data: Path, wavs: list[Path]) -> None:
    watchword("push", golden.path(shared_data, "mlperf_tiny/vww_96_int8"), "--on", "unix")
    said = fails("teach", "me", "--image", next((shared_data / "images/coco/by_bysa/person").glob("*.jpg")), "--on", "unix")
    assert "cannot be taught: its description names no embedding: `watchword describe --embedding LAYER`" in said
