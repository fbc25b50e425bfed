"""Few-shot evaluation: how well a model tells words apart that it was not trained on, after a few shots of each.

The board's own code decides (firmware/watchword/knn.py), with its kernels in NumPy.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword import embedding, reference, shipped
from watchword.board import Board
from watchword.data import audio, pictures, words
from watchword.data.batch import Batch, Report
from watchword.data.clips import Clip
from watchword.data.labels import UNKNOWN, numbers, require_distinct
from watchword.data.recordings import fit
from watchword.errors import DataError, ModelError
from watchword.evaluate import pictures as seeing
from watchword.evaluate import sound as hearing
from watchword.evaluate.origin import Origin, origin
from watchword.graph import Graph
from watchword.model import Model
from watchword.settings import shown

_knn = shipped.firmware_module("knn")

BACKGROUND: int = _knn.SHOTS
"""Number of background embeddings in a program: as many as a board may hold shots."""

_BATCH = 64  # clips


@dataclass(frozen=True)
class FewShot:
    """The result of a few-shot evaluation.

    accuracy: share of the queries whose word is the nearest, over all draws. detection_at_fa5, detection_at_fa1: share of the
    queries that are recognised at a false accept rate of 5 or 1 % on clips of other words. ci95: the 95 % interval of the mean
    over draws. queries, unknown: clips in each draw. origin: of what model and data.
    """

    accuracy: float
    accuracy_ci95: tuple[float, float]
    detection_at_fa5: float
    detection_at_fa5_ci95: tuple[float, float]
    detection_at_fa1: float
    detection_at_fa1_ci95: tuple[float, float]
    shots: int
    draws: int
    queries: int
    unknown: int
    words: tuple[str, ...]
    origin: Origin

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON of the command line."""
        fields = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        del fields["origin"]
        return fields | self.origin.as_dict()


@dataclass(frozen=True)
class Neighbours:
    """Parameters of the nearest-neighbour search, as `Taught` of the firmware has them."""

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
    batch: Batch | None = None,
) -> FewShot:
    """Draw `shots` clips of each word, teach them, and query with the others.

    queries: limit of clips for each word in a draw, and of unknown clips for each word; None: all. board: computes embeddings
    and must run the model; None: the reference does. batch: counts the files that cannot be read, which are passed by.
    DataError: too few clips, labels that differ only by case or blanks, or a shot that a board would refuse. ModelError: the
    model names no embedding.
    """
    require_distinct(clips)
    labels = tuple(dict.fromkeys(clip.label for clip in clips))
    numbers(unknown, [*labels, UNKNOWN])  # which refuses those that only nearly are taught words
    by_label = {label: [clip for clip in clips if clip.label == label] for label in labels}
    _require_more(by_label, shots)
    if not unknown:
        raise DataError("no clips of words that are not taught are left")
    rng = np.random.default_rng(0)
    drawn = None if queries is None else shots + queries
    episodes = [
        {label: [own[i] for i in rng.permutation(len(own))[:drawn]] for label, own in by_label.items()} for _ in range(draws)
    ]
    most = len(unknown) if queries is None else min(len(unknown), queries * len(labels))
    negatives = [unknown[i * len(unknown) // most] for i in range(most)]
    needed = list(dict.fromkeys([*(clip for episode in episodes for own in episode.values() for clip in own), *negatives]))
    found = {needed[i]: values for i, values in embeddings(model, needed, board, progress, batch)}
    episodes = [{label: [clip for clip in own if clip in found] for label, own in episode.items()} for episode in episodes]
    for episode in episodes:
        _require_more(episode, shots)
    negatives = [clip for clip in negatives if clip in found]
    if not negatives:
        raise DataError("no clips of words that are not taught can be read")
    accuracies, at_5, at_1 = [], [], []
    for episode in episodes:
        taught = _taught(model, [clip for own in episode.values() for clip in own[:shots]], found, neighbours)
        queried = [(clip, label) for label, own in episode.items() for clip in own[shots:]]
        answers = [_nearest(taught, found[clip]) for clip, _ in queried]
        correct = np.array([word == label for (word, _), (_, label) in zip(answers, queried, strict=True)])
        distances = np.array([distance for _, distance in answers])
        false = np.sort([_nearest(taught, found[clip])[1] for clip in negatives])
        accuracies.append(correct.mean())
        at_5.append((correct & (distances < false[len(false) * 5 // 100])).mean())
        at_1.append((correct & (distances < false[len(false) // 100])).mean())
    return FewShot(
        accuracy=float(np.mean(accuracies)),
        accuracy_ci95=_interval(accuracies),
        detection_at_fa5=float(np.mean(at_5)),
        detection_at_fa5_ci95=_interval(at_5),
        detection_at_fa1=float(np.mean(at_1)),
        detection_at_fa1_ci95=_interval(at_1),
        shots=shots,
        draws=draws,
        queries=len(queried),
        unknown=len(negatives),
        words=labels,
        origin=origin(model, [clip for clip in needed if clip in found]),
    )


def _interval(rates: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of their mean: draws share clips, so that they are no trials to count as Wilson does."""
    half = 1.96 * float(np.std(rates, ddof=1)) / len(rates) ** 0.5 if len(rates) > 1 else 0.0
    mean = float(np.mean(rates))
    return max(0.0, mean - half), min(1.0, mean + half)


def _require_more(clips: Mapping[str, Sequence[Clip]], shots: int) -> None:
    """DataError: a label has no more clips than are taught."""
    for label, own in clips.items():
        if len(own) <= shots:
            raise DataError(f"{label}: has {len(own)} clips, more than the {shots} that are taught are needed")


def _taught(model: Model, shots: Sequence[Clip], found: Mapping[Clip, NDArray[np.int8]], neighbours: Neighbours) -> Any:
    """Teach the firmware's memory of taught words these shots. DataError: it refuses one, as a board would."""
    dims = len(found[shots[0]])
    taught = _knn.Taught(dims, embedding.key(model.description), Kernels, neighbours.k, neighbours.means)
    for clip in shots:
        try:
            taught.add(clip.label, found[clip].tobytes())
        except _knn.TaughtError as error:
            raise DataError(f"{clip.path}: cannot be taught as {shown(clip.label)}: {error}") from None
    taught.prepare()
    return taught


def _nearest(taught: Any, query: NDArray[np.int8]) -> tuple[str, int]:
    """Return the nearest word and its distance."""
    index = taught.nearest(query.tobytes())
    return taught.words[index], taught.votes[_knn.DISTANCE]


class Kernels:
    """The kernels of firmware/watchword/kernels/knn_plain.py, in NumPy."""

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


def background(
    model: Model,
    clips: Sequence[Clip],
    progress: Callable[[int, int], None] | None = None,
    batch: Batch | None = None,
) -> NDArray[np.int8]:
    """Embed recordings or pictures as the background of a program, BACKGROUND evenly spaced ones at most: int8 (n, values).

    Few recordings that are longer than the model's input give several segments each. batch: as for `few_shot`.
    Raises as `few_shot`.
    """
    n = min(BACKGROUND, len(clips))
    some = [clips[i * len(clips) // n] for i in range(n)]
    if model.require_fed().kind == "picture":
        return np.stack([values for _, values in embeddings(model, some, None, progress, batch)])
    length = hearing.clip_samples(model)
    graph = _until_embedding(model)
    found = []
    for i, samples, _ in (batch or Batch("recordings")).each([clip.path for clip in some], audio.read):
        most = BACKGROUND // n + (i < BACKGROUND % n)
        found.append(_embed(model, graph, hearing.inputs(model, segments(samples, length, most))))
        if progress is not None:
            progress(i + 1, n)
    return np.concatenate(found)


def segments(samples: NDArray[np.int16], length: int, most: int) -> NDArray[np.int16]:
    """Cut up to `most` segments from a recording, int16 (n, length), which overlap by half at most; of a short one its word."""
    n = min(most, 1 + 2 * (len(samples) - length) // length)
    if n <= 1:
        return centred(samples, length)[None]
    return np.stack([samples[at : at + length] for at in np.linspace(0, len(samples) - length, n).astype(int)])


def embeddings(
    model: Model,
    clips: Sequence[Clip],
    board: Board | None = None,
    progress: Callable[[int, int], None] | None = None,
    batch: Batch | None = None,
) -> Iterator[tuple[int, NDArray[np.int8]]]:
    """Embed recordings, the word in the middle, or pictures: by the reference, or by a board that runs the model.

    Yields (number of the clip, int8 (values,)). batch: as for `few_shot`.
    """
    picture = model.require_fed().kind == "picture"
    graph = _until_embedding(model)
    if board is not None:
        board.taught(ready=True)
        if picture:
            board.view(*pictures.QQVGA)
    use: Callable[[Path, Report], Any] = (
        partial(seeing.seen, model, pictures.QQVGA) if picture else partial(_heard, hearing.clip_samples(model))
    )
    each = (batch or Batch("pictures" if picture else "recordings")).each([clip.path for clip in clips], use)
    while some := list(itertools.islice(each, _BATCH if board is None else 1)):
        numbers, inputs, _ = zip(*some, strict=True)
        if board is None:
            x = seeing.inputs(model, inputs) if picture else hearing.inputs(model, np.stack(inputs))
            yield from zip(numbers, _embed(model, graph, x), strict=True)
        else:
            (board.look if picture else board.scores)(inputs[0])
            yield numbers[0], board.embedding()
        if progress is not None:
            progress(numbers[-1] + 1, len(clips))


def _embed(model: Model, graph: Graph, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """Embed inputs x; graph: the model up to its embedding layer."""
    return embedding.embed(reference.run(graph, x), graph.output.zero_point, model.description.embedding_parts)


def _heard(length: int, path: Path, report: Report) -> NDArray[np.int16]:
    """Read a recording as the model hears it, of `length` samples: the word in the middle."""
    return centred(audio.read(path, report), length)


def centred(samples: NDArray[np.int16], length: int) -> NDArray[np.int16]:
    """Cut `length` samples with the word in the middle; where none is found, those with the most energy."""
    try:
        return words.crop(samples, words.find(samples), length)
    except DataError:
        return fit(samples, length)


@cache
def _cut(graph: Graph, name: str) -> Graph:
    operations = graph.operations[: embedding.find(graph.operations, name) + 1]
    return Graph(graph.name, graph.input, operations[-1].output, operations)


def _until_embedding(model: Model) -> Graph:
    """Return the model up to its embedding layer. ModelError: the description names none, or the model keeps state."""
    if not model.description.embedding:
        raise ModelError(f"{model.path}: its description names no embedding: `watchword describe --embedding LAYER` does")
    if model.graph.stateful:
        raise ModelError(f"{model.path}: keeps state from run to run: words cannot be taught to it")
    return _cut(model.graph, model.description.embedding)
