"""HLS and DASH over HTTP: what is live from the run folder, what was recorded from the object store."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from aiohttp import web
from pydantic import Field

from actors.events import StreamView
from actors.runtime import DomainError
from media.hls.answers import Bad, InStore, Location, OnDisk, PendingPart, Rendered, Wait
from media.hls.blocking import parse_query
from media.hls.index import FIRST_SEGMENT_S
from media.hls.marks import MarkList
from media.hls.reel import Reel
from server.http import content
from server.http.errors import Problem, not_found
from server.http.operation import Answer, Call, Handler, MediaType, Operation, PathFormat
from server.http.shapes import Query
from server.live.addresses import ADDRESSED, MediaAddresses
from server.live.hls_content import from_disk, from_store, picture_on_disk
from server.live.hls_players import DASH, ON_AIR, HlsPlayers, transport_of
from server.live.marks import no_languages, no_marks
from server.live.playback import HeldIndex, Playback
from server.live.pull import Pull
from server.live.stream_access import hidden
from server.live.stream_directory import StreamDirectory
from server.live.stream_shapes import TAG
from server.live.viewings import Viewer, Viewings
from storage.objects import NoSuchObject, ObjectStore
from storage.recording import Recordings

PART_WAIT_S: Final = 6.0
WANT_S: Final = 1.0
PLAYLIST: Final = "no-cache"
WAITED_FOR_TARGETS, NEWEST_TARGETS, OVER_S = 6, 0.5, 60
"""How long CDNs may keep playlists, in target durations (RFC 8216bis, appendix B.1), and those of what is
over, in seconds."""
PICTURE: Final = "public, max-age=2"
PLAIN_AFTER_END_S: Final = 600.0
"""So long those who watched to the end of a stream go on with its plain address, where recordings need signed ones."""

_Response = Answer | web.StreamResponse

log = logging.getLogger("server.hls")

RENDITION: Final = PathFormat(pattern="^[a-z0-9_-]{1,32}$", description="A rendition", example="video")
FILE: Final = PathFormat(
    pattern=r"^([0-9]{1,12}([.-][0-9]{1,6})?\.m4s|init-[0-9]{1,6}\.mp4)$",
    description="A segment (also one that was silenced in parts, as `7-2.m4s`), part or init",
    example="7.m4s",
)
NUMBER: Final = PathFormat(pattern="^[0-9]{1,9}$", description="A publication's number", example="1")


class PlaylistQuery(Query):
    """The delivery directives of low-latency HLS, ``dvr=1`` for everything since the start, ``iframes=1`` for the
    I-frame playlist of a rendition, and ``alone=1`` in the addresses of a multivariant playlist without pictures: such
    a playlist ends when there are any. ``view`` is in the addresses of a multivariant playlist, and in
    that under which a manifest is asked for again: by it a player that no socket counts is counted. ``view=socket`` in
    the address of that playlist or manifest itself: a socket counts this viewer."""

    view: Annotated[str, Field(max_length=64)] | None = None
    dvr: str | None = None
    alone: str | None = None
    iframes: str | None = None
    _HLS_msn: str | None = None
    _HLS_part: str | None = None
    _HLS_skip: str | None = None


class PictureQuery(Query):
    """``optional=1``: while there is no picture the answer is 204, not 404."""

    optional: Literal["1"] | None = None


class FootageQuery(Query):
    """``ms`` of the media clock before ``stop_ms``; without it, before the end."""

    ms: Annotated[int, Field(ge=0, le=2**53)]
    stop_ms: Annotated[int, Field(ge=0, le=2**53)] | None = None


class HlsRoutes:
    """``/hls/{stream_id}/…``."""

    name = "hls"

    def __init__(
        self,
        *,
        playback: Playback,
        stream_directory: StreamDirectory,
        objects: ObjectStore,
        recordings: Recordings,
        pull: Pull,
        addresses: MediaAddresses,
        viewings: Viewings,
        footage: Callable[[str, float, float | None], Reel | None],
        want: Callable[[str, int], None],
        me: str,
        players: HlsPlayers,
        marks: Callable[[str], Awaitable[MarkList]] = no_marks,
        languages: Callable[[str], Awaitable[Sequence[str]]] = no_languages,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """``want`` gets a stream's id and its viewers when a client asks for a rendition that is made on demand.
        ``marks``: of a stream, what its playlists tell players of; ``languages``: that it has captions in."""
        self._playback = playback
        self._stream_directory = stream_directory
        self._objects = objects
        self._recordings = recordings
        self._pull = pull
        self._addresses = addresses
        self._viewings = viewings
        self._footage_of = footage
        self._want = want
        self._marks = marks
        self._languages = languages
        self._me = me
        self._players = players
        self._wall = wall

    def operations(self) -> Sequence[Operation]:
        base = "/hls/{stream_id}"
        stream = {"stream_id": ADDRESSED}
        playlist = MediaType(media_type="application/vnd.apple.mpegurl", description="An HLS playlist")
        return [
            Operation(
                method="GET", path=f"{base}/index.m3u8", handler=self.here_or_there(self._multivariant),
                name="hlsIndex", tag=TAG,
                summary="The multivariant playlist", query=PlaylistQuery, paths=stream,
                answers={200: playlist, 304: None}, problems=frozenset({404, 412, 503}), auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/manifest.mpd",
                handler=self.here_or_there(self._manifest, counts=lambda call: DASH),
                name="dashManifest", tag=TAG,
                summary="The DASH manifest over the same segments", query=PlaylistQuery, paths=stream,
                answers={200: MediaType(media_type="application/dash+xml"), 304: None},
                problems=frozenset({404, 412, 503}),
                auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/thumbnail.webp", handler=self.here_or_there(self._thumbnail),
                name="thumbnail", tag=TAG,
                summary="The latest picture", paths=stream, query=PictureQuery,
                answers={200: MediaType(media_type="image/webp"), 204: None, 304: None},
                problems=frozenset({404, 412}), auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/{{rendition}}.m3u8", name="hlsMedia", tag=TAG,
                handler=self.here_or_there(self._media, counts=lambda call: transport_of(call.path["rendition"])),
                summary="A rendition's playlist, with blocking reload", query=PlaylistQuery,
                paths={**stream, "rendition": RENDITION}, answers={200: playlist, 304: None},
                problems=frozenset({400, 404, 412, 503}), auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/{{rendition}}/{{publication}}/{{file}}",
                handler=self.here_or_there(self._file), name="hlsFile", tag=TAG,
                summary="A segment, part or initialisation; its bytes never change",
                paths={**stream, "rendition": RENDITION, "publication": NUMBER, "file": FILE},
                answers={200: MediaType(media_type="video/mp4"), 206: MediaType(media_type="video/mp4"), 304: None},
                problems=frozenset({404, 412, 416, 503}), auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/footage.json", handler=self._footage, name="footage", tag=TAG,
                summary="Which files hold a time of the stream, for the other nodes", query=FootageQuery, paths=stream,
                answers={200: MediaType(media_type="application/json")}, problems=frozenset({404}), auth="optional",
                is_documented=False,
            ),
        ]  # fmt: skip

    async def _footage(self, call: Call[None, FootageQuery]) -> web.StreamResponse:
        view = await self.view(call)
        ms, stop_ms = call.query.ms, call.query.stop_ms
        reel = self._footage_of(view.id, ms / 1000, None if stop_ms is None else stop_ms / 1000)
        headers = {"Cache-Control": "no-store", "Content-Type": "application/json"}
        return web.Response(body=msgspec.json.encode(reel), headers=headers)

    def here_or_there(self, handler: Handler, *, counts: Callable[[Call[Any, Any]], str] | None = None) -> Handler:
        """Answered by the node that the stream is published on; by this one when there is none, or it is gone.

        ``counts``: who asks is a viewer over this transport.
        """

        async def answer(call: Call[Any, Any]) -> Answer | web.StreamResponse:
            view = await self.view(call)
            viewer = self._asker(call)[1]
            if counts is not None:
                self._players.count(call.request, view, viewer, transport=counts(call), address=call.address)
            with self._viewings.holding(view.id, viewer, lambda: _break_off(call.request)):
                is_there = view.state in ON_AIR and view.media_node not in ("", self._me)
                if is_there and self._pull.can_reach(view.media_node):
                    response: _Response = await self._players.pulled(
                        self._pull, call.request, view, readdress=self._readdress(call, view)
                    )
                else:
                    response = await handler(call)
                return await _sent(call.request, response)

        return answer

    def _readdress(self, call: Call[Any, Any], view: StreamView) -> tuple[str, str]:
        """The part of the path that stands for the stream, and what stands there for the node that has it: under the
        viewer's country where that matters."""
        part = call.path["stream_id"]
        is_told = view.restrictions.has_countries
        return part, self._addresses.relayed(view.id, self._asker(call)[1]) if is_told else part

    def _asker(self, call: Call[Any, Any]) -> tuple[str, Viewer]:
        return self._addresses.read(call.path["stream_id"], call.person, address=call.address)

    async def _multivariant(self, call: Call[None, PlaylistQuery]) -> web.StreamResponse:
        held = await self._playable(call)
        kept_s = _kept_s(held)
        view = await self.view(call)
        languages = tuple(await self._languages(view.id))
        answer = held.index.multivariant(dvr=is_dvr(call), languages=languages)
        player = self._players.for_index(call.request, view)
        if player is not None and isinstance(answer, Rendered):
            answer, kept_s = self._players.named(answer, player, call.request), 0
        return self._playlist(call, view, answer, kept_s)

    async def _manifest(self, call: Call[None, PlaylistQuery]) -> web.StreamResponse:
        held = await self._playable(call)
        if held.index.plans_any:
            await self._wanted(call, held)
        view = await self.view(call)
        marks, languages = await self._marks(view.id), tuple(await self._languages(view.id))
        manifest = held.index.manifest(now=self._wall(), dvr=is_dvr(call), marks=marks, languages=languages)
        player = self._players.for_index(call.request, view)
        if player is not None and isinstance(manifest, Rendered):
            manifest = self._players.named(manifest, player, call.request)
        return self._playlist(call, view, manifest)  # not kept: it tells players the time

    async def _playable(self, call: Call[Any, Any]) -> HeldIndex:
        """The stream's index once players can start from it. A publisher that has just come needs a key frame interval
        for its first segment: a player that waits starts sooner than one that polls, and most give up at an error."""
        held = await self.held(call)
        deadline = asyncio.get_running_loop().time() + FIRST_SEGMENT_S
        while not held.index.is_playable:
            if not await held.change(deadline):
                raise Problem(503, "The stream has no whole segment yet", retry_after_s=2.0)
        return held

    async def _media(self, call: Call[None, PlaylistQuery]) -> web.StreamResponse:
        held = await self.held(call)
        asked = call.request.query
        query = parse_query(asked.get("_HLS_msn"), asked.get("_HLS_part"), asked.get("_HLS_skip"))
        rendition, dvr = call.path["rendition"], is_dvr(call)
        if call.query.iframes == "1":

            async def keys() -> Rendered | Bad | Wait:
                return held.index.keys(rendition, query, dvr=dvr)

            return await self._answered(call, held, keys)
        if held.index.is_made(rendition):
            await self._wanted(call, held)
        is_alone, stream_id = call.query.alone == "1", self._asker(call)[0]

        async def ask() -> Rendered | Bad | Wait:
            marks = await self._marks(stream_id)
            return held.index.media(rendition, query, dvr=dvr, is_alone=is_alone, marks=marks)

        return await self._answered(call, held, ask)

    async def _answered(
        self, call: Call[None, PlaylistQuery], held: HeldIndex, ask: Callable[[], Awaitable[Rendered | Bad | Wait]]
    ) -> web.StreamResponse:
        """A media playlist, once it holds what was asked for. Raises a 503 when that does not come in time."""
        answer, asked = await ask(), call.request.query
        loop = asyncio.get_running_loop()
        deadline = loop.time() + answer.limit_s if isinstance(answer, Wait) else 0.0
        while isinstance(answer, Wait):
            if not await held.change(deadline):
                raise Problem(503, "The stream has stalled: the part did not come in time", retry_after_s=1.0)
            answer = await ask()
        kept_s = 0 if "view" in asked else _kept_s(held, was_waited_for="_HLS_msn" in asked)
        return self._playlist(call, await self.view(call), answer, kept_s)

    def _playlist(
        self, call: Call[Any, Any], view: StreamView, answer: Rendered | Bad | Wait, kept_s: int = 0
    ) -> web.StreamResponse:
        if isinstance(answer, Bad):
            raise Problem(answer.status, answer.reason)
        assert isinstance(answer, Rendered)
        headers = {"Cache-Control": _for_caches(view, PLAYLIST), "Age": "0", "Content-Type": answer.content_type}
        if kept_s and view.is_open:
            headers["CDN-Cache-Control"] = f"max-age={kept_s}"
        return content.text(call.request, answer.body, etag=answer.etag, headers=headers)

    async def _thumbnail(self, call: Call[None, PictureQuery]) -> web.StreamResponse:
        view = await self.view(call)
        picture = self._playback.picture(view.id)
        body = picture_on_disk(picture.path) if picture is not None else None
        if body is None:
            body = await self._stored(f"streams/{view.id}/thumbnail.webp")
        if body is None and call.query.optional:
            return web.Response(status=204, headers={"Cache-Control": "no-store"})
        if body is None:
            raise not_found("There is no picture yet")
        headers = {"Cache-Control": _for_caches(view, PICTURE), "Content-Type": "image/webp"}
        etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        return content.held(call.request, body, etag=etag, headers=headers)

    async def _stored(self, key: str) -> bytes | None:
        try:
            return b"".join([chunk async for chunk in self._objects.open(key)])
        except NoSuchObject:
            return None

    async def _file(self, call: Call[None, None]) -> web.StreamResponse:
        held = await self.held(call)
        if held.index.is_made(call.path["rendition"]):
            await self._wanted(call, held)
        name = f"{call.path['rendition']}/{call.path['publication']}/{call.path['file']}"
        location = held.index.locate(name)
        deadline = asyncio.get_running_loop().time() + PART_WAIT_S
        while isinstance(location, PendingPart):
            if not await held.change(deadline):
                raise Problem(503, "The part did not come in time", retry_after_s=1.0)
            location = held.index.locate(name)
        return await self._bytes(call, location, name)

    async def _wanted(self, call: Call[Any, Any], held: HeldIndex) -> None:
        """The media process makes such renditions for as long as it is told so: about once a second is enough."""
        now = asyncio.get_running_loop().time()
        if now - held.wanted_at >= WANT_S:
            held.wanted_at = now
            view = await self.view(call)
            self._want(view.id, view.viewers)

    async def _bytes(self, call: Call[Any, Any], location: Location | None, name: str) -> web.StreamResponse:
        headers = {"Cache-Control": self._kept_by_caches(call, await self.view(call)), "Content-Type": "video/mp4"}
        if isinstance(location, OnDisk):
            response = await from_disk(call.request, location, name, headers)
            if response is not None:
                return response
            return await self._init(call, name, headers)
        if isinstance(location, InStore):
            return await from_store(
                self._objects, call.request, location.object_key, size=location.size, name=name, headers=headers
            )
        raise not_found("There is no such file in this stream")

    async def _init(self, call: Call[Any, Any], name: str, headers: dict[str, str]) -> web.StreamResponse:
        """An initialisation whose live file has gone is an object too."""
        for init in await self._recordings.inits(self._asker(call)[0]):
            if init.name == name:
                size = await self._objects.size(init.object_key)
                return await from_store(
                    self._objects, call.request, init.object_key, size=size or 0, name=name, headers=headers
                )
        raise not_found("There is no such file in this stream")

    async def _from_store(
        self, call: Call[Any, Any], key: str, *, size: int, name: str, headers: dict[str, str]
    ) -> web.StreamResponse:
        return await from_store(self._objects, call.request, key, size=size, name=name, headers=headers)

    def _kept_by_caches(self, call: Call[Any, Any], view: StreamView) -> str:
        return _for_caches(view, self._addresses.immutable(call.path["stream_id"]))

    async def held(self, call: Call[Any, Any]) -> HeldIndex:
        view = await self.view(call)
        if view.ended_at is not None and self._wall() - view.ended_at.timestamp() > PLAIN_AFTER_END_S:
            self._addresses.require_signed(call.path["stream_id"], call.person)
        return await self._playback.held(view)

    async def view(self, call: Call[Any, Any]) -> StreamView:
        stream_id, viewer = self._asker(call)
        try:
            return await self._stream_directory.view(stream_id, viewer=viewer)
        except DomainError as error:
            raise hidden(error) from None


def _break_off(request: web.Request) -> None:
    """The right to see what is on its way has ended."""
    if request.transport is not None:
        request.transport.abort()


async def _sent(request: web.Request, response: Answer | web.StreamResponse) -> Answer | web.StreamResponse:
    """To the last byte, so that an answer on its way can be broken off."""
    if isinstance(response, web.StreamResponse):
        await response.prepare(request)
        await response.write_eof()
    return response


def is_dvr(call: Call[Any, PlaylistQuery]) -> bool:
    return call.query.dvr == "1"


def _kept_s(held: HeldIndex, *, was_waited_for: bool = False) -> int:
    """How long CDNs may keep a playlist (RFC 9213). What was waited for holds that for good, but for what follows."""
    if held.index.is_ended:
        return OVER_S
    return round(held.index.target_s * (WAITED_FOR_TARGETS if was_waited_for else NEWEST_TARGETS))


def _for_caches(view: StreamView, shared: str) -> str:
    """``Cache-Control``: what not everybody may see is in no shared cache."""
    return shared if view.is_open else content.PRIVATE
