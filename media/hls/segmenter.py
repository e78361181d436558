"""Decides from units where parts and segments begin. Sans-I/O; every time is an integer of ticks of its track.

The rules:

* One track leads: video when there is any, else audio. A segment begins at a key frame of the leader, at the one that
  brings it nearest to the target without its outgrowing the target.
* The first segment decides how long any may be: a playlist's target duration never changes (RFC 8216bis, 6.2.1). It
  takes a key frame interval of up to ``FIRST_MAX_MS``. For want of a key frame within that, or later within the
  target, a segment is cut before another frame, and the next key frame begins one again.
* Where the encoder says how far apart its key frames are, that decides instead. Then the first segment is a single
  part, so that players, which want a whole segment, begin at once; the second one goes on to the next key frame.
* The other track follows: its segment *n* begins at the sample nearest to the start of the leader's segment *n*. A
  follower that stays behind by three whole segments is closed with what it has, which may be nothing (a gap).
* A part is as many samples as fit into ``part_ms``. It is given out when the sample after it has arrived, so that the
  durations in it are exact.
* New codecs, a clock that runs backwards and a hole before a key frame begin a segment with a discontinuity. A stream
  that pauses and goes on without a key frame shows its last picture longer instead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec

from media.hls.fmp4 import Sample
from media.hls.key_interval import key_interval
from media.hls.lane import Closed, Cut, Fragment, TrackLane
from media.hls.target import target_for
from media.relay import Item, Tracks
from media.unit import Kind, Track, Unit

#: The number of a stream's first segment. Some players take 0 for no number at all.
FIRST_SEGMENT = 1

#: The longest first segment: 250 frames at 24 per second, which is what encoders do by default, and a margin.
FIRST_MAX_MS = 10_450
#: How much longer than the target duration a segment may be, its rounding and the other track's frames considered.
_OVER_MS = 450
#: For so much longer than usual a leader may be late before a follower cuts without it.
_LATE_MS = 400
_BACKWARDS_MS = 1_000
_START_PATIENCE_MS = 3_000
_MAX_EARLY = 512
_GOPS = 8


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """From here on fragments belong to these tracks."""

    tracks: tuple[Track, ...]


Output = Started | Fragment | Closed


class Segmenter:
    """Turns what a reader took from its relay into parts and segments of at most two tracks.

    Segments are numbered from ``first_segment``; one above ``FIRST_SEGMENT`` goes on from an earlier run and starts
    with a discontinuity, one below it is taken for it. ``target_s`` is the target duration of an earlier run, 0 if
    there was none; the attribute is 0 until the first segment has ended. ``feed`` returns what is complete, in order:
    for each track its parts before their segment. ``on_cut`` is called, synchronously, where a segment begins, for
    those who cut other renditions at the same places.
    """

    def __init__(
        self,
        *,
        target_ms: int = 2_000,
        part_ms: int = 334,
        target_s: int = 0,
        first_segment: int = FIRST_SEGMENT,
        on_cut: Callable[[Cut], None] = lambda cut: None,
    ) -> None:
        self._on_cut = on_cut
        self._target_ms = target_ms
        self._part_ms = part_ms
        self.target_s = target_s
        self._next = max(first_segment, FIRST_SEGMENT)
        self._breaks = first_segment > FIRST_SEGMENT
        self._lanes: dict[Kind, TrackLane] = {}
        self._leader: TrackLane | None = None
        self._cut: Cut | None = None
        self._last_key: int | None = None
        self._said_frames: int | None = None
        self._gops: deque[int] = deque(maxlen=_GOPS)
        self._usual_late_ms = 0

    @property
    def next_segment(self) -> int:
        """The number that the next segment gets."""
        return self._next

    @property
    def slack_s(self) -> float:
        """For how long at least no part of any track can be complete, as media goes on; 0 before the first."""
        return min((lane.slack_s for lane in self._lanes.values()), default=0.0)

    def feed(self, item: Item) -> list[Output]:
        if isinstance(item, Unit):
            return self._unit(item)
        return self._tracks(item.tracks) if isinstance(item, Tracks) else self.finish()

    def finish(self) -> list[Output]:
        """Give out and close everything; what follows starts with a discontinuity. Idempotent."""
        out: list[Output] = []
        for lane in self._lanes.values():
            out += lane.finish()
        self._breaks = self._breaks or self._cut is not None
        self._cut = self._last_key = None
        self._gops.clear()
        return out

    def _tracks(self, tracks: tuple[Track, ...]) -> list[Output]:
        held = {lane.track for lane in self._lanes.values()}
        if held and held == set(tracks):
            return []
        leads = any(track.kind == "video" for track in tracks if track not in held)
        if held and held < set(tracks) and not leads:
            for track in set(tracks) - held:
                self._join(track)
            return [Started(tracks=tracks)]
        out = self.finish()
        self._lanes = {track.kind: TrackLane(track, part_ms=self._part_ms) for track in tracks}
        self._leader = self._lanes.get("video") or self._lanes.get("audio")
        return [*out, Started(tracks=tracks)]

    def _join(self, track: Track) -> None:
        self._lanes[track.kind] = lane = TrackLane(track, part_ms=self._part_ms)
        if self._cut is not None:
            lane.schedule(self._cut)

    def _unit(self, unit: Unit) -> list[Output]:
        lane = self._lanes.get(unit.kind)
        if lane is None or not unit.data or (unit.pts < 0 and unit.kind == "audio"):
            return []
        out: list[Output] = []
        if lane.last_dts is not None and lane.last_dts - unit.dts > _BACKWARDS_MS * lane.track.timescale // 1000:
            out = self.finish()
        return out + (self._lead(lane, unit) if lane is self._leader else self._follow(lane, unit))

    def _lead(self, lane: TrackLane, unit: Unit) -> list[Output]:
        if lane.last_dts is None and not unit.is_key:
            return []
        if self._cut is None and not self.target_s:
            self._said_frames = key_interval(lane.track.config) or key_interval(unit.data)
        self._note_lateness(unit, lane)
        has_hole = unit.is_key and self._is_hole(lane, unit)
        sample = lane.sample(unit)
        lane.add(sample, after_hole=has_hole)
        self._breaks = self._breaks or has_hole
        must_cut = self._must_cut(lane, sample, is_repeat=unit.is_repeat)
        self._note_key(sample, is_repeat=unit.is_repeat)
        return self._begin(lane, sample) if must_cut else [*lane.due()]

    def _note_lateness(self, unit: Unit, leader: TrackLane) -> None:
        """How far the other track is ahead when the leader's units arrive, as its encoder sends them."""
        ahead = [lane.last_dts * 1000 // lane.track.timescale for lane in self._lanes.values()
                 if lane is not leader and lane.last_dts is not None]  # fmt: skip
        late_ms = max(ahead, default=0) - unit.dts * 1000 // leader.track.timescale
        self._usual_late_ms = max(late_ms, self._usual_late_ms - 1)

    def _is_hole(self, lane: TrackLane, unit: Unit) -> bool:
        """Whether so much is missing before a key frame that players do better to start anew."""
        if lane.last_dts is None:
            return False
        hole = unit.dts - lane.last_dts
        return hole * 2_000 > self._target_ms * lane.track.timescale and hole > 4 * lane.typical

    def _must_cut(self, lane: TrackLane, sample: Sample, *, is_repeat: bool) -> bool:
        if self._cut is None or self._breaks:
            return True
        first = lane.first or lane.pending[0]
        if first is sample:
            return sample.is_key
        if self._said_frames and self._cut.number == FIRST_SEGMENT and lane.has_full_part:
            return True
        scale = lane.track.timescale
        elapsed = (sample.dts - first.dts) * 1000
        if not sample.is_key:
            return elapsed + lane.typical * 1000 > self._max_ms * scale
        if not first.is_key or elapsed >= self._max_ms * scale:
            return True
        if is_repeat:
            return elapsed >= self._target_ms * scale
        gop = max([*self._gops, sample.dts - (self._last_key or 0)]) * 1000 if self._last_key is not None else elapsed
        return elapsed + gop // 2 >= self._target_ms * scale or elapsed + gop >= (self._target_ms + 500) * scale

    @property
    def _max_ms(self) -> int:
        return self.target_s * 1000 + _OVER_MS if self.target_s else FIRST_MAX_MS

    def _note_key(self, sample: Sample, *, is_repeat: bool) -> None:
        if not sample.is_key:
            return
        if self._last_key is not None and not is_repeat:
            self._gops.append(sample.dts - self._last_key)
        self._last_key = sample.dts

    def _begin(self, lane: TrackLane, sample: Sample) -> list[Output]:
        """A segment begins with this sample, the last that the lane has taken."""
        self._fix_target(lane)
        cut = Cut(self._next, sample.pts, lane.track.timescale, self._breaks, self.target_s, sample.is_key)
        self._next += 1
        self._cut, self._breaks = cut, False
        self._on_cut(cut)
        out: list[Output] = []
        for other in self._lanes.values():
            if other is lane:
                out += other.split(cut, len(other.pending) - 1)
            elif other is self._leader:
                out += other.split(cut, len(other.pending))
            else:
                out += other.schedule(cut)
        return out

    def _fix_target(self, lane: TrackLane) -> None:
        """The first segment has got as long as it gets: from here on none is longer, but for the rounding."""
        if self._cut is not None and not self.target_s:
            length_s = (lane.pending[-1].dts - (lane.first or lane.pending[0]).dts) / lane.track.timescale
            if self._said_frames:
                length_s = max(length_s, min(self._said_frames * lane.frame_s, FIRST_MAX_MS / 1000 - 0.05))
            self.target_s = max(target_for(length_s + 0.5 - _OVER_MS / 1000), round(self._target_ms / 1000))

    def _follow(self, lane: TrackLane, unit: Unit) -> list[Output]:
        sample = lane.sample(unit)
        lane.add(sample)
        if self._cut is None:
            return self._wait_for_leader(lane)
        out = lane.advance()
        if lane.cut is self._cut and self._leader_is_late(lane, sample):
            return [*out, *self._begin(lane, sample)]
        return [*out, *lane.due()]

    def _leader_is_late(self, lane: TrackLane, sample: Sample) -> bool:
        """The open segment is as long as it may be, and the track that should end it is silent."""
        if self._cut is None or self._leader is None:
            return False
        scale = lane.track.timescale
        elapsed = sample.pts - self._cut.ticks(scale)
        if self._leader.last_dts is None:
            return elapsed * 1000 >= self._target_ms * scale
        late = sample.pts - self._leader.last_dts * scale // self._leader.track.timescale
        is_late = late * 1000 >= (self._usual_late_ms + _LATE_MS) * scale
        return is_late and (elapsed + lane.typical) * 1000 > self._max_ms * scale

    def _wait_for_leader(self, lane: TrackLane) -> list[Output]:
        """Sound that came before the first picture; after some seconds the stream starts without one."""
        span = lane.pending[-1].pts - lane.pending[0].pts
        if span * 1000 < _START_PATIENCE_MS * lane.track.timescale and len(lane.pending) <= _MAX_EARLY:
            return []
        del lane.pending[:-1]
        return self._begin(lane, lane.pending[-1])
