"""Requests of a host that sends pictures, and what is seen in them."""

from watchword.link import CHUNK
from watchword.requests import RequestError, Requests, field, int8
from watchword.sources.frames import FrameSource
from watchword.viewer import Viewer


class Subject(Requests):
    """program: is seen with. ValueError, KeyError or TypeError: that cannot be."""

    pending = None  # the link is looked at also while the model runs
    span = 0  # no samples are in a run of the model,
    frame_us = None  # and no front end before it

    def __init__(self, app, program):
        super().__init__(app)
        self.pipeline = self.viewer = Viewer(program)
        self.watched = None  # the last band of the frame that the model runs on: its reply tells what was seen

    def do_view(self, request):
        """A run of frames begins, all with the same sides."""
        self.stop()
        viewer = self.viewer
        width, height = field(request, "width", int), field(request, "height", int)
        try:
            viewer.begin(FrameSource(self.link.payload, width, height, viewer.pixel_bytes))
        except ValueError as error:
            raise RequestError(str(error))
        return {"pixel": viewer.pixel_bytes, "rows": CHUNK // viewer.pitch}

    def stop(self):
        """A frame that is not seen yet is forgotten."""
        if self.watched is not None:
            self.link.error(self.watched, "another request needed the program")
            self.watched = None

    def do_frame(self, request):
        """The payload is a band of rows, from `row` on. The reply to the last one comes when the model has run."""
        n = self.link.read_payload(request)
        if n < 0:
            return None
        viewer = self.viewer
        if viewer.source is None:
            raise RequestError("no run of frames has begun")
        if self.watched is not None:
            raise RequestError("the frame before is still looked at")
        row, rows = field(request, "row", int), n // viewer.pitch
        field(request, "ms", int, 0)
        if row == 0:
            viewer.again()
        if row != viewer.row:
            raise RequestError("row %d was sent, row %d is next" % (row, viewer.row))
        if n % viewer.pitch or not 1 <= rows <= viewer.source.height - row:
            raise RequestError("%d bytes are no rows of %d, or more than are left" % (n, viewer.pitch))
        viewer.source.give(rows)
        if viewer.take():
            self.watched = request
            return None
        return {}

    def spent(self, us):
        pass

    def work(self, ms):
        """About `ms` milliseconds of looking at a frame; False when there is none."""
        if self.watched is None:
            return False
        viewer, teacher = self.viewer, self.viewer.teacher
        if not viewer.advance(ms):
            return True
        request, self.watched = self.watched, None
        labels = viewer.labels
        at = request.get("ms", 0) / 1000
        scores = [int8(v) for v in viewer.program.output]
        best = scores.index(max(scores))
        self.app.report("frame", label=labels[best], score=round((scores[best] + 128) / 256, 3), time=at)
        self.tell(labels, viewer.presence, at)
        if teacher is not None:
            self.tell(teacher.taught.words, teacher.presence, at, taught=True)
        self.link.reply(request, scores=scores)
        return True

    def tell(self, labels, presence, at, **fields):
        """What has come into view, and what has left it."""
        for event, index in (("gone", presence.gone), ("detect", presence.seen)):
            if index >= 0:
                self.app.report(event, label=labels[index], score=round(presence.score(index), 3), time=at, **fields)
