"""``socialflow backup FILE`` and ``restore FILE``: database, objects and settings as one archive, and back.

The archive is a plain tar: ``manifest.json``, ``database.dump`` (pg_dump's custom format), ``objects/<key>``,
``socialflow.toml`` where there is one, and last ``SHA256SUMS``, without which it is not whole. A backup is taken from a
server that runs: the database as of one moment first, then the objects, so that every row's object is in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import mimetypes
import os
import re
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from server.config import CONFIG_FILE, Settings
from server.database_url import database_url, running_database_url
from server.exit_codes import failed
from storage.dump import dump, is_empty, restore
from storage.errors import StorageError
from storage.migrate import current, head
from storage.objects import NoSuchObject, ObjectStore, open_objects

MANIFEST: Final = "manifest.json"
DATABASE: Final = "database.dump"
OBJECTS: Final = "objects/"
SUMS: Final = "SHA256SUMS"
FORMAT: Final = 1
CHUNK_BYTES: Final = 1 << 20
MAX_TEXT_BYTES: Final = 1 << 28  # of the manifest, the settings and the sums: a million objects have sums of 150 MB
SPOOL_BYTES: Final = 1 << 24
_KEY: Final = r"objects/[A-Za-z0-9_][\w.-]*(?:/[A-Za-z0-9_][\w.-]*)*"
_NAME: Final = re.compile(rf"manifest\.json|database\.dump|socialflow\.toml|SHA256SUMS|{_KEY}")


class BadArchive(Exception):
    """The file is no backup, or not a whole one."""


async def back_up(settings: Settings, target: Path) -> int:
    """Write the archive beside its place and move it there once it is whole and on disk; 1 when it cannot be done."""
    part = target.with_name(f".{target.name}.part")
    objects = open_objects(_place(settings))
    try:
        with _private_file(part) as file, tempfile.TemporaryDirectory(dir=part.parent) as folder:
            async with database_url(settings) as url:
                count = await _write(Archive(file), url=url, objects=objects, folder=Path(folder))
        os.replace(part, target)
    except (StorageError, OSError) as error:
        return failed(error)
    finally:
        part.unlink(missing_ok=True)
        await objects.close()
    print(f"{target}: the database and {count} objects, {target.stat().st_size:,} bytes")
    return 0


async def bring_back(settings: Settings, source: Path) -> int:
    """Check the archive whole, then fill an empty database and the object store from it; 1 when it cannot be done."""
    if settings.database_url is None and running_database_url(settings.data_dir) is not None:
        return failed(f"a server runs on {settings.data_dir}: stop it first")
    objects = open_objects(_place(settings))
    try:
        count = await asyncio.to_thread(verify, source)
        async with database_url(settings) as url:
            if not await is_empty(url):
                return failed("the database is not empty: give an empty one, or a new --data-dir")
            await _read(source, url=url, objects=objects)
            revision = await current(url)
    except (StorageError, OSError, tarfile.TarError, BadArchive) as error:
        return failed(error)
    finally:
        await objects.close()
    print(f"{source}: the database (schema {revision}) and {count} objects are back: start with `socialflow serve`")
    return 0


class Archive:
    """A tar that is written member by member, with the sum of each."""

    def __init__(self, file: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by `finish`
        self._sums: list[str] = []

    def add(self, name: str, body: IO[bytes], size: int) -> None:
        """``size`` bytes of ``body``. Raises ``OSError`` when there are fewer or the disk is full."""
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime, entry.mode = size, int(time.time()), 0o600
        summed = _Summed(body)
        self._tar.addfile(entry, summed)
        self._sums.append(f"{summed.sum.hexdigest()}  {name}\n")

    def finish(self) -> None:
        """The sums, and the tar's end."""
        body = "".join(self._sums).encode()
        self.add(SUMS, io.BytesIO(body), len(body))
        self._tar.close()


class _Summed(io.RawIOBase):
    """A file whose bytes are summed as they are read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sum = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self.sum.update(chunk)
        return chunk


async def _write(archive: Archive, *, url: str, objects: ObjectStore, folder: Path) -> int:
    manifest = {"format": FORMAT, "at": datetime.now(UTC).isoformat(), "schema": await current(url)}
    _add_text(archive, MANIFEST, json.dumps(manifest).encode())
    _say("dumping the database")
    dumped = folder / DATABASE
    await dump(url, dumped)
    await asyncio.to_thread(_add_file, archive, DATABASE, dumped)
    if Path(CONFIG_FILE).is_file():
        _add_text(archive, CONFIG_FILE, Path(CONFIG_FILE).read_bytes())
    count = 0
    async for key, _ in objects.listed():
        count += await _add_object(archive, objects, key, folder)
        if count % 500 == 0:
            _say(f"{count} objects")
    await asyncio.to_thread(archive.finish)
    return count


async def _add_object(archive: Archive, objects: ObjectStore, key: str, folder: Path) -> int:
    """1, or 0 when the object was deleted since it was listed."""
    path = objects.local_path(key)
    with contextlib.suppress(NoSuchObject, FileNotFoundError):
        if path is not None:
            await asyncio.to_thread(_add_file, archive, OBJECTS + key, path)
            return 1
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES, dir=str(folder)) as spooled:
            async for chunk in objects.open(key):
                spooled.write(chunk)
            size = spooled.tell()
            spooled.seek(0)
            await asyncio.to_thread(archive.add, OBJECTS + key, spooled, size)
            return 1
    return 0


def _add_text(archive: Archive, name: str, body: bytes) -> None:
    archive.add(name, io.BytesIO(body), len(body))


def _add_file(archive: Archive, name: str, path: Path) -> None:
    with path.open("rb") as file:
        archive.add(name, file, os.fstat(file.fileno()).st_size)


def verify(source: Path) -> int:
    """Read the whole archive and compare each sum; the number of objects. Raises ``BadArchive``, ``OSError``."""
    found: dict[str, str] = {}
    told: dict[str, str] = {}
    with _opened(source) as tar:
        for entry in tar:
            file = _body(tar, entry)
            if entry.name == SUMS:
                told = dict(_sum_of(line) for line in file.read(MAX_TEXT_BYTES).decode().splitlines())
                continue
            summed = _Summed(file)
            if entry.name == MANIFEST:
                _require_known(summed.read(entry.size))
            while summed.read(CHUNK_BYTES):
                pass
            found[entry.name] = summed.sum.hexdigest()
    if not told:
        raise BadArchive(f"{source} is not whole: its sums are missing at the end")
    if found != told or MANIFEST not in found or DATABASE not in found:
        wrong = sorted(name for name in found.keys() | told.keys() if found.get(name) != told.get(name))
        raise BadArchive(f"{source} is damaged: {', '.join(wrong[:3]) or 'it has no database'}")
    return sum(name.startswith(OBJECTS) for name in found)


def _require_known(manifest: bytes) -> None:
    try:
        told = json.loads(manifest)
        version, schema = int(told["format"]), str(told["schema"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadArchive(f"its {MANIFEST} is none ({error})") from error
    if version > FORMAT or schema > head():
        raise BadArchive(f"a later version made it (schema {schema}, this one has {head()}): restore it with that one")


def _sum_of(line: str) -> tuple[str, str]:
    digest, _, name = line.partition("  ")
    return name, digest


async def _read(source: Path, *, url: str, objects: ObjectStore) -> None:
    """The objects first: should anything stop it, the database is still empty and it can be tried again."""
    with tempfile.TemporaryDirectory(dir=source.absolute().parent) as folder:
        unpacked = Path(folder) / "member"
        with _opened(source) as tar:
            for entry in tar:
                if entry.name.startswith(OBJECTS):
                    await asyncio.to_thread(_unpack, tar, entry, unpacked)
                    key = entry.name.removeprefix(OBJECTS)
                    await objects.put(key, unpacked, content_type=_content_type(key))
                elif entry.name == DATABASE:
                    await asyncio.to_thread(_unpack, tar, entry, Path(folder) / DATABASE)
                elif entry.name == CONFIG_FILE:
                    _restore_settings(_body(tar, entry).read(MAX_TEXT_BYTES))
        _say("filling the database")
        await restore(url, Path(folder) / DATABASE)


def _restore_settings(body: bytes) -> None:
    """Into the working folder, but never over settings that are there."""
    path = Path(CONFIG_FILE)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(body)
        _say(f"{CONFIG_FILE} was not here and is restored")
    elif path.read_bytes() != body:
        _say(f"{CONFIG_FILE} here differs from the archive's and is left as it is")


def _unpack(tar: tarfile.TarFile, entry: tarfile.TarInfo, target: Path) -> None:
    with target.open("wb") as file:
        shutil.copyfileobj(_body(tar, entry), file, CHUNK_BYTES)


@contextlib.contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(source, "r:") as tar:
            yield tar
    except (tarfile.TarError, UnicodeDecodeError, EOFError) as error:
        raise BadArchive(f"{source} is no backup, or not a whole one ({error})") from error


def _body(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(entry) if entry.isreg() and _NAME.fullmatch(entry.name) else None
    if file is None:
        raise BadArchive(f"it holds {entry.name[:80]!r}, which no backup does")
    return file


def _content_type(key: str) -> str:
    """What the recorder and the pictures give their objects (`.m4s` is a segment of ISO BMFF)."""
    known = {".m4s": "video/mp4", ".webp": "image/webp", ".m3u8": "application/vnd.apple.mpegurl"}
    return known.get(Path(key).suffix) or mimetypes.guess_type(key)[0] or "application/octet-stream"


@contextlib.contextmanager
def _private_file(path: Path) -> Iterator[IO[bytes]]:
    """A new file that nobody else may read: it holds password hashes and keys. On disk when the block ends."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb", CHUNK_BYTES) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _place(settings: Settings) -> str:
    return settings.object_store or str(settings.data_dir.absolute() / "objects")


def _say(words: str) -> None:
    print(f"  {words} …", file=sys.stderr, flush=True)
