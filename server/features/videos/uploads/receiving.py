"""The bytes of an upload, as they arrive: segments of the object store, each recorded before it counts.

An offset that was answered is an offset that is kept: a segment is stored first, then one statement moves the offset.
Of what a killed node had in memory nothing counts, and the client sends it again, to whichever node it reaches.
The latest request that writes is the only one: each takes the next number of ``writer``, and one with an earlier
number can no longer move the offset.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from server.features.videos.uploads import queries
from server.features.videos.uploads.rules import CLOSE, Bounds, require_size
from server.features.videos.uploads.tus import ALGORITHMS, CHECKSUM_MISMATCH, Checksum, Hash
from server.features.videos.uploads.uploads import Uploads, bytes_prefix, no_upload
from server.http.errors import Problem
from storage.objects import ObjectStore
from storage.postgres import Database, Transaction

SEGMENT_BYTES: Final = 16 * 1024 * 1024
SEGMENT_S: Final = 5.0
"""A slow client loses no more than this to a killed node."""
PIECE_BYTES: Final = 512 * 1024
LEAST_PIECE_BYTES: Final = 64 * 1024
PIECES_BYTES: Final = 2 * 1024 * 1024
"""Of the pieces that all requests which write are reading, together: the more there are, the smaller they are."""
IDLE_S: Final = 30.0
MAX_SEGMENTS: Final = 50_000


@dataclass(frozen=True, kw_only=True)
class Append:
    """What a request says of its bytes. ``length``: of an upload that had none."""

    owner_id: str
    upload_id: str
    offset: int
    length: int | None
    checksum: Checksum | None


@dataclass(kw_only=True)
class Writing:
    """One request that writes. ``start``: where its next segment begins; ``end``: where the upload ends at most."""

    owner_id: str
    upload_id: str
    writer: int
    start: int
    end: int
    has_length: bool
    hash: Hash | None = None
    unrecorded: list[tuple[int, int, str]] = field(default_factory=list)
    storing: asyncio.Task[None] | None = None
    """The segment before the one that is being read: it becomes durable meanwhile."""
    is_cut_off: bool = False

    async def settled(self) -> None:
        """All segments that were begun are stored. Raises what storing them raised."""
        if self.storing is not None:
            storing, self.storing = self.storing, None
            await storing

    async def abandon(self) -> None:
        """Nothing of this request goes on."""
        if self.storing is not None:
            await _end(self.storing)


async def _end(task: asyncio.Task[None]) -> None:
    """Its error, if it had one, is of no interest any more."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class Receiver:
    """Appends what requests bring."""

    def __init__(self, *, db: Database, objects: ObjectStore, uploads: Uploads, bounds: Bounds) -> None:
        self._db = db
        self._objects = objects
        self._uploads = uploads
        self._bounds = bounds
        self._writers = 0

    async def append(self, request: web.Request, asked: Append) -> int:
        """The offset after it. What comes before a client leaves counts, unless there is a checksum of the whole.

        While one segment becomes durable the next one is read: two are on their way at most.

        Raises a 404; a 403 for an upload made of parts; a 409 unless it begins where the upload ends; a 413 for more
        than its length; a 423 when a later request writes; a 460 when the checksum is another; ``Unavailable``.
        """
        writing = await self._begin(request, asked)
        body = _Body(request, self._piece_bytes)
        self._writers += 1
        try:
            while first := await body.piece(writing.end - writing.start):
                await self._store(writing, body, first)
            await writing.settled()
        finally:
            self._writers -= 1
            await writing.abandon()
        writing.is_cut_off = body.is_cut_off
        if await body.has_more():
            raise Problem(413, f"The upload ends at {writing.end}", headers=CLOSE)
        if asked.checksum is not None:
            await self._record_checked(writing, asked.checksum)
        if writing.start == asked.offset:
            await self._complete_at_length(asked.owner_id, asked.upload_id)
        return writing.start

    def _piece_bytes(self) -> int:
        return piece_bytes(self._writers)

    async def _complete_at_length(self, owner_id: str, upload_id: str) -> None:
        """A request without bytes may bring the length, which is where the upload stands."""
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.LOCK, upload_id, owner_id)
            if row is not None and row["state"] == "receiving" and row["received"] == row["size"] and not row["concat"]:
                await self._uploads.whole(tx, upload_id)

    async def _begin(self, request: web.Request, asked: Append) -> Writing:
        async with self._db.transaction() as tx:
            if asked.length is not None:
                await self._uploads.lock_owner(tx, asked.owner_id)
            row: Any = await tx.fetchrow(queries.LOCK, asked.upload_id, asked.owner_id)
            size = self._size(row, asked.offset, asked.length)
            if row["size"] is None and size is not None:
                await self._uploads.require_room(tx, asked.owner_id, more=size - asked.offset)
            await self._require_few_segments(tx, asked.upload_id)
            writer = await tx.fetchval(queries.BEGIN, asked.upload_id, size, self._uploads.expires_at())
        end = self._bounds.max_bytes if size is None else size
        if request.content_length is not None and asked.offset + request.content_length > end:
            raise Problem(413, f"The upload ends at {end}", headers=CLOSE)
        running = ALGORITHMS[asked.checksum.algorithm]() if asked.checksum else None
        return Writing(
            owner_id=asked.owner_id,
            upload_id=asked.upload_id,
            writer=writer,
            start=asked.offset,
            end=end,
            has_length=size is not None,
            hash=running,
        )

    def _size(self, row: Any, offset: int, length: int | None) -> int | None:
        if row is None:
            raise no_upload()
        if row["concat"] not in (None, "partial"):
            raise Problem(403, "An upload made of parts takes no bytes of its own", headers=CLOSE)
        if row["direct_id"] is not None:
            raise Problem(409, "The upload comes in direct parts", slug="direct-parts", headers=CLOSE)
        if row["state"] != "receiving" or row["received"] != offset or row["joined_into"] is not None:
            raise Problem(409, f"The upload goes on at {row['received']}", headers=CLOSE)
        if length is None:
            size: int | None = row["size"]
            return size
        if row["size"] not in (None, length) or length < offset:
            raise Problem(400, "The length of the upload is another", headers=CLOSE)
        require_size(self._bounds, length)
        return length

    async def _require_few_segments(self, tx: Transaction, upload_id: str) -> None:
        if await tx.fetchval(queries.SEGMENT_COUNT, upload_id) >= MAX_SEGMENTS:
            raise Problem(413, "The upload comes in too many small pieces: begin it anew", headers=CLOSE)

    async def _store(self, writing: Writing, body: _Body, first: bytes) -> None:
        """Read one segment, of ``first`` and what follows it, while the one before becomes durable and is recorded."""
        segment = _Segment(writing, body, first)
        storing = asyncio.create_task(self._stored(writing, segment), name=f"upload {writing.upload_id}")
        storing.add_done_callback(lambda _: segment.is_read.set())
        try:
            await segment.is_read.wait()
            await writing.settled()
        except BaseException:
            await _end(storing)
            raise
        writing.storing = storing
        if storing.done():
            await writing.settled()

    async def _stored(self, writing: Writing, segment: _Segment) -> None:
        key, before = f"{bytes_prefix(writing.upload_id)}{segment.start:015d}-{writing.writer}", writing.storing
        await self._objects.put_stream(key, segment.pieces(), content_type="application/octet-stream")
        if before is not None:
            await before
        found = (segment.start, segment.size, key)
        if writing.hash is None:
            await self._record(writing, [found])
        else:
            writing.unrecorded.append(found)

    async def _record(self, writing: Writing, segments: list[tuple[int, int, str]]) -> None:
        start, size = segments[0][0], sum(size for _, size, _ in segments)
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(
                queries.COMMIT, writing.upload_id, writing.writer, start, size, self._uploads.expires_at()
            )
            if row is None:
                raise Problem(423, "Another request writes to this upload", headers=CLOSE)
            if not writing.has_length:
                await self._uploads.require_still_room(tx, writing.owner_id)
            await tx.executemany(queries.ADD_SEGMENT, [(writing.upload_id, *segment) for segment in segments])
            if row["received"] == row["size"] and row["concat"] is None:
                await self._uploads.whole(tx, writing.upload_id)

    async def _record_checked(self, writing: Writing, checksum: Checksum) -> None:
        """All of the request, or nothing of it."""
        assert writing.hash is not None
        if writing.is_cut_off or writing.hash.digest() != checksum.digest:
            raise Problem(CHECKSUM_MISMATCH, "What came has another checksum: nothing of it was taken")
        if writing.unrecorded:
            await self._record(writing, writing.unrecorded)


def piece_bytes(writers: int) -> int:
    """How much one of so many requests reads before it hands that on."""
    return max(LEAST_PIECE_BYTES, min(PIECE_BYTES, PIECES_BYTES // max(1, writers)))


class _Segment:
    """The pieces of one segment, from where the one before ended. ``is_read``: its last piece has come."""

    def __init__(self, writing: Writing, body: _Body, first: bytes) -> None:
        self._writing = writing
        self._body = body
        self._first = first
        self.start = writing.start
        self.size = 0
        self.is_read = asyncio.Event()

    async def pieces(self) -> AsyncIterator[bytes]:
        writing, loop = self._writing, asyncio.get_running_loop()
        until, piece = loop.time() + SEGMENT_S, self._first
        while piece:
            self.size += len(piece)
            writing.start += len(piece)
            if writing.hash is not None:
                writing.hash.update(piece)
            yield piece
            is_full = self.size >= SEGMENT_BYTES or loop.time() > until
            piece = b"" if is_full else await self._body.piece(writing.end - writing.start)
        self.is_read.set()


class _Body:
    """The body of a request, in pieces. One that breaks off, or stands still, ends there."""

    def __init__(self, request: web.Request, piece_bytes: Callable[[], int]) -> None:
        self._content = request.content
        self._piece_bytes = piece_bytes
        self._rest = b""
        self.is_cut_off = False

    async def has_more(self) -> bool:
        """Whether there is more than ``piece`` was asked for."""
        self._rest = self._rest or await self._chunk()
        return bool(self._rest)

    async def piece(self, most: int) -> bytes:
        """The next bytes, ``most`` of them at most; none at the end."""
        chunks, size = [self._rest], len(self._rest)
        wanted = min(self._piece_bytes(), most)
        while size < wanted and (chunk := await self._chunk()):
            chunks.append(chunk)
            size += len(chunk)
        found = b"".join(chunks)
        piece, self._rest = (found, b"") if size <= most else (found[:most], found[most:])
        return piece

    async def _chunk(self) -> bytes:
        if self.is_cut_off:
            return b""
        try:
            async with asyncio.timeout(IDLE_S):
                return await self._content.readany()
        except (TimeoutError, web.RequestPayloadError, ConnectionError):
            self.is_cut_off = True
            return b""
