"""How programs come to the store and go: pushes, which of them run, and trials. Loaded when something is to change."""

import json
import os

from watchword import Refusal
from watchword.store import BESIDE, KINDS, NONE


class StoreError(Refusal):
    """A request that the store refuses. The message says why, in one line."""


class Changes:
    """store: what is changed."""

    def __init__(self, store):
        self.store = store
        self.file = self.push = None

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
            self.place(name, kind)  # which refuses what cannot be
        if size < 1:
            raise StoreError("size: 1 byte or more is expected")
        file = "scratch.ww" if scratch else "%s-%s.ww" % (name, sha256[:8])
        there = self._holds(file, size, sha256)
        free = self.store.free()[0]
        if size > free and not there:
            raise StoreError("flash is full: the program has %d bytes, %d are free" % (size, free))
        self.push = (name, kind, size, sha256, file, beside)
        self.written = size if there else 0
        if not there:
            self.file = open(self.store.path("push.tmp"), "wb")

    def _holds(self, file, size, sha256):
        from watchword.program import digest

        path = self.store.path(file)
        try:
            return os.stat(path)[6] == size and digest(path, self.store.make_way) == sha256
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
        path = self.store.path("push.tmp" if came else file)
        found = os.stat(path)[6]
        if found != size:
            raise StoreError("%d of %d bytes have come" % (found, size))
        from watchword.program import ProgramError, describe, digest

        if digest(path, self.store.make_way) != sha256:
            raise StoreError("the SHA-256 of what flash holds is not the one announced: push again")
        try:
            declared = describe(path)
        except ProgramError as error:
            raise StoreError(str(error).replace(path, name))
        if declared.get("name") != name or declared.get("kind") != kind:
            raise StoreError("the program calls itself %s (%s), not %s" % (declared.get("name"), declared.get("kind"), name))
        if came:
            os.rename(path, self.store.path(file))
        if file != "scratch.ww":
            self._make_active(kind, file, True, self.place(name, kind) if beside else None)
        return file

    # ---- which one runs

    def place(self, name, kind):
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
        trial = self.store.trial(kind)
        return trial["before"] if trial else self.store.state[kind]

    def _make_active(self, kind, file, pushed, place=None):
        """From the next start on, where it has its clean run first. place: beside others, at this number; None: alone."""
        before = self._settled(kind)
        trial = self.store.trial(kind)
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
        trials = dict(self.store.state["trial"], **{kind: {"file": file, "before": before, "begun": 0, "pushed": pushed}})
        self.store.write_state(**{kind: pairs, "trial": trials, "note": None, "runs": kind})

    def turn_to(self, kind):
        """From the next start on, the active program of a kind runs."""
        if kind not in KINDS:
            raise StoreError("kind %r: it is sound or picture" % kind)
        if not self.store.active(kind):
            raise StoreError("no %s program is stored: push one" % kind)
        if kind != self.store.state["runs"]:
            self.store.write_state(runs=kind)

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
        if not self.store.trial(kind):
            active, previous = pairs[0]
            pairs = [[previous, active]] + pairs[1:]
        if pairs[0][0] is None:
            raise StoreError("there is no previous %s program to return to" % kind)
        self._end_trial(kind, pairs)
        return pairs[0][0]

    def _find(self, name):
        """What is stored under a name or file name: one entry of `programs` or more."""
        found = [p for p in self.store.programs() if name in (p["name"], p["file"])]
        if not found:
            raise StoreError("no program %s is stored" % name)
        return found

    def remove(self, name):
        """Remove a stored program by its name or file name.

        An active one stays, unless it hears beside others, who go on without it, or nothing can feed it: then its previous one
        is active, or none.
        """
        found = self._find(name)
        unfed = [entry for entry in found if entry["state"] == "active" and not self._fed(entry["file"])]
        found = unfed or found  # not what would take its place
        for entry in found:
            file, kind = entry["file"], entry["kind"]
            goes = entry["state"] == "active" and (unfed or len(self.store.active(kind)) > 1) and not self.store.trial(kind)
            if entry["state"] != "stored" and not goes:
                raise StoreError("%s is the %s program and stays" % (file, entry["state"]))
            if file in self.store.used() and not goes:
                raise StoreError("%s stays until the active program has had its clean run" % file)
        for entry in found:
            file, kind = entry["file"], entry["kind"]
            if entry["state"] == "active":
                # Where power goes now, the file is swept, or missing, which comes to the same.
                pairs = [[None if name == file else name for name in pair] for pair in self.store.state[kind]]
                if len(pairs) == 1:
                    pairs = [[pairs[0][1], None]]
                self._end_trial(kind, [pair for pair in pairs if pair[0]] or [list(NONE)])
            if file in self.store.files():
                os.remove(self.store.path(file))

    def _fed(self, file):
        """Whether a pipeline can feed a program."""
        from watchword import feeds, forget
        from watchword.program import ProgramError, declared
        from watchword.sources import LONGEST

        try:
            d, inputs, outputs = declared(self.store.path(file))
            if d["kind"] == "picture":
                feeds.picture(d, inputs, outputs, LONGEST)
            else:
                feeds.sound(d, inputs, outputs)
        except (ProgramError, KeyError, ValueError, TypeError):
            return False
        finally:
            forget("feeds", "program")
        return True

    def drop_beside(self, kind, file, note):
        """A program cannot hear beside others: it is removed, and the note tells why."""
        self._end_trial(kind, [pair for pair in self.store.state[kind] if pair[0] != file], note)
        if file in self.store.files():
            os.remove(self.store.path(file))

    def run_scratch_next(self, microphone):
        """At the next start, and only there, the scratch program runs. microphone: of that run, as in settings, or None."""
        if "scratch.ww" not in self.store.files():
            raise StoreError("no scratch program is stored")
        with open(self.store.path("next"), "w") as f:
            json.dump(microphone, f)

    # ---- trials: how a program comes to stay

    def trial_begins(self, kind):
        self._count_trial(kind, 1)

    def trial_interrupted(self, kind):
        """A run that was begun does not count after all."""
        self._count_trial(kind, -1)

    def _count_trial(self, kind, change):
        trial = self.store.trial(kind)
        trial = dict(trial, begun=trial["begun"] + change)
        self.store.write_state(trial=dict(self.store.state["trial"], **{kind: trial}))

    def trial_passed(self, kind):
        self._end_trial(kind, self.store.state[kind])

    def trial_failed(self, kind, note):
        """The pairs before are active and previous again. A program that was pushed is removed; a stored one stays so."""
        trial = self.store.trial(kind)
        file = trial["file"]
        if trial["pushed"] and file not in [name for pair in trial["before"] for name in pair]:
            os.remove(self.store.path(file))  # first: when power goes now, a missing file ends the trial too
        self._end_trial(kind, trial["before"], note)

    def _end_trial(self, kind, pairs, note=None):
        trials = {k: trial for k, trial in self.store.state["trial"].items() if k != kind}
        # Where nothing is left of a kind, the other one runs.
        active = [k for k in KINDS if (pairs if k == kind else self.store.state[k])[0][0]]
        runs = kind if kind in active or not active else active[0]
        self.store.write_state(**{kind: pairs, "trial": trials, "note": note, "runs": runs})
