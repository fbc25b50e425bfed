"""The compiler: memory plan, layout of programs, and what host and board must agree on."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import struct
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.mobilenet import mobilenet_v2
from tests.unit.random_graphs import RandomGraph

from watchword import reference
from watchword.chips import PORTABLE
from watchword.chips.rp2040 import RP2040
from watchword.compile import TooLargeError, compile, memory, program
from watchword.compile.lower import Portable
from watchword.compile.lower.call import Call
from watchword.compile.schedule import least, schedule
from watchword.description import Description
from watchword.errors import ModelError, UnsupportedError
from watchword.graph import (
    Add,
    Concatenation,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Graph,
    Lookup,
    Operation,
    Prelu,
    Reshape,
    ResizeNearestNeighbor,
    Slice,
    Softmax,
    State,
    Tensor,
    Transpose,
)
from watchword.kernels import CONVOLUTION, COPY, FILL, READ, SOFTMAX

blocks = st.builds(
    lambda size, first, length: memory.Block(size, first, first + length),
    st.integers(1, 500),
    st.integers(0, 8),
    st.integers(0, 3),
)


@given(st.lists(blocks, min_size=1, max_size=12))
@settings(derandomize=True, deadline=None)
def test_blocks_that_live_together_do_not_overlap(chosen: list[memory.Block]) -> None:
    found = memory.plan(chosen)
    for i, a in enumerate(chosen):
        assert found.offsets[i] % 8 == 0
        assert found.offsets[i] + a.size <= found.size
        for j in range(i):
            b = chosen[j]
            if a.first <= b.last and b.first <= a.last:
                assert found.offsets[i] + a.size <= found.offsets[j] or found.offsets[j] + b.size <= found.offsets[i]
    for step in range(10):
        at, room = memory.gap(chosen, found, step)
        assert at + room <= found.size
        for block, begin in zip(chosen, found.offsets, strict=True):
            if room and block.first <= step <= block.last:
                assert at + room <= begin or begin + block.size <= at
    assert found.size >= max(memory.need(chosen))


def test_blocks_that_do_not_live_together_share_their_place() -> None:
    chain = [memory.Block(1000, 0, 0), memory.Block(900, 0, 1), memory.Block(1000, 1, 2), memory.Block(900, 2, 3)]
    assert memory.plan(chain).size <= 1904


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
    compiled = compile(chain(), described(chain()), RP2040)
    content = compiled.content
    declared = program.read_description(content, "x.ww")
    assert (declared.target, declared.description) == ("rp2040", described(chain()).as_dict())
    assert (declared.inputs, declared.outputs) == (chain().input.size, chain().output.size)
    assert content[92:124] == hashlib.sha256(content[:92] + content[124:]).digest()
    for at in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[at] ^= 1
        with pytest.raises(ModelError, match="x.ww: "):
            program.read_description(bytes(damaged), "x.ww")
    for size in (0, 3, 83, 115, len(content) - 1):
        with pytest.raises(ModelError, match="x.ww: "):
            program.read_description(content[:size], "x.ww")


def test_a_reshape_costs_nothing_and_a_depthwise_layer_of_one_channel_is_a_convolution() -> None:
    compiled = compile(chain(), described(chain()), PORTABLE)
    assert [step.kernel for step in compiled.program.steps] == [CONVOLUTION, CONVOLUTION, SOFTMAX]
    assert [layer.steps for layer in compiled.layers] == [1, 1, 2, 3]
    assert compiled.layers[0].offset == compiled.layers[1].offset


def test_the_same_graph_gives_the_same_bytes() -> None:
    assert compile(chain(), described(chain()), PORTABLE).content == compile(chain(), described(chain()), PORTABLE).content


def test_parameters_are_never_negative() -> None:
    for step in compile(chain(), described(chain()), PORTABLE).program.steps:
        assert min(step.parameters) >= 0


def test_sums_that_the_kernels_cannot_hold_are_refused() -> None:
    x, y = tensor("x", (1, 40000)), tensor("huge", (1, 2), 0.001)
    graph = Graph("g", x, y, [Dense(x, y, weights((2, 40000), 127, 1.0), None)])
    with pytest.raises(UnsupportedError, match="huge: Dense whose sums may reach 2"):
        compile(graph, described(graph), PORTABLE)


def test_a_channel_with_a_huge_bias_is_constant() -> None:
    """Dead channels of trained networks have tiny scales, in which a bias is a number that no kernel holds."""
    x, y = tensor("x", (1, 4)), tensor("y", (1, 2))
    bias = Tensor("b", (2,), np.dtype(np.int32), np.array([1e-9], np.float32), 0, None, np.array([2**30, -(2**30)], np.int32))
    w = weights((2, 4), 1, 1e-8)
    graph = Graph("g", x, y, [Dense(x, y, w, bias)])
    program_ = compile(graph, described(graph), PORTABLE).program
    at = program_.steps[0].named["rescale"]
    rescale = struct.unpack_from("<8i", program_.constants, at)
    expected = reference.run(graph, np.zeros((1, 4), np.int8))[0]
    assert [rescale[0], rescale[4]] == expected.tolist()  # the output itself, and factors that make 1
    assert rescale[1:4] == rescale[5:8] == (1 << 30, 1, 0)


def test_a_softmax_too_wide_is_refused() -> None:
    x, y = tensor("x", (1, 2048)), tensor("wide", (1, 2048), 1 / 256, -128)
    graph = Graph("g", x, y, [Softmax(x, y)])
    with pytest.raises(UnsupportedError, match="wide: Softmax over 2048 values; the kernel takes at most 2047"):
        compile(graph, described(graph), PORTABLE)


def test_a_long_layer_is_cut_into_calls_of_some_milliseconds() -> None:
    x, y = tensor("x", (1, 48, 48, 16)), tensor("y", (1, 48, 48, 16))
    graph = Graph("g", x, y, [Conv2D(x, y, weights((16, 3, 3, 16)), None)])
    (step,) = compile(graph, Description(name="g", labels=tuple(map(str, range(16)))), PORTABLE).program.steps
    assert step.rows == 48
    assert step.chunk == 1


def firmware_constant(root: Path, module: str, name: str) -> int:
    found = re.search(rf"^{name} = (?:const\()?(\d+)", (root / "firmware/watchword" / module).read_text(), re.M)
    assert found, name
    return int(found[1])


def test_host_and_board_agree(root: Path) -> None:
    assert firmware_constant(root, "__init__.py", "FORMAT") == program.FORMAT
    assert firmware_constant(root, "program.py", "HEADER_SIZE") == program.HEADER_SIZE
    assert firmware_constant(root, "program.py", "HASH_SIZE") == program.HASH_SIZE
    firmware = (root / "firmware/watchword/program.py").read_text()
    assert f'HEADER = "{program.HEADER}"' in firmware
    for at, name in enumerate(program.Header._fields[1:], 1):
        assert f"\n_{name.upper()} = const({at})\n" in firmware
    from watchword.board import link
    from watchword.board.virtual import kinds

    assert firmware_constant(root, "app.py", "PROTOCOL") == link.PROTOCOL
    assert firmware_constant(root, "board.py", "RESTART") == kinds.RESTART
    assert struct.calcsize(program.HEADER) == 92
    assert f'VERSION = "{__import__("watchword").__version__}"' in (root / "firmware/watchword/__init__.py").read_text()


def test_weights_are_not_taken_out_of_the_ram_one_by_one_where_nothing_is_gained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums that share their tables: reading those of one does not free them, and a file may have hundreds of such layers."""
    x, ops = tensor("x", (1, 4)), []
    for i in range(100):
        ops.append(Add(ops[-1].output if ops else x, tensor(f"y{i}", (1, 4)), x))
    graph = Graph("sums", x, ops[-1].output, ops)
    module = sys.modules["watchword.compile"]
    emit, tried = module.emit, []
    monkeypatch.setattr(module, "emit", lambda *given: tried.append(1) or emit(*given))
    with pytest.raises(ModelError, match="needs .* of RAM"):
        compile(graph, described(graph), PORTABLE, simplify=False, ram=10000)
    assert len(tried) < 50


@pytest.mark.parametrize("seed", range(40))
def test_no_arena_is_smaller_than_what_is_said_before_it_is_planned(seed: int) -> None:
    graph = RandomGraph(seed).graph(8)
    size, op = least(graph)
    assert op in graph.operations
    for chip in (PORTABLE, RP2040):
        with suppress(UnsupportedError):  # beyond what boards hold
            assert size <= schedule(graph, chip.lowering(graph)).plan.size


def test_a_model_that_no_arena_holds_is_refused_before_it_is_made_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of channels takes most of the time, and would be for nothing."""
    monkeypatch.setattr(sys.modules["watchword.compile"], "schedule", lambda *given: pytest.fail("it was scheduled"))
    graph = mobilenet_v2(classes=2)
    with pytest.raises(TooLargeError) as caught:
        compile(graph, described(graph), RP2040)
    need = "mobilenet_v2 needs more than 138240 bytes of RAM, which DepthwiseConv2D '5/DepthwiseConv2D' takes of the arena"
    assert caught.value.need == need
    assert str(caught.value) == f"{need}; rp2040 has 96000 for a program"


def test_parts_of_a_layer_are_made_once_for_all_programs_that_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many programs are tried as it takes to bring the weights out of the RAM, each with all that was cut before."""
    lowered: list[tuple[Operation, int, int | None]] = []

    class Counting(Portable):
        def __call__(self, op: Operation, first: int = 0, last: int | None = None) -> list[Call]:
            lowered.append((op, first, last))
            return super().__call__(op, first, last)

    graph = mobilenet_v2(classes=2, blocks=10)
    chip = dataclasses.replace(PORTABLE, lowering=lambda graph: Counting())
    with pytest.raises(TooLargeError, match=r"needs \d+ bytes of RAM, \d+ of them arena"):
        compile(graph, described(graph), chip, ram=145_000)
    parts = [each for each in lowered if each[2] is not None]
    assert len(parts) > 20
    assert len(set(parts)) == len(parts)


def test_axes_in_an_order_that_no_few_loops_have_are_refused() -> None:
    x, y = tensor("x", (1, 2, 2, 2, 2, 9, 9, 9)), tensor("y", (1, 9, 9, 9, 2, 2, 2, 2))
    graph = Graph("turned", x, y, [Transpose(x, y, (0, 7, 6, 5, 4, 3, 2, 1))])
    with pytest.raises(UnsupportedError, match="y: 7 axes in an order that takes 729 calls"):
        compile(graph, described(graph), PORTABLE)


@pytest.mark.parametrize(
    ("size", "to", "calls"),
    [
        ((8, 8), (16, 8), 2),  # the rows, and once more
        ((8, 8), (8, 24), 1),
        ((8, 8), (16, 24), 2),
        ((8, 8), (4, 2), 1),
        ((8, 8), (12, 12), 5),  # every other place comes twice
        ((1, 9), (7, 9), 2),
    ],
)
def test_resizes_take_few_copies(size: tuple[int, int], to: tuple[int, int], calls: int) -> None:
    x, y = tensor("x", (1, *size, 3)), tensor("y", (1, *to, 3))
    graph = Graph("resize", x, y, [ResizeNearestNeighbor(x, y)])
    steps = compile(graph, described(graph), PORTABLE).program.steps
    assert [step.kernel for step in steps] == [COPY] * calls


def test_a_resize_in_too_many_pieces_is_refused() -> None:
    x, y = tensor("x", (1, 211, 211, 1)), tensor("y", (1, 251, 251, 1))
    graph = Graph("resize", x, y, [ResizeNearestNeighbor(x, y)])
    with pytest.raises(UnsupportedError) as caught:
        compile(graph, described(graph), PORTABLE)
    found = "resize: y: ResizeNearestNeighbor from (211, 211) to (251, 251) takes 687 calls of a kernel, 256 are possible"
    assert str(caught.value) == found


def test_slopes_take_a_table_of_what_is_not_below_the_zero_point() -> None:
    x, y = tensor("x", (1, 4, 4, 8), 0.1, 28), tensor("y", (1, 4, 4, 8))
    data = np.arange(-4, 4, dtype=np.int8)
    slopes = Tensor("slopes", (8,), data.dtype, np.array([0.1], np.float32), data=data)
    graph = Graph("slopes", x, y, [Prelu(x, y, slopes)])
    made = compile(graph, described(graph), PORTABLE).program
    assert [step.kernel.name for step in made.steps] == ["prelu"]
    assert len(made.constants) == 16 + 8 + 104  # a rescale, the slopes, 100 values and what brings them to eight


def test_weights_that_do_not_fit_are_read_in_blocks_of_channels() -> None:
    x, a, b, y = tensor("x", (1, 64)), tensor("a", (1, 256)), tensor("b", (1, 200)), tensor("y", (1, 3))
    rng = np.random.default_rng(3)

    def random(shape: tuple[int, ...]) -> Tensor:
        data = rng.integers(-127, 128, shape).astype(np.int8)
        return Tensor("w", shape, data.dtype, np.array([0.01], np.float32), 0, None, data)

    ops: list[Operation] = [Dense(x, a, random((256, 64)), None), Dense(a, b, random((200, 256)), None)]
    ops.append(Dense(b, y, random((3, 200)), None))
    graph = Graph("g", x, y, ops)
    everything = compile(graph, described(graph), PORTABLE, simplify=False)
    assert not everything.program.weights
    assert all(layer.blocks == 0 for layer in everything.layers)
    small = compile(graph, described(graph), PORTABLE, simplify=False, ram=24000)
    assert small.program.ram <= 24000
    assert small.layers[1].blocks > 1
    assert [step.kernel for step in small.program.steps].count(READ) == sum(layer.blocks for layer in small.layers)
    # Every block has the channels that follow those of the block before, with their weights as they were packed.
    weights_data = ops[1].weights.data
    assert isinstance(ops[1], Dense)
    assert weights_data is not None
    channel = 0
    for read, conv in zip(small.program.steps, small.program.steps[1:], strict=False):
        if read.kernel is READ and conv.named["patch_size"] == 256:
            assert conv.paged
            at, to, size = read.parameters
            content = small.program.weights[at : at + size]
            first = conv.named["weights"] - to
            packed = np.frombuffer(content, np.uint8, 256 * conv.named["output_channels"], first).reshape(-1, 256)
            assert np.array_equal(packed.astype(int) - 128, weights_data[channel : channel + len(packed)])
            assert conv.named["output"] == small.layers[1].offset + channel
            channel += len(packed)
    assert channel == 200
    with pytest.raises(ModelError, match=r"g needs \d+ bytes of RAM, \d+ of them arena .* unix has 2000 for a program"):
        compile(graph, described(graph), PORTABLE, ram=2000)


def test_a_program_larger_than_the_flash_of_its_target_is_refused() -> None:
    x, y = tensor("x", (1, 4000)), tensor("y", (1, 400))
    w = weights((400, 4000))
    w.data = np.random.default_rng(1).integers(-127, 128, w.shape).astype(np.int8)
    graph = Graph("g", x, y, [Dense(x, y, w, None)])
    with pytest.raises(ModelError, match=r"g takes \d+ bytes of flash; rp2040 has 1300000 for a program"):
        compile(graph, Description(name="g", labels=tuple(map(str, range(400)))), RP2040)


def lookup(x: Tensor, y: Tensor) -> Lookup:
    return Lookup(x, y, "relu", np.maximum(np.arange(-128, 128), 0).astype(np.int8))


def test_functions_of_one_value_write_over_an_input_that_nobody_needs() -> None:
    x, a, b, c, y = (tensor(name, (1, 4, 4, 4)) for name in "xabcy")
    ops: list[Operation] = [lookup(x, a), lookup(a, b), lookup(a, c), Add(b, y, c)]
    compiled = compile(Graph("g", x, y, ops), described(Graph("g", x, y)), PORTABLE, simplify=False)
    at = {layer.operation.output.name: layer.offset for layer in compiled.layers}
    assert at["a"] == compiled.program.input[0]
    assert at["b"] != at["a"]  # a is needed once more
    assert at["c"] == at["a"]
    assert at["y"] in (at["b"], at["c"])


def streaming(read_again: bool) -> Graph:
    """A model that remembers its last two inputs; read_again: the old ones are needed after the new ones are known."""
    x, old, joined, kept, y = (
        tensor("x", (1, 1, 4)),
        tensor("old", (1, 2, 4)),
        tensor("joined", (1, 3, 4)),
        tensor("kept", (1, 2, 4)),
        tensor("y", (1, 2, 4)),
    )
    ops: list[Operation] = [
        Concatenation(old, joined, (x,), 1),
        Slice(joined, kept, (0, 1, 0), (1, 3, 4), (1, 1, 1)),
        lookup(old if read_again else kept, y),
    ]
    return Graph("g", x, y, ops, [State("s", old, kept, np.full((1, 2, 4), 7, np.int8))])


@pytest.mark.parametrize("read_again", [False, True])
def test_a_state_is_made_in_its_own_place_where_the_old_one_is_no_longer_read(read_again: bool) -> None:
    graph = streaming(read_again)
    compiled = compile(graph, described(graph), PORTABLE)
    copies = [step for step in compiled.program.steps if step.kernel is COPY]
    assert len(copies) == 3 + read_again
    (fill,) = compiled.program.reset
    assert fill.kernel is FILL
    state = fill.named["output"]
    assert (fill.named["value"], fill.named["row_size"]) == (7 + 128, 8)
    assert copies[-1].named["output"] == state
    assert (compiled.layers[1].offset == state) == (not read_again)


def test_the_order_of_operations_with_the_smallest_arena_is_taken() -> None:
    """Two branches that first grow and then shrink: one after the other needs less than both at once."""
    x = tensor("x", (1, 8))
    wide = [tensor(f"wide{i}", (1, 4000)) for i in range(2)]
    narrow = [tensor(f"narrow{i}", (1, 8)) for i in range(2)]
    y = tensor("y", (1, 8))
    grow: list[Operation] = [Dense(x, w, weights((4000, 8)), None) for w in wide]
    shrink: list[Operation] = [Dense(w, n, weights((8, 4000)), None) for w, n in zip(wide, narrow, strict=True)]
    compiled = compile(Graph("g", x, y, [*grow, *shrink, Add(narrow[0], y, narrow[1])]), described(Graph("g", x, y)), PORTABLE)
    names = [op.output.name for op in compiled.graph.operations]
    assert names.index("narrow0") < names.index("wide1")
    assert compiled.program.arena < 30000
    assert compiled.peak.operation.output.name.startswith(("wide", "narrow"))
