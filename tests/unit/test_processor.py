"""The virtual Pico's processor against one that others wrote: QEMU's Cortex-M0, by Unicorn.

Only what stays within RAM is compared: QEMU lets a halfword that is not aligned pass, where the chip has a HardFault.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from typing import Any

import pytest
from tests.conftest import ROOT
from unicorn import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, UcError, arm_const

from watchword.board.virtual.pico import build

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="virtual boards do not exist on Windows")

COUNT = 4000
CODE = 0x20001000
DATA = 0x20008000
NOP = 0xBF00
REGISTERS = [*range(arm_const.UC_ARM_REG_R0, arm_const.UC_ARM_REG_R12 + 1), arm_const.UC_ARM_REG_SP, arm_const.UC_ARM_REG_LR]


def test_instructions_leave_what_qemus_do() -> None:
    parts = build.pico(print)
    done = subprocess.run(
        [parts.node, ROOT / "tests/emulator/single.mjs", str(COUNT), "1"],
        env={**os.environ, "WATCHWORD_EMULATOR": str(parts.emulator), "WATCHWORD_BOOTROM": str(parts.bootrom)},
        capture_output=True,
        text=True,
        check=True,
    )
    machine = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
    machine.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M0)
    machine.mem_map(0x20000000, 0x42000)
    compared: set[int] = set()
    for line in done.stdout.splitlines():
        if not line.startswith("{"):
            continue  # rp2040js tells of registers that it has not
        case = json.loads(line)
        expected = _run(machine, case)
        if expected is None or not all(state["ran"] for state in case["after"]):
            continue
        compared.add(case["op"])
        for processor, state in zip(("fast", "corrected"), case["after"], strict=True):
            left = {key: state[key] for key in expected}
            assert left == expected, f"{case['op']:#06x} on {processor} from {case['before']}"
    assert len(compared) > COUNT / 4


def _run(machine: Uc, case: dict[str, Any]) -> dict[str, Any] | None:
    """What QEMU leaves; None where it has no memory there."""
    words = ((((i + 1) * 0x9E3779B9) & 0xFFFFFFFF).to_bytes(4, "little") for i in range(512))
    machine.mem_write(CODE, case["op"].to_bytes(2, "little") + NOP.to_bytes(2, "little"))
    machine.mem_write(DATA, b"".join(words))
    for register, value in zip(REGISTERS, case["before"]["registers"], strict=True):
        machine.reg_write(register, value)
    machine.reg_write(arm_const.UC_ARM_REG_XPSR, case["before"]["flags"] << 28 | 1 << 24)
    try:
        machine.emu_start(CODE | 1, CODE + 2, count=1)
    except UcError:
        return None
    return {
        "registers": [machine.reg_read(register) & 0xFFFFFFFF for register in REGISTERS],
        "flags": machine.reg_read(arm_const.UC_ARM_REG_XPSR) >> 28 & 15,
        "data": base64.b64encode(bytes(machine.mem_read(DATA, 2048))).decode(),
    }
