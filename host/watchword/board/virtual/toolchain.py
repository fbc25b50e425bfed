"""What the builders of virtual boards need from Debian: packages for the build, and sources.

Sources come from a Debian release of our choice whatever the system's own is, through a private apt configuration: apt
checks their signatures as it does for the system, whose own configuration and state are not touched.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import platformdirs

from watchword.errors import SetupError

Report = Callable[[str], None]
"""Receives one short line of progress."""

# Names of Debian's main archive in apt's configuration, beside the system's own code name. Its other archives (security,
# backports) and other vendors' have names of their own.
_SUITES = {"oldstable", "stable", "testing", "unstable", "sid"}


def require_unix() -> None:
    """Raise SetupError where this system lacks what virtual boards are made of: locks, terminals, lines to a process."""
    if importlib.util.find_spec("fcntl") is None:
        raise SetupError(
            "virtual boards need Linux, macOS or another Unix: name a real board's port with --on (`watchword ports` lists "
            "them), take --on reference for commands that know it, or run watchword in WSL"
        )


def cache() -> Path:
    """The folder for what is built or fetched once per user: WATCHWORD_CACHE, or the system's place for such things."""
    moved = os.environ.get("WATCHWORD_CACHE")
    return Path(moved).absolute() if moved else platformdirs.user_cache_path("watchword")


def run(command: Sequence[str | Path], *, log: Path, what: str, folder: Path | None = None) -> None:
    """Run a command with its output appended to `log`.

    The command sees none of the variables by which a calling `make` or a developer's shell would change a build. Raises
    SetupError, naming `what` failed and the log.
    """
    kept = ("HOME", "PATH", "TMPDIR", "http_proxy", "https_proxy", "no_proxy", "APT_CONFIG")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    with log.open("a") as output:
        print("$", *command, file=output, flush=True)
        try:
            result = subprocess.run(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            )
        except OSError as error:
            raise SetupError(f"{what} failed: {error.strerror}: {command[0]}") from error
    if result.returncode:
        raise SetupError(f"{what} failed; the end of {log} says why")


def make(*settings: str | Path) -> list[str | Path]:
    """A command of `make` for MicroPython, on all processors."""
    # A newer compiler may warn of what this version's authors could not see.
    return ["make", f"-j{os.cpu_count() or 1}", f"PYTHON={sys.executable}", "CFLAGS_EXTRA=-Wno-error", *settings]


def check_folder(folder: Path) -> None:
    """Raises SetupError where make could not build in this folder."""
    if any(character.isspace() for character in str(folder)):
        raise SetupError(f"make cannot build in a folder with a space in its name, {folder}: set WATCHWORD_CACHE to another")


def install(packages: Iterable[str], *, report: Report, log: Path) -> None:
    """Install those Debian packages that are missing, as root or through password-less sudo.

    Raises SetupError with the command to type where that is not possible.
    """
    missing = [package for package in packages if not _installed(package)]
    if not missing:
        return
    names = " ".join(missing)
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if as_root and not _succeeds([*as_root, "true"]):
        raise SetupError(f"the build needs packages that only root can install: run 'sudo apt-get install {names}', then again")
    report(f"installing {names}")
    apt = [*as_root, "apt-get", "-q"]
    try:
        run([*apt, "update"], log=log, what="apt-get update")
        run([*apt, "install", "-y", "--no-install-recommends", *missing], log=log, what=f"apt-get install {names}")
    except SetupError as error:
        raise SetupError(f"{error}; is there a network? else run 'sudo apt-get install {names}', then again") from error


def fetch_source(package: str, suite: str, folder: Path, *, report: Report, log: Path) -> Path:
    """Fetch and unpack a Debian source package of a release (`suite`) into `folder`, and return its tree.

    Raises SetupError when no mirror is known, the release's key is missing or the network fails.
    """
    downloads = _fetch(package, suite, folder, ["source", "--download-only"], report=report, log=log)
    source = folder / package
    # apt has checked the files against the signed list; the uploader's own signature would need another set of keys.
    [description] = downloads.glob("*.dsc")
    run(["dpkg-source", "--no-check", "-x", description, source], log=log, what=f"unpacking {description.name}")
    return source


def fetch_package(package: str, suite: str, folder: Path, *, report: Report, log: Path) -> Path:
    """Fetch a binary package of a Debian release and unpack it, uninstalled, into `folder`; return its tree."""
    downloads = _fetch(package, suite, folder, ["download"], report=report, log=log)
    tree = folder / package
    [archive] = downloads.glob("*.deb")
    run(["dpkg-deb", "-x", archive, tree], log=log, what=f"unpacking {archive.name}")
    return tree


def _fetch(package: str, suite: str, folder: Path, command: list[str], *, report: Report, log: Path) -> Path:
    """Run an apt-get command for a package of a release; return the folder with what it fetched."""
    downloads = folder / f"{package}.download"
    downloads.mkdir()
    known = (folder / "apt").exists()
    options = _private_apt(suite, folder / "apt")
    report(f"fetching {package} from Debian {suite}")
    try:
        if not known:
            run(["apt-get", *options, "-q", "update"], log=log, what=f"fetching Debian {suite}'s lists")
        run(["apt-get", *options, "-q", *command, package], log=log, what=f"fetching {package}", folder=downloads)
    except SetupError as error:
        last = log.read_text(errors="replace").rpartition("\n$ ")[2]
        if "NO_PUBKEY" in last or "Missing key" in last:
            raise SetupError(
                f"apt lacks the key of Debian {suite}: install {suite}'s debian-archive-keyring, then again"
            ) from error
        raise SetupError(f"{error}; is there a network, and is MIRROR, if set, a Debian mirror?") from error
    return downloads


@contextlib.contextmanager
def locked(path: Path, report: Report) -> Iterator[None]:
    """Hold the lock of what is built, in the file `path`: it ends with the process, however that ends."""
    import fcntl  # here, since this module is imported on Windows too

    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("waiting for another process that builds the same")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def on_debian() -> bool:
    """Whether this system has Debian's package tools, as Ubuntu and others have too."""
    return all(map(shutil.which, ("apt-get", "dpkg-query")))


def mirror() -> str:
    """The address of a Debian mirror: MIRROR, or the one that the system's own apt uses.

    apt itself is asked, since its configuration has several forms. Raises SetupError where it names none.
    """
    chosen = os.environ.get("MIRROR")
    if chosen:
        return chosen
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        system = {}
    if system.get("ID") == "debian":
        suites = _SUITES | {system.get("VERSION_CODENAME")}
        # Without release information, since a fresh system has not fetched any.
        listing = ["apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)"]
        for line in subprocess.run(listing, capture_output=True, text=True, check=False).stdout.splitlines():
            address, release, component = line.split()
            if release in suites and component == "main":
                return address
    raise SetupError(
        "apt knows no Debian mirror: set MIRROR to the address of one, as in MIRROR=http://HOST/debian, then again"
    )


def _private_apt(suite: str, folder: Path) -> list[str]:
    """Options that make apt see the sources of `suite` only, and keep its state in `folder`."""
    sources, lists, cached = folder / "sources", folder / "lists", folder / "cache"
    for path in (sources, lists / "partial", cached / "archives" / "partial"):
        path.mkdir(parents=True, exist_ok=True)
    # Debian renamed the file in 2025.
    keys = [Path(f"/usr/share/keyrings/debian-archive-keyring.{form}") for form in ("pgp", "gpg")]
    key = keys[0] if keys[0].exists() else keys[1]
    entry = f"Types: deb deb-src\nURIs: {mirror()}\nSuites: {suite}\nComponents: main\nSigned-By: {key}\n"
    (sources / "debian.sources").write_text(entry)
    settings = {
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": sources,
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Dir::State::Lists": lists,
        "Dir::Cache": cached,
        # Without it, root's apt would fetch as the user _apt, who cannot write into a cache folder of root's.
        "APT::Sandbox::User": "root",
        "APT::Update::Error-Mode": "any",
        "Acquire::Languages": "none",
    }
    return [f"-o{name}={value}" for name, value in settings.items()]


def _installed(package: str) -> bool:
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "installed"


def _succeeds(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
