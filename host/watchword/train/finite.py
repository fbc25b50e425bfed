"""Where a number first became infinite or NaN: told in one line, with what may be done."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword.errors import DataError
from watchword.train.layers import Array
from watchword.train.network import Network

_MEND = "a lower training.rate, a warm_up or a clip keeps them small"


def require_inputs(inputs: NDArray[Any], where: str) -> None:
    """DataError: an input is infinite or NaN. where: of what they are, to say."""
    if inputs.dtype.kind != "f" or np.isfinite(inputs).all():
        return
    place = tuple(int(index) for index in np.argwhere(~np.isfinite(inputs))[0])
    raise DataError(
        f"{where}: the inputs of example {place[0] + 1} have {_shown(float(inputs[place]))} at {place[1:]}: mend or leave out "
        "that example"
    )


def told(network: Network, inputs: NDArray[Any], loss: float, where: str) -> str:
    """What to say of a loss that is not finite: the layer of whose parameters or outputs the first is not."""
    return f"{where}: the loss is {_shown(loss)}, first {_origin(network, inputs)}: {_MEND}"


def told_of_gradients(gradients: Mapping[str, Array], where: str) -> str:
    """What to say of gradients of which one is not finite. They come from the last layer to the first."""
    name, value = next((name, value) for name, value in reversed([*gradients.items()]) if not np.isfinite(value).all())
    return f"{where}: the gradient of {_parameter(name)} is {_first(value)}: {_MEND}"


def told_of_validation(network: Network, loss: float, epoch: int) -> str:
    """What to say of a validation loss that is not finite."""
    found = _unfit(network.parameters() | network.state())
    return f"epoch {epoch}: the validation loss is {_shown(loss)}{f', from {found}' if found else ''}: {_MEND}"


def _origin(network: Network, inputs: NDArray[Any]) -> str:
    if found := _unfit(network.parameters()):
        return f"in {found}"
    for name, output in network.values(inputs, training=True).items():
        if not np.isfinite(output).all():
            return f"in the output of layer {name}, which has {_first(output)}"
    return "in the loss itself"


def _unfit(arrays: Mapping[str, Array]) -> str:
    for name, value in arrays.items():
        if not np.isfinite(value).all():
            return f"{_parameter(name)}, which has {_first(value)}"
    return ""


def _parameter(name: str) -> str:
    layer, _, parameter = name.rpartition(".")
    return f"{parameter} of layer {layer}"


def _first(values: Array) -> str:
    return _shown(float(values[~np.isfinite(values)][0]))


def _shown(value: float) -> str:
    return "NaN" if math.isnan(value) else "infinity" if value > 0 else "-infinity"
