"""MicroPython's standard input and output as the line to the host: USB serial, a UART, or the pipes of the unix port.

On a board a read of stdin comes back only when all bytes that were asked for have come, and nothing tells how many wait. To
ask for one at a time costs 30 us each on an RP2040; for many at once, about 8. So many are asked for, and a timer ends a read
that waits for too long. The unix port's pipe gives what it holds, and needs no timer.
"""

import io
import os
import select
import sys
import time

from micropython import const

TICK = const(50)  # ms between two looks at a read that waits
_PATIENCE = const(50)  # ms that the rest of a line may be late by before the app goes on without it
SILENCE = const(1000)  # ms that a payload may take: one that has stopped is given up
_RESET = const(500)  # ms within which a host resets a device that was plugged in
_FREE = const(256)  # bytes that a line takes at once: USB's buffer on RP2 chips; a pipe takes more
_ENDPOINT = const(0x50100090)  # of an RP2 chip's USB: the buffers of endpoint 2, to the host,
_FULL = const(0x04000400)  # and the bits of both that say that a packet waits for the host,
_FRAME = const(0x50110048)  # and the number of the host's last frame, one a millisecond
_STOP = b"\0\n"  # what ends a read: no line that a host sends ends so


class Stdin:
    """The line to the host. `stopped`: whether the last read ended because too little came."""

    def __init__(self):
        self.input = sys.stdin.buffer
        self.output = sys.stdout.buffer  # which makes no two bytes of a line feed
        self.poller = select.poll()
        self.poller.register(self.input, select.POLLIN)
        self.outlet = select.poll()
        self.outlet.register(sys.stdout, select.POLLOUT)
        self.usb = None  # on RP2 chips, memory by address
        self.gone = None  # the number of the frame after which no other came,
        self.back = None  # and when others came again
        if sys.platform == "rp2":
            from machine import mem32

            self.usb = mem32
        self.stopper = Stopper() if sys.platform not in ("linux", "darwin") else None
        self.stopped = False

    def waiting(self):
        """Whether a byte can be read now. This and the reads raise a KeyboardInterrupt that came in a callback."""
        if self.stopper is not None and self.stopper.interrupted:
            self.stopper.check()
        for _, event in self.poller.ipoll(0):
            return event & select.POLLIN or event & select.POLLHUP
        return False

    def readline(self, limit):
        """Up to `limit` bytes of a line, as bytes: without a line feed at the end where more of it is still to come.

        None when nothing has come after all; b"" at the end of a pipe.
        """
        if self.stopper is None:
            return self.input.readline(limit)
        try:
            self.stopper.arm(_PATIENCE, 2)
            line = self.input.readline(limit)
        finally:
            self.stopper.disarm()
        self.stopper.check()
        return line[:-2] or None if line[-2:] == _STOP else line

    def readinto(self, view, n):
        """Read n bytes and return n; fewer when the rest does not come, 0 also at the end of a pipe."""
        if self.stopper is None:
            return self.input.readinto(view, n) or 0
        try:
            self.stopper.arm(SILENCE, n)
            self.input.readinto(view, n)
        finally:
            self.stopped = self.stopper.disarm()
        self.stopper.check()
        if self.stopped:
            at = bytes(view[:n]).find(_STOP[:1], max(0, n - self.stopper.given))
            if at >= 0:
                return at
            self.stopped = False  # the rest came at the last moment
        return n

    def free(self):
        """Return how many bytes can be written now without waiting.

        On RP2 chips a write waits for half a second when USB's buffer is full and nobody reads, and for ever when the cable
        was pulled while a terminal was open; POLLOUT promises a byte. But to ask for that lets USB do what it has to do, and
        then no packet waits for a host that is there only when the buffer is empty.
        """
        for _, event in self.outlet.ipoll(0):
            if event & select.POLLOUT and (self.usb is None or (not self.usb[_ENDPOINT] & _FULL and self.connected())):
                return _FREE
        return 0

    def connected(self):
        """Whether a host is at the cable: frames come."""
        frame = self.usb[_FRAME]
        if self.gone is not None:
            if frame == self.gone:
                self.back = None
                return False
            # Until the host has reset it, USB keeps what it had before, and a write might wait for ever.
            if self.back is None:
                self.back = time.ticks_ms()
            if time.ticks_diff(time.ticks_ms(), self.back) < _RESET:
                return False
            self.gone = self.back = None
            return True
        t0 = time.ticks_us()
        while self.usb[_FRAME] == frame:
            if time.ticks_diff(time.ticks_us(), t0) > 1500:
                self.gone = frame
                return False
        return True

    def write(self, data):
        self.output.write(data)

    def close(self):
        if self.stopper is not None:
            self.stopper.timer.deinit()
            self.stopper.disarm()


class Stopper(io.IOBase):
    """Ends a read of stdin: a second terminal, attached by a timer, that gives _STOP again and again.

    MicroPython prints and drops what is raised in a callback of a timer or a terminal, a KeyboardInterrupt too: the app
    would go on while mpremote waits. So it is kept here, ends the read that is going on, and `check` raises it.
    """

    def __init__(self):
        import machine

        self.until = None  # when the read that is going on has waited long enough
        self.given = self.most = 0  # bytes that this terminal has given and may give
        self.attached = False
        self.interrupted = False  # whether a KeyboardInterrupt came in a callback
        self.before = None  # the second terminal that a user has
        try:
            self.timer = machine.Timer(-1)
        except ValueError:  # a chip that has hardware timers only
            self.timer = machine.Timer(0)
        self.timer.init(period=TICK, callback=self.look)

    def arm(self, ms, n):
        """A read begins, which may take so long and needs n bytes at the most to end."""
        self.most = n
        self.until = time.ticks_add(time.ticks_ms(), ms)

    def disarm(self):
        """The read has ended; whether this terminal was attached for it."""
        self.until = None
        if not self.attached:
            return False
        self.attached = False
        os.dupterm(self.before)
        return True

    def check(self):
        """Raise the KeyboardInterrupt that came in a callback, if one did."""
        if self.interrupted:
            self.interrupted = False
            raise KeyboardInterrupt

    def look(self, timer):
        try:
            if self.until is not None and not self.attached:
                if self.interrupted or time.ticks_diff(time.ticks_ms(), self.until) >= 0:
                    self.attached = True
                    self.given = 0
                    self.before = os.dupterm(self)
            if self.attached and sys.platform == "esp32":
                os.dupterm_notify(self)  # there MicroPython asks a terminal only when it is told to
        except KeyboardInterrupt:
            self.interrupted = True

    # ---- what MicroPython asks of a terminal; it raises a KeyboardInterrupt at jumps, of which the last two have none

    def readinto(self, buffer):
        try:
            if self.given == self.most:
                return None
            buffer[0] = _STOP[self.given & 1]
            self.given += 1
            return 1
        except KeyboardInterrupt:
            self.interrupted = True
            return None  # it asks again

    def write(self, data):
        return len(data)

    def ioctl(self, request, argument):
        return 0
