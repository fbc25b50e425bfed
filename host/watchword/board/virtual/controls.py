"""What no cable reaches on a virtual Pico: its button and power, the cable itself, its pins, and the microphones there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from watchword.board.transport import Transport
from watchword.board.virtual.process import ProcessTransport
from watchword.board.virtual.wires import playable
from watchword.errors import BoardError

Line = Literal["open", "closed", "stalled", "unplugged"]
"""open: a terminal has the port open, and reads; closed: none has it open; stalled: it is open and nobody reads; unplugged."""


@dataclass(frozen=True)
class Pin:
    """function: spi, uart, i2c, pwm, sio, pio0, pio1, clock, usb or none. output: the chip drives it. level: 0 or 1."""

    function: str
    output: bool
    level: int


class Change(NamedTuple):
    """seconds: of emulated time since the board was plugged in."""

    seconds: float
    level: int


class SaidLine(NamedTuple):
    """A line that the board has said. seconds: of emulated time since it was plugged in, when its last byte left."""

    seconds: float
    text: str


class Controls:
    """Controls of a virtual Pico, at its transport. Times are seconds of emulated time since it was plugged in.

    Raises BoardError where the transport is not that of one that this process runs. All methods raise LinkError where it is
    off.
    """

    def __init__(self, transport: Transport) -> None:
        if not isinstance(transport, ProcessTransport) or not transport.controlled:
            raise BoardError(
                "only a virtual Pico that this process starts has controls: this board is another, or another process runs it"
            )
        self._ask = transport.control

    # ---- the board and its cable

    def press_reset(self) -> None:
        """Press the reset button."""
        self._ask("reset")

    def cut_power(self, after: int) -> None:
        """Power goes after so many cycles, whatever the board does then."""
        self._ask("cut", after=after)

    def line(self, state: Line) -> None:
        """What becomes of the cable, from now on. What a terminal has written before arrives, unless the cable is unplugged."""
        self._ask("line", state=state)

    # ---- microphones

    def play(self, file: Path, *, waits: bool = False) -> None:
        """Let all microphones hear a WAV file of 16 bits, once, from now on. Raises BoardError where it cannot be played.

        waits: it begins when the board begins to listen anew, after a tenth of a second or more in which it did not.
        """
        self._ask("play", file=str(playable(file)), waits=waits)

    def begun(self, wire: int = 0) -> float | None:
        """When what a microphone hears began; None: it has not yet. wire: its number among the board's wires."""
        begun: list[float | None] = self._ask("begun")["begun"]
        return begun[wire]

    def microphone(
        self,
        wire: int | None = None,
        *,
        plugged: bool | None = None,
        right: bool | None = None,
        offset: int | None = None,
        stuck: int | Literal["no"] | None = None,
    ) -> None:
        """Change an I2S microphone; what is None stays.

        wire: its number among the board's wires, from 0; None: the first. plugged: whether its SD reaches the board. right:
        whether its L/R is high. offset: DC, in units of its 24 bits. stuck: the number of 24 bits that it sends whatever it
        hears; "no": none.
        """
        changes = {"wire": wire, "plugged": plugged, "right": right, "offset": offset, "stuck": stuck}
        given = {name: None if value == "no" else value for name, value in changes.items() if value is not None}
        self._ask("i2s", **given)

    # ---- what it says

    def lines(self) -> list[SaidLine]:
        """What the board has said since this was called last, the first 1,000 lines of it, whoever has read them."""
        return [SaidLine(*line) for line in self._ask("lines")["lines"]]

    # ---- pins

    def pins(self) -> list[Pin]:
        """All pins, by GPIO number."""
        return [Pin(**pin) for pin in self._ask("pins")["pins"]]

    def seconds(self) -> float:
        """Now."""
        return float(self.counters()["nanos"]) / 1e9

    def counters(self) -> dict[str, Any]:
        """What the emulator counts, as `control.mjs` says: cycles, without those of waiting, nanos, hz, and more."""
        return self._ask("counters")

    def watch(self, pin: int) -> int:
        """Keep the changes of a pin from now on; its level."""
        return int(self._ask("watch", pin=pin)["level"])

    def changes(self, pin: int) -> list[Change]:
        """The changes of a pin since `watch`; the first 10,000 of them."""
        return [Change(*change) for change in self._ask("changes", pin=pin)["changes"]]

    def wait(self, pin: int, level: int, timeout: float = 10.0) -> Change:
        """The first change of a watched pin to a level since `watch`, waited for where there has been none.

        timeout: seconds of emulated time. Raises BoardError where it does not come.
        """
        end = None
        while True:
            answer = self._ask("changes", pin=pin)
            found = [Change(*change) for change in answer["changes"] if change[1] == level]
            if found:
                return found[0]
            end = answer["seconds"] + timeout if end is None else end
            if answer["seconds"] > end:
                raise BoardError(f"GPIO{pin} has not become {level} within {timeout:g} s of emulated time")
            time.sleep(0.01)
