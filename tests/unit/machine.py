"""Parts of a make-believe machine, for the tests of what builds on it."""

from __future__ import annotations

from pathlib import Path


def tool(path: Path, body: str) -> Path:
    """A command that runs a few lines of shell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path
