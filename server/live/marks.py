"""What playlists tell of streams beside their media: read at most once a second a stream while it is played."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

import msgspec

from media.hls.marks import NO_MARKS, Mark, MarkList
from storage.errors import Unavailable
from storage.timed_marks import TimedMark

FRESH_S: Final = 1.0
MAX_STREAMS: Final = 1_000

T = TypeVar("T")


class Fresh(Generic[T]):
    """By stream. While Postgres is away, playlists go on with what was read last; so do requests during a read."""

    def __init__(
        self,
        *,
        read: Callable[[str], Awaitable[T]],
        nothing: T,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``nothing``: where nothing was read yet."""
        self._read = read
        self._nothing = nothing
        self._monotonic = monotonic
        self._held: OrderedDict[str, tuple[float, T]] = OrderedDict()

    async def of(self, stream_id: str) -> T:
        read_at, held = self._held.get(stream_id, (float("-inf"), self._nothing))
        at = self._monotonic()
        if at - read_at < FRESH_S:
            return held
        self._keep(stream_id, at, held)
        try:
            held = self._same(held, await self._read(stream_id))
        except Unavailable:
            return held
        self._keep(stream_id, at, held)
        return held

    def _same(self, before: T, now: T) -> T:
        """What was held before where it is equal, so that what was rendered for it is kept."""
        return before if before == now else now

    def _keep(self, stream_id: str, at: float, held: T) -> None:
        self._held[stream_id] = (at, held)
        self._held.move_to_end(stream_id)
        if len(self._held) > MAX_STREAMS:
            self._held.popitem(last=False)


class Marks(Fresh[MarkList]):
    """The moments that playlists tell of."""

    def __init__(
        self,
        *,
        read: Callable[[str], Awaitable[Sequence[TimedMark]]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        async def listed(stream_id: str) -> MarkList:
            return MarkList(tuple(_mark(row) for row in await read(stream_id)))

        super().__init__(read=listed, nothing=NO_MARKS, monotonic=monotonic)

    def _same(self, before: MarkList, now: MarkList) -> MarkList:
        return before if before.items == now.items else now


class Languages(Fresh[Sequence[str]]):
    """Those that streams have captions in."""

    def __init__(
        self, *, read: Callable[[str], Awaitable[Sequence[str]]], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(read=read, nothing=(), monotonic=monotonic)


def _mark(row: TimedMark) -> Mark:
    return Mark(id=row.id, at_ms=row.at_ms, kind=row.kind, value=msgspec.json.encode(row.value).decode())


async def no_marks(stream_id: str) -> MarkList:
    """Where nothing is read."""
    return NO_MARKS


async def no_languages(stream_id: str) -> Sequence[str]:
    """Where there are no captions."""
    return ()
