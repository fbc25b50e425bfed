"""Architectures, a file each: what a recipe's `[architecture]` may be, by its `name`."""

from __future__ import annotations

from watchword.train.architectures.architecture import Architecture
from watchword.train.architectures.autoencoder import Autoencoder, anomaly_score
from watchword.train.architectures.ds_cnn import DsCnn
from watchword.train.architectures.linear import Linear
from watchword.train.architectures.mixed_depthwise import MixedDepthwise
from watchword.train.architectures.mlp import Mlp
from watchword.train.architectures.mobilenet import MobileNet
from watchword.train.architectures.resnet import ResNet

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "Autoencoder",
    "DsCnn",
    "Linear",
    "MixedDepthwise",
    "Mlp",
    "MobileNet",
    "ResNet",
    "anomaly_score",
]

ARCHITECTURES: dict[str, type[Architecture]] = {
    "ds_cnn": DsCnn,
    "linear": Linear,
    "mlp": Mlp,
    "mixed_depthwise": MixedDepthwise,
    "mobilenet_v1": MobileNet,
    "resnet": ResNet,
    "autoencoder": Autoencoder,
}
"""By the name in a recipe; without one it is the first."""
