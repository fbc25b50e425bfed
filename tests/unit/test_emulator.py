"""The tests of the virtual Pico's emulator and boot ROM, which Node runs: tests/emulator.

They import the emulator where it was built, beside its package from npm: `build.pico` makes it of today's sources.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from watchword.board.virtual.pico import build, image

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="virtual boards do not exist on Windows")

FILES = sorted((Path(__file__).parents[1] / "emulator").glob("*.test.mjs"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.removesuffix(".test.mjs"))
def test_by_node(file: Path, tmp_path: Path) -> None:
    parts = build.pico(print)
    flash = tmp_path / "micropython.img"
    image.write(flash, parts.firmware.read_bytes(), {})
    done = subprocess.run(
        [parts.node, "--test", file],
        env={
            **os.environ,
            "WATCHWORD_EMULATOR": str(parts.emulator),
            "WATCHWORD_BOOTROM": str(parts.bootrom),
            "WATCHWORD_IMAGE": str(flash),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
