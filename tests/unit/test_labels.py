"""Labels of clips that are a model's, nearly are, or are others."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from watchword.data.clips import Clip
from watchword.data.labels import numbers, require_distinct, strangers
from watchword.errors import DataError
from watchword.settings import listed

LABELS = ("_silence_", "_unknown_", "yes", "hey jarvis")


def clips(*labels: str) -> list[Clip]:
    return [Clip(Path("a.wav"), label, place=f"list.csv: line {line}") for line, label in enumerate(labels, 7)]


def test_each_has_its_number_and_others_are_unknown() -> None:
    assert numbers(clips("yes", "bed", "_silence_", "_unknown_"), LABELS) == [2, 1, 0, 1]


@pytest.mark.parametrize(
    ("label", "meant"),
    [
        ("Yes", "yes"),
        ("YES", "yes"),
        ("y es", "yes"),
        ("hey_jarvis", "hey jarvis"),
        ("Hey-Jarvis", "hey jarvis"),
        ("hey  jarvis", "hey jarvis"),
        ("unknown", "_unknown_"),
        ("Silence", "_silence_"),
    ],
)
def test_one_that_nearly_is_a_label_is_refused(label: str, meant: str) -> None:
    with pytest.raises(DataError) as caught:
        numbers(clips("yes", label), LABELS)
    assert str(caught.value) == f"list.csv: line 8: {label!r}: did you mean {meant!r}?"


def test_how_many_there_are_is_said() -> None:
    with pytest.raises(DataError, match=r"line 7: 'Yes': did you mean 'yes'\? 2 more clips have such labels$"):
        numbers(clips("Yes", "YES", "yes", "Silence"), LABELS)


def test_case_that_tells_labels_apart_counts() -> None:
    assert numbers(clips("a", "A"), ("A", "a")) == [1, 0]


def test_accents_may_be_apart() -> None:
    apart = unicodedata.normalize("NFD", "música")
    assert numbers(clips(apart, "música"), ["música"]) == [0, 0]
    assert numbers(clips("música"), [apart]) == [0]


def test_without_unknown_others_are_refused() -> None:
    with pytest.raises(DataError, match="line 7: label 'maybe' is not among yes, no, and there is no _unknown_"):
        numbers(clips("maybe"), ["yes", "no"])


def test_of_pictures_numbers_count_too() -> None:
    assert numbers(clips("1", "cat"), ["cat", "dog"], by_number=True) == [1, 0]
    assert numbers(clips("1", "0"), ["1", "0"], by_number=True) == [0, 1]
    with pytest.raises(DataError, match="line 7: label '2' is neither among cat, dog nor one of their numbers"):
        numbers(clips("2"), ["cat", "dog"], by_number=True)
    with pytest.raises(DataError, match="line 7: 'Cat': did you mean 'cat'?"):
        numbers(clips("Cat"), ["cat", "dog"], by_number=True)


def test_strangers_are_told_from_a_tenth_on() -> None:
    assert not strangers(clips(*["yes"] * 18, "bed", "bird"), LABELS)
    told = strangers(clips(*["yes"] * 18, "bed", "bird", "bed", "_unknown_", "_unknown_"), LABELS)
    assert told == "3 of 23 clips have labels that the model does not, and count as _unknown_: 'bed' (2), 'bird' (1)"
    assert len(strangers(clips(*map(str, range(10**3, 10**4))), LABELS)) < 250


def test_labels_that_are_alike_among_themselves() -> None:
    require_distinct(clips("yes", "no", "yes"))
    with pytest.raises(DataError, match=r"line 8: 'Yes': did you mean 'yes', as in list.csv: line 7\?"):
        require_distinct(clips("yes", "Yes"))


def test_lists_in_messages_are_short() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([]) == ""
    assert listed(["a\u2028b", "ä"]) == r"'a\u2028b', ä"
    assert len(listed(["x" * 1000])) < 130
    assert listed(["x" * 50] * 5) == f"{'x' * 50}, {'x' * 50} and 3 more"
