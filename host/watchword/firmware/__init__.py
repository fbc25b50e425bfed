"""What goes on a board: the files of `firmware/`, compiled by mpy-cross for the architecture of its chip.

    files("armv6m")  # {"watchword/app.mpy": b"M\x06…", …, "main.py": b"import asyncio…"}

`mpy` makes the files, `thumb` assembles what mpy-cross cannot, `packages` writes all for mip.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from watchword import shipped
from watchword.chips import CHIPS, SOURCE
from watchword.errors import SetupError
from watchword.firmware import thumb
from watchword.firmware.mpy import BYTECODE, NATIVE, architecture, cross_compiled

__all__ = ["BYTECODE", "MAIN", "NATIVE", "SOURCE", "architecture", "files"]

MAIN = "main.py"  # stays source: MicroPython looks for it under this name


def files(architecture: str) -> dict[str, bytes]:
    """All files for a board by their paths there, main.py last.

    Of kernels it gets the sets that chips of its architecture run, and of what hears a microphone the files of these chips.
    Source files go with the plain and the viper kernels and with all microphones, since nothing tells what that board is.

    Raises SetupError where mpy-cross fails, or says anything at all.
    """
    if architecture not in (*NATIVE, BYTECODE, SOURCE):
        raise SetupError(f"{architecture}: no such architecture; known: {', '.join((*NATIVE, BYTECODE, SOURCE))}")
    root = shipped.firmware()
    unused = _unused(architecture)
    found = {}
    with TemporaryDirectory(prefix="watchword-") as folder:
        for source in sorted((root / "watchword").rglob("*.py")):
            name = source.relative_to(root)
            if unused(source):
                continue
            if architecture == SOURCE:
                found[name.as_posix()] = source.read_bytes()
            else:
                code = _assembled(source, Path(folder)) if source.stem.endswith("_thumb") else source
                if code is not None:
                    # Its own name in tracebacks, too: MicroPython keeps each name that it meets, and this one it knows.
                    to = name.with_suffix(".mpy").as_posix()
                    found[to] = cross_compiled(code, to, architecture, Path(folder) / "compiled.mpy")
    found[MAIN] = (root / MAIN).read_bytes()
    return found


def _unused(architecture: str) -> Callable[[Path], bool]:
    """Whether a file is of no use to chips of an architecture. One that is of no known chip runs the plain kernels."""
    chips = CHIPS.values()
    here = [chip for chip in chips if chip.architecture == architecture]
    runs = {name for chip in here for name in chip.kernels} or {"plain"}
    kernels = tuple({f"_{name}" for chip in chips for name in chip.kernels} - {f"_{name}" for name in runs})
    hears = {name for chip in (chips if architecture == SOURCE else here) for name in chip.microphones}
    microphones = {name for chip in chips for name in chip.microphones} - hears
    return lambda path: path.stem.endswith(kernels) or (path.parent.name == "sources" and path.stem in microphones)


def _assembled(source: Path, folder: Path) -> Path | None:
    expanded = thumb.expand_file(source)
    if not expanded:
        return None
    path = folder / source.name
    path.write_text(expanded)
    return path
