"""What a board can do: bench, selftest."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from typing import Annotated

import typer

from watchword.board import selftest as checks
from watchword.board import virtual
from watchword.board.bench import Bench, measure
from watchword.board.live import Live, prepare, stage, try_least
from watchword.board.live import measure as measure_live
from watchword.board.virtual import Speed
from watchword.cli.hardware import chosen
from watchword.cli.options import (
    DescriptionFile,
    Fresh,
    Json,
    ModelFile,
    On,
    load,
    open_board,
    running,
)
from watchword.cli.output import note, percent, progress_bar, say, say_json, say_table
from watchword.errors import DataError
from watchword.model import Model


def bench(
    model: ModelFile,
    on: On = None,
    runs: Annotated[
        int,
        typer.Option("--runs", metavar="N", min=1, max=1000, help="The least and the greatest time of so many runs are shown."),
    ] = 5,
    live: Annotated[
        bool, typer.Option("--live", help="While the board hears by itself: how busy it is, what it loses, the least clock.")
    ] = False,
    seconds: Annotated[int, typer.Option("--seconds", metavar="N", min=1, max=60, help="For how long, with --live.")] = 10,
    fresh: Fresh = False,
    description: DescriptionFile = None,
    json: Json = False,
) -> None:
    """Measure how fast a model runs on a board.

    In all and for each layer, in cycles where the board counts them, and what memory it takes. With --live a virtual Pico
    hears a made sound, or that of --sound, through a microphone of its own; a real board hears through the one that
    `watchword mic` gave it. What the board keeps stays as it is.
    """
    loaded = load(model, description)
    if live:
        _hear(loaded, on, seconds, fresh, json)
        return
    with (
        open_board(on, fresh) as board,
        running(board, loaded) as program,
        progress_bar(f"measuring {loaded.description.name}"),
    ):
        report, speed = measure(board, program, runs), board.speed()
    if json:
        say_json(report.as_dict())
    else:
        _show(report)
        _tell(speed)


def _hear(model: Model, on: str | None, seconds: int, fresh: bool, json: bool) -> None:
    if model.description.kind != "sound":
        raise DataError(f"{model.description.name} is for pictures: --live is for what hears")
    wired = on is not None and (found := virtual.find(on)) is not None and found.kind.repl and not found.running()
    with stage(chosen(), seconds) if wired else nullcontext(chosen()) as hardware, open_board(on, fresh, hardware) as board:
        with running(board, model):
            prepare(board, hardware)
            if not json:
                note(f"hearing for {seconds} s, {'three times' if wired else 'once'}")
            with progress_bar("hearing"):
                report = try_least(board, hardware, measure_live(board, model.description.name, seconds))
        speed = board.speed()
    if json:
        say_json(report.as_dict())
    else:
        _show_live(report)
        _tell(speed)


def _show_live(report: Live) -> None:
    rows = [(part, percent(share)) for part, share in report.shares.items()]
    say_table(("part", "of the processor"), [*rows, ("busy, in all", percent(report.busy))])
    say()
    say(f"{report.name} on {report.board}" + (f" at {report.hz / 1e6:g} MHz" if report.hz is not None else ""))
    lost = f"{report.lost} samples lost: it cannot keep up" if report.lost else "nothing lost"
    say(f"heard       {report.seconds:.1f} s, {lost}")
    say(f"heap        {report.heap_free} bytes free, the ring of {report.ring} taken")
    if report.least_hz is not None and not report.lost:
        kept = {None: "reckoned, not tried", True: "and keeps up with it", False: "but loses sound at that"}[report.kept_up]
        say(f"clock       {report.least_hz / 1e6:g} MHz would be enough, {kept}")
    if report.modelled:
        note(report.modelled)


def _show(report: Bench) -> None:
    counted = report.hz is not None

    def cost(seconds: float) -> int | float:
        """Cycles, else milliseconds."""
        cycles = report.cycles(seconds)
        return round(seconds * 1000, 3) if cycles is None else cycles

    unit = "cycles" if counted else "ms"
    say_table(
        ("layer", "kernel", "MACs", unit, f"{unit} per MAC" if counted else "ns per MAC"),
        [
            (layer.name, layer.kernel, layer.macs, cost(layer.seconds), _per_mac(report, layer.seconds, layer.macs))
            for layer in report.layers
        ],
    )
    say()
    say(f"{report.name} on {report.board}" + (f" at {report.hz / 1e6:g} MHz" if report.hz is not None else ""))
    say(f"one run     {cost(report.seconds)} {unit}{_milliseconds(report, report.seconds)}, at most {cost(report.slowest)}")
    if report.frontend is not None:
        say(f"front end   {cost(report.frontend)} {unit} a frame{_milliseconds(report, report.frontend)}")
    say(f"program     {report.program_bytes} bytes, loaded in {report.load:.3f} s")
    say(f"heap        the program adds {report.peak_ram} bytes, {report.arena} of them arena; {report.heap_free} are free")
    if report.modelled:
        note(report.modelled)


def _tell(speed: Speed | None) -> None:
    if speed is not None:
        note(f"emulated {speed}")


def _per_mac(report: Bench, seconds: float, macs: int) -> str:
    if not macs:
        return "-"
    return f"{(seconds * report.hz if report.hz is not None else seconds * 1e9) / macs:.1f}"


def _milliseconds(report: Bench, seconds: float) -> str:
    return f" = {seconds * 1000:.1f} ms" if report.hz is not None else ""


def selftest(on: On = None, fresh: Fresh = False, json: Json = False) -> None:
    """Check that a board computes as it should.

    Every kind of layer against the reference, and its cycles against the virtual Pico's. Where the board has a microphone:
    also whether it hears, how loud that is, how busy it is with it, and what it loses.
    """
    with open_board(on, fresh) as board:
        with progress_bar("sending the test") as progress:
            board.push(checks.program(board.hello.target), scratch=True, progress=progress)
        try:
            with progress_bar("testing"):
                report, speed = checks.selftest(board), board.speed()
        finally:
            board.restart()
    if json:
        say_json({**asdict(report), "passed": report.passed})
    else:
        say(report.block())
        _tell(speed)
        note("paste this block into an issue, please: boards that nobody has tried yet are collected")
    if not report.passed:
        raise typer.Exit(1)
