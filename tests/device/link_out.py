"""What goes to the host: whole lines in their order, at the pace of the line, and nothing waits for it."""

import json

from watchword import link as module
from watchword.app import App
from watchword.link import Link


class Line:
    """A transport that takes so many bytes at a time, `budget` in all."""

    def __init__(self, at_once, budget=1 << 20):
        self.at_once = at_once
        self.budget = budget
        self.got = b""
        self.requests = []
        self.longest = 0

    def free(self):
        return min(self.at_once, self.budget)

    def write(self, data):
        assert 0 < len(data) <= self.free()
        self.longest = max(self.longest, len(data))
        self.budget -= len(data)
        self.got += bytes(data)

    def waiting(self):
        return bool(self.requests)

    def readline(self, limit):
        return self.requests.pop(0)

    def close(self):
        pass


class Clock:
    """Time that passes by being looked at."""

    ms = 0

    def ticks_ms():
        Clock.ms += 1
        return Clock.ms

    def ticks_diff(a, b):
        return a - b


def made(*arguments):
    module.time = Clock
    line = Line(*arguments)
    return Link(line), line


def lines(line):
    return [json.loads(part) for part in line.got.split(b"\n") if part]


def test_a_line_that_takes_nothing_holds_nothing_up_and_loses_nothing():
    link, line = made(64, 0)
    for i in range(20):
        link.reply({"id": i})
        link.send({"event": "note", "text": "x" * 100, "seq": i})
    assert line.got == b""
    assert not link.work()
    line.budget = 1 << 20
    assert link.work()
    said = lines(line)
    assert [one["id"] for one in said[::2]] == list(range(20))
    assert [one["seq"] for one in said[1::2]] == list(range(20))


def test_lines_are_whole_and_in_order_however_few_bytes_the_line_takes():
    for at_once in (1, 2, 3, 7, 64, 256):
        link, line = made(at_once)
        link.reply({"id": 1}, text="y" * 300)
        link.reply({"id": 2})
        link.error(None, "no")
        link.log("a line\nfor people")
        assert link.work()
        assert line.longest <= at_once
        assert [json.loads(part) for part in line.got.split(b"\n")[:3]] == [
            {"id": 1, "text": "y" * 300},
            {"id": 2},
            {"id": None, "error": "no"},
        ]
        assert line.got.split(b"\n")[3:] == [b"a line for people", b""]


def test_a_line_that_stops_within_a_message_goes_on_where_it_stopped():
    for stop in range(1, 60, 7):
        link, line = made(16, stop)
        link.reply({"id": 1}, text="z" * 30)
        link.reply({"id": 2}, text="z" * 30)
        assert len(line.got) == stop
        assert not link.work()
        line.budget = 1 << 20
        assert link.work()
        assert [one["id"] for one in lines(line)] == [1, 2]


def test_no_request_is_read_while_a_reply_waits():
    root = "link-test"
    link, line = made(64, 1 << 20)
    app = App(link=link, root=root)
    try:
        line.requests = [b'{"id": 1, "do": "models"}\n', b'{"id": 2, "do": "models"}\n']
        line.budget = 10
        for i in range(5):
            if link.work():
                app.serve()
        assert len(line.requests) == 1
        line.budget = 1 << 20
        for i in range(5):
            if link.work():
                app.serve()
        assert [one["id"] for one in lines(line)] == [1, 2]
    finally:
        remove(root)


def test_the_end_of_the_app_waits_for_a_while_and_no_longer():
    link, line = made(64, 0)
    link.reply({"id": 1})
    Clock.ms = 0
    link.flush(100)
    assert 100 <= Clock.ms < 120
    line.budget = 1 << 20
    link.flush(100)
    assert [one["id"] for one in lines(line)] == [1]


def remove(root):
    import os

    for name in os.listdir(root):
        os.remove(root + "/" + name)
    os.rmdir(root)
