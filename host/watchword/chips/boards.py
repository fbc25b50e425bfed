"""Development boards that carry the chips: what their pins are called, where they are, and which ones a microphone takes.

    board = of("rp2040", "Raspberry Pi Pico W with RP2040")
    board.pin(board.microphone.sck)

Pins that do not do, by the chips' data sheets and docs.espressif.com (GPIO of each chip): those of flash, of USB, of the serial
port that programs come by, and those whose level at the start chooses how the chip starts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from watchword.chips.chip import Chip
from watchword.chips.esp32 import ESP32
from watchword.chips.esp32c3 import ESP32C3
from watchword.chips.esp32c6 import ESP32C6
from watchword.chips.esp32s2 import ESP32S2
from watchword.chips.esp32s3 import ESP32S3
from watchword.chips.rp2040 import RP2040
from watchword.chips.rp2350 import RP2350
from watchword.errors import BoardError

POWER, GROUND = "3V3", "GND"


@dataclass(frozen=True)
class Pins:
    """Numbers of the GPIO pins of an I2S microphone: clock, word select and data."""

    sck: int
    ws: int
    sd: int


@dataclass(frozen=True)
class DevBoard:
    """A board. name: what a user types. title: its maker's, which begins what MicroPython says of it.

    microphone: the pins that an I2S microphone takes where the user says nothing. prefix: of a GPIO pin's number, as printed.
    taken: pins that do not do; inside: those of them that lead to a part of the board and to no pin of it, and to which. left,
    right: the pins of both sides, from the top, with USB at the top or, where usb_at_top is false, at the bottom; empty where
    they are not known here. numbered: pins count around the board from the left's top, 1.
    """

    name: str
    title: str
    chip: Chip
    microphone: Pins
    prefix: str = "GPIO"
    taken: frozenset[int] = frozenset()
    inside: Mapping[int, str] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    usb_at_top: bool = True
    numbered: bool = False

    def pin(self, gpio: int) -> str:
        """What is printed at a GPIO pin, as "GP16"."""
        return f"{self.prefix}{gpio}"

    def number(self, right: bool, row: int) -> int:
        """That of a pin around the board."""
        return len(self.left) + len(self.right) - row if right else row + 1


_PICO_LEFT = tuple("GP0 GP1 GND GP2 GP3 GP4 GP5 GND GP6 GP7 GP8 GP9 GND GP10 GP11 GP12 GP13 GND GP14 GP15".split())
_PICO_RIGHT = tuple(
    "VBUS VSYS GND 3V3_EN 3V3 ADC_VREF GP28 AGND GP27 GP26 RUN GP22 GND GP21 GP20 GP19 GP18 GND GP17 GP16".split()
)
_PICO_INSIDE = {23: "its regulator's mode", 24: "whether USB gives power", 25: "its LED", 29: "its supply's voltage"}
_PICO_W_INSIDE = {23: "its radio's power", 24: "its radio's data", 25: "its radio's select", 29: "its radio's clock"}
_PICO_MICROPHONE = Pins(16, 17, 18)  # the receiver there needs WS at the pin after SCK


def _pico(name: str, title: str, chip: Chip, inside: Mapping[int, str] = _PICO_INSIDE) -> DevBoard:
    taken = frozenset(inside)
    return DevBoard(name, title, chip, _PICO_MICROPHONE, "GP", taken, inside, _PICO_LEFT, _PICO_RIGHT, numbered=True)


BOARDS = {
    board.name: board
    for board in (
        _pico("pico", "Raspberry Pi Pico", RP2040),
        _pico("picow", "Raspberry Pi Pico W", RP2040, _PICO_W_INSIDE),
        _pico("pico2", "Raspberry Pi Pico 2", RP2350),
        _pico("pico2w", "Raspberry Pi Pico 2 W", RP2350, _PICO_W_INSIDE),
        DevBoard(
            "esp32",
            "ESP32 DevKitC",
            ESP32,
            Pins(26, 25, 33),  # in a row, near 3V3
            # Start: 0, 2, 5, 12, 15. Flash: 6 to 11; 16 and 17 where there is PSRAM. Serial: 1, 3. 34 to 39 are inputs only.
            taken=frozenset({0, 1, 2, 3, 5, *range(6, 13), 15, 16, 17, *range(34, 40)}),
            left=tuple(
                "3V3 EN VP VN GPIO34 GPIO35 GPIO32 GPIO33 GPIO25 GPIO26 GPIO27 GPIO14 GPIO12 GND GPIO13 D2 D3 CMD 5V".split()
            ),
            right=tuple(
                "GND GPIO23 GPIO22 TX RX GPIO21 GND GPIO19 GPIO18 GPIO5 GPIO17 GPIO16 GPIO4 GPIO0 GPIO2 GPIO15 "
                "D1 D0 CLK".split()
            ),
            usb_at_top=False,
        ),
        # Start: 0, 45, 46. USB: 19, 20. Flash and PSRAM: 26 to 32. Serial: 43, 44.
        DevBoard("esp32s2", "ESP32-S2", ESP32S2, Pins(4, 5, 6), taken=frozenset({0, 19, 20, *range(26, 33), 43, 44, 45, 46})),
        # Start: 0, 3, 45, 46. USB: 19, 20. Flash and PSRAM: 26 to 37. Serial: 43, 44.
        DevBoard(
            "esp32s3", "ESP32-S3", ESP32S3, Pins(4, 5, 6), taken=frozenset({0, 3, 19, 20, *range(26, 38), 43, 44, 45, 46})
        ),
        # Start: 2, 8, 9. Flash: 11 to 17. USB: 18, 19. Serial: 20, 21.
        DevBoard("esp32c3", "ESP32-C3", ESP32C3, Pins(4, 5, 6), taken=frozenset({2, 8, 9, *range(11, 22)})),
        # Start: 4, 5, 8, 9, 15. USB: 12, 13. Serial: 16, 17. Flash: 24 to 30.
        DevBoard(
            "esp32c6", "ESP32-C6", ESP32C6, Pins(18, 19, 20), taken=frozenset({4, 5, 8, 9, 12, 13, 15, 16, 17, *range(24, 31)})
        ),
    )
}


def named(name: str) -> DevBoard:
    """The board of a name. BoardError: there is none."""
    if name not in BOARDS:
        raise BoardError(f"board {name!r} is not known; known: {', '.join(BOARDS)}")
    return BOARDS[name]


def of(target: str, machine: str) -> DevBoard:
    """The board by what it says of itself in its hello: `target` and `board`; one with the same chip, whose pins are anywhere,
    where that is no board here. BoardError: its chip is on none of them."""
    found = [board for board in BOARDS.values() if board.chip.name == target]
    if not found:
        raise BoardError(f"{machine}: its pins are not known: name those of the microphone")
    told = [board for board in found if machine.startswith(board.title)]
    if told:
        return max(told, key=lambda board: len(board.title))
    return dataclasses.replace(found[0], title=machine, inside={}, left=(), right=(), numbered=False)
