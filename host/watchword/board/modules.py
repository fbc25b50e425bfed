"""Microphones on a module: what its pins are called, how loud it is, and how it is wired to a board.

for theirs, ours in wiring(MODULES["inmp441"], boards.named("pico")):
    print(theirs, "to", ours)
"""

from __future__ import annotations

from dataclasses import dataclass

from watchword.chips.boards import GROUND, POWER, DevBoard, Pins
from watchword.errors import DataError

_LOUD = -2  # dBFS that a default gain makes of 94 dB SPL, a shout close by: talk at a metre is 30 dB below


@dataclass(frozen=True)
class Module:
    """A module with one I2S microphone. name: what a user types.

    sck, ws, sd, select, power, ground: what is printed at its pins; select is the one that chooses between left and right.
    bits: of a sample. sensitivity: dBFS at 94 dB SPL. dc: whether silence is far from 0. start_up: seconds from the clock's
    beginning until what it sends is sound; at 16 kHz, 64 clocks a sample.
    """

    name: str
    title: str
    sck: str
    ws: str
    sd: str
    select: str
    power: str
    ground: str
    bits: int
    sensitivity: float
    dc: bool
    start_up: float

    @property
    def gain(self) -> float:
        """The gain in dB to begin with: `features.microphone.multiplier` makes the board's number of it."""
        return _LOUD - self.sensitivity


MODULES = {
    module.name: module
    for module in (
        # Data sheet DS-INMP441-00: 24 bits, -26 dBFS +-3 dB, operational after 2^18 clocks of SCK; its own high-pass takes DC.
        # Pins: as on the round modules that are sold with it.
        Module("inmp441", "INMP441", "SCK", "WS", "SD", "L/R", "VDD", "GND", 24, -26, False, 2**18 / (64 * 16000)),
        # Knowles' data sheet, Rev C: 18 bits in 24, SCK of 1 MHz and more (ours is 1.024 MHz). Pins, sensitivity: Adafruit's
        # breakout 3421. Its DC is what users meet; start-up: reckoned.
        Module("sph0645", "SPH0645LM4H", "BCLK", "LRCL", "DOUT", "SEL", "3V", "GND", 18, -26, True, 0.1),
        # Data sheet DS-000069: 24 bits, -26 dBFS +-1 dB, low-power mode at 6.25 to 18.75 kHz. Start-up: reckoned; of its
        # predecessor ICS-43432 it is 4.5 ms at 16 kHz.
        Module("ics43434", "ICS-43434", "SCK", "WS", "SD", "LR", "3V", "GND", 24, -26, False, 0.1),
        Module("i2s", "another I2S microphone", "SCK", "WS", "SD", "L/R", "VDD", "GND", 24, -26, False, 0.1),
    )
}


def named(name: str) -> Module:
    """The module of a name. DataError: there is none."""
    if name.lower() not in MODULES:
        raise DataError(f"microphone {name!r} is not known; known: {', '.join(MODULES)} (i2s is any other one with I2S)")
    return MODULES[name.lower()]


def wiring(module: Module, board: DevBoard, pins: Pins | None = None, right: bool = False) -> list[tuple[str, str]]:
    """Each pin of the module, and the board's that a wire brings it to, as ("SCK", "GP16 (pin 21)").

    pins: default the board's. right: the microphone sends in the right half of each frame, its L/R pin at 3.3 V.
    """
    return [(theirs, _told(board, label, place)) for theirs, label, place in wires(module, board, pins, right)]


Place = tuple[bool, int]
"""A pin of a board: whether it is on the right side, and its row from the top."""


def wires(
    module: Module, board: DevBoard, pins: Pins | None = None, right: bool = False
) -> list[tuple[str, str, Place | None]]:
    """(the module's pin, the board's by name, where that is) for each; None where it is not known."""
    pins = pins or board.microphone
    clock = _places(board, board.pin(pins.sck))
    near = clock[0] if clock else None
    grounds = _nearest(_places(board, GROUND), near)
    powers = _nearest(_places(board, POWER), near)
    return [
        (module.power, POWER, powers[0] if powers else None),
        (module.ground, GROUND, grounds[0] if grounds else None),
        *(
            (theirs, board.pin(gpio), _last(_places(board, board.pin(gpio))))
            for theirs, gpio in ((module.sck, pins.sck), (module.ws, pins.ws), (module.sd, pins.sd))
        ),
        # Another ground where that side has a second one, as a pin takes one wire.
        (module.select, POWER if right else GROUND, _last((powers if right else grounds)[:2])),
    ]


def _places(board: DevBoard, label: str) -> list[Place]:
    sides = ((False, board.left), (True, board.right))
    return [(side, row) for side, labels in sides for row, at in enumerate(labels) if at == label]


def _nearest(places: list[Place], to: Place | None) -> list[Place]:
    """Those on the same side as a pin where there are any, the nearest first."""
    if to is None:
        return places
    same = [place for place in places if place[0] == to[0]] or places
    return sorted(same, key=lambda place: abs(place[1] - to[1]))


def _last(places: list[Place]) -> Place | None:
    return places[-1] if places else None


def _told(board: DevBoard, label: str, place: Place | None) -> str:
    return f"{label} (pin {board.number(*place)})" if place and board.numbered else label
