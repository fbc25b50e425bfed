"""Recordings of words as examples: int8 features, of words that are augmented anew each epoch, and of silence."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watchword.data import audio, memory
from watchword.data.augmentation import SoundAugmentation, masks, rooms
from watchword.data.augmentation.sound import Surroundings, augment
from watchword.data.batch import Batch, Report
from watchword.data.clips import Clip
from watchword.data.labels import SILENCE
from watchword.data.manifests import write_manifest
from watchword.data.noise import CONTEXT, read_noise, silence, validation_silence, with_context
from watchword.data.recordings import Recordings, load
from watchword.features.micro import FrontendParameters, features, to_int8
from watchword.train.datasets.dataset import Dataset, Examples
from watchword.train.datasets.sampling import draw, groups
from watchword.train.datasets.sources import Selected, noise_of, require_labels, select, source_numbers
from watchword.train.recipe import Recipe

_ROOMS, _ROOM_STREAM = 32, 3  # rooms that are simulated for a run; their stream of random numbers
_CODED = 12  # times as large as its file coded sound may be


class SoundDataset(Dataset):
    """Words and silence. validating: the recordings for validation; then comes `quiet`, clips of silence for it, int16 (n,
    samples), cut from noise that training does not hear.
    """

    @classmethod
    def of_recipe(
        cls, recipe: Recipe, root: Path, report: Report = lambda line: None, batch: Batch | None = None
    ) -> SoundDataset:
        """Read all recordings that a recipe names, as `open_dataset` says.

        Clips of `_silence_` for training count as noise, from which silence is cut.
        """
        selected = select(recipe, root, audio.SUFFIXES, report)
        files = noise_of(recipe, root, [clip.path for clip in selected.training if clip.label == SILENCE])
        _require_memory(recipe, selected, files)
        place = str(root / recipe.data.noise) if recipe.data.noise else "the folders of data.train"
        noise = read_noise(files, place, batch) if files else []
        selected = Selected(
            [clip for clip in selected.training if clip.label != SILENCE],
            [clip for clip in selected.validation if clip.label != SILENCE or SILENCE in recipe.labels],
            selected.sources,
        )
        report(f"{selected}; noise: {sum(map(len, noise)) / audio.RATE:.0f} s")
        training = load(selected.training, recipe.labels, recipe.samples, batch, report)
        require_labels(recipe, training.clips, " that can be read")
        count = recipe.data.validation_silence if SILENCE in recipe.labels else 0
        validating = load(selected.validation, recipe.labels, recipe.samples, batch, report)
        sources = source_numbers(selected, training.clips)
        return cls(recipe, training, validating, validation_silence(count, recipe.samples, noise), noise, sources)

    def __init__(
        self,
        recipe: Recipe,
        recordings: Recordings,
        validating: Recordings,
        quiet: NDArray[np.int16],
        noise: list[NDArray[np.int16]],
        sources: list[int],
    ) -> None:
        """sources: the number of the recipe's source of each recording."""
        settings = recipe.augmentation
        assert isinstance(settings, SoundAugmentation)
        words = len(recordings.targets)
        self._silences = round(recipe.data.silence * words) if SILENCE in recipe.labels else 0
        size = words + self._silences
        super().__init__(recipe.labels, recipe.shape, size, recipe.training.batch, recipe.training.seed, settings.mixup)
        self.clips, self.validation_clips = recordings.clips, validating.clips
        self.validating, self.quiet, self.noise = validating, quiet, noise
        self._settings, self._parameters = settings, FrontendParameters(hop_ms=recipe.hop_ms)
        self._signals, self._targets = recordings.signals, recordings.targets
        self._silence = recipe.labels.index(SILENCE) if SILENCE in recipe.labels else -1
        self._groups = groups(recipe.data.balance, recordings.targets.tolist(), sources)
        self._around: Surroundings | None = None

    def __getstate__(self) -> dict[str, object]:
        """What a process that makes examples needs: not the recordings that validate, nor what is known of each clip."""
        left_out = ("clips", "validation_clips", "validating", "quiet", "_validation")
        return {name: value for name, value in self.__dict__.items() if name not in left_out} | {"_around": None}

    def validation(self) -> Examples:
        """The words for validation, then the silence, each behind a second of digital silence."""
        return self._validation

    @cached_property
    def _validation(self) -> Examples:
        found = [self._features(with_context(rows)) for _, rows in self.validating.signals.blocks()]
        found.append(self._features(with_context(self.quiet)))
        silent = np.full(len(self.quiet), self._silence, np.int64)
        return Examples(np.concatenate(found), np.concatenate([self.validating.targets, silent]))

    def save_validation(self, folder: Path) -> None:
        """Write validation.csv, and the clips of silence into silence/."""
        clips = list(self.validation_clips)
        if len(self.quiet):
            (folder / "silence").mkdir(exist_ok=True)
        for number, samples in enumerate(self.quiet):
            path = folder / "silence" / f"{number:02}.wav"
            audio.write(path, samples)
            clips.append(Clip(path, SILENCE))
        write_manifest(folder / "validation.csv", clips)

    def drawn(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Words by their rows; -1 is a clip of silence, whose share stays whatever else is balanced."""
        words = draw(self._groups, rng)
        return rng.permutation(np.concatenate([words, np.full(self._silences, -1, np.int64)]))

    def made(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Examples:
        """Augment the words of rows, and cut silence from noise where they are -1."""
        words = rows >= 0
        length = self._signals.form.shape[0]
        streams = np.empty((len(rows), CONTEXT + length), np.int16)
        streams[words] = augment(self._signals.rows(rows[words]), self._surroundings(), self._settings, rng)
        streams[~words] = silence(int((~words).sum()), length, self.noise, self._settings.silence, rng)
        targets = np.where(words, self._targets[rows], self._silence)
        inputs = self._features(streams)
        frequency = self._settings.frequency_masks, self._settings.frequency_mask
        time = self._settings.time_masks, self._settings.time_mask
        if frequency[0] or time[0]:
            inputs = masks.masked(inputs[..., 0], frequency, time, rng)[..., None]
        return Examples(inputs, targets)

    def _surroundings(self) -> Surroundings:
        """What words are put into; rooms are simulated when they are needed first, in the process that makes examples."""
        if self._around is None:
            simulated = []
            if self._settings.reverb:
                simulated = rooms.bank(_ROOMS, self._settings.rt60, np.random.default_rng([self.seed, _ROOM_STREAM]))
            self._around = Surroundings(self.noise, simulated, self._other if self._settings.before else None)
        return self._around

    def _other(self, rng: np.random.Generator) -> NDArray[np.int16]:
        return np.asarray(self._signals.rows([int(rng.integers(len(self._signals)))])[0], np.int16)

    def _features(self, streams: NDArray[np.int16]) -> NDArray[np.int8]:
        """int16 (clips, context + samples) -> int8 (clips, frames, channels, 1): the last frames of each clip."""
        return to_int8(features(streams, self._parameters)[:, -self.shape[0] :])[..., None]


def _require_memory(recipe: Recipe, selected: Selected, noise: Sequence[Path]) -> None:
    """DataError: noise, features or a batch take more memory than there is. Words are read from disk."""
    height, width, _ = recipe.shape
    bytes_ = sum(file.stat().st_size * (1 if file.suffix.lower() in (".wav", ".wave") else _CODED) for file in noise)
    memory.require(
        {
            "noise": 2 * bytes_,  # in both processes
            "features for validation": len(selected.validation) * height * width,
            # Samples in float32 and int16, and the front end's spectra.
            "a batch of sound": 2 * recipe.training.batch * (CONTEXT + recipe.samples) * 8,
        },
        "take less noise, or a smaller training.batch",
    )
