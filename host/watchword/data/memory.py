"""How much memory there is, so that what needs more is refused before it starts and not killed in the night."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from watchword.errors import DataError

_GROUP = Path("/sys/fs/cgroup")
_UNLIMITED = 1 << 60  # what limits that are none are given as


def available() -> int | None:
    """Bytes that this process may still take without others being put out; None: not known here."""
    found = [bytes_ for bytes_ in (_of_system(), _of_group(), _of_process()) if bytes_ is not None]
    return min(found) if found else None


def require(parts: Mapping[str, int], advice: str) -> None:
    """DataError: what is needed, bytes by what for, is more than is available. advice: what to do."""
    free, total = available(), sum(parts.values())
    if free is None or total <= free:
        return
    which = ", ".join(f"{name} {_size(bytes_)}" for name, bytes_ in sorted(parts.items(), key=lambda part: -part[1])[:3])
    raise DataError(f"some {_size(total)} of memory are needed ({which}) and {_size(free)} are free: {advice}")


def _of_system() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    if sys.platform == "win32":
        return _of_windows()
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")  # all that there is: macOS does not tell what is free
    except (AttributeError, ValueError, OSError):
        return None


def _of_windows() -> int | None:
    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong)
            for name in ("total", "free", "pages", "free_pages", "virtual", "free_virtual", "extended")
        ]

    status = Status(length=ctypes.sizeof(Status))
    library: Any = ctypes
    if not library.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    return int(status.free)


def _of_group() -> int | None:
    """What is left in the control group that a container is in."""
    try:
        most = (_GROUP / "memory.max").read_text().strip()
        return None if most == "max" else int(most) - int((_GROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return None


def _of_process() -> int | None:
    """What `ulimit -v` leaves."""
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit == resource.RLIM_INFINITY or limit >= _UNLIMITED:
            return None
        return limit - int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError, ValueError):
        return None


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
