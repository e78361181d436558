"""Objects as files of a folder."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

from storage.errors import Unavailable
from storage.objects.lifecycle import ClassRule
from storage.objects.port import CHUNK_BYTES, NoSuchObject, checked, folder_of, is_key

_FOLDER_MODE: Final = 0o750
_FILE_MODE: Final = 0o640
_MADE_REMEMBERED: Final = 1_024


class LocalObjects:
    """Objects as files under ``root``. The content type is not kept: the server knows it by the file's name."""

    has_classes = False
    direct = None

    def __init__(self, *, root: Path) -> None:
        self._root = root.absolute()
        self._made: set[Path] = set()
        """Folders that are known to be there, a bounded number of them."""

    async def put(self, key: str, body: bytes | Path, *, content_type: str) -> None:
        target = self._path(key)
        with _disk_errors():
            await asyncio.to_thread(self._write, target, body)

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str) -> int:
        target = self._path(key)
        with _disk_errors():
            file = await asyncio.to_thread(self._new, target)
        try:
            async for chunk in chunks:
                with _disk_errors():
                    await asyncio.to_thread(file.write, chunk)
            with _disk_errors():
                await asyncio.to_thread(file.commit)
        except BaseException:
            file.abandon()
            raise
        return file.size

    async def open(self, key: str, *, offset: int = 0, size: int | None = None) -> AsyncIterator[bytes]:
        with _disk_errors(key):
            file = await asyncio.to_thread(self._path(key).open, "rb")
        with file:
            file.seek(offset)
            left = size if size is not None else 2**62
            while left > 0 and (chunk := await asyncio.to_thread(file.read, min(CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk

    def local_path(self, key: str) -> Path | None:
        path = self._path(key)
        return path if path.is_file() else None

    async def size(self, key: str) -> int | None:
        path = self._path(key)
        return path.stat().st_size if path.is_file() else None

    async def listed(self) -> AsyncIterator[tuple[str, int]]:
        with _disk_errors():
            paths = await asyncio.to_thread(lambda: sorted(self._root.rglob("*"), key=lambda path: path.as_posix()))
        for path in paths:
            key = path.relative_to(self._root).as_posix()
            size = await self.size(key) if is_key(key) else None
            if size is not None:
                yield key, size

    async def delete_prefix(self, prefix: str) -> None:
        folder = self._path(folder_of(prefix))
        with _disk_errors(), contextlib.suppress(FileNotFoundError):
            await asyncio.to_thread(shutil.rmtree, folder)

    async def sweep_unfinished(self, *, before: dt.datetime) -> int:
        return 0  # a file that is half written lies under its prefix

    async def set_lifecycle(self, rules: Sequence[ClassRule], *, unfinished_days: int) -> bool:
        return False

    async def move_classes(self, rules: Sequence[ClassRule], *, now: dt.datetime) -> int:
        """Files have no classes."""
        return 0

    async def close(self) -> None:
        return None

    def _path(self, key: str) -> Path:
        return self._root / checked(key)

    def _new(self, target: Path) -> _NewFile:
        """Folders are made, and looked at, before the first object of each in this process, and when they are gone."""
        if target.parent in self._made:
            with contextlib.suppress(FileNotFoundError):
                return _NewFile(target)
        _make_folders(self._root, target.parent)
        if len(self._made) >= _MADE_REMEMBERED:
            self._made.clear()
        self._made.add(target.parent)
        return _NewFile(target)

    def _write(self, target: Path, body: bytes | Path) -> None:
        file = self._new(target)
        try:
            if isinstance(body, bytes):
                file.write(body)
            else:
                with body.open("rb") as source:
                    while chunk := source.read(CHUNK_BYTES):
                        file.write(chunk)
            file.commit()
        except BaseException:
            file.abandon()
            raise


def _make_folders(root: Path, folder: Path) -> None:
    """The folders of an object, closed to other accounts of the machine. What earlier versions left open in the store
    is closed too; the root itself, if it was there, is as its owner has it.
    """
    if not root.exists():
        root.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    parts = folder.relative_to(root).parts
    for depth in range(len(parts)):
        made = root.joinpath(*parts[: depth + 1])
        made.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        if depth == 0 and (mode := stat.S_IMODE(made.stat().st_mode)) & 0o007:
            made.chmod(mode & ~0o007)


class _NewFile:
    """Written beside the target, synced, renamed, the folder synced: readers and crashes see all of it or nothing."""

    def __init__(self, target: Path) -> None:
        self._target = target
        fd, self._name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
        self._file = os.fdopen(fd, "wb")
        self.size = 0

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self.size += len(chunk)

    def commit(self) -> None:
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())
        os.chmod(self._name, _FILE_MODE)
        os.replace(self._name, self._target)
        _sync_folder(self._target.parent)

    def abandon(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def _disk_errors(key: str = "") -> Any:
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        if not key:
            raise Unavailable("objects", str(error)) from error
        raise NoSuchObject(key) from error
    except OSError as error:
        raise Unavailable("objects", error.strerror or str(error)) from error
