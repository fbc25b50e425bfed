"""Three words of different pitch, and noise: what a small run trains on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from watchword.data import audio

WORDS = {"low": 300, "middle": 900, "high": 2500}

RECIPE = """
name = "tones"
labels = ["_silence_", "low", "middle", "high"]
background = ["_silence_"]

[data]
train = [{ folder = "words" }]
validation_share = 0.3
noise = "noise"
silence = 0.3
validation_silence = 8

[architecture]
channels = 16
blocks = 1
kernel = [6, 40]
stride = [4, 40]

[augmentation]
gain = [-6, 3]
snr = [10, 30]

[training]
epochs = 12
batch = 8
rate = 0.03
ema_decay = 0.5
"""


def write(root: Path, each: int = 24) -> Path:
    """Fill a folder with recordings, so many of each word, and recipe.toml."""
    rng, seconds = np.random.default_rng(3), np.arange(16_000) / 16_000
    for word, hertz in WORDS.items():
        (root / "words" / word).mkdir(parents=True)
        for number in range(each):
            pitch = hertz * rng.uniform(0.9, 1.1)
            loudness = 3_000 * np.exp(-(((seconds - 0.5) / 0.2) ** 2))
            sound = loudness * np.sin(2 * np.pi * pitch * seconds) + rng.normal(0, 30, 16_000)
            audio.write(root / "words" / word / f"{number}.wav", audio.to_int16(sound))
    (root / "noise").mkdir()
    audio.write(root / "noise" / "hiss.wav", audio.to_int16(rng.normal(0, 1_000, 12 * 16_000)))
    (root / "recipe.toml").write_text(RECIPE, "utf-8")
    return root
