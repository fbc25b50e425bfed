"""NumPy training: takes a recipe and recordings, returns a float model and its int8 graph."""

from __future__ import annotations

from watchword.train.artifacts import save, save_history
from watchword.train.quantize import quantize
from watchword.train.recipe import Recipe, read_recipe
from watchword.train.run import Result, Run, train
from watchword.train.trainer import Epoch, Hook, Trainer

__all__ = ["Epoch", "Hook", "Recipe", "Result", "Run", "Trainer", "quantize", "read_recipe", "save", "save_history", "train"]
