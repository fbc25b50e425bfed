"""A computer: MicroPython's unix port, which runs the firmware's sources with the kernels that run everywhere."""

from watchword.chips.chip import SOURCE, Chip

# Measured on the virtual board, whose heap is large enough to leave `loaded` out of account.
PORTABLE = Chip(
    name="unix",
    ram=3_000_000,
    flash=1_000_000_000,
    architecture=SOURCE,
    kernels=("plain", "viper"),
    microphones=("wav",),
    loaded=0,
)
