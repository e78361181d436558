"""A relay beside another one, in which some tracks are in another codec and everything else is the same."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence

from media.errors import MediaError
from media.relay import End, Item, Reader, Relay, Tracks
from media.transcode.backlog import Backlog
from media.transcode.child import Child, SlowStartError
from media.transcode.messages import CodecLane, DecodeUnits, Finish, Finished, Job, Made, Opened, WorkerAnswer
from media.transcode.patience import Backoff, Patience
from media.transcode.tracks import VideoGoal, lanes_for
from media.unit import Codec, Kind, Track, Unit

DRAIN_S = 0.2
WATCH_S = 1.0

log = logging.getLogger("media.transcode")


class CodecBridge:
    """What need not be converted passes on the loop, untouched and in order; the rest goes through a worker.

    ``relay`` has its tracks as soon as the source has; where pictures are converted, with the first of them. Units that
    a worker cannot keep up with, or that are under way when one dies, are a gap in what is converted
    (``dropped_units``) and in nothing else; pictures go on with the next key frame. A worker that is hung is ended and
    one that is slow is not; see ``media.transcode.patience``. After five that crashed within a minute, or if there may
    be none, the relay ends.
    """

    def __init__(
        self,
        *,
        source: Relay,
        audio: Codec | None,
        video: VideoGoal | None,
        name: str,
        hire: Callable[[], Awaitable[Child]],
        release: Callable[[Child, str], None],
        on_closed: Callable[[CodecBridge], None],
    ) -> None:
        self.relay = Relay()
        self.name = name
        self._bad = 0
        self._backlog = Backlog()
        self._source = source
        self._audio = audio
        self._hire = hire
        self._release = release
        self._on_closed = on_closed
        self._video = video
        self._lanes: tuple[CodecLane, ...] = ()
        self._kinds: frozenset[Kind] = frozenset()
        self._tracks: tuple[Track, ...] = ()
        self._made: dict[Kind, Track] = {}
        self._job = 0
        self._child: Child | None = None
        self._backoff = Backoff()
        self._work: asyncio.Task[None] | None = None
        self._ending: asyncio.TimerHandle | None = None
        self._end_reason = ""
        self._loop = asyncio.get_running_loop()
        self._patience = Patience(now=self._loop.time())
        self._is_due = True
        self._reader: Reader = source.subscribe(self._wake)
        self._pump()

    @property
    def is_encoding(self) -> bool:
        """Whether it makes pictures anew, which costs a good part of a processor."""
        return self._video is not None and self.relay.ended is None

    @property
    def dropped_units(self) -> int:
        """Units that the source had and this relay has not."""
        return self._bad + self._backlog.dropped + self._reader.dropped_units

    def close(self) -> None:
        """End at once; what is under way is lost. Idempotent."""
        self._close(self._source.ended or "closed")

    def _close(self, reason: str) -> None:
        if self.relay.ended is not None:
            return
        self._source.unsubscribe(self._reader)
        if self._ending is not None:
            self._ending.cancel()
        if self._work is not None and self._work is not asyncio.current_task():
            self._work.cancel()
        self._dismiss()
        self.relay.close(reason)
        self._on_closed(self)
        log.info("%s: bridge closed: %s, %d units dropped", self.name, reason, self.dropped_units)

    # From the source

    def _wake(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._is_due = False
        if self.relay.ended is None:
            for item in self._reader.take():
                self._pass(item)
            self._give()

    def _pass(self, item: Item) -> None:
        match item:
            case Tracks(tracks):
                self._configure(tracks)
            case End(reason):
                self._finish(reason)
            case Unit(kind=kind) if kind in self._kinds:
                self._backlog.put(item)
            case Unit():
                self.relay.write(item)

    def _configure(self, tracks: Sequence[Track]) -> None:
        lanes = lanes_for(tracks, audio=self._audio, video=self._video)
        self._tracks = tuple(tracks)
        if lanes != self._lanes:
            self._give()
            self._backlog.clear()
            self._lanes = lanes
            self._kinds = frozenset(lane.source.kind for lane in lanes)
            self._begin()
        self._announce()
        if lanes and self._work is None:
            self._work = self._loop.create_task(self._employ(), name=f"bridge {self.name}")
            self._work.add_done_callback(self._worked)

    def _announce(self) -> None:
        """As soon as it is known what every track becomes."""
        made = [self._made.get(track.kind) if track.kind in self._kinds else track for track in self._tracks]
        known = [track for track in made if track is not None]
        if len(known) == len(made):
            self.relay.configure(known)

    def _finish(self, reason: str) -> None:
        """Wait shortly for what the worker still has."""
        self._give()
        if self._child is None or not self._lanes:
            self._close(reason)
            return
        self._end_reason = reason
        self._child.send(Finish())
        self._ending = self._loop.call_later(DRAIN_S, self._close, reason)

    # To and from the worker

    def _begin(self) -> None:
        self._made = {lane.source.kind: lane.target for lane in self._lanes if lane.source.kind == "audio"}
        if self._child is not None:
            self._job += 1
            self._child.send(Job(self._job, self._lanes))

    def _give(self) -> None:
        """Hand over what waits, as far as the worker keeps up."""
        if self._child is None:
            return
        if not self._backlog.under_way:
            self._patience.progressed(self._loop.time())
        units = self._backlog.give()
        if units:
            self._child.send(DecodeUnits(units))

    def _handle(self, answer: WorkerAnswer) -> None:
        match answer:
            case Made(job, units, fed, bad) if job == self._job:
                self._backlog.answered(fed)
                self._bad += bad
                self._patience.progressed(self._loop.time())
                self._backoff.went_well()
                self._emit(units)
                self._give()
            case Opened(job, lane, track) if job == self._job:
                self._made[self._lanes[lane].source.kind] = track
                self._announce()
            case Finished(job) if job == self._job and self._ending is not None:
                self._close(self._end_reason)
            case _:
                pass

    def _emit(self, units: Sequence[tuple[int, Unit]]) -> None:
        """Before the tracks are known no reader can use it."""
        if self.relay.tracks:
            for _, unit in units:
                self.relay.write(unit)

    async def _employ(self) -> None:
        """Workers, one after another, until the bridge is closed or it is of no use."""
        pause_s: float | None = 0.0
        try:
            while pause_s is not None:
                await asyncio.sleep(pause_s)
                pause_s = await self._employ_one()
            self._close("it cannot be converted: its codec fails again and again")
        except MediaError as error:
            log.error("%s: %s", self.name, error)
            self._close(f"it cannot be converted: {error}")

    async def _employ_one(self) -> float | None:
        """Use one worker for as long as it lives: the pause before the next one, None when there shall be none."""
        try:
            child = await self._hire()
        except SlowStartError as error:
            pause_s: float | None = self._backoff.overloaded()
            log.warning("%s: %s; the next one is tried in %.0f s", self.name, error, pause_s)
            return pause_s
        was_hung = await self._serve(child)
        pause_s = self._backoff.overloaded() if was_hung else self._backoff.crashed(self._loop.time())
        log.warning("%s: a codec worker is gone, what it makes has a gap", self.name)
        return pause_s

    def _worked(self, work: asyncio.Task[None]) -> None:
        """Nothing but a cancellation ends the work of a bridge that is open."""
        if not work.cancelled() and (error := work.exception()) is not None:
            log.error("%s: the bridge failed", self.name, exc_info=error)
            self._close("it cannot be converted: an internal error")

    async def _serve(self, child: Child) -> bool:
        """Use this worker until it is gone or hung: whether it was hung."""
        self._child, child.task = child, self.name
        self._patience.progressed(self._loop.time())
        child.attach(self._handle, on_gone=self._dismiss)
        verdict = ""
        try:
            self._begin()
            self._give()
            while not child.gone.is_set() and not (verdict := self._verdict(child)):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(child.gone.wait(), timeout=WATCH_S)
        finally:
            self._dismiss(hung=verdict)
        return bool(verdict)

    def _verdict(self, child: Child) -> str:
        if not self._backlog.under_way:
            return ""
        return self._patience.verdict(self._loop.time(), child.vitals())

    def _dismiss(self, hung: str = "") -> None:
        child, self._child = self._child, None
        if child is not None:
            self._backlog.lose()
            self._release(child, hung)
