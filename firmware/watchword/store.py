"""Programs on flash, by name, so that power may fail at any byte.

    ww/NAME-HASH.ww   a program; the hash tells two versions of a name apart
    ww/state.json     {"sound": [active, previous], "picture": [active, previous]}: file names or null
    ww/scratch.ww     a program sent for one command
    ww/next           there when the next start is to run the scratch program
    ww/*.tmp          not finished; swept at the next start

A file is written under a temporary name, read back, compared with the SHA-256 that was announced, and renamed. The state
changes by one rename too, after the program that it names is complete.
"""

import json
import os

from micropython import const

from watchword import program

FREE_BLOCKS = const(4)  # kept free for the state file and the file system's own needs
KINDS = ("sound", "picture")


class StoreError(Exception):
    """A request that the store refuses. The message says why, in one line."""


class Store:
    def __init__(self, root="ww"):
        self.root = root
        self.file = None
        try:
            os.mkdir(root)
        except OSError:
            pass
        self.state = self._read_state()
        self._sweep()

    def path(self, name):
        return self.root + "/" + name

    # ---- what is there

    def _files(self):
        return [entry[0] for entry in os.ilistdir(self.root)]

    def _read_state(self):
        state = {kind: [None, None] for kind in KINDS}
        try:
            with open(self.path("state.json")) as f:
                stored = json.load(f)
            files = self._files()
            for kind in KINDS:
                active, previous = stored[kind]
                # a program whose file is gone cannot be run or returned to
                kept = [name for name in (active, previous) if name in files]
                state[kind] = (kept + [None, None])[:2]
        except (OSError, ValueError, KeyError, TypeError):
            pass  # a new board, or a state that never was complete
        return state

    def _write_state(self, state):
        temporary = self.path("state.tmp")
        with open(temporary, "w") as f:
            json.dump(state, f)
        os.rename(temporary, self.path("state.json"))
        self.state = state
        self._sweep()

    def _sweep(self):
        """Remove what is not finished, and versions of a name that are neither active nor previous."""
        used = [name for pair in self.state.values() for name in pair if name]
        names = [name[: name.rfind("-")] for name in used]
        for name in self._files():
            stale = name.endswith(".ww") and name not in used and name[: name.rfind("-")] in names
            if name.endswith(".tmp") or stale:
                os.remove(self.path(name))

    def programs(self):
        """A list of {"file", "name", "size", "kind", "state"}; state: active, previous or stored."""
        found = []
        for file in sorted(self._files()):
            if not file.endswith(".ww") or file == "scratch.ww":
                continue
            entry = {"file": file, "name": file[: file.rfind("-")], "size": os.stat(self.path(file))[6], "state": "stored"}
            for kind in KINDS:
                if file in self.state[kind]:
                    entry["state"] = ("active", "previous")[self.state[kind].index(file)]
                    entry["kind"] = kind
            if "kind" not in entry:
                try:
                    entry["kind"] = program.describe(self.path(file))["kind"]
                except (program.ProgramError, ValueError, KeyError):
                    entry["kind"] = None
            found.append(entry)
        return found

    def free(self):
        """Bytes that a program may take, and bytes of the whole file system."""
        v = os.statvfs(self.root)
        return max(0, v[3] - FREE_BLOCKS) * v[1], v[2] * v[1]

    # ---- a push

    def begin(self, name, kind, size, sha256, scratch):
        """Open the temporary file of a program of `size` bytes."""
        self.abandon()
        if not 0 < len(name) <= 40 or not all(c.isalpha() or c.isdigit() or c in "_-" for c in name):
            raise StoreError("name %r: 1 to 40 letters, digits, _ and - are allowed" % name)
        if kind not in KINDS:
            raise StoreError("kind %r: it is sound or picture" % kind)
        free = self.free()[0]
        if size < 1:
            raise StoreError("size: 1 byte or more is expected")
        if size > free:
            raise StoreError("flash is full: the program has %d bytes, %d are free" % (size, free))
        self.push = (name, kind, size, sha256, scratch)
        self.written = 0
        self.file = open(self.path("push.tmp"), "wb")

    def write(self, offset, data):
        """Append a chunk. One that was written already (its answer was lost) is taken as done."""
        if self.file is None:
            raise StoreError("no push is under way")
        if offset + len(data) == self.written:
            return
        if offset != self.written or offset + len(data) > self.push[2]:
            raise StoreError("chunk at %d does not follow the %d of %d bytes so far" % (offset, self.written, self.push[2]))
        self.file.write(data)
        self.written += len(data)

    def abandon(self):
        """Forget a push that is under way."""
        if self.file is not None:
            self.file.close()
            self.file = None

    def commit(self):
        """Verify what flash holds and make it active. Returns the file's name."""
        if self.file is None:
            raise StoreError("no push is under way")
        self.abandon()
        name, kind, size, sha256, scratch = self.push
        temporary = self.path("push.tmp")
        found = os.stat(temporary)[6]
        if found != size:
            raise StoreError("%d of %d bytes have come" % (found, size))
        if program.digest(temporary) != sha256:
            raise StoreError("the SHA-256 of what flash holds is not the one announced: push again")
        try:
            declared = program.describe(temporary)
        except program.ProgramError as error:
            raise StoreError(str(error).replace(temporary, name))
        except (ValueError, KeyError):
            raise StoreError("%s: its description is not readable" % name)
        if declared["name"] != name or declared["kind"] != kind:
            raise StoreError("the program calls itself %s (%s), not %s" % (declared["name"], declared["kind"], name))
        if scratch:
            os.rename(temporary, self.path("scratch.ww"))
            return "scratch.ww"
        file = "%s-%s.ww" % (name, sha256[:8])
        os.rename(temporary, self.path(file))
        active = self.state[kind][0]
        if file != active:
            self._write_state(dict(self.state, **{kind: [file, active]}))
        return file

    # ---- which one runs

    def rollback(self, kind):
        """Make the previous program active and the active one previous. Returns the file's name."""
        if kind not in KINDS:
            raise StoreError("kind %r: it is sound or picture" % kind)
        active, previous = self.state[kind]
        if previous is None:
            raise StoreError("there is no previous %s program to return to" % kind)
        self._write_state(dict(self.state, **{kind: [previous, active]}))
        return previous

    def remove(self, name):
        """Remove a stored program by its name or file name."""
        found = [p for p in self.programs() if name in (p["name"], p["file"])]
        if not found:
            raise StoreError("no program %s is stored" % name)
        for entry in found:
            if entry["state"] != "stored":
                raise StoreError("%s is the %s program and stays" % (entry["file"], entry["state"]))
        for entry in found:
            os.remove(self.path(entry["file"]))

    def run_scratch_next(self):
        """At the next start, and only there, the scratch program runs."""
        if "scratch.ww" not in self._files():
            raise StoreError("no scratch program is stored")
        with open(self.path("next"), "w"):
            pass

    def load(self, kind="sound"):
        """Load the program that is to run: (Program or None, its file name, a note for the host or None).

        An active program that cannot be loaded gives way to the previous one.
        """
        candidates = list(self.state[kind])
        if "next" in self._files():
            os.remove(self.path("next"))
            candidates.insert(0, "scratch.ww")
        note = None
        for file in candidates:
            if file is None:
                continue
            try:
                return program.load(self.path(file)), file, note
            except (program.ProgramError, MemoryError, OSError, ValueError) as error:
                note = "%s could not be loaded: %s" % (file, error)
        return None, None, note
