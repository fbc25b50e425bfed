"""Models on the way to a board: describe, compile, push, run."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from watchword import catalogue, reference, tflite
from watchword import description as descriptions
from watchword import embedding as embeddings
from watchword.board import Board
from watchword.chips import CHIPS, PORTABLE, Chip, named
from watchword.cli.options import DescriptionFile, Fresh, Json, ModelFile, On, OnOrReference, open_board, running
from watchword.cli.output import note, progress_bar, say, say_json, say_table, short
from watchword.compile import Compiled
from watchword.compile.program import Step, groupings
from watchword.compile.simplify import Cost, Simplified, simplify, unchanged
from watchword.data import audio, pictures
from watchword.data.batch import Batch
from watchword.data.sources import read_files
from watchword.errors import BoardError, DataError, ModelError
from watchword.evaluate import fewshot
from watchword.model import Model, load

Target = Annotated[str, typer.Option(help=f"One of {', '.join(CHIPS)}.")]
Explain = Annotated[bool, typer.Option("--explain", help="Show layer by layer what simplification saved, and the kernels.")]
NoSimplify = Annotated[
    bool, typer.Option("--no-simplify", help="Leave in what exact simplification takes out; the outputs are the same.")
]


# The first lines of a draft.
_HEADING = """Drafted by `watchword describe`. Put right what only you can know:
labels: what the outputs mean, in their order; background: those of them that never fire.
kind: sound, picture, or tensor for everything else; guessed from the input of {}.
features, of sound: micro, or mfcc or log_mel, which nothing here makes.
hop_ms: 10 or 20; multiplier and offset: how features or pixels become int8; cutoff, window, stride: when it fires.
docs/formats.md explains every line."""


def describe(
    model: ModelFile,
    embedding: Annotated[
        str | None,
        typer.Option(metavar="LAYER[:PARTS]", help="Words are taught by this layer, in so many parts: see `inspect`."),
    ] = None,
    description: DescriptionFile = None,
    json: Json = False,
) -> None:
    """Show a model's description, or draft NAME.toml beside it where it has none."""
    loaded = load(model, description)
    beside = loaded.path.with_suffix(".toml")
    if embedding is not None:
        if loaded.path in catalogue.shipped_models().values():
            raise ModelError(f"{model}: comes with the package and stays as it is: copy {loaded.path} to describe it otherwise")
        changed = _with_embedding(loaded, embedding)
        loaded = dataclasses.replace(loaded, description=changed, described=True)
        descriptions.write(changed, beside)
        note(f"{beside}: written; push the model to teach by {changed.embedding}")
    if not loaded.described:
        descriptions.write(loaded.description, beside, _HEADING.format("x".join(map(str, loaded.graph.input.shape))))
        note(f"{beside}: drafted; put right what its first lines name, then push the model")
    if json:
        say_json(loaded.description.as_dict())
    else:
        import tomli_w

        say(tomli_w.dumps(loaded.description.as_dict()).rstrip())


def _with_embedding(model: Model, text: str) -> descriptions.Description:
    """The description with another embedding. ModelError: none can be made of the layer."""
    name, parts = text, "1"
    if text.rpartition(":")[2].isdecimal():
        name, _, parts = text.rpartition(":")
    operations = model.graph.operations
    embeddings.shape(operations[embeddings.find(operations, name)].output.shape, int(parts))
    return dataclasses.replace(model.description, embedding=name, embedding_parts=int(parts))


def compile(
    model: ModelFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="The program to write.")],
    target: Target = PORTABLE.name,
    ram: Annotated[
        int | None, typer.Option("--ram", min=0, help="Bytes of heap that the program may take. Default: what the target has.")
    ] = None,
    explain: Explain = False,
    no_simplify: NoSimplify = False,
    description: DescriptionFile = None,
    json: Json = False,
) -> None:
    """Compile a model to a program (.ww) for one target."""
    loaded = load(model, description)
    compiled = loaded.compile(target, simplify=not no_simplify, ram=ram)
    _write(output, compiled.content)
    program = compiled.program
    facts = {
        "name": compiled.name,
        "target": target,
        "bytes": len(compiled.content),
        "arena": program.arena,
        "peak": compiled.peak.operation.output.name,
        "ram": program.ram,
        "read_at_each_run": len(program.weights),
        "steps": len(program.steps),
        "macs": compiled.simplified.after.macs,
    }
    if json:
        say_json(facts | ({"explain": _explanation(compiled)} if explain else {}))
        return
    peak = compiled.peak.operation
    say(
        f"{output}: {len(compiled.content)} bytes for {target}; needs {program.ram} bytes of RAM, "
        f"{program.arena} of them arena (most of it for {peak.kind} {short(peak.output.name)}); "
        f"{compiled.simplified.after.macs} MACs"
    )
    if explain:
        _explain(compiled.simplified)
        _explain_kernels(compiled, named(target))


def export(
    model: ModelFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="The .tflite to write.")],
    no_simplify: NoSimplify = False,
    description: DescriptionFile = None,
    json: Json = False,
) -> None:
    """Write what simplification leaves of a model as a standard int8 .tflite with the same outputs."""
    loaded = load(model, description)
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
    saved = f"{1 - after.macs / before.macs:.1%} fewer MACs" if after.macs < before.macs else "as many MACs"
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
    """Send a model (.tflite or compiled .ww) to a board and run it from now on."""
    content: bytes | None = None
    loaded: Model | None = None
    if model.suffix == ".ww":
        content = _read(model)
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
            program = _beside(loaded, board, others) if beside else loaded.compile(board.hello.target, background=others)
        start = time.monotonic()
        with progress_bar(f"pushing {model.name}") as progress:
            file = board.push(program, beside=beside, progress=progress)
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
        return model.compile(board.hello.target, ram=room, background=background)
    except ModelError:
        need = model.compile(board.hello.target, background=background).program.ram  # which tells what else is wrong
        raise BoardError(
            f"{model.description.name} does not fit beside what {board.target} hears by: {room} bytes of RAM are left for it, "
            f"with all weights in RAM it takes {need}; push the others with --beside too, so that theirs are read from flash"
        ) from None


def run(
    model: ModelFile,
    input: Annotated[Path, typer.Option(help="Inputs: .npy, samples x input shape, of the model's type or int8.")],
    output: Annotated[Path, typer.Option(help="Outputs to write: .npy, samples x output shape, of the model's type.")],
    on: OnOrReference = None,
    fresh: Fresh = False,
) -> None:
    """Run a model on raw tensors, on a board or on the reference (--on reference).

    The samples of a model that keeps state are consecutive steps, the first one after a reset.
    """
    loaded = load(model)
    x = _inputs(input, loaded)
    if on == "reference":
        y = reference.run(loaded.graph, x)
    else:
        with open_board(on, fresh) as board, running(board, loaded):
            y = _on_board(board, loaded, x)
    try:
        np.save(output, loaded.dequantize(y))
    except OSError as error:
        raise DataError(f"{output}: cannot be written: {error.strerror}") from None
    say(f"{output}: {len(y)} outputs of shape {'x'.join(map(str, y.shape[1:]))}")


def _on_board(board: Board, model: Model, x: NDArray[np.int8]) -> NDArray[np.int8]:
    shape = model.graph.output.shape[1:]
    y = np.empty((len(x), *shape), np.int8)
    with progress_bar("running") as progress:
        for i, sample in enumerate(x):
            y[i] = board.run(sample, reset=i == 0).reshape(shape)
            progress(i + 1, len(x))
    return y


def _inputs(path: Path, model: Model) -> NDArray[np.int8]:
    """int8 (samples, *input shape without batch), from a file with or without the batch axis of 1."""
    try:
        x = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise DataError(f"{path}: not a readable .npy file: {error}") from None
    shape = model.graph.input.shape
    if x.shape[1:] not in (shape, shape[1:]):
        wanted = "x".join(map(str, shape[1:]))
        raise DataError(f"{path}: has the shape {'x'.join(map(str, x.shape))}; samples x {wanted} is expected")
    try:
        return model.quantize(x).reshape(len(x), *shape[1:])
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


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


def add_to(app: typer.Typer) -> None:
    for command in (describe, compile, export, push, run):
        app.command()(command)
