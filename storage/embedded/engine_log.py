"""An engine's log: kept short, and read for the reason when the engine does not start."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from storage.errors import EmbeddedStartFailed

_MAX_LOG_BYTES: Final = 8 * 1024 * 1024


def shorten(log: Path) -> None:
    """Cut a log that has grown too long; writers append, so they go on at the new end."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _MAX_LOG_BYTES:
            os.truncate(log, 0)


def tail(log: Path, offset: int = 0, size: int = 4000) -> str:
    with contextlib.suppress(FileNotFoundError), log.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(offset, end - size))
        return file.read().decode(errors="replace")
    return ""


_ADVICE: Final = (
    ("No space left on device", "the disk is full", "free some space and start again"),
    (
        "invalid binary",
        "its account cannot reach the programs of the Python environment",
        "let everybody pass the folders above it (chmod o+x), make the environment elsewhere, or give --database-url",
    ),
    (
        "Permission denied",
        "it has no permission on its data folder",
        "check the owner of the data folder, or choose another --data-dir",
    ),
    (
        "initialized by PostgreSQL version",
        "the data was made by another Postgres version",
        "upgrade it with pg_upgrade, or choose another --data-dir",
    ),
    (
        "could not create shared memory",
        "the system has no shared memory left",
        "raise its limits, or give --database-url",
    ),
    ("incompatible with server", "the data was made by another Postgres version", "choose another --data-dir"),
)
# The first line that has one of these says the cause; later ones say what followed from it.
_TELLING: Final = ("FATAL", "PANIC", "ERROR", "LOG:  unrecognized", "LOG:  invalid value", "LOG:  could not", "rror:")


def failure_in_log(engine: str, log: Path, offset: int = 0) -> EmbeddedStartFailed:
    text = tail(log, offset)
    for needle, what, advice in _ADVICE:
        if needle in text:
            return EmbeddedStartFailed(engine, what, f"{advice} (log: {log})")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in _TELLING)]
    return EmbeddedStartFailed(engine, (telling or lines or ["it said nothing"])[0], f"see its log: {log}")


def failure_of_os(engine: str, error: OSError) -> EmbeddedStartFailed:
    where = f" ({error.filename})" if error.filename else ""
    advice = "check who owns the data folder and how full the disk is, or choose another --data-dir"
    return EmbeddedStartFailed(engine, f"{error.strerror or error}{where}", advice)
