"""Which MicroPython is chosen, and what is said where none can be had. Nothing here needs a network or builds anything."""

from __future__ import annotations

import multiprocessing
import os
import platform
import shutil
import sys
import time
from pathlib import Path

import pytest
from tests.unit.machine import tool

from watchword.board.virtual import toolchain, unix_build
from watchword.errors import SetupError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the unix port does not exist on Windows")


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any tool; what tests put into the folder `bin` is on its PATH."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("WATCHWORD_CACHE", str(tmp_path / "cache"))
    for name in ("WATCHWORD_MICROPYTHON", "MIRROR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def fake_micropython(path: Path, says: str = "micropython 1.25") -> Path:
    return tool(path, f"echo {says}")


def built(machine: Path) -> Path:
    return machine / "cache" / f"micropython-{unix_build.VERSION}"


def test_the_real_one_does(micropython: Path) -> None:
    assert unix_build.refusal(micropython) is None


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ("micropython 1.24", "is MicroPython 1.24, and 1.25 or later is needed"),
        ("micropython 1.9", "is MicroPython 1.9, and 1.25 or later is needed"),
        ("micropython 1.25 asyncio hashlib.sha256", "lacks asyncio, hashlib.sha256"),
        ("circuitpython 9.2", "is circuitpython, not MicroPython"),
        ("hello", "does not run as MicroPython does"),
        ("micropython 1.25; exit 1", "does not run as MicroPython does"),
        ("micropython 2.0", None),
    ],
)
def test_one_that_does_not_do_is_refused_with_the_reason(machine: Path, says: str, reason: str | None) -> None:
    assert unix_build.refusal(fake_micropython(machine / "other", says)) == reason


def test_cpython_is_no_micropython() -> None:
    assert unix_build.refusal(Path(sys.executable)) == "is cpython, not MicroPython"


def test_viper_is_asked_for_only_where_the_port_has_it(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = fake_micropython(machine / "without", "micropython 1.25 viper")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert unix_build.refusal(without) == "lacks viper"
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert unix_build.refusal(without) is None


def test_choice_is_the_named_one_then_path_then_the_built_one(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert unix_build.find() is None
    cached = fake_micropython(built(machine))
    assert unix_build.find() == cached
    on_path = fake_micropython(machine / "bin/micropython")
    assert unix_build.find() == on_path
    named = fake_micropython(machine / "named")
    monkeypatch.setenv("WATCHWORD_MICROPYTHON", str(named))
    assert unix_build.find() == named


def test_an_old_one_on_path_is_passed_over(machine: Path) -> None:
    fake_micropython(machine / "bin/micropython", "micropython 1.22")
    cached = fake_micropython(built(machine))
    assert unix_build.find() == cached


def test_a_named_one_that_does_not_do_is_an_error(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_MICROPYTHON", str(machine / "nowhere"))
    fake_micropython(built(machine))
    with pytest.raises(SetupError, match=r"^WATCHWORD_MICROPYTHON=\S+/nowhere cannot be used: it does not run"):
        unix_build.find()


def error(machine: Path) -> str:
    with pytest.raises(SetupError) as caught:
        unix_build.micropython()
    assert not built(machine).exists()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_off_debian_one_is_to_be_installed(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "run 'brew install micropython', or set WATCHWORD_MICROPYTHON" in error(machine)


def debian(machine: Path, *, packages: str = "installed", update: str = "exit 0", source: str = "exit 0") -> None:
    """A Debian whose tools do as told; sh itself and its commands are the real machine's."""
    bin = machine / "bin"
    tool(bin / "dpkg-query", f"printf {packages}")
    case = f'case "$*" in *indextargets*) ;; *update) {update};; *source*) {source};; *install*) exit 0;; esac'
    tool(bin / "apt-get", case)


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


@pytest.mark.usefixtures("user")
def test_missing_packages_are_named_to_one_who_cannot_install_them(machine: Path) -> None:
    debian(machine, packages="absent")
    assert "run 'sudo apt-get install gcc libc6-dev make dpkg-dev xz-utils debian-archive-keyring', then again" in error(
        machine
    )


@pytest.mark.usefixtures("user")
def test_missing_packages_are_installed_through_sudo_without_password(machine: Path) -> None:
    debian(machine, packages="absent")
    tool(machine / "bin/true", "exit 0")
    tool(machine / "bin/sudo", f'printf "%s\\n" "$*" >> {machine}/sudo.log; shift; exec "$@"')
    toolchain.install(["gcc", "make"], report=lambda line: None, log=machine / "log")
    assert (machine / "sudo.log").read_text().splitlines() == [
        "-n true",
        "-n apt-get -q update",
        "-n apt-get -q install -y --no-install-recommends gcc make",
    ]


def test_packages_that_are_there_are_left_alone(machine: Path) -> None:
    debian(machine)
    toolchain.install(["gcc", "make"], report=pytest.fail, log=machine / "log")


def test_no_mirror(machine: Path) -> None:
    debian(machine)
    assert "set MIRROR to the address of one, as in MIRROR=http://HOST/debian, then again" in error(machine)


def test_no_network(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRROR", "http://mirror.invalid/debian")
    debian(machine, update="echo could not resolve; exit 100")
    message = error(machine)
    assert "is there a network" in message
    log = built(machine).with_name("micropython-1.25.0.log")
    assert str(log) in message
    assert "could not resolve" in log.read_text()


def test_no_key(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRROR", "http://mirror.invalid/debian")
    debian(machine, update="echo NO_PUBKEY 0123456789ABCDEF; exit 100")
    assert "lacks the key of Debian trixie" in error(machine)


def test_a_folder_that_make_cannot_build_in(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    debian(machine)
    monkeypatch.setenv("WATCHWORD_CACHE", str(machine / "a cache"))
    assert "set WATCHWORD_CACHE to another" in error(machine)


def test_a_folder_that_cannot_be_made(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    debian(machine)
    (machine / "file").touch()
    monkeypatch.setenv("WATCHWORD_CACHE", str(machine / "file/cache"))
    assert "Not a directory; set WATCHWORD_CACHE to another folder" in error(machine)


APT = shutil.which("apt-get")


@pytest.mark.skipif(APT is None, reason="asks the real apt, which this system does not have")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("debian.sources", "Types: deb\nURIs: http://main.invalid/debian\nSuites: stable stable-updates\nComponents: main\n"),
        ("debian.list", "deb [arch=amd64] http://main.invalid/debian stable main contrib\n"),
    ],
    ids=["deb822", "one-line"],
)
def test_the_mirror_is_apts_own_in_both_of_its_formats(
    machine: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str
) -> None:
    assert APT is not None
    monkeypatch.setenv("PATH", str(Path(APT).parent))
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "debian", "VERSION_CODENAME": "bookworm"})
    (machine / "parts").mkdir()
    # Another vendor's archive, and one of Debian's that has no sources of MicroPython, come first.
    (machine / "parts/a.list").write_text(
        "deb http://vendor.invalid/apt vendor main\ndeb http://security.invalid/debian-security stable-security main\n"
    )
    (machine / "parts" / name).write_text(content)
    settings = f'Dir::Etc::SourceList "/dev/null"; Dir::Etc::SourceParts "{machine}/parts"; Dir::State "{machine}/state";'
    (machine / "apt.conf").write_text(settings)
    monkeypatch.setenv("APT_CONFIG", str(machine / "apt.conf"))
    assert toolchain.mirror() == "http://main.invalid/debian/"


def test_ubuntu_has_no_debian_mirror_of_its_own(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "ubuntu", "VERSION_CODENAME": "noble"})
    with pytest.raises(SetupError, match="MIRROR=http://HOST/debian"):
        toolchain.mirror()


def _build_slowly(machine: Path) -> None:
    """Stands in for the build itself; the choice, the lock and the rename are the real ones."""

    def make(work: Path, report: toolchain.Report, log: Path) -> Path:
        with (machine / "builds").open("a") as file:
            print(os.getpid(), file=file)
        time.sleep(0.3)
        return fake_micropython(work / "output")

    unix_build._make = make
    unix_build.micropython()


def test_two_at_once_build_once(machine: Path) -> None:
    debian(machine)
    processes = [multiprocessing.get_context("fork").Process(target=_build_slowly, args=(machine,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert len((machine / "builds").read_text().splitlines()) == 1
    assert unix_build.find() == built(machine)


def test_a_build_broken_off_leaves_nothing_that_passes_for_one(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    debian(machine)

    def broken_off(work: Path, report: toolchain.Report, log: Path) -> Path:
        fake_micropython(work / "output")
        raise KeyboardInterrupt

    monkeypatch.setattr(unix_build, "_make", broken_off)
    with pytest.raises(KeyboardInterrupt):
        unix_build.micropython()
    assert unix_build.find() is None
    monkeypatch.setattr(unix_build, "_make", lambda work, report, log: fake_micropython(work / "output"))
    assert unix_build.micropython() == built(machine)
