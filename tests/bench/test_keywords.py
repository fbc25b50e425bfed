"""The keyword model on streams: how many words it answers and how often it answers nothing, by cutoff.

Writes models/keywords/operating_points.md, from which the model's cutoff is chosen.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from watchword.data import audio
from watchword.data.manifests import read_manifest
from watchword.evaluate.streaming import operating_points
from watchword.model import keywords, load

CUTOFFS = [round(float(c), 2) for c in np.arange(0.5, 0.98, 0.03)]
SETS = ("picovoice_intent_speech", "picovoice_wakeword", "hymel_custom_words")


def test_operating_points(root: Path, shared_data: Path) -> None:
    model = load(keywords())
    manifest = shared_data / "speech/speech_commands_v002_test/manifest.csv"
    words = [(clip.path, clip.label) for clip in read_manifest(manifest, label_column="label12", split="dev_val")]
    others = {name: audio.find(shared_data / "speech" / name) for name in SETS}
    hours = {name: sum(len(audio.read(file)) for file in files) / 16000 / 3600 for name, files in others.items()}
    points = {name: operating_points(model, words if name == SETS[0] else [], files, CUTOFFS) for name, files in others.items()}
    lines = [
        "| cutoff | words answered rightly | wrongly | "
        + " | ".join(f"{name} ({hours[name]:.2f} h)" for name in SETS)
        + " | all |",
        "|---" * (4 + len(SETS)) + "|",
    ]
    for i, cutoff in enumerate(CUTOFFS):
        rates = [points[name][i].false_accepts_per_hour for name in SETS]
        total = sum(rate * hours[name] for rate, name in zip(rates, SETS, strict=True)) / sum(hours.values())
        first = points[SETS[0]][i]
        cells = [
            f"{cutoff:.2f}",
            f"{first.hit_rate:.1%}",
            f"{first.wrong_rate:.1%}",
            *(f"{rate:.0f}" for rate in rates),
            f"{total:.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    decision = model.description.decision
    text = (
        "False accepts per hour on speech without the words, and words of dev_val answered, by cutoff\n"
        f"(window {decision.window}, stride {decision.stride}; `make bench` writes this).\n\n"
    )
    text += "\n".join(lines) + "\n"
    (root / "models/keywords/operating_points.md").write_text(text)
    print("\n" + text)
    assert points[SETS[0]][-1].false_accepts_per_hour <= points[SETS[0]][0].false_accepts_per_hour
