"""Augmentation: training examples changed at random, so that a network learns what stays the same.

A file for each way; `settings` has the keys of a recipe, each with the source of its formula.
"""

from watchword.data.augmentation.settings import ArrayAugmentation, PictureAugmentation, SoundAugmentation

__all__ = ["ArrayAugmentation", "PictureAugmentation", "SoundAugmentation"]
