"""Every command, as a user types it."""

from __future__ import annotations

import json
import re
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.command import fails, watchword
from watchword import reference, shipped, tflite
from watchword.data import audio
from watchword.graph import Conv2D, Dense, Graph, Pad, Softmax, Tensor

COMMANDS = (
    "activate bench board compile cutoff demo describe doctor evaluate export firmware flash forget info inspect listen mic "
    "mute name ports programs push remove rollback run see selftest setup taught teach train when"
).split()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A .tflite of two labels with its description."""
    rng = np.random.default_rng(0)

    def tensor(name: str, shape: tuple[int, ...], scale: float, zero_point: int) -> Tensor:
        return Tensor(name, shape, np.dtype(np.int8), np.array([scale], np.float32), zero_point)

    x, h, y = tensor("x", (1, 40), 0.1, -128), tensor("h", (1, 2), 0.2, 0), tensor("y", (1, 2), 1 / 256, -128)
    data = rng.integers(-127, 128, (2, 40)).astype(np.int8)
    weights = Tensor("w", data.shape, data.dtype, np.array([0.01], np.float32), 0, None, data)
    graph = Graph("small", x, y, [Dense(x, h, weights, None), Softmax(h, y)])
    path = tmp_path / "small.tflite"
    path.write_bytes(tflite.write(graph))
    path.with_suffix(".toml").write_text('name = "small"\nlabels = ["_silence_", "word"]\nbackground = ["_silence_"]\n')
    return path


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.random.default_rng(1).integers(-3000, 3000, 16000).astype("<i2").tobytes())
    return path


def test_help_lists_every_command() -> None:
    text = watchword("--help").stdout
    for command in COMMANDS:
        assert f"│ {command} " in text
    assert "Usage: watchword board start" in watchword("board", "start", "--help").stdout


def test_push_programs_rollback_info_remove(model: Path, micropython: Path) -> None:
    pushed = json.loads(watchword("push", model, "--on", "unix", "--json").stdout)
    assert pushed["file"].startswith("small-")
    assert pushed["on"] == "unix"
    assert "no previous sound program" in fails("rollback", "--on", "unix")
    model.with_suffix(".toml").write_text('name = "other"\nlabels = ["a", "b"]\n')
    assert "runs on unix" in watchword("push", model, "--on", "unix").stdout
    states = {p["name"]: p["state"] for p in json.loads(watchword("programs", "--on", "unix", "--json").stdout)}
    assert states == {"small": "previous", "other": "active"}
    text = watchword("programs", "--on", "unix").stdout
    assert [line.split()[:3] for line in text.splitlines()] == [
        ["name", "state", "for"],
        *([name, state, "sound"] for name, state in states.items()),
    ]
    assert ".ww" not in text  # files and their hashes are for --json
    assert json.loads(watchword("rollback", "--on", "unix", "--json").stdout) == {"running": pushed["file"]}
    assert json.loads(watchword("info", "--on", "unix", "--json").stdout)["running"] == pushed["file"]
    assert "stays" in fails("remove", "small", "--on", "unix")
    assert json.loads(watchword("activate", "other", "--on", "unix", "--json").stdout)["running"].startswith("other-")
    assert watchword("activate", pushed["file"], "--on", "unix").stdout == f"{pushed['file']} runs now\n"
    assert "no program none is stored" in fails("activate", "none", "--on", "unix")
    assert json.loads(watchword("programs", "--on", "unix", "--fresh", "--json").stdout) == []


def test_a_compiled_program_can_be_pushed(model: Path, tmp_path: Path, micropython: Path) -> None:
    program = tmp_path / "x.ww"
    facts = json.loads(watchword("compile", model, "-o", program, "--target", "unix", "--json").stdout)
    assert facts["bytes"] == program.stat().st_size
    assert "small-" in watchword("push", program, "--on", "unix").stdout
    watchword("compile", model, "-o", program, "--target", "rp2040")
    assert "compiled for rp2040, the board is unix" in fails("push", program, "--on", "unix")


def test_run_gives_the_same_on_reference_and_board(model: Path, tmp_path: Path, micropython: Path) -> None:
    x = np.random.default_rng(2).integers(-128, 128, (5, 1, 40)).astype(np.int8)
    np.save(tmp_path / "x.npy", x)
    watchword("run", model, "--input", tmp_path / "x.npy", "--output", tmp_path / "a.npy", "--on", "reference")
    np.save(tmp_path / "x.npy", x[:, 0])  # the batch axis may be dropped
    watchword("run", model, "--input", tmp_path / "x.npy", "--output", tmp_path / "b.npy", "--on", "unix")
    a, b = np.load(tmp_path / "a.npy"), np.load(tmp_path / "b.npy")
    assert a.shape == (5, 2)
    assert a.dtype == np.int8
    assert np.array_equal(a, b)


@pytest.fixture
def wasteful(tmp_path: Path) -> Path:
    """A .tflite with a pad that a convolution could have, and two of four channels that are always 0."""

    def tensor(name: str, shape: tuple[int, ...], scale: float, data: np.ndarray | None = None) -> Tensor:
        dtype = np.dtype(np.int8) if data is None else data.dtype
        return Tensor(name, shape, dtype, np.array([scale], np.float32), data=data)

    rng = np.random.default_rng(0)
    x, padded, h, y = (
        tensor("x", (1, 6, 5, 2), 0.1),
        tensor("padded", (1, 8, 8, 2), 0.1),
        tensor("h", (1, 6, 6, 4), 0.3),
        tensor("y", (1, 3), 2.0),
    )
    first = rng.integers(-127, 128, (4, 3, 3, 2)).astype(np.int8)
    first[:2] = 0
    second = rng.integers(-127, 128, (3, 144)).astype(np.int8)
    operations = [
        Pad(x, padded, (0, 2, 1, 0), (0, 0, 2, 0), 0),
        Conv2D(padded, h, tensor("v", first.shape, 0.01, first), None, padding="valid"),
        Dense(h, y, tensor("w", second.shape, 0.01, second), None),
    ]
    path = tmp_path / "wasteful.tflite"
    path.write_bytes(tflite.write(Graph("wasteful", x, y, operations)))
    return path


def test_compile_explains_what_simplification_saved(wasteful: Path, tmp_path: Path) -> None:
    lines = watchword("compile", wasteful, "-o", tmp_path / "x.ww", "--explain").stdout.splitlines()
    assert lines[0].endswith("; 1512 MACs")
    assert [re.split("  +", line.strip()) for line in lines[1:6]] == [
        ["layer", "what was done", "MACs", "weights, bytes"],
        ["0 Pad", "is the padding of h", "0", "0"],
        ["1 Conv2D", "outputs 4 -> 2", "2592 -> 1296", "88 -> 44"],
        ["2 Dense", "constant inputs in the bias: 72, inputs 144 -> 72", "432 -> 216", "432 -> 216"],
        ["the model", "50.0 % fewer MACs", "3024 -> 1512", "520 -> 260"],
    ]
    facts = json.loads(watchword("compile", wasteful, "-o", tmp_path / "x.ww", "--explain", "--json").stdout)
    assert facts["macs"] == facts["explain"]["after"]["macs"] == 1512
    assert facts["explain"]["layers"][1] == {
        "number": 1,
        "layer": "h",
        "kind": "Conv2D",
        "changes": ["outputs 4 -> 2"],
        "before": {"macs": 2592, "weights": 88, "activations": 144},
        "after": {"macs": 1296, "weights": 44, "activations": 72},
    }


def test_compile_explains_the_kernels(wasteful: Path, tmp_path: Path) -> None:
    command = ("compile", wasteful, "-o", tmp_path / "x.ww", "--explain")
    lines = watchword(*command).stdout.splitlines()
    assert [re.split("  +", line.strip()) for line in lines[7:]] == [
        ["layer", "kernels", "rows in a call", "weights, bytes"],
        ["0 Conv2D", "convolution", "6 of 6", "80"],
        ["1 Dense", "convolution", "1 of 1", "264"],
        ["the model", "344"],
    ]
    lines = watchword(*command, "--target", "rp2040").stdout.splitlines()
    columns, *rows, total = [re.split("  +", line.strip()) for line in lines[7:]]
    assert columns == ["layer", "kernels", "outputs at once, taps in a chunk", "rows in a call", "weights, bytes", "cycles"]
    assert [row[0] for row in rows] == ["0 Conv2D", "1 Dense"]
    assert all("packed" in row[1] and re.fullmatch(r"(\d x \d by \d+( exactly)?(, )?)+", row[2]) for row in rows)
    cycles = sum(int(row[-1]) for row in rows)
    assert total[-1] == f"{cycles}: {cycles / 125_000:.1f} ms at 125 MHz"
    facts = json.loads(watchword(*command, "--target", "rp2040", "--json").stdout)["explain"]["kernels"]
    assert [fact["cycles"] for fact in facts] == [int(row[-1]) for row in rows]
    assert sum(group["groups"] * group["outputs"] for group in facts[0]["groups"]) == 2  # its channels
    assert sum(group["groups"] * group["outputs"] for group in facts[1]["groups"]) == 3
    assert facts[0]["kernels"][-1] == "packed"
    assert facts[0]["rows"][-1] == 6


def test_no_simplify_leaves_a_model_as_it_is(model: Path, tmp_path: Path) -> None:
    facts = json.loads(watchword("compile", model, "-o", tmp_path / "x.ww", "--explain", "--no-simplify", "--json").stdout)
    assert facts["explain"]["layers"] == []
    watchword("export", model, "-o", tmp_path / "x.tflite", "--no-simplify")
    assert (tmp_path / "x.tflite").read_bytes() == model.read_bytes()


def test_export_writes_what_simplification_leaves(wasteful: Path, tmp_path: Path) -> None:
    exported = tmp_path / "exported.tflite"
    assert watchword("export", wasteful, "-o", exported).stdout == (
        f"{exported}: {exported.stat().st_size} bytes; 3024 -> 1512 MACs\n"
    )
    facts = json.loads(watchword("export", wasteful, "-o", exported, "--json").stdout)
    assert (facts["before"]["macs"], facts["after"]["macs"]) == (3024, 1512)
    x = np.random.default_rng(1).integers(-128, 128, (9, 6, 5, 2)).astype(np.int8)
    np.testing.assert_array_equal(reference.run(tflite.read(exported), x), reference.run(tflite.read(wasteful), x))
    assert "cannot be written" in fails("export", wasteful, "-o", tmp_path / "no/x.tflite")


def test_a_board_runs_what_simplification_leaves(wasteful: Path, tmp_path: Path, micropython: Path) -> None:
    x = np.random.default_rng(1).integers(-128, 128, (9, 6, 5, 2)).astype(np.int8)
    np.save(tmp_path / "x.npy", x)
    watchword("run", wasteful, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy", "--on", "unix")
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), reference.run(tflite.read(wasteful), x))


def test_run_and_listen_leave_the_active_program_alone(model: Path, tmp_path: Path, wav: Path, micropython: Path) -> None:
    kept = json.loads(watchword("push", model, "--on", "unix", "--json").stdout)["file"]
    np.save(tmp_path / "x.npy", np.zeros((1, 40), np.int8))
    watchword("run", model, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy", "--on", "unix")
    watchword("listen", "--wav", wav, "--model", model, "--on", "unix")
    assert json.loads(watchword("info", "--on", "unix", "--json").stdout)["running"] == kept


def test_listen_passes_by_what_cannot_be_read(model: Path, wav: Path, micropython: Path) -> None:
    broken = wav.with_name("broken.wav")
    broken.write_bytes(b"RIFF")
    model.with_suffix(".toml").write_text('name = "small"\nlabels = ["a", "b"]\n[decision]\ncutoff = 0.5\nwindow = 1\n')
    on = ("--model", model, "--on", "unix")
    done = watchword("listen", "--wav", broken, wav, *on)
    assert done.stdout == watchword("listen", "--wav", wav, *on).stdout != ""
    assert "broken.wav: is no readable WAV file" in done.stderr
    assert "1 of 2 recordings were skipped" in done.stderr
    assert "none of 2 recordings can be read" in fails("listen", "--wav", broken, broken, *on)
    assert "broken.wav: is no readable WAV file" in fails("listen", "--wav", broken, *on)


def test_listen_prints_one_line_per_event(model: Path, wav: Path, micropython: Path) -> None:
    model.with_suffix(".toml").write_text('name = "small"\nlabels = ["a", "b"]\n[decision]\ncutoff = 0.5\nwindow = 1\n')
    lines = watchword("listen", "--wav", wav, wav, "--model", model, "--on", "unix", "--json").stdout.splitlines()
    told = [json.loads(line) for line in lines]
    assert [number for number, one in enumerate(told) if one["event"] == "summary"] == [len(told) // 2 - 1, len(told) - 1]
    assert all(list(one) == ["event", "heard", "peak", "rms", "highest", "file"] for one in told if one["event"] == "summary")
    events = [one for one in told if one["event"] == "detect"]
    assert events
    assert all(list(event) == ["event", "label", "score", "time", "file"] for event in events)
    half = len(events) // 2
    assert [e["time"] for e in events[:half]] == [e["time"] for e in events[half:]]  # each file is a stream of its own
    for same in (["--wav", wav, "--wav", wav], ["--wav", wav.parent / "s*.wav", "--wav", wav]):
        again = watchword("listen", *same, "--model", model, "--on", "unix", "--json").stdout.splitlines()
        assert again == lines
    coded = watchword(
        "listen", "--wav", wav, "--model", model, "--on", "unix", "--codec", "adpcm", "--json"
    ).stdout.splitlines()
    assert coded
    assert [json.loads(line)["event"] for line in coded] == ["detect"] * (len(coded) - 1) + ["summary"]


def test_evaluate_is_the_same_on_reference_and_board(model: Path, wav: Path, micropython: Path) -> None:
    manifest = wav.parent / "clips.csv"
    manifest.write_text("file,word,split\n" + "sound.wav,word,a\n" * 3 + "sound.wav,_silence_,b\n")
    for extra in ([], ["--split", "b"]):
        command = ["evaluate", model, "--data", manifest, "--label-column", "word", "--json", *extra]
        scores = {on: wav.parent / f"{on}.csv" for on in ("reference", "unix")}
        reference, board = (json.loads(watchword(*command, "--on", on, "--scores", path).stdout) for on, path in scores.items())
        assert reference == board
        assert scores["reference"].read_text() == scores["unix"].read_text()
        assert len(scores["unix"].read_text().splitlines()) == 1 + reference["n"]
        assert reference["n"] == (1 if extra else 4)
        assert reference["labels"] == ["_silence_", "word"]
        assert sum(map(sum, reference["confusion"])) == reference["n"]


def test_evaluate_counts_one_word_alike_on_reference_and_board(tmp_path: Path, wav: Path, micropython: Path) -> None:
    """A score for three frames of 10 ms: the louder, the higher."""
    x, y = (Tensor(n, s, np.dtype(np.int8), np.array([q], np.float32), -128) for n, s, q in WORD)
    weights = Tensor("w", (1, 120), np.dtype(np.int8), np.array([1e-3], np.float32), data=np.ones((1, 120), np.int8))
    path = tmp_path / "word.tflite"
    path.write_bytes(tflite.write(Graph("word", x, y, [Dense(x, y, weights, None)])))
    path.with_suffix(".toml").write_text(
        'name = "word"\nlabels = ["word"]\n[frontend]\nhop_ms = 10\n[decision]\ncutoff = 0.5\nstride = 3\n'
    )
    audio.write(tmp_path / "silent.wav", np.zeros(16000, np.int16))
    manifest = _write(tmp_path / "clips.csv", b"file,label\nsound.wav,word\nsilent.wav,word\nsilent.wav,other\nsound.wav,x\n")
    for on in ("reference", "unix"):
        result = json.loads(watchword("evaluate", path, "--data", manifest, "--on", on, "--json").stdout)
        assert result["labels"] == ["word", "_unknown_"]
        assert result["confusion"] == [[1, 1], [1, 1]]
    event, told = map(
        json.loads, watchword("listen", "--wav", wav, "--model", path, "--on", "unix", "--json").stdout.splitlines()
    )
    assert event["label"] == "word"
    assert told["heard"] == {"word": 1}


WORD = (("x", (1, 3, 40), 0.1), ("y", (1, 1), 1 / 256))


def test_demo_prints_the_recognised_words_with_times(wav: Path, micropython: Path) -> None:
    lines = watchword("demo").stdout.splitlines()
    assert "MicroPython 1." in lines[0]
    heard = [line.split() for line in lines if " at " in line and "espeak" not in line]
    assert len(heard) >= 5
    for file, word, at, seconds, unit, *_ in heard:
        assert file.startswith(f"{word}_")
        assert (at, unit) == ("at", "s")
        assert 0 < float(seconds) < 2
    assert watchword("demo", "--wav", wav).stdout.splitlines()[-1].split() == ["sound.wav", "nothing"]


def test_an_empty_board_listens_with_the_keyword_model(micropython: Path) -> None:
    clip = shipped.models() / "keywords/clips/yes_f292725f.wav"
    done = watchword("listen", "--wav", clip, "--on", "unix", "--fresh", "--json")
    assert "held no program: it listens with watchword's keyword model now" in done.stderr
    event, told = map(json.loads, done.stdout.splitlines())
    assert event["label"] == "yes"
    assert event["file"] == told["file"] == str(clip)
    assert told == json.loads(watchword("listen", "--wav", clip, "--on", "reference", "--json").stdout.splitlines()[-1])
    unpadded = watchword("listen", "--wav", clip, "--pad", 0, "--on", "unix", "--json").stdout
    assert unpadded == watchword("listen", "--wav", clip, "--pad", 0, "--on", "reference", "--json").stdout
    assert json.loads(unpadded.splitlines()[-1])["highest"] != told["highest"]


def test_without_on_the_choice_is_told(micropython: Path) -> None:
    assert "on unix: no board is plugged in" in watchword("programs").stderr


def test_describe_drafts_what_is_missing(model: Path) -> None:
    model.with_suffix(".toml").unlink()
    assert "`watchword describe" in fails("push", model, "--on", "unix")
    watchword("describe", model)
    assert "guessed from the input of 1x40" in model.with_suffix(".toml").read_text()
    assert 'labels = [\n    "label0",' in model.with_suffix(".toml").read_text()
    assert json.loads(watchword("describe", model, "--json").stdout)["name"] == "small"


def test_a_model_is_named_without_its_file(tmp_path: Path, micropython: Path) -> None:
    assert json.loads(watchword("push", "keywords", "--on", "unix", "--json").stdout)["file"].startswith("keywords-")
    assert "known: keywords, " in fails("listen", "--on", "reference", "--model", "keyword")
    assert "okay_nabu.tflite: no such file: download it from https://" in fails("inspect", "okay_nabu")
    assert "keywords: comes with the package and stays as it is: copy" in fails("describe", "keywords", "--embedding", "x")


def test_models_that_nothing_feeds_are_refused_in_one_line(wav: Path, shared_data: Path, micropython: Path) -> None:
    for name, reason in (
        ("mlperf_tiny/kws_ref_model", "it takes mfcc features, which no front end here makes: `watchword run` and `bench`"),
        (
            "mlperf_tiny/str_ww_ref_model",
            "it takes log_mel features, which no front end here makes: `watchword run` and `bench`",
        ),
        ("tflite_micro/hello_world_int8", "takes neither sound nor pictures by its description: `watchword run` and `bench`"),
    ):
        path = shared_data / f"models/{name}.tflite"
        for command in (["listen", "--wav", wav, "--model", path], ["evaluate", path, "--data", _manifest(wav)]):
            assert f"{path}: {reason}" in fails(*command, "--on", "unix")
    assert "takes mfcc features" in fails("push", shared_data / "models/mlperf_tiny/kws_ref_model.tflite", "--on", "unix")
    report = json.loads(watchword("bench", path, "--on", "unix", "--json").stdout)
    assert report["model"] == "hello_world_int8"


def test_a_microwakeword_is_described_by_its_json(tmp_path: Path, shared_data: Path) -> None:
    folder = shared_data / "models/microwakeword"
    theirs = json.loads(watchword("describe", folder / "okay_nabu.tflite", "--json").stdout)
    assert theirs["labels"] == ["okay_nabu"]
    assert theirs["decision"] == {"cutoff": 0.9652, "window": 5, "refractory": 1.0, "stride": 3}
    other = json.loads((folder / "okay_nabu.json").read_text())
    other["micro"]["probability_cutoff"] = 0.5
    changed = _write(tmp_path / "x.json", json.dumps(other).encode())
    found = json.loads(watchword("describe", folder / "okay_nabu.tflite", "--description", changed, "--json").stdout)
    assert found["decision"]["cutoff"] == 0.4965
    assert "not a readable JSON file" in fails(
        "describe", folder / "okay_nabu.tflite", "--description", _write(tmp_path / "y.json", b"{")
    )


def test_a_microwakeword_is_pushed_by_its_json_whatever_the_model_is_called(
    tmp_path: Path, shared_data: Path, micropython: Path
) -> None:
    theirs = shared_data / "models/microwakeword"
    model = _write(tmp_path / "stream_state_internal_quant.tflite", (theirs / "okay_nabu.tflite").read_bytes())
    manifest = json.loads((theirs / "okay_nabu.json").read_text()) | {"wake_word": "Marvin", "model": f"out/{model.name}"}
    marvin = _write(tmp_path / "marvin.json", json.dumps(manifest).encode())
    by_json, by_model = (json.loads(watchword("push", name, "--on", "unix", "--json").stdout) for name in (marvin, model))
    assert by_json["file"] == by_model["file"]
    assert by_json["file"].startswith("marvin-")
    assert json.loads(watchword("describe", marvin, "--json").stdout)["labels"] == ["marvin"]
    _write(tmp_path / "zoe.json", json.dumps(manifest).encode())
    assert "marvin.json and zoe.json both name it" in fails("push", model, "--on", "unix")
    model.unlink()
    assert f"{marvin}: its model '{model.name}' is not beside it: put it into" in fails("push", marvin, "--on", "unix")


def test_evaluate_counts_what_a_wake_word_fires_on(shared_data: Path, tmp_path: Path) -> None:
    words = shared_data / "speech/picovoice_wakeword"
    manifest = tmp_path / "clips.csv"
    clips = [path for word in ("alexa", "jarvis") for path in sorted((words / word).iterdir())[:3]]
    manifest.write_text("file,label\n" + "".join(f"{path},{path.parent.name}\n" for path in clips))
    command = ["evaluate", shared_data / "models/microwakeword/alexa.tflite", "--data", manifest, "--on", "reference"]
    result = json.loads(watchword(*command, "--json").stdout)
    assert result["labels"] == ["alexa", "_unknown_"]
    assert result["confusion"] == [[3, 0], [0, 3]]
    assert result["accuracy"] == 1


def test_mistakes_get_one_line(model: Path, wav: Path, tmp_path: Path) -> None:
    assert "no such file" in fails("listen", "--wav", tmp_path / "none.wav", "--on", "unix")
    assert "cannot be read" in fails("push", tmp_path / "none.tflite", "--on", "unix")
    assert "cannot be read" in fails("push", tmp_path / "none.ww", "--on", "unix")
    assert "not a watchword program" in fails("push", _write(tmp_path / "bad.ww", b"nothing"), "--on", "unix")
    fails("push", _write(tmp_path / "bad.tflite", b"nothing"), "--on", "unix")
    assert "no such port" in fails("info", "--on", tmp_path / "ttyNONE")
    assert "name has letters" in fails("info", "--on", "unix:../x")
    assert "target 'pdp11' is not known" in fails("compile", model, "-o", tmp_path / "x.ww", "--target", "pdp11")
    assert "cannot be written" in fails("compile", model, "-o", tmp_path / "no/x.ww")
    assert "is not known" in fails(
        "compile", model, "-o", tmp_path / "x.ww", "--description", _description(tmp_path, "colour = 1")
    )
    assert "no column 'label'" in fails("evaluate", model, "--data", _write(tmp_path / "m.csv", b"file,said\nx,y\n"))
    np.save(tmp_path / "x.npy", np.zeros((1, 3), np.int8))
    assert "samples x 40 is expected" in fails("run", model, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy")
    assert "known: unix" in fails("setup", "moon")
    assert "unix has no microphone: `watchword mic FILE.wav`" in fails("listen", "--on", "unix")
    assert "recordings come after --wav" in fails("listen", wav, "--on", "reference")
    watchword("dance", status=2)


def _manifest(wav: Path) -> Path:
    return _write(wav.parent / "clips.csv", f"file,label\n{wav.name},x\n".encode())


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _description(folder: Path, line: str) -> Path:
    return _write(folder / "other.toml", f'name = "a"\nlabels = ["a", "b"]\n{line}\n'.encode())
