"""One stream's files in a memory-backed folder: append-only, bounded in bytes, deleted when old.

Synchronous, for one process at a time. The folder outlives publications: what an earlier run of the server left in it
is taken over and ages like everything else.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec


class FolderEntry(msgspec.Struct):
    size: int
    at: float
    is_pinned: bool


class RunFolder:
    """Names are relative, with ``/`` in them. ``at`` is the wall clock, in seconds, of the media in a file.

    A finished file that is pinned stays until it is released, or until the folder is over ``max_bytes``: then the
    oldest goes and counts as ``lost_files``. Raises ``OSError`` when the medium is full.
    """

    def __init__(self, *, path: Path, max_bytes: int = 256 * 1024 * 1024, keep_s: float = 60.0) -> None:
        self.path = path
        self.bytes = 0
        self.lost_files = 0
        self._max_bytes = max_bytes
        self._keep_s = keep_s
        self._files: dict[str, FolderEntry] = {}
        self._open: dict[str, tuple[int, int]] = {}
        path.mkdir(parents=True, exist_ok=True)
        self._adopt()

    def _adopt(self) -> None:
        found = [(file.stat(), file) for file in self.path.rglob("*.m4s")]
        for stat, file in sorted(found, key=lambda pair: pair[0].st_mtime):
            name = file.relative_to(self.path).as_posix()
            self._files[name] = FolderEntry(stat.st_size, stat.st_mtime, False)
            self.bytes += stat.st_size

    def put(self, name: str, data: bytes) -> Path:
        """Write a whole file that stays as long as the folder; it appears at once with all its bytes."""
        path = self._place(name)
        partial = path.with_suffix(".partial")
        partial.write_bytes(data)
        partial.rename(path)
        self.bytes += len(data)
        return path

    def append(self, name: str, data: bytes) -> int:
        """Add to a file, begun by the first call; where in it the data lies."""
        if name not in self._open:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
            self._open[name] = (os.open(self._place(name), flags, 0o644), 0)
        handle, offset = self._open[name]
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        self._open[name] = (handle, offset + len(data))
        self.bytes += len(data)
        return offset

    def finish(self, name: str, *, at: float, is_pinned: bool) -> int:
        """Close a file that was appended to; its size."""
        handle, size = self._open.pop(name)
        os.close(handle)
        self._files[name] = FolderEntry(size, at, is_pinned)
        return size

    def release(self, name: str) -> None:
        """The recording does not need the file any more, so that it goes with its age. Idempotent, also for a file that
        has gone."""
        if name in self._files:
            self._files[name].is_pinned = False

    def trim(self, now: float, *, keep_s: float = 0.0) -> list[tuple[str, bool]]:
        """Delete what is older than the longer of both ages, and the oldest beyond the bound.

        Returns name and whether it was still pinned for each deleted file.
        """
        oldest = now - max(keep_s, self._keep_s)
        removed = [name for name, entry in self._files.items() if entry.at < oldest and not entry.is_pinned]
        out = [self._delete(name) for name in removed]
        for name in list(self._files):
            if self.bytes <= self._max_bytes:
                break
            out.append(self._delete(name))
        return out

    def _delete(self, name: str) -> tuple[str, bool]:
        entry = self._files.pop(name)
        self.bytes -= entry.size
        self.lost_files += entry.is_pinned
        (self.path / name).unlink(missing_ok=True)
        return name, entry.is_pinned

    def _place(self, name: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def close(self) -> None:
        """Close what is open; the files stay. Idempotent."""
        while self._open:
            os.close(self._open.popitem()[1][0])

    def remove(self) -> None:
        """Delete the folder and everything in it. Idempotent."""
        self.close()
        self._files.clear()
        self.bytes = 0
        shutil.rmtree(self.path, ignore_errors=True)
