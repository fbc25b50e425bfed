"""What teaching is worth: words that the keyword model never heard, by five shots each. Writes tests/bench/taught.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchword.board import Board
from watchword.data.clips import read_manifest
from watchword.evaluate.fewshot import FewShot, Neighbours, few_shot
from watchword.model import keywords, load

WORDS = ("computer", "jarvis", "alexa", "hadouken", "dracarys", "archie")


def test_taught_words(root: Path, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_STATE", str(tmp_path))
    speech = shared_data / "speech"
    sets = ("picovoice_wakeword", "hymel_custom_words")
    found = [clip for name in sets for clip in read_manifest(speech / name / "manifest.csv", label_column="word")]
    clips = [clip for clip in found if clip.label in WORDS]
    commands = speech / "speech_commands_v002_test/manifest.csv"
    unknown = [clip for clip in read_manifest(commands, label_column="word", split="dev_val") if clip.label not in WORDS]
    model = load(keywords())
    rows = []

    def row(where: str, how: str, one: FewShot) -> None:
        figures = (one.accuracy, one.accuracy_ci95, one.detection_at_fa5, one.detection_at_fa1)
        cells = (where, how, f"{one.draws} of {one.queries}", *(f"{100 * figure:.1f}" for figure in figures))
        rows.append("| " + " | ".join(cells) + " |\n")
        print(rows[-1], end="")

    ways = {
        "two nearest shots": Neighbours(),
        "the nearest one": Neighbours(1),
        "the three nearest": Neighbours(3),
        "two nearest, sums of differences": Neighbours(absolute=True),
        "the mean of the shots": Neighbours(means=True),
    }
    for how, neighbours in ways.items():
        row("reference", how, few_shot(model, clips, unknown, neighbours=neighbours))
    with Board.open("unix") as board:
        board.push(model.compile("unix"), scratch=True)
        on_unix = few_shot(model, clips, unknown, board=board)
    row("unix", "two nearest shots", on_unix)
    assert on_unix == few_shot(model, clips, unknown)
    with Board.open("pico") as board:
        board.push(model.compile("rp2040"), scratch=True)
        on_pico = few_shot(model, clips, unknown, draws=2, queries=10, board=board)
    row("virtual Pico", "two nearest shots", on_pico)
    assert on_pico == few_shot(model, clips, unknown, draws=2, queries=10)
    text = "# Words taught by five shots\n\n"
    text += f"`make bench` writes this. {', '.join(WORDS)}: none of them was in the keyword model's training. Unknown: "
    text += f"{len(unknown)} clips of other words (Speech Commands, dev_val).\n"
    text += "Percent; ±: 95 % over draws; recognised: "
    text += "right, and nearer than all but 5 (or 1) % of the unknown.\n\n"
    text += "| embeddings by | a word's distance | draws, queries in each | accuracy | ± | recognised at 5 % | at 1 % |\n"
    text += "| - | - | -: | -: | -: | -: | -: |\n" + "".join(rows)
    (root / "tests/bench/taught.md").write_text(text)
