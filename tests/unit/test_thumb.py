"""The assembler of Thumb kernels: its encodings against Capstone's, and what it unrolls."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

import capstone
import pytest

from watchword.errors import SetupError
from watchword.firmware import thumb
from watchword.firmware.thumb import REGISTERS, Register, encode, expand

DISASSEMBLER = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)

# What kernels have no use for: breakpoints, waiting, interrupts, hints, and constants between the code; and branches, which
# MicroPython's assembler encodes. cbz, cbnz, it, bxns, blxns, yield are not ARMv6-M's.
NOT_OURS = re.compile(r"b(?!x$|lx$|ics$)(..|l)?|bkpt|bxns|blxns|cbn?z|cps..|hint|it[te]*|sev|svc|trap|udf|wf[ei]|yield")
OURS = {
    "ands": "and_",
    "rsbs": "neg",
    "ldm": "ldmia",
    "stm": "stmia",
} | {f"{name}s": name for name in "mov lsl lsr asr add sub eor adc sbc ror orr mul bic mvn".split()}


NAMED = REGISTERS | {"sb": REGISTERS["r9"], "sl": REGISTERS["r10"], "fp": REGISTERS["r11"], "ip": REGISTERS["r12"]}


def disassembled(code: int) -> str | None:
    found = list(DISASSEMBLER.disasm_lite(code.to_bytes(2, "little"), 0))
    return f"{found[0][2]} {found[0][3]}" if found else None


def operand(text: str) -> Any:
    if text.startswith("["):
        return [operand(part) for part in text[1:-1].split(", ")]
    if text.startswith("{"):
        return {NAMED[name] for name in text[1:-1].split(", ")}
    return int(text[1:], 0) if text.startswith("#") else NAMED[text.rstrip("!")]


def parsed(text: str) -> tuple[str, list[Any]]:
    """An instruction of Capstone's as a kernel would have it."""
    name, _, rest = text.partition(" ")
    operands = [operand(part) for part in re.findall(r"\[.*?\]|\{.*?\}|[^, ]+", rest)]
    match name, operands:
        case "movs", [Register() as rd, Register() as rm]:
            return "lsl", [rd, rm, 0]
        case "muls", [Register() as rd, Register() as rm, Register() as again]:
            assert rd == again
            return "mul", [rd, rm]
        case "rsbs", [*both, 0]:
            return "neg", both
        case "adr", [Register() as rd, int(number)]:
            return "add", [rd, REGISTERS["pc"], number]
        case "add", [Register() as rd, Register() as rn, Register() as rm]:
            assert rd in (rn, rm)
            return "add", [rd, rn if rd == rm else rm]
        case _, [rd, [base]]:
            operands = [rd, [base, 0]]
    return OURS.get(name, name), operands


def test_every_halfword_that_is_an_instruction() -> None:
    """Written as a kernel would have it and encoded, it is that instruction again."""
    encoded = 0
    for code in range(1 << 16):
        text = disassembled(code)
        if text is None or NOT_OURS.fullmatch(text.split()[0]):
            continue
        name, operands = parsed(text)
        if name == "ldr" and operands[1][0] == 15:  # constants between the code
            continue
        if name in ("ldmia", "stmia") and operands[0] in operands[1]:  # refused, which is tested below
            continue
        if text.startswith(("add r", "cmp r")) and all(r < 8 for r in operands):  # the long form: the short one is taken
            continue
        assert disassembled(encode(name, operands)) == text, f"{code:04x} {text}"
        encoded += 1
    assert encoded > 40_000


def test_what_is_encoded_is_what_was_written() -> None:
    """Of every form with every register and numbers around its limits: the instruction itself, or none."""
    low, numbers = [Register(i) for i in (0, 3, 7, 8, 13, 14)], (-1, 0, 1, 2, 3, 4, 7, 8, 30, 31, 32, 62, 63, 64, 124, 125)
    wide = (*numbers, 128, 255, 256, 508, 510, 512, 1020, 1021, 1024)
    names = {*thumb._TWO, *thumb._SHIFTS, *thumb._MEMORY, "mov", "cmp", "add", "sub"}
    kept = refused = 0
    for name in sorted(names):
        places: list[list[Any]] = [list(pair) for pair in product(low, low)]
        places += [[rd, n] for rd, n in product(low, wide)]
        places += [[rd, rn, n] for rd, rn, n in product(low, low, wide)]
        places += [[rd, rn, rm] for rd, rn, rm in product(low, low, low)]
        places += [[rd, [rn, n]] for rd, rn, n in product(low, low, wide)]
        places += [[rd, [rn, rm]] for rd, rn, rm in product(low, low, low)]
        for operands in places:
            try:
                code = encode(name, operands)
            except ValueError:
                refused += 1
                continue
            assert 0 <= code < 1 << 16
            text = disassembled(code)
            assert text is not None, (name, operands)
            assert meaning(*parsed(text)) == meaning(name, operands), (name, operands, text)
            kept += 1
    assert kept > 1500
    assert refused > 2000


def meaning(name: str, operands: list[Any]) -> tuple[str, ...]:
    """Spelled in one way: a sum in place has its register twice, a shift by register has its own."""
    if name in ("add", "sub") and len(operands) == 2:
        operands = [operands[0], *operands]
    if name == "add" and len(operands) == 3 and all(isinstance(one, Register) for one in operands):
        operands = [operands[0], *sorted(operands[1:])]
    return name, *map(repr, operands)


@pytest.mark.parametrize(
    ("name", "operands"),
    [
        ("frobnicate", []),
        ("ldmia", [Register(0), {Register(0), Register(1)}]),  # the base would be lost
        ("stmia", [Register(0), {Register(0)}]),
        ("ldmia", [Register(0), {Register(8)}]),
        ("ldmia", [Register(0), set()]),
        ("push", [{Register(15)}]),
        ("pop", [{Register(14)}]),
        ("ldrsb", [Register(0), [Register(1), 4]]),  # only with a register
        ("mov", [Register(8), 1]),
        ("add", [Register(0), Register(1), 8]),
        ("mul", [Register(0), Register(9)]),
        ("lsr", [Register(0), Register(1), 0]),
        ("lsr", [Register(0), Register(1), 33]),
        ("lsl", [Register(0), Register(1), 32]),
        ("ldr", [Register(0), [Register(1), 2]]),
        ("str", [Register(0), [Register(13), 1024]]),
    ],
)
def test_what_no_cortex_m0_has(name: str, operands: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"no such instruction|cannot stand here|no multiple|no registers"):
        encode(name, operands)


def test_encodings_of_all_kernels(root: Path) -> None:
    """Each halfword of the shipped kernels is the instruction that stands beside it."""
    checked = 0
    for path in sorted((root / "firmware/watchword/kernels").glob("*_thumb.py")):
        for line in thumb.expand_file(path).splitlines():
            found = re.fullmatch(r"    data\(2, 0x(\w{4})\)  # (\w+)\(.*\)", line)
            if found:
                text = disassembled(int(found[1], 16))
                assert text is not None, line
                name, _ = parsed(text)
                assert name == found[2] or (name, found[2]) in {("lsl", "mov"), ("add", "sub")}, (path.name, line, text)
                checked += 1
    assert checked > 3000


def body(source: str, macros: str = "", **constants: int) -> list[str]:
    """The lines of one kernel, without comments."""

    def read(module: str) -> str:
        assert module == "watchword.kernels.macros_thumb"
        return macros

    text = expand(source, "case.py", read, **constants)
    lines = text[text.index("def ") :].splitlines()[1:]
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


def kernel(*lines: str) -> str:
    return "import micropython\n\n@micropython.asm_thumb\ndef k(r0):\n" + "".join(f"    {line}\n" for line in lines)


def code(name: str, *operands: Any) -> str:
    return f"data(2, 0x{encode(name, operands):04x})"


R = [Register(i) for i in range(16)]


def test_loops_and_conditions() -> None:
    source = kernel(
        "for i, r in ((0, r1), (4, r2)):", "    ldr(r, [sp, i])", "if WIDE:", "    mov(r0, 1)", "else:", "    mov(r0, 2)"
    )
    loads = [code("ldr", R[1], [R[13], 0]), code("ldr", R[2], [R[13], 4])]
    assert body("WIDE = const(0)\n" + source) == [*loads, code("mov", R[0], 2)]
    assert body("WIDE = const(0)\n" + source, WIDE=1) == [*loads, code("mov", R[0], 1)]


def test_labels_of_macros_and_loops_are_their_own() -> None:
    macros = "@macro\ndef skip(r, to):\n    cmp(r, 0)\n    beq(OVER)\n    b(to)\n    label(OVER)\n"
    source = "from watchword.kernels.macros_thumb import skip\n" + kernel(
        "label(TOP)",
        "skip(r1, TOP)",
        "skip(r2, TOP)",
        "for r in (r3, r4):",
        "    label(AGAIN)",
        "    sub(r, r, 1)",
        "    bne(AGAIN)",
    )
    lines = body(source, macros)
    labels = [line for line in lines if line.startswith("label")]
    assert len(labels) == len(set(labels)) == 5
    assert lines.count("b(TOP)") == 2  # given to the macro: the kernel's
    for branch in ("beq", "bne"):
        for line in (line for line in lines if line.startswith(branch)):
            assert f"label{line[3:]}" in lines


def test_macros_take_macros_and_constants_beside_them() -> None:
    macros = (
        "STEP = const(4)\n\n@macro\ndef one(r):\n    add(r, STEP)\n\n@macro\ndef twice(what, r):\n    what(r)\n    what(r)\n"
    )
    source = "from watchword.kernels.macros_thumb import one, twice\n" + kernel("twice(one, r3)")
    assert body(source, macros) == [code("add", R[3], 4)] * 2
    assert body(source, macros, STEP=8) == [code("add", R[3], 8)] * 2


def test_a_macro_brings_what_its_own_file_imports() -> None:
    files = {
        "a_thumb": "from watchword.kernels.b_thumb import one\n\n@macro\ndef twice(r):\n    one(r)\n    one(r)\n",
        "b_thumb": "STEP = const(4)\n\n@macro\ndef one(r):\n    add(r, STEP)\n",
    }
    source = "from watchword.kernels.a_thumb import twice\n" + kernel("twice(r3)")
    for constants, step in ({}, 4), ({"STEP": 8}, 8):
        text = expand(source, "case.py", lambda module: files[module.split(".")[-1]], **constants)
        assert text.count(code("add", R[3], step)) == 2


def test_offsets_between_labels() -> None:
    lines = body(kernel("label(BASE)", "offsets(BASE, FIRST, SECOND)", "label(FIRST)", "nop()", "bl(BASE)", "label(SECOND)"))
    # two halfwords of offsets, nop, bl of two; each offset is odd, as bx wants it
    assert lines[1:3] == ["data(2, 5)", "data(2, 11)"]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["mov(r0, 256)"], "case.py:5: mov(r0, 256): 256 is no multiple of 1 from 0 to 255"),
        (["mov(r9, r0, r1)"], "case.py:5: mov(r9, r0, r1): ARMv6-M has no such instruction"),
        (["while True:", "    nop()"], "not what a kernel can hold"),
        (["twice(r0)"], "ARMv6-M has no such instruction"),
        (["b(r0)"], "no label, but a name that has a value"),
        (["label(A)", "offsets(A, B)"], "case.py: no label 'B'"),
        (["ldr(r0, [r1, len])"], "case.py:5"),
        (["one(r0, r1)"], "one takes 1 operands"),
    ],
)
def test_messages_name_the_line(lines: list[str], told: str) -> None:
    macros = "@macro\ndef one(r):\n    nop()\n"
    source = "from watchword.kernels.macros_thumb import one\n" + kernel(*lines).removeprefix("import micropython\n")
    with pytest.raises(SetupError) as raised:
        body(source, macros)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)
