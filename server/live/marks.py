"""The moments of streams that this node's playlists tell of: read at most once a second a stream while it is played."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from media.hls.marks import NO_MARKS, Mark, MarkList
from storage.errors import Unavailable
from storage.timed_marks import TimedMark

FRESH_S: Final = 1.0
MAX_STREAMS: Final = 1_000

Read = Callable[[str], Awaitable[Sequence[TimedMark]]]


class Marks:
    """While Postgres is away, playlists go on with what was read last."""

    def __init__(self, *, read: Read, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._monotonic = monotonic
        self._held: OrderedDict[str, tuple[float, MarkList]] = OrderedDict()

    async def of(self, stream_id: str) -> MarkList:
        read_at, held = self._held.get(stream_id, (float("-inf"), NO_MARKS))
        at = self._monotonic()
        if at - read_at < FRESH_S:
            return held
        self._keep(stream_id, at, held)  # who asks meanwhile gets what there was
        try:
            items = tuple(_mark(row) for row in await self._read(stream_id))
        except Unavailable:
            return held
        if items != held.items:
            held = MarkList(items)
        self._keep(stream_id, at, held)
        return held

    def _keep(self, stream_id: str, at: float, held: MarkList) -> None:
        self._held[stream_id] = (at, held)
        self._held.move_to_end(stream_id)
        if len(self._held) > MAX_STREAMS:
            self._held.popitem(last=False)


def _mark(row: TimedMark) -> Mark:
    return Mark(id=row.id, at_ms=row.at_ms, kind=row.kind, value=msgspec.json.encode(row.value).decode())


async def no_marks(stream_id: str) -> MarkList:
    """Where nothing is read."""
    return NO_MARKS
