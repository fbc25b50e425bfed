"""The cycles that the compiler predicts, and by which it plans, against those that the virtual Pico counts."""

from __future__ import annotations

import pytest

from tests.e2e import golden
from watchword.board import Board
from watchword.board.bench import measure
from watchword.compile.lower.call import CYCLES_PER_CALL
from watchword.model import keywords

MODELS = (
    golden.OWN,
    "mlperf_tiny/kws_ref_model",
    "mlperf_tiny/vww_96_int8",
    "mlperf_tiny/str_ww_ref_model",
    "tflite_micro/person_detect",
    "microwakeword/okay_nabu",
)
CALL = 5300  # cycles of Python around each call of a layer that is timed alone
LARGE = 50_000


@pytest.mark.parametrize("name", golden.compiled_together(*MODELS))
def test_predicted_cycles(name: str, request: pytest.FixtureRequest) -> None:
    path = keywords() if name == golden.OWN else golden.path(request.getfixturevalue("shared_data"), name)
    with Board.open("pico") as board:
        compiled = golden.compiled(path, board.hello.target)
        board.push(compiled, scratch=True)
        found = measure(board, compiled, runs=1)
    total = found.cycles(found.seconds)
    assert total is not None
    stages = [(layer, steps) for layer, steps in compiled.stages() if steps]
    assert len(stages) == len(found.layers)
    for (layer, steps), cost in zip(stages, found.layers, strict=True):
        calls = sum(-(-step.rows // step.chunk) for step in steps)
        measured = (found.cycles(cost.seconds) or 0) - CALL * calls
        predicted = sum(step.cycles for step in steps)
        if measured < LARGE:  # the calls themselves are uncertain by a thousand
            continue
        assert predicted == pytest.approx(measured, rel=0.1), layer.operation.output.name
        for step in steps:
            assert step.cycles * step.chunk / step.rows * measured / predicted < 1.25 * CYCLES_PER_CALL
    assert compiled.cycles == pytest.approx(total, rel=0.1)
