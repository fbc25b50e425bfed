"""The NumPy trainer: each gradient against finite differences, the optimizer, quantization, and a whole small run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from watchword import description, graph, reference, tflite
from watchword.data import audio
from watchword.data.clips import load
from watchword.data.labels import SILENCE
from watchword.data.manifests import read_manifest
from watchword.errors import DataError, ModelError
from watchword.train import Result, layers, quantize, read_recipe, save, train
from watchword.train.checkpoint import read_checkpoint, write_checkpoint
from watchword.train.examples import extract, training_examples, validation_examples
from watchword.train.losses import smooth, softmax, softmax_cross_entropy
from watchword.train.network import Network, dequantize, ds_cnn
from watchword.train.optimizers import Adam, one_cycle
from watchword.train.quantize import activation_scale, fold
from watchword.train.recipe import Architecture


def generator() -> np.random.Generator:
    return np.random.default_rng(3)


def in_double(layer: layers.Layer) -> layers.Layer:
    for values in (layer.parameters, layer.state):
        for name in values:
            values[name] = values[name].astype(np.float64)
    return layer


def conv2d(kernel: tuple[int, int], stride: tuple[int, int]) -> layers.Layer:
    return layers.Conv2D(3, 4, kernel, stride, generator())


def depthwise(kernel: tuple[int, int], stride: tuple[int, int]) -> layers.Layer:
    return layers.DepthwiseConv2D(3, kernel, stride, generator())


LAYERS = {
    "conv": (conv2d((3, 2), (1, 1)), (3, 2, 5, 4)),
    "conv, strides": (conv2d((4, 3), (2, 3)), (3, 2, 7, 8)),
    "conv, strides beyond the kernel": (conv2d((2, 1), (3, 4)), (3, 2, 7, 8)),
    "conv, pointwise": (conv2d((1, 1), (1, 1)), (3, 2, 3, 4)),
    "conv, pointwise, strides": (conv2d((1, 1), (2, 2)), (3, 2, 5, 4)),
    "depthwise": (depthwise((3, 3), (1, 1)), (3, 2, 4, 5)),
    "depthwise, even kernel, strides": (depthwise((4, 3), (2, 2)), (3, 2, 7, 6)),
    "dense": (layers.Dense(6, 4, generator()), (6, 5)),
    "batch norm": (layers.BatchNorm(3), (3, 4, 2, 3)),
    "relu": (layers.ReLU(), (3, 2, 2, 3)),
    "average pool": (layers.AveragePool(), (3, 2, 4, 3)),
    "flatten": (layers.Flatten(), (3, 2, 4, 3)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_equal_finite_differences(name: str) -> None:
    layer, shape = LAYERS[name]
    in_double(layer)
    rng = generator()
    x = rng.normal(size=shape)
    weighting = rng.normal(size=layer.forward(x, training=True).shape)  # of the outputs in a loss

    def loss() -> float:
        return float((layer.forward(x, training=True) * weighting).sum())

    loss()
    by_input = layer.backward(weighting)
    analytic = {"input": by_input, **layer.gradients}
    assert set(layer.gradients) == set(layer.parameters)
    for array_name, array in {"input": x, **layer.parameters}.items():
        numeric = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            kept, around = array[place], []
            for step in (1e-5, -1e-5):
                array[place] = kept + step
                around.append(loss())
            array[place] = kept
            numeric[place] = (around[0] - around[1]) / 2e-5
        np.testing.assert_allclose(analytic[array_name], numeric, rtol=1e-6, atol=1e-7, err_msg=array_name)


def test_gradient_of_the_loss_equals_finite_differences() -> None:
    rng = generator()
    logits, targets = rng.normal(size=(5, 3)), softmax(rng.normal(size=(5, 3)))
    gradient = softmax_cross_entropy(logits, targets)[1]
    for place in np.ndindex(logits.shape):
        kept, around = logits[place], []
        for step in (1e-6, -1e-6):
            logits[place] = kept + step
            around.append(softmax_cross_entropy(logits, targets)[0])
        logits[place] = kept
        assert gradient[place] == pytest.approx((around[0] - around[1]) / 2e-6, abs=1e-8)


def test_smoothed_targets_stay_probabilities() -> None:
    targets = smooth(np.eye(4), 0.2)
    assert targets.sum(axis=0) == pytest.approx(1)
    assert targets[0] == pytest.approx([0.85, 0.05, 0.05, 0.05])


@pytest.mark.parametrize(("kernel", "stride"), [((10, 8), (2, 8)), ((4, 3), (3, 2))])
def test_padding_is_that_of_tflite(kernel: tuple[int, int], stride: tuple[int, int]) -> None:
    layer = layers.Conv2D(1, 2, kernel, stride, generator())
    layer.parameters["weights"] = np.ones_like(layer.parameters["weights"])
    y = layer.forward(np.ones((1, 1, 49, 40), np.float32))
    rows, columns = (graph.extent(size, k, s, 1, "same") for size, k, s in zip((49, 40), kernel, stride, strict=True))
    assert y.shape == (2, 1, rows.output, columns.output)
    assert y[0, 0, 0, 0] == (kernel[0] - rows.before) * (kernel[1] - columns.before)


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


def small_network() -> Network:
    """A network with statistics and beta as after training."""
    rng = generator()
    network = ds_cnn(Architecture(channels=8, blocks=2), frames=49, classes=5, rng=rng)
    for layer in network.layers:
        if isinstance(layer, layers.BatchNorm):
            layer.parameters["beta"] = rng.normal(size=8).astype(np.float32)
            layer.state["mean"] = rng.normal(size=8).astype(np.float32)
            layer.state["variance"] = rng.uniform(0.5, 2, 8).astype(np.float32)
    return network


class TestQuantize:
    def test_folding_changes_nothing_but_rounding(self) -> None:
        network = small_network()
        x = dequantize(generator().integers(-128, 128, (4, 49, 40)).astype(np.int8))
        y = x
        for stage in fold(network):
            y = stage.forward(y)
        expected = network.forward(x)
        np.testing.assert_allclose(y, expected, atol=1e-4 * np.abs(expected).max())
        kinds = [type(stage.layer).__name__ for stage in fold(network)]
        assert kinds == ["Conv2D", *["DepthwiseConv2D", "Conv2D"] * 2, "AveragePool", "Flatten", "Dense"]
        assert [stage.relu for stage in fold(network)] == [True] * 5 + [False] * 3

    def test_layers_without_a_place_in_the_graph_are_refused(self) -> None:
        with pytest.raises(ModelError, match="ReLU after AveragePool cannot be quantized"):
            fold(Network([layers.AveragePool(), layers.ReLU()], 49))

    def test_the_graph_is_what_tflite_expects(self) -> None:
        calibration = generator().integers(-128, 128, (20, 49, 40)).astype(np.int8)
        result = quantize(small_network(), calibration, "tiny")
        assert result.input.shape == (1, 49, 40, 1)
        assert (result.input.zero_point, result.input.scale[0]) == (-128, np.float32(666 / 256 / 25.6))
        assert (result.output.zero_point, result.output.scale[0]) == (-128, np.float32(1 / 256))
        for op in result.operations:
            if isinstance(op, graph.Conv2D | graph.DepthwiseConv2D | graph.Dense):
                assert op.weights.data is not None
                assert op.bias is not None
                assert np.abs(op.weights.data.astype(int)).max() == 127
                assert op.bias.scale == pytest.approx(op.input.scale * op.weights.scale)
                assert op.weights.axis == (3 if isinstance(op, graph.DepthwiseConv2D) else 0)
            if isinstance(op, graph.AveragePool2D):
                assert (op.input.scale, op.input.zero_point) == (op.output.scale, op.output.zero_point)
        assert tflite.write(tflite.read(tflite.write(result), "tiny")) == tflite.write(result)

    def test_int8_outputs_follow_the_float_network(self) -> None:
        network = small_network()
        features = generator().integers(-128, 128, (64, 49, 40)).astype(np.int8)
        exact = network.predict(features)
        scores = (reference.run(quantize(network, features), features[..., None]).reshape(64, -1) + 128.0) / 256
        assert np.abs(scores - exact).mean() < 0.02

    def test_a_channel_that_never_moves_stays_in_range(self) -> None:
        network = small_network()
        network.layers[0].parameters["weights"][3] = 0
        network.layers[1].parameters["beta"][3] = 50
        features = generator().integers(-128, 128, (8, 49, 40)).astype(np.int8)
        first = quantize(network, features).operations[0]
        assert isinstance(first, graph.Conv2D)
        assert first.bias is not None
        assert first.bias.data is not None
        assert np.abs(first.bias.data.astype(int)).max() <= 2**23 + 1
        steps = reference.run_operation(first, features[..., None])[..., 3].astype(float) - first.output.zero_point
        norm = network.layers[1]
        assert isinstance(norm, layers.BatchNorm)
        assert steps * first.output.scale[0] == pytest.approx(norm.affine()[1][3], rel=0.05)

    @pytest.mark.parametrize(("low", "high"), [(0.0, 3.0), (-1.0, 3.0), (-2.0, -1.0), (0.0, 0.0)])
    def test_a_range_of_activations_holds_zero_and_all_values(self, low: float, high: float) -> None:
        scale, zero_point = activation_scale(np.linspace(low, high, 100))
        step = float(scale[0])
        assert (-128 - zero_point) * step <= min(0, low) + step / 2
        assert (127 - zero_point) * step >= high - step / 2
        assert step <= max(max(0, high) - min(0, low), 1e-6) / 255 * 1.001
        assert -128 <= zero_point <= 127


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
        scores = result.network.predict(result.validation.features)
        assert (scores.argmax(axis=1) == result.validation.targets).mean() == result.best.accuracy

    def test_int8_agrees_with_float(self, result: Result) -> None:
        int8 = reference.run(quantize(result.network, result.checkpoint.calibration), result.validation.features[..., None])
        agree = int8.reshape(len(int8), -1).argmax(axis=1) == result.network.predict(result.validation.features).argmax(axis=1)
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

    def test_every_epoch_draws_anew(self, root: Path, result: Result) -> None:
        one, again, two = (training_examples(result.recipe, result.material, epoch) for epoch in (1, 1, 2))
        assert (one.features == again.features).all()
        assert (one.features != two.features).any()
        silent = result.recipe.labels.index(SILENCE)
        assert (one.targets == silent).sum() == round(0.3 * len(result.material.training.clips))

    def test_what_is_saved_is_what_was_validated(self, result: Result, tmp_path: Path) -> None:
        int8 = quantize(result.network, result.checkpoint.calibration, "tones")
        model = save(result, int8, tmp_path / "out", tflite.write)
        assert model == tmp_path / "out" / "tones.tflite"
        found = description.find(model, model.read_bytes())
        assert found is not None
        assert found.labels == ("_silence_", "low", "middle", "high")
        assert found.embedding in {op.output.name for op in tflite.read(model).operations}
        recordings = load(read_manifest(tmp_path / "out/validation.csv"), found.labels, 16_000)
        streams = np.pad(recordings.signals, ((0, 0), (16_000, 0)))
        assert (extract(result.recipe, streams) == result.validation.features).all()
        assert (recordings.targets == result.validation.targets).all()
        history = json.loads((tmp_path / "out/history.json").read_text("utf-8"))
        assert [row["accuracy"] for row in history] == [epoch.accuracy for epoch in result.history]
        assert len((tmp_path / "out/history.csv").read_text("utf-8").splitlines()) == 13

    def test_a_checkpoint_is_quantized_and_trained_again(self, result: Result, root: Path, tmp_path: Path) -> None:
        int8 = quantize(result.network, result.checkpoint.calibration, "tones")
        save(result, int8, tmp_path, tflite.write)
        checkpoint = read_checkpoint(tmp_path / "checkpoint.npz")
        network = ds_cnn(result.recipe.architecture, result.recipe.frames, 4, generator())
        checkpoint.apply(network, Adam())
        assert tflite.write(quantize(network, checkpoint.calibration, "tones")) == tflite.write(int8)
        gentle = dataclasses.replace(result.recipe.training, epochs=1, rate=1e-4)
        resumed = train(dataclasses.replace(result.recipe, training=gentle), root, start=checkpoint)
        assert resumed.best.accuracy >= 0.9
        assert resumed.checkpoint.optimizer.steps > checkpoint.optimizer.steps

    def test_a_checkpoint_that_calls_gamma_and_beta_by_their_former_names_is_read(self, result: Result, tmp_path: Path) -> None:
        path = tmp_path / "checkpoint.npz"
        write_checkpoint(result.checkpoint, path)
        with np.load(path) as file:
            former = {name.replace(".gamma", ".scale").replace(".beta", ".offset"): value for name, value in file.items()}
        assert "network/1.offset" in former
        np.savez(path, **former)  # type: ignore[arg-type]
        found = read_checkpoint(path)
        assert found.arrays.keys() == result.checkpoint.arrays.keys()
        assert found.optimizer.mean.keys() == result.checkpoint.optimizer.mean.keys()

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

    def test_a_word_without_recordings_is_named(self, root: Path) -> None:
        recipe = read_recipe(root / "recipe.toml")
        with pytest.raises(DataError, match="no clip of higher"):
            train(dataclasses.replace(recipe, labels=(*recipe.labels, "higher")), root)

    def test_validation_has_a_second_of_silence_before_each_clip(self, result: Result) -> None:
        examples = validation_examples(result.recipe, result.material)
        assert (examples.features == result.validation.features).all()
        assert examples.features.shape[1:] == (49, 40)


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
            ("epochs = 12", "epoch = 8", "training.epoch is not known; known here: epochs"),
            ("ema_decay", "averaging", "training.averaging is not known; known here: epochs"),
            ("epochs = 12", "epochs = 8.5", "training.epochs is 8.5: int is expected"),
            ("epochs = 12", "epochs = 0", "training.epochs is 0: it is between 1 and 100000"),
            ("epochs = 12", "epochs = true", "training.epochs is True: int is expected"),
            ("gain = [-6, 3]", "gain = [-6]", r"augmentation.gain is \[-6\]: 2 entries are expected"),
            ("gain = [-6, 3]", 'gain = [-6, "x"]', r"augmentation.gain\[1\] is 'x': float is expected"),
            ("gain = [-6, 3]", "gain = [3, -6]", r"augmentation.gain is 3.0 to -6.0: the lower end comes first"),
            ("gain = [-6, 3]", "shift = 2", r"augmentation.shift is 2.0: it is between 0 and 1 second"),
            ("stride = [4, 40]", "stride = [4, 0]", "architecture.stride is 0: it is between 1 and 64"),
            ("stride = [4, 40]", "stride = [1, 2]", "architecture.stride leaves 49 x 20 places: at most 640"),
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
