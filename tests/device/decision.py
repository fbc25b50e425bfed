"""When a word fires. The same file runs on CPython: tests/unit/test_decision.py."""

from watchword.decision import Decision
from watchword.presence import Presence

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
    assert d.update(outputs(0, 0, 0), 580) == -1
    assert d.update(outputs(0, 0, 255), 1579) == -1
    assert d.update(outputs(0, 0, 255), 1580) == 2


def fired(d, runs, every=80):
    """(ms, label) of what fires in runs of (times, outputs)."""
    found = []
    ms = 0
    for times, shown in runs:
        for _ in range(times):
            ms += every
            index = d.update(outputs(*shown), ms)
            if index >= 0:
                found.append((ms, LABELS[index]))
    return found


YES, NO, BOTH, NOTHING = (0, 255, 0), (0, 0, 255), (0, 200, 255), (0, 0, 0)


def test_one_word_is_one_event_however_long_its_score_stays_above():
    for refractory in (0, 1, 5):
        d = decision(cutoff=0.5, window=1, refractory=refractory)
        assert fired(d, ((2, NOTHING), (200, YES))) == [(240, "yes")]


def test_the_refractory_time_begins_where_the_score_falls_below():
    # it falls at 880: what rises before 1880 is the same word
    for below, expected in ((11, []), (12, []), (13, [1920]), (14, [2000]), (21, [2560])):
        d = decision(cutoff=0.5, window=1, refractory=1)
        assert fired(d, ((10, YES), (below, NOTHING), (30, YES))) == [(80, "yes")] + [(ms, "yes") for ms in expected]


def test_a_score_that_dips_is_one_word():
    for dip in (1, 2, 6, 12):
        d = decision(cutoff=0.5, window=1, refractory=1)
        assert fired(d, ((10, YES), (dip, NOTHING), (100, YES))) == [(80, "yes")], dip


def test_only_time_below_the_cutoff_counts():
    """Of a word said every 880 ms each second one fires: a second below its cutoff lies before it, in two pieces."""
    d = decision(cutoff=0.5, window=1, refractory=1)
    runs = ((4, YES), (7, NOTHING)) * 6
    assert [label for _, label in fired(d, runs)] == ["yes", "yes", "yes"]


def test_a_word_that_takes_the_place_of_another_is_heard_after_the_refractory_time():
    d = decision(cutoff=0.5, window=1, refractory=1)
    assert fired(d, ((10, YES), (30, NO))) == [(80, "yes"), (1920, "no")]


def test_a_label_that_is_always_above_its_cutoff_does_not_silence_the_others():
    d = decision(cutoff=0.5, window=1, refractory=1)
    d.set_cutoffs({"yes": 0.01})
    found = fired(d, ((10, (0, 9, 0)), (20, (0, 9, 255)), (20, (0, 9, 0)), (20, (0, 9, 255))))
    assert [label for _, label in found] == ["yes", "no", "yes", "no"], found


def test_in_the_silence_after_a_recording_only_that_fires_which_was_half_heard_before():
    for half, expected in ((63, []), (64, [(480, "yes")]), (127, [(480, "yes")])):
        d = decision(cutoff=0.5, window=1, refractory=1)
        d.reset(ends=450)
        assert fired(d, ((5, (0, half, 0)), (5, YES))) == expected, half
        assert d.time == 450
        d.reset()
        assert fired(d, ((5, NOTHING), (5, YES))) == [(480, "yes")]  # of a stream without an end nothing is left out
        assert d.time == 800
    d = decision(cutoff=0.5, window=2, refractory=1)
    d.reset(ends=400)
    assert fired(d, ((5, NO), (2, YES))) == [(160, "no")]
    assert fired(d, ((1, YES),)) == []  # though it was heard before
    d.reset(ends=400)
    assert fired(d, ((4, NOTHING), (1, YES), (1, YES))) == [(480, "yes")]  # at 400 it has not ended yet


def test_a_stream_may_go_on_for_weeks():
    d = decision(cutoff=0.5, window=1, refractory=1)
    for ms in (1 << 30, 1 << 31, 1 << 33):
        assert d.update(outputs(*YES), ms) == 1
        assert d.update(outputs(*NOTHING), ms + 80) == -1
    assert d.time == (1 << 33) + 80
    d.means.forget_highest()
    d.update(outputs(0, 0, 200), 1 << 34)
    assert d.means.highest_at[2] == 1 << 34


def test_the_highest_mean_of_each_label_is_kept_with_its_time():
    d = decision(cutoff=0.5, window=1, refractory=1)
    d.set_cutoffs({"no": 0.9})
    d.reset(ends=400)
    fired(d, ((2, (255, 64, 0)), (1, (0, 128, 192)), (2, (0, 128, 192)), (5, (0, 80, 255))))
    assert d.highest() == {"yes": [500 / 1000, 240 / 1000, 0.5], "no": [996 / 1000, 400 / 1000, 0.9]}
    d.means.forget_highest()
    assert d.highest() == {"yes": [0, 0, 0.5], "no": [0, 0, 0.9]}
    fired(d, ((1, (0, 16, 0)),))
    assert d.highest()["yes"] == [63 / 1000, 80 / 1000, 0.5]
    d.reset()
    assert d.highest()["yes"] == [0, 0, 0.5]


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
    d.reset()
    assert d.update(b"\x80\x7f\x80", 0) == 1


def test_scores_are_whole_thousandths_a_half_being_rounded_up():
    d = Decision(["_silence_", "a"], ["_silence_"], cutoff=0.5, window=5, refractory=1)
    for sums, thousandths in ((0, 0), (1, 1), (8, 6), (16, 13), (80, 63), (1234, 964), (1275, 996)):
        d.means.sums[1] = sums
        assert d.score(1) == thousandths / 1000, sums
        assert d.score(1) == round(d.score(1), 3), sums


def presence(window=1):
    return Presence(["none", "cat", "dog"], ["none"], cutoff=0.6, window=window)


def shown(p, *scores):
    p.update([round(255 * score) - 128 for score in scores])
    return p.seen, p.gone


def test_what_is_seen_stays_until_it_is_well_below_the_cutoff():
    p = presence()
    assert shown(p, 0.45, 0.55, 0) == (-1, -1)
    assert shown(p, 0.3, 0.7, 0) == (1, -1)
    assert p.score(1) > 0.69
    assert shown(p, 0.3, 0.7, 0) == (-1, -1)
    assert shown(p, 0.5, 0.5, 0) == (-1, -1)  # three quarters of the cutoff are 0.45
    assert shown(p, 0.6, 0.4, 0) == (-1, 1)
    assert shown(p, 0.45, 0.55, 0) == (-1, -1)
    assert shown(p, 0.99, 0, 0) == (-1, -1)


def test_one_label_takes_the_place_of_another():
    p = presence()
    assert shown(p, 0, 0.9, 0.1) == (1, -1)
    assert shown(p, 0, 0.1, 0.9) == (2, 1)
    assert shown(p, 0.99, 0, 0) == (-1, 2)


def test_presence_is_of_the_mean_and_forgets():
    p = presence(2)
    assert shown(p, 0, 0.99, 0) == (-1, -1)  # one alone is half of a window
    assert shown(p, 0, 0.99, 0) == (1, -1)
    p.reset()
    assert shown(p, 0.99, 0, 0) == (-1, -1)
    assert p.present == -1


def test_a_cutoff_of_a_label_counts_for_that_one_alone():
    d = decision(cutoff=0.5, window=1, refractory=0)
    d.set_cutoffs({"yes": 0.9})
    assert d.cutoffs == {"yes": 0.9, "no": 0.5}
    assert d.update(outputs(0, 200, 0), 0) == -1
    assert d.update(outputs(0, 0, 200), 1) == 2
    assert d.update(outputs(0, 240, 0), 2) == 1


def test_a_louder_word_below_its_own_cutoff_is_in_nobodys_way():
    d = decision(cutoff=0.5, window=1, refractory=0)
    d.set_cutoffs({"yes": 0.9})
    assert d.update(outputs(0, 200, 180), 0) == 2
    assert d.update(outputs(0, 240, 180), 1) == 1
    assert d.update(outputs(0, 200, 120), 2) == -1
    p = presence()
    p.set_cutoffs({"cat": 0.9})
    assert shown(p, 0, 0.8, 0.7) == (2, -1)
    assert shown(p, 0, 0.85, 0.3) == (-1, 2)
    assert shown(p, 0, 0.95, 0.65) == (1, -1)
    assert shown(p, 0, 0.8, 0.7) == (-1, -1)  # still there, and more so than what would take its place
    assert shown(p, 0, 0.75, 0.8) == (2, 1)


def test_cutoffs_of_what_is_no_label_here_or_never_fires_change_nothing():
    d = decision(cutoff=0.5, window=1, refractory=0)
    d.set_cutoffs({"_silence_": 0.1, "lights": 0.1})
    assert d.cutoffs == {"yes": 0.5, "no": 0.5}
    assert d.update(outputs(255, 0, 0), 0) == -1
    assert d.update(outputs(0, 128, 0), 1) == 1


def test_a_cutoff_at_either_end():
    d = decision(cutoff=0.5, window=1, refractory=0)
    d.set_cutoffs({"yes": 1, "no": 0})
    assert d.update(outputs(0, 255, 0), 0) == -1  # 255 of 256 are less than 1
    assert d.update(outputs(0, 0, 0), 1) == -1  # nothing at all is no word
    assert d.update(outputs(0, 0, 1), 2) == 2
