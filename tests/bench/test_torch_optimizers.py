"""Optimizers against PyTorch's, where formulas agree; PyTorch is that of the system's python3, Debian's python3-torch."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from watchword.train.optimizers import Adam, AdamW, Momentum, Nesterov, Optimizer, RmsProp, Sgd

PYTHON = Path("/usr/bin/python3")
RATE, STEPS, SIZE = 0.03, 50, 12

# PyTorch's momentum is v <- γv + g: ours at the rate α is its at α (1 - γ).
PAIRS: dict[str, tuple[Callable[[], Optimizer], str]] = {
    "sgd": (Sgd, f"SGD([x], lr={RATE})"),
    "momentum": (lambda: Momentum(0.9), f"SGD([x], lr={RATE} * (1 - 0.9), momentum=0.9)"),
    "nesterov": (lambda: Nesterov(0.9), f"SGD([x], lr={RATE} * (1 - 0.9), momentum=0.9, nesterov=True)"),
    "rmsprop": (lambda: RmsProp(0.9), f"RMSprop([x], lr={RATE}, alpha=0.9, eps=1e-8)"),
    "adam": (Adam, f"Adam([x], lr={RATE})"),
    "adamw": (lambda: AdamW(weight_decay=0.1), f"AdamW([x], lr={RATE}, weight_decay=0.1)"),
}

SCRIPT = """
import json, sys, torch
start, gradients, makers = json.load(sys.stdin)
for name, maker in makers.items():
    x = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    made = eval("torch.optim." + maker)
    for gradient in gradients:
        x.grad = torch.tensor(gradient, dtype=torch.float64)
        made.step()
    print(json.dumps([name, x.tolist()]))
"""


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Where all of them start, and the gradients of each step."""
    rng = np.random.default_rng(6)
    return rng.normal(size=(SIZE, 2)), rng.normal(size=(STEPS, SIZE, 2))


@pytest.fixture(scope="module")
def torch(drawn: tuple[np.ndarray, np.ndarray]) -> dict[str, list[list[float]]]:
    """Where PyTorch's end."""
    if not PYTHON.exists() or subprocess.run([PYTHON, "-c", "import torch"], capture_output=True).returncode:
        pytest.skip("PyTorch is not installed for the system's python3: apt-get install python3-torch")
    asked = json.dumps([drawn[0].tolist(), drawn[1].tolist(), {name: maker for name, (_, maker) in PAIRS.items()}])
    done = subprocess.run([PYTHON, "-c", SCRIPT], input=asked, capture_output=True, text=True, check=True)
    return dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.mark.parametrize("name", PAIRS)
def test_an_optimizer_goes_where_that_of_pytorch_goes(
    drawn: tuple[np.ndarray, np.ndarray], torch: dict[str, list[list[float]]], name: str
) -> None:
    parameters, made = {"x": drawn[0].copy()}, PAIRS[name][0]()
    for gradient in drawn[1]:
        made.step(parameters, {"x": gradient}, RATE)
    assert parameters["x"] == pytest.approx(np.array(torch[name]), rel=1e-10, abs=1e-12)
