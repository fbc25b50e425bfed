"""Requests about the board and the programs that it stores."""

from binascii import crc32

from watchword import board
from watchword.link import CHUNK
from watchword.requests import RequestError, Requests, field


class Subject(Requests):
    def do_info(self, request):
        return self.app.info()

    def do_restart(self, request):
        if field(request, "scratch", bool, False):
            self.store.run_scratch_next(field(request, "microphone", dict, {}))
        kind = field(request, "kind", str, "")
        if kind:
            self.store.turn_to(kind)
        if self.app.store is not None:
            self.app.store.abandon()
        self.link.reply(request)
        self.app.close()
        board.restart()

    def do_push(self, request):
        self.store.begin(
            field(request, "name", str),
            field(request, "kind", str),
            field(request, "size", int),
            field(request, "sha256", str),
            field(request, "scratch", bool, False),
            field(request, "beside", bool, False),
        )
        return {"chunk": CHUNK, "written": self.store.written}

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
        self.store.write(offset, data)
        return {"written": self.store.written}

    def do_commit(self, request):
        return {"file": self.store.commit()}

    def do_models(self, request):
        return {"programs": self.store.programs(), "running": self.app.file}

    def do_rollback(self, request):
        return {"file": self.store.rollback(field(request, "kind", str, self.store.state["runs"]))}

    def do_activate(self, request):
        return {"file": self.store.activate(field(request, "name", str))}

    def do_remove(self, request):
        self.store.remove(field(request, "name", str))
        return {}
