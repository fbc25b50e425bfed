"""Sound to decision: nothing is allocated on the way, and the pieces add up to the features and scores of the host."""

import json

import micropython

from watchword import program
from watchword.pipelines.sound import Listener
from watchword.sources.link import LinkSource


def listener(name="listen"):
    return Listener(program.load(name + ".ww"))


def sound():
    with open("sound.raw", "rb") as f:
        return f.read()


def expected():
    with open("expected.json") as f:
        return json.load(f)


def test_sound_to_decision_allocates_nothing():
    ear = listener()
    raw = sound()
    ear.begin(LinkSource(), 2)
    fired = 0
    micropython.heap_lock()
    try:
        for at in range(0, len(raw) - 640, 640):
            # the ring is filled by hand: a slice would be an allocation of the test's own
            ear.source.size += 640
            tail = ear.source.head
            for i in range(640):
                ear.source.ring[(tail + i) % 4096] = raw[at + i]
            ear.source.head = (tail + 640) % 4096
            while not ear.idle():
                ear.advance(8)
                if ear.heard >= 0:
                    fired += 1
    finally:
        micropython.heap_unlock()
    assert ear.runs > 20
    assert fired == expected()["fired"], fired


def test_scores_equal_the_host():
    ear = listener()
    raw = sound()
    ear.begin(LinkSource(), 0)
    windows = open("windows.bin", "rb")
    for samples in expected()["windows"]:
        end = 2 * samples
        start = 2 * (ear.count and (ear.count - 1) * ear.hop + 480)
        while start < end:
            n = min(end - start, 2 * ear.source.room())
            ear.source.write(raw[start : start + n], n)
            start += n
            while not ear.idle():
                ear.advance(8)
        ear.start(ear.models[0])
        assert bytes(ear.program.input) == windows.read(len(ear.program.input))
        while not ear.runtime.run(8):
            pass
        assert bytes(ear.program.output) == windows.read(len(ear.program.output))
    windows.close()


def test_a_reset_forgets_what_was_heard():
    ear = listener()
    raw = sound()
    seen = []
    for _ in range(2):
        ear.begin(LinkSource(), 0)
        for at in range(0, 32000, 640):
            ear.source.write(raw[at : at + 640], 640)
            while not ear.idle():
                ear.advance(8)
        ear.start(ear.models[0])
        seen.append(bytes(ear.program.input))
    assert seen[0] == seen[1]


def runs_of(name, pressing):
    """Frames, and runs of the model, where sound comes in pieces of 100 ms."""
    ear = listener(name)
    raw = sound()
    source = LinkSource()
    if pressing:
        source.pressing = pressing
    ear.begin(source)
    for at in range(0, 32000, 3200):
        source.write(raw[at : at + 3200], 3200)
        while not ear.idle():
            ear.advance(8)
    return ear.count, ear.runs


def test_where_sound_presses_runs_are_left_out_but_none_of_a_model_that_sees_each_frame_once():
    frames, runs = runs_of("listen", None)
    assert runs == frames // 2
    assert runs_of("listen", 2000) == (frames, runs)
    pressed = runs_of("listen", 640)
    assert pressed[0] == frames
    assert runs // 3 < pressed[1] < runs, (pressed, runs)
    frames, runs = runs_of("word", None)
    assert runs_of("word", 1) == (frames, runs)
    assert runs == frames // 3


def refusal(change):
    """What a listener says of the program after a change."""
    loaded = program.load("listen.ww")
    change(loaded)
    try:
        Listener(loaded)
    except ValueError as error:
        return str(error)
    return None


def test_a_description_that_would_do_harm_is_refused():
    def setting(*keys, value):
        def change(loaded):
            table = loaded.description
            for key in keys[:-1]:
                table = table[key]
            table[keys[-1]] = value

        return change

    assert refusal(lambda loaded: None) is None
    harms = (
        ("frontend", "hop_ms", (0, 1000, -10, 10.0)),  # no end, and copies from before a buffer
        ("decision", "window", (0, -1, 10000000, 1.5)),
        ("decision", "stride", (0, -3, 1e9)),
        ("decision", "cutoff", (1e30, -1, float("inf"), float("nan"))),
        ("decision", "refractory", (1e30, -1, float("inf"), float("nan"))),
        ("input", "multiplier", (0, -1, 1 << 20, 1.5)),
    )
    for table, key, values in harms:
        for value in values:
            assert key in (refusal(setting(table, key, value=value)) or "heard"), (key, value)
    for labels in ("abc", {"a": 1, "b": 2, "c": 3}, ["a", "b", 3]):
        assert "labels" in refusal(setting("labels", value=labels))


def test_tables_of_the_front_end_that_are_not_the_known_ones_are_refused():
    """Its kernels take counts of bins from them."""

    def change(loaded):
        loaded.tables = bytearray(loaded.tables)
        loaded.tables[2224] += 1

    assert "tables" in refusal(change)


def test_one_word_is_heard_when_the_host_hears_it():
    ear = listener("word")
    raw = sound()
    ear.begin(LinkSource())
    heard = []
    for at in range(0, len(raw) - 320, 320):
        ear.source.write(raw[at : at + 320], 320)
        while not ear.idle():
            ear.advance(8)
            if ear.heard >= 0:
                assert ear.model.labels[ear.heard] == "word"
                heard.append(ear.ms())
    assert ear.runs == expected()["runs"], ear.runs
    assert heard == expected()["heard"], heard
    assert len(heard) >= 2


def test_silence_after_a_recording_is_heard_as_the_host_hears_it():
    ear = listener("word")
    raw = sound()
    for ends, expected_times in expected()["ended"]:
        ear.begin(LinkSource(), None, ends)
        heard = []
        for at in range(0, len(raw) - 320, 320):
            ear.source.write(raw[at : at + 320], 320)
            while not ear.idle():
                ear.advance(8)
                if ear.heard >= 0:
                    heard.append(ear.model.decision.time)
        assert heard == expected_times, (ends, heard, expected_times)


def heard_after(frames):
    """When one word is heard, in ms since then, in a stream in which so many frames came before it."""
    ear = listener("word")
    raw = sound()
    source = LinkSource()
    ear.begin(source)
    source.write(raw[:960], 960)
    while not ear.idle():
        ear.advance(8)
    ear.count += frames
    before = frames * ear.hop_ms
    heard = []
    for at in range(960, len(raw) - 320, 320):
        source.write(raw[at : at + 320], 320)
        while not ear.idle():
            ear.advance(8)
            if ear.heard >= 0:
                heard.append(ear.ms() - before)
    return heard


def test_after_days_words_are_heard_as_at_first():
    """Of samples there are then more than an int of 31 bits can count, after 12 days of milliseconds too."""
    hop = listener("word").hop_ms
    for ms in (0, (1 << 30) // 16 - 1500, (1 << 30) - 1500, (1 << 31) - 1500, 1 << 33):
        frames = ms // hop
        assert heard_after(frames - frames % 3) == expected()["heard"], ms


def test_position_and_decision_allocate_nothing_after_a_day():
    ear = listener("word")
    ear.begin(LinkSource())
    ear.count = (1 << 30) // ear.hop + 1
    outputs = bytearray(len(ear.program.output))
    micropython.heap_lock()
    try:
        ear.models[0].decision.update(outputs, ear.ms())
    finally:
        micropython.heap_unlock()
    assert ear.ms() > 60000 * 1000


def test_what_nothing_feeds_is_not_listened_with():
    for name, reason in (
        ("mfcc", "it takes mfcc features, which no front end here makes"),
        ("picture", "it is for no sound, its kind is picture"),
        ("tensor", "it is for no sound, its kind is tensor"),
    ):
        try:
            listener(name)
            raise AssertionError(name)
        except ValueError as error:
            assert str(error) == reason, error
