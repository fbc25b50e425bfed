"""Looking into a model: inspect."""

from __future__ import annotations

from watchword.cli.options import DescriptionFile, Json, ModelFile, load
from watchword.cli.output import note, progress_bar, say, say_json, say_table, short
from watchword.report.inspection import Inspection
from watchword.report.inspection import inspect as inspect_model


def inspect(model: ModelFile, description: DescriptionFile = None, json: Json = False) -> None:
    """Show a model's layers, and which chips it fits.

    By layers marked * words can be taught: `watchword describe MODEL --embedding LAYER`.
    """
    loaded = load(model, description)
    with progress_bar(f"compiling {loaded.description.name} for each chip") as progress:
        found = inspect_model(loaded, progress)
    if json:
        say_json(found.as_dict())
    else:
        _show(found)


def _show(found: Inspection) -> None:
    graph = found.compiled.graph
    shape = "x".join(map(str, graph.input.shape[1:]))
    say(f"{found.model.description.name}: takes {graph.input_type} {shape}, scale {graph.input.scale[0]:.6g}")
    say()
    say_table(
        ("", "layer", "kind", "output", "MACs", "weights", "arena", "scale", "zero"),
        [
            (
                "*" if found.embedding(layer) else "",
                short(layer.operation.output.name),
                layer.operation.kind,
                "x".join(map(str, layer.operation.output.shape[1:])),
                layer.operation.macs,
                layer.constants,
                layer.arena,
                f"{layer.operation.output.scale[0]:.4g}",
                layer.operation.output.zero_point,
            )
            for layer in found.layers
        ],
    )
    say()
    peak = found.compiled.peak.operation
    weights = sum(layer.constants for layer in found.layers)
    say(f"in all      {graph.macs} MACs, {weights} bytes of weights and tables")
    say(f"arena       {found.compiled.program.arena} bytes, most of it in {peak.kind} {short(peak.output.name)}")
    if graph.states:
        say(f"state       {sum(state.read.size for state in graph.states)} bytes from step to step")
    say()
    say_table(
        ("target", "RAM", "of", "flash", "of", ""),
        [
            (
                fit.chip.name,
                fit.compiled.program.ram if fit.compiled else "-",
                fit.chip.ram,
                len(fit.compiled.content) if fit.compiled else "-",
                fit.chip.flash,
                fit.reason if fit.compiled else "does not fit",
            )
            for fit in found.fits
        ],
    )
    for fit in found.fits:
        if fit.compiled is None:
            note(f"{fit.chip.name}: {fit.reason}")
