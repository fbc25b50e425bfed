"""Seeing: pictures to events, on boards and by the command line."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.e2e import golden
from tests.e2e.command import fails, watchword
from tests.e2e.conftest import Start, port_target, small_program
from watchword import reference
from watchword.board import Board, Event, Log
from watchword.chips import named
from watchword.compile import Compiled, compile
from watchword.data import pictures
from watchword.description import PIXELS, Decision, Description
from watchword.errors import BoardError
from watchword.evaluate.pictures import colours, inputs
from watchword.features import frames
from watchword.graph import AveragePool2D, Dense, Graph, Reshape, Softmax, Tensor
from watchword.model import load

MODELS = ("mlperf_tiny/vww_96_int8", "tflite_micro/person_detect")


def bright_graph(channels: int = 1) -> Graph:
    """Says "bright" of a picture of 8x8 whose mean is above the middle."""

    def tensor(name: str, shape: tuple[int, ...], scale: float, zero_point: int) -> Tensor:
        return Tensor(name, shape, np.dtype(np.int8), np.array([scale], np.float32), zero_point)

    x = tensor("x", (1, 8, 8, channels), 1 / 128, 0)
    pooled, flat = tensor("pooled", (1, 1, 1, channels), 1 / 128, 0), tensor("flat", (1, channels), 1 / 128, 0)
    h, y = tensor("h", (1, 2), 1 / 16, 0), tensor("y", (1, 2), 1 / 256, -128)
    data = np.array([[-100] * channels, [100] * channels], np.int8)
    w = Tensor("w", data.shape, data.dtype, np.array([0.05], np.float32), 0, 0, data)
    pool = AveragePool2D(x, pooled, (8, 8), (8, 8), "valid", "none")
    return Graph("bright", x, y, [pool, Reshape(pooled, flat), Dense(flat, h, w, None), Softmax(h, y)])


def bright(channels: int = 1, **decision: float) -> Compiled:
    description = Description(
        name="bright",
        labels=("dark", "bright"),
        background=("dark",),
        kind="picture",
        input=PIXELS,
        decision=dataclasses.replace(Decision(cutoff=0.6, window=1, stride=1), **decision),  # type: ignore[arg-type]
    )
    return compile(bright_graph(channels), description, named(port_target()))


def grey(value: int, size: tuple[int, int] = (160, 120)) -> np.ndarray:
    return np.full(size[::-1], value, np.uint8)


@pytest.mark.real_board
def test_frames_to_events(board: Board) -> None:
    board.push(bright())
    assert board.hello.kind == "picture"
    events = list(board.see(map(grey, (10, 250, 250, 10, 10)), every=0.5))
    assert [(e.event, e.label, e.time) for e in events] == [
        ("frame", "dark", 0.0),
        ("frame", "bright", 0.5),
        ("detect", "bright", 0.5),
        ("frame", "bright", 1.0),
        ("frame", "dark", 1.5),
        ("gone", "bright", 1.5),
        ("frame", "dark", 2.0),
    ]
    assert events[1].score > 0.9


@pytest.mark.real_board
@pytest.mark.parametrize("channels", [1, 3])
def test_outputs_equal_the_reference(board: Board, channels: int) -> None:
    board.push(bright(channels), scratch=True)
    rng = np.random.default_rng(channels)
    most, kind = (256, np.uint8) if channels == 1 else (65536, np.uint16)
    for size in ((160, 120), (31, 17), (5, 3), (640, 2)):
        assert board.view(*size) == (channels == 3)
        frame = rng.integers(0, most, size[::-1]).astype(kind)
        x = frames.to_tensor(frame, (8, 8, channels), frames.table(PIXELS.multiplier, PIXELS.offset))
        assert np.array_equal(board.look(frame)[0], reference.run(bright_graph(channels), x[None]).ravel())


@pytest.mark.real_board
def test_every_second_frame(board: Board) -> None:
    board.push(bright(stride=2), scratch=True)
    assert [event.time for event in board.see(map(grey, (1, 2, 3, 4)))] == [1.0, 3.0]


@pytest.mark.real_board
def test_one_kind_runs_at_a_time(board: Board) -> None:
    with pytest.raises(BoardError, match="no picture program is loaded: push one"):
        board.view(160, 120)
    with pytest.raises(BoardError, match="no picture program is stored: push one"):
        board.turn_to("picture")
    sound = board.push(small_program())
    with pytest.raises(BoardError, match="is for sound, it cannot see"):
        board.view(160, 120)
    picture = board.push(bright())
    assert (board.hello.running, board.hello.kind) == (picture, "picture")
    with pytest.raises(BoardError, match="is for pictures, it cannot listen"):
        board.scores(np.zeros(16000, np.int16))
    board.turn_to("sound")
    assert board.hello.running == sound
    board.restart()
    assert board.hello.running == sound  # from now on
    board.turn_to("picture")
    assert board.hello.running == picture
    board.push(small_program("other"), scratch=True)
    board.restart()
    assert board.hello.running == picture


def test_a_program_that_cannot_see_can_be_run(board: Board) -> None:
    program = bright().program
    board.push(dataclasses.replace(program, description=program.description | {"labels": 7}).write(), scratch=True)
    with pytest.raises(BoardError, match="cannot see: its labels are no list of names"):
        board.view(160, 120)
    assert board.run(np.zeros(64, np.int8)).size == 2


@pytest.mark.real_board
def test_what_does_not_belong_is_refused(board: Board) -> None:
    board.push(bright(), scratch=True)
    request = board.link.request
    with pytest.raises(BoardError, match="no run of frames has begun"):
        request("frame", b"\0" * 160, row=0)
    for sides in ({"width": 641, "height": 4}, {"width": 4, "height": 0}):
        with pytest.raises(BoardError, match="sides of 1 to 640 pixels"):
            request("view", **sides)
    with pytest.raises(BoardError, match="width: int is expected"):
        request("view", width="wide", height=3)
    board.view(16, 12)
    with pytest.raises(BoardError, match="row 3 was sent, row 0 is next"):
        request("frame", b"\0" * 16, row=3)
    for content in (b"", b"\0" * 15, b"\0" * 16 * 13):
        with pytest.raises(BoardError, match="are no rows of 16, or more than are left"):
            request("frame", content, row=0)
    request("frame", b"\0" * 16 * 6, row=0)
    request("frame", b"\xff" * 16 * 6, row=0)  # a frame may begin anew
    scores = request("frame", b"\xff" * 16 * 6, row=6)["scores"]
    assert scores[1] > 100
    assert board.run(np.zeros(64, np.int8)).size == 2  # what needs the program for itself may come at any time


MODULES = """
import sys
from watchword import app

def on_event(event):
    if event["event"] == "frame" or event["event"] == "detect":
        print("loaded", *[name for name in sys.modules if "watchword." in name])

import asyncio
asyncio.run(app.run(on_event=on_event))
"""


def test_what_sound_needs_is_not_loaded_while_seeing_nor_the_other_way_round(start: Start) -> None:
    def loaded(events: Iterable[Event]) -> set[str]:
        (line,) = {event.text for event in events if isinstance(event, Log)}
        return {name for name in ("frontend", "pipelines.sound", "pipelines.pictures") if name in line}

    board = start(MODULES)
    board.push(bright())
    assert loaded(board.see([grey(0)])) == {"pipelines.pictures"}
    board.push(small_program(always=True))
    assert loaded(board.listen(np.zeros(8000, np.int16))) == {"frontend", "pipelines.sound"}


@pytest.fixture
def coco(shared_data: Path) -> list[Path]:
    folder = shared_data / "images/coco"
    with (folder / "manifest.csv").open() as file:
        return [folder / row["file"] for row in csv.DictReader(file)]


def check(board: Board, path: Path, files: list[Path]) -> None:
    """Decisions and scores of pictures equal the reference's."""
    model = load(path)
    board.push(golden.compiled(path, board.hello.target), scratch=True)
    shown = [frames.camera(pictures.fitted(pictures.read(file)), colour=colours(model)) for file in files]
    expected = reference.run(model.graph, inputs(model, shown)).reshape(len(files), -1)
    board.view(*pictures.QQVGA)
    for frame, file, scores in zip(shown, files, expected, strict=True):
        assert np.array_equal(board.look(frame)[0], scores), file


@pytest.mark.parametrize("name", MODELS)
def test_all_photographs_on_unix(name: str, board: Board, shared_data: Path, coco: list[Path]) -> None:
    assert len(coco) == 145
    check(board, golden.path(shared_data, name), coco)


@pytest.mark.parametrize("name", golden.compiled_together(*MODELS))
def test_photographs_on_the_virtual_pico(name: str, shared_data: Path, coco: list[Path]) -> None:
    with Board.open("pico") as board:
        check(board, golden.path(shared_data, name), coco[::12])
        assert len(coco[::12]) >= 12
        assert board.hello.heap_free > 50_000


# ---- the command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "photos"
    found.mkdir()
    for i, value in enumerate((0, 255, 255, 0)):
        Image.new("RGB", (40, 30), (value, value, value)).save(found / f"{i}.png")
    return found


@pytest.fixture
def model(tmp_path: Path) -> Path:
    from watchword import tflite

    path = tmp_path / "bright.tflite"
    path.write_bytes(tflite.write(bright_graph()))
    (tmp_path / "bright.toml").write_text(
        'name = "bright"\nkind = "picture"\nlabels = ["dark", "bright"]\nbackground = ["dark"]\n'
        "[decision]\ncutoff = 0.6\nwindow = 1\nstride = 1\n"
    )
    return path


def test_see_tells_of_every_picture(micropython: Path, folder: Path, model: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    done = watchword("see", "--image", folder, "--model", model, "--on", "unix", "--show", sheet, "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [list(event) for event in events if event["event"] == "frame"] == [["event", "label", "score", "time", "file"]] * 4
    told = [(event["event"], event["label"], event["time"], Path(event["file"]).name) for event in events]
    assert told == [
        ("frame", "dark", 0.0, "0.png"),
        ("frame", "bright", 1.0, "1.png"),
        ("detect", "bright", 1.0, "1.png"),
        ("frame", "bright", 2.0, "2.png"),
        ("frame", "dark", 3.0, "3.png"),
        ("gone", "bright", 3.0, "3.png"),
    ]
    with Image.open(sheet) as made:
        assert made.width > 4 * 200
        colours = made.convert("RGB").getcolors(1 << 24)
        assert colours is not None
        assert (20, 108, 67) in [colour for _, colour in colours]  # what is seen stands on green


def test_see_with_a_model_that_runs_on_every_second_picture(
    micropython: Path, folder: Path, model: Path, tmp_path: Path
) -> None:
    description = model.with_suffix(".toml")
    description.write_text(description.read_text().replace("stride = 1", "stride = 2"))
    sheet = tmp_path / "sheet.png"
    done = watchword("see", "--image", folder, "--model", model, "--on", "unix", "--show", sheet)
    assert len([line for line in done.stdout.splitlines() if "  bright  " in line or "  dark  " in line]) == 2
    assert "2 pictures" in done.stderr


def test_see_passes_by_what_cannot_be_read(micropython: Path, folder: Path, model: Path) -> None:
    (folder / "1.png").write_bytes(b"broken")
    done = watchword("see", "--image", folder, "--model", model, "--on", "unix")
    assert len(done.stdout.splitlines()) == 3 + 2  # and detect, gone
    assert "1.png: no picture that can be read" in done.stderr
    assert "1 of 4 pictures were skipped" in done.stderr


def test_see_with_the_program_of_the_board(micropython: Path, folder: Path, model: Path) -> None:
    said = fails("see", "--image", folder / "1.png", "--on", "unix")
    assert "unix holds no program for pictures: `watchword push MODEL` sends one" in said
    watchword("push", model, "--on", "unix")
    done = watchword("see", "--image", folder / "1.png", folder / "0.png", "--on", "unix")
    assert "1.png  bright" in done.stdout
    assert "0.png  gone bright" in done.stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--image", "EMPTY"], "no picture files there"),
        (["--image", "EMPTY/none.png"], "none.png: no such file"),
        (["--image", "BROKEN"], "no picture that can be read"),
        (["--image", "BROKEN", "BROKEN"], "none of 2 pictures can be read"),
        (["--image", "GOOD", "--size", "900x3"], "900x3 pixels: sides of 1 to 640"),
        (["--image", "GOOD", "--size", "big"], "--size big: WIDTHxHEIGHT in pixels is expected"),
        (["--image", "GOOD", "--show", "EMPTY/none/x.png"], "x.png: cannot be written"),
        (["--image", "GOOD", "--show", "EMPTY/x.what"], "x.what: cannot be written"),
    ],
)
def test_see_says_what_is_wrong(
    options: list[str], told: str, micropython: Path, folder: Path, model: Path, tmp_path: Path
) -> None:
    empty, broken = tmp_path / "empty", tmp_path / "broken.png"
    empty.mkdir()
    broken.write_bytes(b"broken")
    places = {"EMPTY": str(empty), "BROKEN": str(broken), "GOOD": str(folder / "0.png")}
    for key, value in places.items():
        options = [option.replace(key, value) for option in options]
    said = fails("see", *options, "--model", model, "--on", "unix")
    assert told in said


def test_evaluate_pictures(micropython: Path, folder: Path, model: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "pictures.csv"
    names = [f"photos/{i}.png" for i in range(4)]
    manifest.write_text(
        "file,what\n" + "".join(f"{name},{label}\n" for name, label in zip(names, ("0", "bright", "1", "1"), strict=True))
    )
    for on in ("reference", "unix"):
        done = watchword("evaluate", model, "--data", manifest, "--label-column", "what", "--on", on, "--json")
        found = json.loads(done.stdout)
        assert found["accuracy"] == 0.75
        assert found["confusion"] == [[1, 0], [1, 2]]
    manifest.write_text("file,what\nphotos/0.png,grey\n")
    said = fails("evaluate", model, "--data", manifest, "--label-column", "what", "--on", "reference")
    assert "label 'grey' is neither among dark, bright nor one of their numbers" in said


def test_a_model_of_the_other_kind(micropython: Path, folder: Path, model: Path, root: Path) -> None:
    keywords = root / "models/keywords/keywords.tflite"
    said = fails("see", "--image", folder, "--model", keywords, "--on", "unix")
    assert "is for sound, not for pictures" in said
    clip = next((root / "models/keywords/clips").glob("*.wav"))
    said = fails("listen", "--wav", clip, "--model", model, "--on", "unix")
    assert "is for pictures, not for sound" in said
