"""NumPy training: takes a recipe and recordings, returns a float model and its int8 graph."""

from __future__ import annotations

from watchword.train.artifacts import save
from watchword.train.loop import Epoch, Result, train
from watchword.train.quantize import quantize
from watchword.train.recipe import Recipe, read_recipe

__all__ = ["Epoch", "Recipe", "Result", "quantize", "read_recipe", "save", "train"]
