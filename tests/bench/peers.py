"""What other engines take for the same models, and where the figures are from."""

from __future__ import annotations

from dataclasses import dataclass

KWS, VWW, PERSON = "mlperf_tiny/kws_ref_model", "mlperf_tiny/vww_96_int8", "tflite_micro/person_detect"
OKAY_NABU, FRONT_END = "microwakeword/okay_nabu", "front end, one frame"

# What the models hold, as their authors count it: cycles per MAC of a peer are by these.
MACS = {KWS: 2_656_768, VWW: 7_489_664, PERSON: 7_155_582, OKAY_NABU: 24_096}


@dataclass(frozen=True)
class Peer:
    """One engine on one chip. cycles: in thousands, by model. how: measured or published, and where."""

    engine: str
    chip: str
    cycles: dict[str, float]
    how: str


REFERENCE = Peer(
    "TensorFlow Lite Micro, CMSIS-NN",
    "the same emulated RP2040",
    {KWS: 35_060, VWW: 104_570, PERSON: 100_080, OKAY_NABU: 752.5, FRONT_END: 217.7},
    "measured, November 2026: gcc 12.2 -O3, one core, no cache misses; front end: TensorFlow's C library",
)
PEERS = (
    REFERENCE,
    Peer(
        "TinyMaix (not bit-exact)",
        "the same emulated RP2040",
        {KWS: 52_500, VWW: 159_400, PERSON: 165_200},
        "measured, November 2026: gcc 12.2 -O3, its level O0",
    ),
    Peer(
        "emlearn_cnn, a native module of MicroPython 1.25",
        "the same emulated RP2040",
        {KWS: 76_600},
        "measured, November 2026, its limit of 25 taps raised; VWW does not fit its memory",
    ),
    Peer(
        "pico-tflmicro",
        "RP2040, 125 MHz assumed",
        {PERSON: 102_963},
        "published: 823.7 ms (587.4 on two cores); raspberrypi/pico-tflmicro, benchmark_results.txt",
    ),
    Peer(
        "TinyMaix",
        "RP2040, 133 MHz",
        {VWW: 216_923},
        "published: 1631 ms; sipeed/TinyMaix, doc/porting/port_rp2040.md",
    ),
    Peer(
        "Bosch HALE",
        "STM32G0B1, Cortex-M0+, 64 MHz",
        {KWS: 30_400, VWW: 90_496},
        "published: 475 and 1414 ms; MLPerf Tiny v1.2, closed/bosch",
    ),
    Peer(
        "X-CUBE-AI 8.1",
        "STM32L4R5, Cortex-M4, 120 MHz",
        {KWS: 7_548, VWW: 14_244},
        "published: 62.9 and 118.7 ms; MLPerf Tiny v1.1, closed/STMicroelectronics",
    ),
    Peer(
        "Plumerai",
        "STM32L4R5, Cortex-M4, 120 MHz",
        {KWS: 5_736, VWW: 11_856},
        "published: 47.8 and 98.8 ms; MLPerf Tiny v1.1, closed/plumerai",
    ),
    Peer(
        "ESP-NN",
        "ESP32, 240 MHz",
        {PERSON: 91_200},
        "published: 380 ms; espressif/esp-nn, README.md",
    ),
)
