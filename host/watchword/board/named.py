"""Boards by their names: `--on kitchen`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from watchword.board import ports, virtual
from watchword.board.link import Link
from watchword.board.settings import possible_name
from watchword.board.transport import SerialTransport
from watchword.errors import BoardError

_PATIENCE = 3.0  # seconds to an answer


def resolve(target: str) -> str:
    """The port or the virtual board that has this name; what cannot be a name is a target already.

    All serial ports with a board are asked, and all virtual boards that are on. BoardError: none has it, or several have.
    """
    if not possible_name(target):
        return target
    boards = {port: port for port in ports.boards()} | {board.target: url for board, url in virtual.on()}
    with ThreadPoolExecutor(max_workers=max(1, len(boards))) as asking:
        said = dict(zip(boards, asking.map(_name, boards.values()), strict=True))
    found = [board for board, name in said.items() if name == target]
    if len(found) > 1:
        raise BoardError(f"{target}: {' and '.join(found)} have this name: choose one by its port, or give it another name")
    if not found:
        raise BoardError(f"{target}: no board has this name; {_there(said)}")
    return found[0]


def _name(port: str) -> str | None:
    """What the board behind a port calls itself; "" where it does not answer, None where it has no name."""
    try:
        transport = SerialTransport(port)
    except BoardError:  # in use, or not for this user
        return ""
    try:
        board = virtual.behind(port)
        link = Link(transport, patience=board.kind.patience if board else 1.0)
        transport.write(b"\x02\r\n")  # as each connection begins, see `Connection`; a REPL is left as it is
        request = link.send("info")
        if link.probe(request, _PATIENCE) != "reply":
            return ""
        name = link.wait(request).get("name")
        return name if isinstance(name, str) else None
    except BoardError:
        return ""
    finally:
        transport.close()


def _there(said: dict[str, str | None]) -> str:
    """What there is instead, in a few words."""
    if not said:
        return "there is no board plugged in, and no virtual one on: `watchword ports`"
    words = {None: "has none", "": "does not answer"}
    parts = [f"{board} {words.get(name, f'is {name}')}" for board, name in said.items()]
    return ", ".join(parts[:5]) + (", …" if len(parts) > 5 else "")
