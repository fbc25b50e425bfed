"""Requests about words that the board is taught."""

import gc

import watchword
from watchword.requests import RequestError, Requests, base64, field
from watchword.teacher import memories, teach


class Subject(Requests):
    def teacher(self):
        app = self.app
        app.need_program()
        try:
            return app.teacher or watchword.holding_room(lambda: teach(app))
        except (ValueError, KeyError, TypeError) as error:
            raise RequestError("%s cannot be taught: %s" % (app.file, error))

    def ready(self):
        """Take what heap it takes to be taught, before it begins."""
        try:
            teacher = self.teacher()
            if teacher.sound:
                self.app.subject("sound")  # by which shots come
            gc.collect()
            teacher.room()
        except MemoryError as error:
            text = "its heap has no room to be taught (%s; %d are free in pieces): take its microphone off, push another model"
            raise RequestError(text % (error, gc.mem_free()))

    def do_taught(self, request):
        """The words of the running model, and those of others, which wait for it. `ready`: teaching follows."""
        fields = {"words": {}, "file": None, "background": 0}
        ready = field(request, "ready", bool, False)
        if ready:
            self.ready()
        if ready or self.app.teacher is not None:
            teacher = self.teacher()
            taught = teacher.taught
            fields["words"] = {word: taught.shots_of(word) for word in taught.words}
            fields["file"] = teacher.file
            fields["dims"] = taught.dims
            fields["background"] = teacher.backgrounds
            fields["samples"] = self.app.pipeline.span
        fields["others"] = [(file, words) for file, words in memories(self.store) if file != fields["file"]]
        return fields

    def do_enrol(self, request):
        """What a host has shown last becomes a shot of `word`; or the embedding that is the payload does."""
        n = self.link.read_payload(request) if "length" in request else 0
        if n < 0:
            return None
        teacher = self.teacher()
        word = field(request, "word", str)
        embedding = teacher.shown
        like = None
        if n:
            if field(request, "key", str, "") != teacher.file:
                raise RequestError("they were taught to another model, or to another layer of it")
            embedding = memoryview(self.link.payload)[:n]
        else:
            like = teacher.like(word)
        shots = teacher.enrol(word, embedding, field(request, "last", bool, True))
        self.app.apply_cutoffs()
        return {"shots": shots, "all": teacher.taught.count, "most": teacher.most, "like": like}

    def do_forget(self, request):
        shots = self.teacher().forget(field(request, "word", str))
        self.app.apply_cutoffs()
        return {"shots": shots}

    def do_shot(self, request):
        """A shot by its number: its word and embedding. Without one, the embedding of what a host has shown last."""
        teacher = self.teacher()
        i = field(request, "number", int, -1)
        if i < 0:
            return {"word": None, "data": base64(teacher.shown)}
        taught = teacher.taught
        if i >= taught.count:
            raise RequestError("number: there are %d shots" % taught.count)
        return {"word": taught.words[taught.owners[i]], "data": base64(taught.shot(i))}
