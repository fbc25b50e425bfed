"""The architectures: what they are made of, that they learn, and that they become programs that compute what they did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from watchword import chips, compile, reference
from watchword.description import Description
from watchword.errors import DataError
from watchword.train.architectures import (
    ARCHITECTURES,
    Architecture,
    Autoencoder,
    DsCnn,
    Linear,
    MixedDepthwise,
    Mlp,
    MobileNet,
    ResNet,
    anomaly_score,
)
from watchword.train.losses import CrossEntropy, Loss, MeanSquaredError
from watchword.train.network import Input, Network
from watchword.train.optimizers import Adam
from watchword.train.quantize import quantize


@dataclass(frozen=True)
class Case:
    """macs: of the int8 graph. parameters: learnt numbers. embedding: its node and shape. too_large: for these chips."""

    architecture: Architecture
    input: Input
    outputs: int
    macs: int
    parameters: int
    embedding: tuple[str, tuple[int, ...]]
    rate: float = 0.003
    too_large: tuple[str, ...] = ()


CASES = {
    "ds_cnn": Case(DsCnn(), Input.sound(49, 40), 12, 2_976_768, 25_740, ("block_4", (25, 5, 64))),
    "ds_cnn, MLPerf Tiny": Case(
        DsCnn(64, (10, 4), (2, 2)), Input((49, 10, 1)), 12, 2_656_768, 23_180, ("block_4", (25, 5, 64))
    ),
    "linear": Case(Linear(), Input((20,)), 3, 60, 63, ("", ()), 0.1),
    "mlp": Case(Mlp((32, 16), "tanh", 0.1, True), Input.sound(8, 5), 3, 1_840, 1_939, ("hidden_2", (16,))),
    "mixed_depthwise": Case(MixedDepthwise(), Input.sound(49, 40), 12, 348_000, 30_444, ("block_3", (5, 1, 64))),
    "mobilenet_v1": Case(MobileNet(), Input.picture(96, 96, 3), 2, 7_489_664, 213_586, ("block_13", (3, 3, 256))),
    "resnet": Case(ResNet(), Input.picture(32, 32, 3), 10, 12_501_632, 77_946, ("block_3", (8, 8, 64)), too_large=("rp2040",)),
    "resnet, half as wide": Case(ResNet((8, 16, 32)), Input.picture(32, 32, 3), 10, 3_236_160, 19_906, ("block_3", (8, 8, 32))),
    "autoencoder": Case(Autoencoder(), Input((640,)), 640, 264_192, 266_896, ("code", (8,))),
}
EXAMPLES = 24


def made(case: Case) -> Network:
    return case.architecture.network(case.input, case.outputs, np.random.default_rng(1))


def material(case: Case) -> tuple[NDArray[Any], NDArray[Any], Loss]:
    """Inputs, targets that they tell, and a loss."""
    rng = np.random.default_rng(2)
    if case.outputs > 100:
        inputs = (rng.normal(size=(EXAMPLES, 3)) @ rng.normal(size=(3, *case.input.shape))).astype(np.float32)
        return inputs, inputs, MeanSquaredError()
    targets = rng.integers(0, case.outputs, EXAMPLES)
    patterns = rng.normal(0, 50, (case.outputs, *case.input.shape))
    noisy = patterns[targets] + rng.normal(0, 20, (EXAMPLES, *case.input.shape))
    if case.input.scale is None:
        return (noisy / 50).astype(np.float32), targets, CrossEntropy()
    return noisy.clip(-128, 127).astype(np.int8), targets, CrossEntropy()


def test_every_architecture_has_a_case() -> None:
    assert {type(case.architecture) for case in CASES.values()} == set(ARCHITECTURES.values())


@pytest.mark.parametrize("name", CASES)
def test_it_is_made_of_what_its_papers_say(name: str) -> None:
    case = CASES[name]
    network = made(case)
    assert sum(value.size for value in network.parameters().values()) == case.parameters
    assert network.output.shape == (case.outputs,)
    node, shape = case.embedding
    assert network.embedding == node
    assert node == "" or next(one.shape for one in network.nodes if one.name == node) == shape


@pytest.mark.parametrize("name", CASES)
def test_it_learns_and_becomes_programs(name: str) -> None:
    case = CASES[name]
    network, adam = made(case), Adam()
    inputs, targets, loss = material(case)
    values = []
    for _ in range(12):
        value, gradient = loss(network.forward(inputs, training=True), targets)
        network.backward(gradient)
        adam.step(network.parameters(), network.gradients(), case.rate)
        values.append(value)
    assert values[-1] < 0.7 * values[0]
    for node in network.nodes:  # running means, as after some hundred steps
        if "mean" in node.layer.state:
            node.layer.MOMENTUM = 0.0
    network.forward(inputs, training=True)

    result = quantize(network, inputs, "model")
    assert result.macs == case.macs
    x = inputs
    if x.dtype != np.int8:
        x = np.clip(np.rint(x / result.input.scale[0]) + result.input.zero_point, -128, 127).astype(np.int8)
    exact = network.predict(inputs)
    y = reference.run(result, x.reshape(len(x), *case.input.shape)).reshape(exact.shape)
    found = (y.astype(np.float64) - result.output.zero_point) * result.output.scale[0]
    assert np.sqrt(np.mean((found - exact) ** 2)) < 0.15 * exact.std()

    labels = tuple(str(number) for number in range(case.outputs))
    description = Description(name="model", labels=labels, kind="tensor", embedding=case.embedding[0])
    for target in ("unix", "rp2040"):
        if target in case.too_large:
            with pytest.raises(compile.TooLargeError, match=f"{target} has"):
                compile.compile(result, description, chips.named(target))
            continue
        program = compile.compile(result, description, chips.named(target))
        assert (reference.run(program.graph, x[:2].reshape(2, *case.input.shape)).reshape(2, -1) == y[:2]).all()
        assert len(program.content) > 1000


def test_the_embedding_of_a_graph_is_the_node_of_the_network() -> None:
    case = CASES["mixed_depthwise"]
    network = made(case)
    result = quantize(network, material(case)[0])
    tensor = next(op.output for op in result.operations if op.output.name == network.embedding)
    assert tensor.shape == (1, 5, 1, 64)


def test_linear_regression_finds_the_least_squares_solution() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(50, 3))
    y = x @ np.array([1.0, -2.0, 0.5]) + 3 + rng.normal(0, 0.1, 50)
    network = Linear().network(Input((3,)), 1, rng).astype(np.float64)
    network.head = "none"
    for _ in range(500):
        _, gradient = MeanSquaredError()(network.forward(x, training=True), y)
        network.backward(gradient)
        for name, value in network.parameters().items():
            value -= 0.1 * network.gradients()[name]
    expected = np.linalg.lstsq(np.column_stack([x, np.ones(50)]), y, rcond=None)[0]
    np.testing.assert_allclose(network.parameters()["dense.weights"][0], expected[:3], atol=1e-8)
    np.testing.assert_allclose(network.predict(x)[:, 0], np.column_stack([x, np.ones(50)]) @ expected, atol=1e-8)


def test_an_autoencoder_finds_what_is_unlike_its_examples() -> None:
    rng = np.random.default_rng(4)
    basis = rng.normal(size=(3, 40))
    usual = (rng.normal(size=(256, 3)) @ basis).astype(np.float32)
    strange = (rng.normal(size=(64, 40)) * usual.std()).astype(np.float32)
    network, adam = Autoencoder((32,), 6).network(Input((40,)), 40, rng), Adam()
    for _ in range(300):
        _, gradient = MeanSquaredError()(network.forward(usual, training=True), usual)
        network.backward(gradient)
        adam.step(network.parameters(), network.gradients(), 0.01)
    scores = [anomaly_score(x, network.predict(x)) for x in (usual, strange)]
    assert np.quantile(scores[0], 0.95) < np.quantile(scores[1], 0.05)
    result = quantize(network, usual)
    for x, exact in zip((usual, strange), scores, strict=True):
        q = np.clip(np.rint(x / result.input.scale[0]) + result.input.zero_point, -128, 127).astype(np.int8)
        y = (reference.run(result, q).astype(float) - result.output.zero_point) * result.output.scale[0]
        assert anomaly_score(x, y).mean() == pytest.approx(exact.mean(), rel=0.25, abs=0.05)
    with pytest.raises(DataError, match="of the same size"):
        anomaly_score(usual, strange)


def test_mixed_kernels_all_end_with_the_newest_frame() -> None:
    """A change of the newest frame reaches the last place of every part, one of the oldest frame the first alone."""
    architecture = MixedDepthwise(first_channels=6, first_kernel=3, stride=1, kernels=((3, 7),), channels=(4,), residual=(1,))
    network = architecture.network(Input((20, 5, 1)), 2, np.random.default_rng(1))
    x = np.random.default_rng(2).normal(size=(1, 20, 5, 1)).astype(np.float32)
    before = network.values(x)
    kept = {name: before[name].copy() for name in ("block_1/filtered_1", "block_1/filtered_2", "block_1")}
    for frame, place in ((-1, -1), (0, 0)):
        changed = x.copy()
        changed[0, frame] += 1
        after = network.values(changed)
        for name in ("block_1/filtered_2", "block_1"):
            moved = np.flatnonzero(np.abs(after[name] - kept[name]).max(axis=(0, 2, 3)))
            assert set(moved) <= {place % kept[name].shape[1]}
    assert kept["block_1/filtered_1"].shape[1] == kept["block_1/filtered_2"].shape[1] == 12


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DsCnn(channels=0), "channels is 0: it is between 1 and 1024"),
        (lambda: DsCnn(kernel=(10, 80)), "kernel is 80: it is between 1 and 64"),
        (lambda: Mlp(units=(0,)), "units is 0"),
        (lambda: Mlp(dropout=1), "dropout is 1"),
        (lambda: MixedDepthwise(kernels=((3,),)), "one entry for each block"),
        (lambda: MixedDepthwise(kernels=((),), channels=(8,), residual=(0,)), "a block without a kernel"),
        (lambda: MobileNet(width=3), "width is 3"),
        (lambda: ResNet(channels=(16, 0)), "channels is 0"),
        (lambda: Autoencoder(code=0), "code is 0"),
        (
            lambda: made(Case(MobileNet(), Input((20,)), 2, 0, 0, ("", ()))),
            r"stem/conv: Conv2D takes \(height, width, channels\)",
        ),
        (lambda: made(Case(Autoencoder(), Input((20,)), 3, 0, 0, ("", ()))), "cannot have 3 outputs"),
        (
            lambda: made(
                Case(MixedDepthwise(kernels=((3,) * 40,), channels=(8,), residual=(0,)), Input.sound(49, 40), 2, 0, 0, ("", ()))
            ),
            "40 of them cannot share 32 channels",
        ),
    ],
)
def test_what_cannot_be_built_is_said(make: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        make()
