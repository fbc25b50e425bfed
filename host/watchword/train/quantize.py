"""Post-training quantization: turns a float network into the int8 graph, with per-channel weights.

First the network is folded: batch normalization goes into the layer before it, ReLU becomes its fused activation, and what only
training needs is left out. Then each layer makes its own operation (`Part.operations`). The ranges of activations come from
calibration inputs, those of weights from the weights.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword import graph
from watchword.errors import ModelError
from watchword.graph import Tensor
from watchword.train.layers import Layer, Sigmoid, Softmax
from watchword.train.layers.int8 import Range, activation, activation_scale
from watchword.train.network import INPUT, Network, Node

_BATCH = 64  # calibration clips at once


def fold(network: Network) -> Network:
    """A network that computes the same in use, of fewer layers; nodes have the name of the last layer that went into them.

    What only shapes training at the end of a network is left out, too: an L2 normalization, which the int8 graph has not, as
    who compares embeddings divides by their lengths; and the cosines that a loss is made of.
    """
    kept = list(network.nodes)
    while kept and (kept[-1].layer.training_head or kept[-1].layer.training_only):
        kept.pop()
    network = network.with_nodes(kept)
    made: dict[str, Node] = {}
    became = {INPUT: INPUT}
    for node in kept:
        inputs = tuple(became[name] for name in node.inputs)
        before = made.get(inputs[0])
        became[node.name] = node.name
        if node.layer.training_only:
            became[node.name] = inputs[0]
            continue
        alone = len(network.consumers(node.inputs[0])) == 1 and node.inputs[0] != network.embedding
        if before is not None and alone and isinstance(node.layer, Layer):
            both = before.layer.absorb(node.layer)
            if both is not None:
                del made[before.name]
                made[node.name] = dataclasses.replace(before, name=node.name, layer=both, shape=node.shape)
                continue
        made[node.name] = dataclasses.replace(node, layer=node.layer.copied(), inputs=inputs)
    folded = network.with_nodes(list(made.values()))
    folded.embedding = became.get(network.embedding, "")
    return folded


def quantize(network: Network, calibration: NDArray[Any], name: str = "model") -> graph.Graph:
    """Quantize a network and its head to an int8 graph, whose tensors are called as the nodes.

    calibration: inputs as in use, (examples, ...); a few hundred are enough. ModelError: the int8 graph has no such layer.
    """
    folded = fold(network)
    heads = {"softmax": Softmax, "sigmoid": Sigmoid}
    if network.head in heads:
        folded.add(heads[network.head](), name="scores")
    tensors = _tensors(folded, calibration)
    operations = []
    for node in folded.nodes:
        operations += node.layer.operations([tensors[one] for one in node.inputs], tensors[node.name])
    return graph.Graph(name, tensors[INPUT], tensors[folded.output.name], operations)


def _tensors(network: Network, calibration: NDArray[Any]) -> dict[str, Tensor]:
    """The int8 tensors of a folded network's nodes, with scales by what their values are on calibration inputs."""
    ranges = _ranges(network, calibration)
    shapes = {INPUT: network.input.shape} | {node.name: node.shape for node in network.nodes}
    fixed: dict[str, tuple[NDArray[np.float32], int]] = {}
    if network.input.scale is not None:
        fixed[INPUT] = np.array([network.input.scale], np.float32), network.input.zero_point
    group = {name: name for name in shapes}  # nodes of one scale are of the group of one of them
    for node in network.nodes:
        if node.layer.fixed_scale is not None:
            fixed[node.name] = np.array([node.layer.fixed_scale[0]], np.float32), node.layer.fixed_scale[1]
        if not node.layer.keeps_scale:
            continue
        # A concatenation gives its inputs its own scale, but for those whose scale is given: they are rescaled.
        joined = [group[one] for one in node.inputs if len(node.inputs) == 1 or group[one] not in fixed]
        for one in joined:
            group = {name: joined[0] if of == one else of for name, of in group.items()}
        group[node.name] = joined[0] if joined else node.name
    tensors = {}
    for name, shape in shapes.items():
        of = group[name]
        values = [ranges[other] for other in shapes if group[other] == of]
        together = Range(min(low for low, _ in values), max(high for _, high in values))
        tensors[name] = activation(name, shape, *(fixed[of] if of in fixed else activation_scale(together)))
    return tensors


def _ranges(network: Network, calibration: NDArray[Any]) -> dict[str, Range]:
    """The least and greatest value of each node. ModelError: there is nothing to calibrate by, or it is not finite."""
    if not len(calibration):
        raise ModelError("there are no calibration examples: the ranges of activations come from them")
    found: dict[str, Range] = {}
    for start in range(0, len(calibration), _BATCH):
        with np.errstate(all="ignore"):  # what is not finite is named below
            made = network.values(calibration[start : start + _BATCH])
        for name, values in made.items():
            low, high = float(values.min()), float(values.max())
            if not np.isfinite(low) or not np.isfinite(high):
                raise ModelError(f"{name} has values that are not finite on the calibration examples: train with a lower rate")
            before = found.get(name, Range(low, high))
            found[name] = Range(min(low, before.low), max(high, before.high))
    return found
