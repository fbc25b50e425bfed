"""The trainer's step beside PyTorch's: the same gradients, and samples per second. Writes train.md.

PyTorch is Debian's python3-torch, for the system's Python, where it runs in a process of its own (torch_peer.py).
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from watchword.train.architectures import Architecture, Autoencoder, DsCnn, MixedDepthwise, MobileNet, ResNet
from watchword.train.layers import Conv2D, DepthwiseConv2D, Part, Slice
from watchword.train.losses import CrossEntropy, MeanSquaredError
from watchword.train.network import Input, Network

PYTHON = "/usr/bin/python3"
BATCH = 64
STEPS = 8
SECONDS = 4.0  # after which a measurement ends with fewer of them
IDLE = 0.7  # the load below which two threads are measured: they wait for each other, and so for what else runs


@dataclass(frozen=True)
class Case:
    name: str
    architecture: Architecture
    shape: tuple[int, ...]
    outputs: int


CASES = (
    Case("DS-CNN, 49x10", DsCnn(64, (10, 4), (2, 2)), (49, 10, 1), 12),
    Case("DS-CNN, 49x40, as models/keywords", DsCnn(), (49, 40, 1), 12),
    Case("DS-CNN, 49x40, stride 2x2", DsCnn(64, (10, 4), (2, 2)), (49, 40, 1), 12),
    Case(
        "mixed depthwise, 194x40, as microWakeWord",
        MixedDepthwise(32, 5, 3, ((5,), (7, 11), (9, 15), (23,)), (64,) * 4, (0,) * 4),
        (194, 40, 1),
        2,
    ),
    Case("MobileNetV1-0.25, 96x96", MobileNet(), (96, 96, 3), 2),
    Case("ResNet-8, 32x32", ResNet(), (32, 32, 3), 10),
    Case("autoencoder, 640", Autoencoder(), (640,), 640),
)

HEADER = """\
# A training step beside PyTorch

`make bench` writes this. A step is forward, loss and backward of a batch of {batch} in float32, without the optimizer; its time
is the best of {steps}, or of as many as {seconds:.0f} seconds had room for. Samples per second by BLAS threads here, by threads
of PyTorch {version} (Debian's) there; the share is of the best of each. One thread is measured by processor time, two by the
clock, and only where the machine is idle. {machine}.

Gradients: the greatest difference between both, in double precision, as a part of the greatest gradient of that parameter.
Debian's PyTorch is built with a generic BLAS, which its dense layers show.

"""


def made(case: Case, dtype: type[np.floating[Any]]) -> tuple[Network, np.ndarray, np.ndarray]:
    """A network, inputs and targets."""
    rng = np.random.default_rng(1)
    network = case.architecture.network(Input(case.shape), case.outputs, rng).astype(dtype)
    inputs = rng.normal(size=(BATCH, *case.shape)).astype(dtype)
    targets = inputs if case.outputs == case.shape[0] else rng.integers(0, case.outputs, BATCH)
    return network, inputs, targets


def told(network: Network) -> list[dict[str, Any]]:
    """The nodes of a network, for torch_peer.py."""
    shapes = {"input": network.input.shape} | {node.name: node.shape for node in network.nodes}
    return [
        {"name": node.name, "kind": node.layer.kind, "inputs": node.inputs, **options(node.layer, shapes[node.inputs[0]])}
        for node in network.nodes
    ]


def options(layer: Part, shape: tuple[int, ...]) -> dict[str, Any]:
    if isinstance(layer, Conv2D | DepthwiseConv2D):
        rows, columns = layer.window.extents(*shape[:2])
        padding = (columns.before, columns.after, rows.before, rows.after)
        return {"padding": padding, "stride": layer.window.stride, "dilation": layer.window.dilation}
    if isinstance(layer, Slice):
        picked = (layer.rows, layer.columns, layer.channels)
        return {"ranges": [pick or (0, None) for pick in picked]}
    return {}


def step(network: Network, inputs: np.ndarray, targets: np.ndarray) -> float:
    loss = MeanSquaredError() if targets.dtype == inputs.dtype else CrossEntropy()
    value, gradient = loss(network.forward(inputs, training=True), targets)
    network.backward(gradient)
    return value


def seconds(case: Case, all_threads: tuple[int, ...]) -> dict[int, float]:
    """Of a step, by BLAS threads."""
    network, inputs, targets = made(case, np.float32)
    found = {}
    for threads in all_threads:
        clock = time.process_time if threads == 1 else time.perf_counter
        with threadpool_limits(threads, user_api="blas"):
            step(network, inputs, targets)
            times: list[float] = []
            while len(times) < STEPS and sum(times) < SECONDS:
                start = clock()
                step(network, inputs, targets)
                times.append(clock() - start)
        found[threads] = min(times)
    return found


def peer(
    folder: Path, network: Network, inputs: np.ndarray, targets: np.ndarray, threads: tuple[int, ...] = ()
) -> dict[str, Any]:
    """What torch_peer.py says of a network, and its gradients."""
    folder.mkdir(exist_ok=True)
    parameters = network.parameters()
    about = {"nodes": told(network), "parameters": list(parameters), "threads": threads, "steps": STEPS, "seconds": SECONDS}
    (folder / "network.json").write_text(json.dumps(about))
    np.savez(folder / "arrays.npz", inputs=inputs, targets=targets, **parameters)
    script = Path(__file__).parent / "torch_peer.py"
    done = subprocess.run([PYTHON, str(script), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads((folder / "peer.json").read_text())
    return answer | {"gradients": dict(np.load(folder / "peer.npz"))}


@pytest.fixture(scope="module", autouse=True)
def torch() -> None:
    found = subprocess.run([PYTHON, "-c", "import torch"], capture_output=True, check=False) if Path(PYTHON).exists() else None
    if found is None or found.returncode:
        pytest.skip(f"{PYTHON} has no PyTorch: apt-get install --no-install-recommends python3-torch")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_gradients_are_pytorchs(case: Case, tmp_path: Path) -> None:
    """In double precision, so that what differs is a fault and not rounding."""
    assert difference(case, tmp_path) < 1e-5


def difference(case: Case, folder: Path) -> float:
    network, inputs, targets = made(case, np.float64)
    value = step(network, inputs, targets)
    found = peer(folder, network, inputs, targets)["gradients"]
    assert value == pytest.approx(float(found.pop("loss")), rel=1e-9)
    assert found.keys() == network.gradients().keys()
    # Some gradients are 0 by themselves, as of what a batch normalization takes off again.
    least = 1e-6 * max(np.abs(wanted).max() for wanted in found.values())
    return max(
        float(np.abs(network.gradients()[name] - wanted).max() / max(np.abs(wanted).max(), least))
        for name, wanted in found.items()
    )


def test_samples_per_second(root: Path, tmp_path: Path) -> None:
    load = os.getloadavg()[0]
    all_threads = (1, 2) if load < IDLE else (1,)
    rows, version = [], ""
    for number, case in enumerate(CASES):
        network, inputs, targets = made(case, np.float32)
        theirs = peer(tmp_path / str(number), network, inputs, targets, all_threads)
        version = theirs["version"]
        both = [
            {threads: BATCH / taken for threads, taken in found.items()}
            for found in (seconds(case, all_threads), {one: theirs["seconds"][str(one)] for one in all_threads})
        ]
        cells = [f"{rates[one]:,.0f}" if one in rates else "not idle" for rates in both for one in (1, 2)]
        share = max(both[0].values()) / max(both[1].values())
        off = difference(case, tmp_path / f"{number}-gradients")
        rows.append(f"| {case.name} | {' | '.join(cells)} | {share:.2f} | {off:.0e} |")
        print(rows[-1], flush=True)
    lines = [
        "| network | here, 1 thread | 2 threads | PyTorch, 1 thread | 2 threads | share | gradients |",
        "|-|-:|-:|-:|-:|-:|-:|",
        *rows,
    ]
    text = HEADER.format(batch=BATCH, steps=STEPS, seconds=SECONDS, version=version, machine=machine(load))
    (root / "tests/bench/train.md").write_text(text + "\n".join(lines) + "\n")


def machine(load: float) -> str:
    found = [line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return f"Here {len(found)} cores of {found[0]}, with a load of {load:.1f} before"
