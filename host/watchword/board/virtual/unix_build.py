"""MicroPython's unix port, which the virtual board `unix` runs: found on this machine, or built once per user."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from watchword.board.virtual import toolchain
from watchword.board.virtual.toolchain import Report
from watchword.errors import SetupError

VERSION = "1.25.0"
SUITE = "trixie"  # the Debian release that has this version

_PACKAGES = ("gcc", "libc6-dev", "make", "dpkg-dev", "xz-utils", "debian-archive-keyring")

# Processors for which the unix port has a native emitter. On the others (64-bit ARM among them) the firmware runs on its
# plain kernels, so that a MicroPython without viper must do there, and here must not.
_NATIVE = {"x86_64", "amd64", "i386", "i686", "armv6l", "armv7l"}

# Prints the version and, of what the firmware needs, the things that are missing.
_PROBE = """
import sys
missing = []
def need(name, code):
    try:
        exec(code, {})
    except Exception:
        missing.append(name)
need("asyncio", "import asyncio; asyncio.StreamReader")
need("select.poll", "import select; select.poll")
need("binascii.crc32", "import binascii; binascii.crc32")
need("hashlib.sha256", "import hashlib; hashlib.sha256")
need("micropython.heap_lock", "import micropython; micropython.heap_lock")
need("viper", "import micropython\\n@micropython.viper\\ndef f(x: int) -> int:\\n  return x")
print(sys.implementation.name, "%d.%d" % tuple(sys.implementation.version[:2]), *missing)
"""


def micropython(report: Report = lambda line: None) -> Path:
    """The executable of MicroPython's unix port: the one that `find` returns, or one built now, in about a minute.

    `report` receives lines of progress. Raises SetupError, in one line that says what to do, when it cannot be built.
    """
    toolchain.require_unix()
    return find() or _build(report)


def find() -> Path | None:
    """The MicroPython to use, if there is one: WATCHWORD_MICROPYTHON, one on PATH, or the one built before.

    One on PATH counts when it is version 1.25 or later and has all that the firmware needs. Raises SetupError when
    WATCHWORD_MICROPYTHON names one that does not do.
    """
    chosen = os.environ.get("WATCHWORD_MICROPYTHON")
    if chosen:
        executable = Path(chosen).absolute()
        reason = refusal(executable)
        if reason:
            raise SetupError(f"WATCHWORD_MICROPYTHON={chosen} cannot be used: it {reason}")
        return executable
    on_path = shutil.which("micropython")
    candidates = ([Path(on_path)] if on_path else []) + [_built()]
    return next((path for path in candidates if refusal(path) is None), None)


def refusal(executable: Path) -> str | None:
    """Why the firmware cannot run on this executable, as in "is MicroPython 1.22, and ...", or None."""
    try:
        probe = subprocess.run(
            [executable, "-c", _PROBE], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL, check=True
        )
        name, version, *missing = probe.stdout.split()
        major, minor = map(int, version.split("."))
    except (OSError, ValueError, subprocess.SubprocessError):
        return "does not run as MicroPython does"
    if name != "micropython":
        return f"is {name}, not MicroPython"
    if (major, minor) < (1, 25):
        return f"is MicroPython {version}, and 1.25 or later is needed"
    if platform.machine().lower() not in _NATIVE:
        missing = [feature for feature in missing if feature != "viper"]
    return f"lacks {', '.join(missing)}" if missing else None


def _built() -> Path:
    return toolchain.cache() / f"micropython-{VERSION}"


def _build(report: Report) -> Path:
    if not toolchain.on_debian():
        how = "run 'brew install micropython'" if sys.platform == "darwin" else "install it"
        raise SetupError(
            f"there is no MicroPython 1.25 or later on PATH, and it can be built on Debian and Ubuntu only: {how}, "
            "or set WATCHWORD_MICROPYTHON to its unix port"
        )
    built = _built()
    toolchain.check_folder(built.parent)
    log, lock, work = (built.with_name(f"{built.name}.{end}") for end in ("log", "lock", "build"))
    try:
        built.parent.mkdir(parents=True, exist_ok=True)
        with toolchain.locked(lock, report):
            if refusal(built) is None:
                return built  # another process built it meanwhile
            log.unlink(missing_ok=True)
            shutil.rmtree(work, ignore_errors=True)  # of a build that was broken off
            work.mkdir()
            # Renamed into place when it is known to work: whoever looks finds a whole one or none.
            os.replace(_make(work, report, log), built)
            shutil.rmtree(work)
    except OSError as error:
        raise SetupError(f"cannot build in {built.parent}: {error.strerror}; set WATCHWORD_CACHE to another folder") from error
    report(f"MicroPython {VERSION} stands in {built}")
    return built


def _make(work: Path, report: Report, log: Path) -> Path:
    """Build in `work`; returns the executable there."""
    toolchain.install(_PACKAGES, report=report, log=log)
    source = toolchain.fetch_source("micropython", SUITE, work, report=report, log=log)
    # Debian's source leaves micropython-lib out. asyncio, the only frozen module needed, is not part of it; the port's
    # makefile just wants to see the library's README.
    library, manifest = work / "lib", work / "manifest.py"
    library.mkdir()
    (library / "README.md").touch()
    manifest.write_text('include("$(MPY_DIR)/extmod/asyncio")\n')
    report(f"building MicroPython {VERSION} (unix port)")
    unix = [
        *(f"FROZEN_MANIFEST={manifest}", f"MPY_LIB_DIR={library}", "MICROPY_SSL_MBEDTLS=0"),
        *(f"MICROPY_PY_{part}=0" for part in ("BTREE", "FFI", "SSL")),
    ]
    # The compiler for frozen modules first, by itself: the port's make would hand its own settings on to it.
    for folder, settings in (source / "mpy-cross", []), (source / "ports" / "unix", unix):
        toolchain.run(toolchain.make(*settings), folder=folder, log=log, what=f"building MicroPython {VERSION}")
    executable = source / "ports" / "unix" / "build-standard" / "micropython"
    reason = refusal(executable)
    if reason:
        raise SetupError(f"the MicroPython just built {reason}; {log} may say why")
    return executable
