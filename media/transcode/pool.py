"""All codec workers of this process: warm spares, one worker for each bridge, one for all pictures."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from weakref import WeakSet

import msgspec

from media.relay import Relay
from media.transcode.bridge import CodecBridge
from media.transcode.child import Child, NoWorkerError, SlowStartError
from media.transcode.ladder import Tier
from media.transcode.ladder_bridge import LadderBridge
from media.transcode.messages import SlateShape, SoundLevel
from media.transcode.pictures import PictureTaker
from media.transcode.tracks import VideoGoal
from media.unit import Codec, Track, Unit

READY_S = 30.0
CLOSE_S = 3.0
#: Processes that start at the same time, however many bridges lost theirs at once.
STARTS = 2
MAX_PAUSE_S = 30.0

log = logging.getLogger("media.transcode")


class PoolCounters(msgspec.Struct):
    """Totals since the pool was made. ``crashed`` workers ended by themselves, ``hung`` ones were ended for that."""

    started: int = 0
    slow_starts: int = 0
    crashed: int = 0
    hung: int = 0


class CodecPool:
    """What is made by decoding. Belongs to one event loop.

    ``spares`` workers have their codecs loaded before they are needed; ``max_workers`` are at work at most, of which
    ``max_encodings`` make pictures anew.
    """

    def __init__(
        self, *, spares: int = 1, max_workers: int = 64, max_encodings: int = 4, max_waiting_pictures: int = 8
    ) -> None:
        self._spares = spares
        self._max_workers = max_workers
        self._max_encodings = max_encodings
        self._ready: list[Child] = []
        self._at_work: set[Child] = set()
        self._bridges: set[CodecBridge] = set()
        self._ladders: set[LadderBridge] = set()
        self._ended: WeakSet[Child] = WeakSet()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stocking: asyncio.Task[None] | None = None
        self._hiring = 0
        self._starts = asyncio.Semaphore(STARTS)
        self._is_closed = False
        self.counters = PoolCounters()
        self._pictures = PictureTaker(hire=self.hire, release=self.release, max_waiting=max_waiting_pictures)

    async def start(self) -> None:
        """Until the spares are warm. Raises ``NoWorkerError`` if none can be started."""
        for _ in range(self._spares):
            self._ready.append(await self._spawn())

    async def close(self) -> None:
        """End every bridge and every worker; no process remains. Idempotent."""
        self._is_closed = True
        for bridge in list(self._bridges):
            bridge.close()
        for ladder in list(self._ladders):
            ladder.close()
        self._pictures.close()
        if self._stocking is not None:
            self._stocking.cancel()
            await asyncio.wait([self._stocking])
        for child in [*self._ready, *self._at_work]:
            self._at_work.discard(child)
            self._end(child, "the codec workers are being ended")
        self._ready.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._settle()

    # Codecs

    def bridge(self, source: Relay, *, audio: Codec | None, name: str, video: VideoGoal | None = None) -> CodecBridge:
        """A relay beside ``source`` with the audio in this codec; it ends with its source, or when it cannot go on.

        None leaves the sound as it is. Without ``video`` the pictures pass as they are. With it they are made anew as
        H.264 that every browser shows; beyond ``max_encodings`` of these the relay ends at once.
        """
        has_room = video is None or self.has_room_for_pictures
        bridge = CodecBridge(
            source=source,
            audio=audio,
            video=video,
            name=name,
            hire=self.hire if has_room else _no_room,
            release=self.release,
            on_closed=self._bridges.discard,
        )
        if bridge.relay.ended is None:
            self._bridges.add(bridge)
        return bridge

    def ladder(
        self,
        source: Relay,
        track: Track,
        tiers: Sequence[Tier],
        *,
        name: str,
        on_closed: Callable[[str], None],
        after: int = -1,
        part_ms: int = 0,
    ) -> LadderBridge:
        """Renditions of the source's pictures, made by one worker. ``on_closed`` gets the reason of its end; see
        ``LadderBridge``.
        """

        def closed(ladder: LadderBridge, reason: str) -> None:
            self._ladders.discard(ladder)
            on_closed(reason)

        made = LadderBridge(
            source=source, track=track, tiers=tiers, name=name, hire=self.hire, release=self.release, on_closed=closed,
            after=after, part_ms=part_ms,
        )  # fmt: skip
        self._ladders.add(made)
        return made

    async def picture(self, track: Track, unit: Unit) -> bytes | None:
        """A key frame as WebP; None when it cannot be shown or too much else waits."""
        return await self._pictures.take(track, unit)

    async def sound_level(self, track: Track, units: Sequence[Unit]) -> SoundLevel | None:
        """How loud these packets are; None when they cannot be decoded or too much else waits."""
        return await self._pictures.sound_level(track, units)

    async def slate(self, shape: SlateShape, picture: bytes) -> tuple[Track, list[Unit]] | None:
        """A still picture (a WebP; empty: ours) as a group of H.264 pictures; None when none can be made of it."""
        return await self._pictures.slate(shape, picture)

    @property
    def has_room_for_pictures(self) -> bool:
        """Whether one more bridge may make pictures anew."""
        return self.encodings < self._max_encodings

    @property
    def encodings(self) -> int:
        """Bridges that make pictures anew."""
        return sum(bridge.is_encoding for bridge in self._bridges)

    @property
    def ladders(self) -> int:
        """Streams of which renditions are made."""
        return len(self._ladders)

    # Workers

    @property
    def workers(self) -> int:
        """Processes at work, without spares."""
        return len(self._at_work)

    async def hire(self) -> Child:
        """A warm worker, at once if there is a spare. Raises ``NoWorkerError``. The caller releases it."""
        if self._is_closed or len(self._at_work) + self._hiring >= self._max_workers:
            raise NoWorkerError("as many codec workers are at work as there may be")
        self._hiring += 1
        try:
            child = self._spare() or await self._spawn()
        finally:
            self._hiring -= 1
        if self._is_closed:
            self._end(child, "the codec workers are being ended")
            raise NoWorkerError("the codec workers are being ended")
        self._at_work.add(child)
        self._restock()
        return child

    def release(self, child: Child, hung: str = "") -> None:
        """End a worker; what it was at is not finished. ``hung`` is why it was of no use any more. Idempotent."""
        self._at_work.discard(child)
        if hung and not child.gone.is_set():
            self.counters.hung += 1
            log.warning("codec worker %d (%s) is hung: %s", child.pid, child.task, hung)
        self._end(child, hung or "its work is done")

    def _spare(self) -> Child | None:
        while self._ready:
            child = self._ready.pop(0)
            if not child.gone.is_set():
                return child
            self._end(child, "")
        return None

    def _restock(self) -> None:
        if self._stocking is None or self._stocking.done():
            self._stocking = asyncio.get_running_loop().create_task(self._stock(), name="codec spares")

    async def _stock(self) -> None:
        pause_s = 0.1
        while len(self._ready) < self._spares and not self._is_closed:
            try:
                self._ready.append(await self._spawn())
                pause_s = 0.1
            except NoWorkerError as error:
                log.error("no spare codec worker: %s", error)
                await asyncio.sleep(pause_s)
                pause_s = min(MAX_PAUSE_S, 2 * pause_s)

    async def _spawn(self) -> Child:
        child = Child()
        settled = asyncio.Event()
        child.attach(lambda answer: settled.set(), on_gone=settled.set)
        try:
            async with self._starts, asyncio.timeout(READY_S):
                await child.start()
                await settled.wait()
        except (OSError, TimeoutError) as error:
            self.counters.slow_starts += 1
            told = str(error) or f"it was not ready within {READY_S:.0f} s"
            self._end(child, told)
            raise SlowStartError(f"a codec worker did not start: {told}") from error
        except BaseException:
            self._end(child, "nobody wants it any more")
            raise
        if child.gone.is_set():
            self._end(child, "")
            raise SlowStartError("a codec worker ended while it started")
        self.counters.started += 1
        return child

    async def _settle(self) -> None:
        """Until nothing starts and everything has ended."""
        for _ in range(STARTS):
            await self._starts.acquire()
        for _ in range(STARTS):
            self._starts.release()
        if self._tasks:
            await asyncio.wait(list(self._tasks))

    def _end(self, child: Child, reason: str) -> None:
        if child in self._ended:
            return
        self._ended.add(child)
        child.kill(reason)
        task = asyncio.get_running_loop().create_task(self._reap(child), name=f"end of codec worker {child.pid}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reap(self, child: Child) -> None:
        """Log how the worker ended: a warning if the pool has not ended it."""
        told = await child.end()
        is_crash = not child.verdict
        self.counters.crashed += is_crash
        level = logging.WARNING if is_crash else logging.INFO
        log.log(level, "codec worker %d (%s) has ended: %s", child.pid, child.task, told)


async def _no_room() -> Child:
    raise NoWorkerError("as many pictures are re-encoded as this machine has room for")
