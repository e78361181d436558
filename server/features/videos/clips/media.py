"""The bytes of clips: ``/clips/{clip_id}/…``. One file, progressive MP4 as a whole and HLS by its ranges."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from media.hls.cutting import render_extents
from media.hls.listing import RenditionInfo
from media.hls.multivariant import render_multivariant
from server.features.videos.clips.clips import ClipRow, Clips
from server.features.videos.clips.keys import FILE, PICTURE, THUMBNAIL, file_key
from server.features.videos.clips.shapes import Rendition
from server.http import content
from server.http.errors import not_found
from server.http.operation import Call, MediaType, Operation, PathFormat
from server.http.shapes import Query
from server.live.addresses import ADDRESSED, MediaAddresses
from server.live.hls_content import from_store
from server.live.viewings import Viewings
from storage.objects import ObjectStore

TAG: Final = "clips"
PLAYLIST_TYPE: Final = "application/vnd.apple.mpegurl"
RENDITION: Final = PathFormat(pattern="^[a-z0-9_-]{1,32}$", description="A rendition", example="video")

PICTURE_NAME: Final = PathFormat(
    pattern=f"^({THUMBNAIL[:-5]}|{PICTURE[:-5]})$", description="Which picture", example="thumbnail"
)


class FileQuery(Query):
    """``download=1``: to be kept as a file."""

    download: str | None = None


class ClipMedia:
    """Judged anew at each request, and broken off when the right to see it ends."""

    def __init__(self, *, clips: Clips, objects: ObjectStore, addresses: MediaAddresses, viewings: Viewings) -> None:
        self._clips = clips
        self._objects = objects
        self._addresses = addresses
        self._viewings = viewings

    def operations(self) -> Sequence[Operation]:
        base, clip = "/clips/{clip_id}", {"clip_id": ADDRESSED}
        playlist, mp4 = (
            MediaType(media_type=PLAYLIST_TYPE, description="An HLS playlist"),
            MediaType(media_type="video/mp4"),
        )
        picture = MediaType(media_type="image/webp")
        return [
            Operation(
                method="GET", path=f"{base}/index.m3u8", handler=self._multivariant, name="clipIndex", tag=TAG,
                summary="The multivariant playlist of a clip", paths=clip, answers={200: playlist, 304: None},
                problems=frozenset({403, 404, 412}), auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/{{rendition}}.m3u8", handler=self._playlist, name="clipMedia", tag=TAG,
                summary="A rendition of a clip: byte ranges of its file", paths={**clip, "rendition": RENDITION},
                answers={200: playlist, 304: None}, problems=frozenset({403, 404, 412}), auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/{FILE}", handler=self._file, name="clipFile", tag=TAG,
                summary="The clip as a progressive MP4", query=FileQuery, paths=clip,
                answers={200: mp4, 206: mp4, 304: None}, problems=frozenset({403, 404, 412, 416}), auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/{{picture}}.webp", handler=self._thumbnail, name="clipThumbnail", tag=TAG,
                summary="The picture of a clip", paths={**clip, "picture": PICTURE_NAME},
                answers={200: picture, 206: picture, 304: None},
                problems=frozenset({403, 404, 412, 416}), auth="optional",
            ),
        ]  # fmt: skip

    async def _clip(self, call: Call[Any, Any], *, is_played: bool = True) -> ClipRow:
        """``is_played``: it is no picture, which cards show under a plain address."""
        if is_played:
            self._addresses.require_signed(call.path["clip_id"], call.person)
        clip_id, viewer = self._addresses.read(call.path["clip_id"], call.person, address=call.address)
        return await self._clips.one(clip_id, viewer)

    async def _multivariant(self, call: Call[None, None]) -> web.StreamResponse:
        clip = await self._clip(call)
        return _text(call, clip, render_multivariant([_info(one) for one in clip.file.renditions]))

    async def _playlist(self, call: Call[None, None]) -> web.StreamResponse:
        clip = await self._clip(call)
        for one in clip.file.renditions:
            if one.name == call.path["rendition"]:
                return _text(call, clip, render_extents(one.extents, uri=FILE, start_s=clip.from_ms / 1000))
        raise not_found("There is no such rendition")

    async def _file(self, call: Call[None, FileQuery]) -> web.StreamResponse:
        clip = await self._clip(call)
        headers = {"Content-Type": "video/mp4"}
        if call.query.download == "1":
            headers["Content-Disposition"] = f'attachment; filename="clip-{clip.id}.mp4"'
        return await self._sent(call, clip, FILE, clip.file.size, headers)

    async def _thumbnail(self, call: Call[None, None]) -> web.StreamResponse:
        clip = await self._clip(call, is_played=False)
        name = f"{call.path['picture']}.webp"
        size = await self._objects.size(file_key(clip.id, name))
        if size is None:
            raise not_found("There is no picture of it")
        return await self._sent(call, clip, name, size, {"Content-Type": "image/webp"})

    async def _sent(
        self, call: Call[Any, Any], clip: ClipRow, name: str, size: int, headers: dict[str, str]
    ) -> web.StreamResponse:
        viewer = self._addresses.read(call.path["clip_id"], call.person, address=call.address)[1]
        headers["Cache-Control"] = _for_caches(clip, self._addresses.immutable(call.path["clip_id"]))
        with self._viewings.holding(clip.stream_id, viewer, lambda: _break_off(call.request)):
            return await from_store(
                self._objects,
                call.request,
                file_key(clip.id, name),
                size=size,
                name=f"{clip.id}/{name}",
                headers=headers,
            )


def _text(call: Call[Any, Any], clip: ClipRow, body: str) -> web.StreamResponse:
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:24]}"'
    headers = {"Cache-Control": _for_caches(clip, "no-cache"), "Content-Type": PLAYLIST_TYPE}
    return content.text(call.request, body.encode(), etag=etag, headers=headers)


def _for_caches(clip: ClipRow, shared: str) -> str:
    return shared if clip.is_open else content.PRIVATE


def _info(one: Rendition) -> RenditionInfo:
    size, seconds = sum(each.size for each in one.extents), sum(each.duration_s for each in one.extents)
    peak = max(each.size * 8 / max(each.duration_s, 0.5) for each in one.extents)
    return RenditionInfo(
        name=one.name,
        uri=f"{one.name}.m3u8",
        kind=one.kind,
        codec=one.codec,
        bandwidth=max(1, round(peak)),
        average_bandwidth=max(1, round(size * 8 / max(seconds, 0.1))),
        width=one.width,
        height=one.height,
        frame_rate=one.frame_rate,
        channels=one.channels,
    )


def _break_off(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
