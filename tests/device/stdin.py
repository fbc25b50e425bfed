"""A Ctrl-C that comes in a callback, which MicroPython would print and drop, still ends the app and a read that waits."""

import sys
import time

from watchword import stdin

UNIX = sys.platform in ("linux", "darwin")  # it has neither timers nor a second terminal


class Timer:
    """A board's, for the unix port: what its callback raises is dropped."""

    def __init__(self, number):
        pass

    def init(self, period, callback):
        Timer.callback = callback

    def deinit(self):
        pass

    def tick():
        try:
            Timer.callback(None)
        except BaseException as error:
            sys.print_exception(error)


class Clock:
    """A Ctrl-C comes while it is read for the second time: the first is when a read of the line begins."""

    ticks_add, ticks_diff = time.ticks_add, time.ticks_diff

    def __init__(self):
        self.reads = 0

    def ticks_ms(self):
        self.reads += 1
        if self.reads == 2:
            raise KeyboardInterrupt
        return time.ticks_ms()


class Line(stdin.Stdin):
    """One whose stopper meets a Ctrl-C."""

    def __enter__(self):
        if self.stopper is None:
            sys.modules["machine"] = sys.modules[__name__]
            self.stopper = stdin.Stopper()
        stdin.time = Clock()
        return self

    def __exit__(self, *error):
        stdin.time = time
        self.close()
        if UNIX:
            del sys.modules["machine"]

    def interrupted(self, do, *arguments):
        try:
            do(*arguments)
        except KeyboardInterrupt:
            return True
        return False


def test_the_main_loop_raises_it():
    with Line() as line:
        line.stopper.arm(0, 1)
        Timer.tick() if UNIX else time.sleep_ms(2 * stdin.TICK)
        line.stopper.until = None
        assert line.interrupted(line.waiting)
        assert not line.interrupted(line.waiting)


def test_a_terminal_that_is_asked_keeps_it():
    class Interrupted:
        def __eq__(self, other):
            raise KeyboardInterrupt

    with Line() as line:
        line.stopper.most = Interrupted()
        assert line.stopper.readinto(bytearray(1)) is None
        assert line.interrupted(line.waiting)


if not UNIX:

    def test_a_read_that_waits_ends_by_it():
        with Line() as line:
            assert line.interrupted(line.readline, 100)
            assert not line.stopper.attached
        with Line() as line:
            t0 = time.ticks_ms()
            assert line.interrupted(line.readinto, memoryview(bytearray(100)), 100)
            assert time.ticks_diff(time.ticks_ms(), t0) < stdin.SILENCE  # not only when the payload is given up
            assert not line.interrupted(line.waiting)
