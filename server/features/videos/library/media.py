"""The bytes of videos: ``/vod/{video_id}/…``. Those of a recording lie under ``/hls/{stream_id}/…``."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from pydantic import Field

from actors.runtime import DomainError
from media.vod.playlists import render_captions
from server.features.videos.library import queries
from server.features.videos.library.captions import VideoCaptions
from server.features.videos.library.files import VideoFiles
from server.features.videos.library.keys import INIT, poster_key
from server.features.videos.library.library import Library, VideoRow
from server.features.videos.library.moments import board_id
from server.features.videos.library.playlists import Playlists
from server.features.videos.library.views import Views
from server.features.videos.uploads import media_prefix
from server.http import content
from server.http.errors import Problem, not_found
from server.http.operation import Answer, Call, Handler, MediaType, Operation, PathFormat
from server.http.shapes import Query
from server.live.addresses import ADDRESSED, MediaAddresses
from server.live.captions import LANGUAGE_PATTERN
from server.live.hls_content import from_store
from server.live.storyboards import SHEET, Storyboards, webvtt
from server.live.viewings import Viewer
from storage.errors import StorageError
from storage.objects import ObjectStore
from storage.postgres import Database

TAG: Final = "videos"
CHANGES: Final = "no-cache"
HLS_TYPE: Final = "application/vnd.apple.mpegurl"
DASH_TYPE: Final = "application/dash+xml"
RENDITION: Final = PathFormat(pattern="^[a-z0-9_-]{1,32}$", description="A rendition", example="720p")
POSTER: Final = "thumbnail.webp"
EDITION: Final = PathFormat(pattern="^[0-9]{1,9}$", description="Which making of the video", example="1")
FILE: Final = PathFormat(
    pattern=r"^([0-9]{1,9}\.m4s|init\.mp4)$", description="A segment or the initialisation", example="0.m4s"
)


CAPTIONS: Final = PathFormat(
    pattern=rf"{LANGUAGE_PATTERN[:-1]}\.(m3u8|vtt)$", description="The captions of a language", example="en.vtt"
)


class IndexQuery(Query):
    """``view=socket``: its viewer is counted otherwise, by heartbeats."""

    view: Annotated[str, Field(max_length=64)] | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An object of a video. ``shared``: what caches are told of it where everybody may see it."""

    key: str
    size: int
    kind: str
    shared: str


class VideoMedia:
    """Judged anew at each request."""

    def __init__(
        self,
        *,
        library: Library,
        playlists: Playlists,
        captions: VideoCaptions,
        views: Views,
        storyboards: Storyboards,
        objects: ObjectStore,
        db: Database,
        addresses: MediaAddresses,
        files: VideoFiles,
        judged_every_s: float = 1.0,
    ) -> None:
        """``judged_every_s``: how often it is asked whether who is sent something may still see it."""
        self._files = files
        self._judged_every_s = judged_every_s
        self._library = library
        self._playlists = playlists
        self._captions = captions
        self._views = views
        self._storyboards = storyboards
        self._objects = objects
        self._db = db
        self._addresses = addresses

    def operations(self) -> Sequence[Operation]:
        base, video = "/vod/{video_id}", {"video_id": ADDRESSED}
        hls, dash = MediaType(media_type=HLS_TYPE), MediaType(media_type=DASH_TYPE)
        mp4, webp = MediaType(media_type="video/mp4"), MediaType(media_type="image/webp")
        any_problem = frozenset({403, 404, 412})
        return [
            Operation(
                method="GET", path=f"{base}/index.m3u8", handler=self._or_recording(self._multivariant, "index.m3u8"),
                name="vodIndex", tag=TAG, summary="The multivariant playlist of a video", paths=video, query=IndexQuery,
                answers={200: hls, 304: None, 307: None}, problems=any_problem, auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/manifest.mpd", handler=self._or_recording(self._manifest, "manifest.mpd"),
                name="vodManifest", tag=TAG, summary="The DASH manifest of a video, over the same segments",
                paths=video, answers={200: dash, 304: None, 307: None}, problems=any_problem, auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/storyboard.vtt", handler=self._or_recording(self._vtt, "storyboard.vtt"),
                name="vodStoryboard", tag=TAG, summary="Small pictures of a video, by time: WebVTT with #xywh",
                paths=video, answers={200: MediaType(media_type="text/vtt"), 304: None, 307: None},
                problems=any_problem, auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/storyboard/{{sheet}}", handler=self._sheet, name="vodSheet", tag=TAG,
                summary="Pictures of a storyboard", paths={**video, "sheet": SHEET},
                answers={200: webp, 304: None}, problems=frozenset({403, 404, 412, 503}), auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/thumbnail.webp", handler=self._or_recording(self._poster, POSTER),
                name="vodThumbnail", tag=TAG, summary="The poster of a video", paths=video,
                answers={200: webp, 206: webp, 304: None, 307: None}, problems=frozenset({403, 404, 412, 416}),
                auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/video.mp4", handler=self._mp4, name="vodMp4", tag=TAG, paths=video,
                summary="The best rendition of an uploaded video as a progressive MP4, for its owner",
                answers={200: mp4, 206: mp4, 304: None}, problems=frozenset({403, 404, 412, 416}), auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/captions/{{file}}", handler=self._caption_file, name="vodCaptions", tag=TAG,
                summary="The captions of a video in a language: a playlist, and WebVTT",
                paths={**video, "file": CAPTIONS}, answers={200: hls, 304: None}, problems=any_problem,
                auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/{{rendition}}.m3u8", handler=self._media, name="vodMedia", tag=TAG,
                summary="A rendition of a video", paths={**video, "rendition": RENDITION},
                answers={200: hls, 304: None}, problems=any_problem, auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/{{edition}}/{{rendition}}/{{file}}", handler=self._file, name="vodFile",
                tag=TAG, summary="A segment or initialisation of a video; its bytes never change",
                paths={**video, "edition": EDITION, "rendition": RENDITION, "file": FILE},
                answers={200: mp4, 206: mp4, 304: None}, problems=frozenset({403, 404, 412, 416}), auth="optional",
            ),
        ]  # fmt: skip

    def _or_recording(self, handler: Handler, file: str) -> Handler:
        """A recording's is at its stream's address."""

        async def answer(call: Call[Any, Any]) -> Answer | web.StreamResponse:
            video = await self._video(call, is_played=file != POSTER)
            if video.stream_id is not None and not (video.has_own_poster and file == POSTER):
                address = self.address(video, self._asker(call)[1])
                return Answer(307, None, {"Location": f"/hls/{address}/{file}", "Cache-Control": content.PRIVATE})
            return await handler(call)

        return answer

    def address(self, video: VideoRow, viewer: Viewer) -> str:
        """The part of a path that stands for the video when this viewer asks."""
        return self._addresses.recorded(video.id, viewer, is_open=video.is_open)

    def _asker(self, call: Call[Any, Any]) -> tuple[str, Viewer]:
        return self._addresses.read(call.path["video_id"], call.person, address=call.address)

    async def _video(self, call: Call[Any, Any], *, is_played: bool = True) -> VideoRow:
        """Raises a 403 for an address that is not good (any more), and a 404 or 451 for those who may not see it.

        ``is_played``: it is no poster, which cards show under a plain address."""
        if is_played:
            self._addresses.require_signed(call.path["video_id"], call.person)
        return await self._library.one(*self._asker(call))

    async def _multivariant(self, call: Call[None, IndexQuery]) -> web.StreamResponse:
        video = await self._video(call)
        languages = [one["language"] for one in await self._captions.languages(video)]
        text = await self._playlists.multivariant(video, languages)
        if call.query.view is None:
            await self._views.note(video, self._asker(call)[1], call.address)
        return _text(call, video, text, HLS_TYPE)

    async def _caption_file(self, call: Call[None, None]) -> web.StreamResponse:
        video = await self._video(call)
        language, _, kind = call.path["file"].rpartition(".")
        text = await self._captions.webvtt(video, language)
        if kind == "vtt":
            return _text(call, video, text, "text/vtt; charset=utf-8")
        return _text(call, video, render_captions(f"{language}.vtt", seconds=video.duration_ms / 1000), HLS_TYPE)

    async def _media(self, call: Call[None, None]) -> web.StreamResponse:
        video = await self._video(call)
        return _text(call, video, await self._playlists.media(video, call.path["rendition"]), HLS_TYPE)

    async def _manifest(self, call: Call[None, None]) -> web.StreamResponse:
        video = await self._video(call)
        return _text(call, video, await self._playlists.manifest(video), DASH_TYPE)

    async def _vtt(self, call: Call[None, None]) -> web.StreamResponse:
        video = await self._video(call)
        moments = await self._storyboards.moments(board_id(video.id, video.edition)) if video.edition else 0
        return _text(call, video, webvtt(moments), "text/vtt; charset=utf-8")

    async def _sheet(self, call: Call[None, None]) -> web.StreamResponse:
        video = await self._video(call)
        number, _, count = call.path["sheet"].removesuffix(".webp").partition("-")
        board = board_id(video.id, video.edition)
        body = await self._storyboards.sheet(board, int(number), int(count)) if video.edition else None
        if body is None:
            raise not_found("There is no such picture")
        # Not for ever: a video that is trimmed has other pictures under the same addresses.
        headers = {"Cache-Control": _for_caches(video, CHANGES), "Content-Type": "image/webp"}
        etag = f'"{video.id}-{video.edition}-{number}-{count}"'
        return content.held(call.request, body, etag=etag, headers=headers)

    async def _poster(self, call: Call[None, None]) -> web.StreamResponse:
        video = await self._video(call, is_played=False)
        own = video.poster_upload_id
        key = poster_key(video.id) if own is None else f"{media_prefix(own)}full.webp"
        size = await self._objects.size(key) if own or video.has_poster else None
        if size is None:
            raise not_found("There is no picture of it")
        return await self._sent(call, video, Kept(key=key, size=size, kind="image/webp", shared=CHANGES))

    async def _file(self, call: Call[None, None]) -> web.StreamResponse:
        video = await self._video(call)
        edition, rendition, file = int(call.path["edition"]), call.path["rendition"], call.path["file"]
        key, size = await self._place(video, edition, rendition, file)
        if size is None:
            raise not_found("There is no such file")
        shared = self._addresses.immutable(call.path["video_id"])
        return await self._sent(call, video, Kept(key=key, size=size, kind="video/mp4", shared=shared))

    async def _mp4(self, call: Call[None, None]) -> web.StreamResponse:
        video = await self._video(call)
        if video.file_bytes is None or self._asker(call)[1].id != video.owner_id:
            raise not_found("There is no file of this video")

        def read(offset: int, count: int) -> AsyncIterator[bytes]:
            return self._files.read(video, offset, count)

        headers = {
            "Cache-Control": content.PRIVATE,
            "Content-Type": "video/mp4",
            "Content-Disposition": f'attachment; filename="video-{video.id}.mp4"',
        }
        etag = f'"{video.id}-{video.edition}-{video.file_bytes}"'
        async with self._while_allowed(call, is_played=True):
            return await content.streamed(call.request, read, size=video.file_bytes, etag=etag, headers=headers)

    async def _place(self, video: VideoRow, edition: int, rendition: str, file: str) -> tuple[str, int | None]:
        """The object of a file, and its size; None without such a file."""
        if file == INIT:
            key = await self._db.fetchval(queries.INIT, video.id, edition, rendition)
            return key or "", None if key is None else await self._objects.size(key)
        number = int(file.removesuffix(".m4s"))
        row = await self._db.fetchrow(queries.FILE, video.id, edition, rendition, number)
        return ("", None) if row is None else (row["object_key"], row["bytes"])

    async def _sent(self, call: Call[Any, Any], video: VideoRow, kept: Kept) -> web.StreamResponse:
        headers = {"Cache-Control": _for_caches(video, kept.shared), "Content-Type": kept.kind}
        async with self._while_allowed(call, is_played=not kept.kind.startswith("image/")):
            return await from_store(
                self._objects, call.request, kept.key, size=kept.size, name=kept.key, headers=headers
            )

    @asynccontextmanager
    async def _while_allowed(self, call: Call[Any, Any], *, is_played: bool) -> AsyncGenerator[None]:
        """An answer on its way is broken off when the right to see it ends."""
        judging = asyncio.create_task(self._break_off(call, is_played=is_played), name="judge who is sent a video")
        try:
            yield
        finally:
            judging.cancel()

    async def _break_off(self, call: Call[Any, Any], *, is_played: bool) -> None:
        while True:
            await asyncio.sleep(self._judged_every_s)
            try:
                await self._video(call, is_played=is_played)
            except StorageError:
                continue  # what is on its way goes on while the database is away
            except (Problem, DomainError):
                if call.request.transport is not None:
                    call.request.transport.abort()
                return


def _text(call: Call[Any, Any], video: VideoRow, body: str, kind: str) -> web.StreamResponse:
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:24]}"'
    headers = {"Cache-Control": _for_caches(video, CHANGES), "Content-Type": kind}
    return content.text(call.request, body.encode(), etag=etag, headers=headers)


def _for_caches(video: VideoRow, shared: str) -> str:
    return shared if video.is_open else content.PRIVATE
