"""Answers with an entity tag (RFC 9110, RFC 9111): text that may be compressed, and bytes in whole or in part."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

from aiohttp import web

from server.http.conditions import Part, accepts_gzip, is_refused, is_unchanged, part_of
from server.http.errors import Problem

COMPRESSED_FROM_BYTES: Final = 2_000
COMPRESSED_HERE_BYTES: Final = 64 * 1024
"""More than this, about 1 ms of work, is compressed beside the loop: playlists of many hours."""
PRIVATE: Final = "private, no-cache"
"""For what not everybody may see: no shared cache keeps it, and a browser asks each time whether it still may."""

Read = Callable[[int, int], AsyncIterator[bytes]]
"""The bytes from an offset on, as many as the second number says, in pieces."""


def text(request: web.Request, body: bytes, *, etag: str, headers: Mapping[str, str]) -> web.Response:
    """Text, compressed for those who take that; the compressed form has a tag of its own (RFC 9110, 8.8.3.3)."""
    said = dict(headers)
    is_zipped = False
    if len(body) >= COMPRESSED_FROM_BYTES:
        said["Vary"] = "Accept-Encoding"
        is_zipped = accepts_gzip(request.headers)
    said["ETag"] = zipped_tag(etag) if is_zipped else etag
    ready = without_content(request, said)
    if ready is not None:
        return ready
    response = web.Response(body=body, headers=said, zlib_executor_size=COMPRESSED_HERE_BYTES)
    if is_zipped:
        response.enable_compression(web.ContentCoding.gzip)
    return response


def zipped_tag(etag: str) -> str:
    return f'{etag[:-1]}-gz"'


def without_content(request: web.Request, headers: Mapping[str, str]) -> web.Response | None:
    """The 304 for a client that has what ``headers`` tag. Raises a 412 when it wants only something else."""
    if is_refused(request.headers, headers["ETag"]):
        raise Problem(412)
    if is_unchanged(request.headers, headers["ETag"]):
        return web.Response(status=304, headers={k: v for k, v in headers.items() if k != "Content-Type"})
    return None


def held(request: web.Request, body: bytes, *, etag: str, headers: Mapping[str, str]) -> web.Response:
    """Bytes that are in memory, or the part of them that is asked for. Raises a 412 or a 416."""
    said = {**headers, "ETag": etag, "Accept-Ranges": "bytes"}
    ready = without_content(request, said)
    if ready is not None:
        return ready
    status, part = _chosen(request, said, len(body))
    return web.Response(status=status, headers=said, body=body[part.offset : part.offset + part.size])


async def streamed(
    request: web.Request, read: Read, *, size: int, etag: str, headers: Mapping[str, str]
) -> web.StreamResponse:
    """As ``held``, of bytes that lie elsewhere; nothing has been sent when the first piece cannot be read."""
    said = {**headers, "ETag": etag, "Accept-Ranges": "bytes"}
    ready = without_content(request, said)
    if ready is not None:
        return ready
    status, part = _chosen(request, said, size)
    response = web.StreamResponse(status=status, headers={**said, "Content-Length": str(part.size)})
    if request.method == "HEAD" or not part.size:
        await response.prepare(request)
        return response
    pieces = read(part.offset, part.size)
    first = await anext(pieces, b"")
    try:
        await response.prepare(request)
        await response.write(first)
        async for piece in pieces:
            await response.write(piece)
        await response.write_eof()
    except ConnectionError:
        pass  # the client has left: players break off what they no longer need
    return response


def _chosen(request: web.Request, headers: dict[str, str], size: int) -> tuple[int, Part]:
    """The status and which bytes to send; says in ``headers`` which they are."""
    part = part_of(request.headers, method=request.method, etag=headers["ETag"], size=size)
    if part is None:
        return 200, Part(0, size)
    if not part.size:
        raise Problem(416, headers={"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {part.offset}-{part.offset + part.size - 1}/{size}"
    return 206, part
