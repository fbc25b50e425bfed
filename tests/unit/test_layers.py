"""The trainer's layers: each gradient against finite differences, outputs against other ways to compute them, and networks of
branches."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from watchword import graph
from watchword.errors import DataError
from watchword.train import layers
from watchword.train.layers import Array, Layer, Merge, Part
from watchword.train.network import Input, Network


def generator() -> np.random.Generator:
    return np.random.default_rng(3)


Case = tuple[Callable[[], Part], Sequence[tuple[int, ...]]]

PICTURE = (5, 4, 3)
LAYERS: dict[str, Case] = {
    "conv": (lambda: layers.Conv2D(4, (3, 2)), [PICTURE]),
    "conv, bias": (lambda: layers.Conv2D(4, (3, 2), bias=True), [PICTURE]),
    "conv, strides": (lambda: layers.Conv2D(4, (4, 3), (2, 3)), [(7, 8, 3)]),
    "conv, strides beyond the kernel": (lambda: layers.Conv2D(4, (2, 1), (3, 4)), [(7, 8, 3)]),
    "conv, dilation": (lambda: layers.Conv2D(4, (3, 2), dilation=(2, 3)), [(7, 8, 3)]),
    "conv, valid": (lambda: layers.Conv2D(4, (3, 2), (2, 1), padding="valid"), [(7, 8, 3)]),
    "conv, valid by axis": (lambda: layers.Conv2D(4, (3, 3), padding=("valid", "same")), [(7, 5, 3)]),
    "conv, pointwise": (lambda: layers.Conv2D(4, (1, 1)), [PICTURE]),
    "conv, pointwise, strides": (lambda: layers.Conv2D(4, (1, 1), (2, 2)), [PICTURE]),
    "depthwise": (lambda: layers.DepthwiseConv2D((3, 3)), [PICTURE]),
    "depthwise, bias": (lambda: layers.DepthwiseConv2D((3, 3), bias=True), [PICTURE]),
    "depthwise, even kernel, strides": (lambda: layers.DepthwiseConv2D((4, 3), (2, 2)), [(7, 6, 3)]),
    "depthwise, strides beyond the kernel": (lambda: layers.DepthwiseConv2D((2, 1), (3, 4)), [(7, 8, 3)]),
    "depthwise, several bands": (lambda: layers.DepthwiseConv2D((3, 3)), [(3, 19, 2)]),
    "depthwise, several bands, strides": (lambda: layers.DepthwiseConv2D((3, 5), (2, 3)), [(4, 40, 2)]),
    "depthwise, dilation": (lambda: layers.DepthwiseConv2D((3, 2), dilation=(2, 3)), [(7, 8, 3)]),
    "depthwise, dilation, strides": (lambda: layers.DepthwiseConv2D((3, 3), (2, 2), (2, 3)), [(9, 8, 2)]),
    "depthwise, valid": (lambda: layers.DepthwiseConv2D((3, 3), (2, 1), padding="valid"), [(8, 9, 2)]),
    "depthwise, valid by axis": (lambda: layers.DepthwiseConv2D((3, 3), padding=("valid", "same")), [(7, 5, 3)]),
    "depthwise, along time": (lambda: layers.DepthwiseConv2D((5, 1), padding="valid"), [(23, 1, 3)]),
    "depthwise, along time, strides": (lambda: layers.DepthwiseConv2D((5, 1), (2, 1)), [(23, 1, 3)]),
    "dense": (lambda: layers.Dense(4), [(6,)]),
    "dense without bias": (lambda: layers.Dense(4, bias=False), [(6,)]),
    "batch norm": (layers.BatchNorm, [PICTURE]),
    "batch norm of values": (layers.BatchNorm, [(3,)]),
    "relu": (layers.ReLU, [PICTURE]),
    "relu6": (layers.ReLU6, [PICTURE]),
    "leaky relu": (lambda: layers.LeakyReLU(0.2), [PICTURE]),
    "hard swish": (layers.HardSwish, [PICTURE]),
    "sigmoid": (layers.Sigmoid, [PICTURE]),
    "tanh": (layers.Tanh, [PICTURE]),
    "softmax": (layers.Softmax, [(5,)]),
    "l2 normalization": (layers.L2Normalize, [(5,)]),
    "l2 normalization of pictures": (layers.L2Normalize, [PICTURE]),
    "cosines": (lambda: layers.Cosines(4), [(5,)]),
    "average pool of all": (layers.AveragePool, [PICTURE]),
    "average pool": (lambda: layers.AveragePool((2, 3), (1, 2), "same"), [(5, 7, 2)]),
    "average pool, valid": (lambda: layers.AveragePool((2, 2)), [(5, 7, 2)]),
    "max pool": (lambda: layers.MaxPool((3, 2), (2, 1), "same"), [(5, 7, 2)]),
    "max pool of all": (layers.MaxPool, [PICTURE]),
    "mean": (layers.Mean, [PICTURE]),
    "mean over time": (lambda: layers.Mean((0,), keep=True), [PICTURE]),
    "mean over channels": (lambda: layers.Mean((2,), keep=True), [PICTURE]),
    "flatten": (layers.Flatten, [PICTURE]),
    "slice": (lambda: layers.Slice((1, None), (0, -1), (1, 3)), [PICTURE]),
    "dropout": (lambda: layers.Dropout(0.3), [PICTURE]),
    "add": (layers.Add, [PICTURE, PICTURE]),
    "concatenate": (layers.Concatenate, [PICTURE, (5, 4, 2), (5, 4, 1)]),
    "concatenate rows": (lambda: layers.Concatenate(0), [PICTURE, (2, 4, 3)]),
    "concatenate values": (layers.Concatenate, [(3,), (4,)]),
}


def inside(shape: tuple[int, ...], clips: int) -> tuple[int, ...]:
    """The shape of an array of examples as layers have it."""
    return (shape[-1], *shape[:-1], clips)


class Checked:
    """A layer in double precision, and inputs of it at which its derivative has no step."""

    def __init__(self, name: str, clips: int = 2) -> None:
        make, shapes = LAYERS[name]
        self.layer, rng = make(), generator()
        self.shape = self.layer.build(shapes, rng)
        self.inputs = [rng.normal(0, 2, inside(shape, clips)) for shape in shapes]
        for x in self.inputs:
            for step in (0, 6, -3, 3):  # of ReLU, ReLU6 and hard swish
                x[np.abs(x - step) < 1e-3] += 0.01
        for arrays in (self.layer.parameters, self.layer.state):
            for key, value in arrays.items():
                if np.issubdtype(value.dtype, np.floating):
                    arrays[key] = value + rng.normal(0, 0.1, value.shape)

    def forward(self, training: bool = True) -> Array:
        if "drawn" in self.layer.state:
            self.layer.state["drawn"][0] = 0  # the same mask each time
        if isinstance(self.layer, Merge):
            return self.layer.forward(self.inputs, training)
        assert isinstance(self.layer, Layer)
        return self.layer.forward(self.inputs[0], training)

    def backward(self, gradient: Array) -> list[Array]:
        assert isinstance(self.layer, Layer | Merge)
        found = self.layer.backward(gradient)
        return [part.copy() for part in (found if isinstance(found, list) else [found])]


def differences(loss: Callable[[], float], array: Array, step: float = 1e-5) -> Array:
    """The gradient of a loss by an array, by central differences."""
    numeric = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        kept, around = array[place], []
        for change in (step, -step):
            array[place] = kept + change
            around.append(loss())
        array[place] = kept
        numeric[place] = (around[0] - around[1]) / (2 * step)
    return numeric


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_equal_finite_differences(name: str) -> None:
    case = Checked(name)
    weighting = generator().normal(size=case.forward().shape)  # of the outputs in a loss
    given = weighting.copy()

    def loss() -> float:
        return float((case.forward() * weighting).sum())

    loss()
    by_input = case.backward(weighting)
    assert (weighting == given).all(), "a backward pass writes into the gradient that it is given"
    analytic = {name: value.copy() for name, value in case.layer.gradients.items()}
    assert set(analytic) == set(case.layer.parameters)
    for found, x in zip(by_input, case.inputs, strict=True):
        np.testing.assert_allclose(found, differences(loss, x), rtol=1e-6, atol=1e-7)
    for key, array in case.layer.parameters.items():
        np.testing.assert_allclose(analytic[key], differences(loss, array), rtol=1e-6, atol=1e-7, err_msg=key)


@pytest.mark.parametrize("name", LAYERS)
def test_shapes_dtypes_and_repeated_passes(name: str) -> None:
    case = Checked(name, clips=3)
    first = case.forward().copy()
    assert first.shape == inside(case.shape, 3)
    gradients = case.backward(np.ones_like(first))
    kept = {key: value.copy() for key, value in case.layer.gradients.items()}
    wide = [np.concatenate([x, x], axis=-1) for x in case.inputs]
    case.inputs, narrow = wide, case.inputs
    case.backward(np.ones_like(case.forward()))  # another batch in between leaves nothing behind
    case.inputs = narrow
    assert (case.forward() == first).all()
    for found, before in zip(case.backward(np.ones_like(first)), gradients, strict=True):
        assert (found == before).all()
    for key, value in case.layer.gradients.items():
        assert (value == kept[key]).all()
    case.inputs = [x.astype(np.float32) for x in case.inputs]
    for arrays in (case.layer.parameters, case.layer.state):
        arrays.update({key: value.astype(np.float32) for key, value in arrays.items() if value.dtype == np.float64})
    single = case.forward()
    assert single.dtype == np.float32
    assert all(part.dtype == np.float32 for part in case.backward(np.ones_like(single)))
    assert all(value.dtype == np.float32 for value in case.layer.gradients.values())


@pytest.mark.parametrize(("height", "width"), [(9, 1), (9, 4), (5, 23)])
@pytest.mark.parametrize("padding", ["same", "valid", ("valid", "same")])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"),
    [((3, 1), (1, 1), (1, 1)), ((4, 1), (3, 2), (1, 1)), ((3, 1), (2, 1), (2, 1)), ((2, 3), (1, 2), (1, 1))],
)
def test_a_depthwise_convolution_is_one_of_each_channel(
    height: int, width: int, padding: graph.Rule, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> None:
    rng = generator()
    depthwise, conv = (
        layers.DepthwiseConv2D(kernel, stride, dilation, padding),
        layers.Conv2D(3, kernel, stride, dilation, padding),
    )
    if kernel[1] > width and padding == "valid":
        with pytest.raises(DataError, match="does not fit"):
            depthwise.build([(height, width, 3)], rng)
        return
    shape = depthwise.build([(height, width, 3)], rng)
    assert conv.build([(height, width, 3)], rng) == shape
    conv.parameters["weights"] = np.zeros_like(conv.parameters["weights"])
    for channel in range(3):
        conv.parameters["weights"][channel, :, :, channel] = depthwise.parameters["weights"][0, :, :, channel]
    x = rng.normal(size=(3, height, width, 2)).astype(np.float32)
    y = depthwise.forward(x, training=True)
    np.testing.assert_allclose(y, conv.forward(x, training=True), atol=1e-5)
    gradient = rng.normal(size=y.shape).astype(np.float32)
    np.testing.assert_allclose(depthwise.backward(gradient), conv.backward(gradient), atol=1e-5)


@pytest.mark.parametrize(("kernel", "stride"), [((10, 8), (2, 8)), ((4, 3), (3, 2))])
def test_padding_is_that_of_tflite(kernel: tuple[int, int], stride: tuple[int, int]) -> None:
    layer = layers.Conv2D(2, kernel, stride)
    layer.build([(49, 40, 1)], generator())
    layer.parameters["weights"].fill(1)
    y = layer.forward(np.ones((1, 49, 40, 1), np.float32))
    rows, columns = (graph.extent(size, k, s, 1, "same") for size, k, s in zip((49, 40), kernel, stride, strict=True))
    assert y.shape == (2, rows.output, columns.output, 1)
    assert y[0, 0, 0, 0] == (kernel[0] - rows.before) * (kernel[1] - columns.before)


def test_batch_norm_normalizes_by_the_batch_and_later_by_what_it_has_seen() -> None:
    layer, rng = layers.BatchNorm(), generator()
    layer.build([(2,)], rng)
    x = rng.normal([[5.0], [-2.0]], [[3.0], [0.5]], (2, 1000)).astype(np.float32)
    for _ in range(200):
        y = layer.forward(x, training=True)
    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(axis=1), 1, atol=1e-2)
    np.testing.assert_allclose(layer.state["mean"], x.mean(axis=1), rtol=1e-4)
    np.testing.assert_allclose(layer.forward(x), y, atol=1e-3)
    np.testing.assert_allclose(x * layer.affine()[0][:, None] + layer.affine()[1][:, None], layer.forward(x), atol=1e-5)


def test_dropout_keeps_the_mean_draws_anew_and_is_still_in_use() -> None:
    layer = layers.Dropout(0.25)
    layer.build([(1000,)], generator())
    x = np.ones((1000, 50), np.float32)
    first = layer.forward(x, training=True).copy()
    assert set(np.unique(first)) == {np.float32(0), np.float32(1 / 0.75)}
    assert first.mean() == pytest.approx(1, abs=0.02)
    assert (layer.forward(x, training=True) != first).any()
    assert (layer.forward(x) == x).all()


def test_a_dropout_that_is_restored_goes_on_as_the_one_before() -> None:
    network = Network(Input((20,)), generator())
    network.add(layers.Dropout(0.5))
    x = np.ones((4, 20), np.float32)
    network.forward(x, training=True)
    kept = network.arrays()
    second = network.forward(x, training=True).copy()
    other = Network(Input((20,)), np.random.default_rng(99))
    other.add(layers.Dropout(0.5))
    other.restore(kept)
    assert (other.forward(x, training=True) == second).all()


def test_the_first_of_equals_has_the_gradient_of_a_maximum() -> None:
    layer = layers.MaxPool((1, 3))
    layer.build([(1, 3, 1)], generator())
    assert layer.forward(np.full((1, 1, 3, 1), 2.0), training=True).ravel() == [2]
    assert layer.backward(np.ones((1, 1, 1, 1))).ravel().tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("layer", "shapes", "message"),
    [
        (layers.Conv2D(2, (7, 1), padding="valid"), [(5, 4, 1)], "a window of 7 x 1 places does not fit into 5 x 4: a smaller"),
        (layers.DepthwiseConv2D((3, 1), dilation=(3, 1), padding="valid"), [(5, 4, 1)], "a window of 7 x 1 places"),
        (layers.MaxPool((6, 1)), [(5, 4, 1)], "a window of 6 x 1 places"),
        (layers.Conv2D(2, (1, 1)), [(5,)], r"Conv2D takes \(height, width, channels\), not \(5,\)"),
        (layers.Dense(2), [(5, 4, 1)], "Dense takes values in one row, not .*Flatten"),
        (layers.Add(), [(5,), (4,)], "Add takes two inputs of the same shape"),
        (layers.Concatenate(), [(5, 4, 1), (4, 4, 1)], "differ only along axis 2"),
        (layers.Concatenate(3), [(5, 4, 1), (4, 4, 1)], "axis is 3"),
        (layers.Slice(rows=(5, None)), [(5, 4, 1)], "Slice leaves nothing"),
        (layers.Mean((0,)), [(5, 4, 1)], "leaves other axes"),
        (layers.Mean((3,)), [(5, 4, 1)], "axes is"),
        (layers.Softmax(), [(5, 4, 1)], "Softmax takes values in one row"),
        (layers.Cosines(2), [(5, 4, 1)], "Cosines takes values in one row"),
    ],
)
def test_what_does_not_fit_is_said(layer: Part, shapes: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        layer.build(shapes, generator())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [lambda: layers.Dropout(1.0), lambda: layers.LeakyReLU(1.5)])
def test_hyperparameters_out_of_range_are_refused(make: Callable[[], Part]) -> None:
    with pytest.raises(DataError):
        make()


# Networks


def branched() -> Network:
    """Branches that part and meet: a residual, a concatenation, and a node that is used three times."""
    network = Network(Input((6, 5, 2)), generator())
    stem = network.add(layers.Conv2D(4, (3, 3)), name="stem")
    norm = network.add(layers.BatchNorm())
    left = network.add(layers.Tanh(), norm)
    right = network.add(layers.DepthwiseConv2D((3, 1)), norm)
    total = network.add(layers.Add(), left, right)
    joined = network.add(layers.Concatenate(), total, stem, norm)
    network.add(layers.Sigmoid(), joined)
    network.add(layers.AveragePool())
    network.add(layers.Flatten())
    network.add(layers.Dense(3), name="dense")
    return network


def test_gradients_of_a_network_with_branches_equal_finite_differences() -> None:
    network, rng = branched().astype(np.float64), generator()
    x, weighting = rng.normal(size=(3, 6, 5, 2)), rng.normal(size=(3, 3))
    at_stem = rng.normal(size=(3, 6, 5, 4))

    def loss() -> float:
        outputs = network.forward(x, training=True)
        stem = network.values(x, training=True)["stem"].transpose(3, 1, 2, 0)
        return float((outputs * weighting).sum() + (stem * at_stem).sum())

    loss()
    network.backward(weighting, {"stem": at_stem})
    analytic = {name: value.copy() for name, value in network.gradients().items()}
    assert analytic.keys() == network.parameters().keys()
    for name, value in network.parameters().items():
        np.testing.assert_allclose(analytic[name], differences(loss, value), rtol=1e-6, atol=1e-7, err_msg=name)


def test_parameters_are_named_by_node_and_restored_in_place() -> None:
    network = branched()
    assert {"stem.weights", "norm_1.gamma", "dense.bias"} <= network.parameters().keys()
    kept, arrays = network.arrays(), network.parameters()
    before = network.forward(np.ones((2, 6, 5, 2), np.float32)).copy()
    for value in arrays.values():
        value += 1
    assert (network.forward(np.ones((2, 6, 5, 2), np.float32)) != before).any()
    network.restore(kept)
    assert all(value is arrays[name] for name, value in network.parameters().items())
    assert (network.forward(np.ones((2, 6, 5, 2), np.float32)) == before).all()
    with pytest.raises(KeyError):
        network.restore({name: value for name, value in kept.items() if name != "dense.bias"})


def test_a_copy_of_a_network_shares_nothing() -> None:
    network = branched()
    x = np.ones((2, 6, 5, 2), np.float32)
    before = network.forward(x, training=True).copy()
    other = copy.deepcopy(network)
    for value in (other.parameters() | other.state()).values():
        value += 1
    assert (other.forward(x) != before).any()
    assert (network.forward(x, training=True) == before).all()


def test_gradients_are_written_into_the_same_arrays() -> None:
    network = branched()
    x = generator().normal(size=(2, 6, 5, 2)).astype(np.float32)
    kept = {}
    for _ in range(2):
        network.backward(np.ones_like(network.forward(x, training=True)))
        found = network.gradients()
        assert not kept or all(value is kept[name] for name, value in found.items())
        kept = found


def test_what_is_not_reached_has_the_gradient_zero() -> None:
    network = Network(Input((3,)), generator())
    network.add(layers.Dense(2), "input", name="idle")
    network.add(layers.Dense(2), "input", name="used")
    network.backward(np.ones_like(network.forward(np.ones((1, 3), np.float32), training=True)))
    assert (network.gradients()["idle.weights"] == 0).all()
    assert (network.gradients()["used.weights"] == 1).all()


def test_inputs_of_all_kinds_are_the_same_numbers() -> None:
    sound = Input.sound(4, 3)
    counts = np.arange(-6, 6, dtype=np.int8).reshape(1, 4, 3)
    assert (sound.real(counts, np.float64) == (counts.reshape(1, 4, 3, 1) + 128.0) * (666 / 256 / 25.6)).all()
    picture = Input.picture(2, 2, 3)
    pixels = np.arange(0, 240, 20, dtype=np.uint8).reshape(1, 2, 2, 3)
    signed = (pixels.astype(int) - 128).astype(np.int8)
    assert (picture.real(pixels, np.float32) == picture.real(signed, np.float32)).all()
    assert picture.real(pixels, np.float32)[0, 0, 0, 0] == -1
    for input, given, message in [
        (sound, np.zeros((1, 4, 4), np.int8), r"takes examples of shape \(4, 3, 1\), not \(4, 4\)"),
        (sound, np.zeros((1, 4, 3), np.int16), "takes int8, uint8 or floats, not int16"),
        (Input((3,)), np.zeros((1, 3), np.int8), "takes floats, not int8"),
    ]:
        with pytest.raises(DataError, match=message):
            input.real(given, np.float32)


def test_a_prediction_of_many_is_that_of_each() -> None:
    network = branched()
    x = generator().normal(size=(130, 6, 5, 2)).astype(np.float32)
    found = network.predict(x)
    assert found.shape == (130, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found[77:78], network.predict(x[77:78]), atol=1e-6)
    assert network.predict(x[:0]).shape == (0, 3)
    network.head = "sigmoid"
    np.testing.assert_allclose(network.predict(x[:2]), 1 / (1 + np.exp(-network.forward(x[:2]))), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "inputs", "message"),
    [
        ("stem", (), "another one has that name"),
        ("a.b", (), "a dot in it"),
        ("next", ("nowhere",), "next: there is no node nowhere before it, only input, stem"),
        ("next", ("input",), r"next: Dense takes values in one row"),
    ],
)
def test_nodes_that_cannot_be_are_named(name: str, inputs: tuple[str, ...], message: str) -> None:
    network = Network(Input((6, 5, 2)), generator())
    network.add(layers.Conv2D(4, (3, 3)), name="stem")
    with pytest.raises(DataError, match=message):
        network.add(layers.Dense(2), *inputs, name=name)
