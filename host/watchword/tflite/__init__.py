"""The `.tflite` format: `read` makes a graph of a file, `write` a file of a graph."""

from watchword.tflite.read import read
from watchword.tflite.write import write

__all__ = ["read", "write"]
