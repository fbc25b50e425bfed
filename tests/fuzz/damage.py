"""What is done to files. Every change is drawn from a random.Random: the same one, the same change."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import ai_edge_litert.schema_py_generated as schema
import flatbuffers
import numpy as np

# Where programs go wrong: the ends of types, powers of two, and what is just beside them.
EXTREMES = (
    *(0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 32, 33, 63, 64, 127, 128, 129, 254, 255, 256, 257),
    *(0x7FFF, 0x8000, 0xFFFF, 0x10000, 0xFFFFFF, 1 << 24, 0x3FFFFFFF, 1 << 30, 0x7FFFFFF0, 0x7FFFFFFF, 1 << 31),
    *(0x80000001, 0xFFFF8000, 0xFFFFFF00, 0xFFFFFFF0, 0xFFFFFFFC, 0xFFFFFFFE, 0xFFFFFFFF),
)
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-45, 1e-38, 1e-20, 1e20, 3e38, float("inf"), float("-inf"), float("nan"))
NUMBERS = (-1, -(2**31), 2**31, 2**63, 10**30, -0.5, 0.5, 1e-320, 1e308, *EXTREMES, *FLOATS)


# ---- bytes of any file


def file(rng: Random, content: bytes, other: bytes) -> bytes:
    """One to four changes of bytes. other: another file of the kind, parts of which may be put in."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        rng.choice(_BYTES)(rng, changed, other)
    return bytes(changed)


def _truncate(rng: Random, content: bytearray, other: bytes) -> None:
    del content[_place(rng, content) :]


def _flip(rng: Random, content: bytearray, other: bytes) -> None:
    if content:
        content[_place(rng, content)] ^= 1 << rng.randrange(8)


def _set(rng: Random, content: bytearray, other: bytes) -> None:
    if content:
        content[_place(rng, content)] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))


def _half(rng: Random, content: bytearray, other: bytes) -> None:
    if len(content) >= 2:
        struct.pack_into("<H", content, _place(rng, content, 2), rng.choice(EXTREMES) & 0xFFFF)


def _word(rng: Random, content: bytearray, other: bytes) -> None:
    """An extreme number, a float, or a word from elsewhere in the file: an offset that leads to another table."""
    if len(content) < 4:
        return
    at = _place(rng, content, 4)
    (elsewhere,) = struct.unpack_from("<I", content, _place(rng, content, 4))
    (here,) = struct.unpack_from("<I", content, at)
    near = here + rng.choice((-8, -4, -1, 1, 4, 8)) & 0xFFFFFFFF
    (real,) = struct.unpack("<I", struct.pack("<f", rng.choice(FLOATS)))
    struct.pack_into("<I", content, at, rng.choice((rng.choice(EXTREMES), elsewhere, elsewhere, near, real)))


def _swap(rng: Random, content: bytearray, other: bytes) -> None:
    """Two parts of the same size change places: words, or tables."""
    n = rng.choice((4, 4, 8, 16, 32))
    if len(content) >= n:
        a, b = _place(rng, content, n), _place(rng, content, n)
        content[a : a + n], content[b : b + n] = content[b : b + n], content[a : a + n]


def _delete(rng: Random, content: bytearray, other: bytes) -> None:
    at = _place(rng, content)
    del content[at : at + rng.choice((1, 2, 4, 4, 8, 64))]


def _insert(rng: Random, content: bytearray, other: bytes) -> None:
    at, value = _place(rng, content), rng.choice((0, 255, rng.randrange(256)))
    content[at:at] = bytes([value]) * rng.choice((1, 2, 4, 4, 8, 64))


def _splice(rng: Random, content: bytearray, other: bytes) -> None:
    """The beginning of this file and the end of the other, or a part of the other over a part of this."""
    at = min(_place(rng, content), len(other))
    if rng.random() < 0.5:
        content[at:] = other[at:]
    else:
        start, n = rng.randrange(len(other) or 1) & ~3, rng.choice((4, 16, 64, 256))
        content[at : at + n] = other[start : start + n]


def _place(rng: Random, content: bytearray, size: int = 1) -> int:
    """Somewhere in the file, often where its header is; of words, on a word."""
    most = max(len(content) - size, 0)
    at = rng.randint(0, min(most, 256) if rng.random() < 0.3 else most)
    return at & ~(min(size, 4) - 1)


_BYTES: tuple[Callable[[Random, bytearray, bytes], None], ...] = (
    *(_truncate, _flip, _set, _set, _half, _word, _word, _word),
    *(_swap, _swap, _delete, _insert, _splice),
)


# ---- WAV files


def riff(rng: Random, content: bytes) -> bytes:
    """One to three fields of a WAV file's header are others: sizes of chunks, or what `fmt ` says."""
    changed = bytearray(content)
    order = ">" if content[:4] == b"RIFX" else "<"
    for _ in range(rng.choice((1, 1, 2, 3))):
        name = rng.choice((b"fmt ", b"fmt ", b"fmt ", b"data", b"data", b"RIFF", b"LIST", b"fact", b"ds64"))
        at = changed.find(name)
        if at < 0 or at + 32 > len(changed):
            continue
        if name == b"fmt " and rng.random() < 0.8:
            struct.pack_into(f"{order}H", changed, at + 8 + 2 * rng.randrange(8), rng.choice((*EXTREMES, *_CODINGS)) & 0xFFFF)
        elif name == b"ds64":
            struct.pack_into(
                "<Q", changed, at + 8 + 8 * rng.randrange(3), rng.choice(EXTREMES) << rng.choice((0, 16, 32)) & (1 << 64) - 1
            )
        else:
            struct.pack_into(f"{order}I", changed, at + 4, rng.choice((*EXTREMES, len(content), len(content) & ~63)))
    return bytes(changed)


_CODINGS = (1, 2, 3, 6, 7, 0x11, 0x31, 0x50, 0x55, 0xFFFE, 4, 12, 20, 24, 48, 8000, 16000, 44100)


# ---- manifests


def table(rng: Random, content: bytes) -> bytes:
    """A table with one to three cells, rows or marks that are others."""
    text = content.decode("utf-8", "replace")
    for _ in range(rng.choice((1, 1, 2, 3))):
        rows = text.split("\n")
        at = rng.randrange(len(rows))
        mark = next((mark for mark in ",;\t" if mark in rows[at]), ",")
        cells = rows[at].split(mark)
        way = rng.randrange(8)
        if way < 3:
            cells[rng.randrange(len(cells))] = rng.choice(
                (*STRINGS, *_TOKENS, str(rng.choice(NUMBERS)), "a.wav", "yes", "Yes ")
            )
        elif way == 3:
            cells.insert(rng.randrange(len(cells) + 1), rng.choice(STRINGS))
        elif way == 4:
            del cells[rng.randrange(len(cells))]
        rows[at] = mark.join(cells)
        if way == 5:
            rows.insert(at, rng.choice(rows))
        elif way == 6:
            del rows[at]
        text = "\n".join(rows)
        if way == 7:
            place = rng.randrange(len(text) + 1)
            text = text[:place] + rng.choice(('"', '""', mark, "\r", "\0", "#", "\ufeff", "x" * 200_000)) + text[place:]
    return text.encode(rng.choice(("utf-8", "utf-8", "utf-8", "utf-16")), "surrogatepass")


# ---- .tflite files that are well formed and wrong


def model(rng: Random, content: bytes) -> bytes:
    """Some fields of the file's tables changed; what cannot be written so stays as it was."""
    tables = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    if rng.random() < 0.15:
        _grow(rng, tables)
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        _change(rng, *rng.choice(list(_fields(tables))))
    try:
        builder = flatbuffers.Builder(len(content))
        builder.Finish(tables.Pack(builder), b"TFL3")
        return bytes(builder.Output())
    except (TypeError, ValueError, AttributeError, OverflowError, struct.error, AssertionError):
        return content


def _grow(rng: Random, tables: Any) -> None:
    """One size of a tensor that flows becomes larger wherever it stands: what fits together goes on to fit, and is huge."""
    flowing = [tensor for tensor in tables.subgraphs[0].tensors if tables.buffers[tensor.buffer].data is None]
    shapes = [tensor for tensor in flowing if tensor.shape is not None and len(tensor.shape)]
    if shapes:
        size = int(rng.choice(list(rng.choice(shapes).shape)))
        larger = min(size * rng.choice((2, 3, 7, 100, 1000, 1 << 15, 1 << 20, 1 << 28)), (1 << 31) - 1)
        for tensor in shapes:
            tensor.shape = np.array([larger if n == size else n for n in tensor.shape], np.int32)


def _fields(table: Any) -> Iterator[tuple[Any, str]]:
    """(table, name) of all fields of a table and of those below it; weights count once each, not for every byte."""
    for name, value in vars(table).items():
        yield table, name
        if isinstance(value, list):
            for item in value:
                if hasattr(item, "Pack"):
                    yield from _fields(item)
        elif hasattr(value, "Pack"):
            yield from _fields(value)


def _change(rng: Random, table: Any, name: str) -> None:
    value = getattr(table, name)
    if isinstance(value, bool):
        setattr(table, name, not value)
    elif isinstance(value, int):
        near = value + rng.choice((-2, -1, 1, 2))
        setattr(table, name, rng.choice((near, near, rng.randrange(160), _signed(rng.choice(EXTREMES)))))
    elif isinstance(value, float):
        setattr(table, name, rng.choice((*FLOATS, value * 2.0 ** rng.randint(-40, 40), -value)))
    elif isinstance(value, np.ndarray) or (isinstance(value, list) and value and not hasattr(value[0], "Pack")):
        setattr(table, name, _numbers(rng, np.array(value)))
    elif isinstance(value, list) and value:
        _items(rng, value)
    elif isinstance(value, bytes):
        setattr(table, name, rng.choice((b"", value[:1], value * 2, b"\xff\xfe", b"a\nb\x1b[31m", b"x" * 5000)))
    elif value is not None:
        setattr(table, name, None)


def _numbers(rng: Random, values: np.ndarray) -> np.ndarray:
    """A vector with one number changed, or with more or fewer of them."""
    values = values.copy()
    way = rng.randrange(6)
    if way == 0 or not values.size:
        return np.append(values, values[:1] if values.size else np.zeros(1, values.dtype))
    if way == 1:
        return values[: rng.randrange(values.size)]
    at = rng.randrange(values.size)
    if values.dtype.kind == "f":
        values[at] = rng.choice((*FLOATS, values[at] * 2.0 ** rng.randint(-40, 40)))
        return values
    near = int(values[at]) + rng.choice((-1, 1, 2))
    chosen = rng.choice((near, near, int(values[rng.randrange(values.size)]), _signed(rng.choice(EXTREMES)), rng.randrange(40)))
    values[at] = np.array(chosen, np.int64).astype(values.dtype)
    return values


def _items(rng: Random, items: list[Any]) -> None:
    """Tables of a vector: two swapped, one said twice, one taken away."""
    a, b = rng.randrange(len(items)), rng.randrange(len(items))
    way = rng.randrange(4)
    if way == 0:
        items[a], items[b] = items[b], items[a]
    elif way == 1:
        items[a] = items[b]
    elif way == 2:
        items.insert(a, items[b])
    else:
        del items[a]


def _signed(value: int) -> int:
    return value - (1 << 32) if value >> 31 else value


# ---- programs

HEADER, BODY = 92, 124  # docs/formats.md: between them lies the hash, behind them the sections


def program(rng: Random, content: bytes, other: bytes) -> bytes:
    """One to three changes of a `.ww`, most of them of its steps; its size and its hash are made right again."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3))):
        way = rng.random()
        if way < 0.7:
            _parameter(rng, changed)
        elif way < 0.8:
            _header_field(rng, changed)
        elif way < 0.85:
            _step(rng, changed)
        elif way < 0.93:
            _section(rng, changed, 44 if rng.random() < 0.7 else 52)
        else:
            _section(rng, changed, 28)
    if rng.random() < 0.05:
        changed[BODY:] = file(rng, bytes(changed[BODY:]), other[BODY:])
        struct.pack_into("<I", changed, 16, len(changed))
    return _hashed(changed)


def described(rng: Random, content: bytes) -> bytes:
    """A `.ww` whose description is another one: some of its values changed, or its text."""
    at, size = struct.unpack_from("<II", content, 20)
    text = content[at : at + size]
    text = file(rng, text, text) if rng.random() < 0.1 else tree(rng, json.loads(text))
    changed = bytearray(content) + bytes(-len(content) % 4)
    struct.pack_into("<I", changed, 16, len(changed) + len(text))
    struct.pack_into("<II", changed, 20, len(changed), len(text))
    return _hashed(changed + text)


def _hashed(content: bytearray) -> bytes:
    if len(content) >= BODY:
        content[HEADER:BODY] = hashlib.sha256(content[:HEADER] + content[BODY:]).digest()
    return bytes(content)


def steps(content: bytearray) -> tuple[int, list[int]]:
    """Where the steps begin, and their words."""
    at, size = struct.unpack_from("<II", content, 36)
    if at % 4 or at + size > len(content):
        return at, []
    return at, list(struct.unpack_from(f"<{size // 4}i", content, at))


def _parameter(rng: Random, content: bytearray) -> None:
    at, words = steps(content)
    if not words:
        return
    word = rng.randrange(len(words))
    sizes = [struct.unpack_from("<I", content, field)[0] for field in (48, 56, 60)]
    size = rng.choice(sizes) + rng.choice((-8, -4, -1, 0, 1))
    near = words[word] + rng.choice((-8, -4, -2, -1, 1, 2, 4, 8, 64))
    elsewhere = rng.choice(words)
    value = rng.choice((near, near, elsewhere, elsewhere, size, _signed(rng.choice(EXTREMES)), rng.randrange(64)))
    struct.pack_into("<I", content, at + 4 * word, value & 0xFFFFFFFF)


def _step(rng: Random, content: bytearray) -> None:
    """A whole record over another one, as far as it has room."""
    at, words = steps(content)
    records: list[tuple[int, int]] = []
    i = 0
    while i + 6 <= len(words) and 0 <= words[i + 5] <= len(words):
        records.append((i, 6 + words[i + 5]))
        i += 6 + words[i + 5]
    if records:
        (source, n), (target, m) = rng.choice(records), rng.choice(records)
        part = words[source : source + min(n, m)]
        struct.pack_into(f"<{len(part)}i", content, at + 4 * target, *part)


def _header_field(rng: Random, content: bytearray) -> None:
    field = rng.randrange(20, HEADER, 4)
    (value,) = struct.unpack_from("<I", content, field)
    near = value + rng.choice((-8, -4, -1, 1, 4, 8))
    struct.pack_into("<I", content, field, rng.choice((near, near, len(content), rng.choice(EXTREMES))) & 0xFFFFFFFF)


def _section(rng: Random, content: bytearray, field: int) -> None:
    """Words of the constants, the weights or the tables: shifts and multipliers that no compiler would write."""
    at, size = struct.unpack_from("<II", content, field)
    if size >= 4 and at + size <= len(content):
        for _ in range(rng.choice((1, 4, 16))):
            struct.pack_into("<I", content, at + 4 * rng.randrange(size // 4), rng.choice((*EXTREMES, rng.getrandbits(32))))


# ---- descriptions


def tree(rng: Random, table: dict[str, Any]) -> bytes:
    """JSON of a table of which one to three values are others, are gone or have another name."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        _leaf(rng, table)
    return json.dumps(table, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")


def _leaf(rng: Random, table: dict[str, Any]) -> None:
    if not table:
        table["a"] = value(rng)
        return
    key = rng.choice(list(table))
    inner = table[key]
    if isinstance(inner, dict) and rng.random() < 0.8:
        _leaf(rng, inner)
    elif isinstance(inner, list) and inner and rng.random() < 0.5:
        inner[rng.randrange(len(inner))] = value(rng)
    elif rng.random() < 0.15:
        table[rng.choice(STRINGS)] = table.pop(key)
    elif rng.random() < 0.15:
        del table[key]
    else:
        table[key] = value(rng)


STRINGS = (
    "",
    " ",
    "a",
    "no such key",
    "\0",
    "\n",
    "\u202e",
    "\ud800",
    "\U0001f600",
    "../../etc/passwd",
    "%s%n",
    "x" * 3000,
    "é",
)


def value(rng: Random) -> Any:
    """Any JSON value, rather a hostile one."""
    way = rng.randrange(9)
    if way < 4:
        return rng.choice(NUMBERS)
    if way < 6:
        return rng.choice(STRINGS)
    if way == 6:
        return rng.choice((None, True, False))
    if way == 7:
        return [value(rng) for _ in range(rng.choice((0, 1, 3)))]
    return {rng.choice(STRINGS): value(rng) for _ in range(rng.choice((0, 1, 2)))}


_TOKENS = (
    *("[" * 3000, "{a=" * 600, "inf", "-nan", "1e999", "0x" + "f" * 400, "9" * 5000, "1_0", "1979-05-27T07:32:00Z", "''"),
    *('"', "'''", '"""', '"\\ud800"', '"\\u0000"', "[]", "{}", "true", "=", "a.b.c = 1", "[a.b]", "[[a]]", "\0", "\r", "#"),
)


def text(rng: Random, content: bytes, other: bytes) -> bytes:
    """A TOML or JSON file with a value, a line or some bytes changed."""
    if rng.random() < 0.4:
        return file(rng, content, other)
    lines = content.decode().split("\n")
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.randrange(len(lines))
        way = rng.randrange(6)
        separator = " = " if " = " in lines[at] else ": "
        before, found, _ = lines[at].partition(separator)
        if way < 3 and found:
            new = rng.choice((*_TOKENS, *(json.dumps(v) for v in NUMBERS), *(json.dumps(v) for v in STRINGS)))
            lines[at] = before + separator + new
        elif way == 3:
            lines.insert(at, rng.choice(lines))
        elif way == 4:
            lines.insert(at, rng.choice(_TOKENS))
        elif len(lines) > 1:
            del lines[at]
    return "\n".join(lines).encode("utf-8", "surrogatepass")
