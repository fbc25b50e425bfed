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
from watchword.cli.output import note, percent, progress_bar, say, say_facts, say_json, say_table, short, size
from watchword.description import Description
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
        _show(report, loaded.description)
        _tell(speed)


def _hear(model: Model, on: str | None, seconds: int, fresh: bool, json: bool) -> None:
    model.require_sound()
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
    lost = f"{report.lost} samples lost: it cannot keep up" if report.lost else "nothing lost"
    facts = [
        ("model", report.name),
        ("board", report.board + (f", at {report.hz / 1e6:g} MHz" if report.hz is not None else "")),
        ("heard", f"{report.seconds:.1f} s, {lost}"),
        ("memory", f"{size(report.heap_free)} free, the ring of {size(report.ring)} taken"),
    ]
    if report.least_hz is not None and not report.lost:
        kept = {None: "reckoned, not tried", True: "and keeps up with it", False: "but loses sound at that"}[report.kept_up]
        facts.append(("clock", f"{report.least_hz / 1e6:g} MHz would be enough, {kept}"))
    say_facts(facts)
    if report.modelled:
        note(report.modelled)


def _show(report: Bench, of: Description) -> None:
    whole = sum(layer.seconds for layer in report.layers) or 1.0
    rows = [
        (short(layer.name), layer.macs or "-", _ms(layer.seconds), percent(layer.seconds / whole)) for layer in report.layers
    ]
    say_table(("layer", "MACs", "time", "share"), rows)
    say()
    cycles = report.cycles(report.seconds)
    facts = [
        ("model", report.name),
        ("board", report.board + (f", at {report.hz / 1e6:g} MHz" if report.hz is not None else "")),
        ("a run", f"{_ms(report.seconds)}, at most {_ms(report.slowest)}" + (f"; {cycles} cycles" if cycles else "")),
    ]
    if report.frontend is not None:
        frames, hop = of.decision.stride, of.frontend.hop_ms / 1000
        busy = (report.seconds + frames * report.frontend) / (frames * hop)
        late = "" if busy < 1 else ": slower than sound, so that a board leaves runs out"
        facts.append(("front end", f"{_ms(report.frontend)} for each {1000 * hop:g} ms of sound"))
        facts.append(("live", f"a run for each {1000 * frames * hop:g} ms, {percent(busy)} of the processor{late}"))
    facts.append(("memory", f"{size(report.peak_ram)} of heap, and {size(report.heap_free)} stay free"))
    facts.append(("flash", f"{size(report.program_bytes)}, loaded in {report.load:.1f} s"))
    say_facts(facts)
    if report.modelled:
        note(report.modelled)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.2f} ms"


def _tell(speed: Speed | None) -> None:
    if speed is not None:
        note(f"emulated {speed}")


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
