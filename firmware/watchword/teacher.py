"""Teaches the running program words: its embedder, the memory of their shots, and when one counts as heard or seen.

The memory lies on flash as ww/KEY.knn, a file for each model, layer and input: words of another model stay there, and count for
nothing here. It is written whole under a temporary name, and renamed.
"""

import gc
import os
from binascii import hexlify

import watchword
from watchword import FILE, Refusal
from watchword.decision import NO_END, Decision
from watchword.embedding import Embedder, kernels
from watchword.knn import BLOCK, SHOTS, Taught, TaughtError, head

WINDOW = 2  # runs of the model in a mean score: the windows of two runs hold the word whole
CUTOFF = 0.5  # the score at a word's threshold


class TeacherError(Refusal):
    """Raised where a request cannot be met. The message says why, in one line."""


def file_of(key):
    """Return the file name of a model's taught words, by its 32-byte key."""
    return hexlify(key[:8]).decode() + ".knn"


def memories(store):
    """Yield (file, {word: number of its shots}, or None where it is damaged) of all models."""
    for file in sorted(store.files()):
        if file.endswith(".knn"):
            try:
                with open(store.path(file), "rb") as f:
                    _, _, words, owners = head(f)
            except (TaughtError, OSError):
                yield file, None
            else:
                yield file, {word: sum([1 for owner in owners if owner == i]) for i, word in enumerate(words)}


class Teacher:
    """Enrols and recognises taught words. program: the running one. ValueError: it has no embedding.

    `run` runs the model in place of the runtime. After it `embedder.values` is what the model saw or heard and `update` says
    what that is; `heard` has the word, of sound, and `decision` knows what is seen, of pictures. `keep` puts it by as `shown`,
    what a host has brought before the model: a microphone may hear other things before the host says what that was.
    """

    most = SHOTS  # of all words

    def __init__(self, program, steps, store, path):
        self.embedder = Embedder(program, steps)
        self.steps = self.embedder.steps
        self.store = store
        self.program_path = path
        self.background = program.background
        self.sound = program.description["kind"] == "sound"
        self.refractory = program.description["decision"]["refractory"]
        self.window = WINDOW if self.sound else program.description["decision"]["window"]
        self.taught = Taught(self.embedder.dims, self.embedder.key, kernels)
        self.taught.against(self.embeddings())
        self.file = file_of(self.embedder.key)
        self.note = None
        self.changing = False  # whether shots have changed and what depends on them has not: no word is known then
        self.looked = False  # at the layer of this run
        self.heard = -1
        self.shown = bytearray(self.embedder.dims)
        self.load()

    def load(self):
        """Load what flash holds, if anything."""
        self.unsaved = False  # whether shots were added since
        self.taught.clear()
        if self.file in self.store.files():
            try:
                with open(self.store.path(self.file), "rb") as f:
                    self.taught.read(f)
            except TaughtError as error:
                self.note = "%s: %s" % (self.file, error)
        self.prepare()

    def save(self):
        """Write everything to flash, under a temporary name first."""
        temporary = self.store.path("knn.tmp")
        self.store.make_way()
        try:
            with open(temporary, "wb") as f:
                self.taught.write(f, self.store.make_way)
            self.store.make_way()
            os.rename(temporary, self.store.path(self.file))
        except OSError as error:
            self.load()
            raise TeacherError("flash is full or broken, nothing has changed: %s" % error)
        self.store.make_way()

    def prepare(self):
        """Work out what depends on the shots: thresholds, and the decision stages."""
        watchword.holding_room(self._prepare)

    def _prepare(self):
        self.changing = True
        self.taught.prepare(self.store.make_way)
        words = self.taught.words
        self.scores = bytearray(len(words))
        if self.sound:
            self.decision = Decision(words, (), CUTOFF, self.window, self.refractory)
        else:
            from watchword.presence import Presence  # of pictures alone

            self.decision = Presence(words, (), CUTOFF, self.window)
        self.changing = False

    def embeddings(self):
        """Yield the background embeddings of the program, one by one."""
        begin, size = self.background
        dims = self.embedder.dims
        if size < dims:
            return
        with open(self.program_path, "rb") as f:
            f.seek(begin)
            for _ in range(size // dims):
                yield f.read(dims)

    @property
    def backgrounds(self):
        """The number of background embeddings."""
        _, size = self.background
        return size // self.embedder.dims

    def reset(self, ends=NO_END):
        """Begin a new stream. ends: ms at which its recording ends, of sound."""
        self.looked = False
        if self.sound:
            self.decision.reset(ends)
        else:
            self.decision.reset()

    def run(self, runtime, ms):
        """Run the model as `Runtime.run` does, and embed its layer while that stands in the arena."""
        if not self.looked:
            if not runtime.run(ms, self.steps):
                return False
            self.embedder.look()
            self.looked = True
        if not runtime.run(ms):
            return False
        self.looked = False
        return True

    def update(self, ms):
        """Decide upon the last run, at `ms` of the stream. Allocates nothing."""
        self.heard = -1
        if self.changing:
            return
        scores = self.scores
        for i in range(len(scores)):
            scores[i] = 128  # int8 -128
        if scores:
            w = self.taught.nearest(self.embedder.values)
            if w >= 0:
                scores[w] = self.taught.score() ^ 128
        if self.sound:
            self.heard = self.decision.update(scores, ms)
        else:
            self.decision.update(scores)

    # ---- teaching

    def room(self):
        """See that the heap has room for shots and for writing them down. MemoryError: it has not."""
        [bytearray(BLOCK * self.taught.dims), bytearray(FILE)]

    def keep(self):
        """What the last run saw or heard is what a host asks about from now on."""
        self.shown[:] = self.embedder.values

    def enrol(self, word, embedding, last=True):
        """Add a shot; `last`: save it, with those before it that were not. Returns the number of the word's shots."""
        self.store.make_way()
        try:
            watchword.holding_room(lambda: self.taught.add(word, embedding))
            gc.collect()
            bytearray(FILE)  # else nothing could be written any more, settings neither
            self.unsaved = not last
            if last:
                self.settle()
        except TaughtError as error:
            if self.unsaved:  # of several shots that come together, all or none
                self.load()
            raise TeacherError(str(error))
        except MemoryError as error:
            self.no_room(error)
        return self.taught.shots_of(word)

    def forget(self, word):
        """Forget all shots of a word; returns their number."""
        try:
            gone = self.taught.forget(word)
            self.settle()
        except TaughtError as error:
            raise TeacherError(str(error))
        except MemoryError as error:
            self.no_room(error)
        return gone

    def settle(self):
        """Shots have changed: they are written down, and what depends on them is worked out."""
        self.changing = True
        self.save()
        self.prepare()
        self.store.make_way()

    def no_room(self, error):
        """Go back to what flash holds. Raises TeacherError."""
        gc.collect()
        self.load()
        raise TeacherError("its heap has no room for this (%s): forget a word first, or take its microphone off" % error)

    def like(self, word):
        """Return the other word that what was shown would be recognised as; None where there is none."""
        taught = self.taught
        w = taught.nearest(self.shown)
        return taught.words[w] if w >= 0 and taught.words[w] != word and taught.score() >= 128 else None


def teach(app):
    """Who teaches and tells taught words, beside what the program knows. ValueError: the program has no embedding."""
    if app.teacher is None:
        if app.pipeline is None:
            raise ValueError("nothing feeds the program that runs")
        app.teacher = Teacher(app.program, app.runtime.steps, app.store, app.store.path(app.file))
        app.pipeline.teacher = app.teacher
        app.note = app.note or app.teacher.note
    return app.teacher
