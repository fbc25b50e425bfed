"""Whatever comes over the line, the board names the fault and goes on."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import small_program
from watchword.board import virtual
from watchword.board.virtual.process import ProcessTransport

Message = dict[str, Any]


class Line:
    """The bare line to a virtual board."""

    def __init__(self, transport: ProcessTransport) -> None:
        self.transport = transport
        self.rest = b""
        self.waiting: list[Message] = []

    def answer(self, data: bytes = b"", timeout: float = 20.0) -> Message:
        """Send bytes; the next message that is no event."""
        if data:
            self.transport.write(data)
        deadline = time.monotonic() + timeout
        while not self.waiting:
            assert time.monotonic() < deadline, "no answer"
            *lines, self.rest = (self.rest + self.transport.read(0.1)).split(b"\n")
            messages = [json.loads(line) for line in lines if line.startswith(b"{")]  # the others are a board's own boot
            self.waiting += [m for m in messages if "event" not in m]
        return self.waiting.pop(0)


@pytest.fixture
def line(micropython: Path, request: pytest.FixtureRequest) -> Iterator[Line]:
    """A board that has said hello: the unix one, or the one that a test asks for."""
    board = virtual.find(getattr(request, "param", "unix"))
    assert board is not None
    transport = board.start(print)
    line = Line(transport)
    line.transport.write(b"\n")
    while line.answer(b'{"id": 1, "do": "models"}\n', 60)["id"] != 1:
        pass
    yield line
    transport.close()


on_every_kind = pytest.mark.parametrize("line", ["unix", "pico"], indirect=True)


def works(line: Line) -> None:
    """The app goes on: it answers an ordinary request."""
    assert line.answer(b'{"id": 4711, "do": "info"}\n')["id"] == 4711


@pytest.mark.parametrize(
    ("sent", "request_id", "fault"),
    [
        (b"hello board\n", None, "not a line of JSON"),
        (b"\xff\xfe\x00\n", None, "not a line of JSON"),
        (b'{"id": 1, "do": "in\n', None, "not a line of JSON"),
        (b"[1, 2]\n", None, "a request is a JSON object"),
        (b"x" * 600 + b"\n", None, "line is longer than 512 bytes"),
        (b"x" * 100_000 + b"\n", None, "line is longer than 512 bytes"),
        (b'{"do": "info"}\n', None, "id: an integer is expected"),
        (b'{"id": "1", "do": "info"}\n', None, "id: an integer is expected"),
        (b'{"id": 1}\n', 1, "do: the name of a request is expected"),
        (b'{"id": 1, "do": 5}\n', 1, "do: the name of a request is expected"),
        (b'{"id": 1, "do": "dance"}\n', 1, "unknown request dance; known: activate, bench, chunk, commit"),
        (b'{"id": 1, "do": "__init__"}\n', 1, "unknown request __init__"),
        (b'{"id": 1, "do": "push"}\n', 1, "name: str is expected"),
        (b'{"id": 1, "do": "push", "name": "a", "kind": "sound", "size": "7", "sha256": "x"}\n', 1, "size: int is expected"),
        (b'{"id": 1, "do": "push", "name": "a", "kind": "sound", "size": -7, "sha256": "x"}\n', 1, "size"),
        (b'{"id": 1, "do": "push", "name": "../a", "kind": "sound", "size": 7, "sha256": "x"}\n', 1, "name"),
        (b'{"id": 1, "do": "push", "name": "a", "kind": "smell", "size": 7, "sha256": "x"}\n', 1, "sound or picture"),
        (b'{"id": 1, "do": "restart", "scratch": 1}\n', 1, "scratch: bool is expected"),
        (b'{"id": 1, "do": "commit"}\n', 1, "no push is under way"),
        (b'{"id": 1, "do": "rollback"}\n', 1, "no previous sound program"),
        (b'{"id": 1, "do": "remove", "name": "none"}\n', 1, "no program none is stored"),
        (b'{"id": 1, "do": "stream"}\n', 1, "no sound program is loaded"),
        (b'{"id": 1, "do": "end"}\n', 1, "no sound program is loaded"),
        (b'{"id": 1, "do": "read", "size": 4}\n', 1, "no program is loaded"),
        (b'{"id": 1, "do": "chunk", "length": "4"}\nAAAA\n', 1, "length: a multiple of 4 up to 2048 is expected"),
        (b'{"id": 1, "do": "chunk", "length": 99999}\n' + b"A" * 99999 + b"\n", 1, "length"),
        (b'{"id": 1, "do": "chunk", "length": 4}\nAAAAAAAA\n', 1, "the payload is longer than the 4 characters announced"),
        (b'{"id": 1, "do": "chunk", "length": 8}\nAA!AAAAA\n', 1, "the payload is not base64 at character 2"),
        (b'{"id": 1, "do": "chunk", "length": 4}\nAAAA\n', 1, "offset: int is expected"),
        (b'{"id": 1, "do": "chunk", "length": 4, "offset": 0, "crc32": 5}\nAAAA\n', 1, "CRC-32 is 4282505490, announced was 5"),
        (b'{"id": 1, "do": "sound", "length": 4, "codec": "s16"}\nAAAA\n', 1, "no sound program is loaded"),
        (
            b'{"id": 1, "do": "sound", "length": 5, "codec": "s16"}\nAAAAA\n',
            1,
            "length: a multiple of 4 up to 2048 is expected",
        ),
        (b'{"id": 1, "do": "frame", "length": 4, "row": 0}\nAAAA\n', 1, "no picture program is loaded"),
        (b'{"id": 1, "do": "run", "length": 4}\nAAAA\n', 1, "no program is loaded"),
        (b'{"id": 1, "do": "shot"}\n', 1, "no program is loaded"),
    ],
)
def test_a_fault_is_named_and_the_app_goes_on(line: Line, sent: bytes, request_id: int | None, fault: str) -> None:
    reply = line.answer(sent)
    assert reply["id"] == request_id
    assert fault in reply["error"]
    assert "\n" not in reply["error"]
    works(line)


@on_every_kind
def test_a_payload_that_stops_half_way_is_given_up(line: Line) -> None:
    reply = line.answer(b'{"id": 9, "do": "chunk", "length": 400, "offset": 0, "crc32": 1}\n' + b"A" * 123)
    assert reply["id"] == 9
    assert reply["error"] == "the payload stopped after 123 of 400 characters"
    works(line)


@on_every_kind
@pytest.mark.parametrize("characters", [0, 511, 512, 513, 2048])
def test_a_payload_may_stop_anywhere(line: Line, characters: int) -> None:
    reply = line.answer(b'{"id": 9, "do": "chunk", "length": 2048, "offset": 0, "crc32": 1}\n' + b"A" * characters)
    if characters < 2048:
        assert reply["error"] == f"the payload stopped after {characters} of 2048 characters"
    else:
        assert reply["id"] == 9  # only its line feed is missing: either is an answer
    line.transport.write(b"\n")
    works(line)


@on_every_kind
def test_a_masked_payload_holds_any_byte(line: Line) -> None:
    data = bytes(k for k in range(256) if k != 0x55) * 4
    masked = bytes(k ^ 0x56 for k in data)
    head = b'{"id": 9, "do": "chunk", "mask": 86, "length": %d, "offset": 0, "crc32": ' % len(data)
    reply = line.answer(head + b"%d}\n%s\n" % (binascii.crc32(data), masked))
    assert "CRC" not in reply["error"]  # but that no push has begun
    assert "push" in reply["error"]
    assert line.answer(head + b"1}\n" + masked[:700])["error"] == f"the payload stopped after 700 of {len(data)} characters"
    works(line)


@on_every_kind
def test_a_line_that_pauses_is_still_one_line(line: Line) -> None:
    line.transport.write(b'{"id": 3, "d')
    time.sleep(1.5)
    assert line.answer(b'o": "info"}\n')["id"] == 3


@pytest.mark.parametrize("line", ["pico"], indirect=True)
def test_ctrl_c_gets_in_where_a_payload_has_stopped(line: Line) -> None:
    line.transport.write(b'{"id": 9, "do": "chunk", "length": 1000, "offset": 0, "crc32": 1}\n' + b"A" * 30)
    line.transport.write(b"\x03\x03")
    seen = b""
    deadline = time.monotonic() + 20
    while b">>> " not in seen:
        assert time.monotonic() < deadline, seen
        seen += line.transport.read(0.1)
    assert b"KeyboardInterrupt" in seen
    line.transport.write(b"6*7\r")
    while b"42\r\n>>> " not in seen:  # and it is the REPL alone that reads now
        assert time.monotonic() < deadline, seen
        seen += line.transport.read(0.1)


def test_a_stream_that_is_broken_off_answers_for_the_sound_that_came(line: Line) -> None:
    push(line, small_program().content)
    chunk = b'"do": "sound", "codec": "s16", "length": 640}\n' + b"A" * 640 + b"\n"
    for wrong in (b"-1", b'"1"', b"1.5", b"null", b"true"):
        assert line.answer(b'{"id": 1, "do": "stream", "ends": ' + wrong + b"}\n")["error"].startswith("ends: ")
    assert line.answer(b'{"id": 1, "do": "stream"}\n')["credit"] > 0
    for request in (2, 3):
        line.transport.write(b'{"id": %d, ' % request + chunk)
    line.transport.write(b'{"id": 4, "do": "bench"}\n')
    assert sorted(line.answer()["id"] for _ in range(3)) == [2, 3, 4]
    assert line.answer(b'{"id": 5, "do": "end"}\n')["error"] == "no stream has begun"
    assert line.answer(b'{"id": 6, ' + chunk)["error"] == "no stream has begun"
    assert line.answer(b'{"id": 7, ' + chunk.replace(b"s16", b"mp3"))["error"] == "codec: s16 or adpcm is expected"


def push(line: Line, content: bytes) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    fields = {"id": 1, "do": "push", "name": "small", "kind": "sound", "size": len(content), "sha256": sha256}
    assert line.answer(json.dumps(fields).encode() + b"\n")["chunk"] == 1536
    for offset in range(0, len(content), 1536):
        part = content[offset : offset + 1536]
        text = base64.b64encode(part)
        fields = {"id": 1, "do": "chunk", "offset": offset, "crc32": binascii.crc32(part), "length": len(text)}
        assert "written" in line.answer(json.dumps(fields).encode() + b"\n" + text + b"\n")
    assert "file" in line.answer(b'{"id": 1, "do": "commit"}\n')
    assert line.answer(b'{"id": 1, "do": "restart"}\n') == {"id": 1}
    seen = b""
    while b'"hello"' not in seen or not seen.endswith(b"\n"):
        seen += line.transport.read(5)


def test_a_line_in_pieces_is_one_line(line: Line) -> None:
    for byte in b'{"id": 3, "do": "info"}':
        line.transport.write(bytes([byte]))
    assert line.answer(b"\n")["id"] == 3


def test_requests_sent_together_get_a_reply_each_in_order(line: Line) -> None:
    line.transport.write(b"".join(b'{"id": %d, "do": "models"}\n' % i for i in range(50)))
    assert [line.answer()["id"] for _ in range(50)] == list(range(50))


def test_a_payload_is_read_at_full_length(line: Line) -> None:
    payload = base64.b64encode(bytes(range(256)) * 6)
    assert len(payload) == 2048
    reply = line.answer(b'{"id": 1, "do": "chunk", "length": 2048, "offset": 0, "crc32": %d}\n%s\n' % (0xAD484D3F, payload))
    assert reply["error"] == "no push is under way"  # its CRC-32 was right
    works(line)


def test_no_mixture_of_fields_ends_the_app_or_shows_a_fault_of_its_own(line: Line) -> None:
    """A thousand requests of known names with fields of any type: each is answered, none by an error that nobody foresaw."""
    rng = random.Random(1)
    fields = "runs layers length offset crc32 codec name kind size sha256 scratch stride ends highest go until output".split()
    requests = "info activate bench push chunk commit models rollback remove stream sound end scores run read".split()
    values = (None, True, -1, 0, 4, 10**20, 1.5, "x", [], {}, "s16", "sound", "\u00e9")
    for number in range(1000):
        message: Message = {"id": number, "do": rng.choice(requests)}
        message |= {field: rng.choice(values) for field in rng.sample(fields, rng.randint(0, 6))}
        payload = b"AAAA" if message["do"] in ("chunk", "sound", "run") else b""
        if payload:
            message["length"] = 4
        reply = line.answer(json.dumps(message).encode() + b"\n" + payload + b"\n")
        assert reply["id"] == number
        assert "Error: " not in reply.get("error", ""), (message, reply)
    works(line)


def test_bytes_at_random_do_not_end_the_app(line: Line) -> None:
    rng = random.Random(2)
    for _ in range(200):
        line.transport.write(rng.randbytes(rng.randint(0, 700)) + b"\n")
    while line.answer(b'{"id": 4711, "do": "info"}\n').get("id") != 4711:
        pass
