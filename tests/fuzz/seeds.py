"""Files to damage: small models of every operation, programs of them, descriptions."""

from __future__ import annotations

import io
import json
from functools import cache

import numpy as np

from tests import wavs
from tests.unit.random_graphs import RandomGraph
from watchword import chips, compile, model, shipped, tflite
from watchword.board import selftest
from watchword.description import Description, read
from watchword.errors import UnsupportedError
from watchword.graph import Conv2D, Dense, Graph, Lookup, Softmax, Tensor
from watchword.reference import lookup_table

GRAPHS = 24
_SIZE = 5  # operations in a graph
_MANIFEST = {
    "type": "micro",
    "wake_word": "Okay Nabu",
    "author": "Kevin Ahrendt",
    "website": "https://www.kevinahrendt.com/",
    "model": "okay_nabu.tflite",
    "trained_languages": ["en"],
    "version": 2,
    "micro": {
        "probability_cutoff": 0.97,
        "feature_step_size": 10,
        "sliding_window_size": 5,
        "tensor_arena_size": 22860,
        "minimum_esphome_version": "2024.7.0",
    },
}


@cache
def graphs() -> list[Graph]:
    """Random ones of all operations, some with ends of another type, and two with many weights."""
    found: list[Graph] = []
    number = 0
    while len(found) < GRAPHS:
        number += 1
        graph = RandomGraph(number).graph(_SIZE)
        if len(found) % 6 == 5 and not graph.states:
            graph.input_type, graph.output_type = "uint8", "float32"
        try:
            tflite.read(tflite.write(graph))
            compile.compile(graph, described(graph), chips.PORTABLE, simplify=False)
        except UnsupportedError:
            continue
        found.append(graph)
    return [*found, _dense(), _pointwise(), selftest.model()[0]]


def _pointwise() -> Graph:
    """Great weights, which an RP2040 holds four in a word."""
    data = (np.arange(64 * 64) * 37 % 255 - 127).astype(np.int8).reshape(64, 1, 1, 64)
    x, y = (Tensor(name, (1, 1, 2, 64), np.dtype(np.int8), np.array([0.1], np.float32), 3) for name in ("x", "y"))
    weights = Tensor("w", data.shape, data.dtype, np.array([0.001], np.float32), data=data)
    return Graph("pointwise", x, y, [Conv2D(x, y, weights, None)])


def _dense() -> Graph:
    """More weights than fit in one block, so that a program with little RAM reads them."""
    data = (np.arange(12000) * 37 % 255 - 127).astype(np.int8).reshape(40, 300)
    scale = np.array([0.01], np.float32)
    x = Tensor("x", (1, 300), np.dtype(np.int8), np.array([0.1], np.float32), 3)
    y, positive = (Tensor(name, (1, 40), np.dtype(np.int8), np.array([0.1], np.float32), -3) for name in ("y", "positive"))
    z, scores = (Tensor(name, (1, 40), np.dtype(np.int8), np.array([1 / 256], np.float32), -128) for name in ("z", "scores"))
    weights = Tensor("w", data.shape, data.dtype, scale, data=data)
    relu = Lookup(y, positive, "relu", lookup_table("relu", y, positive))
    logistic = Lookup(positive, z, "logistic", lookup_table("logistic", positive, z))
    return Graph("dense", x, scores, [Dense(x, y, weights, None), relu, logistic, Softmax(z, scores)])


def described(graph: Graph) -> Description:
    return Description(name="fuzz", labels=tuple(f"label{i}" for i in range(graph.output.shape[-1])), kind="tensor")


@cache
def models() -> list[bytes]:
    """`.tflite` files."""
    return [*(tflite.write(graph) for graph in graphs()), model.keywords().read_bytes()]


@cache
def programs(target: str) -> list[bytes]:
    """`.ww` files: of all graphs as they are, and of what has many weights again, with so little RAM that they are read.

    Those of the keyword model are for PCs only: a chip's RAM does not hold them twice, as the guards around buffers take it.
    """
    chip = chips.named(target)
    found = [compile.compile(graph, described(graph), chip, simplify=False).content for graph in graphs()]
    found += listening_programs(target)
    for graph in (_dense(), tflite.read(model.keywords())) if target == "unix" else (_dense(),):
        whole = compile.compile(graph, described(graph), chip).program
        found.append(compile.compile(graph, described(graph), chip, ram=whole.ram - len(whole.constants) // 3).content)
    return found


@cache
def listening_programs(target: str) -> list[bytes]:
    """Those that a board can listen with."""
    if target != "unix":
        return [selftest.program(target).content]
    keywords = compile.compile(tflite.read(model.keywords()), read(model.keywords().with_suffix(".toml")), chips.named(target))
    return [selftest.program(target).content, keywords.content]


@cache
def recordings() -> list[bytes]:
    """WAV files of all kinds, the good ones first."""
    strange = [content for content, _ in (*wavs.COARSE.values(), *wavs.NOTED.values(), *wavs.REFUSED.values())]
    slow = [wavs.wav(fmt=wavs.form(rate=rate)) for rate in (4_000, 44_100, 48_000, 383_999)]
    return [*wavs.EXACT.values(), *slow, *strange]


@cache
def containers() -> list[bytes]:
    """Sound in other files; none where soundfile is missing."""
    try:
        import soundfile
    except (ImportError, OSError):
        return []
    found = []
    for kind, coding in (
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
        ("MP3", "MPEG_LAYER_III"),
        ("AIFF", "PCM_16"),
        ("WAV", "MS_ADPCM"),
    ):
        if coding in soundfile.available_subtypes(kind):
            file = io.BytesIO()
            soundfile.write(file, wavs.SOUND, wavs.RATE, format=kind, subtype=coding)
            found.append(file.getvalue())
    return found


_ROWS = 'file,label,speaker,split\na.wav,yes,ann,train\n../b/c.wav,no,bob,test\n"d,e.wav","ye""s",,train\n'


@cache
def manifests_of_clips() -> list[bytes]:
    """`.csv` files, as programs and people write them."""
    texts = [_ROWS, _ROWS.replace(",", ";"), _ROWS.replace(",", "\t"), _ROWS.replace("\n", "\r\n"), "# mine\n" + _ROWS]
    rows = _ROWS.split("\n")
    texts += ["\n".join(rows[1:]), "\n".join([rows[0], "", *rows[1:]]), rows[0] + "\n", _ROWS.replace("/", "\\")]
    return [text.encode() for text in texts] + [_ROWS.encode(coding) for coding in ("utf-8-sig", "utf-16", "utf-16-be")]


@cache
def descriptions() -> list[bytes]:
    """`.toml` files."""
    return [path.read_bytes() for path in sorted(shipped.models().rglob("*.toml")) if path.name != "recipe.toml"]


@cache
def manifests() -> list[bytes]:
    """`.json` files of microWakeWord."""
    first = {**_MANIFEST, "version": 1, "micro": {"probability_cutoff": 0.5, "sliding_window_average_size": 10}}
    return [json.dumps(manifest, indent=1).encode() for manifest in (_MANIFEST, first)]
