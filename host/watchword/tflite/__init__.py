"""The `.tflite` format: `read` makes a graph of a file, `write` a file of a graph, `survey` tells what a file holds."""

from watchword.tflite.read import read, read_bytes, survey
from watchword.tflite.survey import End, Survey
from watchword.tflite.write import write

__all__ = ["End", "Survey", "read", "read_bytes", "survey", "write"]
