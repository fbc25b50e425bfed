"""The recipe: a TOML file that says what is trained, on what, and how.

Paths in it are relative to the folder of data sets that is given with it. models/keywords/recipe.toml is an example with
every table; what a recipe leaves out has the default below.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from watchword import settings
from watchword.data.augmentation import ArrayAugmentation, PictureAugmentation, SoundAugmentation
from watchword.data.labels import SILENCE, UNKNOWN
from watchword.description import FEATURES, PIXELS, Decision, Description, Kind
from watchword.errors import DataError
from watchword.features.micro import FrontendParameters
from watchword.features.tables import CHANNELS, RATE, WINDOW
from watchword.settings import between
from watchword.train.architectures import ARCHITECTURES, Architecture, DsCnn
from watchword.train.network import Input


@dataclass(frozen=True)
class Source:
    """A source of examples: a manifest, or a folder with one sub-folder per label; or arrays, a .npz file or a table of CSV.

    split: only the clips of this one. label_column, split_column: of a manifest, where they are not called as usual; the first
    of a table, too. inputs, targets: names of the arrays in a .npz file.
    """

    manifest: str = ""
    folder: str = ""
    arrays: str = ""
    label_column: str = ""
    split: str = ""
    split_column: str = ""
    inputs: str = "x"
    targets: str = "y"

    def __post_init__(self) -> None:
        named = [name for name in ("manifest", "folder", "arrays") if getattr(self, name)]
        if len(named) > 1 or not named:
            raise DataError("manifest or folder: one of the two is needed, or arrays where kind is tensor")
        for name in ("label_column", "split_column"):
            if self.folder and getattr(self, name):
                raise DataError(f"{name}: is of a manifest, and folder names none: its sub-folders are the labels")


@dataclass(frozen=True)
class Data:
    """Data sets. train, validation: sources; without one for validation, clips that are listed for it validate, else
    `validation_share` of the training clips.

    balance: "class", "source" or both, the outermost first: these have equal shares in an epoch, by repeating what is rare.
    Of sound: noise: a folder, or empty: that of `_background_noise_` in folders of train counts too. seconds: length of a clip,
    and what the model sees. silence: clips of `_silence_` in training, as a share of the clips with words. validation_silence:
    the number of those in validation. Of pictures: size, (rows, columns) of what the model sees; colours, 1 or 3.
    """

    train: tuple[Source, ...]
    validation: tuple[Source, ...] = ()
    validation_share: float = 0.15
    noise: str = ""
    seconds: float = 1.0
    silence: float = 0.1
    validation_silence: int = 24
    balance: tuple[Literal["class", "source"], ...] = ()
    size: tuple[int, int] = (96, 96)
    colours: int = 1

    def __post_init__(self) -> None:
        if not self.train:
            raise DataError("train: at least one source of clips is needed")
        between("validation_share", self.validation_share, 0.01, 0.9)
        between("seconds", self.seconds, 0.2, 4)
        between("silence", self.silence, 0, 10)
        between("validation_silence", self.validation_silence, 0, 10_000)
        if len(set(self.balance)) < len(self.balance):
            raise DataError(f"balance names {self.balance[0]} twice")
        for side in self.size:
            between("size", side, 8, 256)
        if self.colours not in (1, 3):
            raise DataError(f"colours is {self.colours}: it is 1 (grey) or 3")


@dataclass(frozen=True)
class Training:
    """The hyperparameters.

    optimizer: see `optimizers`. momentum: γ of momentum and nesterov, β₁ of adam and adamw. weight_decay: of adamw. l1, l2: see
    gradients.Penalty. clip: the greatest length of the gradients; 0: any.

    schedule: see `schedules`; rate: its peak. warm_up: epochs in which the rate rises first; one-cycle rises by itself.
    drop, drop_every: of the schedule "step": the factor, and the epochs from one drop to the next.

    patience: training ends after so many epochs without a better one; 0: never before its time. ema_decay: decay per step of
    the moving average of the weights that is validated and kept; 0: the weights themselves.
    """

    epochs: int = 64
    batch: int = 64
    optimizer: Literal["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"] = "adamw"
    schedule: Literal["constant", "step", "cosine", "one-cycle"] = "one-cycle"
    rate: float = 0.01
    warm_up: float = 0.0
    drop: float = 0.1
    drop_every: int = 16
    momentum: float = 0.9
    weight_decay: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    clip: float = 0.0
    patience: int = 0
    label_smoothing: float = 0.1
    ema_decay: float = 0.995
    seed: int = 1

    def __post_init__(self) -> None:
        between("epochs", self.epochs, 1, 100_000)
        between("batch", self.batch, 2, 100_000)
        between("rate", self.rate, 1e-7, 10)
        between("warm_up", self.warm_up, 0, self.epochs)
        between("drop", self.drop, 0.001, 1)
        between("drop_every", self.drop_every, 1, 100_000)
        between("momentum", self.momentum, 0, 0.9999)
        between("weight_decay", self.weight_decay, 0, 100)
        between("l1", self.l1, 0, 100)
        between("l2", self.l2, 0, 100)
        between("clip", self.clip, 0, 1e9)
        between("patience", self.patience, 0, 100_000)
        between("label_smoothing", self.label_smoothing, 0, 0.9)
        between("ema_decay", self.ema_decay, 0, 0.9999)
        between("seed", self.seed, 0, 2**32)
        if self.weight_decay and self.optimizer != "adamw":
            raise DataError(f"weight_decay is of adamw, and optimizer is {self.optimizer}: take l2, or adamw")
        if self.warm_up and self.schedule == "one-cycle":
            raise DataError("warm_up is of other schedules: one-cycle rises by itself")


Augmentation = SoundAugmentation | PictureAugmentation | ArrayAugmentation

AUGMENTATIONS: dict[str, type[Augmentation]] = {
    "sound": SoundAugmentation,
    "picture": PictureAugmentation,
    "tensor": ArrayAugmentation,
}
"""The class of [augmentation] by the kind."""


@dataclass(frozen=True)
class Recipe:
    """A recipe. kind: sound, picture or tensor, which are plain arrays: what the data are, and which keys [augmentation] has.

    name, labels, background, licence, source, decision: of the description. hop_ms: of the front end.
    """

    name: str
    labels: tuple[str, ...]
    data: Data
    kind: Kind = "sound"
    background: tuple[str, ...] = ()
    licence: str = ""
    source: str = ""
    hop_ms: int = 20
    architecture: Architecture = field(default_factory=DsCnn, metadata={"named": ARCHITECTURES})
    augmentation: Augmentation = field(default_factory=SoundAugmentation)
    training: Training = field(default_factory=Training)
    decision: Decision = field(default_factory=Decision)

    def __post_init__(self) -> None:
        self.description()
        if len(self.labels) < 2:
            raise DataError("labels: two different ones or more are needed")
        self._check_kind()
        if self.kind == "tensor":
            return
        folders = any(source.folder for source in self.data.train)
        if self.kind == "sound" and SILENCE in self.labels and not self.data.noise and not folders:
            raise DataError(f"data.noise is missing: clips of {SILENCE} are cut from noise")
        try:
            self.architecture.network(self.input, len(self.labels), np.random.default_rng(0))
        except DataError as error:
            raise DataError(f"architecture: {error}") from None

    @classmethod
    def chosen(cls, table: dict[str, Any]) -> dict[str, Any]:
        """Which class [augmentation] is, by the kind (see settings.build)."""
        kind = table.get("kind", "sound")
        return {"augmentation": AUGMENTATIONS.get(kind, SoundAugmentation) if isinstance(kind, str) else SoundAugmentation}

    def _check_kind(self) -> None:
        """Give a recipe without augmentation that of its kind. DataError: it, or a source, is of another kind."""
        expected = AUGMENTATIONS[self.kind]
        if not isinstance(self.augmentation, expected):
            if self.augmentation != SoundAugmentation():
                raise DataError(f"augmentation is of another kind than {self.kind}")
            object.__setattr__(self, "augmentation", expected())
        for name, sources in (("train", self.data.train), ("validation", self.data.validation)):
            for number, source in enumerate(sources):
                if bool(source.arrays) != (self.kind == "tensor"):
                    wanted = "arrays" if self.kind == "tensor" else "manifest or folder"
                    raise DataError(f"data.{name}[{number}]: {wanted} is needed where kind is {self.kind}")

    def description(self) -> Description:
        """The description of the model. ModelError: a name or a number is not one that a description can have."""
        return Description(
            kind=self.kind,
            input=PIXELS if self.kind == "picture" else FEATURES,
            name=self.name,
            labels=self.labels,
            background=self.background,
            frontend=FrontendParameters(hop_ms=self.hop_ms),
            decision=self.decision,
            licence=self.licence,
            source=self.source,
        )

    @property
    def samples(self) -> int:
        """The samples in a clip."""
        return round(self.data.seconds * RATE)

    @property
    def frames(self) -> int:
        """The frames that the model sees: those whose windows lie in the clip."""
        return (self.samples - WINDOW) // (self.hop_ms * RATE // 1000) + 1

    @property
    def input(self) -> Input:
        """What the network takes. DataError: arrays bring their own."""
        if self.kind == "sound":
            return Input.sound(self.frames, CHANNELS)
        if self.kind == "picture":
            return Input.picture(*self.shape)
        raise DataError("kind is tensor: what the network takes is known by the arrays")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one input, (height, width, channels): frames and channels of sound, or a picture's. Arrays bring their own."""
        if self.kind == "sound":
            return self.frames, CHANNELS, 1
        return (*self.data.size, self.data.colours)

    @property
    def words(self) -> tuple[str, ...]:
        """The labels that stand for a word."""
        return tuple(label for label in self.labels if label not in (SILENCE, UNKNOWN))


def read_recipe(path: Path) -> Recipe:
    """Read the recipe in a TOML file. DataError: names the file and the key that is missing, unknown or wrong."""
    table = settings.read_toml(path)
    try:
        return settings.build(Recipe, table)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
