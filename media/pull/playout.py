"""Plays recordings and clips into a publication, one after the other without a gap, and nothing is re-encoded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import groupby
from typing import Final, Protocol

import msgspec

from media.errors import MediaError
from media.hls.cmaf import BadSegment, TrackHead, read_init
from media.publication import Publication
from media.pull.hls_playback import first_to_end
from media.pull.playout_items import Chunk, Group, ItemTimes, Piece, Playout, PlayoutItem, Spot, spot_at
from media.pull.publishing import Publish
from media.restream.connection import Trouble
from media.unit import Kind, Track, Unit

AHEAD: Final = 4
"""Groups, of about two seconds each, that are read before they are due."""
LATE_S: Final = 1.0
"""What is late by more than this is not caught up with."""
EARLY_S: Final = 0.01
SKIPPED: Final = "item_skipped"


class PlayoutOver(MediaError):
    """The last item has been played."""


class Library(Protocol):
    """Where items are. Both raise ``OSError`` or ``Trouble`` while they cannot be had."""

    async def list(
        self, stream_id: str, item: PlayoutItem, *, from_ms: int, after: int
    ) -> tuple[Sequence[Chunk], int | None]:
        """Some of an item's chunks, in order of their numbers, from the one that holds ``from_ms`` and of numbers above
        ``after``; and the last number, None when there are no more."""

    async def read(self, piece: Piece) -> bytes: ...


class PlayoutPlayback:
    """Plays one playout. ``faults`` names what is wrong with items, ``item`` is the one that is on."""

    def __init__(
        self,
        *,
        stream_id: str,
        playout: Playout,
        library: Library,
        publish: Publish,
        on_live: Callable[[], None],
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``publish`` is asked when there is something to play; ``on_live`` called once it is published."""
        self.received_bytes = 0
        self.item: int | None = None
        self.faults: dict[int, str] = {}
        self._stream_id = stream_id
        self._playout = playout
        self._library = library
        self._publish = publish
        self._on_live = on_live
        self._wall = wall
        self._clock = clock
        self._sleep = sleep
        self._publication: Publication | None = None
        self._tracks: dict[Kind, Track] = {}
        self._last: dict[Kind, int] = {}
        self._origin_s: float | None = None
        self._stopped: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Until it is over or stopped: always raises, ``PlayoutOver``, ``Trouble`` or ``PublishRefused``."""
        spot = spot_at(self._playout, self._wall())
        if spot is None:
            raise PlayoutOver("it is over")
        groups: asyncio.Queue[Group | None] = asyncio.Queue(AHEAD)
        try:
            await first_to_end([self._until_stopped(), self._play(groups), self._load(spot, groups)])
        finally:
            if self._publication is not None:
                self._publication.close("the playout has ended")

    async def _until_stopped(self) -> None:
        raise Trouble("stopped", await self._stopped)

    # reading ahead

    async def _load(self, spot: Spot, groups: asyncio.Queue[Group | None]) -> None:
        """Raises when a whole round has nothing to play; waits for ever after the last item."""
        begin_s, index, from_ms, failed = 0.0, spot.item, spot.from_ms, 0
        while True:
            times = ItemTimes(begin_s=begin_s)
            fault = await self._load_item(index, from_ms, times, groups)
            self._note(index, fault)
            failed = failed + 1 if times.end_s == begin_s else 0
            if failed >= len(self._playout.items):
                raise Trouble("closed", "no item can be played")
            begin_s, index, from_ms = times.end_s, index + 1, 0
            if index == len(self._playout.items):
                index = 0
                if not self._playout.loops:
                    await groups.put(None)
                    await asyncio.Future()

    async def _load_item(self, index: int, from_ms: int, times: ItemTimes, groups: asyncio.Queue[Group | None]) -> str:
        """Why not all of it can be played; empty if it can."""
        try:
            async for group in self._groups(index, from_ms, times):
                await groups.put(group)
        except BadSegment:
            return "unreadable"
        except (Trouble, OSError):
            return "missing"
        return ""

    async def _groups(self, index: int, from_ms: int, times: ItemTimes) -> AsyncIterator[Group]:
        item, after = self._playout.items[index], -1
        heads: dict[Piece, TrackHead] = {}
        began = times.end_s
        while True:
            chunks, last = await self._library.list(self._stream_id, item, from_ms=from_ms, after=after)
            for _, same in groupby(chunks, key=lambda chunk: chunk.number):
                yield times.group(index, [await self._part(chunk, heads) for chunk in same])
            if last is None:
                break
            after = last
        if times.end_s == began:
            raise Trouble("closed", "there is nothing of it")

    async def _part(self, chunk: Chunk, heads: dict[Piece, TrackHead]) -> tuple[TrackHead, bytes, float]:
        if chunk.init not in heads:
            heads[chunk.init] = read_init(await self._read(chunk.init))
        return heads[chunk.init], await self._read(chunk.body), chunk.shift_ms

    async def _read(self, piece: Piece) -> bytes:
        data = await self._library.read(piece)
        self.received_bytes += len(data)
        return data

    def _note(self, index: int, fault: str) -> None:
        if not fault:
            self.faults.pop(index, None)
            return
        self.faults[index] = fault
        if self._publication is not None:
            self._publication.warn(SKIPPED)

    # playing

    async def _play(self, groups: asyncio.Queue[Group | None]) -> None:
        while (group := await groups.get()) is not None:
            publication = self._publication or await self._begun()
            self.item = group.item
            self._configure(publication, group.tracks)
            for placed in group.units:
                await self._until(placed.due_s)
                self._write(publication, placed.unit)
        raise PlayoutOver("it is over")

    async def _begun(self) -> Publication:
        self._publication = publication = await self._publish()
        publication.on_stop(self._stop)
        self._on_live()
        for _ in self.faults:
            publication.warn(SKIPPED)
        return publication

    def _stop(self, reason: str) -> None:
        if not self._stopped.done():
            self._stopped.set_result(reason)

    def _configure(self, publication: Publication, tracks: Sequence[Track]) -> None:
        """A kind that an item lacks stays announced: players do not look again which tracks there are."""
        found = {**self._tracks, **{track.kind: track for track in tracks}}
        if found != self._tracks:
            self._tracks = found
            publication.configure([found[kind] for kind in ("video", "audio") if kind in found])

    async def _until(self, due_s: float) -> None:
        now = self._clock()
        if self._origin_s is None:
            self._origin_s = now - due_s
        early_s = self._origin_s + due_s - now
        if early_s > EARLY_S:
            await self._sleep(early_s)
        elif early_s < -LATE_S:
            self._origin_s -= early_s

    def _write(self, publication: Publication, unit: Unit) -> None:
        """Items may overlap by a packet of sound, and by what durations are rounded by."""
        ticks = publication.media_time_ms * self._tracks[unit.kind].timescale // 1000
        last, dts = self._last.get(unit.kind, -1), unit.dts + ticks
        if dts <= last and unit.kind == "audio":
            return
        ticks += max(0, last + 1 - dts)
        self._last[unit.kind] = unit.dts + ticks
        publication.write(msgspec.structs.replace(unit, pts=unit.pts + ticks, dts=unit.dts + ticks, at=self._wall()))
