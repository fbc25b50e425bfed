"""The keys of a recipe's table [augmentation], for sound, pictures and plain arrays.

All draws are uniform, for each example anew. What a recipe does not name has the default here.
"""

from __future__ import annotations

from dataclasses import dataclass

from watchword.errors import DataError
from watchword.settings import between, ordered

Range = tuple[float, float]


@dataclass(frozen=True)
class SoundAugmentation:
    """How clips of sound are changed, in this order; samples first, then features.

    shift: seconds that the word is moved, both ways. speed: share of the rate, both ways; changes pitch and length, by linear
    interpolation. pitch: semitones, both ways; the length stays (`pitch.shifted`: phase vocoder, Flanagan and Golden 1966).

    before: share of the clips that have another word in the second before them, up to `before_level` dB louder or softer.
    reverb: share of the clips that are heard in a simulated room (`rooms`: image sources, Allen and Berkley 1979), whose
    reverberation time RT60 in seconds is in `rt60`. snr: dB, mean power of the word to that of the noise behind it.
    equalizer: dB, both ways, of three peaking filters; microphone: share of the clips that have the response of a small
    microphone (`responses`: R. Bristow-Johnson's biquads). gain: dB, the clip with its noise. silence: RMS of clips without a
    word, of full scale, drawn uniformly in dB.

    frequency_masks, time_masks: how many, each of up to frequency_mask channels or time_mask frames (`masks`: SpecAugment,
    arXiv:1904.08779). mixup: alpha of the Beta distribution by which two examples are blended, 0: none (`mixing`,
    arXiv:1710.09412).
    """

    shift: float = 0.1
    speed: float = 0.1
    pitch: float = 0.0
    before: float = 0.0
    before_level: float = 6.0
    reverb: float = 0.0
    rt60: Range = (0.1, 0.5)
    snr: Range = (0.0, 30.0)
    equalizer: float = 0.0
    microphone: float = 0.0
    gain: Range = (-20.0, 3.0)
    silence: Range = (3e-4, 0.3)
    frequency_masks: int = 0
    frequency_mask: int = 6
    time_masks: int = 0
    time_mask: int = 6
    mixup: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.shift <= 1:
            raise DataError(f"shift is {self.shift}: it is between 0 and 1 second")
        between("speed", self.speed, 0, 0.5)
        between("pitch", self.pitch, 0, 12)
        between("before_level", self.before_level, 0, 40)
        between("equalizer", self.equalizer, 0, 30)
        for name in ("before", "reverb", "microphone"):
            between(name, getattr(self, name), 0, 1)
        for name in ("snr", "gain"):
            ordered(name, getattr(self, name), -100, 100)
        ordered("rt60", self.rt60, 0.05, 1.0)
        ordered("silence", self.silence, float("-inf"), 1.0)
        if self.silence[0] <= 0:
            raise DataError(f"silence begins at {self.silence[0]}: it is above 0")
        between("frequency_masks", self.frequency_masks, 0, 10)
        between("time_masks", self.time_masks, 0, 10)
        between("frequency_mask", self.frequency_mask, 0, 40)
        between("time_mask", self.time_mask, 0, 400)
        between("mixup", self.mixup, 0, 10)


@dataclass(frozen=True)
class PictureAugmentation:
    """How pictures are changed, in this order; values are of pixels from 0 to 1.

    flip: share that are mirrored, left to right. crop: share of the area that is cut off at the most, the rest of which is
    enlarged (`pictures.cropped`: arXiv:1409.4842, section 6). brightness: added, both ways; contrast: factor about the
    picture's mean, 1 - contrast to 1 + contrast (both after arXiv:1312.5402). noise: deviation of Gaussian noise, up to.
    cutout: side of a grey square, as a share of the picture's, up to (arXiv:1708.04552). mixup: as of sound (arXiv:1710.09412).
    """

    flip: float = 0.5
    crop: float = 0.3
    brightness: float = 0.2
    contrast: float = 0.2
    noise: float = 0.0
    cutout: float = 0.0
    mixup: float = 0.0

    def __post_init__(self) -> None:
        for name in ("flip", "brightness", "contrast", "noise", "cutout"):
            between(name, getattr(self, name), 0, 1)
        between("crop", self.crop, 0, 0.9)
        between("mixup", self.mixup, 0, 10)


@dataclass(frozen=True)
class ArrayAugmentation:
    """How plain arrays are changed. noise: deviation of Gaussian noise, which works as a penalty on steep functions (Bishop,
    "Training with Noise is Equivalent to Tikhonov Regularization", 1995). mixup: as of sound (arXiv:1710.09412).
    """

    noise: float = 0.0
    mixup: float = 0.0

    def __post_init__(self) -> None:
        between("noise", self.noise, 0, 1e6)
        between("mixup", self.mixup, 0, 10)
