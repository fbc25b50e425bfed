"""Requests about the board and the programs that it stores."""

from binascii import crc32

from watchword import board
from watchword.link import CHUNK
from watchword.requests import RequestError, Requests, field


class Subject(Requests):
    made = None

    @property
    def changes(self):
        """What changes the store, which most boards that hear by themselves never need."""
        if self.made is None:
            from watchword.changes import Changes

            self.made = Changes(self.store)
        return self.made

    def do_info(self, request):
        return self.app.info()

    def do_restart(self, request):
        if field(request, "scratch", bool, False):
            self.changes.run_scratch_next(field(request, "microphone", dict, {}))
        kind = field(request, "kind", str, "")
        if kind:
            self.changes.turn_to(kind)
        if self.made is not None:
            self.made.abandon()
        self.link.reply(request)
        self.app.close()
        board.restart()

    def do_push(self, request):
        self.changes.begin(
            field(request, "name", str),
            field(request, "kind", str),
            field(request, "size", int),
            field(request, "sha256", str),
            field(request, "scratch", bool, False),
            field(request, "beside", bool, False),
        )
        return {"chunk": CHUNK, "written": self.changes.written}

    def do_chunk(self, request):
        n = self.link.read_payload(request)
        if n < 0:
            return None
        offset = field(request, "offset", int)
        expected = field(request, "crc32", int)
        data = memoryview(self.link.payload)[:n]
        found = crc32(data)
        if found != expected:
            raise RequestError("chunk at %d: its CRC-32 is %d, announced was %d: send it again" % (offset, found, expected))
        self.changes.write(offset, data)
        return {"written": self.changes.written}

    def do_commit(self, request):
        return {"file": self.changes.commit()}

    def do_models(self, request):
        return {"programs": self.store.programs(), "running": self.app.file}

    def do_rollback(self, request):
        return {"file": self.changes.rollback(field(request, "kind", str, self.store.state["runs"]))}

    def do_activate(self, request):
        return {"file": self.changes.activate(field(request, "name", str))}

    def do_remove(self, request):
        self.changes.remove(field(request, "name", str))
        return {}
