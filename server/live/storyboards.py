"""Storyboards of recordings: a WebVTT of moments, each with its place on a sheet of small pictures.

A sheet is made when it is asked for, of the first bytes of segments, which are key frames. A whole one is kept beside
the recording and goes with it; that at the end of a live stream grows, and each of its lengths has an address of its
own.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

import msgspec
from aiohttp import web

from actors.events import StreamView
from actors.runtime import DomainError
from media.pictures.messages import KeyFrame, MakeSheet
from media.pictures.reencoder import PictureRefusedError, TooManyPicturesError
from server.http import content
from server.http.errors import Problem, not_found
from server.http.operation import Call, MediaType, Operation, PathFormat
from server.live.addresses import ADDRESSED, MediaAddresses
from server.live.stream_access import hidden
from server.live.stream_shapes import TAG
from server.live.viewings import Viewer
from storage.objects import NoSuchObject, ObjectStore
from storage.recording import Segment, Window

STEP_MS: Final = 10_000
"""Between two pictures: twelve hours have 4,320 of them."""
COLUMNS: Final = 5
ON_SHEET: Final = 25
WIDTH: Final = 160
HEIGHT: Final = 90
KEY_FRAME_BYTES: Final = 768 * 1024
"""Of a segment; a larger key frame leaves its place black."""
RECORDED_SHEET: Final = PathFormat(
    pattern="^[0-9]{1,6}-([1-9]|1[0-9]|2[0-5])(-[0-9]{1,9})?[.]webp$",
    description="A sheet's number, the pictures on it, and of a recording that was trimmed how often",
    example="0-25.webp",
)
ROWS: Final = 5_000
"""Segments of all renditions that begin within one sheet."""
KEPT: Final = 32
MAX_WAITING: Final = 16
SOURCE: Final = "video"
SHEET: Final = PathFormat(
    pattern="^[0-9]{1,6}-([1-9]|1[0-9]|2[0-5])[.]webp$",
    description="A sheet's number, and the pictures on it",
    example="0-25.webp",
)
IMMUTABLE: Final = "public, max-age=31536000, immutable"


class Views(Protocol):
    """What viewers may know of streams."""

    async def view(self, stream_id: str, *, viewer: Viewer) -> StreamView: ...


class Pictured(Protocol):
    """What there are key frames of: ``storage.recording.Recordings``, and whatever else has segments."""

    async def between(self, stream_id: str, /, *, from_ms: int, to_ms: int, limit: int) -> Sequence[Segment]: ...

    async def extent_ms(self, stream_id: str, /) -> tuple[float, float] | None: ...


class Recorded(Protocol):
    """``storage.recording.Recordings``."""

    async def between(self, stream_id: str, /, *, from_ms: int, to_ms: int, limit: int) -> Sequence[Segment]: ...

    async def extent_ms(self, stream_id: str, /) -> tuple[float, float] | None: ...

    async def window(self, stream_id: str, /) -> Window: ...


class RecordedMoments:
    """The key frames of recordings, by the clock of what a trim has left. Ids are ``board``'s."""

    def __init__(self, recordings: Recorded) -> None:
        self._recordings = recordings

    async def board(self, stream_id: str) -> tuple[str, int]:
        """What its storyboard is named by, and which one it is: a trim makes another."""
        edition = (await self._recordings.window(stream_id)).edition
        return (f"{stream_id}/trimmed/{edition}" if edition else stream_id), edition

    async def between(self, board: str, /, *, from_ms: int, to_ms: int, limit: int) -> Sequence[Segment]:
        stream_id = board.partition("/")[0]
        begin = (await self._recordings.window(stream_id)).begin_ms
        rows = await self._recordings.between(stream_id, from_ms=begin + from_ms, to_ms=begin + to_ms, limit=limit)
        return [msgspec.structs.replace(row, media_time_ms=row.media_time_ms - begin) for row in rows]

    async def extent_ms(self, board: str, /) -> tuple[float, float] | None:
        stream_id = board.partition("/")[0]
        extent, begin = await self._recordings.extent_ms(stream_id), (await self._recordings.window(stream_id)).begin_ms
        return None if extent is None else (extent[0] - begin, extent[1] - begin)


class Storyboards:
    """The sheets of one node's viewers; one is made at a time. ``folder``: of the objects, under which each stream has
    one of its own."""

    def __init__(
        self,
        *,
        recordings: Pictured,
        objects: ObjectStore,
        sheet: Callable[[MakeSheet], Awaitable[bytes]],
        folder: str = "streams",
    ) -> None:
        self._recordings = recordings
        self._folder = folder
        self._objects = objects
        self._sheet = sheet
        self._made: OrderedDict[str, bytes] = OrderedDict()
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def moments(self, stream_id: str) -> int:
        """How many pictures there are by now."""
        extent = await self._recordings.extent_ms(stream_id)
        return 0 if extent is None else math.ceil(extent[1] / STEP_MS)

    async def sheet(self, stream_id: str, number: int, count: int) -> bytes | None:
        """A sheet with ``count`` pictures or more, each in its place; None where there are not so many.

        Raises a 503 when too many others wait.
        """
        there = min(ON_SHEET, await self.moments(stream_id) - number * ON_SHEET)
        if count > there:
            return None
        key = f"{self._folder}/{stream_id}/storyboard/{number}-{there}.webp"
        return self._made.get(key) or await self._stored(key) or await self._after_others(stream_id, number, there, key)

    async def _stored(self, key: str) -> bytes | None:
        try:
            return b"".join([chunk async for chunk in self._objects.open(key)])
        except NoSuchObject:
            return None

    async def _after_others(self, stream_id: str, number: int, count: int, key: str) -> bytes:
        if self._waiting >= MAX_WAITING:
            raise Problem(503, "Too many storyboards are being made", retry_after_s=2.0)
        self._waiting += 1
        try:
            async with self._turn:
                return self._made.get(key) or await self._make(stream_id, number, count, key)
        finally:
            self._waiting -= 1

    async def _make(self, stream_id: str, number: int, count: int, key: str) -> bytes:
        frames = await self._key_frames(stream_id, number * ON_SHEET, count)
        order = MakeSheet(frames=tuple(frames), columns=COLUMNS, width=WIDTH, height=HEIGHT)
        try:
            made = await self._sheet(order)
        except (PictureRefusedError, TooManyPicturesError) as error:
            raise Problem(503, "The storyboard cannot be made for a moment", retry_after_s=5.0) from error
        if count == ON_SHEET:
            await self._objects.put(key, made, content_type="image/webp")
        self._made[key] = made
        if len(self._made) > KEPT:
            self._made.popitem(last=False)
        return made

    async def _key_frames(self, stream_id: str, first: int, count: int) -> list[KeyFrame | None]:
        begin, end = first * STEP_MS, (first + count) * STEP_MS
        rows = await self._recordings.between(stream_id, from_ms=begin - STEP_MS, to_ms=end, limit=ROWS)
        shown = [row for row in rows if row.rendition == SOURCE]
        inits = {key: await self._stored(key) for key in {row.init_key for row in shown}}
        return [await self._key_frame(at_moment(shown, begin + step * STEP_MS), inits) for step in range(count)]

    async def _key_frame(self, row: Segment | None, inits: dict[str, bytes | None]) -> KeyFrame | None:
        init = None if row is None else inits[row.init_key]
        if row is None or init is None:
            return None
        try:
            read = self._objects.open(row.object_key, size=KEY_FRAME_BYTES)
            return KeyFrame(init, b"".join([chunk async for chunk in read]))
        except NoSuchObject:
            return None


def at_moment(rows: Sequence[Segment], moment_ms: int) -> Segment | None:
    """The segment that is shown then; else the first within the step, as pauses are not recorded."""
    playing = [row for row in rows if row.media_time_ms <= moment_ms < row.media_time_ms + row.duration_ms]
    later = [row for row in rows if moment_ms < row.media_time_ms < moment_ms + STEP_MS]
    return playing[-1] if playing else later[0] if later else None


def webvtt(moments: int, *, edition: int = 0) -> str:
    """A cue for each picture, with the part of its sheet (Media Fragments URI 1.0, 4.2.2). ``edition``: of a recording,
    in the names of its sheets."""
    suffix = f"-{edition}" if edition else ""
    return "WEBVTT\n\n" + "\n".join(_cue(moment, moments, suffix) for moment in range(moments))


def _cue(moment: int, moments: int, suffix: str) -> str:
    sheet, place = divmod(moment, ON_SHEET)
    count = min(ON_SHEET, moments - sheet * ON_SHEET)
    row, column = divmod(place, COLUMNS)
    part = f"xywh={column * WIDTH},{row * HEIGHT},{WIDTH},{HEIGHT}"
    begin, end = moment * STEP_MS, (moment + 1) * STEP_MS
    return f"{_time(begin)} --> {_time(end)}\nstoryboard/{sheet}-{count}{suffix}.webp#{part}\n"


def _time(ms: int) -> str:
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


class StoryboardRoutes:
    """``/hls/{stream_id}/storyboard…``, for those who may see the stream."""

    def __init__(
        self, *, storyboards: Storyboards, moments: RecordedMoments, views: Views, addresses: MediaAddresses
    ) -> None:
        self._storyboards = storyboards
        self._moments = moments
        self._views = views
        self._addresses = addresses

    def operations(self) -> Sequence[Operation]:
        stream = {"stream_id": ADDRESSED}
        return [
            Operation(
                method="GET", path="/hls/{stream_id}/storyboard.vtt", handler=self._vtt, name="storyboard", tag=TAG,
                summary="Small pictures of what is recorded, by time: WebVTT with #xywh", paths=stream,
                answers={200: MediaType(media_type="text/vtt"), 304: None}, problems=frozenset({404, 412}),
                auth="optional",
            ),
            Operation(
                method="GET", path="/hls/{stream_id}/storyboard/{sheet}", handler=self._picture, tag=TAG,
                name="storyboardSheet", summary="Pictures of a storyboard", paths={**stream, "sheet": RECORDED_SHEET},
                answers={200: MediaType(media_type="image/webp"), 304: None}, problems=frozenset({404, 412, 503}),
                auth="optional",
            ),
        ]  # fmt: skip

    async def _vtt(self, call: Call[None, None]) -> web.StreamResponse:
        view = await self._view(call)
        board, edition = await self._moments.board(view.id)
        moments = await self._storyboards.moments(board)
        headers = {"Cache-Control": _for_caches(view, "no-cache"), "Content-Type": "text/vtt; charset=utf-8"}
        return content.text(
            call.request, webvtt(moments, edition=edition).encode(), etag=f'"{board}-{moments}"', headers=headers
        )

    async def _picture(self, call: Call[None, None]) -> web.StreamResponse:
        view = await self._view(call)
        number, count, *of = (int(part) for part in call.path["sheet"].removesuffix(".webp").split("-"))
        board, edition = await self._moments.board(view.id)
        body = await self._storyboards.sheet(board, number, count) if of == ([edition] if edition else []) else None
        if body is None:
            raise not_found("There is no such picture")
        headers = {"Cache-Control": _for_caches(view, IMMUTABLE), "Content-Type": "image/webp"}
        return content.held(call.request, body, etag=f'"{board}-{number}-{count}"', headers=headers)

    async def _view(self, call: Call[Any, Any]) -> StreamView:
        stream_id, viewer = self._addresses.read(call.path["stream_id"], call.person, address=call.address)
        try:
            return await self._views.view(stream_id, viewer=viewer)
        except DomainError as error:
            raise hidden(error) from None


def _for_caches(view: StreamView, shared: str) -> str:
    return shared if view.is_open else content.PRIVATE
