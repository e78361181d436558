"""The playlists of an uploaded video, from its rows. What is whole never changes, so it is kept in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from media.hls.dash import Presentation, render_mpd
from media.hls.listing import RenditionInfo, SegmentInfo
from media.hls.multivariant import render_multivariant
from media.vod.messages import SEGMENT_S, SOUND_RATE
from media.vod.playlists import render_vod
from server.features.videos.library import queries
from server.features.videos.library.keys import INIT, segment_file
from server.features.videos.library.library import VideoRow
from server.http.errors import not_found
from storage.postgres import Database, Row

KEPT: Final = 64
"""Texts; a playlist of twelve hours has 500 kB."""


class Playlists:
    """Of renditions that can be played: the smallest from its first segments on, the others when they have all."""

    def __init__(self, *, db: Database) -> None:
        self._db = db
        self._texts: OrderedDict[tuple[str, ...], str] = OrderedDict()

    async def multivariant(self, video: VideoRow, languages: Sequence[str] = ()) -> str:
        """``languages``: of captions. Raises a 404 while nothing can be played."""
        texts = [(language, f"captions/{language}.m3u8") for language in languages]
        return render_multivariant([_info(row) for row in await self._renditions(video)], texts=texts)

    async def media(self, video: VideoRow, rendition: str) -> str:
        """Raises a 404 for a rendition that is not there."""
        row = await self._rendition(video, rendition)
        if not row["is_whole"]:
            return render_vod(await self._segments(video, row), is_whole=False)
        return await self._kept(video, rendition, [row])

    async def manifest(self, video: VideoRow) -> str:
        """The DASH manifest over the same segments. Raises a 404 while there are no pictures that are whole."""
        rows = [row for row in await self._renditions(video) if row["is_whole"]]
        if not any(row["kind"] == "video" for row in rows):
            raise not_found("There is nothing to play yet")
        return await self._kept(video, "", rows)

    async def _kept(self, video: VideoRow, rendition: str, rows: Sequence[Row]) -> str:
        key = (video.id, str(video.edition), rendition, *(row["name"] for row in rows))
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = await self._made(video, rendition, rows)
            if len(self._texts) > KEPT:
                self._texts.popitem(last=False)
        return text

    async def _made(self, video: VideoRow, rendition: str, rows: Sequence[Row]) -> str:
        listed = [(row, await self._segments(video, row)) for row in rows]
        if rendition:
            return render_vod(listed[0][1])
        rate = SOUND_RATE
        shown = [Presentation(_info(row), rate if row["kind"] == "audio" else 0, segments) for row, segments in listed]
        return render_mpd(shown, target_s=SEGMENT_S)

    async def _renditions(self, video: VideoRow) -> Sequence[Row]:
        rows = await self._db.fetch(queries.RENDITIONS, video.id, video.edition)
        if not rows:
            raise not_found("There is nothing to play yet")
        return rows

    async def _rendition(self, video: VideoRow, name: str) -> Row:
        for row in await self._renditions(video):
            if row["name"] == name:
                return row
        raise not_found("There is no such rendition")

    async def _segments(self, video: VideoRow, row: Row) -> list[SegmentInfo]:
        base = f"{video.edition}/{row['name']}"
        return [
            SegmentInfo(
                number=one["number"],
                uri=f"{base}/{segment_file(one['number'])}",
                init_uri=f"{base}/{INIT}",
                media_time=one["start"],
                duration=one["duration"],
                timescale=row["timescale"],
                size=one["bytes"],
                key_bytes=one["key_bytes"],
            )
            for one in await self._db.fetch(queries.SEGMENTS, video.id, video.edition, row["name"])
        ]


def _info(row: Row) -> RenditionInfo:
    return RenditionInfo(
        name=row["name"],
        uri=f"{row['name']}.m3u8",
        kind=row["kind"],
        codec=row["codec"],
        bandwidth=max(1, row["peak_rate"]),
        average_bandwidth=max(1, row["average_rate"]),
        width=row["width"],
        height=row["height"],
        frame_rate=row["fps"],
        channels=row["channels"],
    )
