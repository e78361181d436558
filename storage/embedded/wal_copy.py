"""What Postgres runs to keep one segment of its WAL, and to have it back: ``archive_command``, ``restore_command``.

A program of its own, with the standard library alone, since it starts once a segment::

    wal_copy.py keep SEGMENT FOLDER       0: it is on disk there, compressed; 1: try again later
    wal_copy.py fetch FOLDER NAME TARGET  0: it is here; 1: there is none; 200: it is damaged, so that Postgres stops
"""

from __future__ import annotations

import gzip
import os
import shutil
import sys
import zlib
from pathlib import Path
from typing import Final

MAX_WAITING: Final = 256
"""Segments (of 16 MB) that may wait for a folder that takes none: beyond it they are given up and leave a gap, since
the server would stop once they had filled its disk."""
DAMAGED: Final = 200  # above 125 Postgres ends its recovery with an error
_CHUNK_BYTES: Final = 1 << 20


def keep(segment: Path, folder: Path) -> int:
    """Again for one that is there: a kill may have come between the copy and its note."""
    target = folder / f"{segment.name}.gz"
    try:
        if target.exists():
            return 0 if _is_same(segment, target) else _said(f"{target} is there and differs", 1)
        _compress(segment, target)
    except OSError as error:
        waiting = sum(name.endswith(".ready") for name in os.listdir(segment.parent / "archive_status"))
        return _said(f"{target} cannot be written: {error.strerror}", 0 if waiting > MAX_WAITING else 1)
    return 0


def fetch(folder: Path, name: str, target: Path) -> int:
    source = folder / f"{name}.gz"
    if not source.exists():
        return 1
    try:
        with gzip.open(source) as kept, target.open("wb") as file:
            shutil.copyfileobj(kept, file, _CHUNK_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        return _said(f"{source} is damaged: {error}", DAMAGED)
    return 0


def _compress(segment: Path, target: Path) -> None:
    part = target.with_name(f".{target.name}.part")
    try:
        with segment.open("rb") as source, part.open("wb") as file:
            with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=1) as packed:
                shutil.copyfileobj(source, packed, _CHUNK_BYTES)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    _sync(target.parent)


def _is_same(segment: Path, kept: Path) -> bool:
    try:
        with gzip.open(kept) as file:
            return file.read() == segment.read_bytes()
    except (OSError, EOFError, zlib.error):
        return False


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _said(words: str, code: int) -> int:
    print(f"wal: {words}", file=sys.stderr, flush=True)
    return code


def main(words: list[str]) -> int:
    if words[:1] == ["keep"]:
        return keep(Path(words[1]), Path(words[2]))
    return fetch(Path(words[1]), words[2], Path(words[3]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
