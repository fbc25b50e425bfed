"""`watchword train` that is broken off: by Ctrl-C, by a full disk, by what is not finite; and gone on with."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit import tones
from tests.unit.command import Command

from watchword.train import trainer as trainer_module
from watchword.train.checkpoint import read_checkpoint
from watchword.train.trainer import Trainer

SHORT = tones.RECIPE.replace("epochs = 12", "epochs = 3")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recordings and a recipe of three epochs."""
    root = tones.write(tmp_path_factory.mktemp("tones"), each=10)
    (root / "recipe.toml").write_text(SHORT, "utf-8")
    return root


@pytest.fixture(scope="module")
def whole(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a run that nothing broke off."""
    out = tmp_path_factory.mktemp("whole")
    subprocess.run([*WATCHWORD, *arguments(root, out)], check=True, capture_output=True)
    return files(out)


WATCHWORD = (sys.executable, "-c", "from watchword.cli import main; main()")


def arguments(root: Path, out: Path) -> list[str]:
    return ["train", str(root / "recipe.toml"), "--data", str(root), "-o", str(out)]


def files(out: Path) -> dict[str, bytes]:
    """What a run wrote, but for the list that has its folder's name in it."""
    return {path.name: path.read_bytes() for path in out.iterdir() if path.is_file() and path.name != "validation.csv"}


def test_two_runs_give_equal_files(root: Path, whole: dict[str, bytes], command: Command, tmp_path: Path) -> None:
    done = command(*arguments(root, tmp_path))
    assert files(tmp_path) == whole
    assert sorted(whole) == sorted(
        ["checkpoint.npz", "curves.png", "history.csv", "history.json", "tones.tflite", "tones.toml"]
    )
    lines = [line for line in done.err.splitlines() if line.startswith("epoch ")]
    assert len(lines) == 3
    for word in ("loss", "validation loss", "accuracy", "rate", "gradient", "examples/s", "left"):
        assert word in lines[0]


def test_ctrl_c_saves_and_says_how_to_go_on(root: Path, whole: dict[str, bytes], command: Command, tmp_path: Path) -> None:
    # It is told in the middle of an epoch: by the second step of the second.
    script = (
        "import os, signal\n"
        "from watchword.train.hooks import Progress\n"
        "step = Progress.stepped\n"
        "def stepped(self, trainer, examples):\n"
        "    step(self, trainer, examples)\n"
        "    if (trainer.position.epoch, trainer.position.batch) == (2, 2):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "Progress.stepped = stepped\n"
        "from watchword.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments(root, tmp_path)], capture_output=True, text=True)
    assert done.returncode == 128 + signal.SIGINT, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    *_, last = done.stderr.splitlines()
    again = f"watchword train {root}/recipe.toml --data {root} -o {tmp_path} --resume"
    assert last == f"stopped in epoch 2 of 3 and saved: `{again}` goes on"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.npz", "history.csv", "history.json"]

    refused = command(*arguments(root, tmp_path), status=1)
    assert "is of a run that was not finished: --resume goes on with it; remove it to begin anew" in refused.error

    resumed = command(*arguments(root, tmp_path), "--resume")
    assert "going on in epoch 2, after batch 2" in resumed.err
    assert files(tmp_path) == whole


def test_a_run_that_is_finished_is_resumed_at_its_end(
    root: Path, whole: dict[str, bytes], command: Command, tmp_path: Path
) -> None:
    command(*arguments(root, tmp_path))
    for path in tmp_path.iterdir():
        if path.is_file() and path.name != "checkpoint.npz":
            path.unlink()
    command(*arguments(root, tmp_path), "--resume")
    assert files(tmp_path) == whole


def test_a_full_disk_ends_the_run_and_leaves_the_former_checkpoint(
    root: Path, whole: dict[str, bytes], command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, names = os.replace, []

    def full(source: Path, target: Path) -> None:
        names.append(Path(target).name)
        if names.count("checkpoint.npz") == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        done = command(*arguments(root, tmp_path), status=1)
    assert done.error == f"{tmp_path}/checkpoint.npz: cannot be written: No space left on device; the former one is still there"
    assert read_checkpoint(tmp_path / "checkpoint.npz").state.position.epoch == 2
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".part"]
    command(*arguments(root, tmp_path), "--resume")
    assert files(tmp_path) == whole


def test_a_loss_that_is_not_finite_ends_the_run_in_one_line(
    root: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Trainer.step

    def spoilt(self: Trainer, examples: trainer_module.Examples) -> float:
        if self.position.steps == 4:
            self.network.parameters()["stem/conv.weights"][0] = float("nan")
        return step(self, examples)

    monkeypatch.setattr(Trainer, "step", spoilt)
    done = command(*arguments(root, tmp_path), status=1)
    assert "the loss is NaN, first in weights of layer stem/conv, which has NaN: a lower training.rate" in done.error


def test_resuming_without_a_run(root: Path, command: Command, tmp_path: Path) -> None:
    done = command(*arguments(root, tmp_path), "--resume", status=1)
    assert done.error == f"{tmp_path}/checkpoint.npz: no such file: there is no run to go on with"


def test_resuming_a_run_of_another_model(root: Path, whole: dict[str, bytes], command: Command, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.npz").write_bytes(whole["checkpoint.npz"])
    other = tmp_path / "other.toml"
    other.write_text(SHORT.replace("channels = 16", "channels = 8"), "utf-8")
    done = command("train", other, "--data", root, "-o", tmp_path, "--resume", status=1)
    assert "checkpoint.npz: is of a run with architecture.channels = 16, not 8: resume with that" in done.error
