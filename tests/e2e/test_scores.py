"""`evaluate --scores`: a board gives the scores of the reference, of clips that fire and of those that do not."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from tests.e2e.command import watchword
from tests.unit.test_evaluate import louder
from watchword import tflite
from watchword.data import audio


def test_scores_of_a_wake_word_are_the_reference_s(tmp_path: Path, micropython: Path) -> None:
    (tmp_path / "word.tflite").write_bytes(tflite.write(louder()))
    (tmp_path / "word.toml").write_text('name = "word"\nlabels = ["word"]\n[decision]\ncutoff = 0.5\nwindow = 1\nstride = 2\n')
    noise = np.random.default_rng(1).normal(0, 1, 16000)
    lines = ["file,label"]
    for loudness in (6000, 2, 1, 0):
        audio.write(tmp_path / f"{loudness}.wav", audio.to_int16(loudness * noise))
        lines.append(f"{loudness}.wav,word")
    (tmp_path / "clips.csv").write_text("\n".join(lines))
    tables = {}
    for on in ("reference", "unix"):
        out = tmp_path / f"{on}.csv"
        watchword(
            "evaluate", tmp_path / "word.tflite", "--data", tmp_path / "clips.csv", "--on", on, "--scores", out
        )  # fmt: skip
        tables[on] = list(csv.DictReader(out.read_text().splitlines()))
    assert tables["unix"] == tables["reference"]
    assert {row["fired"] for row in tables["unix"]} == {"0", "1"}
    assert all(row["score"] for row in tables["unix"])
    assert len({row["score"] for row in tables["unix"]}) > 2
