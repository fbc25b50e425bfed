"""A serial line that breaks, comes back, or is somebody else's."""

from __future__ import annotations

import os
import socket
import threading
import time
import tty
from collections.abc import Iterator

import pytest

from watchword.board import transport
from watchword.board.link import Link
from watchword.board.transport import SerialTransport
from watchword.board.virtual.serve import _Lines, _Watchdog
from watchword.errors import LinkError


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def url(server: socket.socket) -> str:
    return f"socket://127.0.0.1:{server.getsockname()[1]}"


def test_a_line_that_stands_cannot_be_reset_from_here(server: socket.socket) -> None:
    line = SerialTransport(url(server))
    assert line.reset() is False
    line.close()


def test_a_line_that_went_is_opened_again(server: socket.socket) -> None:
    line = SerialTransport(url(server))
    server.accept()[0].close()
    with pytest.raises(LinkError, match="the line to the board broke"):
        read_until_broken(line)
    assert line.reset() is True
    client, _ = server.accept()
    client.sendall(b"hello\n")
    assert line.read(2.0)
    line.close()
    client.close()


def test_a_line_that_stays_away_is_told_after_a_while(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_BACK", 0.3)
    line = SerialTransport(url(server))
    server.accept()[0].close()
    with pytest.raises(LinkError):
        read_until_broken(line)
    server.close()
    with pytest.raises(LinkError, match="nothing answers at that address"):
        line.reset()


def test_a_line_that_is_back_after_a_moment_is_waited_for(server: socket.socket) -> None:
    port = server.getsockname()[1]
    line = SerialTransport(url(server))
    server.accept()[0].close()
    with pytest.raises(LinkError):
        read_until_broken(line)
    server.close()
    again: list[socket.socket] = []
    timer = threading.Timer(0.5, lambda: again.append(socket.create_server(("127.0.0.1", port), reuse_port=False)))
    timer.start()
    assert line.reset() is True
    timer.join()
    line.close()
    again[0].close()


def read_until_broken(line: SerialTransport) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        line.read(0.1)


class Repl:
    """A line to MicroPython's REPL, which echoes what it is sent; its answers come in pieces of `size` bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.said = b""

    def write(self, data: bytes) -> None:
        self.said += data.replace(b"\n", b"\r\n{'id': 1, 'do': 'info'}\r\n>>> ")

    def read(self, timeout: float) -> bytes:
        data, self.said = self.said[: self.size], self.said[self.size :]
        return data


@pytest.mark.parametrize("size", [1, 20, 1000])
def test_the_echo_of_a_request_is_no_reply(size: int) -> None:
    link = Link(Repl(size))
    assert link.probe(link.send("info"), 60) == "echo"


def test_a_client_that_comes_as_the_one_before_goes_is_let_in_and_no_byte_is_lost() -> None:
    lines = _Lines(0, None)
    try:
        address = lines.server.getsockname()
        with socket.create_connection(address) as first:
            assert lines.wait() == b""
            first.sendall(b"last words")
        with socket.create_connection(address) as second:
            said = lines.wait() + lines.wait()
            second.sendall(b" first ones")
            deadline = time.monotonic() + 20
            while not said.endswith(b"ones") and time.monotonic() < deadline:
                said += lines.wait()
            assert said == b"last words first ones"
            with socket.create_connection(address) as third:  # a serial port has one user
                lines.wait()
                assert third.recv(1) == b""
    finally:
        lines.close()


def test_two_cannot_have_one_port() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    first = SerialTransport(os.ttyname(slave))
    with pytest.raises(LinkError, match="in use"):
        SerialTransport(os.ttyname(slave))
    first.close()
    os.close(slave)
    os.close(master)


def test_the_watchdog_of_a_virtual_board_bites_in_the_silence_after_a_trial_has_begun() -> None:
    dog = _Watchdog()
    assert not dog.bites(b"")
    assert not dog.bites(b'{"event":"trial","seq":1,"file":"a.ww","attempt":1,"time')
    assert not dog.bites(b'out_ms":50}\r\n')
    time.sleep(0.06)
    assert dog.bites(b"")
    assert not dog.bites(b'{"event":"hello"}\r\n')
    assert not dog.bites(b"")
    # The rp2 port has a watchdog of its own, and what a user prints is no trial.
    assert not dog.bites(b'{"event":"trial","timeout_ms":null}\r\n"trial"\r\n')
    time.sleep(0.06)
    assert not dog.bites(b"")
