"""The parameters of `pool`, array 'i', which watchword/embedding.py makes and kernels/knn_*.py take.

No program names this kernel, so that there is no proof: the embedder makes them itself.
"""

from watchword.kernels.contract import COUNT, OFFSET, SIGNED

POOL = (
    ("begin", OFFSET),  # where a stretch of the layer's rows begins in the arena
    ("step", COUNT),  # bytes from place to place
    ("columns", COUNT),  # places in a row
    ("rows", COUNT),
    ("pitch", COUNT),  # bytes from row to row
    ("channels", COUNT),
    ("off", SIGNED),  # what is taken off each sum
    ("to", OFFSET),  # the first place in the sums
)

LAYOUTS = (POOL,)
