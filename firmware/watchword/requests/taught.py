"""Requests about words that the board is taught."""

from watchword.requests import RequestError, Requests, base64, field
from watchword.start import teach
from watchword.teacher import memories


class Subject(Requests):
    def teacher(self):
        app = self.app
        app.need_program()
        try:
            return teach(app)
        except (ValueError, KeyError, TypeError) as error:
            raise RequestError("%s cannot be taught: %s" % (app.file, error))

    def do_taught(self, request):
        """The words of the running model, and those of others, which wait for it. `ready`: teaching follows."""
        fields = {"words": {}, "file": None, "background": 0}
        if field(request, "ready", bool, False) or self.app.teacher is not None:
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
        """What the last run heard or saw becomes a shot of `word`; or the embedding that is the payload does."""
        n = self.link.read_payload(request) if "length" in request else 0
        if n < 0:
            return None
        teacher = self.teacher()
        word = field(request, "word", str)
        embedding = teacher.embedder.values
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
        """A shot by its number: its word and embedding. Without one, the embedding of the last run."""
        teacher = self.teacher()
        i = field(request, "number", int, -1)
        if i < 0:
            return {"word": None, "data": base64(teacher.embedder.values)}
        taught = teacher.taught
        if i >= taught.count:
            raise RequestError("number: there are %d shots" % taught.count)
        return {"word": taught.words[taught.owners[i]], "data": base64(taught.shot(i))}
