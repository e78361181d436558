"""Hands finished segments to an object store, in order, for as long as it takes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from media.hls.events import Event, InitReady, SegmentReady, SegmentRemoved, SegmentStored

log = logging.getLogger(__name__)

SEGMENT_TYPE = "video/mp4"


class RecorderCounters(msgspec.Struct):
    """Totals of all recorders that share them. ``retries`` are puts that failed or took too long and came again."""

    stored: int = 0
    retries: int = 0
    lost: int = 0
    refused: int = 0


class SegmentStore(Protocol):
    """Where segments go."""

    async def put(self, key: str, path: Path, content_type: str) -> None:
        """Store the file's bytes under the key, durably. The same key again, with the same bytes, is no error.

        Any exception means that it may be tried again; it may be cancelled at any point.
        """


class Recorder:
    """Stores one stream's segments, the oldest first, ``workers`` at a time.

    ``note`` takes the muxers' events; ``on_stored`` and ``on_skipped`` (name) are called from the recorder's task. A
    put that fails or takes longer than ``put_timeout_s`` is tried again after a pause that doubles up to
    ``max_pause_s``, and meanwhile the segment's file waits where it is. What cannot be stored is skipped and counted:
    a segment whose file has gone (``lost``), and one that finds ``max_waiting`` others before it (``refused``);
    ``counters`` may be shared by many recorders.
    Keys carry the fencing epoch, so that a frozen writer that wakes up never overwrites its successor's objects.
    """

    def __init__(
        self,
        *,
        store: SegmentStore,
        stream_id: str,
        epoch: int,
        on_stored: Callable[[SegmentStored], None],
        on_skipped: Callable[[str], None],
        workers: int = 2,
        max_waiting: int = 4_096,
        put_timeout_s: float = 30.0,
        first_pause_s: float = 0.25,
        max_pause_s: float = 10.0,
        counters: RecorderCounters | None = None,
    ) -> None:
        self.counters = counters if counters is not None else RecorderCounters()
        self._store = store
        self._prefix = f"streams/{stream_id}/{epoch}-"
        self._on_stored = on_stored
        self._on_skipped = on_skipped
        self._max_waiting = max_waiting
        self._put_timeout_s = put_timeout_s
        self._first_pause_s = first_pause_s
        self._max_pause_s = max_pause_s
        self._waiting: deque[SegmentReady] = deque()
        self._active = 0
        self._gone: set[str] = set()
        self._inits: dict[str, str] = {}
        self._stored_inits: set[str] = set()
        self._more = asyncio.Semaphore(0)
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks = [
            asyncio.create_task(self._work(), name=f"recorder {stream_id} {number}") for number in range(workers)
        ]
        for task in self._tasks:
            task.add_done_callback(_report)

    @property
    def waiting(self) -> int:
        """Segments not yet stored."""
        return len(self._waiting) + self._active

    def note(self, event: Event) -> None:
        """Take one event of a muxer, in order; those that are not about files to store are ignored."""
        if isinstance(event, InitReady):
            self._inits[event.name] = event.path
        elif isinstance(event, SegmentReady) and not event.is_gap:
            self._take(event)
        elif isinstance(event, SegmentRemoved) and event.is_lost:
            self._gone.add(event.name)

    def _take(self, event: SegmentReady) -> None:
        if len(self._waiting) >= self._max_waiting:
            self.counters.refused += 1
            self._on_skipped(event.name)
            return
        self._waiting.append(event)
        self._idle.clear()
        self._more.release()

    def key(self, name: str) -> str:
        """The object key of a file: ``video/3/17.m4s`` of epoch 5 is ``streams/{id}/5-3/video/17.m4s``."""
        rendition, publication, file = name.split("/")
        return f"{self._prefix}{publication}/{rendition}/{file}"

    async def close(self, *, deadline_s: float) -> int:
        """Store what waits for at most ``deadline_s``, then give up. How many segments were not stored. Idempotent."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await self._idle.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return self.waiting

    async def _work(self) -> None:
        while True:
            await self._more.acquire()
            event = self._waiting.popleft()
            self._active += 1
            await self._store_segment(event)
            self._active -= 1
            if not self.waiting:
                self._idle.set()

    async def _store_segment(self, event: SegmentReady) -> None:
        is_stored = await self._store_init(event.init) and await self._put(event.name, Path(event.path))
        self._gone.discard(event.name)
        if not is_stored:
            self.counters.lost += 1
            self._on_skipped(event.name)
            return
        self.counters.stored += 1
        self._on_stored(self._described(event))

    async def _store_init(self, name: str) -> bool:
        """The initialisation goes first, once; two workers may both do it, which does no harm."""
        if name not in self._stored_inits:
            if name not in self._inits or not await self._put(name, Path(self._inits[name])):
                return False
            self._stored_inits.add(name)
        return True

    async def _put(self, name: str, path: Path) -> bool:
        """Try until it is stored; False when the file has gone."""
        pause_s = self._first_pause_s
        while True:
            if name in self._gone or not path.exists():
                return False
            try:
                async with asyncio.timeout(self._put_timeout_s):
                    await self._store.put(self.key(name), path, SEGMENT_TYPE)
                return True
            # The edge to a store, which may fail in whatever way its driver does.
            except Exception as error:
                log.warning("could not store %s, again in %.2f s: %r", name, pause_s, error)
            self.counters.retries += 1
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, self._max_pause_s)

    def _described(self, event: SegmentReady) -> SegmentStored:
        return SegmentStored(
            rendition=event.rendition,
            publication=event.publication,
            segment=event.segment,
            name=event.name,
            object_key=self.key(event.name),
            init_key=self.key(event.init),
            size=event.size,
            media_time=event.media_time,
            duration=event.duration,
            timescale=event.timescale,
            is_discontinuity=event.is_discontinuity,
            program_date_time=event.program_date_time,
            key_bytes=event.key_bytes,
        )


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("%s has died", task.get_name(), exc_info=error)
