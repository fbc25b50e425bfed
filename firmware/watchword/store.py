"""Programs on flash, by name, so that power may fail at any byte. What changes them: changes.py.

    ww/NAME-HASH.ww   a program; the hash tells two versions of a name apart
    ww/state.json     {"sound": pairs, "picture": pairs}: lists of [active, previous], file names or null, several where some
                      hear beside one another; and "trial": {kind: {"file": name, "before": pairs, "begun": 0,
                      "pushed": true}}, "note": text or null,
                      "runs": the kind whose programs run: that of the last push or activation, or of `turn_to`
    ww/scratch.ww     a program sent for one command
    ww/next           there when the next start is to run the scratch program; JSON: the microphone of that run, or null
    ww/KEY.knn        shots of taught words: teacher.py
    ww/*.tmp          not finished; swept at the next start

A file is written under a temporary name, read back, compared with the SHA-256 that was announced, and renamed. The state
changes by one rename too, after the program that it names is complete.

An active program on trial (trial.py) has not had its clean run yet. Until then the pairs before it are kept: "begun" counts the
runs that were begun and not ended. The note tells why a program did not stay; it lasts until another one becomes active.
"""

import json
import os

from micropython import const

from watchword import forget

FREE_BLOCKS = const(4)  # kept free for the state file and the file system's own needs
KINDS = ("sound", "picture")
BESIDE = 3  # programs of sound that hear beside one another
NONE = (None, None)


class Store:
    """make_way: called now and then by what takes long, since sound goes on meanwhile."""

    make_way = None

    def __init__(self, root="ww"):
        self.root = root
        try:
            os.mkdir(root)
        except OSError:
            pass
        self.state = self._read_state()
        self._sweep()

    def path(self, name):
        return self.root + "/" + name

    def files(self):
        return [entry[0] for entry in os.ilistdir(self.root)]

    def _read_state(self):
        state = {kind: [list(NONE)] for kind in KINDS}
        state["trial"] = {}
        state["note"] = None
        state["runs"] = KINDS[0]
        try:
            with open(self.path("state.json")) as f:
                stored = json.load(f)
            files = self.files()
            for kind in KINDS:
                pairs = stored[kind]
                if not isinstance(pairs[0], list):  # of a firmware that knew one pair
                    pairs = [pairs]
                trial = stored.get("trial", {}).get(kind)
                if trial is not None:
                    before = trial["before"]
                    if not isinstance(before[0], list):
                        before = [before]
                    before = self._kept(before, files)
                    file = trial.get("file", pairs[0][0])
                    if file in files:
                        trial = {"file": file, "before": before, "begun": int(trial["begun"]), "pushed": bool(trial["pushed"])}
                        state["trial"][kind] = trial
                    else:
                        pairs = before
                state[kind] = self._kept(pairs, files)
            state["note"] = stored.get("note")
            if stored.get("runs") in KINDS:
                state["runs"] = stored["runs"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
            pass  # a new board, or a state that never was complete
        return state

    def _kept(self, pairs, files):
        """A program whose file is gone cannot be run or returned to."""
        kept = [([name for name in pair if name in files] + [None, None])[:2] for pair in pairs[:BESIDE]]
        return [pair for pair in kept if pair[0]] or [list(NONE)]

    def write_state(self, **changes):
        state = dict(self.state, **changes)
        temporary = self.path("state.tmp")
        with open(temporary, "w") as f:
            json.dump(state, f)
        os.rename(temporary, self.path("state.json"))
        self.state = state
        self._sweep()

    def used(self):
        """Files that are active or previous, or become so again when a program does not pass its trial."""
        found = [self.state[kind] for kind in KINDS] + [trial["before"] for trial in self.state["trial"].values()]
        return [name for pairs in found for pair in pairs for name in pair if name]

    def active(self, kind):
        """Files of the programs of a kind that are active, the first one first."""
        return [pair[0] for pair in self.state[kind] if pair[0]]

    def _sweep(self):
        """Remove what is not finished, and versions of a name of which others are used."""
        used = self.used()
        names = [name[: name.rfind("-")] for name in used]
        for name in self.files():
            stale = name.endswith(".ww") and name not in used and name[: name.rfind("-")] in names
            if name.endswith(".tmp") or stale:
                os.remove(self.path(name))

    def programs(self):
        """A list of {"file", "name", "size", "kind", "state"}; state: active, previous or stored."""
        found = []
        unknown = 0
        for file in sorted(self.files()):
            if not file.endswith(".ww") or file == "scratch.ww":
                continue
            entry = {"file": file, "name": file[: file.rfind("-")], "size": os.stat(self.path(file))[6], "state": "stored"}
            for kind in KINDS:
                for pair in self.state[kind]:
                    if file in pair and entry["state"] != "active":
                        entry["state"] = ("active", "previous")[pair.index(file)]
                        entry["kind"] = kind
            if "kind" not in entry:
                from watchword.program import ProgramError, describe

                unknown += 1
                try:
                    entry["kind"] = describe(self.path(file))["kind"]
                except (ProgramError, KeyError):
                    entry["kind"] = None
            found.append(entry)
        if unknown:
            forget("program")
        return found

    def free(self):
        """Bytes that a program may take, and bytes of the whole file system."""
        v = os.statvfs(self.root)
        return max(0, v[3] - FREE_BLOCKS) * v[1], v[2] * v[1]

    def take_scratch(self):
        """(the scratch program's file, where this start is to run it; its microphone); None otherwise, and after this."""
        if "next" not in self.files():
            return None, None
        try:
            with open(self.path("next")) as f:
                microphone = json.load(f)
        except ValueError:  # power went while it was written
            microphone = None
        os.remove(self.path("next"))
        return "scratch.ww", microphone if isinstance(microphone, dict) else None

    def trial(self, kind):
        """{"file", "before", "begun", "pushed"} of the program on trial, or None where all have had their clean run."""
        return self.state["trial"].get(kind)
