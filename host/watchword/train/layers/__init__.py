"""Layers: each is a small class with its forward and backward pass, its operation of the int8 graph and how it is quantized.

A family a file: `convolution` (Conv2D, Dense), `depthwise`, `normalization`, `activations`, `pooling`, `movement` (Flatten,
Slice, Dropout), `merging` (Add, Concatenate). What all are: `layer`.
"""

from __future__ import annotations

from watchword.train.layers.activations import (
    Elementwise,
    HardSwish,
    LeakyReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    Softmax,
    Tanh,
)
from watchword.train.layers.convolution import Conv2D, Dense
from watchword.train.layers.depthwise import DepthwiseConv2D
from watchword.train.layers.layer import Array, Layer, Merge, Part, Shape
from watchword.train.layers.merging import Add, Concatenate
from watchword.train.layers.movement import Dropout, Flatten, Slice
from watchword.train.layers.normalization import BatchNorm, Cosines, L2Normalize
from watchword.train.layers.pooling import AveragePool, MaxPool, Mean

__all__ = [
    "Add",
    "Array",
    "AveragePool",
    "BatchNorm",
    "Concatenate",
    "Conv2D",
    "Cosines",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Elementwise",
    "Flatten",
    "HardSwish",
    "L2Normalize",
    "Layer",
    "LeakyReLU",
    "MaxPool",
    "Mean",
    "Merge",
    "Part",
    "ReLU",
    "ReLU6",
    "Shape",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Tanh",
]
