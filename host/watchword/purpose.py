"""What a model may be for, as far as the shapes of its input and output tell, and whether anything feeds a program."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from watchword import shipped
from watchword.description import Features, Kind
from watchword.features.frames import LONGEST
from watchword.features.tables import CHANNELS
from watchword.graph import Graph

_feeds = shipped.firmware_module("feeds")

_SHOWN = 4  # outputs, in a message
_LEAST_SIDE = 20  # of pictures in colours
_LEAST_GREY = 8  # rows and columns of what may be a grey picture or a spectrogram
_SECONDS = tuple(frames * CHANNELS for frames in (49, 98))  # values of a second of sound, every 20 or 10 ms, in one axis
_CEPSTRAL = 20  # coefficients of a frame that has no more are taken for MFCC


@dataclass(frozen=True)
class Purpose:
    """What the ends of a model tell.

    kind: what it is described as, where nobody says more; tensor, where nothing tells. possible: what else it may be.
    features: of the sound that it would take.
    """

    kind: Kind
    possible: tuple[Kind, ...]
    features: Features


def purpose(graph: Graph) -> Purpose:
    """What a model may be for, by its ends."""
    shape = graph.input.shape[1:]
    if no_classifier(graph):
        return Purpose("tensor", (), "micro")
    rows = [size for size in shape if size != 1]
    if len(shape) == 3 and shape[2] == 3 and min(shape) >= 3 and min(shape[:2]) >= _LEAST_SIDE:
        return Purpose("picture", (), "micro")
    if graph.stateful and graph.input.size % CHANNELS == 0:
        return Purpose("sound", (), "micro")
    if len(shape) == 1:
        seconds = shape[0] in _SECONDS
        return Purpose("sound" if seconds else "tensor", ("picture",) if seconds else (), "micro")
    if rows and rows[-1] == CHANNELS:
        grey = len(rows) == 2 and shape[-1] in (1, CHANNELS) and rows[0] >= _LEAST_SIDE
        return Purpose("sound", ("picture",) if grey else (), "micro")
    if len(rows) == 2 and (len(shape) == 2 or shape[2:] == (1,)) and min(rows) >= _LEAST_GREY:
        if rows[0] == rows[1]:
            return Purpose("picture" if len(shape) == 3 and rows[0] >= _LEAST_SIDE else "tensor", (), "log_mel")
        return Purpose("tensor", ("sound", "picture"), "mfcc" if rows[1] <= _CEPSTRAL else "log_mel")
    return Purpose("tensor", (), "log_mel")


def told(graph: Graph) -> str:
    """What a model may be for, in one line, and how to choose where its shapes leave that open; empty where they do not."""
    found = purpose(graph)
    shape = "x".join(map(str, graph.input.shape[1:]))
    if reason := no_classifier(graph):
        return f"{reason}: `watchword run` and `bench` are for it"
    if found.possible:
        sound = f"sound ({graph.input.size // CHANNELS} frames of {CHANNELS} features)" if found.kind == "sound" else "sound"
        taken = f"taken for {found.kind}" if found.kind != "tensor" else "not taken for either"
        return (
            f"its input of {shape} may be {sound} as well as a picture: {taken}; "
            "`watchword describe MODEL --kind sound` (picture, tensor) chooses"
        )
    if found.kind == "tensor":
        return f"its input of {shape} looks like neither sound nor a picture: `watchword run` and `bench` are for it"
    return ""


def no_classifier(graph: Graph) -> str:
    """Why the outputs are no classifier's, which has one, with a value for each label; empty where they may be.

    A map has places with values for all labels.
    """
    if graph.others:
        shapes = ", ".join("x".join(map(str, output.tensor.shape[1:])) for output in graph.outputs[:_SHOWN])
        more = ", …" if len(graph.outputs) > _SHOWN else ""
        return f"it has {len(graph.outputs)} outputs ({shapes}{more}), and so it is no classifier"
    *places, values = graph.output.shape[1:]
    if math.prod(places) == 1:
        return ""
    return f"its output is a map, {values} values at each of {'x'.join(map(str, places))} places, and so it is no classifier"


def unfed(description: Mapping[str, Any], inputs: int, outputs: int) -> str | None:
    """Why no pipeline of a board could feed a program, in one line; None: one can. These are the board's own rules.

    description: the JSON in the program. inputs, outputs: bytes of a run.
    """
    try:
        if description["kind"] not in ("sound", "picture"):
            return "it is for neither sound nor pictures"
        if description["kind"] == "picture":
            _feeds.picture(description, inputs, outputs, LONGEST)
        else:
            _feeds.sound(description, inputs, outputs)
    except KeyError as error:
        return f"its description lacks {error}"
    except (ArithmeticError, TypeError, ValueError) as error:
        return str(error)
    return None
