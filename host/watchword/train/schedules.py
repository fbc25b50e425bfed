"""Learning-rate schedules: the rate of each step. Steps count from 0, `steps` is how many there are in all."""

from __future__ import annotations

import math
from collections.abc import Callable

from watchword.train.recipe import Training


def staircase(step: int, peak: float, every: int, factor: float) -> float:
    """The step schedule: the rate is `peak`, and times `factor` again after each `every` steps."""
    return float(peak * factor ** (step // every))


def cosine(step: int, steps: int, peak: float) -> float:
    """Cosine annealing (arXiv:1608.03983, without restarts): from `peak` to nearly 0 along half a cosine."""
    return peak * (1 + math.cos(math.pi * step / steps)) / 2


def one_cycle(step: int, steps: int, peak: float, rise: float = 0.3) -> float:
    """The one-cycle schedule (arXiv:1708.07120): the learning rate at `step` of `steps`.

    It rises from peak / 25 to `peak` within the share `rise` of the steps, then falls to nearly 0, both along half a cosine.
    """
    top = rise * (steps - 1)
    if step < top:
        low, progress = peak / 25, step / top
    else:
        low, progress = peak / 1e4, (steps - 1 - step) / max(1.0, steps - 1 - top)
    return low + (peak - low) * (1 - math.cos(math.pi * progress)) / 2


def schedule(settings: Training, batches: int) -> Callable[[int], float]:
    """The schedule that a recipe's [training] names, of epochs of so many batches.

    Warm-up (arXiv:1706.02677) is linear, up to the peak at its last step; a cosine begins after it.
    """
    steps, peak = settings.epochs * batches, settings.rate
    warm = round(settings.warm_up * batches)
    after: dict[str, Callable[[int], float]] = {
        "constant": lambda step: peak,
        "step": lambda step: staircase(step, peak, settings.drop_every * batches, settings.drop),
        "cosine": lambda step: cosine(step - warm, steps - warm, peak),
        "one-cycle": lambda step: one_cycle(step, steps, peak),
    }
    chosen = after[settings.schedule]
    return lambda step: peak * (step + 1) / warm if step < warm else chosen(step)
