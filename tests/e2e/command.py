"""The command line as a user types it, each call in a process of its own.

To import the package takes half a second, so these processes are forked from one that has done it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 300  # for one call
OUTPUTS = {1: "stdout", 2: "stderr"}


def watchword(*arguments: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    """The command with these arguments, which is to end with a status."""
    command = [str(argument) for argument in arguments]
    forks = _forks()
    assert forks.stdin is not None
    assert forks.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        outputs = {descriptor: Path(folder) / name for descriptor, name in OUTPUTS.items()}
        environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
        call = [command, os.getcwd(), environment, list(map(str, outputs.values()))]
        forks.stdin.write(json.dumps(call) + "\n")
        forks.stdin.flush()
        ended = int(forks.stdout.readline())
        stdout, stderr = (path.read_text() for path in outputs.values())
    assert ended == status, stdout + stderr
    assert "Traceback" not in stderr
    return subprocess.CompletedProcess(command, ended, stdout, stderr)


def fails(*arguments: object) -> str:
    """The one line that a mistake gets."""
    error = watchword(*arguments, status=1).stderr
    lines = [line for line in error.splitlines() if line.startswith("watchword: ")]
    assert len(lines) == 1, error
    return lines[0]


@cache
def _forks() -> subprocess.Popen[str]:
    """The process that forks; it ends with this one, whose end closes its input."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200"},
    )


def _serve() -> None:
    """Calls come in, a line each; their exit statuses go out."""
    from watchword.cli import app, main

    with contextlib.redirect_stdout(io.StringIO()):
        app(["--version"], standalone_mode=False)  # imports what the first use of an option does
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            arguments, folder, environment, outputs = json.loads(line)
            os.environ.clear()
            os.environ.update(environment)
            os.chdir(folder)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for descriptor, path in zip(OUTPUTS, outputs, strict=True):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
            signal.alarm(SECONDS)
            sys.argv = ["watchword", *arguments]
            main()
            sys.exit()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201 - this is the answer


if __name__ == "__main__":
    _serve()
