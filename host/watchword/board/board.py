"""One board: what a program on the host can ask of it."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from watchword import kernels, shipped
from watchword.board import ports, virtual
from watchword.board.link import PROTOCOL, Link, Message
from watchword.board.transport import SerialTransport, Transport
from watchword.board.virtual.toolchain import Report
from watchword.chips import named
from watchword.compile import Compiled
from watchword.compile.program import FORMAT, read_description
from watchword.data.adpcm import Adpcm
from watchword.data.audio import RATE
from watchword.errors import BoardError, LinkError, ModelError
from watchword.features.frames import Frame

Codec = Literal["s16", "adpcm"]
_CHUNK_SAMPLES = {"s16": 768, "adpcm": 768}  # of sound in one request; two of them at least fit into a board's credit
_LEFT: int = shipped.firmware_module("trial").LEAST_HEAP  # bytes of heap that a program must leave
_STARTS = 6  # of a board that is asked to restart: two that a program hangs on trial, the one that follows, and some more
_HELLO = 20.0  # seconds to the hello of a board that starts
_TRIAL = 120.0  # seconds to the end of a trial that the board's own watchdog ends, on an emulated board too
_ATTEMPTS = 3  # per chunk of a push


@dataclass(frozen=True)
class Hello:
    """What a board says of itself; docs/protocol.md names the fields."""

    fields: Message

    def __getattr__(self, name: str) -> Any:
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None


class Board:
    """A board that runs watchword. Use as a context manager, or call `close`."""

    def __init__(
        self,
        transport: Transport,
        target: str,
        on_event: Callable[[Message], None] | None = None,
        hardware: virtual.Hardware | None = None,
    ) -> None:
        self.target = target
        self.virtual = virtual.find(target, hardware=hardware)  # None: a port
        started = self.virtual or virtual.behind(target)
        self.link = Link(transport, on_event, started.kind.patience if started else 1.0)
        self.last_stream: Message = {}
        self._rows = 0  # of a frame, that go in one band
        self.hello = self._greet()

    @classmethod
    def open(
        cls,
        target: str | None = None,
        *,
        fresh: bool = False,
        hardware: virtual.Hardware | None = None,
        on_event: Callable[[Message], None] | None = None,
        report: Report = lambda line: None,
    ) -> Board:
        """Open a virtual board (`unix`, `pico:NAME`), a serial port or a pyserial URL; None: as `ports.choose` says.

        fresh, hardware: of a virtual board that starts here. report: receives lines of progress where it has to be built first.

        Raises LinkError where nothing answers, SetupError where a virtual board cannot be had.
        """
        if target is None:
            target = ports.choose()[0]
        board = virtual.find(target, hardware=hardware)
        if board is not None:
            transport: Transport = board.connect(report, fresh=fresh)
        elif fresh:
            raise BoardError(f"--fresh is for virtual boards; {target} is a real one: see `watchword remove`")
        elif hardware is not None and hardware != virtual.Hardware():
            raise BoardError(f"the hardware of {target} is what it is: only that of a virtual board can be chosen")
        else:
            transport = SerialTransport(target)
        try:
            return cls(transport, target, on_event, hardware)
        except BaseException:
            transport.close()
            raise

    def _greet(self) -> Hello:
        """Find the app: ask it; where a REPL answers instead, soft-reset it and wait for the hello."""
        self.link.transport.write(b"\x02\r\n")  # leaves a raw REPL, which echoes nothing; the app takes it for an empty line
        alone = self.virtual is not None and not self.virtual.kind.repl  # nothing but the app can be there, if only it starts
        for attempt in range(3):
            request = self.link.send("info")
            first = self.link.probe(request, _HELLO if alone else 3.0 if attempt else 1.5)
            if first == "reply":
                return self._checked(self.link.wait(request))
            if first == "trial":
                return self._started()
            if alone:
                break
            if first == "echo" or attempt == 1:
                self.link.transport.write(b"\x03\x03\x02\r\n\x04")  # interrupt, leave the raw REPL, soft reset
                event = self.link.next_event(("hello", "trial"), 5.0)
                if event is not None:
                    return self._started(event)
        raise LinkError(f"{self.target}: no watchword answers there: is its firmware on the board (and main.py)?")

    def _started(self, event: Message | None = None) -> Hello:
        """Wait for the hello of a board that starts; event: what it has said already.

        A program on trial may hang it. Most boards then reset themselves; one that cannot says how long to wait for it.
        """
        patience, trial = _HELLO, False
        for _ in range(_STARTS):
            try:
                event = event or self.link.next_event(("hello", "trial"), patience)
            except LinkError:  # the port goes when a board resets itself
                if not self.link.reset():
                    raise
                continue
            if event is None:
                if not self.link.reset() and not trial:
                    break
                patience, trial = _HELLO, False  # in which whatever keeps the board on may reset it
            elif event["event"] == "hello":
                return self._checked(event)
            else:
                trial = True
                patience = event["timeout_ms"] / 1000 if event["timeout_ms"] else _TRIAL
            event = None
        raise LinkError(f"{self.target}: no hello after a restart")

    def _checked(self, fields: Message) -> Hello:
        hello = Hello(fields)
        for name, mine in (("protocol", PROTOCOL), ("format", FORMAT), ("kernels", kernels.VERSION)):
            if fields.get(name) != mine:
                raise BoardError(
                    f"{self.target}: its firmware {fields.get('firmware')} speaks {name} {fields.get(name)}, this host {mine}: "
                    "put the same version on both"
                )
        return hello

    # ---- programs

    def push(
        self, program: Compiled | bytes, *, scratch: bool = False, progress: Callable[[int, int], None] | None = None
    ) -> str:
        """Send a program, make it active and restart the board with it. Returns its file name on the board.

        scratch: it runs until the next restart only and touches no stored program. progress: called with bytes sent and
        bytes in all. Raises BoardError where it cannot fit, with the figures.
        """
        content = program if isinstance(program, bytes) else program.content
        target, description = read_description(content, "the program")
        if target != self.hello.target:
            raise ModelError(f"the program is compiled for {target}, the board is {self.hello.target}: compile it for that")
        if not isinstance(program, bytes):
            self._fits(program)
        self._send(content, description, scratch, progress)
        file = self._commit()
        self._restart_with(file, scratch)
        return file

    def _send(
        self,
        content: bytes,
        description: Mapping[str, Any],
        scratch: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Send a program to the board's flash; it counts for nothing before `_commit`."""
        reply = self.link.request(
            "push",
            name=description["name"],
            kind=description["kind"],
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            scratch=scratch,
        )
        size = int(reply["chunk"])
        for offset in range(int(reply.get("written", 0)), len(content), size):  # all of it, if the board has it already
            self._send_chunk(offset, content[offset : offset + size])
            if progress is not None:
                progress(min(offset + size, len(content)), len(content))

    def _commit(self) -> str:
        """What was sent is verified by the board and becomes active at the next start. Returns its file name."""
        return str(self.link.request("commit", timeout=20.0)["file"])

    def _restart_with(self, file: str, scratch: bool = False) -> None:
        """Restart, and see that the board runs a program then. Raises BoardError with the board's own words where not."""
        self.restart(scratch=scratch)
        if self.hello.running != file:
            instead = f"{self.hello.running} runs instead" if self.hello.running else "no program runs"
            raise BoardError(f"{self.hello.note or f'{file} did not start'}: {instead}")

    def _fits(self, compiled: Compiled) -> None:
        """Refuse what cannot fit beside the app; what runs now is gone after the restart, so only a start could tell more."""
        hello = self.hello
        free = hello.heap_free + hello.program_ram
        # A board without a program has not loaded the kernels and the front end yet.
        beside = _LEFT + (0 if hello.running else named(hello.target).loaded)
        if compiled.program.ram + beside > free:
            raise BoardError(
                f"{compiled.name} needs {compiled.program.ram} bytes of RAM (arena {compiled.program.arena}) "
                f"and {beside} beside it, {free} are free on {self.target}"
            )

    def _send_chunk(self, offset: int, chunk: bytes) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                self.link.request("chunk", chunk, offset=offset, crc32=binascii.crc32(chunk))
                return
            except LinkError:
                raise
            except BoardError:
                if attempt == _ATTEMPTS - 1:
                    raise

    def restart(self, *, scratch: bool = False, kind: str = "") -> None:
        """Restart the app on a fresh heap and wait for its hello. kind: whose active program runs from now on."""
        self.link.events.clear()  # before asking: the hello may come along with the reply
        self.link.request("restart", scratch=scratch, kind=kind)
        self.hello = self._started()

    def turn_to(self, kind: str) -> None:
        """Let the active program of a kind run, sound or picture, where another one does. BoardError: there is none."""
        if self.hello.kind != kind:
            self.restart(kind=kind)

    def programs(self) -> list[Message]:
        """What the store holds: file, name, size, kind, state."""
        found: list[Message] = self.link.request("models")["programs"]
        return found

    def holds(self, kind: str) -> bool:
        """Whether a program of a kind, sound or picture, is active here, running or not."""
        return any(program["kind"] == kind and program["state"] == "active" for program in self.hello.programs)

    def activate(self, name: str) -> str:
        """Make a stored program (its name or file) active and restart with it; the active one becomes the previous.

        Returns its file name. Raises BoardError where it does not run here: then the one before is active again.
        """
        file = str(self.link.request("activate", name=name)["file"])
        if self.hello.running != file:
            self._restart_with(file)
        return file

    def rollback(self, kind: str | None = None) -> str:
        """Make the previous program of a kind active again, by default of the one that runs, and restart with it.

        Returns its file name.
        """
        file = str(self.link.request("rollback", kind=kind or self.hello.kind)["file"])
        self.restart()
        return file

    def remove(self, name: str) -> None:
        """Remove a stored program that is neither active nor previous."""
        self.link.request("remove", name=name)

    def info(self) -> Message:
        """The hello, asked anew."""
        fields = self.link.request("info")
        return {key: value for key, value in fields.items() if key != "id"}

    # ---- sound

    def _stream(self, samples: NDArray[np.int16], codec: Codec, **fields: Any) -> Iterator[Message]:
        """Begin a stream and send samples as the board's credit allows; yields the events that come meanwhile."""
        self.link.events.clear()
        credit = int(self.link.request("stream", **fields)["credit"])
        waiting: deque[tuple[int, int]] = deque()
        adpcm = Adpcm()
        size = _CHUNK_SAMPLES[codec]
        for start in range(0, len(samples), size):
            chunk = samples[start : start + size]
            payload = adpcm.encode(chunk) if codec == "adpcm" else chunk.astype("<i2").tobytes()
            while waiting and (credit < len(chunk) or self.link.answered(waiting[0][0])):
                request, taken = waiting.popleft()
                self.link.wait(request)
                credit += taken
            waiting.append((self.link.send("sound", payload, codec=codec), len(chunk)))
            credit -= len(chunk)
            yield from self._events()
        for request, _ in waiting:
            self.link.wait(request)
        yield from self._events()

    def _events(self) -> Iterator[Message]:
        while self.link.events:
            yield self.link.events.popleft()

    def listen(self, samples: NDArray[np.int16], codec: Codec = "s16") -> Iterator[Message]:
        """Stream int16 samples (16 kHz) with a second of silence before and after; yields events as they come.

        `time` of a detection is in seconds from the first sample; a stream starts with everything forgotten. codec: how
        sound travels; adpcm takes a quarter of the line, a third of the board's work, and is heard as `adpcm.coded` gives it.
        After the last event `last_stream` has frames, runs, time (s), link_us: what the board spent on the line, and gaps and
        gap_ms: how often and how long flash or a long request kept it from hearing.
        """
        silence = np.zeros(RATE, np.int16)
        for event in self._heard(np.concatenate([silence, np.asarray(samples, np.int16), silence]), codec):
            if event["event"] == "detect":
                event = {**event, "time": round(event["time"] - 1.0, 3), "score": round(event["score"], 3)}
            yield event

    def _heard(self, samples: NDArray[np.int16], codec: Codec) -> Iterator[Message]:
        yield from self._stream(samples, codec)
        self.last_stream = self.link.request("end")
        yield from self._events()

    def scores(self, samples: NDArray[np.int16], codec: Codec = "s16") -> NDArray[np.int8]:
        """The model's outputs for the one window that ends with the last sample, after a second of silence; int8 (labels,)."""
        for _ in self._stream(np.concatenate([np.zeros(RATE, np.int16), samples]), codec, stride=0):
            pass
        reply = self.link.request("scores")
        self.last_stream = self.link.request("end")
        return np.array(reply["scores"], np.int8)

    # ---- pictures

    def see(self, frames: Iterable[Frame], every: float = 1.0) -> Iterator[Message]:
        """Send frames, all with the same sides, as `look` takes them; yields events as they come.

        `frame` says what each shows: label, score and time; `detect` that a label is seen from now on, `gone` that it is no
        longer. time: seconds since the first frame; every: from one to the next.
        """
        for i, frame in enumerate(frames):
            if i == 0:
                self.view(frame.shape[1], frame.shape[0])
            yield from self.look(frame, i * every)[1]

    def view(self, width: int, height: int) -> bool:
        """Begin a run of frames: what was seen before is forgotten. Returns whether they are to have colours.

        BoardError: no picture program runs, or no board takes such sides.
        """
        self.link.events.clear()
        reply = self.link.request("view", width=width, height=height)
        self._rows = int(reply["rows"])
        return int(reply["pixel"]) == 2

    def look(self, frame: Frame, time: float = 0.0) -> tuple[NDArray[np.int8], list[Message]]:
        """Send one frame. Returns the model's outputs, int8 (labels,), and the events that say what it shows.

        time: what these say, seconds. Where the model runs on every nth frame only, the others give no outputs.
        """
        data = frame.astype(">u2" if frame.dtype == np.uint16 else np.uint8)
        reply: Message = {}
        for row in range(0, len(data), self._rows):
            band = data[row : row + self._rows].tobytes()
            reply = self.link.request("frame", band, row=row, ms=round(time * 1000), timeout=60.0)
        events = [{**event, "score": round(event["score"], 3)} if "score" in event else event for event in self._events()]
        return np.array(reply.get("scores", ()), np.int8), events

    # ---- taught words

    def taught(self, *, ready: bool = False) -> Message:
        """Words that were taught, each with the number of its shots.

        words: to the running model; file: their memory on flash; background: how many embeddings of background the program has;
        samples: what a run of a model for sound covers; others: [[file, words or None where it is damaged], ...] of other
        models. ready: the board gets ready to be taught; BoardError: its program cannot be.
        """
        reply = self.link.request("taught", ready=ready)
        return {key: value for key, value in reply.items() if key != "id"}

    def enrol(self, word: str) -> Message:
        """Make what the last `scores` or `look` was of a shot of a word. The board has to be ready, see `taught`.

        Returns shots of the word, all shots, the most there can be, and `like`: a word that it might be taken for, or None.
        BoardError: it holds nothing, memory is full, or it is the same as a shot of another word; nothing has changed then.
        """
        return self.link.request("enrol", word=word)

    def forget(self, word: str) -> int:
        """Forget a taught word. Returns how many shots it had. BoardError: it was not taught."""
        return int(self.link.request("forget", word=word)["shots"])

    def embedding(self) -> NDArray[np.int8]:
        """That of the last `scores` or `look`, once the board is ready."""
        return np.frombuffer(base64.b64decode(self.link.request("shot")["data"]), np.int8)

    def export_taught(self) -> Message:
        """All shots of the running model: file, and shots as [word, embedding in base64], in JSON's types."""
        found = self.taught(ready=True)
        count = sum(found["words"].values())
        replies = [self.link.request("shot", number=i) for i in range(count)]
        return {"file": found["file"], "shots": [[reply["word"], reply["data"]] for reply in replies]}

    def import_taught(self, exported: Message) -> int:
        """Add the shots that `export_taught` gave, on this or another board. Returns how many.

        BoardError: they are another model's, or one of them cannot be added; then none is.
        """
        shots = exported["shots"]
        self.taught(ready=True)
        for i, (word, data) in enumerate(shots):
            last = i == len(shots) - 1
            self.link.request("enrol", base64.b64decode(data), word=word, key=exported["file"], last=last)
        return len(shots)

    # ---- raw tensors

    def run(self, x: NDArray[np.int8], *, until: int | None = None, reset: bool = False) -> NDArray[np.int8]:
        """Run the program on one quantized input; int8 output, flat.

        until: stop after so many steps. reset: what the model remembers of the runs before is forgotten first.
        """
        data = np.ascontiguousarray(x, np.int8).tobytes()
        size = int(self.hello.chunk) // 3 * 3
        starts = range(0, len(data), size)
        for start in starts:
            fields: Message = {"offset": start, "go": start + size >= len(data), "reset": reset}
            if until is not None:
                fields["until"] = until
            reply = self.link.request("run", data[start : start + size], timeout=60.0, **fields)
        return self._read(int(reply["output"]), output=True)

    def run_layers(self, compiled: Compiled, x: NDArray[np.int8], *, reset: bool = False) -> list[NDArray[np.int8]]:
        """The output of every operation of compiled.graph for one input, int8 in their shapes, read one by one."""
        outputs = []
        self.run(x, until=0, reset=reset)
        for layer in compiled.layers:
            self.link.request("run", b"", timeout=60.0, go_on=True, until=layer.steps)
            outputs.append(layer.read(self._read(layer.span, offset=layer.offset)))
        self.link.request("run", b"", timeout=60.0, go_on=True)  # what is kept for the next run
        return outputs

    def bench(self, runs: int = 5, layers: bool = False) -> Message:
        """How long the program takes: us and us_max of `runs` runs; load_ms; frontend_us of a frame; hz of the processor.

        layers: also, as a list, the microseconds of each step of one run.
        """
        fields = self.link.request("bench", runs=runs, layers=layers, timeout=60.0 * (runs + 1))
        return {key: value for key, value in fields.items() if key != "id"}

    def _read(self, size: int, **fields: Any) -> NDArray[np.int8]:
        data = b""
        base = int(fields.pop("offset", 0))
        while len(data) < size:
            part = min(int(self.hello.chunk), size - len(data))
            reply = self.link.request("read", offset=base + len(data), size=part, **fields)
            data += base64.b64decode(reply["data"])
        return np.frombuffer(data, np.int8)

    @property
    def modelled(self) -> str | None:
        """What the times and cycles of a virtual board are worth; None of a real one, whose are its own."""
        board = self.virtual or virtual.behind(self.target)
        return board.modelled if board else None

    def speed(self) -> virtual.Speed | None:
        """How fast an emulated board has run since it is on; None of any other."""
        board = self.virtual or virtual.behind(self.target)
        return board.speed(self.link.transport) if board else None

    # ---- the end

    def close(self) -> None:
        self.link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
