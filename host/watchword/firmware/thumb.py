"""Thumb kernels to what mpy-cross compiles: MicroPython's inline assembler, plus what it lacks.

A kernel is a function decorated with `@micropython.asm_thumb`, in a file NAME_thumb.py, written as for MicroPython. Beyond that

    ldmia(r7, {r4, r5, r6})           ARMv6-M's instructions may be used (ldrsb, ldmia, sxth, high registers, sp, ...)
    for i in range(4):                loops are unrolled; so are loops over registers
        ldr(r0, [sp, 4 * i])          numbers may be computed
    if CLAMPS:                        conditions are decided here
    @macro def finish(sum, at): ...   a macro's instructions stand where it is called; its labels are its own; a macro may be
                                      given labels and macros
    offsets(BASE, FIRST, SECOND)      halfwords: how far labels are from BASE, plus 1: what bx wants once BASE is added

Macros and constants may be imported from another such file; a macro's names are those of the file that it stands in. `expand`
unrolls all this and encodes what the inline assembler does not know, so that only labels and branches are left to it.
Encodings: ARMv6-M Architecture Reference Manual, A6.7.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from watchword.errors import SetupError

BRANCHES = ("b", "bl", *("b" + condition for condition in "eq ne cs cc mi pl vs vc hi ls ge lt gt le".split()))

_SHIFTS = {"lsl": (0x0000, 0x4080), "lsr": (0x0800, 0x40C0), "asr": (0x1000, 0x4100)}
_TWO = {
    "and_": 0x4000,
    "eor": 0x4040,
    "adc": 0x4140,
    "sbc": 0x4180,
    "ror": 0x41C0,
    "tst": 0x4200,
    "neg": 0x4240,
    "cmn": 0x42C0,
    "orr": 0x4300,
    "mul": 0x4340,
    "bic": 0x4380,
    "mvn": 0x43C0,
    "sxth": 0xB200,
    "sxtb": 0xB240,
    "uxth": 0xB280,
    "uxtb": 0xB2C0,
    "rev": 0xBA00,
    "rev16": 0xBA40,
    "revsh": 0xBAC0,
}
# With a number as offset: (encoding, bytes that it counts in); with a register.
_MEMORY = {
    "ldr": ((0x6800, 4), 0x5800),
    "str": ((0x6000, 4), 0x5000),
    "ldrh": ((0x8800, 2), 0x5A00),
    "strh": ((0x8000, 2), 0x5200),
    "ldrb": ((0x7800, 1), 0x5C00),
    "strb": ((0x7000, 1), 0x5400),
    "ldrsb": (None, 0x5600),
    "ldrsh": (None, 0x5E00),
}


class Register(int):
    """r0 to r15; sp, lr and pc are 13 to 15."""


REGISTERS = {f"r{i}": Register(i) for i in range(16)} | {"sp": Register(13), "lr": Register(14), "pc": Register(15)}


def encode(name: str, operands: Sequence[Any]) -> int:
    """The halfword of an instruction that is no branch. Raises ValueError where ARMv6-M has none like it."""
    match name, list(operands):
        case "nop", []:
            return 0xBF00
        case "bx" | "blx", [Register() as rm]:
            return (0x4700 if name == "bx" else 0x4780) | rm << 3
        case "mov", [Register() as rd, Register() as rm]:
            return 0x4600 | _high(rd, rm)
        case "mov", [Register() as rd, int(number)]:
            return 0x2000 | _low(rd) << 8 | _number(number, 256)
        case "cmp", [Register() as rn, Register() as rm]:
            return 0x4280 | rm << 3 | rn if rn < 8 and rm < 8 else 0x4500 | _high(rn, rm)
        case "cmp", [Register() as rn, int(number)]:
            return 0x2800 | _low(rn) << 8 | _number(number, 256)
        case "add" | "sub", [Register() as rd, Register() as rn, Register() as rm]:
            return (0x1800 if name == "add" else 0x1A00) | _low(rm) << 6 | _low(rn) << 3 | _low(rd)
        case "add", [Register() as rd, Register() as rm] if rd > 7 or rm > 7:
            return 0x4400 | _high(rd, rm)
        case "add" | "sub", [Register() as rd, Register() as rm]:
            return encode(name, (rd, rd, rm))
        case "add", [Register(13), int(number)]:
            return 0xB000 | _number(number, 512, 4)
        case "sub", [Register(13), int(number)]:
            return 0xB080 | _number(number, 512, 4)
        case "add", [Register() as rd, Register(13 | 15) as rn, int(number)]:
            return (0xA800 if rn == 13 else 0xA000) | _low(rd) << 8 | _number(number, 1024, 4)
        case "add" | "sub", [Register() as rd, int(number)]:
            return (0x3000 if name == "add" else 0x3800) | _low(rd) << 8 | _number(number, 256)
        case "add" | "sub", [Register() as rd, Register() as rn, int(number)]:
            if rd == rn and number > 7:
                return encode(name, (rd, number))
            return (0x1C00 if name == "add" else 0x1E00) | _number(number, 8) << 6 | _low(rn) << 3 | _low(rd)
        case "lsl" | "lsr" | "asr", [Register() as rd, Register() as rm, int(number)]:
            least = 0 if name == "lsl" else 1
            return _SHIFTS[name][0] | (_number(number - least, 32) + least) % 32 << 6 | _low(rm) << 3 | _low(rd)
        case "lsl" | "lsr" | "asr", [Register() as rd, Register() as rm]:
            return _SHIFTS[name][1] | _low(rm) << 3 | _low(rd)
        case _, [Register() as rd, Register() as rm] if name in _TWO:
            return _TWO[name] | _low(rm) << 3 | _low(rd)
        case "ldr" | "str", [Register() as rd, [Register(13), int(number)]]:
            return (0x9800 if name == "ldr" else 0x9000) | _low(rd) << 8 | _number(number, 1024, 4)
        case _, [Register() as rd, [Register() as rn, Register() as rm]] if name in _MEMORY:
            return _MEMORY[name][1] | _low(rm) << 6 | _low(rn) << 3 | _low(rd)
        case _, [Register() as rd, [Register() as rn, int(number)]] if name in _MEMORY and _MEMORY[name][0]:
            base, unit = _MEMORY[name][0]  # type: ignore[misc]
            return base | _number(number, 32 * unit, unit) << 6 | _low(rn) << 3 | _low(rd)
        case "ldmia" | "stmia", [Register() as rn, set(registers)] if rn not in registers:
            return (0xC800 if name == "ldmia" else 0xC000) | _low(rn) << 8 | _list(registers)
        case "push", [set(registers)]:
            return 0xB400 | _list(registers, 14)
        case "pop", [set(registers)]:
            return 0xBC00 | _list(registers, 15)
    raise ValueError("ARMv6-M has no such instruction")


def _low(register: Register) -> int:
    if register > 7:
        raise ValueError(f"r{int(register)} cannot stand here: r0 to r7 can")
    return register


def _high(rd: Register, rm: Register) -> int:
    return (rd & 8) << 4 | rm << 3 | rd & 7


def _number(number: int, end: int, unit: int = 1) -> int:
    if not 0 <= number < end or number % unit:
        raise ValueError(f"{number} is no multiple of {unit} from 0 to {end - 1}")
    return number // unit


def _list(registers: set[Register], extra: int | None = None) -> int:
    if not registers:
        raise ValueError("no registers")
    return sum(0x100 if r == extra else 1 << _low(r) for r in registers)


@dataclass(frozen=True)
class _Macro:
    """names: of the file that it stands in: registers, constants and macros."""

    function: ast.FunctionDef
    names: Mapping[str, Any]


class _Scope(dict[str, Any]):
    """Names in one expansion. A name that nothing defines is a label: of this scope, or of one around it."""

    def __init__(self, names: Mapping[str, Any], labels: Mapping[str, str]) -> None:
        super().__init__(names)
        self.labels = labels

    def __missing__(self, name: str) -> str:
        if name in vars(builtins):
            raise KeyError(name)
        return self.labels.get(name, name)


class _Expansion:
    """Of one kernel. lines: its body for the inline assembler."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.lines: list[str] = []
        self.numbers = count()

    def block(self, body: Sequence[ast.stmt], scope: _Scope) -> None:
        """Statements that share their labels, which nobody else knows."""
        defined = {
            node.args[0].id
            for statement in body
            if not isinstance(statement, ast.For)
            for node in ast.walk(statement)
            if isinstance(node, ast.Call) and _called(node) == "label" and isinstance(node.args[0], ast.Name)
        } - scope.keys()
        number = next(self.numbers)
        own = {name: f"{name}_{number}" if number else name for name in defined}
        self.statements(body, _Scope(scope, {**scope.labels, **own}))

    def statements(self, body: Sequence[ast.stmt], scope: _Scope) -> None:
        for statement in body:
            try:
                self.statement(statement, scope)
            except (ValueError, TypeError, SyntaxError, NameError) as error:
                if isinstance(error, SetupError):
                    raise
                line = ast.unparse(statement).splitlines()[0]
                raise SetupError(f"{self.path}:{statement.lineno}: {line}: {error}") from None

    def statement(self, statement: ast.stmt, scope: _Scope) -> None:
        match statement:
            case ast.Expr(ast.Constant()) | ast.Pass():
                pass
            case ast.Expr(ast.Call() as call):
                self.call(_called(call), call, scope)
            case ast.For(target, source, body):
                for value in self.value(source, scope):
                    names = [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]
                    values = value if isinstance(target, ast.Tuple) else (value,)
                    self.block(body, _Scope({**scope, **dict(zip(names, values, strict=True))}, scope.labels))
            case ast.If(test, body, otherwise):
                self.statements(body if self.value(test, scope) else otherwise, scope)
            case ast.Assign([ast.Name(name)], source):
                scope[name] = self.value(source, scope)
            case _:
                raise ValueError("not what a kernel can hold")

    def call(self, name: str, call: ast.Call, scope: _Scope) -> None:
        operands = [self.value(operand, scope) for operand in call.args]
        macro = scope.get(name)
        if isinstance(macro, _Macro):
            names = [argument.arg for argument in macro.function.args.args]
            if len(names) != len(operands):
                raise ValueError(f"{name} takes {len(names)} operands")
            self.block(macro.function.body, _Scope({**macro.names, **dict(zip(names, operands, strict=True))}, {}))
        elif name == "offsets":
            self.lines += [f"    data(2, {{{label}}} - {{{operands[0]}}} + 1)" for label in operands[1:]]
        elif name == "data":
            self.lines.append(f"    data({', '.join(map(str, operands))})")
        elif name == "label" or name in BRANCHES:
            if not isinstance(operands[0], str):
                raise ValueError("no label, but a name that has a value")
            self.lines.append(f"    {name}({operands[0]})")
        else:
            self.lines.append(f"    data(2, 0x{encode(name, operands):04x})  # {ast.unparse(call)}")

    def resolve(self) -> None:
        """Put numbers in the place of labels in `offsets`."""
        places: dict[str, int] = {}
        at = 0
        for line in self.lines:
            if line.startswith("    label("):
                places[line[10:-1]] = at
            else:
                at += 4 if line.startswith("    bl(") else 2
        for i, line in enumerate(self.lines):
            if line.startswith("    data(2, {"):
                try:
                    self.lines[i] = f"    data(2, {eval(line[12:-1].format_map(places))})"
                except KeyError as label:
                    raise SetupError(f"{self.path}: no label {label}") from None

    def value(self, expression: ast.expr, scope: _Scope) -> Any:
        code = compile(ast.Expression(expression), self.path, "eval")
        return eval(code, {}, scope)  # of this package's own files


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def expand(source: str, path: str, read: Callable[[str], str], **constants: int) -> str:
    """A file of kernels as MicroPython source.

    path: for messages. read: gives the source of a module that macros are imported from, by its name. constants: take the
    place of those of the file. Raises SetupError naming the line that cannot be assembled.
    """
    names: dict[str, Any] = dict(REGISTERS)
    out: list[str] = []
    for node in ast.parse(source).body:
        match node:
            case ast.FunctionDef() if _decorated(node, "asm_thumb"):
                expansion = _Expansion(path)
                expansion.block(node.body, _Scope(names, {}))
                expansion.resolve()
                arguments = ", ".join(argument.arg for argument in node.args.args)
                out += ["@micropython.asm_thumb", f"def {node.name}({arguments}):", *expansion.lines, ""]
            case ast.Expr(ast.Constant()):
                pass
            case _ if not _defined(node, names, read, constants):
                out.append(ast.unparse(node))
    return "\n".join(out) + "\n"


def expand_file(path: Path, **constants: int) -> str:
    """The kernels of a file for mpy-cross; "" where it holds only macros. constants: see `expand`."""
    texts = {other.stem: other.read_text() for other in sorted(path.parent.glob("*_thumb.py"))}
    return _expand_file(str(path), path.stem, tuple(texts.items()), **constants)


@cache  # it takes most of a second for all kernels, and one process may want them for several boards
def _expand_file(path: str, name: str, texts: tuple[tuple[str, str], ...], **constants: int) -> str:
    modules = dict(texts)
    expanded = expand(modules[name], path, lambda module: modules[module.split(".")[-1]], **constants)
    return expanded if "@micropython.asm_thumb" in expanded else ""


def _defined(node: ast.stmt, names: dict[str, Any], read: Callable[[str], str], constants: Mapping[str, int]) -> bool:
    """Whether a statement is the assembler's own: imports, macros and constants, which go to `names`.

    The code has the numbers; on a board their names would only take heap.
    """
    match node:
        case ast.ImportFrom(str(module), imported) if module.endswith("_thumb"):
            known = _names(read(module), read, constants)
            names |= {alias.name: known[alias.name] for alias in imported}
        case ast.ImportFrom("micropython"):  # const
            pass
        case ast.FunctionDef() if _decorated(node, "macro"):
            names[node.name] = _Macro(node, names)
        case ast.Assign([ast.Name(name)], value):
            number = constants.get(name, _constant(value, names))
            if number is None:
                return False
            names[name] = number
        case _:
            return False
    return True


def _names(source: str, read: Callable[[str], str], constants: Mapping[str, int]) -> dict[str, Any]:
    """The macros and constants of a file."""
    names: dict[str, Any] = dict(REGISTERS)
    for node in ast.parse(source).body:
        _defined(node, names, read, constants)
    return names


def _constant(expression: ast.expr, names: Mapping[str, Any]) -> Any:
    """The value of a constant that is a number, or numbers or registers in a tuple; None: it is something else."""
    if isinstance(expression, ast.Call) and _called(expression) == "const":
        expression = expression.args[0]
    try:
        value = eval(compile(ast.Expression(expression), "", "eval"), {"__builtins__": {}}, dict(names))
    except Exception:  # not for the assembler
        return None
    return value if isinstance(value, int | tuple) else None


def _decorated(function: ast.FunctionDef, name: str) -> bool:
    return any(ast.unparse(decorator).split(".")[-1] == name for decorator in function.decorator_list)
