"""The `.ww` file: what the compiler writes and the board's firmware/watchword/program.py reads. docs/formats.md shows it."""

from __future__ import annotations

import hashlib
import json
import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from watchword import kernels
from watchword.compile.lower.call import Grouping
from watchword.errors import ModelError
from watchword.kernels import Kernel

MAGIC = b"WWRD"
FORMAT = 4
HEADER = "<4sHH8sI" + 18 * "I"
HEADER_SIZE = struct.calcsize(HEADER)
HASH_SIZE = 32


class Header(NamedTuple):
    """What a file begins with, before its hash. Sections lie at offsets in the file, input and output in the arena."""

    magic: bytes
    format: int
    kernels: int
    target: bytes
    size: int
    description_at: int
    description_size: int
    tables_at: int
    tables_size: int
    steps_at: int
    steps_size: int
    constants_at: int
    constants_size: int
    weights_at: int
    weights_size: int
    arena_size: int
    input_at: int
    input_size: int
    output_at: int
    output_size: int
    resets: int
    background_at: int
    background_size: int


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
        sections = {
            "description": json.dumps(self.description, separators=(",", ":")).encode(),
            "tables": self.tables,
            "steps": struct.pack(f"<{len(words)}i", *words),
            "constants": self.constants,
            "weights": self.weights,
            "background": self.background,
        }
        body = b""
        places: dict[str, int] = {}
        for name, section in sections.items():
            places |= {f"{name}_at": HEADER_SIZE + HASH_SIZE + len(body), f"{name}_size": len(section)}
            body += section + bytes(-len(section) % 4)
        input_at, input_size = self.input
        output_at, output_size = self.output
        header = Header(
            magic=MAGIC,
            format=FORMAT,
            kernels=kernels.VERSION,
            target=self.target.encode().ljust(8, b"\0"),
            size=HEADER_SIZE + HASH_SIZE + len(body),
            arena_size=self.arena,
            input_at=input_at,
            input_size=input_size,
            output_at=output_at,
            output_size=output_size,
            resets=len(self.reset),
            **places,
        )
        packed = struct.pack(HEADER, *header)
        return packed + hashlib.sha256(packed + body).digest() + body


class Declared(NamedTuple):
    """What a `.ww` file says of itself. inputs, outputs: bytes of one run."""

    target: str
    description: dict[str, Any]
    inputs: int
    outputs: int


def read_description(content: bytes, name: str) -> Declared:
    """What a `.ww` file declares. Raises ModelError where it is not one, is damaged or is of another version."""
    if len(content) < HEADER_SIZE + HASH_SIZE or content[:4] != MAGIC:
        raise ModelError(f"{name}: not a watchword program")
    header = Header(*struct.unpack_from(HEADER, content))
    if (header.format, header.kernels) != (FORMAT, kernels.VERSION):
        found = f"format {header.format} for kernels {header.kernels}"
        raise ModelError(f"{name}: {found}, not {FORMAT} and {kernels.VERSION}: compile the model anew")
    body = content[HEADER_SIZE + HASH_SIZE :]
    if (
        header.size != len(content)
        or hashlib.sha256(content[:HEADER_SIZE] + body).digest() != content[HEADER_SIZE:][:HASH_SIZE]
    ):
        raise ModelError(f"{name}: damaged or cut off: its hash does not fit")
    try:
        description = json.loads(content[header.description_at :][: header.description_size])
        target = header.target.rstrip(b"\0").decode()
    except (ValueError, RecursionError):
        raise ModelError(f"{name}: its description is not JSON: compile the model anew") from None
    if not isinstance(description, dict):
        raise ModelError(f"{name}: its description is no table: compile the model anew")
    return Declared(target, description, header.input_size, header.output_size)
