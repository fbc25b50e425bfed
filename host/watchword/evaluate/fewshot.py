"""How well words are told apart that a model never heard, after a few shots of each: what teaching a board is worth.

The board's own code decides (firmware/watchword/knn.py), with its kernels in NumPy.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword import embedding, reference, shipped
from watchword.board import Board
from watchword.data import audio, pictures, words
from watchword.data.clips import Clip, fit
from watchword.errors import DataError, ModelError
from watchword.evaluate import pictures as seeing
from watchword.evaluate import sound as hearing
from watchword.features import frames
from watchword.graph import Graph
from watchword.model import Model

_knn = shipped.firmware_module("knn")

BACKGROUND: int = _knn.SHOTS
"""Embeddings that a program takes along: as many as the shots that a board may hold."""

_CLIPS = 64  # at once


@dataclass(frozen=True)
class FewShot:
    """accuracy: share of the queries whose word is the nearest, over all draws; ci95: half the width of its 95 % interval.

    detection_at_fa5, detection_at_fa1: share of the queries that are recognised where 5 or 1 % of the clips of other words are
    taken for one. queries, unknown: clips in each draw.
    """

    accuracy: float
    accuracy_ci95: float
    detection_at_fa5: float
    detection_at_fa1: float
    shots: int
    draws: int
    queries: int
    unknown: int
    words: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The JSON of the command line."""
        return asdict(self) | {"words": list(self.words)}


@dataclass(frozen=True)
class Neighbours:
    """How the nearest word is found, as `Taught` of the firmware has it."""

    k: int = 2
    means: bool = False


def few_shot(
    model: Model,
    clips: Sequence[Clip],
    unknown: Sequence[Clip],
    *,
    shots: int = 5,
    draws: int = 20,
    queries: int | None = None,
    neighbours: Neighbours = Neighbours(),
    board: Board | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FewShot:
    """Draw `shots` clips of each word, teach them, and ask for the others; board None: embeddings by the reference.

    queries: of each word in a draw, and as many of the unknown for each word, at the most; None: all. The board must run the
    model; it computes the embedding of each clip once. DataError: too few clips. ModelError: the model names no embedding.
    """
    labels = tuple(dict.fromkeys(clip.label for clip in clips))
    of = {label: [clip for clip in clips if clip.label == label] for label in labels}
    for label, own in of.items():
        if len(own) <= shots:
            raise DataError(f"{label}: has {len(own)} clips, more than the {shots} that are taught are needed")
    if not unknown:
        raise DataError("no clips of words that are not taught are left")
    rng = np.random.default_rng(0)
    drawn = None if queries is None else shots + queries
    plans = [{label: [own[i] for i in rng.permutation(len(own))[:drawn]] for label, own in of.items()} for _ in range(draws)]
    most = len(unknown) if queries is None else min(len(unknown), queries * len(labels))
    others = [unknown[i * len(unknown) // most] for i in range(most)]
    needed = list(dict.fromkeys([*(clip for plan in plans for own in plan.values() for clip in own), *others]))
    found = dict(zip(needed, embeddings(model, needed, board, progress), strict=True))
    accuracies, at_5, at_1 = [], [], []
    for plan in plans:
        taught = _taught(model, {label: [found[clip] for clip in own[:shots]] for label, own in plan.items()}, neighbours)
        asked = [(clip, label) for label, own in plan.items() for clip in own[shots:]]
        answers = [_ask(taught, found[clip]) for clip, _ in asked]
        right = np.array([word == label for (word, _), (_, label) in zip(answers, asked, strict=True)])
        distances = np.array([distance for _, distance in answers])
        false = np.sort([_ask(taught, found[clip])[1] for clip in others])
        accuracies.append(right.mean())
        at_5.append((right & (distances < false[len(false) * 5 // 100])).mean())
        at_1.append((right & (distances < false[len(false) // 100])).mean())
    spread = float(np.std(accuracies, ddof=1)) if draws > 1 else 0.0
    return FewShot(
        accuracy=float(np.mean(accuracies)),
        accuracy_ci95=1.96 * spread / draws**0.5,
        detection_at_fa5=float(np.mean(at_5)),
        detection_at_fa1=float(np.mean(at_1)),
        shots=shots,
        draws=draws,
        queries=len(asked),
        unknown=len(others),
        words=labels,
    )


def _taught(model: Model, shots: Mapping[str, Sequence[NDArray[np.int8]]], neighbours: Neighbours) -> Any:
    """The memory of the firmware with these shots."""
    dims = len(next(iter(shots.values()))[0])
    taught = _knn.Taught(dims, embedding.key(model.description), Kernels, neighbours.k, neighbours.means)
    for word, own in shots.items():
        for shot in own:
            taught.add(word, shot.tobytes())
    taught.prepare()
    return taught


def _ask(taught: Any, query: NDArray[np.int8]) -> tuple[str, int]:
    """The nearest word and its distance."""
    index = taught.nearest(query.tobytes())
    return taught.words[index], taught.votes[_knn.DISTANCE]


class Kernels:
    """What firmware/watchword/kernels/knn_plain.py has, in NumPy."""

    @staticmethod
    def squared(query: bytes, shots: bytearray, sizes: int, distances: array[int]) -> None:
        dims, count = sizes & 0xFFFF, sizes >> 16
        known = np.frombuffer(shots, np.int8)[: dims * count].reshape(count, dims)
        difference = known.astype(np.int32) - np.frombuffer(query, np.int8)[:dims]
        np.frombuffer(distances, np.int32)[:count] = (difference**2).sum(1)

    @staticmethod
    def vote(distances: array[int], owners: bytes, sizes: int, out: array[int]) -> None:
        count, k, number = sizes & 255, sizes >> 8 & 255, sizes >> 16
        of, own = np.frombuffer(distances, np.int32)[:count], np.frombuffer(owners, np.uint8)[:count]
        votes = np.frombuffer(out, np.int32)
        best, least = -1, _knn.FAR
        for w in range(number):
            some = np.sort(of[(own == w) & (of < _knn.FAR)])[:k]
            mean = (int(some.sum()) >> 3) * (256 // len(some)) >> 5 if len(some) else _knn.FAR
            votes[_knn.MEANS + w] = mean
            if mean < least:
                best, least = w, mean
        votes[_knn.NEAREST], votes[_knn.DISTANCE] = best, least


# ---- embeddings of clips


def background(model: Model, clips: Sequence[Clip], progress: Callable[[int, int], None] | None = None) -> NDArray[np.int8]:
    """Embeddings of recordings or pictures for a program, of at most BACKGROUND evenly spread ones: int8 (n, values).

    Few recordings that are longer than what the model hears at once give several each, from their begin to their end.
    Raises as `few_shot`.
    """
    n = min(BACKGROUND, len(clips))
    some = [clips[i * len(clips) // n] for i in range(n)]
    if model.require_fed().kind == "picture":
        return np.stack(list(embeddings(model, some, progress=progress)))
    length = hearing.clip_samples(model)
    graph = _until_embedding(model)
    found = []
    for i, clip in enumerate(some):
        most = BACKGROUND // n + (i < BACKGROUND % n)
        found.append(_embed(model, graph, hearing.inputs(model, pieces(audio.read(clip.path), length, most))))
        if progress is not None:
            progress(i + 1, n)
    return np.concatenate(found)


def pieces(samples: NDArray[np.int16], length: int, most: int) -> NDArray[np.int16]:
    """(n, length): up to `most` pieces of a recording, which overlap by half at most; of a short one its word."""
    n = min(most, 1 + 2 * (len(samples) - length) // length)
    if n <= 1:
        return centred(samples, length)[None]
    return np.stack([samples[at : at + length] for at in np.linspace(0, len(samples) - length, n).astype(int)])


def embeddings(
    model: Model,
    clips: Sequence[Clip],
    board: Board | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[NDArray[np.int8]]:
    """Those of recordings, the word in the middle, or of pictures: by the reference, or by a board that runs the model."""
    picture = model.require_fed().kind == "picture"
    graph = _until_embedding(model)
    if board is not None:
        board.taught(ready=True)
        if picture:
            board.view(*pictures.QQVGA)
    done = 0
    at_once = _CLIPS if board is None else 1
    for begin in range(0, len(clips), at_once):
        some = clips[begin : begin + at_once]
        if board is None:
            if picture:
                x = seeing.inputs(model, [_seen(model, clip) for clip in some])
            else:
                x = hearing.inputs(model, np.stack([_heard(model, clip) for clip in some]))
            yield from _embed(model, graph, x)
        else:
            if picture:
                board.look(_seen(model, some[0]))
            else:
                board.scores(_heard(model, some[0]))
            yield board.embedding()
        done += len(some)
        if progress is not None:
            progress(done, len(clips))


def _embed(model: Model, graph: Graph, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """x: inputs. graph: the model up to its embedding."""
    return embedding.embed(reference.run(graph, x), graph.output.zero_point, model.description.embedding_parts)


def _heard(model: Model, clip: Clip) -> NDArray[np.int16]:
    """What the model hears of a clip: the word in the middle."""
    return centred(audio.read(clip.path), hearing.clip_samples(model))


def _seen(model: Model, clip: Clip) -> frames.Frame:
    return frames.camera(pictures.fitted(pictures.read(clip.path)), colour=seeing.colours(model))


def centred(samples: NDArray[np.int16], length: int) -> NDArray[np.int16]:
    """So many samples with the word in the middle; where none is found, those with the most energy."""
    try:
        return words.window(samples, words.find(samples), length)
    except DataError:
        return fit(samples, length)


@cache
def _cut(graph: Graph, name: str) -> Graph:
    operations = graph.operations[: embedding.find(graph.operations, name) + 1]
    return Graph(graph.name, graph.input, operations[-1].output, operations)


def _until_embedding(model: Model) -> Graph:
    """The model up to the layer that its description names. ModelError: it names none, or keeps state."""
    if not model.description.embedding:
        raise ModelError(f"{model.path}: its description names no embedding: `watchword describe --embedding LAYER` does")
    if model.graph.stateful:
        raise ModelError(f"{model.path}: keeps state from run to run: words cannot be taught to it")
    return _cut(model.graph, model.description.embedding)
