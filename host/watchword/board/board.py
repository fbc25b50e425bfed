"""One board: what a program on the host can ask of it."""

from __future__ import annotations

from typing import Self

from watchword.board import named, ports, virtual
from watchword.board.connection import OnEvent
from watchword.board.hearing import Ears
from watchword.board.pictures import Pictures
from watchword.board.programs import Programs
from watchword.board.settings import BoardSettings
from watchword.board.streams import Streams
from watchword.board.taught import TaughtWords
from watchword.board.tensors import Tensors
from watchword.board.transport import SerialTransport, Transport
from watchword.board.virtual.toolchain import Report
from watchword.errors import BoardError


class Board(Programs, Streams, Ears, Pictures, TaughtWords, BoardSettings, Tensors):
    """A board that runs watchword. Use as a context manager, or call `close`.

    Each base is one thing that a board can do, on the `Connection` that they share.
    """

    @classmethod
    def open(
        cls,
        target: str | None = None,
        *,
        fresh: bool = False,
        hardware: virtual.Hardware | None = None,
        on_event: OnEvent | None = None,
        report: Report = lambda line: None,
    ) -> Self:
        """Open a virtual board (`unix`, `pico:NAME`), a serial port, a pyserial URL or the board of this name; None: as
        `ports.choose` says.

        fresh, hardware: of a virtual board that starts here. on_event: called with each event as it comes. report: receives
        lines of progress where a virtual board has to be built first.

        Raises LinkError where nothing answers, SetupError where a virtual board cannot be had, BoardError where the board
        speaks another version.
        """
        if target is None:
            target = ports.choose()[0]
        target = named.resolve(target)
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

    @property
    def controls(self) -> virtual.Controls:
        """Button, cable, pins and microphones of a virtual Pico that this process started; BoardError for any other board."""
        return virtual.Controls(self.link.transport)
