"""The NumPy trainer: the optimizer, and a whole small run."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from watchword import description, reference, tflite
from watchword.data import audio
from watchword.data.clips import load
from watchword.data.manifests import read_manifest
from watchword.errors import DataError
from watchword.features import features, to_int8
from watchword.train import Result, quantize, read_recipe, save, train
from watchword.train.checkpoint import read_checkpoint, write_checkpoint
from watchword.train.optimizers import Adam, one_cycle
from watchword.train.recipe import Data, Recipe, Source


def generator() -> np.random.Generator:
    return np.random.default_rng(3)


class TestOptimizers:
    def test_adam_finds_the_minimum_of_a_quadratic(self) -> None:
        centre = np.array([3.0, -2.0, 0.5])
        parameters, adam = {"x": np.zeros(3)}, Adam()
        for step in range(600):
            adam.step(parameters, {"x": 2 * np.array([1.0, 10.0, 0.1]) * (parameters["x"] - centre)}, one_cycle(step, 600, 0.1))
        assert parameters["x"] == pytest.approx(centre, abs=1e-3)

    def test_the_first_step_of_adam_is_the_rate_against_the_sign(self) -> None:
        parameters = {"x": np.zeros(2)}
        Adam().step(parameters, {"x": np.array([100.0, -0.001])}, 0.01)
        assert parameters["x"] == pytest.approx([-0.01, 0.01], rel=1e-3)

    def test_decay_is_apart_from_the_gradient_and_spares_biases(self) -> None:
        parameters = {"weights": np.ones((2, 2)), "bias": np.ones(2)}
        Adam(weight_decay=0.5).step(parameters, {name: np.zeros_like(value) for name, value in parameters.items()}, 0.1)
        assert parameters["weights"] == pytest.approx(0.95)
        assert parameters["bias"] == pytest.approx(1)

    def test_one_cycle_rises_then_falls(self) -> None:
        rates = [one_cycle(step, 101, 1.0) for step in range(101)]
        assert rates[0] == pytest.approx(1 / 25)
        assert max(rates) == rates[30] == pytest.approx(1)
        assert rates[-1] == pytest.approx(1e-4)
        assert all(np.diff(rates[:31]) > 0)
        assert all(np.diff(rates[30:]) < 0)
        assert one_cycle(0, 1, 1.0) == pytest.approx(1e-4)


# A whole run on tones: three words of different pitch, and noise


WORDS = {"low": 300, "middle": 900, "high": 2500}

RECIPE = """
name = "tones"
labels = ["_silence_", "low", "middle", "high"]
background = ["_silence_"]

[data]
train = [{ folder = "words" }]
validation_share = 0.3
noise = "noise"
silence = 0.3
validation_silence = 8

[architecture]
channels = 16
blocks = 1
kernel = [6, 40]
stride = [4, 40]

[augmentation]
gain = [-6, 3]
snr = [10, 30]

[training]
epochs = 12
batch = 8
rate = 0.03
ema_decay = 0.5
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recordings and the recipe above."""
    root, rng = tmp_path_factory.mktemp("tones"), generator()
    seconds = np.arange(16_000) / 16_000
    for word, hertz in WORDS.items():
        (root / "words" / word).mkdir(parents=True)
        for number in range(24):
            pitch = hertz * rng.uniform(0.9, 1.1)
            loudness = 3_000 * np.exp(-(((seconds - 0.5) / 0.2) ** 2))
            sound = loudness * np.sin(2 * np.pi * pitch * seconds) + rng.normal(0, 30, 16_000)
            audio.write(root / "words" / word / f"{number}.wav", audio.to_int16(sound))
    (root / "noise").mkdir()
    audio.write(root / "noise" / "hiss.wav", audio.to_int16(rng.normal(0, 1_000, 12 * 16_000)))
    (root / "recipe.toml").write_text(RECIPE, "utf-8")
    return root


@pytest.fixture(scope="module")
def result(root: Path) -> Result:
    return train(read_recipe(root / "recipe.toml"), root)


class TestRun:
    def test_tones_are_learnt(self, result: Result) -> None:
        assert result.best.accuracy >= 0.95
        assert result.history[-1].loss < 0.8 * result.history[0].loss
        assert [epoch.number for epoch in result.history] == list(range(1, 13))
        assert result.best.accuracy == max(epoch.accuracy for epoch in result.history)

    def test_the_network_is_that_of_the_best_epoch(self, result: Result) -> None:
        scores = result.network.predict(result.validation.inputs)
        assert (scores.argmax(axis=1) == result.validation.targets).mean() == result.best.accuracy

    def test_int8_agrees_with_float(self, result: Result) -> None:
        int8 = reference.run(quantize(result.network, result.checkpoint.calibration), result.validation.inputs)
        agree = int8.reshape(len(int8), -1).argmax(axis=1) == result.network.predict(result.validation.inputs).argmax(axis=1)
        assert agree.mean() >= 0.95

    def test_the_same_seed_gives_the_same_network(self, root: Path) -> None:
        recipe = read_recipe(root / "recipe.toml")

        def weights(seed: int) -> Sequence[bytes]:
            training = dataclasses.replace(recipe.training, epochs=2, seed=seed)
            network = train(dataclasses.replace(recipe, training=training), root).network
            return [value.tobytes() for value in network.arrays().values()]

        first = weights(1)
        assert first == weights(1)
        assert first != weights(2)

    def test_what_is_saved_is_what_was_validated(self, result: Result, tmp_path: Path) -> None:
        int8 = quantize(result.network, result.checkpoint.calibration, "tones")
        model = save(result, int8, tmp_path / "out", tflite.write)
        assert model == tmp_path / "out" / "tones.tflite"
        found = description.find(model, model.read_bytes())
        assert found is not None
        assert found.labels == ("_silence_", "low", "middle", "high")
        assert found.embedding in {op.output.name for op in tflite.read(model).operations}
        recordings = load(read_manifest(tmp_path / "out/validation.csv"), found.labels, 16_000)
        streams = np.pad(recordings.signals.rows(range(len(recordings.signals))), ((0, 0), (16_000, 0)))
        assert (to_int8(features(streams)[:, -49:])[..., None] == result.validation.inputs).all()
        assert (recordings.targets == result.validation.targets).all()
        history = json.loads((tmp_path / "out/history.json").read_text("utf-8"))
        assert [row["accuracy"] for row in history] == [epoch.accuracy for epoch in result.history]
        assert len((tmp_path / "out/history.csv").read_text("utf-8").splitlines()) == 13

    def test_a_checkpoint_is_quantized_and_trained_again(self, result: Result, root: Path, tmp_path: Path) -> None:
        int8 = quantize(result.network, result.checkpoint.calibration, "tones")
        save(result, int8, tmp_path, tflite.write)
        checkpoint = read_checkpoint(tmp_path / "checkpoint.npz")
        network = result.recipe.architecture.network(result.recipe.input, 4, generator())
        checkpoint.apply(network, Adam())
        assert tflite.write(quantize(network, checkpoint.calibration, "tones")) == tflite.write(int8)
        gentle = dataclasses.replace(result.recipe.training, epochs=1, rate=1e-4)
        resumed = train(dataclasses.replace(result.recipe, training=gentle), root, start=checkpoint)
        assert resumed.best.accuracy >= 0.9
        assert resumed.checkpoint.optimizer.steps > checkpoint.optimizer.steps

    def test_a_checkpoint_of_former_names_is_read(self, result: Result, tmp_path: Path) -> None:
        """Layers had numbers once, and batch normalization's parameters other names."""
        path = tmp_path / "checkpoint.npz"
        write_checkpoint(result.checkpoint, path)
        numbers = {node.name: number for number, node in enumerate(result.network.nodes)}

        def former(name: str) -> str:
            part, _, rest = name.partition("/")
            layer, dot, parameter = rest.rpartition(".")
            parameter = {"gamma": "scale", "beta": "offset"}.get(parameter, parameter)
            return f"{part}/{numbers[layer]}.{parameter}" if dot else name

        with np.load(path) as file:
            content = {former(name): value for name, value in file.items()}
        assert "network/1.offset" in content
        np.savez(path, **content)  # type: ignore[arg-type]
        found, network, adam = read_checkpoint(path), copy.deepcopy(result.network), Adam()
        network.restore({name: np.zeros_like(value) for name, value in network.arrays().items()})
        found.apply(network, adam)
        for name, value in result.network.arrays().items():
            assert (network.arrays()[name] == value).all(), name
        assert adam.mean.keys() == adam.square.keys() == network.parameters().keys()

    def test_a_checkpoint_of_another_network_is_refused(self, result: Result, root: Path) -> None:
        wider = dataclasses.replace(result.recipe, architecture=dataclasses.replace(result.recipe.architecture, channels=8))
        with pytest.raises(DataError, match="network with other layers than the recipe's"):
            train(wider, root, start=result.checkpoint)

    def test_what_is_no_checkpoint_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="no such file"):
            read_checkpoint(tmp_path / "none.npz")
        (tmp_path / "a.npz").write_bytes(b"junk")
        np.savez(tmp_path / "b.npz", weights=np.zeros(3))
        for name in ("a.npz", "b.npz"):
            with pytest.raises(DataError, match="not a checkpoint of watchword"):
                read_checkpoint(tmp_path / name)

    def test_progress_is_told_epoch_by_epoch(self, root: Path) -> None:
        recipe = read_recipe(root / "recipe.toml")
        seen: list[int] = []
        short = dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, epochs=2))
        train(short, root, progress=lambda epoch: seen.append(epoch.number))
        assert seen == [1, 2]

    def test_arrays_are_trained_on_from_python_alone(self, tmp_path: Path) -> None:
        recipe = Recipe("table", ("cat", "dog"), Data((Source(arrays="x.npz"),)), kind="tensor")
        with pytest.raises(DataError, match="kind is tensor: `train` has no loss for it"):
            train(recipe, tmp_path)

    def test_a_word_without_recordings_is_named(self, root: Path) -> None:
        recipe = read_recipe(root / "recipe.toml")
        with pytest.raises(DataError, match="no clip of higher"):
            train(dataclasses.replace(recipe, labels=(*recipe.labels, "higher")), root)


class TestRecipe:
    def read(self, folder: Path, text: str) -> object:
        (folder / "recipe.toml").write_text(text, "utf-8")
        return read_recipe(folder / "recipe.toml")

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ('name = "tones"', "", "name is missing"),
            ('name = "tones"', "name = 3", "name is 3: str is expected"),
            ('name = "tones"', 'name = "../x"', "name is '../x': 1 to 40 letters"),
            ('name = "tones"', 'name = "tones"\nhop_ms = 15', "hop_ms is 15"),
            ('"low", "middle", "high"', "", "labels: two different ones or more are needed"),
            ("epochs = 12", "epoch = 8", "training.epoch is not known, did you mean 'epochs'\\?; known here: epochs"),
            ("ema_decay", "averaging", "training.averaging is not known; known here: epochs"),
            ("epochs = 12", "epochs = 8.5", "training.epochs is 8.5: int is expected"),
            ("epochs = 12", "epochs = 0", "training.epochs is 0: it is between 1 and 100000"),
            ("epochs = 12", "epochs = true", "training.epochs is True: int is expected"),
            ("gain = [-6, 3]", "gain = [-6]", r"augmentation.gain is \[-6\]: 2 entries are expected"),
            ("gain = [-6, 3]", 'gain = [-6, "x"]', r"augmentation.gain\[1\] is 'x': float is expected"),
            ("gain = [-6, 3]", "gain = [3, -6]", r"augmentation.gain is 3.0 to -6.0: the lower end comes first"),
            ("gain = [-6, 3]", "shift = 2", r"augmentation.shift is 2.0: it is between 0 and 1 second"),
            ("stride = [4, 40]", "stride = [4, 0]", "architecture.stride is 0: it is between 1 and 64"),
            ("channels = 16", 'name = "mobilenet"', "architecture.name is 'mobilenet': it is one of .*, mobilenet_v1 perhaps"),
            ("channels = 16", 'name = "mlp"', "architecture.blocks is not known; known here: units, activation"),
            (
                "channels = 16\nblocks = 1\nkernel = [6, 40]\nstride = [4, 40]",
                'name = "mixed_depthwise"\nkernels = [[60]]\nchannels = [8]\nresidual = [0]',
                "architecture: block_1/filtered_1: a window of 60 x 1 places does not fit into 23 x 1",
            ),
            (
                "channels = 16\nblocks = 1\nkernel = [6, 40]\nstride = [4, 40]",
                'name = "autoencoder"',
                "architecture: an autoencoder returns the 1960 values that it is given: it cannot have 4 outputs",
            ),
            ('{ folder = "words" }', "{ }", r"data.train\[0\].manifest or folder: one of the two"),
            ('train = [{ folder = "words" }]', "train = []", "data.train: at least one source"),
            (
                '{ folder = "words" }]\nvalidation_share = 0.3\nnoise = "noise"',
                '{ manifest = "list.csv" }]',
                "data.noise is missing: clips of _silence_ are cut from noise",
            ),
            ('folder = "words"', 'folder = "words", label_column = "word"', r"data.train\[0\].label_column: is of a manifest"),
            ('"low", "middle"', '"low", "low"', "labels: one different name for each output"),
            ('background = ["_silence_"]', 'background = ["hush"]', "background names 'hush', which is not among the labels"),
            ("[training]", "[decision]\ncutoff = 2\n[training]", "decision.cutoff is 2.0"),
            ("[training]", "[training", "not a readable TOML file"),
        ],
    )
    def test_what_is_wrong_is_named_by_its_key(self, tmp_path: Path, old: str, new: str, message: str) -> None:
        assert old in RECIPE
        with pytest.raises(DataError, match=rf"recipe\.toml: .*{message}") as caught:
            self.read(tmp_path, RECIPE.replace(old, new, 1))
        assert "\n" not in str(caught.value)

    def test_a_recipe_that_is_no_file_of_settings(self, tmp_path: Path) -> None:
        for text, message in (("#" * 20_000, "has more than 16384 bytes"), ("x = " + "[" * 9000, "nested too deep")):
            with pytest.raises(DataError, match=rf"recipe\.toml: .*{message}"):
                self.read(tmp_path, text)

    def test_a_missing_recipe(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"recipe\.toml: no such file"):
            read_recipe(tmp_path / "recipe.toml")


def test_the_keyword_recipe_fits_the_board_and_its_model() -> None:
    folder = Path(__file__).parents[2] / "models" / "keywords"
    recipe = read_recipe(folder / "recipe.toml")
    model = tflite.read(folder / "keywords.tflite")
    assert model.macs <= 3_000_000
    assert model.input.shape == (1, recipe.frames, 40, 1)
    found = description.find(folder / "keywords.tflite", (folder / "keywords.tflite").read_bytes())
    assert found is not None
    assert found.labels == recipe.labels
