"""The ears: what they tell of a microphone, and that they hear again whatever has happened. Source and time are stand-ins."""

from standins import Clock

from watchword import Refusal, ears
from watchword.ears import Ears


class Source:
    """A microphone in which `wrong` is what its own slot says, and `other` what the other one does."""

    kind = "test"

    def __init__(self):
        self.wrong = None
        self.other = "zeros"
        self.refusal = None
        self.lost = self.starts = self.stops = self.turns = 0
        self.turned = False

    def prepare(self, small):
        pass

    def start(self):
        if self.refusal:
            raise Refusal(self.refusal)
        self.starts += 1

    def stop(self):
        self.stops += 1

    def turn(self):
        self.turns += 1
        self.turned = not self.turned

    def fault(self):
        if self.turned:
            return self.other or "channel"
        return self.wrong


class Pipeline:
    subject = "sound"
    source = None
    begun = 0

    def idle(self):
        return True

    def begin(self, source):
        self.source = source
        self.begun += 1

    def stop(self):
        self.source = None

    def ms(self):
        return 1000


class App:
    """What the ears know of the app."""

    def __init__(self):
        ears.time = Clock
        Clock.ms = 0
        self.settings = {"microphone": {"kind": "test"}, "mute": False}
        self.pipeline = Pipeline()
        self.littered = False
        self.told = []
        self.ears = Ears(self)
        self.source = self.ears.source = Source()
        self.ears.open()

    def report(self, event, **fields):
        self.told.append(fields["fault"] if event == "microphone" else (event, fields))

    def passes(self, seconds):
        """What is told in so many seconds."""
        self.told = []
        for _ in range(10 * seconds):
            Clock.ms += 100
            self.ears.check()
        return self.told


def test_a_fault_is_told_once_after_two_looks_and_so_is_its_end():
    for name in ("stuck", "floating", "clipped"):
        app = App()
        assert app.passes(5) == []
        app.source.wrong = name
        assert app.passes(1) == []
        assert app.passes(1) == [name]
        assert app.ears.fault == name
        assert len(app.ears.text) < 200
        assert app.passes(20) == []
        app.source.wrong = None
        assert app.passes(3) == [None]
        assert app.ears.text is None
        assert app.passes(5) == []


def test_sound_that_could_not_be_taken_for_want_of_time_is_no_fault():
    app = App()
    app.source.wrong = "stopped"
    app.pipeline.idle = lambda: False
    assert app.passes(10) == []
    assert app.source.stops == 0
    app.pipeline.idle = lambda: True
    assert app.passes(2)[0] == "stopped"


def test_a_microphone_that_comes_on_while_a_host_sends_sound_hears_after_that():
    app = App()
    app.pipeline.source = None
    app.pipeline.begin("a stream")
    app.ears.open()
    assert app.pipeline.source == "a stream"
    app.pipeline.stop()
    app.ears.open()
    assert app.ears.hearing


def test_what_is_wrong_for_a_moment_is_not_told():
    app = App()
    for i in range(5):
        app.source.wrong = "clipped"
        assert app.passes(1) == []
        app.source.wrong = None
        assert app.passes(1) == []


def test_one_fault_after_another_is_told_as_such():
    app = App()
    app.source.wrong = "clipped"
    assert app.passes(3) == ["clipped"]
    app.source.wrong = "stuck"
    assert app.passes(3) == ["stuck"]


def test_zeros_are_told_when_the_other_slot_is_silent_too_and_it_is_looked_at_rarely():
    app = App()
    app.source.wrong = "zeros"
    assert app.passes(3) == ["zeros"]
    assert not app.source.turned
    turns = app.source.turns
    assert app.passes(30) == []
    assert 4 <= app.source.turns - turns <= 8
    assert not app.source.turned
    app.source.wrong = None
    assert app.passes(4) == [None]


def test_a_microphone_in_the_other_slot_is_told_and_heard_there_until_it_is_back():
    app = App()
    app.source.wrong, app.source.other = "zeros", None
    assert app.passes(4) == ["channel"]
    assert app.source.turned
    assert app.passes(20) == []
    app.source.wrong, app.source.other = None, "zeros"
    assert app.passes(4) == [None]
    assert not app.source.turned


def test_a_source_that_stops_is_started_again():
    app = App()
    app.source.wrong = "stopped"
    assert app.passes(2) == ["stopped", None]
    assert (app.source.starts, app.source.stops) == (2, 1)
    app.source.wrong = None
    assert app.passes(5) == []


def test_a_source_that_cannot_start_is_told_once_and_tried_every_five_seconds():
    app = App()
    app.ears.close()
    app.source.refusal = "all channels of DMA are in use"
    app.told = []
    app.ears.open()
    assert app.told == ["stopped"]
    assert app.ears.text == "all channels of DMA are in use"
    assert app.passes(20) == []
    app.source.refusal = None
    assert app.passes(6) == [None]
    assert app.ears.hearing


def test_lost_sound_is_told_with_how_much_more_it_is():
    app = App()
    app.source.lost = 500
    assert app.passes(3) == [("lost", {"samples": 500, "time": 1})]
    app.source.lost = 700
    assert app.passes(3) == [("lost", {"samples": 200, "time": 1})]


def test_exceptions_begin_hearing_anew_and_the_fifth_in_a_row_is_the_last():
    app = App()
    app.told = []
    for count in range(1, 6):
        begun = app.pipeline.begun
        app.ears.failed(ValueError("a test"))
        event, fields = app.told[-1]
        assert (event, fields["text"], fields["count"]) == ("failed", "ValueError: a test", count)
        assert fields["given_up"] == (count == 5)
        assert app.pipeline.begun - begun == (0 if count == 5 else 1)
        Clock.ms += 9000
    assert not app.ears.hearing
    assert app.passes(30) == []
    assert not app.ears.hearing


def test_exceptions_with_peace_between_them_are_counted_from_the_first_again():
    app = App()
    for i in range(12):
        app.ears.failed(ValueError("a test"))
        assert app.told[-1][1]["count"] == 1
        Clock.ms += 10001
    assert app.ears.hearing


def test_it_hears_nothing_where_it_is_not_to():
    for changes in ({"mute": True}, {"microphone": None}):
        app = App()
        app.ears.close()
        app.settings.update(changes)
        starts = app.source.starts
        app.ears.open()
        assert app.passes(20) == []
        assert app.source.starts == starts
        assert not app.ears.hearing


def test_something_else_that_needs_the_program_is_not_disturbed():
    app = App()
    app.pipeline.begin("a stream")
    app.source.wrong = "stuck"
    assert app.passes(20) == []
    assert app.pipeline.source == "a stream"


def test_a_request_that_needs_the_program_puts_off_the_return_of_the_ears():
    app = App()
    app.pipeline.stop()
    for i in range(5):
        app.passes(4)
        app.ears.rest()
        assert not app.ears.hearing
    app.passes(6)
    assert app.ears.hearing
