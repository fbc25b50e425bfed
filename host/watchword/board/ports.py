"""Serial ports: those that there are, choosing one, and why one cannot be opened."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from watchword.errors import BoardError

# What a USB device is by vendor and product, and whether MicroPython is behind it; None: it may be.
_KNOWN: dict[tuple[int, int], tuple[str, bool | None]] = {
    (0x2E8A, 0x0005): ("Raspberry Pi Pico, or another RP2 board", True),
    (0x2E8A, 0x0009): ("RP2 board with a program of the C SDK", False),
    (0x2E8A, 0x000A): ("RP2 board with a program of the C SDK", False),
    (0x2E8A, 0x0004): ("Raspberry Pi debug probe (picoprobe)", False),
    (0x2E8A, 0x000C): ("Raspberry Pi debug probe", False),
    (0x303A, 0x4001): ("ESP32-S2 or -S3", True),
    (0x303A, 0x1001): ("ESP32-S3, -C3 or -C6, its own USB serial", None),
    (0xF055, 0x9800): ("pyboard", True),
    (0xF055, 0x9801): ("pyboard", True),
    (0xF055, 0x9802): ("pyboard", True),
    (0x10C4, 0xEA60): ("CP210x bridge, as on ESP32 boards", None),
    (0x1A86, 0x7523): ("CH340 bridge, as on ESP32 boards", None),
    (0x1A86, 0x55D4): ("CH9102 bridge, as on ESP32 boards", None),
    (0x1A86, 0x55D3): ("CH343 bridge, as on ESP32 boards", None),
    (0x0403, 0x6001): ("FT232 bridge", None),
    (0x0403, 0x6010): ("FT2232 bridge", None),
    (0x0403, 0x6015): ("FT231X bridge", None),
}


@dataclass(frozen=True)
class Port:
    """A serial port on USB. usb: "VID:PID"; what: a name for people; micropython: whether it is behind it, None: it may be."""

    device: str
    usb: str
    what: str
    micropython: bool | None


def serial_ports() -> list[Port]:
    """The serial ports on USB, by name. Others (a computer's own, Bluetooth) have no board behind them, or none that tells."""
    try:
        from serial.tools import list_ports
    except ImportError:  # raised where pyserial knows nothing of a system's ports
        return []

    found = []
    for port in list_ports.comports():
        if port.vid is not None and port.pid is not None:
            named = port.product or (port.description if port.description != "n/a" else None) or "unknown"
            what, micropython = _KNOWN.get((port.vid, port.pid), (named, None))
            found.append(Port(port.device, f"{port.vid:04X}:{port.pid:04X}", what, micropython))
    return sorted(found, key=lambda port: port.device)


def boards() -> list[str]:
    """The ports that a board running MicroPython may be behind."""
    return [port.device for port in serial_ports() if port.micropython is not False]


def choose() -> tuple[str, str]:
    """(target, why) where the user names none: the one board plugged in, else the virtual unix board."""
    found = boards()
    if len(found) == 1:
        return found[0], "the one board plugged in"
    if found:
        raise BoardError(f"{len(found)} boards are plugged in: choose one with --on, of {', '.join(found)}")
    return "unix", "no board is plugged in"


def refusal(port: str) -> str | None:
    """Why a port cannot be opened for oneself, as one line that says what to do; None where it can."""
    import serial

    if "://" not in port and os.path.exists(port) and holders(port):
        return _in_use(port)  # by one that took no lock
    try:
        line = serial.serial_for_url(port, do_not_open=True, exclusive=True)
        line.open()
        line.close()
    except (serial.SerialException, ValueError, OSError) as error:
        return explain(port, error)
    return None


def explain(port: str, error: Exception) -> str:
    """The likely cause of an error of pyserial's in opening a port, as one line that says what to do."""
    if "://" in port:
        if isinstance(error, ValueError):
            return f"{port}: not a URL that pyserial opens; of a virtual board it is as `watchword board start` prints it"
        return f"{port}: nothing answers at that address: is the board on, and is it that port?"
    number = getattr(error, "errno", None)
    text = str(error)
    missing = number in (errno.ENOENT, errno.ENODEV, errno.ENXIO) or "FileNotFoundError" in text
    if missing or (os.name == "posix" and not os.path.exists(port)):
        there = [found.device for found in serial_ports()]
        if there:
            return f"{port}: no such port; there is {', '.join(there)}"
        return f"{port}: no such port, and no other: is the board plugged in, with a cable that carries data?"
    if number in (errno.EACCES, errno.EPERM) and os.name == "posix":
        group = _group(port)
        return f"{port}: you may not open it: run 'sudo usermod -aG {group} $USER', log out and in again"
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in text or "PermissionError" in text:
        return _in_use(port)
    return f"{port}: cannot be opened: {text}"


def _in_use(port: str) -> str:
    users = holders(port)
    by = f" by {', '.join(users)}" if users else ""
    return f"{port}: in use{by}: close what uses it (a terminal, an editor, another watchword), then again"


def holders(port: str) -> list[str]:
    """The processes that have a port open, as "name (process 123)": this user's, where /proc tells of them."""
    device = os.path.realpath(port)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            if any(os.path.realpath(file) == device for file in (process / "fd").iterdir()):
                found.append(f"{(process / 'comm').read_text().strip()} (process {process.name})")
        except OSError:  # another user's, or gone
            continue
    return found


def _group(port: str) -> str:
    """The group that may open the port; dialout where it cannot be told."""
    try:
        import grp

        group = grp.getgrgid(os.stat(port).st_gid).gr_name
    except (ImportError, OSError, KeyError):
        return "dialout"
    return "dialout" if group == "root" else group
