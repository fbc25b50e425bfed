"""Events to pins: a relay, a lamp, whatever a word switches; and the board's own LED, which tells that it is alive.

Nothing here waits: `work` is called at every turn of the app, and does what is due.
"""

import time

from machine import Pin
from micropython import const

_PULSE = const(200)  # ms that a pulse is high, and then low
_BEAT = const(2000)  # ms between two flashes of the LED
_FLASH = const(20)  # ms
_ALARM = const(100)  # ms


class Output:
    """A pin that goes through changes of its level. level: what it is now."""

    def __init__(self, pin):
        self.pin = Pin(pin, Pin.OUT, value=0)
        self.level = self.left = 0  # left: changes that are still to come
        self.ms = 0  # from one to the next

    def set(self, level):
        self.level = level
        self.pin.value(level)

    def begin(self, changes, ms):
        """Go high now, and change so many times more, each `ms` after the one before."""
        self.set(1)
        self.left = changes
        self.ms = ms
        self.at = time.ticks_add(time.ticks_ms(), ms)

    def work(self):
        if self.left and time.ticks_diff(time.ticks_ms(), self.at) >= 0:
            self.set(1 - self.level)
            self.left -= 1
            self.at = time.ticks_add(self.at, self.ms)


class PinsSink:
    """Words switch pins, and the board's LED tells that it is alive.

    The LED flashes every two seconds while the board hears by itself, as `ears` knows, and for a word as many times as its
    place among those that fire; it blinks fast once listening has been given up. labels(): those that fire, in their order.
    """

    def __init__(self, labels, ears):
        self.labels = labels
        self.ears = ears
        self.actions = []
        self.outputs = {}  # by pin,
        self.all = []  # and in a list, to go through which allocates nothing
        self.led = None
        self.lost = False
        self.beat = self.due = time.ticks_ms()  # when the LED is to flash, and when something is to be done at all

    def use(self, actions):
        """actions: a list of {"label", "pin", "act", "seconds" or "count"}, as settings have it. All pins are low at first."""
        self.stop()
        self.actions = actions
        self.outputs = {action["pin"]: Output(action["pin"]) for action in actions}
        self.all = list(self.outputs.values())
        self.due = time.ticks_ms()
        try:
            pin = Pin("LED")
        except (ValueError, TypeError):  # a board without one
            return
        if pin not in [output.pin for output in self.outputs.values()]:
            self.led = Output("LED")

    def take(self, event):
        kind = event["event"]
        if kind == "detect":
            for action in self.actions:
                if action["label"] == event["label"]:
                    self.act(action, self.outputs[action["pin"]])
            self.show(event["label"])
        elif kind == "failed":
            self.lost = event["given_up"]
            self.beat = time.ticks_ms()
        else:
            return True
        self.due = time.ticks_ms()
        return True

    def act(self, action, output):
        act = action["act"]
        if act == "toggle":
            output.left = 0
            output.set(1 - output.level)
        elif act == "for":
            output.begin(1, int(action["seconds"] * 1000))
        else:
            output.begin(2 * action["count"] - 1, _PULSE)

    def show(self, label):
        if self.led is not None:
            labels = self.labels()
            place = labels.index(label) if label in labels else 0
            self.led.begin(2 * place + 1, _PULSE)
            self.beat = time.ticks_add(time.ticks_ms(), (2 * place + 2) * _PULSE)

    def work(self):
        """Do what is due."""
        now = time.ticks_ms()
        if time.ticks_diff(now, self.due) < 0:
            return
        led = self.led
        if led is not None and not led.left and time.ticks_diff(now, self.beat) >= 0:
            if self.ears.hearing or self.lost:
                led.begin(1, _ALARM if self.lost else _FLASH)
            self.beat = time.ticks_add(now, 2 * _ALARM if self.lost else _BEAT)
        self.due = self.beat if led is not None else time.ticks_add(now, _BEAT)
        for output in self.all:
            self.go_on(output)
        if led is not None:
            self.go_on(led)

    def go_on(self, output):
        output.work()
        if output.left and time.ticks_diff(output.at, self.due) < 0:
            self.due = output.at

    def stop(self):
        """Leave all pins low, and to others."""
        for output in self.outputs.values():
            output.set(0)
            output.pin.init(Pin.IN)
        self.outputs = {}
        self.all = []
        if self.led is not None:
            self.led.set(0)
            self.led = None
