"""When a word fires. The same file runs on CPython: tests/unit/test_decision.py."""

from watchword.decision import Decision

LABELS = ["_silence_", "yes", "no"]


def outputs(silence, yes, no):
    return bytes(((silence - 128) & 255, (yes - 128) & 255, (no - 128) & 255))


def decision(**options):
    return Decision(LABELS, ["_silence_"], **options)


def test_it_fires_when_the_mean_reaches_the_cutoff():
    d = decision(cutoff=0.5, window=2, refractory=1)
    assert d.update(outputs(0, 127, 0), 0) == -1  # half of the window is empty
    assert d.update(outputs(0, 128, 0), 80) == -1  # mean 127.5 of 256: just below
    assert d.update(outputs(0, 128, 0), 160) == 1
    assert d.score(1) == 0.5


def test_one_loud_run_alone_does_not_fire():
    d = decision(cutoff=0.8, window=3, refractory=1)
    assert d.update(outputs(0, 255, 0), 0) == -1
    assert d.update(outputs(255, 0, 0), 80) == -1
    assert d.update(outputs(255, 0, 0), 160) == -1


def test_background_never_fires():
    d = decision(cutoff=0.1, window=1, refractory=1)
    assert d.update(outputs(255, 0, 0), 0) == -1
    assert d.update(outputs(200, 40, 0), 80) == 1  # it may be louder than the word that does


def test_the_greater_of_two_words_fires():
    d = decision(cutoff=0.1, window=1, refractory=1)
    assert d.update(outputs(0, 100, 150), 0) == 2


def test_refractory_time_is_counted_in_the_stream():
    d = decision(cutoff=0.5, window=1, refractory=1.0)
    assert d.update(outputs(0, 255, 0), 500) == 1
    assert d.update(outputs(0, 0, 255), 1499) == -1
    assert d.update(outputs(0, 0, 255), 1500) == 2


def test_reset_forgets():
    d = decision(cutoff=0.5, window=2, refractory=10)
    d.update(outputs(0, 255, 0), 0)
    assert d.update(outputs(0, 255, 0), 80) == 1
    d.reset()
    assert d.update(outputs(0, 255, 0), 0) == -1
    assert d.update(outputs(0, 255, 0), 80) == 1


def test_int8_and_bytes_are_the_same():
    d = decision(cutoff=0.5, window=1, refractory=0)
    assert d.update([-128, 127, -128], 0) == 1
    assert d.update(b"\x80\x7f\x80", 1) == 1
