"""Looking into a model: inspect."""

from __future__ import annotations

from collections import Counter

import typer

from watchword import catalogue
from watchword.cli.options import DescriptionFile, Json, ModelFile
from watchword.cli.output import note, say, say_json, say_table, short
from watchword.errors import ModelError, one_line
from watchword.model import load
from watchword.report.inspection import Inspection, Refused, refused
from watchword.report.inspection import inspect as inspect_model
from watchword.tflite import Survey

_REASONS = 20  # that are shown


def inspect(model: ModelFile, description: DescriptionFile = None, json: Json = False) -> None:
    """Show what a model is, layer by layer, and what it takes on each target. Layers marked * may serve as embedding.

    Of a file that cannot be run: what it is, its operations, and which of them stop it; the exit status is 1 then.
    """
    try:
        found = inspect_model(load(model, description))
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
    shape = "x".join(map(str, graph.input.shape[1:]))
    say(f"{found.model.description.name}: takes {graph.input_type} {shape}, scale {graph.input.scale[0]:.6g}")
    say(f"file        {found.survey.what}")
    say(f"use         {found.use}")
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


def add_to(app: typer.Typer) -> None:
    app.command()(inspect)
