"""What the owner of a board has set, in ww/settings.json.

    name        text or None
    microphone  a dict with `kind`, and what its source takes; or None
    actions     what words switch: a list of dicts with `label`, `pin`, `act` (for, toggle, pulse) and `seconds` or `count`
    cutoffs     {label: cutoff} of the program in the file `tuned`
    mute        whether the microphone is off

The file is written under a temporary name and renamed, so that power may fail at any byte. One that cannot be read, or that a
newer firmware wrote, counts for nothing until something is set anew.
"""

import json
import os

from micropython import const

from watchword import Refusal

VERSION = const(1)
NAME = const(20)  # characters of a name
ACTIONS = const(16)
LONGEST = const(3600)  # seconds that a pin may be held
PULSES = const(100)
_NAME = "abcdefghijklmnopqrstuvwxyz0123456789-_"


class SettingsError(Refusal):
    """Raised where something cannot be set. The message says why, in one line."""


def read(path):
    """(what is set, None or a note of what is wrong with the file)."""
    settings = {"name": None, "microphone": None, "actions": [], "tuned": None, "cutoffs": {}, "mute": False}
    try:
        with open(path) as f:
            stored = json.load(f)
    except OSError:
        return settings, None  # nothing was ever set
    except ValueError:
        stored = None
    try:
        version = stored["version"]
        if version > VERSION:
            text = "settings.json has version %s, this firmware reads %d: it counts for nothing until something is set"
            return settings, text % (version, VERSION)
        found = {key: stored[key] for key in settings}
        check(found)
    except (KeyError, TypeError, ValueError, AttributeError, Refusal):
        return settings, "settings.json is damaged: it counts for nothing until something is set"
    return found, None


def write(path, settings):
    """SettingsError: they cannot be settings. OSError: flash is full or broken, and what was set before still counts."""
    check(settings)
    temporary = path[: path.rfind(".")] + ".tmp"
    with open(temporary, "w") as f:
        json.dump(dict(settings, version=VERSION), f)
    os.rename(temporary, path)


def check(values):
    """SettingsError: these cannot be settings."""
    name, microphone, actions, cutoffs = [values[key] for key in ("name", "microphone", "actions", "cutoffs")]
    if name is not None and not (isinstance(name, str) and 0 < len(name) <= NAME and all(c in _NAME for c in name)):
        raise SettingsError("name: 1 to %d of a-z, 0-9, - and _ are expected" % NAME)
    if microphone is not None and not (isinstance(microphone, dict) and isinstance(microphone.get("kind"), str)):
        raise SettingsError("microphone: an object with its kind is expected")
    if not isinstance(actions, list) or len(actions) > ACTIONS:
        raise SettingsError("actions: at most %d are expected" % ACTIONS)
    for action in actions:
        act = action["act"]
        if not isinstance(action["label"], str) or not _whole(action["pin"], 0, 48):
            raise SettingsError("an action has a label, and a pin from 0 to 48")
        if act == "for":
            seconds = action["seconds"]
            if not _number(seconds) or not 0.01 <= seconds <= LONGEST:
                raise SettingsError("seconds: 0.01 to %d are expected" % LONGEST)
        elif act == "pulse":
            if not _whole(action["count"], 1, PULSES):
                raise SettingsError("count: 1 to %d pulses are expected" % PULSES)
        elif act != "toggle":
            raise SettingsError("act: for, toggle or pulse is expected")
    if not isinstance(cutoffs, dict) or not all(_number(value) and 0 <= value <= 1 for value in cutoffs.values()):
        raise SettingsError("cutoff: a number from 0 to 1 is expected")
    if not isinstance(values["mute"], bool) or not isinstance(values["tuned"], (str, type(None))):
        raise SettingsError("mute: true or false is expected")


def _number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _whole(value, least, most):
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
