"""What teaching is worth: words that the keyword model never heard, by five shots each. Writes tests/bench/taught.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchword.board import Board, Detection
from watchword.data import audio, words
from watchword.data.clips import Clip
from watchword.data.manifests import read_manifest
from watchword.data.sources import read_files
from watchword.evaluate import fewshot
from watchword.evaluate.fewshot import FewShot, Neighbours, few_shot
from watchword.features.tables import RATE
from watchword.model import Model, keywords, load

DRAWS = 2  # of shots for running speech
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
        low, high = one.accuracy_ci95
        figures = (one.accuracy, (high - low) / 2, one.detection_at_fa5, one.detection_at_fa1)
        cells = (where, how, f"{one.draws} of {one.queries}", *(f"{100 * figure:.1f}" for figure in figures))
        rows.append("| " + " | ".join(cells) + " |\n")
        print(rows[-1], end="")

    ways = {
        "two nearest shots": Neighbours(),
        "the nearest one": Neighbours(1),
        "the three nearest": Neighbours(3),
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
    text += _in_speech(model, {word: [clip for clip in clips if clip.label == word] for word in WORDS[:3]}, speech)
    (root / "tests/bench/taught.md").write_text(text)


def _fired(board: Board, clip: Clip) -> list[str]:
    """The taught words that fire in a clip."""
    return [e.label for e in board.listen(audio.read(clip.path)) if isinstance(e, Detection) and e.taught]


def _in_speech(model: Model, clips: dict[str, list[Clip]], speech: Path) -> str:
    """What the unix board fires of taught words, and in people's talk, by what it was given to tell them from."""
    talk = read_files(speech / "picovoice_intent_speech/manifest.csv")
    hours = sum(len(audio.read(clip.path)) for clip in talk[1::2]) / RATE / 3600
    isolated = read_manifest(speech / "speech_commands_v002_test/manifest.csv", label_column="word", split="dev_train")
    backgrounds = {
        "nothing": b"",
        f"{len(talk[::2])} recordings of talk": fewshot.background(model, talk[::2]).tobytes(),
        "64 other words, each alone": fewshot.background(model, isolated).tobytes(),
    }
    text = "\n## In running speech\n\n"
    text += f"The unix board, taught {', '.join(clips)} by five shots each, hears 20 further recordings of each, and "
    text += f"{3600 * hours:.0f} s of other people's talk. Means of {DRAWS} draws.\n\n"
    text += "| `--background` | recognised, % | another taught word, % | false alarms an hour |\n| - | -: | -: | -: |\n"
    with Board.open("unix") as board:
        for name, background in backgrounds.items():
            board.push(model.compile("unix", background=background))
            right = wrong = alarms = 0
            for draw in range(DRAWS):
                for word in board.taught(ready=True).words:
                    board.forget(word)
                for word, own in clips.items():
                    for clip in own[25 * draw : 25 * draw + 5]:
                        samples = audio.read(clip.path)
                        board.scores(words.crop(samples, words.find(samples), RATE))
                        board.enrol(word)
                for word, own in clips.items():
                    for clip in own[25 * draw + 5 : 25 * draw + 25]:
                        fired = set(_fired(board, clip))
                        right += word in fired
                        wrong += bool(fired - {word})
                for clip in talk[1::2]:
                    alarms += len(_fired(board, clip))
            asked = 20 * DRAWS * len(clips)
            cells = (name, f"{100 * right / asked:.0f}", f"{100 * wrong / asked:.0f}", f"{alarms / hours / DRAWS:.0f}")
            text += "| " + " | ".join(cells) + " |\n"
            print(text.splitlines()[-1])
    return text
