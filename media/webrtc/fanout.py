"""One relay's units as RTP, packetised once for all viewers, with the history that retransmissions come from.

Each viewer adds its header and its keys and sends at once: nothing is queued for a viewer, so that a slow one
loses packets on its own way and costs the others nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from media.relay import End, Item, Relay, Tracks
from media.unit import Codec, Kind, Track, Unit
from media.webrtc import h264
from media.webrtc.paths import Run, runs_of

HISTORY = 1_024
#: What is sent at once to who comes between two key frames, at most: about 350 kB.
MAX_GROUP_PACKETS = 300
_YIELD_AFTER_S = 0.004
_REPORT_EVERY_S = 1.0
_KEYFRAME_EVERY_S = 1.0
_MAX_LAG_S = 2.0
_LAG_STEP_S = 0.000_5

log = logging.getLogger(__name__)


class CodedPacket(msgspec.Struct, gc=False):
    """One RTP packet before a viewer's header: ``sequence`` and ``ticks`` are the stream's own, without wrap."""

    sequence: int
    ticks: int
    marker: bool
    payload: bytes


class Burst(msgspec.Struct, gc=False):
    """The packets of one unit, at least one, and what is the same of them for all viewers: the number of the first, the
    time of all, and whether the last has the marker, which no other has. ``runs`` as ``paths.runs_of`` has them.
    ``captured_at`` as the unit's."""

    first: int
    ticks: int
    marker: bool
    payloads: list[bytes]
    octets: int
    runs: tuple[Run, ...]
    captured_at: float | None = None


def burst_of(packets: list[CodedPacket], captured_at: float | None = None) -> Burst:
    payloads = [packet.payload for packet in packets]
    sizes = [len(payload) for payload in payloads]
    first = packets[0]
    return Burst(first.sequence, first.ticks, packets[-1].marker, payloads, sum(sizes), runs_of(sizes), captured_at)


class KeyGroup:
    """The pictures from the last key frame on, as far as they are few: for a viewer who comes between two."""

    def __init__(self) -> None:
        self._bursts: list[Burst] = []
        self._packets = 0

    def add(self, burst: Burst, *, is_key: bool) -> bool:
        """False when there is nothing to begin with any more."""
        if is_key:
            self.clear()
        elif not self._bursts:
            return False
        self._bursts.append(burst)
        self._packets += len(burst.payloads)
        if self._packets > MAX_GROUP_PACKETS:
            self.clear()
        return bool(self._bursts)

    def clear(self) -> None:
        self._bursts, self._packets = [], 0

    def again(self) -> list[Burst]:
        """All of them, at times right after the last one's, so that a player shows the last at once instead of playing
        them one after the other and staying behind for good."""
        if not self._bursts:
            return []
        last = self._bursts[-1].ticks
        return [
            msgspec.structs.replace(burst, ticks=last + after, captured_at=None)
            for after, burst in enumerate(self._bursts, start=1)
        ]


class MediaClock:
    """Which wall clock time a media time stands for: when it was captured, or, of publishers who do not tell, when the
    unit was here that took the least time to come.

    Follows the units of the earliest time; a clock that drifts is followed slowly, one that jumps at once.
    """

    def __init__(self) -> None:
        self._lag: float | None = None

    def on_unit(self, *, at: float, seconds: float) -> None:
        """A unit of media time ``seconds`` was captured, or complete, at the wall clock ``at``."""
        lag = at - seconds
        if self._lag is None or lag < self._lag or lag > self._lag + _MAX_LAG_S:
            self._lag = lag
        else:
            self._lag += min(_LAG_STEP_S, lag - self._lag)

    def seconds_at(self, at: float) -> float | None:
        """The media time at that wall clock; None before the first unit."""
        return None if self._lag is None else at - self._lag


class Anchor(msgspec.Struct, frozen=True):
    """The media clock showed ``seconds`` at the wall clock ``at``: the same for audio and video."""

    at: float
    seconds: float


class RtpViewer(Protocol):
    """What the fan-out asks of a viewer. All calls are synchronous and never raise for a viewer's sake."""

    is_waiting_for_key: bool
    lacks: frozenset[Kind]
    """What its offer has room for and the stream did not have when it was answered."""

    def send(self, kind: Kind, burst: Burst) -> None: ...

    def report(self, anchor: Anchor) -> None: ...

    def end(self, reason: str) -> None: ...


def unsuitable(tracks: Sequence[Track]) -> str | None:
    """Why these tracks cannot be sent as they are; None when they can: H.264 and Opus, or none yet."""
    wrong = [track.codec for track in tracks if track.codec not in {Codec.H264, Codec.OPUS}]
    return f"The stream has {', '.join(wrong)}; only H.264 and Opus can be sent." if wrong else None


def has_b_frames(relay: Relay) -> bool:
    """Whether pictures of the current group come in another order than they are shown."""
    for track in relay.tracks:
        if track.codec is Codec.H264 and _declares_reordering(track):
            return True
    reader = relay.subscribe(lambda: None)
    relay.unsubscribe(reader)
    shown = [item.pts for item in reader.take() if isinstance(item, Unit) and item.kind == "video"]
    return any(later < earlier for earlier, later in itertools.pairwise(shown))


def _declares_reordering(track: Track) -> bool:
    try:
        sets = h264.H264ParameterSets.decode(track.config)
        return bool(h264.describe(sets.sps[0]).reorder) if sets.sps else False
    except ValueError:
        return False


class RtpFanout:
    """Reads one relay while it has viewers. Create it inside the loop; ``close`` it when no viewer is left.

    ``want_keyframe`` asks the publisher, at most once a second, however many viewers want it.
    """

    def __init__(self, *, relay: Relay, want_keyframe: Callable[[], None]) -> None:
        self.packets = 0
        self.failed_items = 0
        self._relay = relay
        self._ask = want_keyframe
        self._asked_at = float("-inf")
        self._viewers: dict[RtpViewer, None] = {}
        self._group = KeyGroup()
        self._sequence: dict[Kind, int] = {"video": 0, "audio": 0}
        self._history: dict[Kind, list[CodedPacket | None]] = {"video": [None] * HISTORY, "audio": [None] * HISTORY}
        self._timescales: dict[Kind, int] = {}
        self._sets: tuple[bytes, ...] = ()
        self._clock = MediaClock()
        self._last_pts = -1
        self._reported_at = 0.0
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._reader = relay.subscribe(self._ready.set)
        self._early = self._remembered(self._reader.take())
        self._task = asyncio.create_task(self._run(), name="webrtc-fanout")

    @property
    def viewers(self) -> int:
        return len(self._viewers)

    def next_sequence(self, kind: Kind) -> int:
        return self._sequence[kind]

    def join(self, viewer: RtpViewer, *, at_once: bool = False) -> None:
        """Send to ``viewer`` from the next key frame on, and ask for one. ``at_once``: what is remembered from the last
        one on is sent first, unless it is much; nothing may have been sent to it before."""
        self._viewers[viewer] = None
        self._end_if_outdated(viewer)
        self.want_keyframe()
        if at_once and viewer in self._viewers and (bursts := self._group.again()):
            viewer.is_waiting_for_key = False
            for burst in bursts:
                viewer.send("video", burst)

    def leave(self, viewer: RtpViewer) -> None:
        """Idempotent."""
        self._viewers.pop(viewer, None)

    def want_keyframe(self) -> None:
        now = self._loop.time()
        if now - self._asked_at >= _KEYFRAME_EVERY_S:
            self._asked_at = now
            self._ask()

    def lookup(self, kind: Kind, sequence: int) -> CodedPacket | None:
        """A packet that was sent before, while it is still remembered."""
        found = self._history[kind][sequence % HISTORY]
        return found if found is not None and found.sequence == sequence else None

    def close(self) -> None:
        """Stop reading. Idempotent; viewers are sent nothing."""
        self._relay.unsubscribe(self._reader)
        self._task.cancel()

    async def closed(self) -> None:
        """Wait until the task has ended after :meth:`close`."""
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                # Not wait_for, which may lose that the task was cancelled when a unit comes in the same turn.
                async with asyncio.timeout(_REPORT_EVERY_S / 2):
                    await self._ready.wait()
            self._ready.clear()
            early, self._early = self._early, []
            for item in (*early, *self._reader.take()):
                try:
                    await self._handle(item)
                except Exception:
                    # The named edge of the fan-out: one unit that nobody foresaw must not leave all viewers dark.
                    self.failed_items += 1
                    log.exception("a unit could not be sent")
            await self._report_if_due()

    def _remembered(self, items: Sequence[Item]) -> list[Item]:
        """Keep the pictures that came before there was a fan-out for those who join between two key frames. What is to
        be handled like all that follows."""
        tracks = self._relay.tracks
        if not tracks or unsuitable(tracks) is not None or self._relay.ended is not None:
            return list(items)
        for item in items:
            if isinstance(item, Tracks):
                self._configure(item.tracks)
            elif isinstance(item, Unit) and item.kind == "video" and not self._keep(item):
                break
        return []

    def _keep(self, unit: Unit) -> bool:
        """False when they are too many to be sent at once."""
        self._last_pts = unit.pts
        packets = self._packetize(unit)
        return not packets or self._group.add(burst_of(packets), is_key=unit.is_key)

    async def _handle(self, item: Item) -> None:
        if isinstance(item, Unit):
            await self._send(item)
        elif isinstance(item, Tracks):
            self._configure(item.tracks)
        elif isinstance(item, End):
            self._end(item.reason)

    def _configure(self, tracks: Sequence[Track]) -> None:
        self._timescales = {track.kind: track.timescale for track in tracks}
        self._sets = ()
        self._last_pts = -1
        self._group.clear()
        if not tracks or unsuitable(tracks) is not None:
            self._end("codec_unsupported")
            return
        for track in tracks:
            if track.kind == "video":
                try:
                    sets = h264.H264ParameterSets.decode(track.config)
                    self._sets = (*sets.sps, *sets.pps)
                except ValueError:
                    self._end("codec_unsupported")
        for viewer in list(self._viewers):
            self._end_if_outdated(viewer)

    def _end_if_outdated(self, viewer: RtpViewer) -> None:
        """The answer cannot be changed any more, so who lacks a track that the stream has now is to offer again."""
        if viewer.lacks & self._timescales.keys():
            viewer.end("tracks_added")

    def _end(self, reason: str) -> None:
        for viewer in list(self._viewers):
            viewer.end(reason)

    async def _send(self, unit: Unit) -> None:
        timescale = self._timescales.get(unit.kind)
        if timescale is None:
            return
        if unit.kind == "video" and self._breaks_order(unit):
            self._end("b_frames")
            return
        at = unit.at if unit.captured_at is None else unit.captured_at
        self._clock.on_unit(at=at, seconds=unit.dts / timescale)
        packets = self._packetize(unit)
        if packets:
            burst = burst_of(packets, unit.captured_at)
            if unit.kind == "video":
                self._group.add(burst, is_key=unit.is_key)
            await self._fan_out(unit, burst)

    def _breaks_order(self, unit: Unit) -> bool:
        is_backward = not unit.is_key and unit.pts < self._last_pts
        self._last_pts = unit.pts
        return is_backward

    def _packetize(self, unit: Unit) -> list[CodedPacket]:
        payloads = [unit.data] if unit.kind == "audio" else self._video_payloads(unit)
        kind, first = unit.kind, self._sequence[unit.kind]
        last = len(payloads) - 1
        is_video = kind == "video"
        packets = [
            CodedPacket(first + i, unit.pts, is_video and i == last, payload) for i, payload in enumerate(payloads)
        ]
        history = self._history[kind]
        for packet in packets:
            history[packet.sequence % HISTORY] = packet
        self._sequence[kind] = first + len(packets)
        self.packets += len(packets)
        return packets

    def _video_payloads(self, unit: Unit) -> list[bytes]:
        try:
            nals = h264.split_avcc(unit.data)
        except ValueError:
            return []
        return h264.packetize(nals, parameter_sets=self._sets if unit.is_key else ())

    async def _fan_out(self, unit: Unit, burst: Burst) -> None:
        is_start = unit.kind == "audio" and "video" not in self._timescales
        is_start |= unit.kind == "video" and unit.is_key
        began = self._loop.time()
        for viewer in list(self._viewers):
            if viewer.is_waiting_for_key:
                if not is_start:
                    continue
                viewer.is_waiting_for_key = False
            viewer.send(unit.kind, burst)
            if self._loop.time() - began > _YIELD_AFTER_S:
                await asyncio.sleep(0)
                began = self._loop.time()

    async def _report_if_due(self) -> None:
        now = self._loop.time()
        if now - self._reported_at < _REPORT_EVERY_S:
            return
        self._reported_at = now
        if any(viewer.is_waiting_for_key for viewer in self._viewers):
            self.want_keyframe()
        at = time.time()
        seconds = self._clock.seconds_at(at)
        if seconds is not None:
            for viewer in list(self._viewers):
                viewer.report(Anchor(at, seconds))
