"""The `.ww` file: what the compiler writes and the board's firmware/watchword/program.py reads. docs/formats.md shows it."""

from __future__ import annotations

import hashlib
import json
import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from watchword import kernels
from watchword.compile.lower.call import Grouping
from watchword.errors import ModelError
from watchword.kernels import Kernel

MAGIC = b"WWRD"
FORMAT = 4
HEADER = "<4sHH8sI" + 18 * "I"
HEADER_SIZE = struct.calcsize(HEADER)
HASH_SIZE = 32


@dataclass(frozen=True)
class Step:
    """One call of a kernel. parameters: in the order of its contract.

    rows: of output; chunk: rows to compute in one go, so that no call holds the board for long. paged: its constants were read
    into the arena by a step before. batch: how many steps, from this one on, are short enough for one call. The board does not
    learn the rest. cycles: what all rows are expected to take; 0: it is not known. groupings: how a packed kernel computes its
    outputs.
    """

    kernel: Kernel
    rows: int
    chunk: int
    parameters: tuple[int, ...]
    paged: bool = False
    batch: int = 0
    cycles: int = 0
    groupings: Mapping[Grouping, int] = field(default_factory=dict)

    @property
    def named(self) -> dict[str, int]:
        """The parameters by name, without records that follow them."""
        return self.kernel.named(self.parameters)

    @property
    def words(self) -> tuple[int, ...]:
        """What the file has of it."""
        head = (self.kernel.number, int(self.paged), self.rows, self.chunk, self.batch, len(self.parameters))
        return head + self.parameters


def groupings(steps: Iterable[Step]) -> dict[Grouping, int]:
    """How many groups of outputs of each kind packed kernels compute in some steps."""
    found: Counter[Grouping] = Counter()
    for step in steps:
        found.update(step.groupings)
    return dict(sorted(found.items(), reverse=True))


@dataclass(frozen=True)
class Program:
    """A program before it is written. input, output: (offset, size) in the arena.

    reset: the steps that make a stream begin anew; steps: one run. constants: held in RAM. weights: read from the file by
    READ steps. background: embeddings of what is none of the words that the board may be taught.
    """

    target: str
    description: dict[str, Any]
    tables: bytes
    reset: tuple[Step, ...]
    steps: tuple[Step, ...]
    constants: bytes
    weights: bytes
    arena: int
    input: tuple[int, int]
    output: tuple[int, int]
    background: bytes = b""

    @property
    def ram(self) -> int:
        """Bytes of heap that the board needs for it: buffers, and about what objects around them take."""
        records = sum(4 * len(step.parameters) + 160 for step in (*self.reset, *self.steps))
        return self.arena + len(self.constants) + len(self.tables) + records + 2048

    def write(self) -> bytes:
        """The bytes of the `.ww` file."""
        words = [word for step in (*self.reset, *self.steps) for word in step.words]
        sections = [
            json.dumps(self.description, separators=(",", ":")).encode(),
            self.tables,
            struct.pack(f"<{len(words)}i", *words),
            self.constants,
            self.weights,
            self.background,
        ]
        body = b""
        places: list[int] = []
        for section in sections:
            places += [HEADER_SIZE + HASH_SIZE + len(body), len(section)]
            body += section + bytes(-len(section) % 4)
        size = HEADER_SIZE + HASH_SIZE + len(body)
        target = self.target.encode().ljust(8, b"\0")
        *places, background, length = places
        numbers = [*places, self.arena, *self.input, *self.output, len(self.reset), background, length]
        header = struct.pack(HEADER, MAGIC, FORMAT, kernels.VERSION, target, size, *numbers)
        return header + hashlib.sha256(header + body).digest() + body


def read_description(content: bytes, name: str) -> tuple[str, dict[str, Any]]:
    """(target, description) of a `.ww` file. Raises ModelError where it is not one, is damaged or is of another version."""
    if len(content) < HEADER_SIZE + HASH_SIZE or content[:4] != MAGIC:
        raise ModelError(f"{name}: not a watchword program")
    fields = struct.unpack_from(HEADER, content)
    if fields[1:3] != (FORMAT, kernels.VERSION):
        raise ModelError(
            f"{name}: format {fields[1]} for kernels {fields[2]}, not {FORMAT} and {kernels.VERSION}: compile the model anew"
        )
    body = content[HEADER_SIZE + HASH_SIZE :]
    if fields[4] != len(content) or hashlib.sha256(content[:HEADER_SIZE] + body).digest() != content[HEADER_SIZE:][:HASH_SIZE]:
        raise ModelError(f"{name}: damaged or cut off: its hash does not fit")
    try:
        description = json.loads(content[fields[5] : fields[5] + fields[6]])
        target = fields[3].rstrip(b"\0").decode()
    except (ValueError, RecursionError):
        raise ModelError(f"{name}: its description is not JSON: compile the model anew") from None
    if not isinstance(description, dict):
        raise ModelError(f"{name}: its description is no table: compile the model anew")
    return target, description
