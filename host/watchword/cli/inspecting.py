"""Looking into a model: inspect."""

from __future__ import annotations

from collections import Counter

from watchword import catalogue
from watchword.cli.options import DescriptionFile, Json, ModelFile, load
from watchword.cli.output import note, progress_bar, say, say_facts, say_json, say_table, short, size
from watchword.errors import ModelError, one_line
from watchword.graph import Graph, Tensor
from watchword.report.inspection import Inspection, Refused, refused
from watchword.report.inspection import inspect as inspect_model
from watchword.tflite import Survey

_REASONS = 20  # that are shown


def inspect(model: ModelFile, description: DescriptionFile = None, json: Json = False) -> None:
    """Show a model's layers, and which chips it fits.

    By layers marked * words can be taught: `watchword describe MODEL --embedding LAYER`. Of a file that cannot be run: what it
    is, its operations, and which of them stop it; the exit status is 1 then.
    """
    try:
        loaded = load(model, description)
        with progress_bar(f"compiling {loaded.description.name}") as progress:
            found = inspect_model(loaded, progress)
    except ModelError as error:
        said = refused(catalogue.find(model), error)
        if json:
            say_json(said.as_dict())
        elif said.survey is not None:
            _show_refused(said, said.survey)
        raise
    if json:
        say_json(found.as_dict())
    else:
        _show(found)


def _show_refused(found: Refused, survey: Survey) -> None:
    say(f"{found.path.name}: {survey.what}")
    say()
    stopping = Counter(stop.operation for stop in found.stops)
    say_table(
        ("operation", "count", "stop it"),
        [(one_line(name, 60), count, stopping[name] or "") for name, count in survey.operations.items()],
    )
    if found.stops:
        say()
        for stop in found.stops[:_REASONS]:
            say(str(stop))
        if len(found.stops) > _REASONS:
            say(f"and {len(found.stops) - _REASONS} more, which --json lists")


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
        ("file", found.survey.what),
        ("use", found.use),
        ("model", f"{found.model.description.name}: {graph.input_type} {_sides(graph.input)} to {_outputs(graph)}"),
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
    for need in dict.fromkeys(fit.need for fit in found.fits if fit.compiled is None):
        chips = [fit.chip.name for fit in found.fits if fit.need == need]
        note(f"{', '.join(chips)}: {need}")


def _outputs(graph: Graph) -> str:
    if not graph.others:
        return _sides(graph.output)
    return ", ".join(f"{short(output.name)} {_sides(output.tensor)}" for output in graph.outputs)


def _sides(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape[1:]))
