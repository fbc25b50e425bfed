"""Sound to features, bit for bit what the board does."""

from watchword.features.micro import (
    MICRO_MULTIPLIER,
    FrontendParameters,
    MicroFrontend,
    features,
    pack_tables,
    to_int8,
)
from watchword.features.tables import CHANNELS, RATE, WINDOW

__all__ = [
    "CHANNELS",
    "MICRO_MULTIPLIER",
    "RATE",
    "WINDOW",
    "FrontendParameters",
    "MicroFrontend",
    "features",
    "pack_tables",
    "to_int8",
]
