"""What differs from chip to chip, apart from the kernels: restart, identity, clock, watchdog."""

import sys

from micropython import const

from watchword import Refusal

RESTART = const(75)  # exit status by which the unix port asks to be started anew
UNIX = sys.platform in ("linux", "darwin")


def target():
    """The name of the target that programs for this board are compiled for."""
    if sys.platform == "rp2":
        return "rp2350" if "RP2350" in sys.implementation._machine else "rp2040"
    if sys.platform == "esp32":
        machine = sys.implementation._machine.lower()
        for name in ("esp32s3", "esp32s2", "esp32c3", "esp32c6"):
            if name in machine.replace("-", ""):
                return name
        return "esp32"
    return "unix" if sys.platform in ("linux", "darwin") else sys.platform


def restart():
    """Start again on a fresh heap."""
    if UNIX:
        sys.exit(RESTART)
    import machine

    machine.soft_reset()


def unique_id():
    try:
        from binascii import hexlify

        import machine

        return hexlify(machine.unique_id()).decode()
    except (ImportError, AttributeError):
        return "unix"


def frequency():
    """Of the processor, in Hz; None where it is not known."""
    if UNIX:
        return None
    import machine

    f = machine.freq()
    return f[0] if isinstance(f, tuple) else f


def check_pin(number):
    """Refusal: this board has no such pin."""
    from machine import Pin

    try:
        Pin(number)
    except (ValueError, TypeError):
        raise Refusal("GPIO%d: this board has no such pin" % number)


# Of the register that arms the watchdog, where writes clear bits.
_CLEAR_CONTROL = {"RP2040": 0x4005B000, "RP2350": 0x400DB000}
_ENABLE = const(0x40000000)


class Watchdog:
    """Resets the board when `feed` is not called for `ms` milliseconds, until `stop`.

    Only RP2 chips have one that can be stopped again; MicroPython has no call for that, so it is done in its register. On
    other chips nothing watches (`works` is false), as a watchdog for good would be the end of every pause at the REPL.
    """

    def __init__(self, ms):
        self.works = sys.platform == "rp2"
        if self.works:
            import machine

            self.device = machine.WDT(timeout=ms)

    def feed(self):
        if self.works:
            self.device.feed()

    def stop(self):
        if self.works:
            import machine

            for chip, address in _CLEAR_CONTROL.items():
                if chip in sys.implementation._machine:
                    machine.mem32[address] = _ENABLE
