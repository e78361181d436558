"""A relay beside another one, in which some tracks are in another codec and everything else is the same."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from media.relay import End, Item, Reader, Relay, Tracks
from media.transcode.employment import Employment, Hire, Release
from media.transcode.messages import CodecLane, Finish, Finished, Job, Made, Opened, WorkerAnswer
from media.transcode.tracks import VideoGoal, lanes_for
from media.unit import Codec, Kind, Track, Unit

DRAIN_S = 2.0  # a loaded machine takes a while for its last pictures

log = logging.getLogger("media.transcode")


class CodecBridge:
    """What need not be converted passes on the loop, untouched and in order; the rest goes through a worker.

    ``relay`` has its tracks as soon as the source has; where pictures are converted, with the first of them. Units that
    a worker cannot keep up with, or that are under way when one dies, are a gap in what is converted
    (``dropped_units``) and in nothing else; pictures go on with the next key frame. When its ``Employment`` fails, the
    relay ends.
    """

    def __init__(
        self,
        *,
        source: Relay,
        audio: Codec | None,
        video: VideoGoal | None,
        name: str,
        hire: Hire,
        release: Release,
        on_closed: Callable[[CodecBridge], None],
    ) -> None:
        self.relay = Relay()
        self.name = name
        self._bad = 0
        self._workers = Employment(
            name=name, hire=hire, release=release, begin=self._begin, receive=self._handle, fail=self._close
        )
        self._source = source
        self._audio = audio
        self._on_closed = on_closed
        self._video = video
        self._lanes: tuple[CodecLane, ...] = ()
        self._kinds: frozenset[Kind] = frozenset()
        self._tracks: tuple[Track, ...] = ()
        self._made: dict[Kind, Track] = {}
        self._job = 0
        self._ending: asyncio.TimerHandle | None = None
        self._end_reason = ""
        self._loop = asyncio.get_running_loop()
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
        return self._bad + self._workers.dropped + self._reader.dropped_units

    def close(self) -> None:
        """End at once; what is under way is lost. Idempotent."""
        self._close(self._source.ended or "closed")

    def _close(self, reason: str) -> None:
        if self.relay.ended is not None:
            return
        self._source.unsubscribe(self._reader)
        if self._ending is not None:
            self._ending.cancel()
        self._workers.close()
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
            self._workers.give()

    def _pass(self, item: Item) -> None:
        match item:
            case Tracks(tracks):
                self._configure(tracks)
            case End(reason):
                self._finish(reason)
            case Unit(kind=kind) if kind in self._kinds:
                self._workers.put(item)
            case Unit():
                self.relay.write(item)

    def _configure(self, tracks: Sequence[Track]) -> None:
        lanes = lanes_for(tracks, audio=self._audio, video=self._video)
        self._tracks = tuple(tracks)
        if lanes != self._lanes:
            self._workers.give()
            self._workers.clear()
            self._lanes = lanes
            self._kinds = frozenset(lane.source.kind for lane in lanes)
            self._begin()
        self._announce()
        if lanes:
            self._workers.start()

    def _announce(self) -> None:
        """As soon as it is known what every track becomes."""
        made = [self._made.get(track.kind) if track.kind in self._kinds else track for track in self._tracks]
        known = [track for track in made if track is not None]
        if len(known) == len(made):
            self.relay.configure(known)

    def _finish(self, reason: str) -> None:
        """Wait shortly for what the worker still has."""
        self._workers.give()
        if not self._workers.is_at_work or not self._lanes:
            self._close(reason)
            return
        self._end_reason = reason
        self._workers.send(Finish())
        self._ending = self._loop.call_later(DRAIN_S, self._close, reason)

    # To and from the worker

    def _begin(self) -> None:
        self._made = {lane.source.kind: lane.target for lane in self._lanes if lane.source.kind == "audio"}
        if self._workers.is_at_work:
            self._job += 1
            self._workers.send(Job(self._job, self._lanes))

    def _handle(self, answer: WorkerAnswer) -> None:
        match answer:
            case Made(job) if job == self._job:
                self._workers.answered(answer)
                self._bad += answer.bad
                self._emit(answer.units)
                self._workers.give()
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
