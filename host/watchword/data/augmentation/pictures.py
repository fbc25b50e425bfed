"""Pictures, mirrored, cut, lit otherwise, noisy and partly hidden. All work on one picture, uint8 (height, width, channels)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword.data.augmentation.settings import PictureAugmentation

Picture = NDArray[np.uint8]

_GREY = 128
_ASPECT = 4 / 3  # of the longer to the shorter side of what is left, against the picture's own


def augmented(picture: Picture, settings: PictureAugmentation, rng: np.random.Generator) -> Picture:
    """Change a picture at random, in the order of the settings; its shape stays."""
    if rng.random() < settings.flip:
        picture = picture[:, ::-1]
    if settings.crop:
        picture = cropped(picture, settings.crop, rng)
    lit = relit(
        picture,
        rng.uniform(-settings.brightness, settings.brightness),
        rng.uniform(1 - settings.contrast, 1 + settings.contrast),
        rng.normal(0, rng.uniform(0, settings.noise), picture.shape) if settings.noise else 0.0,
    )
    return hidden(lit, rng.uniform(0, settings.cutout), rng) if settings.cutout else lit


def cropped(picture: Picture, most: float, rng: np.random.Generator) -> Picture:
    """Cut off up to a share of the area, and enlarge the rest to the picture's shape: as Inception does (arXiv:1409.4842).

    The sides' ratio changes by a third at the most. Pixels between pixels are blended from the four about them.
    """
    height, width = picture.shape[:2]
    area = rng.uniform(1 - most, 1)
    aspect = float(np.exp(rng.uniform(-np.log(_ASPECT), np.log(_ASPECT))))
    rows, columns = min(height, height * np.sqrt(area / aspect)), min(width, width * np.sqrt(area * aspect))
    top, left = rng.uniform(0, height - rows), rng.uniform(0, width - columns)
    return _sampled(picture, top + rows * (np.arange(height) + 0.5) / height, left + columns * (np.arange(width) + 0.5) / width)


def relit(picture: Picture, brightness: float, contrast: float, noise: NDArray[np.float64] | float = 0.0) -> Picture:
    """contrast * (pixel - mean) + mean + brightness + noise, of values from 0 to 1; the mean is the picture's."""
    values: NDArray[Any] = picture.astype(np.float32)
    mean = values.mean()
    values = contrast * (values - mean) + mean + 255 * (brightness + noise)
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def hidden(picture: Picture, side: float, rng: np.random.Generator) -> Picture:
    """Cutout (arXiv:1708.04552): a square of `side` times the shorter side, its middle anywhere, becomes grey."""
    height, width = picture.shape[:2]
    half = side * min(height, width) / 2
    y, x = rng.uniform(0, height), rng.uniform(0, width)
    made = picture.copy()
    made[round(max(0, y - half)) : round(y + half), round(max(0, x - half)) : round(x + half)] = _GREY
    return made


def _sampled(picture: Picture, y: NDArray[Any], x: NDArray[Any]) -> Picture:
    """The picture's values at the places y by x, by bilinear interpolation; the middle of its first pixel is at 0.5."""
    values = picture.astype(np.float32)
    for axis, places in ((0, y), (1, x)):
        place = np.clip(places - 0.5, 0, picture.shape[axis] - 1)
        before = np.minimum(place.astype(int), max(0, picture.shape[axis] - 2))
        after = np.minimum(before + 1, picture.shape[axis] - 1)
        share = (place - before).astype(np.float32).reshape([-1 if axis == other else 1 for other in range(3)])
        values = np.take(values, before, axis) * (1 - share) + np.take(values, after, axis) * share
    return np.rint(values).astype(np.uint8)
