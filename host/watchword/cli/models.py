"""Models on the way to a board: compile, export, push."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from watchword import tflite
from watchword.board import Board
from watchword.chips import CHIPS, PORTABLE, Chip, named
from watchword.cli.options import DescriptionFile, Fresh, Json, ModelFile, On, compiled, load, open_board, require_writable
from watchword.cli.output import note, percent, progress_bar, say, say_json, say_table, short
from watchword.compile import Compiled
from watchword.compile.program import Step, groupings, read_description
from watchword.compile.simplify import Cost, Simplified, simplify, unchanged
from watchword.data import audio, pictures
from watchword.data.batch import Batch
from watchword.data.sources import read_files
from watchword.errors import BoardError, ModelError
from watchword.evaluate import fewshot
from watchword.model import Model

Target = Annotated[str, typer.Option(metavar="CHIP", help=f"One of {', '.join(CHIPS)}.")]
Explain = Annotated[bool, typer.Option("--explain", help="Show layer by layer what simplification saved, and the kernels.")]
NoSimplify = Annotated[
    bool, typer.Option("--no-simplify", help="Leave in what exact simplification takes out; the outputs are the same.")
]


def compile(
    model: ModelFile,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="X.ww", help="The program to write.")],
    target: Target = PORTABLE.name,
    ram: Annotated[
        int | None,
        typer.Option("--ram", metavar="BYTES", min=0, help="Of heap that the program may take. Default: what the chip has."),
    ] = None,
    explain: Explain = False,
    no_simplify: NoSimplify = False,
    description: DescriptionFile = None,
    json: Json = False,
) -> None:
    """Compile a model to a program (.ww) for one chip."""
    require_writable(output, model, description)
    loaded = load(model, description)
    made = compiled(loaded, target, simplify=not no_simplify, ram=ram)
    _write(output, made.content)
    program = made.program
    facts = {
        "name": made.name,
        "target": target,
        "bytes": len(made.content),
        "arena": program.arena,
        "peak": made.peak.operation.output.name,
        "ram": program.ram,
        "read_at_each_run": len(program.weights),
        "steps": len(program.steps),
        "macs": made.simplified.after.macs,
    }
    if json:
        say_json(facts | ({"explain": _explanation(made)} if explain else {}))
        return
    peak = made.peak.operation
    say(
        f"{output}: {len(made.content)} bytes for {target}; needs {program.ram} bytes of RAM, "
        f"{program.arena} of them arena (most of it for {peak.kind} {short(peak.output.name)}); "
        f"{made.simplified.after.macs} MACs"
    )
    if explain:
        _explain(made.simplified)
        _explain_kernels(made, named(target))


def export(
    model: ModelFile,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="X.tflite", help="The .tflite to write.")],
    no_simplify: NoSimplify = False,
    description: DescriptionFile = None,
    json: Json = False,
) -> None:
    """Write a simplified model as a .tflite.

    A standard int8 one, with the same outputs for every input.
    """
    require_writable(output, model, description)
    loaded = load(model, description)
    with progress_bar(f"simplifying {loaded.description.name}"):
        simplified = unchanged(loaded.graph) if no_simplify else simplify(loaded.graph, (loaded.description.embedding,))
    content = tflite.write(dataclasses.replace(simplified.graph, name=model.stem))  # until here it has the file's path
    _write(output, content)
    before, after = simplified.before, simplified.after
    if json:
        say_json({"bytes": len(content), "before": dataclasses.asdict(before), "after": dataclasses.asdict(after)})
    else:
        say(f"{output}: {len(content)} bytes; {_change(before.macs, after.macs)} MACs")


def _explanation(compiled: Compiled) -> dict[str, Any]:
    """For JSON; weights, activations and constants are bytes."""
    simplified = compiled.simplified
    total = {"before": dataclasses.asdict(simplified.before), "after": dataclasses.asdict(simplified.after)}
    kernels = [
        {
            "layer": layer.operation.output.name,
            "kind": layer.operation.kind,
            "kernels": [step.kernel.name for step in steps],
            "rows": [step.rows for step in steps],
            "rows_per_call": [step.chunk for step in steps],
            "groups": [dataclasses.asdict(kind) | {"groups": count} for kind, count in groupings(steps).items()],
            "constants": layer.constants,
            "blocks": layer.blocks,
            "cycles": sum(step.cycles for step in steps),
        }
        for layer, steps in compiled.stages()
    ]
    return {"layers": [dataclasses.asdict(note) for note in simplified.notes], **total, "kernels": kernels}


def _explain(simplified: Simplified) -> None:
    rows = [
        (f"{note.number} {note.kind}", ", ".join(note.changes), *_changes(note.before, note.after)) for note in simplified.notes
    ]
    before, after = simplified.before, simplified.after
    saved = f"{percent(1 - after.macs / before.macs)} fewer MACs" if after.macs < before.macs else "as many MACs"
    say_table(("layer", "what was done", "MACs", "weights, bytes"), [*rows, ("the model", saved, *_changes(before, after))])


def _explain_kernels(compiled: Compiled, chip: Chip) -> None:
    columns = ("layer", "kernels", "outputs at once, taps in a chunk", "rows in a call", "weights, bytes", "cycles")
    rows = []
    for number, (layer, steps) in enumerate(compiled.stages()):
        kernels = ", ".join(dict.fromkeys(step.kernel.name for step in steps)) or "nothing to do"
        at_once = f"{steps[-1].chunk} of {steps[-1].rows}" if steps else ""
        weights = f"{layer.constants}" + (f", read in {layer.blocks}" if layer.blocks > 1 else ", read" if layer.blocks else "")
        cycles = str(sum(step.cycles for step in steps) or "")
        rows.append((f"{number} {layer.operation.kind}", kernels, _grouped(steps), at_once, weights, cycles))
    total = (
        f"{compiled.cycles}: {1e3 * compiled.cycles / chip.hz:.1f} ms at {chip.hz / 1e6:g} MHz"
        if chip.hz and compiled.cycles
        else ""
    )
    rows.append(("the model", "", "", "", str(sum(layer.constants for layer in compiled.layers)), total))
    # Kernels of other chips have no groups of outputs, and their cycles are not known.
    known = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    say()
    say_table([columns[i] for i in known], [[row[i] for i in known] for row in rows])


def _grouped(steps: Sequence[Step]) -> str:
    """As `9 x 6 by 4, 1 x 4 by 2 exactly`."""
    return ", ".join(
        f"{count} x {kind.outputs} by {kind.chunk}{' exactly' * kind.exact}" for kind, count in groupings(steps).items()
    )


def _changes(before: Cost, after: Cost) -> tuple[str, str]:
    return _change(before.macs, after.macs), _change(before.weights, after.weights)


def _change(before: int, after: int) -> str:
    return str(before) if before == after else f"{before} -> {after}"


def push(
    model: ModelFile,
    background: Annotated[
        Path | None,
        typer.Option("--background", metavar="MANIFEST.csv|DIR", help="Sounds or pictures of nothing that is taught."),
    ] = None,
    beside: Annotated[
        bool, typer.Option("--beside", help="Hear by it and by those that are active, up to three; without, by it alone.")
    ] = False,
    on: On = None,
    fresh: Fresh = False,
    description: DescriptionFile = None,
    json: Json = False,
) -> None:
    """Send a model to a board, and run it from now on.

    A .tflite is compiled for the board; a .ww was, by `watchword compile`. The program before it is kept: `watchword rollback`.
    """
    content: bytes | None = None
    loaded: Model | None = None
    if model.suffix == ".ww":
        content = _read(model)
        read_description(content, str(model))  # which says so in the file's name where it is no program
    else:
        loaded = load(model, description)
        loaded.require_fed()
    others, batch = b"", Batch("files", note)
    if background is not None:
        if loaded is None:
            raise ModelError(f"{model}: is compiled already: --background is for a .tflite")
        suffixes = pictures.SUFFIXES if loaded.require_fed().kind == "picture" else audio.SUFFIXES
        clips = read_files(background, suffixes, note)
        with progress_bar("background") as progress:
            others = fewshot.background(loaded, clips, progress, batch).tobytes()
    with open_board(on, fresh) as board:
        program: Compiled | bytes
        if loaded is None:
            assert content is not None
            program = content
        else:
            program = _beside(loaded, board, others) if beside else compiled(loaded, board.hello.target, background=others)
        start = time.monotonic()
        with progress_bar(f"pushing {model.name}") as progress:
            try:
                file = board.push(program, beside=beside, progress=progress)
            except ModelError as error:
                raise ModelError(f"{model}: {error}") from None
        seconds = time.monotonic() - start
        size = len(program if isinstance(program, bytes) else program.content)
        target = board.target
    if json:
        say_json({"file": file, "bytes": size, "seconds": round(seconds, 3), "on": target, **batch.as_dict()})
    else:
        say(f"{file} runs on {target}: {size} bytes in {seconds:.1f} s")


def _beside(model: Model, board: Board, background: bytes) -> Compiled:
    """The program that hears beside others. BoardError: there is no room for it."""
    room = board.room_beside()
    try:
        return compiled(model, board.hello.target, ram=room, background=background)
    except ModelError:
        need = compiled(model, board.hello.target, background=background).program.ram  # which tells what else is wrong
        raise BoardError(
            f"{model.description.name} does not fit beside what {board.target} hears by: {room} bytes of RAM are left for it, "
            f"with all weights in RAM it takes {need}; push the others with --beside too, so that theirs are read from flash"
        ) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written: {error.strerror}") from None
