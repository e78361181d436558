"""Relays beside a publisher's, one for each rendition that a worker encodes of its pictures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from media.relay import End, Item, Reader, Relay, Tracks
from media.transcode.employment import Employment, Hire, Release
from media.transcode.ladder import Tier
from media.transcode.messages import LadderJob, Made, Opened, WorkerAnswer
from media.unit import Track, Unit

#: How late it may get units: a worker that takes several at a time wakes less often.
PATIENCE_S = 0.04
#: A ladder that is so much behind its source is late: the machine gives it too little.
LATE_S = 2.5
#: One that is at most so much behind shows the source as it is now.
CURRENT_S = 1.5
#: What a worker is allowed to be behind when it begins: it decodes what there is since the last key frame first.
START_S = 6.0

log = logging.getLogger("media.transcode")


class LadderBridge:
    """``relays`` has one relay a tier, in the order of ``tiers``. Pictures begin with the source's last key frame
    but one, so that a player has a whole segment at once.

    When a worker dies the next one decodes from there on and encodes what has not been made yet, so that
    pictures stand still for a moment and no segment is missing. It ends with its source, when the source's track
    changes (what is made of another one is another ladder), and when its ``Employment`` fails; ``on_closed`` gets the
    reason then.
    """

    def __init__(
        self,
        *,
        source: Relay,
        track: Track,
        tiers: Sequence[Tier],
        name: str,
        hire: Hire,
        release: Release,
        on_closed: Callable[[LadderBridge, str], None],
        after: int = -1,
        part_ms: int = 0,
    ) -> None:
        """``after``: the pts up to which another ladder has made the pictures. ``part_ms``: as in ``LadderLane``."""
        self.relays = [Relay() for _ in tiers]
        self.tiers = tuple(tiers)
        self.name = name
        self.ended: str | None = None
        self.bad = 0
        self._source = source
        self._track = track
        self._part_ms = part_ms
        self._on_closed = on_closed
        self._workers = Employment(
            name=name, hire=hire, release=release, begin=self._begin, receive=self._handle, fail=self.close
        )
        self._job = 0
        self.after = after
        self._sent_at = 0.0
        self._made_at = 0.0
        self._reader: Reader | None = None
        self._is_due = False
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._workers.start()

    @property
    def is_late(self) -> bool:
        """Whether what it makes is so far behind its source that it should make less."""
        if self.ended is not None or self._loop.time() - self._since < START_S:
            return False
        return self._sent_at - self._made_at > LATE_S

    @property
    def is_current(self) -> bool:
        """Whether what it makes is what the source sends now, and not what it sent before it began."""
        return 0 < self._made_at >= self._sent_at - CURRENT_S

    def close(self, reason: str = "closed") -> None:
        """End at once; what is under way is lost. Idempotent."""
        if self.ended is not None:
            return
        self.ended = reason
        self._unsubscribe()
        self._workers.close()
        for relay in self.relays:
            relay.close(reason)
        log.info("%s: ladder closed: %s", self.name, reason)
        self._on_closed(self, reason)

    # From the source

    def _begin(self) -> None:
        """A worker is there: it gets what there is since the key frame before the last one, and what follows."""
        self._job += 1
        self._since = self._loop.time()
        self._workers.clear()
        self._workers.send(LadderJob(self._job, self._track, self.tiers, self.after, self._part_ms))
        self._unsubscribe()
        self._is_due = True
        self._reader = self._source.subscribe(self._wake, from_before=True, patience=lambda: PATIENCE_S)
        self._pump()

    def _unsubscribe(self) -> None:
        if self._reader is not None:
            self._source.unsubscribe(self._reader)

    def _wake(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._is_due = False
        if self.ended is None and self._reader is not None:
            for item in self._reader.take():
                self._take(item)

    def _take(self, item: Item) -> None:
        match item:
            case Tracks(tracks) if self._track not in tracks:
                self.close("the pictures of the source have changed")
            case End(reason):
                self.close(reason)
            case Unit(kind="video"):
                self._sent_at = item.at
                self._workers.put(item)
                self._workers.give()

    # From the worker

    def _handle(self, answer: WorkerAnswer) -> None:
        match answer:
            case Made(job) if job == self._job:
                self._workers.answered(answer)
                self.bad += answer.bad
                self._emit(answer.units)
                self._workers.give()
            case Opened(job, tier, track) if job == self._job:
                self.relays[tier].configure([track])
            case _:
                pass

    def _emit(self, units: Sequence[tuple[int, Unit]]) -> None:
        for tier, unit in units:
            self.after = unit.pts
            self._made_at = unit.at
            self.relays[tier].write(unit)
