"""The compiler: memory plan, layout of programs, and what host and board must agree on."""

from __future__ import annotations

import hashlib
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchword.compile import TARGETS, compile, memory, program
from watchword.description import Description
from watchword.errors import ModelError, UnsupportedError
from watchword.graph import Conv2D, Dense, DepthwiseConv2D, Graph, Reshape, Softmax, Tensor

blocks = st.builds(
    lambda size, first, length: memory.Block(size, first, first + length),
    st.integers(1, 500),
    st.integers(0, 8),
    st.integers(0, 3),
)


@given(st.lists(blocks, min_size=1, max_size=12))
@settings(derandomize=True, deadline=None)
def test_blocks_that_live_together_do_not_overlap(chosen: list[memory.Block]) -> None:
    offsets, size = memory.plan(chosen)
    for i, a in enumerate(chosen):
        assert offsets[i] % 8 == 0
        assert offsets[i] + a.size <= size
        for j in range(i):
            b = chosen[j]
            if a.first <= b.last and b.first <= a.last:
                assert offsets[i] + a.size <= offsets[j] or offsets[j] + b.size <= offsets[i]


def test_blocks_that_do_not_live_together_share_their_place() -> None:
    chain = [memory.Block(1000, 0, 0), memory.Block(900, 0, 1), memory.Block(1000, 1, 2), memory.Block(900, 2, 3)]
    assert memory.plan(chain)[1] <= 1904


def tensor(name: str, shape: tuple[int, ...], scale: float = 0.1, zero_point: int = 0) -> Tensor:
    return Tensor(name, shape, np.dtype(np.int8), np.array([scale], np.float32), zero_point)


def weights(shape: tuple[int, ...], value: int = 3, scale: float = 0.01) -> Tensor:
    data = np.full(shape, value, np.int8)
    return Tensor("w", shape, data.dtype, np.array([scale], np.float32), 0, None, data)


def chain() -> Graph:
    x, c, r, d, y = (
        tensor("x", (1, 8, 8, 1)),
        tensor("c", (1, 8, 8, 4)),
        tensor("r", (1, 256)),
        tensor("d", (1, 3), 0.5),
        tensor("y", (1, 3), 1 / 256, -128),
    )
    ops = [
        DepthwiseConv2D(x, c, weights((1, 3, 3, 4)), None),
        Reshape(c, r),
        Dense(r, d, weights((3, 256)), None),
        Softmax(d, y),
    ]
    return Graph("chain", x, y, ops)


def described(graph: Graph) -> Description:
    return Description(name="chain", labels=tuple(f"l{i}" for i in range(graph.output.shape[-1])))


def test_a_program_says_what_it_is_and_its_hash_covers_all_of_it() -> None:
    compiled = compile(chain(), described(chain()), "rp2040")
    content = compiled.content
    assert program.read_description(content, "x.ww") == ("rp2040", described(chain()).as_dict())
    assert content[72:104] == hashlib.sha256(content[:72] + content[104:]).digest()
    for at in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[at] ^= 1
        with pytest.raises(ModelError, match="x.ww: "):
            program.read_description(bytes(damaged), "x.ww")
    for size in (0, 3, 71, 103, len(content) - 1):
        with pytest.raises(ModelError, match="x.ww: "):
            program.read_description(content[:size], "x.ww")


def test_a_reshape_costs_nothing_and_a_depthwise_layer_of_one_channel_is_a_convolution() -> None:
    compiled = compile(chain(), described(chain()))
    assert [step.kernel for step in compiled.program.steps] == [program.CONV, program.CONV, program.SOFTMAX]
    assert [layer.steps for layer in compiled.layers] == [1, 1, 2, 3]
    assert compiled.layers[0].offset == compiled.layers[1].offset


def test_the_same_graph_gives_the_same_bytes() -> None:
    assert compile(chain(), described(chain())).content == compile(chain(), described(chain())).content


def test_parameters_are_never_negative() -> None:
    for step in compile(chain(), described(chain())).program.steps:
        assert min(step.parameters) >= 0


def test_unknown_targets_are_named() -> None:
    with pytest.raises(ModelError, match="target 'z80' is not known; known: unix, rp2040"):
        compile(chain(), described(chain()), "z80")
    assert all(len(name) <= 8 for name in TARGETS)  # the header's field


def test_sums_that_the_kernels_cannot_hold_are_refused() -> None:
    x, y = tensor("x", (1, 40000)), tensor("huge", (1, 2), 0.001)
    graph = Graph("g", x, y, [Dense(x, y, weights((2, 40000), 127, 1.0), None)])
    with pytest.raises(UnsupportedError, match="huge: Dense whose sums may reach 2"):
        compile(graph, described(graph))


def test_a_softmax_too_wide_is_refused() -> None:
    x, y = tensor("x", (1, 200)), tensor("wide", (1, 200), 1 / 256, -128)
    graph = Graph("g", x, y, [Softmax(x, y)])
    with pytest.raises(UnsupportedError, match="wide: Softmax over 200 values; the kernel takes at most 128"):
        compile(graph, described(graph))


def test_a_long_layer_is_cut_into_calls_of_some_milliseconds() -> None:
    x, y = tensor("x", (1, 48, 48, 16)), tensor("y", (1, 48, 48, 16))
    graph = Graph("g", x, y, [Conv2D(x, y, weights((16, 3, 3, 16)), None)])
    (step,) = compile(graph, Description(name="g", labels=tuple(map(str, range(16))))).program.steps
    assert step.rows == 48
    assert step.chunk == 1


def firmware_constant(root: Path, module: str, name: str) -> int:
    found = re.search(rf"^{name} = (?:const\()?(\d+)", (root / "firmware/watchword" / module).read_text(), re.M)
    assert found, name
    return int(found[1])


def test_host_and_board_agree(root: Path) -> None:
    assert firmware_constant(root, "program.py", "FORMAT") == program.FORMAT
    assert firmware_constant(root, "program.py", "HEADER_SIZE") == program.HEADER_SIZE
    assert firmware_constant(root, "program.py", "HASH_SIZE") == program.HASH_SIZE
    assert f'HEADER = "{program.HEADER}"' in (root / "firmware/watchword/program.py").read_text()
    assert firmware_constant(root, "kernels/__init__.py", "VERSION") == program.KERNELS
    for name in ("CONV", "DEPTHWISE", "AVERAGE_POOL", "SOFTMAX"):
        assert firmware_constant(root, "kernels/__init__.py", name) == getattr(program, name)
    from watchword.board import link
    from watchword.board.virtual import kinds

    assert firmware_constant(root, "app.py", "PROTOCOL") == link.PROTOCOL
    assert firmware_constant(root, "board.py", "RESTART") == kinds.RESTART
    assert struct.calcsize(program.HEADER) == 72
    assert f'VERSION = "{__import__("watchword").__version__}"' in (root / "firmware/watchword/__init__.py").read_text()
