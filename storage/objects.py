"""Objects: bytes under a key, in a local folder or in S3. Written whole or not at all, then never changed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

from storage.errors import BadValue, StorageError, Unavailable

T = TypeVar("T")

CHUNK_BYTES: Final = 256 * 1024
PART_BYTES: Final = 8 * 1024 * 1024
_KEY: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_MAX_KEY: Final = 512
_FOLDER_MODE: Final = 0o750
_FILE_MODE: Final = 0o640
_MADE_REMEMBERED: Final = 1_024


class NoSuchObject(StorageError):
    """There is nothing under this key."""


class ObjectStore(Protocol):
    """What every store keeps to. Keys are ``a/b/c.ext`` of letters, digits, ``._-``; a bad one raises ``BadValue``.

    A store that is away or full raises ``Unavailable``.
    """

    async def put(self, key: str, body: bytes | Path, *, content_type: str) -> None:
        """Store bytes or a file under a key; when it returns they are durable. An object of that key is replaced."""

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str) -> int:
        """As ``put``, of bytes that come one after another, of which only some MiB are held at a time; how many they
        were. What ``chunks`` raises is raised, and nothing is stored then.
        """

    def open(self, key: str, *, offset: int = 0, size: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from ``offset`` on, at most ``size``, in chunks. Raises ``NoSuchObject`` at the first chunk."""

    def local_path(self, key: str) -> Path | None:
        """Where the object lies if it is a file of this machine, so that it can be sent without copying."""

    async def size(self, key: str) -> int | None:
        """Its length in bytes, None without such an object."""

    def listed(self) -> AsyncIterator[tuple[str, int]]:
        """Every key with its length in bytes, ascending by name. What is put meanwhile may be left out."""

    async def delete_prefix(self, prefix: str) -> None:
        """Delete everything under ``prefix``, which ends with a slash. Idempotent."""

    async def close(self) -> None:
        """Let go of connections and threads."""


class LocalObjects:
    """Objects as files under ``root``. The content type is not kept: the server knows it by the file's name."""

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
            size = await self.size(key) if _KEY.fullmatch(key) else None
            if size is not None:
                yield key, size

    async def delete_prefix(self, prefix: str) -> None:
        folder = self._path(_folder(prefix))
        with _disk_errors(), contextlib.suppress(FileNotFoundError):
            await asyncio.to_thread(shutil.rmtree, folder)

    async def close(self) -> None:
        return None

    def _path(self, key: str) -> Path:
        return self._root / _checked(key)

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


class S3Objects:
    """Objects in a bucket of S3 or what speaks its language. Calls run in a few threads of their own."""

    def __init__(self, *, client: Any, bucket: str, prefix: str = "", threads: int = 8) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="s3")

    @classmethod
    def connect(cls, url: str, *, endpoint_url: str | None = None, region: str | None = None) -> S3Objects:
        """A store on ``s3://bucket[/prefix]``; credentials and the rest come from where the AWS tools look for them."""
        import boto3
        from botocore.config import Config

        parts = urlsplit(url)
        config = Config(
            connect_timeout=3, read_timeout=10, retries={"max_attempts": 3, "mode": "standard"}, max_pool_connections=16
        )
        client = boto3.client("s3", endpoint_url=endpoint_url, region_name=region, config=config)
        prefix = parts.path.strip("/")
        return cls(client=client, bucket=parts.netloc, prefix=f"{prefix}/" if prefix else "")

    async def put(self, key: str, body: bytes | Path, *, content_type: str) -> None:
        name = self._name(key)
        await self._call(lambda: self._upload(name, body, content_type))

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str) -> int:
        upload = _MultipartUpload(self._client, self._bucket, self._name(key), content_type)
        try:
            async for part in _parts(chunks):
                await self._call(partial(upload.add, part))
            await self._call(upload.complete)
        except BaseException:
            await asyncio.shield(self._call(upload.abort))
            raise
        return upload.size

    async def open(self, key: str, *, offset: int = 0, size: int | None = None) -> AsyncIterator[bytes]:
        if size == 0 or (offset and offset >= (await self.size(key) or 0)):
            return
        span = f"bytes={offset}-" if size is None else f"bytes={offset}-{offset + size - 1}"
        ranged = {"Range": span} if offset or size is not None else {}
        name = self._name(key)
        answer = await self._call(lambda: self._client.get_object(Bucket=self._bucket, Key=name, **ranged))
        body = answer["Body"]
        try:
            while chunk := await self._call(lambda: body.read(CHUNK_BYTES)):
                yield chunk
        finally:
            body.close()

    def local_path(self, key: str) -> Path | None:
        _checked(key)
        return None

    async def size(self, key: str) -> int | None:
        name = self._name(key)
        try:
            answer = await self._call(lambda: self._client.head_object(Bucket=self._bucket, Key=name))
        except NoSuchObject:
            return None
        return int(answer["ContentLength"])

    async def listed(self) -> AsyncIterator[tuple[str, int]]:
        pages = iter(self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix))
        while (page := await self._call(lambda: next(pages, None))) is not None:
            for found in page.get("Contents", ()):
                yield found["Key"].removeprefix(self._prefix), int(found["Size"])

    async def delete_prefix(self, prefix: str) -> None:
        name = self._name(_folder(prefix)) + "/"
        await self._call(lambda: self._delete_all(name))

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def _name(self, key: str) -> str:
        return self._prefix + _checked(key)

    def _upload(self, name: str, body: bytes | Path, content_type: str) -> None:
        if isinstance(body, bytes):
            self._client.put_object(Bucket=self._bucket, Key=name, Body=body, ContentType=content_type)
            return
        with body.open("rb") as file:
            self._client.upload_fileobj(file, self._bucket, name, ExtraArgs={"ContentType": content_type})

    def _delete_all(self, prefix: str) -> None:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        for page in pages:
            names = [{"Key": found["Key"]} for found in page.get("Contents", ())]
            if names:
                self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": names, "Quiet": True})

    async def _call(self, work: Callable[[], T]) -> T:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except ClientError as error:
            raise _of_s3(error) from error
        except (Boto3Error, BotoCoreError, OSError) as error:
            raise Unavailable("objects", str(error)) from error


class _MultipartUpload:
    """An object that is sent in parts (S3's multipart upload); each part but the last has 5 MiB or more."""

    def __init__(self, client: Any, bucket: str, name: str, content_type: str) -> None:
        self._client = client
        self._where = {"Bucket": bucket, "Key": name}
        self._content_type = content_type
        self._upload_id = ""
        self._tags: list[dict[str, Any]] = []
        self.size = 0

    def add(self, part: bytes) -> None:
        if not self._upload_id:
            begun = self._client.create_multipart_upload(**self._where, ContentType=self._content_type)
            self._upload_id = begun["UploadId"]
        number = len(self._tags) + 1
        answer = self._client.upload_part(**self._where, UploadId=self._upload_id, PartNumber=number, Body=part)
        self._tags.append({"PartNumber": number, "ETag": answer["ETag"]})
        self.size += len(part)

    def complete(self) -> None:
        if not self._upload_id:
            self._client.put_object(**self._where, Body=b"", ContentType=self._content_type)
            return
        self._client.complete_multipart_upload(
            **self._where, UploadId=self._upload_id, MultipartUpload={"Parts": self._tags}
        )

    def abort(self) -> None:
        """The parts are deleted. Where that fails they are left to the bucket's own rules."""
        from botocore.exceptions import BotoCoreError, ClientError

        if self._upload_id:
            with contextlib.suppress(BotoCoreError, ClientError):
                self._client.abort_multipart_upload(**self._where, UploadId=self._upload_id)


async def _parts(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Chunks put together to parts. They grow, since an upload has at most 10,000: 440 GB with these."""
    held, number = bytearray(), 0
    async for chunk in chunks:
        held += chunk
        if len(held) >= PART_BYTES * (1 + number // 1_000):
            yield bytes(held)
            held, number = bytearray(), number + 1
    if held:
        yield bytes(held)


def open_objects(place: str) -> ObjectStore:
    """The store at ``s3://bucket[/prefix]``, or in the local folder ``place``."""
    return S3Objects.connect(place) if place.startswith("s3://") else LocalObjects(root=Path(place))


def _of_s3(error: Any) -> StorageError:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = error.response.get("Error", {}).get("Code", "")
    if code in ("NoSuchKey", "404", "NotFound"):
        return NoSuchObject(str(error))
    # A bucket or a right that is missing today may be there tomorrow: the operator's to mend, not the caller's.
    return Unavailable("objects", f"{code} ({status})")


def _checked(key: str) -> str:
    if len(key) > _MAX_KEY or _KEY.fullmatch(key) is None:
        raise BadValue(f"not an object key: {key[:80]!r}")
    return key


def _folder(prefix: str) -> str:
    if not prefix.endswith("/"):
        raise BadValue("a prefix ends with a slash")
    return prefix[:-1]


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
