"""Programs on flash, by name, so that power may fail at any byte.

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

from watchword import Refusal, forget

FREE_BLOCKS = const(4)  # kept free for the state file and the file system's own needs
KINDS = ("sound", "picture")
BESIDE = const(3)  # programs of sound that hear beside one another
NONE = (None, None)


class StoreError(Refusal):
    """A request that the store refuses. The message says why, in one line."""


class Store:
    """between: called now and then by what takes long, since sound goes on meanwhile."""

    between = None

    def __init__(self, root="ww"):
        self.root = root
        self.file = self.push = None
        try:
            os.mkdir(root)
        except OSError:
            pass
        self.state = self._read_state()
        self._sweep()

    def path(self, name):
        return self.root + "/" + name

    # ---- what is there

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

    def _write_state(self, **changes):
        state = dict(self.state, **changes)
        temporary = self.path("state.tmp")
        with open(temporary, "w") as f:
            json.dump(state, f)
        os.rename(temporary, self.path("state.json"))
        self.state = state
        self._sweep()

    def _used(self):
        """Files that are active or previous, or become so again when a program does not pass its trial."""
        found = [self.state[kind] for kind in KINDS] + [trial["before"] for trial in self.state["trial"].values()]
        return [name for pairs in found for pair in pairs for name in pair if name]

    def active(self, kind):
        """Files of the programs of a kind that are active, the first one first."""
        return [pair[0] for pair in self.state[kind] if pair[0]]

    def _sweep(self):
        """Remove what is not finished, and versions of a name of which others are used."""
        used = self._used()
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

    # ---- a push

    def begin(self, name, kind, size, sha256, scratch, beside=False):
        """Open the temporary file of a program of `size` bytes, if flash does not hold the program already.

        beside: it is to hear beside those that are active.
        """
        self.abandon()
        if not 0 < len(name) <= 40 or not all(c.isalpha() or c.isdigit() or c in "_-" for c in name):
            raise StoreError("name %r: 1 to 40 letters, digits, _ and - are allowed" % name)
        if kind not in KINDS and not scratch:  # what nothing feeds can be run for the host, not kept to be listened with
            raise StoreError("kind %r: it is sound or picture" % kind)
        if beside:
            self._place(name, kind)  # which refuses what cannot be
        if size < 1:
            raise StoreError("size: 1 byte or more is expected")
        file = "scratch.ww" if scratch else "%s-%s.ww" % (name, sha256[:8])
        there = self._holds(file, size, sha256)
        free = self.free()[0]
        if size > free and not there:
            raise StoreError("flash is full: the program has %d bytes, %d are free" % (size, free))
        self.push = (name, kind, size, sha256, file, beside)
        self.written = size if there else 0
        if not there:
            self.file = open(self.path("push.tmp"), "wb")

    def _holds(self, file, size, sha256):
        from watchword.program import digest

        path = self.path(file)
        try:
            return os.stat(path)[6] == size and digest(path, self.between) == sha256
        except OSError:
            return False

    def write(self, offset, data):
        """Append a chunk. One that was written already (its answer was lost) is taken as done."""
        if self.push is None:
            raise StoreError("no push is under way")
        if offset + len(data) == self.written or self.file is None:
            return
        if offset != self.written or offset + len(data) > self.push[2]:
            raise StoreError("chunk at %d does not follow the %d of %d bytes so far" % (offset, self.written, self.push[2]))
        self.file.write(data)
        self.written += len(data)

    def abandon(self):
        """Forget a push that is under way."""
        if self.file is not None:
            self.file.close()
        self.file = self.push = None

    def commit(self):
        """Verify what flash holds and make it active. Returns the file's name."""
        if self.push is None:
            raise StoreError("no push is under way")
        name, kind, size, sha256, file, beside = self.push
        came = self.file is not None
        self.abandon()
        path = self.path("push.tmp" if came else file)
        found = os.stat(path)[6]
        if found != size:
            raise StoreError("%d of %d bytes have come" % (found, size))
        from watchword.program import ProgramError, describe, digest

        if digest(path, self.between) != sha256:
            raise StoreError("the SHA-256 of what flash holds is not the one announced: push again")
        try:
            declared = describe(path)
        except ProgramError as error:
            raise StoreError(str(error).replace(path, name))
        if declared.get("name") != name or declared.get("kind") != kind:
            raise StoreError("the program calls itself %s (%s), not %s" % (declared.get("name"), declared.get("kind"), name))
        if came:
            os.rename(path, self.path(file))
        if file != "scratch.ww":
            self._make_active(kind, file, True, self._place(name, kind) if beside else None)
        return file

    # ---- which one runs

    def _place(self, name, kind):
        """Where a program comes to stand beside those that are active: its number among the pairs."""
        pairs = self._settled(kind)
        if kind != "sound":
            raise StoreError("programs for sound can hear beside one another, %s ones cannot" % kind)
        for i, (active, _) in enumerate(pairs):
            if active is None or active[: active.rfind("-")] == name:
                return i
        if len(pairs) == BESIDE:
            text = "%d programs hear beside one another already: remove one of %s"
            raise StoreError(text % (BESIDE, ", ".join([pair[0] for pair in pairs])))
        return len(pairs)

    def _settled(self, kind):
        """The pairs of a kind without what is on trial: that is nothing to return to, or to stand beside."""
        trial = self.trial(kind)
        return trial["before"] if trial else self.state[kind]

    def _make_active(self, kind, file, pushed, place=None):
        """From the next start on, where it has its clean run first. place: beside others, at this number; None: alone."""
        before = self._settled(kind)
        trial = self.trial(kind)
        if trial and trial["file"] == file:
            self.turn_to(kind)
            return
        if place is None:
            pairs = [[file, before[0][0]]]
            same = len(before) == 1 and file == before[0][0]
        else:
            pairs = before + [list(NONE)] if place == len(before) else list(before)
            same = file == pairs[place][0]
            pairs[place] = [file, pairs[place][0]]
        if same:
            if trial:
                self._end_trial(kind, before)
            self.turn_to(kind)
            return
        if place is None and file in [pair[0] for pair in before]:  # which has passed its trial
            self._end_trial(kind, [[file, None if file == before[0][0] else before[0][0]]])
            self.turn_to(kind)
            return
        trials = dict(self.state["trial"], **{kind: {"file": file, "before": before, "begun": 0, "pushed": pushed}})
        self._write_state(**{kind: pairs, "trial": trials, "note": None, "runs": kind})

    def turn_to(self, kind):
        """From the next start on, the active program of a kind runs."""
        if kind not in KINDS:
            raise StoreError("kind %r: it is sound or picture" % kind)
        if not self.active(kind):
            raise StoreError("no %s program is stored: push one" % kind)
        if kind != self.state["runs"]:
            self._write_state(runs=kind)

    def activate(self, name):
        """Make a stored program active and the active one previous. Returns the file's name."""
        found = self._find(name)
        if len(found) > 1:
            raise StoreError("%s has several versions: name one of %s" % (name, ", ".join(p["file"] for p in found)))
        kind, file = found[0]["kind"], found[0]["file"]
        if kind not in KINDS:
            raise StoreError("%s is no program that can run here: push it anew" % file)
        self._make_active(kind, file, False)
        return file

    def rollback(self, kind):
        """Make the previous program active and the active one previous. Returns the file's name."""
        if kind not in KINDS:
            raise StoreError("kind %r: it is sound or picture" % kind)
        pairs = self._settled(kind)
        if not self.trial(kind):
            active, previous = pairs[0]
            pairs = [[previous, active]] + pairs[1:]
        if pairs[0][0] is None:
            raise StoreError("there is no previous %s program to return to" % kind)
        self._end_trial(kind, pairs)
        return pairs[0][0]

    def _find(self, name):
        """What is stored under a name or file name: one entry of `programs` or more."""
        found = [p for p in self.programs() if name in (p["name"], p["file"])]
        if not found:
            raise StoreError("no program %s is stored" % name)
        return found

    def remove(self, name):
        """Remove a stored program by its name or file name; one that hears beside others does so no more."""
        found = self._find(name)
        for entry in found:
            file, kind = entry["file"], entry["kind"]
            beside = entry["state"] == "active" and len(self.active(kind)) > 1 and not self.trial(kind)
            if entry["state"] != "stored" and not beside:
                raise StoreError("%s is the %s program and stays" % (file, entry["state"]))
            if file in self._used() and not beside:
                raise StoreError("%s stays until the active program has had its clean run" % file)
        for entry in found:
            file, kind = entry["file"], entry["kind"]
            if entry["state"] == "active":
                # Where power goes now, the file is swept, or missing, which comes to the same.
                pairs = [[None if name == file else name for name in pair] for pair in self.state[kind]]
                self._write_state(**{kind: [pair for pair in pairs if pair[0]]})
            if file in self.files():
                os.remove(self.path(file))

    def run_scratch_next(self, microphone):
        """At the next start, and only there, the scratch program runs. microphone: of that run, as in settings, or None."""
        if "scratch.ww" not in self.files():
            raise StoreError("no scratch program is stored")
        with open(self.path("next"), "w") as f:
            json.dump(microphone, f)

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

    # ---- trials: how a program comes to stay

    def trial(self, kind):
        """{"file", "before", "begun", "pushed"} of the program on trial, or None where all have had their clean run."""
        return self.state["trial"].get(kind)

    def trial_begins(self, kind):
        self._count_trial(kind, 1)

    def trial_interrupted(self, kind):
        """A run that was begun does not count after all."""
        self._count_trial(kind, -1)

    def _count_trial(self, kind, change):
        trial = self.trial(kind)
        trial = dict(trial, begun=trial["begun"] + change)
        self._write_state(trial=dict(self.state["trial"], **{kind: trial}))

    def trial_passed(self, kind):
        self._end_trial(kind, self.state[kind])

    def trial_failed(self, kind, note):
        """The pairs before are active and previous again. A program that was pushed is removed; a stored one stays so."""
        trial = self.trial(kind)
        file = trial["file"]
        if trial["pushed"] and file not in [name for pair in trial["before"] for name in pair]:
            os.remove(self.path(file))  # first: when power goes now, a missing file ends the trial too
        self._end_trial(kind, trial["before"], note)

    def _end_trial(self, kind, pairs, note=None):
        trials = {k: trial for k, trial in self.state["trial"].items() if k != kind}
        # Where nothing is left of a kind, the other one runs.
        active = [k for k in KINDS if (pairs if k == kind else self.state[k])[0][0]]
        runs = kind if kind in active or not active else active[0]
        self._write_state(**{kind: pairs, "trial": trials, "note": note, "runs": runs})
