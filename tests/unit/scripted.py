"""A board that is a script: it keeps settings and says what it is told to, behind a socket that --on can name."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from watchword import kernels
from watchword.board.link import PROTOCOL
from watchword.compile.program import FORMAT

Message = dict[str, Any]

PROGRAM = {"file": "kws-1f0c44aa.ww", "name": "kws", "size": 61400, "kind": "sound", "state": "active"}
HELLO: Message = {
    "protocol": PROTOCOL,
    "firmware": "0.1.0",
    "micropython": "1.25.0",
    "format": FORMAT,
    "kernels": kernels.VERSION,
    "native": True,
    "target": "rp2040",
    "mpy": 4870,
    "board": "Raspberry Pi Pico with RP2040",
    "uid": "e660",
    "heap_free": 110048,
    "program_ram": 55126,
    "program_heap": 93248,
    "load_ms": 208,
    "flash_free": 1228800,
    "flash": 1441792,
    "chunk": 1536,
    "running": PROGRAM["file"],
    "note": None,
    "kind": "sound",
    "trial": None,
    "programs": [PROGRAM],
    "name": None,
    "microphone": None,
    "mute": False,
}
LABELS = ("_silence_", "yes", "no")
MODEL = {"yes": 0.8, "no": 0.8, "jarvis": 0.5}


class Refused(Exception):
    """What the board says against a request."""


HIGHEST = {"yes": [0.97, 12.34, 0.8], "no": [0.113, 2.5, 0.5], "jarvis": [0.60000002, 12.5, 0.5]}


class ScriptedBoard:
    """What docs/protocol.md says of settings and of hearing; `heard` is sent when a host begins to listen.

    asked: all requests. dead: it answers nothing any more. vanish: it is unplugged once all is said.
    """

    def __init__(self, name: str | None = None, heard: tuple[Message, ...] = ()) -> None:
        self.settings: Message = {"name": name, "microphone": None, "actions": [], "cutoffs": {}, "mute": False}
        self.heard = heard
        self.asked: list[Message] = []
        self.fault: str | None = None
        self.refusal: str | None = None  # of any change
        self.dead = False
        self.vanish = False

    def answer(self, message: Message) -> Message:
        """The fields of a reply. Refused: the board says why."""
        self.asked.append(message)
        return getattr(self, f"do_{message['do']}", self.do_change)(message)  # type: ignore[no-any-return]

    def do_info(self, message: Message) -> Message:
        microphone = self.settings["microphone"]
        mine = {"name": self.settings["name"], "microphone": microphone and microphone["kind"], "mute": self.settings["mute"]}
        return HELLO | mine

    def do_restart(self, message: Message) -> Message:
        return {}

    def do_settings(self, message: Message) -> Message:
        return self.settings

    def do_change(self, message: Message) -> Message:
        """One of the requests that set something."""
        if self.refusal:
            raise Refused(self.refusal)
        what = {key: value for key, value in message.items() if key not in ("id", "do")}
        if message["do"] == "microphone":
            self.settings["microphone"] = message["set"]
        elif message["do"] == "when":
            self._require(what["label"])
            self.settings["actions"] = [*self._others(what["label"], what["pin"]), what]
        elif message["do"] == "never":
            left = self._others(what["label"], what.get("pin"))
            gone = len(self.settings["actions"]) - len(left)
            self.settings["actions"] = left
            return {"gone": gone}
        else:
            self.settings[message["do"]] = what[message["do"]]
        return {}

    def _require(self, label: str) -> None:
        if label not in MODEL:
            raise Refused(f"{label} is none of what may fire here: {', '.join(MODEL)}")

    def _others(self, label: str, pin: int | None) -> list[Message]:
        return [one for one in self.settings["actions"] if one["label"] != label or pin not in (None, one["pin"])]

    def do_cutoff(self, message: Message) -> Message:
        if "label" in message:
            self._require(message["label"])
        if "cutoff" in message and self.refusal:
            raise Refused(self.refusal)
        if "cutoff" in message:
            for label in [message["label"]] if "label" in message else list(MODEL):
                self.settings["cutoffs"].pop(label, None)
                if message["cutoff"] is not None:
                    self.settings["cutoffs"][label] = message["cutoff"]
        return {"cutoffs": MODEL | self.settings["cutoffs"]}

    def do_hear(self, message: Message) -> Message:
        microphone = self.settings["microphone"]
        return {
            "source": microphone and microphone["kind"],
            "labels": list(LABELS),
            "taught": ["jarvis"],
            "cutoffs": MODEL | self.settings["cutoffs"],
            "time": 12.5,
            "lost": 1600,
            "mute": self.settings["mute"],
            "fault": self.fault,
            "peak": 1036,
            **({"highest": HIGHEST} if message.get("highest") else {}),
        }

    def serve(self, server: socket.socket) -> None:
        """One host after another, until the server closes."""
        with contextlib.suppress(OSError):
            while True:
                line, _ = server.accept()
                with line, contextlib.suppress(OSError):
                    self._talk(line)

    def _talk(self, line: socket.socket) -> None:
        seq = 0

        def say(message: Message) -> None:
            line.sendall(json.dumps(message).encode() + b"\r\n")

        for text in line.makefile("rb"):
            if not text.startswith(b"{"):
                continue
            if self.dead:
                continue
            message = json.loads(text)
            try:
                reply = self.answer(message)
            except Refused as refused:
                reply = {"error": str(refused)}
            say({"id": message["id"], **reply})
            if message["do"] == "restart":
                say({"event": "hello", "seq": 0, **self.do_info(message)})
            if message["do"] == "hear" and "scores" in message and self.heard:
                for event in self.heard:
                    seq += 1
                    say({"seq": seq, **event})
                self.heard = ()
                if self.vanish:
                    time.sleep(0.3)  # a socket that is closed takes along what nobody has read
                    return


@contextmanager
def plugged_in(board: ScriptedBoard) -> Iterator[str]:
    """The URL of a board that is on."""
    server = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=board.serve, args=(server,), daemon=True)
    thread.start()
    try:
        yield f"socket://127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(10)
