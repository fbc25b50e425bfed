"""Who is told of events: the host, the user's code, pins. Each takes them at its own pace.

A sink has `take(event)`, which takes an event, a dict, or says by False that it has to wait. None of them may hold up the ears:
what a sink has not taken when MOST newer ones have come is lost to it; the numbers of events tell.
"""

from micropython import const

MOST = const(16)  # events that wait


class Events:
    """The queue of events before all sinks."""

    def __init__(self):
        self.sinks = []
        self.next = []  # number of the event that each sink takes next
        self.waiting = []  # the newest events, up to the one before number `sequence`
        self.sequence = 0

    def add(self, sink):
        """A sink that takes all events that still wait, and those to come."""
        self.sinks.append(sink)
        self.next.append(0)

    def put(self, event, fields):
        """Tell of an event. fields: a dict that becomes the event."""
        fields["event"] = event
        fields["seq"] = self.sequence
        self.sequence += 1
        if len(self.waiting) == MOST:
            self.waiting.pop(0)
        self.waiting.append(fields)
        self.work()

    def work(self):
        """Let each sink take what it can."""
        if not self.waiting:
            return
        first = self.sequence - len(self.waiting)
        slowest = self.sequence
        for i, sink in enumerate(self.sinks):
            at = max(self.next[i], first)
            while at < self.sequence and sink.take(self.waiting[at - first]):
                at += 1
            self.next[i] = at
            slowest = min(slowest, at)
        del self.waiting[: slowest - first]
