"""Settings: whatever stands in their file, the board starts; and what is set once stays."""

import json
import os
import sys

from watchword import settings

STEP = 29 if sys.platform == "rp2" else 1  # bytes from one damaged one to the next: writing to flash is slow
PATH = "settings-test.json"
FULL = {
    "name": "kitchen-2",
    "microphone": {"kind": "i2s", "sck": 16, "ws": 17, "sd": 18},
    "actions": [
        {"label": "yes", "pin": 0, "act": "toggle"},
        {"label": "yes", "pin": 15, "act": "for", "seconds": 0.01},
        {"label": "no", "pin": 48, "act": "for", "seconds": 3600},
        {"label": "no", "pin": 2, "act": "pulse", "count": 100},
    ],
    "tuned": "words-0.ww",
    "cutoffs": {"yes": 0, "no": 1, "up": 0.5},
    "mute": True,
}
EMPTY = {"name": None, "microphone": None, "actions": [], "tuned": None, "cutoffs": {}, "mute": False}


def put(content):
    with open(PATH, "wb") as f:
        f.write(content)


def content():
    with open(PATH, "rb") as f:
        return f.read()


def remove():
    for name in os.listdir():
        if name.startswith("settings-test"):
            os.remove(name)


def refused(**changes):
    try:
        settings.write(PATH, dict(FULL, **changes))
    except settings.SettingsError as error:
        assert len(str(error)) <= 300
        return True
    return False


def test_nothing_was_ever_set():
    remove()
    assert settings.read(PATH) == (EMPTY, None)


def test_what_is_set_is_read_again_and_leaves_no_other_file():
    for one in (FULL, EMPTY, dict(EMPTY, name="a"), dict(FULL, actions=[FULL["actions"][0]] * 16)):
        settings.write(PATH, one)
        assert settings.read(PATH) == (one, None)
    assert [name for name in os.listdir() if name.startswith("settings-test")] == [PATH]
    remove()


def test_any_damaged_byte_leaves_settings_that_can_be():
    settings.write(PATH, FULL)
    whole = content()
    damaged = 0
    for at in range(0, len(whole), STEP):
        for value in (0, 57, 255, whole[at] ^ 1):
            put(whole[:at] + bytes((value,)) + whole[at + 1 :])
            found, note = settings.read(PATH)
            settings.check(found)
            if note is not None:
                assert found == EMPTY, (at, value)
                assert "counts for nothing until something is set" in note
                damaged += 1
    assert damaged > len(whole) // STEP
    remove()


def test_any_part_of_the_file_counts_for_nothing():
    settings.write(PATH, FULL)
    whole = content()
    for at in range(0, len(whole) - 1, STEP):
        put(whole[:at])
        found, note = settings.read(PATH)
        assert found == EMPTY
        assert "is damaged" in note
    remove()


def test_what_is_no_settings_at_all_counts_for_nothing():
    for some in (b"[]", b"null", b"5", b'"x"', b"{}", b"[" * 200, b'{"version": "1"}', b'{"version": 1}', b"\xff\xfe\x00"):
        put(some)
        assert settings.read(PATH)[0] == EMPTY
        assert "is damaged" in settings.read(PATH)[1]
    remove()


def test_a_newer_version_counts_for_nothing_and_is_replaced():
    put(json.dumps(dict(FULL, version=2, more={"x": 1})).encode())
    found, note = settings.read(PATH)
    assert found == EMPTY
    assert note.startswith("settings.json has version 2, this firmware reads 1")
    settings.write(PATH, dict(found, name="new"))
    assert settings.read(PATH) == (dict(EMPTY, name="new"), None)
    remove()


def test_what_an_older_firmware_did_not_know_is_left_out():
    put(json.dumps(dict(FULL, version=1, more=5)).encode())
    assert settings.read(PATH) == (FULL, None)
    remove()


def test_fields_out_of_range_are_refused_and_change_nothing():
    settings.write(PATH, FULL)
    whole = content()
    action = {"label": "yes", "pin": 1, "act": "toggle"}
    hold = dict(action, act="for", seconds=1)
    pulse = dict(action, act="pulse", count=1)
    for changes in (
        [{"name": name} for name in ("", "a" * 21, "Kitchen", "a b", "ä", 5, True, [])]
        + [{"microphone": microphone} for microphone in ({}, {"kind": 5}, "i2s", [], 5)]
        + [{"actions": actions} for actions in (None, {}, "x", [action] * 17)]
        + [
            {"actions": [dict(action, **some)]}
            for some in ({"pin": -1}, {"pin": 49}, {"pin": True}, {"pin": "1"}, {"pin": 1.5})
        ]
        + [{"actions": [dict(action, **some)]} for some in ({"label": 5}, {"label": None}, {"act": "jump"}, {"act": None})]
        + [{"actions": [dict(hold, seconds=seconds)]} for seconds in (0, 0.009, 3600.1, -1, True, "1", None)]
        + [{"actions": [dict(pulse, count=count)]} for count in (0, 101, 1.5, True, "1", None)]
        + [{"cutoffs": cutoffs} for cutoffs in ([], None, {"yes": -0.1}, {"yes": 1.1}, {"yes": "1"}, {"yes": True})]
        + [{"mute": mute} for mute in (0, 1, None, "on")]
        + [{"tuned": tuned} for tuned in (5, True, [])]
    ):
        assert refused(**changes), changes
        assert content() == whole, changes
    remove()


def test_a_flash_that_is_full_keeps_what_was_set():
    class Full:
        def dump(self, content, f):
            f.write('{"version": 1, "na')
            raise OSError(28)

    settings.write(PATH, FULL)
    before, settings.json = settings.json, Full()
    try:
        settings.write(PATH, EMPTY)
    except OSError:
        pass
    finally:
        settings.json = before
    assert settings.read(PATH) == (FULL, None)
    settings.write(PATH, EMPTY)
    assert settings.read(PATH) == (EMPTY, None)
    remove()
