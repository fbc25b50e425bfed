"""Requests of a host that sends pictures."""

from watchword.link import CHUNK
from watchword.requests import RequestError, Requests, field
from watchword.sources.frames import FrameSource


class Subject(Requests):
    """A frame that the model runs on is followed: its last band is answered when that has ended."""

    waiting = False  # the link is looked at also while the model runs

    def __init__(self, app):
        super().__init__(app)
        self.viewer = app.pipeline
        self.watched = None  # the last band of that frame

    def do_view(self, request):
        """A run of frames begins, all with the same sides."""
        self.app.stop()
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
        ms = field(request, "ms", int, 0)
        if row == 0:
            viewer.again()
        if row != viewer.row:
            raise RequestError("row %d was sent, row %d is next" % (row, viewer.row))
        if n % viewer.pitch or not 1 <= rows <= viewer.source.height - row:
            raise RequestError("%d bytes are no rows of %d, or more than are left" % (n, viewer.pitch))
        viewer.source.give(rows)
        if viewer.take():
            viewer.ms = ms
            self.watched = request
            self.app.following = self
            return None
        return {}

    def spent(self, us):
        pass

    def follow(self):
        """Answer the last band of a frame that has been seen."""
        if self.watched is not None and not self.viewer.looking:
            request, self.watched = self.watched, None
            if self.app.teacher is not None:
                self.app.teacher.keep()
            self.link.reply(request, scores=self.viewer.scores())
        return False
