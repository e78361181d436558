"""``/hls/{stream_id}/captions/…``: the captions of a stream as WebVTT, cut like its pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from media.hls import wvtt
from media.hls.index import PLAYLIST_TYPE
from media.hls.webvtt import Cue, segment_file, whole_file
from server.http import content
from server.http.errors import not_found
from server.http.operation import Call, MediaType, Operation, PathFormat
from server.live.addresses import ADDRESSED
from server.live.hls import HlsRoutes, PlaylistQuery, is_dvr
from server.live.stream_shapes import TAG
from storage.recording import Window
from storage.stream_cues import StoredCue, StreamCues

LANGUAGE_PATTERN: Final = "^[a-z]{2,3}(-[a-z0-9]{1,8}){0,3}$"
LANGUAGE: Final = PathFormat(pattern=LANGUAGE_PATTERN, description="A language, BCP 47 in lower case", example="en")
PIECE: Final = PathFormat(
    pattern=r"^([0-9]{1,12}\.(vtt|m4s)|init\.mp4)$", description="A segment by its number, or the init", example="7.vtt"
)
MP4: Final = "application/mp4"
INIT_CACHE: Final = "public, max-age=86400"
FRESH: Final = "public, max-age=1"
"""Cues may come after what they are of."""
VTT: Final = "text/vtt; charset=utf-8"


class CaptionMedia:
    """Judged and answered by the node of the stream, as its other media are."""

    def __init__(self, *, hls: HlsRoutes, cues: StreamCues) -> None:
        self._hls = hls
        self._cues = cues

    def operations(self) -> Sequence[Operation]:
        base, paths = "/hls/{stream_id}/captions/{language}", {"stream_id": ADDRESSED, "language": LANGUAGE}
        vtt = MediaType(media_type="text/vtt")
        return [
            Operation(
                method="GET", path=f"{base}.m3u8", handler=self._hls.here_or_there(self._playlist),
                name="captionsPlaylist", tag=TAG, paths=paths, query=PlaylistQuery,
                summary="The playlist of captions in a language, segment by segment as that of the pictures",
                answers={200: MediaType(media_type="application/vnd.apple.mpegurl"), 304: None},
                problems=frozenset({404, 412}), auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}.vtt", handler=self._hls.here_or_there(self._whole), name="captionsFile",
                tag=TAG, paths=paths, summary="All captions in a language", answers={200: vtt, 304: None},
                problems=frozenset({404, 412}), auth="optional",
            ),
            Operation(
                method="GET", path=f"{base}/{{piece}}", handler=self._hls.here_or_there(self._segment),
                name="captionsSegment", tag=TAG, paths={**paths, "piece": PIECE},
                summary="The captions that are shown during a segment: WebVTT for HLS, and for DASH the same in MP4",
                answers={200: vtt, 304: None},
                problems=frozenset({404, 412}), auth="optional",
            ),
        ]  # fmt: skip

    async def _playlist(self, call: Call[None, PlaylistQuery]) -> web.StreamResponse:
        held, language = await self._hls.held(call), call.path["language"]
        text = held.index.timed_text(lambda number: f"{language}/{number}.vtt", dvr=is_dvr(call))
        if text is None:
            raise not_found("There is nothing to play yet")
        return await self._sent(call, text, PLAYLIST_TYPE, "no-cache")

    async def _whole(self, call: Call[None, None]) -> web.StreamResponse:
        stream_id = (await self._hls.view(call)).id
        window = await self._cues.window(stream_id)
        rows = await self._cues.between(
            stream_id, call.path["language"], from_ms=window.begin_ms, to_ms=window.end_ms or 2**53
        )
        if not rows:
            raise not_found("There are no captions in this language")
        cues = [_moved(cue, window) for cue in _cues(rows)]
        return await self._sent(call, whole_file(cues), VTT, FRESH)

    async def _segment(self, call: Call[None, None]) -> web.StreamResponse:
        name, _, kind = call.path["piece"].partition(".")
        if name == "init":
            return await self._sent(call, wvtt.init_file(), MP4, INIT_CACHE)
        held, number = await self._hls.held(call), int(name)
        span = held.index.span_ms(number)
        if span is None:
            raise not_found("There is no such segment")
        stream_id = (await self._hls.view(call)).id
        found = await self._cues.between(stream_id, call.path["language"], from_ms=span[0], to_ms=span[1])
        cues, from_ms, to_ms = _cues(found), span[0], max(span[1], span[0] + 1)
        if kind == "m4s":
            return await self._sent(
                call, wvtt.segment_file(cues, number=number, from_ms=from_ms, to_ms=to_ms), MP4, FRESH
            )
        return await self._sent(call, segment_file(cues, from_ms=from_ms, to_ms=to_ms), VTT, FRESH)

    async def _sent(self, call: Call[Any, Any], body: str | bytes, kind: str, shared: str) -> web.StreamResponse:
        view = await self._hls.view(call)
        headers = {"Cache-Control": shared if view.is_open else content.PRIVATE, "Content-Type": kind}
        sent = body.encode() if isinstance(body, str) else body
        return content.text(call.request, sent, etag=f'"{hashlib.sha256(sent).hexdigest()[:24]}"', headers=headers)


def _moved(cue: Cue, window: Window) -> Cue:
    """By the clock of what is left of a recording; its first and last cues are as long as what is left of them."""
    to_ms = cue.to_ms if window.end_ms is None else min(cue.to_ms, window.end_ms)
    return Cue(from_ms=max(0, cue.from_ms - window.begin_ms), to_ms=to_ms - window.begin_ms, text=cue.text)


def _cues(rows: Sequence[StoredCue]) -> list[Cue]:
    return [Cue(from_ms=row.from_ms, to_ms=row.to_ms, text=row.text) for row in rows]
