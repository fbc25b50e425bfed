"""The networks of this trainer in PyTorch: `/usr/bin/python3 torch_peer.py FOLDER`, for tests/bench/test_torch.py.

FOLDER has network.json (nodes in order, see `test_torch.told`) and arrays.npz (parameters, inputs, targets); it gets peer.npz
with the loss and the gradients, and peer.json with the seconds of a step by 1 and 2 threads. It needs nothing of this project,
as it runs in the system's Python, where Debian has PyTorch.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional


def forward(nodes: list[dict[str, Any]], parameters: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    values = {"input": x}
    for node in nodes:
        taken = [values[name] for name in node["inputs"]]

        def own(name: str, node: dict[str, Any] = node) -> torch.Tensor | None:
            return parameters.get(f"{node['name']}.{name}")

        kind, first = node["kind"], taken[0]
        if kind in ("conv", "depthwise"):
            if any(node["padding"]):
                first = functional.pad(first, node["padding"])
            groups = first.shape[1] if kind == "depthwise" else 1
            y = functional.conv2d(
                first, own("weights"), own("bias"), stride=node["stride"], dilation=node["dilation"], groups=groups
            )
        elif kind == "dense":
            y = functional.linear(first, own("weights"), own("bias"))
        elif kind == "norm":
            y = functional.batch_norm(first, None, None, own("gamma"), own("beta"), training=True, eps=1e-3)
        elif kind == "relu":
            y = functional.relu(first)
        elif kind == "add":
            y = first + taken[1]
        elif kind == "concatenate":
            y = torch.cat(taken, dim=1)
        elif kind == "slice":
            rows, columns, channels = (slice(*pair) for pair in node["ranges"])
            y = first[:, channels, rows, columns]
        elif kind == "average_pool":
            y = first.mean(dim=(2, 3), keepdim=True)
        elif kind == "flatten":
            y = first.permute(0, 2, 3, 1).flatten(1) if first.dim() == 4 else first
        else:
            raise ValueError(kind)
        values[node["name"]] = y
    return y


def main(folder: Path) -> None:
    told = json.loads((folder / "network.json").read_text())
    arrays = np.load(folder / "arrays.npz")
    convolutions = {node["name"]: node["kind"] for node in told["nodes"]}
    parameters, layouts = {}, {}
    for name in told["parameters"]:
        value, layout = arrays[name], (0, 1, 2, 3)
        if value.ndim == 4:  # (out, h, w, in) or (1, h, w, channels), there (out, in, h, w) or (channels, 1, h, w)
            layout = (3, 0, 1, 2) if convolutions[name.rpartition(".")[0]] == "depthwise" else (0, 3, 1, 2)
            value = value.transpose(layout)
        layouts[name] = layout
        parameters[name] = torch.tensor(np.ascontiguousarray(value), requires_grad=True)
    x = arrays["inputs"]
    x = torch.tensor(np.ascontiguousarray(x.transpose(0, 3, 1, 2) if x.ndim == 4 else x))
    targets = torch.tensor(arrays["targets"])

    def step() -> torch.Tensor:
        for parameter in parameters.values():
            parameter.grad = None
        outputs = forward(told["nodes"], parameters, x)
        loss = (functional.cross_entropy if targets.dtype == torch.int64 else functional.mse_loss)(outputs, targets)
        loss.backward()
        return loss

    torch.set_num_threads(1)
    loss = step()
    gradients = {}
    for name, parameter in parameters.items():
        gradient = parameter.grad.numpy()
        gradients[name] = gradient.transpose(np.argsort(layouts[name])) if gradient.ndim == 4 else gradient
    np.savez(folder / "peer.npz", loss=loss.detach().numpy(), **gradients)
    seconds = {}
    for threads in told["threads"]:
        torch.set_num_threads(threads)
        clock = time.process_time if threads == 1 else time.perf_counter
        step()
        times: list[float] = []
        while len(times) < told["steps"] and sum(times) < told["seconds"]:
            start = clock()
            step()
            times.append(clock() - start)
        seconds[str(threads)] = min(times)
    (folder / "peer.json").write_text(json.dumps({"version": torch.__version__, "seconds": seconds}))


main(Path(sys.argv[1]))
