"""Recipes, and what is wrong with them; the recipe of the keyword model."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.tones import RECIPE

from watchword import description, tflite
from watchword.errors import DataError
from watchword.train import read_recipe


class TestRecipe:
    def read(self, folder: Path, text: str) -> object:
        (folder / "recipe.toml").write_text(text, "utf-8")
        return read_recipe(folder / "recipe.toml")

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ('name = "tones"', "", "name is missing"),
            ('name = "tones"', "name = 3", "name is 3: str is expected"),
            ('name = "tones"', 'name = "../x"', "name is '../x': 1 to 40 letters"),
            ('name = "tones"', 'name = "tones"\nhop_ms = 15', "hop_ms is 15"),
            ('"low", "middle", "high"', "", "labels: two different ones or more are needed"),
            ("epochs = 12", "epoch = 8", "training.epoch is not known, did you mean 'epochs'.; known here: epochs"),
            ("ema_decay", "averaging", "training.averaging is not known; known here: epochs"),
            (
                "epochs = 12",
                'optimizer = "adam-w"',
                "training.optimizer is 'adam-w', did you mean 'adamw'.: it is sgd or momentum",
            ),
            ("epochs = 12", 'optimizer = "lion"', "training.optimizer is 'lion': it is sgd or momentum"),
            ("epochs = 12", 'schedule = "onecycle"', "training.schedule is 'onecycle', did you mean 'one-cycle'."),
            ("epochs = 12", "clip = -1", "training.clip is -1.0: it is between 0 and"),
            ("epochs = 12", "patience = -1", "training.patience is -1: it is between 0 and"),
            ("rate = 0.03", "rate = nan", "training.rate is nan: it is between"),
            ("epochs = 12", "warm_up = 13\nepochs = 12", "training.warm_up is 13.0: it is between 0 and 12"),
            ("epochs = 12", "warm_up = 2", "training.warm_up is of other schedules: one-cycle rises by itself"),
            ("epochs = 12", 'optimizer = "sgd"\nweight_decay = 0.1', "training.weight_decay is of adamw, and optimizer is sgd"),
            ("epochs = 12", "epochs = 8.5", "training.epochs is 8.5: int is expected"),
            ("epochs = 12", "epochs = 0", "training.epochs is 0: it is between 1 and 100000"),
            ("epochs = 12", "epochs = true", "training.epochs is True: int is expected"),
            ("gain = [-6, 3]", "gain = [-6]", r"augmentation.gain is \[-6\]: 2 entries are expected"),
            ("gain = [-6, 3]", 'gain = [-6, "x"]', r"augmentation.gain\[1\] is 'x': float is expected"),
            ("gain = [-6, 3]", "gain = [3, -6]", r"augmentation.gain is 3.0 to -6.0: the lower end comes first"),
            ("gain = [-6, 3]", "shift = 2", r"augmentation.shift is 2.0: it is between 0 and 1 second"),
            ("stride = [4, 40]", "stride = [4, 0]", "architecture.stride is 0: it is between 1 and 64"),
            (
                "channels = 16",
                'name = "mobilenet"',
                "architecture.name is 'mobilenet', did you mean 'mobilenet_v1'.: it is one of ds_cnn, ",
            ),
            ("channels = 16", 'name = "mlp"', "architecture.blocks is not known; known here: units, activation"),
            (
                "channels = 16\nblocks = 1\nkernel = [6, 40]\nstride = [4, 40]",
                'name = "mixed_depthwise"\nkernels = [[60]]\nchannels = [8]\nresidual = [0]',
                "architecture: block_1/filtered_1: a window of 60 x 1 places does not fit into 23 x 1",
            ),
            (
                "channels = 16\nblocks = 1\nkernel = [6, 40]\nstride = [4, 40]",
                'name = "autoencoder"',
                "architecture: an autoencoder returns the 1960 values that it is given: it cannot have 4 outputs",
            ),
            ('{ folder = "words" }', "{ }", r"data.train\[0\].manifest or folder: one of the two"),
            ('train = [{ folder = "words" }]', "train = []", "data.train: at least one source"),
            (
                '{ folder = "words" }]\nvalidation_share = 0.3\nnoise = "noise"',
                '{ manifest = "list.csv" }]',
                "data.noise is missing: clips of _silence_ are cut from noise",
            ),
            ('folder = "words"', 'folder = "words", label_column = "word"', r"data.train\[0\].label_column: is of a manifest"),
            ('"low", "middle"', '"low", "low"', "labels: one different name for each output"),
            ('background = ["_silence_"]', 'background = ["hush"]', "background names 'hush', which is not among the labels"),
            ("[training]", "[decision]\ncutoff = 2\n[training]", "decision.cutoff is 2.0"),
            ("[training]", "[training", "not a readable TOML file"),
        ],
    )
    def test_what_is_wrong_is_named_by_its_key(self, tmp_path: Path, old: str, new: str, message: str) -> None:
        assert old in RECIPE
        with pytest.raises(DataError, match=rf"recipe\.toml: .*{message}") as caught:
            self.read(tmp_path, RECIPE.replace(old, new, 1))
        assert "\n" not in str(caught.value)

    def test_a_recipe_that_is_no_file_of_settings(self, tmp_path: Path) -> None:
        for text, message in (("#" * 20_000, "has more than 16384 bytes"), ("x = " + "[" * 9000, "nested too deep")):
            with pytest.raises(DataError, match=rf"recipe\.toml: .*{message}"):
                self.read(tmp_path, text)

    def test_a_missing_recipe(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"recipe\.toml: no such file"):
            read_recipe(tmp_path / "recipe.toml")


def test_the_keyword_recipe_fits_the_board_and_its_model() -> None:
    folder = Path(__file__).parents[2] / "models" / "keywords"
    recipe = read_recipe(folder / "recipe.toml")
    model = tflite.read(folder / "keywords.tflite")
    assert model.macs <= 3_000_000
    assert model.input.shape == (1, recipe.frames, 40, 1)
    found = description.find(folder / "keywords.tflite", (folder / "keywords.tflite").read_bytes())
    assert found is not None
    assert found.labels == recipe.labels
