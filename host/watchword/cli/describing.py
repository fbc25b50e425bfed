"""What a model is for: describe."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Annotated

import typer

from watchword import catalogue
from watchword import description as descriptions
from watchword import embedding as embeddings
from watchword.cli.options import DescriptionFile, Json, ModelFile, load
from watchword.cli.output import note, say_facts, say_json
from watchword.description import Kind
from watchword.errors import ModelError
from watchword.model import Model
from watchword.purpose import told

# The first lines of a draft.
_HEADING = """Drafted by `watchword describe`. Put right what only you can know:
labels: what the outputs mean, in their order; background: those of them that never fire.
kind: sound, picture, or tensor for everything else; guessed from the input of {}; `describe --kind` changes it.
features, of sound: micro, or mfcc or log_mel, which nothing here makes.
hop_ms: 10 or 20; multiplier and offset: how features or pixels become int8; cutoff, window, stride: when it fires.
docs/formats.md explains every line."""


def describe(
    model: ModelFile,
    embedding: Annotated[
        str | None,
        typer.Option(metavar="LAYER[:PARTS]", help="Words are taught by this layer, in so many parts: see `inspect`."),
    ] = None,
    kind: Annotated[Kind | None, typer.Option("--kind", help="What it is for, where its input's shape does not tell.")] = None,
    description: DescriptionFile = None,
    json: Json = False,
) -> None:
    """Show what a model is for, or draft its description.

    The draft is NAME.toml beside the model, where it has none. Where the shape of its input may be sound as well as a picture,
    that is said, and --kind chooses.
    """
    loaded = load(model, description)
    beside = loaded.path.with_suffix(".toml")
    changes = embedding is not None or (kind is not None and kind != loaded.description.kind)
    if changes and loaded.path in catalogue.shipped_models().values():
        raise ModelError(f"{model}: comes with the package and stays as it is: copy {loaded.path} to describe it otherwise")
    if kind is not None:
        loaded = dataclasses.replace(loaded, description=loaded.of_kind(kind))
    if embedding is not None:
        loaded = dataclasses.replace(loaded, description=_with_embedding(loaded, embedding))
    if not loaded.described and embedding is None:
        descriptions.write(loaded.description, beside, _HEADING.format("x".join(map(str, loaded.graph.input.shape))))
        note(f"{beside}: drafted; put right what its first lines name" + _then(loaded))
    elif changes:
        descriptions.write(loaded.description, beside)
        by = loaded.description.embedding
        note(f"{beside}: written; push the model to teach by {by}" if embedding is not None else f"{beside}: written")
    open_question = "" if loaded.described or kind is not None else told(loaded.graph)
    if open_question:
        note(f"{loaded.path}: {open_question}")
    if json:
        say_json(loaded.description.as_dict())
    else:
        say_facts(_facts(loaded.description))


def _then(model: Model) -> str:
    """What comes after a draft."""
    return "" if model.description.kind == "tensor" else ", then push the model"


def _facts(of: descriptions.Description) -> Iterator[tuple[str, str]]:
    """What somebody does something about; `--json` has all of it."""
    yield "name", of.name
    taken = {"sound": "sound", "picture": "pictures", "tensor": "what nothing here feeds it: `watchword run` does"}[of.kind]
    yield "takes", taken if of.kind != "sound" or of.features == "micro" else f"sound, by {of.features} features"
    if of.kind != "tensor":
        yield "fires at", ", ".join(label for label in of.labels if label not in of.background) or "nothing"
        if of.background:
            yield "not at", ", ".join(of.background)
        decision = of.decision
        runs = "in one run" if decision.window == 1 else f"over {decision.window} runs"
        yield "when", f"its mean score {runs} reaches {decision.cutoff:g}, not again within {decision.refractory:g} s"
    if of.kind == "sound" and of.features == "micro":
        yield "runs", f"every {of.decision.stride * of.frontend.hop_ms} ms"
    elif of.kind == "picture" and of.decision.stride > 1:
        yield "runs", f"on every {of.decision.stride}. picture"
    if of.embedding:
        parts = f", in {of.embedding_parts} parts" if of.embedding_parts > 1 else ""
        yield "taught by", f"{of.embedding}{parts}"
    for name, text in (("licence", of.licence), ("source", of.source)):
        if text:
            yield name, text


def _with_embedding(model: Model, text: str) -> descriptions.Description:
    """The description with another embedding. ModelError: none can be made of the layer."""
    name, parts = text, "1"
    if text.rpartition(":")[2].isdecimal() and len(text.rpartition(":")[2]) < 10:
        name, _, parts = text.rpartition(":")
    operations = model.graph.operations
    embeddings.shape(operations[embeddings.find(operations, name)].output.shape, int(parts))
    return dataclasses.replace(model.description, embedding=name, embedding_parts=int(parts))
