"""HLS players: each reads the playlist of the best picture and every segment once, as it comes."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urljoin

import aiohttp

from server.load_test.tally import Tally

PAUSE_S: Final = 1.0
READ_S: Final = 15.0
MAX_PLAYLIST_BYTES: Final = 4_000_000
FAILED: Final = (aiohttp.ClientError, TimeoutError, OSError)


@dataclass(frozen=True, kw_only=True)
class Segment:
    """``ends_at``: when its last picture came, in seconds since the epoch; None where the playlist does not say."""

    number: int
    url: str
    ends_at: float | None


def segments(text: str, url: str) -> Iterator[Segment]:
    """The whole segments of a media playlist, the oldest first."""
    number = int(found[1]) if (found := re.search(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", text)) else 0
    at: float | None = None
    length_s = 0.0
    for line in text.splitlines():
        if line.startswith("#EXTINF:"):
            length_s = float(line[8:].partition(",")[0])
        elif line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
            at = datetime.fromisoformat(line.partition(":")[2]).timestamp()
        elif line and not line.startswith("#"):
            at = at + length_s if at is not None else None
            yield Segment(number=number, url=urljoin(url, line), ends_at=at)
            number += 1


def variant(text: str, url: str) -> str | None:
    """The first picture's playlist of a multivariant one."""
    lines = text.splitlines()
    after = (line for tag, line in itertools.pairwise(lines) if tag.startswith("#EXT-X-STREAM-INF"))
    first = next(after, None)
    return urljoin(url, first) if first else None


class Player:
    def __init__(self, *, client: aiohttp.ClientSession, url: str, tally: Tally) -> None:
        self._client = client
        self._url = url
        self._tally = tally
        self._next: int | None = None

    async def play(self) -> None:
        """Until cancelled."""
        playlist: str | None = None
        self._tally.counts["players"] += 1
        while True:
            began_at = time.monotonic()
            try:
                playlist = playlist or variant(await self._text(self._url), self._url)
                if playlist is not None:
                    await self._advance(playlist)
            except FAILED:
                self._tally.counts["segments_failed"] += 1
            await asyncio.sleep(max(0.0, began_at + PAUSE_S - time.monotonic()))

    async def _advance(self, playlist: str) -> None:
        found = list(segments(await self._text(playlist), playlist))
        self._tally.counts["playlists"] += 1
        for segment in self._fresh(found):
            size = await self._size(segment.url)
            self._tally.counts["segments"] += 1
            self._tally.counts["segment_bytes"] += size
            if segment.ends_at is not None:
                self._tally.segment_s.add(time.time() - segment.ends_at)

    def _fresh(self, found: list[Segment]) -> list[Segment]:
        """Those not yet read: of the first playlist the last one alone."""
        if not found:
            return []
        if self._next is None:
            self._next = found[-1].number
        fresh = [one for one in found if one.number >= self._next]
        if fresh:
            self._tally.counts["segments_skipped"] += fresh[0].number - self._next
            self._next = fresh[-1].number + 1
        return fresh

    async def _text(self, url: str) -> str:
        async with self._client.get(url, ssl=False, timeout=aiohttp.ClientTimeout(total=READ_S)) as answer:
            answer.raise_for_status()
            return (await answer.content.read(MAX_PLAYLIST_BYTES)).decode(errors="replace")

    async def _size(self, url: str) -> int:
        size = 0
        async with self._client.get(url, ssl=False, timeout=aiohttp.ClientTimeout(total=READ_S)) as answer:
            answer.raise_for_status()
            async for chunk in answer.content.iter_any():
                size += len(chunk)
        return size
