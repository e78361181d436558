"""The bytes of segments, parts and pictures: from the run folder while they are live, else from the object store."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from io import FileIO
from pathlib import Path
from typing import Final

from aiohttp import web

from media.hls.answers import OnDisk
from server.http import content
from server.http.errors import not_found
from storage.objects import NoSuchObject, ObjectStore

PIECE_BYTES: Final = 256 * 1024


def entity_tag(name: str, size: int) -> str:
    """The entity tag of what never changes under its name: the same on all nodes, live and recorded."""
    return f'"{name.replace("/", "-")}-{size}"'


async def from_store(
    objects: ObjectStore, request: web.Request, key: str, *, size: int, name: str, headers: dict[str, str]
) -> web.StreamResponse:
    def read(offset: int, count: int) -> AsyncIterator[bytes]:
        return objects.open(key, offset=offset, size=count)

    try:
        return await content.streamed(request, read, size=size, etag=entity_tag(name, size), headers=headers)
    except NoSuchObject:
        raise not_found("There is no such file in this stream") from None


async def from_disk(
    request: web.Request, location: OnDisk, name: str, headers: dict[str, str]
) -> web.StreamResponse | None:
    """From the run folder, which is in memory. None when the file has gone."""
    file = _opened(location.path)
    if file is None:
        return None
    with file:

        def read(offset: int, count: int) -> AsyncIterator[bytes]:
            return _pieces(file.fileno(), location.offset + offset, count)

        return await content.streamed(
            request, read, size=location.size, etag=entity_tag(name, location.size), headers=headers
        )


def _opened(path: str) -> FileIO | None:
    try:
        return Path(path).open("rb", buffering=0)
    except OSError:
        return None


async def _pieces(descriptor: int, offset: int, count: int) -> AsyncIterator[bytes]:
    while count > 0 and (piece := os.pread(descriptor, min(PIECE_BYTES, count), offset)):
        offset, count = offset + len(piece), count - len(piece)
        yield piece


def picture_on_disk(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except OSError:
        return None
