"""Training in NumPy: a recipe and recordings in, a float model and its int8 graph out."""

from __future__ import annotations

from watchword.train.loop import Epoch, Result, train
from watchword.train.quantize import quantize
from watchword.train.recipe import Recipe, read_recipe
from watchword.train.run import save

__all__ = ["Epoch", "Recipe", "Result", "quantize", "read_recipe", "save", "train"]
