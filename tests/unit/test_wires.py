"""How a wire of the virtual Pico is written, what a part is, and what cannot be."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest
from tests import wavs

from watchword.board.virtual import wires
from watchword.board.virtual.wires import AnalogueWire, I2sWire, read_wire, read_wires
from watchword.errors import BoardError


def test_a_part_alone_has_the_usual_pins_and_what_its_data_sheet_says() -> None:
    assert read_wire("inmp441") == I2sWire(16, 17, 18, right=False, precision=24, startup=83_000_000, offset=0)
    assert read_wire("ics43434") == I2sWire(16, 17, 18, right=False, precision=24, startup=0, offset=0)
    found = read_wire("sph0645")
    assert isinstance(found, I2sWire)
    assert found.precision == 18
    assert found.offset < -100_000


def test_pins_and_side_are_chosen() -> None:
    found = read_wire("inmp441:sck=2,ws=3,sd=28,right")
    assert (found.pins, getattr(found, "right", None)) == ((2, 3, 28), True)
    assert read_wire("ics43434:sd=0").pins == (16, 17, 0)
    assert read_wire("analogue:26") == AnalogueWire(26)


def test_a_part_sends_what_its_data_sheet_says() -> None:
    samples = np.array([0, 1, -1, 32767, -32768] * 300, np.int16)
    assert wires.part("ics43434").words(samples)[:5].tolist() == [0, 1 << 16, -1 << 16, 32767 << 16, -32768 << 16]
    late = wires.part("inmp441").words(samples)  # 83 ms are 1328 samples
    assert not late[:1328].any()
    assert late[1328:1331].tolist() == [32767 << 16, -32768 << 16, 0]
    eighteen = wires.part("sph0645").words(samples)[:5] >> 8
    offset = wires.part("sph0645").offset
    assert all(word % 64 == 0 for word in eighteen.tolist())
    assert [abs(word - wanted) < 64 for word, wanted in zip(eighteen.tolist(), (offset, offset + 256), strict=False)] == [
        True,
        True,
    ]
    assert eighteen[4] == -(2**23)  # no lower than 24 bits go
    with pytest.raises(BoardError, match="mems is no I2S part that is known; known: inmp441, sph0645, ics43434"):
        wires.part("mems")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing is no part that is known; known: inmp441, sph0645, ics43434, analogue"),
        ("mems", "mems is no part that is known; known: inmp441, sph0645, ics43434, analogue"),
        ("inmp441:sck=23", "23 is no pin for that; 0 to 22 and 26 to 28 are"),
        ("inmp441:sck=x", "x is no pin for that"),
        ("inmp441:sck=-1", "-1 is no pin for that"),
        ("inmp441:sck=", "nothing is no pin for that"),
        ("inmp441:sck=²", "² is no pin for that"),
        ("inmp441:sck", "sck between commas; sck=, ws=, sd= and right can be"),
        ("inmp441:left", "left between commas"),
        ("inmp441:right=1", "right=1 between commas"),
        ("inmp441:sck=1,", "nothing between commas"),
        ("inmp441:sck=1,sck=2", "sck is there twice"),
        ("inmp441:sck=17", "GPIO17 has a wire already"),
        ("analogue", "one pin of the ADC is expected, as in analogue:26"),
        ("analogue:26,27", "one pin of the ADC is expected"),
        ("analogue:25", "25 is no pin for that; 26 to 28 are"),
        ("x" * 1000, "is no part that is known"),
        (f"inmp441:{'y' * 1000}", "between commas"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(text: str, why: str) -> None:
    with pytest.raises(BoardError) as caught:
        read_wires([text])
    line = str(caught.value)
    assert line.startswith(f"the wire {text[:70]}")
    assert len(line) <= 300
    assert "\n" not in line
    assert why in line or len(text) > 80


def test_a_pin_has_one_wire() -> None:
    assert len(read_wires(["inmp441", "analogue:26", "sph0645:sck=2,ws=3,sd=4"])) == 3
    with pytest.raises(BoardError, match=r"^the wire sph0645:sck=2,ws=3,sd=26: GPIO26 has a wire already$"):
        read_wires(["inmp441", "analogue:26", "sph0645:sck=2,ws=3,sd=26"])


def test_a_sound_needs_somebody_to_hear_it_and_16_bits(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match=r"none\.wav: no microphone is there to hear it: wire one too"):
        wires.options((), tmp_path / "none.wav")
    odd = tmp_path / "odd.wav"
    damaged = wavs.EXACT["fmt of 17 bytes, no padding"]
    for content, said in ((damaged, "damaged; a plain WAV"), (b"", ""), (b"text" * 9, "RIFF")):
        odd.write_bytes(content)
        with pytest.raises(BoardError, match=rf"odd\.wav: cannot be played to the virtual Pico: .*{said}"):
            wires.playable(odd)
    with pytest.raises(BoardError, match=r"none\.wav: cannot be played to the virtual Pico: .*No such file"):
        wires.options(("inmp441",), tmp_path / "none.wav")
    with wave.open(str(tmp_path / "bytes.wav"), "wb") as file:
        file.setparams((1, 1, 16000, 0, "NONE", ""))
        file.writeframes(bytes(100))
    with pytest.raises(BoardError, match="has samples of 8 bits; 16 are expected"):
        wires.options(("inmp441",), tmp_path / "bytes.wav")


def test_the_emulator_is_told() -> None:
    assert wires.options((), None) == []
    name, text = wires.options(("analogue:27", "ics43434:right"), None)
    assert name == "--wires"
    one, other = json.loads(text)
    assert one == {"pin": 27}
    assert other == {"sck": 16, "ws": 17, "sd": 18, "right": True, "precision": 24, "startup": 0, "offset": 0}
