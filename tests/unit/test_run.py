"""A whole small run of a recipe, what is saved of it, and checkpoints that are whole or refused."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.unit import tones

from watchword import description, reference, tflite
from watchword.data.labels import SILENCE
from watchword.data.manifests import read_manifest
from watchword.data.recordings import load
from watchword.errors import DataError
from watchword.features import features, to_int8
from watchword.train import Epoch, Result, Run, quantize, read_recipe, save, train
from watchword.train.checkpoint import read_checkpoint, write_checkpoint, write_whole
from watchword.train.hooks import Pace, Progress
from watchword.train.recipe import Data, Recipe, Source
from watchword.train.trainer import Hook, Trainer


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recordings and a recipe."""
    return tones.write(tmp_path_factory.mktemp("tones"))


@pytest.fixture(scope="module")
def recipe(root: Path) -> Recipe:
    return read_recipe(root / "recipe.toml")


@pytest.fixture(scope="module")
def result(root: Path, recipe: Recipe) -> Result:
    return train(recipe, root)


def with_training(recipe: Recipe, **keys: object) -> Recipe:
    return dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, **keys))  # type: ignore[arg-type]


class TestRun:
    def test_tones_are_learnt(self, result: Result) -> None:
        accuracies = [epoch.accuracy for epoch in result.history if epoch.accuracy is not None]
        assert result.best.accuracy == max(accuracies) >= 0.95
        assert result.history[-1].loss < 0.8 * result.history[0].loss
        assert [epoch.number for epoch in result.history] == list(range(1, 13))

    def test_the_network_is_that_of_the_best_epoch(self, result: Result) -> None:
        scores = result.network.predict(result.validation.inputs)
        assert (scores.argmax(axis=1) == result.validation.targets).mean() == result.best.accuracy

    def test_int8_agrees_with_float(self, result: Result) -> None:
        graph = quantize(result.network, result.checkpoint.calibration)
        int8 = reference.run(graph, result.validation.inputs)
        exact = result.network.predict(result.validation.inputs)
        assert (int8.reshape(len(int8), -1).argmax(axis=1) == exact.argmax(axis=1)).mean() >= 0.95

    def test_the_same_seed_gives_the_same_network(self, root: Path, recipe: Recipe) -> None:
        def weights(seed: int) -> Sequence[bytes]:
            network = train(with_training(recipe, epochs=2, seed=seed), root).network
            return [value.tobytes() for value in network.arrays().values()]

        first = weights(1)
        assert first == weights(1)
        assert first != weights(2)

    def test_every_epoch_draws_anew(self, result: Result) -> None:
        one, again, two = (list(result.dataset.epoch(epoch)) for epoch in (1, 1, 2))
        assert all((a.inputs == b.inputs).all() for a, b in zip(one, again, strict=True))
        assert any((a.inputs != b.inputs).any() for a, b in zip(one, two, strict=True))
        silent = result.recipe.labels.index(SILENCE)
        assert sum((batch.targets == silent).sum() for batch in one) == round(0.3 * len(result.dataset.clips))

    def test_what_is_saved_is_what_was_validated(self, result: Result, tmp_path: Path) -> None:
        int8 = quantize(result.network, result.checkpoint.calibration, "tones")
        model = save(result, int8, tmp_path / "out", tflite.write)
        assert model == tmp_path / "out" / "tones.tflite"
        found = description.find(model, model.read_bytes())
        assert found is not None
        assert found.labels == ("_silence_", "low", "middle", "high")
        assert found.embedding in {op.output.name for op in tflite.read(model).operations}
        recordings = load(read_manifest(tmp_path / "out/validation.csv"), found.labels, 16_000)
        streams = np.pad(recordings.signals.rows(range(len(recordings.signals))), ((0, 0), (16_000, 0)))
        assert (to_int8(features(streams)[:, -49:])[..., None] == result.validation.inputs).all()
        assert (recordings.targets == result.validation.targets).all()
        history = json.loads((tmp_path / "out/history.json").read_text("utf-8"))
        assert [row["accuracy"] for row in history] == [epoch.accuracy for epoch in result.history]
        assert len((tmp_path / "out/history.csv").read_text("utf-8").splitlines()) == 13

    def test_progress_is_told_epoch_by_epoch(self, root: Path, recipe: Recipe) -> None:
        seen: list[int] = []

        def told(epoch: Epoch, pace: Pace) -> None:
            seen.append(epoch.number)

        train(with_training(recipe, epochs=2), root, [Progress(epoch=told)])
        assert seen == [1, 2]

    def test_the_example_of_the_docs_runs(
        self, root: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        docs = (Path(__file__).parents[2] / "docs/api.md").read_text("utf-8")
        (block,) = re.findall(r"## Training step by step\n\n```python\n(.*?)```", docs, re.DOTALL)
        monkeypatch.chdir(tmp_path)
        Path("recipe.toml").write_text(tones.RECIPE.replace("epochs = 12", "epochs = 2"), "utf-8")
        Path("data").symlink_to(root)
        names: dict[str, object] = {}
        exec(block, names)
        assert isinstance(names["result"], Result)
        assert capsys.readouterr().out.startswith("1 ")
        assert Path("out/checkpoint.npz").exists()

    def test_a_word_without_recordings_is_named(self, root: Path, recipe: Recipe) -> None:
        with pytest.raises(DataError, match="no clip of higher"):
            train(dataclasses.replace(recipe, labels=(*recipe.labels, "higher")), root)

    def test_arrays_are_trained_on_from_python_alone(self, tmp_path: Path) -> None:
        recipe = Recipe("table", ("cat", "dog"), Data((Source(arrays="x.npz"),)), kind="tensor")
        with pytest.raises(DataError, match="kind is tensor: `train` has no loss for it"):
            train(recipe, tmp_path)


class StopAfter(Hook):
    """Stops the trainer after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def stepped(self, trainer: Trainer, examples: object) -> None:
        if trainer.position.steps == self.step:
            trainer.stop()


@pytest.fixture(scope="module")
def broken(root: Path, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was stopped in its second epoch."""
    out = tmp_path_factory.mktemp("broken")
    run = Run(with_training(recipe, epochs=3), root, out, [StopAfter(12)])
    assert not run.train()
    run.save()
    assert run.trainer.position.epoch == 2
    return out


class TestCheckpoint:
    def test_a_run_that_is_resumed_writes_the_files_of_the_unbroken_one(
        self, root: Path, recipe: Recipe, broken: Path, tmp_path: Path
    ) -> None:
        short = with_training(recipe, epochs=3)

        def files(run: Run, out: Path) -> dict[str, bytes]:
            assert run.train()
            result = run.result()
            save(result, quantize(result.network, result.checkpoint.calibration, "tones"), out, tflite.write)
            return {path.name: path.read_bytes() for path in out.iterdir() if path.is_file() and path.suffix != ".csv"}

        whole = files(Run(short, root, tmp_path), tmp_path)
        resumed = tmp_path / "resumed"
        resumed.mkdir()
        (resumed / "checkpoint.npz").write_bytes((broken / "checkpoint.npz").read_bytes())
        run = Run(short, root, resumed)
        run.resume()
        assert files(run, resumed) == whole
        assert {"tones.tflite", "tones.toml", "checkpoint.npz", "history.json", "curves.png"} <= whole.keys()

    def test_what_is_read_is_what_was_written(self, broken: Path, tmp_path: Path) -> None:
        write_checkpoint(read_checkpoint(broken / "checkpoint.npz"), tmp_path / "again.npz")
        assert (tmp_path / "again.npz").read_bytes() == (broken / "checkpoint.npz").read_bytes()

    def test_its_weights_are_quantized_and_trained_again(self, result: Result, root: Path, tmp_path: Path) -> None:
        int8 = quantize(result.network, result.checkpoint.calibration, "tones")
        save(result, int8, tmp_path, tflite.write)
        checkpoint = read_checkpoint(tmp_path / "checkpoint.npz")
        network = result.recipe.architecture.network(result.recipe.input, 4, np.random.default_rng(5))
        network.restore(checkpoint.best)
        assert tflite.write(quantize(network, checkpoint.calibration, "tones")) == tflite.write(int8)
        again = train(with_training(result.recipe, epochs=1, rate=1e-4), root, start=checkpoint)
        assert again.best.accuracy is not None
        assert again.best.accuracy >= 0.9

    def test_a_run_of_another_recipe_is_refused_by_its_key(self, root: Path, recipe: Recipe, broken: Path) -> None:
        architecture = dataclasses.replace(recipe.architecture, channels=8)
        others = {
            r"training\.rate = 0\.03, not 0\.02": with_training(recipe, epochs=3, rate=0.02),
            r"training\.epochs = 3, not 4": with_training(recipe, epochs=4),
            r"architecture\.channels = 16, not 8": dataclasses.replace(
                with_training(recipe, epochs=3), architecture=architecture
            ),
        }
        for message, other in others.items():
            with pytest.raises(DataError, match=rf"checkpoint\.npz: is of a run with {message}: resume with that"):
                Run(other, root, broken).resume()
        renamed = dataclasses.replace(with_training(recipe, epochs=3), name="other", licence="CC0-1.0")
        Run(renamed, root, broken).resume()

    def test_a_run_whose_rates_do_not_depend_on_its_length_may_be_made_longer(
        self, root: Path, recipe: Recipe, tmp_path: Path
    ) -> None:
        short = with_training(recipe, epochs=1, schedule="constant")
        assert Run(short, root, tmp_path).train()
        longer = Run(with_training(short, epochs=2), root, tmp_path)
        longer.resume()
        assert longer.train()
        whole = Run(with_training(short, epochs=2), root)
        assert whole.train()
        assert longer.trainer.history == whole.trainer.history

    def test_a_run_with_other_recordings_is_refused(self, recipe: Recipe, broken: Path, tmp_path: Path) -> None:
        fewer = tones.write(tmp_path / "fewer", each=20)
        with pytest.raises(DataError, match="other recordings for validation than there are now"):
            Run(with_training(recipe, epochs=3), fewer, broken).resume()

    def test_weights_of_another_network_are_refused(self, result: Result, root: Path) -> None:
        wider = dataclasses.replace(result.recipe, architecture=dataclasses.replace(result.recipe.architecture, channels=8))
        with pytest.raises(DataError, match="network with other layers than the recipe's"):
            train(wider, root, start=result.checkpoint)

    def test_what_is_no_checkpoint_is_refused(self, broken: Path, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="no such file"):
            read_checkpoint(tmp_path / "none.npz")
        whole = (broken / "checkpoint.npz").read_bytes()
        (tmp_path / "a.npz").write_bytes(b"junk")
        np.savez(tmp_path / "b.npz", weights=np.zeros(3))
        (tmp_path / "c.npz").write_bytes(whole[: len(whole) // 2])
        (tmp_path / "d.npz").write_bytes(b"")
        np.savez(tmp_path / "e.npz", about=np.frombuffer(b"[1]", np.uint8))
        for name in "abcde":
            with pytest.raises(DataError, match=rf"{name}\.npz: not a checkpoint of watchword"):
                read_checkpoint(tmp_path / f"{name}.npz")

    def test_of_a_former_one_only_the_weights_are_left(self, result: Result, root: Path, tmp_path: Path) -> None:
        """Layers were numbered, gamma and beta called scale and offset, the weights of the best epoch those of the network."""
        places = {node.name: str(number) for number, node in enumerate(result.network.nodes)}
        parameters = {"gamma": "scale", "beta": "offset"}
        former = {"steps": np.array(3), "calibration": result.checkpoint.calibration[..., 0]}
        for name, value in result.checkpoint.best.items():
            layer, _, parameter = name.rpartition(".")
            former[f"network/{places[layer]}.{parameters.get(parameter, parameter)}"] = value
        assert "network/1.offset" in former
        np.savez(tmp_path / "former.npz", **former)  # type: ignore[arg-type]
        found = read_checkpoint(tmp_path / "former.npz")
        weights = found.weights([node.name for node in result.network.nodes])
        assert weights.keys() == result.checkpoint.best.keys()
        assert all((weights[name] == value).all() for name, value in result.checkpoint.best.items())
        again = train(with_training(result.recipe, epochs=1, rate=1e-5), root, start=found)
        assert again.history[0].validation_loss == pytest.approx(result.best.validation_loss, rel=0.2)
        with pytest.raises(DataError, match="of an earlier watchword, from which a run cannot go on"):
            Run(result.recipe, root).resume(found)

    def test_one_of_a_later_version_is_refused(self, tmp_path: Path) -> None:
        about = np.frombuffer(json.dumps({"format": 99}).encode(), np.uint8)
        np.savez(tmp_path / "later.npz", about=about)
        with pytest.raises(DataError, match="of format 99, and this watchword reads 1"):
            read_checkpoint(tmp_path / "later.npz")

    def test_what_is_not_finite_is_not_written_over_what_is(self, broken: Path, tmp_path: Path) -> None:
        path = tmp_path / "checkpoint.npz"
        path.write_bytes((broken / "checkpoint.npz").read_bytes())
        checkpoint = read_checkpoint(path)
        checkpoint.state.arrays["network"]["stem/conv.weights"][0] = np.inf
        with pytest.raises(DataError, match=r"not written, as network/stem/conv\.weights has become infinite or NaN"):
            write_checkpoint(checkpoint, path)
        assert path.read_bytes() == (broken / "checkpoint.npz").read_bytes()


class TestWriteWhole:
    def test_a_file_larger_than_the_disk_has_room_for_leaves_the_former(self, tmp_path: Path) -> None:
        resource = pytest.importorskip("resource", reason="only Unix limits the size of files")
        path = tmp_path / "a.npz"
        write_whole(path, b"former")
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        try:
            with pytest.raises(DataError, match=r"a\.npz: cannot be written: File too large; the former one is still there"):
                write_whole(path, bytes(100_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert path.read_bytes() == b"former"
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("step", ["fsync", "replace"])
    def test_a_full_disk_at_any_step_leaves_the_former(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        def full(*arguments: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        path = tmp_path / "a.npz"
        write_whole(path, b"former")
        monkeypatch.setattr(os, step, full)
        with pytest.raises(DataError, match="No space left on device"):
            write_whole(path, b"new")
        assert path.read_bytes() == b"former"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_folder_that_is_gone(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="cannot be written: No such file or directory"):
            write_whole(tmp_path / "gone" / "a.npz", b"new")

    def test_it_may_be_read_by_whom_the_former_could(self, tmp_path: Path) -> None:
        path = tmp_path / "a.npz"
        (tmp_path / "plain").write_bytes(b"")
        write_whole(path, b"new")
        assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode
