"""Microphone modules and the boards that they are wired to: names, pins, gains."""

from __future__ import annotations

import pytest

from watchword.board import modules
from watchword.board.modules import MODULES, wiring
from watchword.chips import CHIPS, PORTABLE, boards
from watchword.chips.boards import BOARDS, DevBoard, Pins
from watchword.errors import BoardError, DataError
from watchword.features.microphone import multiplier

MICROPYTHON = {  # what sys.implementation._machine says
    "Raspberry Pi Pico with RP2040": ("rp2040", "pico"),
    "Raspberry Pi Pico W with RP2040": ("rp2040", "picow"),
    "Raspberry Pi Pico 2 with RP2350": ("rp2350", "pico2"),
    "Raspberry Pi Pico 2 W with RP2350": ("rp2350", "pico2w"),
    "Generic ESP32 module with ESP32": ("esp32", "esp32"),
    "Arduino Nano RP2040 Connect with RP2040": ("rp2040", "pico"),
}


def test_an_inmp441_at_a_pico() -> None:
    assert wiring(MODULES["inmp441"], BOARDS["pico"]) == [
        ("VDD", "3V3 (pin 36)"),
        ("GND", "GND (pin 23)"),
        ("SCK", "GP16 (pin 21)"),
        ("WS", "GP17 (pin 22)"),
        ("SD", "GP18 (pin 24)"),
        ("L/R", "GND (pin 28)"),
    ]


def test_an_sph0645_on_the_right_at_other_pins_of_an_esp32() -> None:
    assert wiring(MODULES["sph0645"], BOARDS["esp32"], Pins(14, 27, 32), right=True) == [
        ("3V", "3V3"),
        ("GND", "GND"),
        ("BCLK", "GPIO14"),
        ("LRCL", "GPIO27"),
        ("DOUT", "GPIO32"),
        ("SEL", "3V3"),
    ]


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_each_module_can_be_wired_to_each_board(module: modules.Module, board: DevBoard) -> None:
    for right in (False, True):
        found = wiring(module, board, right=right)
        assert len({theirs for theirs, _ in found}) == 6
        signals = [ours for _, ours in found[2:5]]
        assert len(set(signals)) == 3
        assert found[5][1].startswith("3V3" if right else "GND")


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_default_pins_are_free_and_where_the_board_has_them(board: DevBoard) -> None:
    """Not those that choose how the chip starts, nor those of flash, USB or the serial port."""
    pins = {board.microphone.sck, board.microphone.ws, board.microphone.sd}
    assert len(pins) == 3
    assert not pins & board.taken
    if board.left:
        assert {board.pin(pin) for pin in pins} <= {*board.left, *board.right}
        assert len(board.left) == len(board.right)


@pytest.mark.parametrize("board", [board for board in BOARDS.values() if board.numbered], ids=lambda board: board.name)
def test_the_receiver_of_an_rp2_has_ws_after_sck(board: DevBoard) -> None:
    assert board.microphone.ws == board.microphone.sck + 1


def test_pins_of_a_pico_are_numbered_around_it() -> None:
    pico = BOARDS["pico"]
    numbers = [pico.number(side, row) for side in (False, True) for row in range(20)]
    assert sorted(numbers) == list(range(1, 41))
    grounds = [
        pico.number(s, r)
        for s, labels in ((False, pico.left), (True, pico.right))
        for r, at in enumerate(labels)
        if at == "GND"
    ]
    assert sorted(grounds) == [3, 8, 13, 18, 23, 28, 38]  # 33 is the analogue one


@pytest.mark.parametrize("machine", MICROPYTHON)
def test_a_board_is_told_by_what_it_says(machine: str) -> None:
    target, name = MICROPYTHON[machine]
    assert boards.of(target, machine).name == name


def test_a_board_that_is_not_known_has_the_pins_of_its_chip_without_their_places() -> None:
    nano = boards.of("rp2040", "Arduino Nano RP2040 Connect with RP2040")
    assert wiring(MODULES["inmp441"], nano)[2] == ("SCK", "GP16")


def test_every_chip_is_on_a_board() -> None:
    assert {board.chip.name for board in BOARDS.values()} == CHIPS.keys() - {PORTABLE.name}


def test_what_is_not_known_gets_one_line() -> None:
    with pytest.raises(BoardError, match=r"^linux \[GCC\]: its pins are not known: name those of the microphone$"):
        boards.of("unix", "linux [GCC]")
    with pytest.raises(BoardError, match="board 'uno' is not known; known: pico, "):
        boards.named("uno")
    with pytest.raises(DataError, match="microphone 'max9814' is not known; known: inmp441, .*any other one with I2S"):
        modules.named("max9814")
    assert modules.named("INMP441") is MODULES["inmp441"]


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_the_gain_to_begin_with_brings_a_shout_just_below_full_scale(module: modules.Module) -> None:
    assert module.sensitivity + module.gain == -2
    assert multiplier(module.gain) == 1014  # 24 dB, 16 times
