"""Who is told of events: each at its own pace, and none holds up another. Pins and time are stand-ins."""

import asyncio

from standins import Clock, imported

from watchword.sinks import MOST, Events
from watchword.sinks.callback import CallbackSink
from watchword.sinks.link import LinkSink


class Sink:
    """Takes events while it may: `room` of them."""

    def __init__(self, room):
        self.room = room
        self.taken = []

    def take(self, event):
        if not self.room:
            return False
        self.room -= 1
        self.taken.append(event["seq"])
        return True


class Pin:
    IN, OUT = 0, 1
    led = True
    levels = {}
    modes = {}

    def __init__(self, number, mode=None, value=None):
        if number == "LED" and not Pin.led:
            raise ValueError("unknown named pin")
        self.number = number
        Pin.modes[number] = mode
        if value is not None:
            Pin.levels[number] = value

    def value(self, level):
        Pin.levels[self.number] = level

    def init(self, mode):
        Pin.modes[self.number] = mode

    def __eq__(self, other):
        return {"LED": 25}.get(self.number, self.number) == {"LED": 25}.get(other.number, other.number)


class Machine:
    Pin = Pin


class Ears:
    hearing = False


def pins_sink(actions, labels=("yes", "no", "up")):
    pins = imported("watchword.sinks.pins", Machine)
    pins.time = Clock
    pins.Pin = Pin
    Pin.levels.clear()
    Pin.modes.clear()
    Clock.ms = 0
    sink = pins.PinsSink(lambda: list(labels), Ears())
    sink.use(actions)
    return sink


def detect(label):
    return {"event": "detect", "label": label}


def changes(sink, number, ms):
    """When a pin's level changes in so many milliseconds, one by one."""
    found = []
    level = Pin.levels[number]
    for _ in range(ms):
        Clock.ms += 1
        sink.work()
        if Pin.levels[number] != level:
            level = Pin.levels[number]
            found.append((Clock.ms, level))
    return found


def test_each_sink_has_all_events_in_their_order():
    events = Events()
    fast, slow = Sink(1000), Sink(0)
    events.add(fast)
    events.add(slow)
    for i in range(MOST):
        events.put("note", {})
    assert fast.taken == list(range(MOST))
    assert slow.taken == []
    slow.room = 1000
    events.work()
    assert slow.taken == fast.taken
    assert events.waiting == []


def test_a_slow_sink_loses_the_oldest_and_the_others_nothing():
    events = Events()
    fast, slow = Sink(1000), Sink(1)
    events.add(fast)
    events.add(slow)
    for i in range(3 * MOST):
        events.put("note", {})
    slow.room = 5
    events.work()
    last = 3 * MOST - MOST
    assert slow.taken == [0] + list(range(last, last + 5))
    assert fast.taken == list(range(3 * MOST))
    assert len(events.waiting) == MOST - 5
    slow.room = 1000
    events.put("note", {})
    assert slow.taken == [0] + list(range(last, 3 * MOST + 1))


def test_without_sinks_nothing_is_kept_for_ever():
    events = Events()
    for i in range(100):
        events.put("note", {})
    assert len(events.waiting) <= MOST


def test_a_sink_that_comes_later_has_those_that_wait():
    events = Events()
    events.add(Sink(0))
    for i in range(3):
        events.put("note", {})
    late = Sink(1000)
    events.add(late)
    events.work()
    assert late.taken == [0, 1, 2]


def test_the_host_is_told_when_the_line_is_free():
    class Link:
        free = False
        sent = []

        def work(self):
            return self.free

        def send(self, event):
            self.sent.append(event)

    link = Link()
    events = Events()
    events.add(LinkSink(link))
    events.put("note", {"x": 1})
    assert link.sent == []
    link.free = True
    events.work()
    assert link.sent == [{"x": 1, "event": "note", "seq": 0}]


def test_a_plain_function_gets_each_event_and_may_fail():
    seen, logs = [], []

    def on_event(event):
        seen.append(event["seq"])
        if event["seq"] == 1:
            raise ValueError("no")

    events = Events()
    events.add(CallbackSink(on_event, logs.append))
    for i in range(4):
        events.put("note", {})
    assert seen == [0, 1, 2, 3]
    assert logs == ["on_event failed: ValueError: no"]


def test_an_async_function_gets_one_event_after_the_other_and_may_fail():
    seen, logs = [], []

    async def on_event(event):
        seen.append(("begins", event["seq"]))
        await asyncio.sleep_ms(1)
        if event["seq"] == 1:
            raise ValueError("no")
        seen.append(("ends", event["seq"]))

    async def main():
        events = Events()
        events.add(CallbackSink(on_event, logs.append))
        for i in range(4):
            events.put("note", {})
        assert len(seen) == 0
        for i in range(40):
            await asyncio.sleep_ms(1)
            events.work()

    asyncio.run(main())
    assert seen == [(what, n) for n in range(4) for what in ("begins", "ends") if (what, n) != ("ends", 1)]
    assert logs == ["on_event failed: ValueError: no"]


def test_a_pin_is_high_for_its_time_and_again_from_the_last_word_on():
    sink = pins_sink([{"label": "yes", "pin": 3, "act": "for", "seconds": 0.5}])
    assert (Pin.levels[3], Pin.modes[3]) == (0, Pin.OUT)
    sink.take(detect("no"))
    assert Pin.levels[3] == 0
    sink.take(detect("yes"))
    assert Pin.levels[3] == 1
    assert changes(sink, 3, 300) == []
    sink.take(detect("yes"))
    assert changes(sink, 3, 1000) == [(800, 0)]


def test_a_pin_toggles():
    sink = pins_sink([{"label": "yes", "pin": 3, "act": "toggle"}])
    for level in (1, 0, 1):
        sink.take(detect("yes"))
        assert Pin.levels[3] == level
        assert changes(sink, 3, 500) == []


def test_a_pin_gives_pulses():
    sink = pins_sink([{"label": "yes", "pin": 3, "act": "pulse", "count": 3}])
    sink.take(detect("yes"))
    assert Pin.levels[3] == 1
    assert changes(sink, 3, 3000) == [(200, 0), (400, 1), (600, 0), (800, 1), (1000, 0)]


def test_a_late_turn_of_the_app_does_not_stretch_pulses():
    sink = pins_sink([{"label": "yes", "pin": 3, "act": "pulse", "count": 3}])
    sink.take(detect("yes"))
    Clock.ms = 350
    assert [at for at, _ in changes(sink, 3, 3000)] == [351, 400, 600, 800, 1000]


def test_two_words_share_a_pin_and_one_word_has_two():
    sink = pins_sink(
        [
            {"label": "yes", "pin": 3, "act": "for", "seconds": 10},
            {"label": "no", "pin": 3, "act": "toggle"},
            {"label": "yes", "pin": 4, "act": "toggle"},
        ]
    )
    sink.take(detect("yes"))
    assert (Pin.levels[3], Pin.levels[4]) == (1, 1)
    sink.take(detect("no"))
    assert changes(sink, 3, 20000) == []
    assert (Pin.levels[3], Pin.levels[4]) == (0, 1)


def test_other_actions_leave_the_pins_of_those_before_low_and_free():
    sink = pins_sink([{"label": "yes", "pin": 3, "act": "toggle"}])
    sink.take(detect("yes"))
    sink.use([{"label": "yes", "pin": 4, "act": "toggle"}])
    assert (Pin.levels[3], Pin.modes[3]) == (0, Pin.IN)
    sink.take(detect("yes"))
    assert (Pin.levels[3], Pin.levels[4]) == (0, 1)
    sink.stop()
    assert (Pin.levels[4], Pin.modes[4], Pin.levels["LED"]) == (0, Pin.IN, 0)


def test_the_led_flashes_while_the_board_hears():
    sink = pins_sink([])
    assert changes(sink, "LED", 5000) == []
    sink.ears.hearing = True
    found = changes(sink, "LED", 6000)
    assert [level for _, level in found] == [1, 0] * 3
    assert [b - a for (a, _), (b, _) in zip(found[::2], found[1::2])] == [20] * 3
    assert [b - a for (a, _), (b, _) in zip(found[::2], found[2::2])] == [2000] * 2


def test_the_led_blinks_for_a_word_as_often_as_its_place():
    for label, times in (("yes", 1), ("no", 2), ("up", 3), ("another", 1)):
        sink = pins_sink([])
        sink.ears.hearing = True
        sink.take(detect(label))
        found = [(0, 1)] + changes(sink, "LED", 200 * (2 * times - 1) + 50)
        assert len(found) == 2 * times, (label, found)


def test_the_led_blinks_fast_once_listening_is_given_up():
    sink = pins_sink([])
    sink.take({"event": "failed", "given_up": False})
    assert changes(sink, "LED", 1000) == []
    sink.take({"event": "failed", "given_up": True})
    assert len(changes(sink, "LED", 1000)) in (9, 10)


def test_a_led_that_a_word_switches_is_left_to_it():
    sink = pins_sink([{"label": "yes", "pin": 25, "act": "toggle"}])
    sink.ears.hearing = True
    sink.take(detect("yes"))
    assert sink.led is None
    assert changes(sink, 25, 5000) == []


def test_a_board_without_a_led():
    Pin.led = False
    try:
        sink = pins_sink([{"label": "yes", "pin": 3, "act": "toggle"}])
        sink.ears.hearing = True
        sink.take(detect("yes"))
        sink.work()
        assert Pin.levels == {3: 1}
    finally:
        Pin.led = True
