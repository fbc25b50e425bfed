"""Looking into a model: inspect."""

from __future__ import annotations

from watchword.cli.options import DescriptionFile, Json, ModelFile, load
from watchword.cli.output import note, progress_bar, say, say_facts, say_json, say_table, short, size
from watchword.graph import Tensor
from watchword.report.inspection import Inspection
from watchword.report.inspection import inspect as inspect_model


def inspect(model: ModelFile, description: DescriptionFile = None, json: Json = False) -> None:
    """Show a model's layers, and which chips it fits.

    By layers marked * words can be taught: `watchword describe MODEL --embedding LAYER`.
    """
    loaded = load(model, description)
    with progress_bar(f"compiling {loaded.description.name}") as progress:
        found = inspect_model(loaded, progress)
    if json:
        say_json(found.as_dict())
    else:
        _show(found)


def _show(found: Inspection) -> None:
    graph = found.compiled.graph
    say_table(
        ("", "layer", "kind", "output", "MACs", "weights"),
        [
            (
                "*" if found.embedding(layer) else "",
                short(layer.operation.output.name),
                layer.operation.kind,
                _sides(layer.operation.output),
                layer.operation.macs,
                size(layer.constants),
            )
            for layer in found.layers
        ],
    )
    say()
    peak = found.compiled.peak.operation
    facts = [
        ("model", f"{found.model.description.name}: {graph.input_type} {_sides(graph.input)} to {_sides(graph.output)}"),
        ("in all", f"{graph.macs} MACs, {size(sum(layer.constants for layer in found.layers))} of weights"),
        ("at once", f"{size(found.compiled.program.arena)}, most of it in {short(peak.output.name)}"),
    ]
    if graph.states:
        facts.append(("kept", f"{size(sum(state.read.size for state in graph.states))} from run to run"))
    say_facts(facts)
    say()
    say_table(
        ("chip", "fits", "RAM", "of", "flash", "of", ""),
        [
            (
                fit.chip.name,
                "yes" if fit.compiled else "no",
                size(fit.compiled.program.ram) if fit.compiled else "-",
                size(fit.chip.ram),
                size(len(fit.compiled.content)) if fit.compiled else "-",
                size(fit.chip.flash),
                fit.reason if fit.compiled else "does not fit",
            )
            for fit in found.fits
        ],
    )
    for fit in found.fits:
        if fit.compiled is None:
            note(f"{fit.chip.name}: {fit.reason}")


def _sides(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape[1:]))
