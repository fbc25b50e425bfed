"""What tests of descriptions share: a microWakeWord's `.json`, and the line in which a file is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from watchword import description
from watchword.errors import ModelError


def manifest(version: int, **micro: Any) -> dict[str, Any]:
    """What lies beside a microWakeWord."""
    parameters = {"probability_cutoff": 0.9, "sliding_window_size": 5, "feature_step_size": 10, "tensor_arena_size": 22348}
    if version == 1:
        parameters = {"probability_cutoff": 0.66, "sliding_window_average_size": 10}
    texts = {
        "type": "micro",
        "wake_word": "Hey  You",
        "author": "A. Author",
        "website": "https://example.org",
        "model": "x.tflite",
    }
    return {**texts, "version": version, "micro": {**parameters, **micro}}


def refused(path: Path, content: bytes) -> str:
    """The one line that a file is refused with."""
    path.write_bytes(content)
    with pytest.raises(ModelError) as error:
        description.read(path, 3)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < len(str(path)) + 300
    return str(error.value)
