"""Optimizers: each updates parameters in place from their gradients, and makes no new arrays after its first step.

θ is a parameter, g its gradient, α the learning rate of the step (see `schedules`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np

from watchword.train.layers import Array
from watchword.train.recipe import Training


class Optimizer(ABC):
    """Base of all optimizers.

    slots: names of the arrays that it keeps of each parameter, zeros at first. steps: how many were taken. What `arrays` gives
    is all that another one needs to go on as this one would.
    """

    slots: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.steps = 0
        self._kept: dict[str, tuple[Array, ...]] = {}
        self._scratch: dict[str, tuple[Array, Array]] = {}

    def step(self, parameters: Mapping[str, Array], gradients: Mapping[str, Array], rate: float) -> None:
        """Update the parameters in place. rate: the learning rate α."""
        if parameters.keys() != self._scratch.keys():
            self._prepare(parameters)
        self.steps += 1
        for name, value in parameters.items():
            self.update(value, gradients[name], rate, self._kept[name], self._scratch[name])

    @abstractmethod
    def update(self, value: Array, gradient: Array, rate: float, kept: tuple[Array, ...], scratch: tuple[Array, Array]) -> None:
        """Update one parameter and what is kept of it (`slots`) in place. scratch: two arrays of its shape, to compute in."""

    def arrays(self) -> dict[str, Array]:
        """The arrays that are kept, themselves, as SLOT/PARAMETER."""
        return {
            f"{slot}/{name}": array for name, kept in self._kept.items() for slot, array in zip(self.slots, kept, strict=True)
        }

    def restore(self, steps: int, arrays: Mapping[str, Array]) -> None:
        """Go on from the steps and arrays of another optimizer of the same kind, which are copied."""
        names = dict.fromkeys(name.partition("/")[2] for name in arrays)
        self._kept = {name: tuple(arrays[f"{slot}/{name}"].copy() for slot in self.slots) for name in names}
        self.steps = steps

    def _prepare(self, parameters: Mapping[str, Array]) -> None:
        """Make what is kept of parameters that are new, and room to compute in, which all of one dtype share."""
        sizes: dict[np.dtype[np.floating], int] = {}
        for value in parameters.values():
            sizes[value.dtype] = max(value.size, sizes.get(value.dtype, 0))
        rooms = {dtype: (np.empty(size, dtype), np.empty(size, dtype)) for dtype, size in sizes.items()}
        for name, value in parameters.items():
            if name not in self._kept:
                self._kept[name] = tuple(np.zeros_like(value) for _ in self.slots)
            first, second = rooms[value.dtype]
            self._scratch[name] = first[: value.size].reshape(value.shape), second[: value.size].reshape(value.shape)


class Sgd(Optimizer):
    """Stochastic gradient descent: θ ← θ − αg."""

    def update(self, value: Array, gradient: Array, rate: float, kept: tuple[Array, ...], scratch: tuple[Array, Array]) -> None:
        np.multiply(gradient, rate, out=scratch[0])
        value -= scratch[0]


class Momentum(Optimizer):
    """Gradient descent with momentum, as an exponential average of gradients: v ← γv + (1 − γ)g, θ ← θ − αv.

    Polyak's heavy ball (1964), and PyTorch's SGD, have v ← γv + g: the same with α (1 − γ) for α. decay: γ.
    """

    slots = ("velocity",)

    def __init__(self, decay: float = 0.9) -> None:
        super().__init__()
        self.decay = decay

    def update(self, value: Array, gradient: Array, rate: float, kept: tuple[Array, ...], scratch: tuple[Array, Array]) -> None:
        (velocity,) = kept
        velocity *= self.decay
        velocity += np.multiply(gradient, 1 - self.decay, out=scratch[0])
        value -= np.multiply(velocity, rate, out=scratch[0])


class Nesterov(Momentum):
    """Nesterov's accelerated gradient: momentum whose gradient is taken where the velocity leads to, at θ − αγv.

    v ← γv + (1 − γ)g(θ − αγv), θ ← θ − αv. The parameters here are those points ahead, φ = θ − αγv, as in Bengio et
    al. (arXiv:1212.0901), so that a step needs one gradient, at the parameters themselves:
    v ← γv + (1 − γ)g, φ ← φ − α(γv + (1 − γ)g). decay: γ.
    """

    def update(self, value: Array, gradient: Array, rate: float, kept: tuple[Array, ...], scratch: tuple[Array, Array]) -> None:
        (velocity,) = kept
        fresh, ahead = scratch
        np.multiply(gradient, 1 - self.decay, out=fresh)
        velocity *= self.decay
        velocity += fresh
        np.multiply(velocity, self.decay, out=ahead)
        ahead += fresh
        ahead *= rate
        value -= ahead


class RmsProp(Optimizer):
    """RMSProp (Tieleman and Hinton, Coursera lecture 6e, 2012): s ← ρs + (1 − ρ)g², θ ← θ − αg / (√s + ε). decay: ρ."""

    slots = ("square",)
    EPSILON = 1e-8

    def __init__(self, decay: float = 0.9) -> None:
        super().__init__()
        self.decay = decay

    def update(self, value: Array, gradient: Array, rate: float, kept: tuple[Array, ...], scratch: tuple[Array, Array]) -> None:
        (square,) = kept
        change, root = scratch
        np.multiply(gradient, gradient, out=change)
        change *= 1 - self.decay
        square *= self.decay
        square += change
        np.sqrt(square, out=root)
        root += self.EPSILON
        np.multiply(gradient, rate, out=change)
        change /= root
        value -= change


class Adam(Optimizer):
    """Adam (arXiv:1412.6980): m ← β₁m + (1 − β₁)g, s ← β₂s + (1 − β₂)g², θ ← θ − α m̂ / (√ŝ + ε).

    m̂ = m / (1 − β₁ᵗ) and ŝ = s / (1 − β₂ᵗ) at step t, as m and s begin with 0. decay: β₁; square_decay: β₂.
    """

    slots = ("mean", "square")
    EPSILON = 1e-8

    def __init__(self, decay: float = 0.9, square_decay: float = 0.999) -> None:
        super().__init__()
        self.decay, self.square_decay = decay, square_decay

    def update(self, value: Array, gradient: Array, rate: float, kept: tuple[Array, ...], scratch: tuple[Array, Array]) -> None:
        mean, square = kept
        change, root = scratch
        np.subtract(gradient, mean, out=change)
        change *= 1 - self.decay
        mean += change
        np.multiply(gradient, gradient, out=change)
        change -= square
        change *= 1 - self.square_decay
        square += change
        np.divide(square, 1 - self.square_decay**self.steps, out=root)
        np.sqrt(root, out=root)
        root += self.EPSILON
        np.multiply(mean, rate / (1 - self.decay**self.steps), out=change)
        change /= root
        value -= change


class AdamW(Adam):
    """Adam with weight decay that is apart from the gradient (arXiv:1711.05101): θ ← (1 − αλ)θ before Adam's step.

    Biases and batch normalization's gamma and beta, which have one axis, do not decay. weight_decay: λ.
    """

    def __init__(self, decay: float = 0.9, square_decay: float = 0.999, weight_decay: float = 0.0) -> None:
        super().__init__(decay, square_decay)
        self.weight_decay = weight_decay

    def update(self, value: Array, gradient: Array, rate: float, kept: tuple[Array, ...], scratch: tuple[Array, Array]) -> None:
        if value.ndim > 1:
            value *= 1 - rate * self.weight_decay
        super().update(value, gradient, rate, kept, scratch)


def optimizer(settings: Training) -> Optimizer:
    """The optimizer that a recipe's [training] names."""
    makers: dict[str, Callable[[], Optimizer]] = {
        "sgd": Sgd,
        "momentum": lambda: Momentum(settings.momentum),
        "nesterov": lambda: Nesterov(settings.momentum),
        "rmsprop": RmsProp,
        "adam": lambda: Adam(settings.momentum),
        "adamw": lambda: AdamW(settings.momentum, weight_decay=settings.weight_decay),
    }
    return makers[settings.optimizer]()
