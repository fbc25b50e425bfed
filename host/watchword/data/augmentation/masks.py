"""SpecAugment (Park et al., arXiv:1904.08779): stretches of channels and of frames are hidden, so that none is relied upon."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def masked(
    features: NDArray[np.int8], frequency: tuple[int, int], time: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.int8]:
    """Mask stretches of features, int8 (clips, frames, channels), of each clip others; they become the clip's mean.

    frequency, time: (how many, the longest). A width is drawn from 0 to the longest, then where it begins (section 2). The
    mean is what the paper's 0 is in features that were brought to a mean of 0.
    """
    made = features.copy()
    for clip in made:
        mean = np.int8(np.rint(clip.mean()))
        for axis, (count, longest) in ((1, frequency), (0, time)):
            length = clip.shape[axis]
            for _ in range(count):
                width = int(rng.integers(0, min(longest, length) + 1))
                start = int(rng.integers(0, length - width + 1))
                clip[(slice(None),) * axis + (slice(start, start + width),)] = mean
    return made
