"""Decides from units where parts and segments begin. Sans-I/O; every time is an integer of ticks of its track.

The rules:

* One track leads: video when there is any, else audio. A segment begins at a key frame of the leader, at the one that
  brings it nearest to the target without its outgrowing the target.
* The first segment decides how long any may be: a playlist's target duration never changes (RFC 8216bis, 6.2.1). It
  takes a key frame interval of up to ``FIRST_MAX_MS``. For want of a key frame within that, or later within the
  target, a segment is cut before another frame, and the next key frame begins one again.
* The other track follows: its segment *n* begins at the sample nearest to the start of the leader's segment *n*. A
  follower that stays behind by three whole segments is closed with what it has, which may be nothing (a gap).
* A part is as many samples as fit into ``part_ms``. It is given out when the sample after it has arrived, so that the
  durations in it are exact.
* New codecs, a clock that runs backwards and a hole before a key frame begin a segment with a discontinuity. A stream
  that pauses and goes on without a key frame shows its last picture longer instead.
"""

from __future__ import annotations

from collections import deque

import msgspec

from media.hls.codecs import aac_shape, opus_ticks
from media.hls.fmp4 import Sample
from media.hls.target import target_for
from media.relay import Item, Tracks
from media.unit import Codec, Kind, Track, Unit

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
#: Whole segments that a follower may be behind: encoders and codec workers deliver sound seconds late, but it comes.
_MAX_BEHIND = 3


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """From here on fragments belong to these tracks."""

    tracks: tuple[Track, ...]


class Fragment(msgspec.Struct, frozen=True, kw_only=True):
    """One part: samples in decode order. ``duration`` is what a playlist says of it, never above the part target
    because of a pause in the stream; the samples' own durations are the truth."""

    kind: Kind
    segment: int
    part: int
    is_discontinuity: bool
    is_independent: bool
    duration: int
    samples: tuple[Sample, ...]


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """A segment is complete. ``parts`` is 0 when the track had nothing to say in it."""

    kind: Kind
    segment: int
    parts: int
    start_pts: int
    duration: int
    is_discontinuity: bool
    is_independent: bool


Output = Started | Fragment | Closed


class Cut(msgspec.Struct, frozen=True):
    """Segment ``number`` begins at ``time`` ticks of ``timescale``."""

    number: int
    time: int
    timescale: int
    is_discontinuity: bool

    def ticks(self, timescale: int) -> int:
        return self.time * timescale // self.timescale


class TrackLane:
    """One track's samples on their way into parts and segments."""

    def __init__(self, track: Track, *, part_ms: int) -> None:
        self.track = track
        self.kind: Kind = track.kind
        self.cut: Cut | None = None
        self.cuts: deque[Cut] = deque()
        self.pending: list[Sample] = []
        self.first: Sample | None = None
        self.last_dts: int | None = None
        self._part_ticks = part_ms * track.timescale // 1000
        self.typical = 0
        self._nominal = _audio_ticks(track)
        self._part = 0
        self._ticks = 0

    def sample(self, unit: Unit) -> Sample:
        """The unit with decode times that only grow, and with audio put on the grid of its own frames.

        Transports round audio times to milliseconds; frames whose length is known lie end to end.
        """
        if unit.kind == "video":
            dts = max(unit.dts, 0 if self.last_dts is None else self.last_dts + 1, 0)
            return Sample(dts, max(unit.pts, 0), 0, unit.is_key, unit.data)
        pts = max(unit.pts, 0)
        if self.last_dts is not None:
            expected = self.last_dts + self._nominal
            pts = expected if abs(pts - expected) * 2 <= self._nominal else max(pts, self.last_dts + 1)
        if self.track.codec is Codec.OPUS:
            self._nominal = opus_ticks(unit.data)
        return Sample(pts, pts, 0, True, unit.data)

    def add(self, sample: Sample, *, after_hole: bool = False) -> None:
        """Take a sample, from which follows how long the one before it lasts."""
        if self.pending:
            before = self.pending[-1]
            before.duration = self._duration(sample.dts - before.dts, after_hole)
        self.pending.append(sample)
        self.last_dts = sample.dts

    def _duration(self, delta: int, after_hole: bool) -> int:
        if self.kind == "audio" and self._nominal and delta * 2 > self._nominal * 3:
            return self._nominal
        if after_hole:
            return self.typical or delta
        if self.typical == 0 or delta <= self._part_ticks or delta < self.typical * 2:
            self.typical = delta
        return delta

    def due(self) -> list[Output]:
        """The parts that are full: taking one more sample would make them too long."""
        out: list[Output] = []
        while self.cut is not None and (count := self._full()):
            out += self._give(count)
        return out

    def _full(self) -> int:
        """How many samples the first part has, 0 while it may still grow."""
        if len(self.pending) < 2:
            return 0
        end = self.pending[0].dts + self._part_ticks
        if self.pending[-1].dts + self.pending[-2].duration <= end:
            return 0
        return max(1, sum(sample.dts <= end for sample in self.pending) - 1)

    def _give(self, count: int) -> list[Output]:
        samples, self.pending = tuple(self.pending[:count]), self.pending[count:]
        if not samples or self.cut is None:
            return []
        ticks = sum(sample.duration for sample in samples)
        self._ticks += ticks
        self.first = self.first or samples[0]
        fragment = Fragment(
            kind=self.kind,
            segment=self.cut.number,
            part=self._part,
            is_discontinuity=self.cut.is_discontinuity,
            is_independent=any(sample.is_key for sample in samples),
            duration=min(ticks, max(self._part_ticks, self.typical)),
            samples=samples,
        )
        self._part += 1
        return [fragment]

    def schedule(self, cut: Cut) -> list[Output]:
        """Follow the leader: begin the cut's segment once this track gets there."""
        self.cuts.append(cut)
        return self.advance()

    def advance(self) -> list[Output]:
        """Carry out the cuts that this track has reached, and those it is a whole segment behind."""
        out: list[Output] = []
        while self.cuts:
            start = self.cuts[0].ticks(self.track.timescale)
            nearest = start - self._nominal // 2
            index = next((at for at, sample in enumerate(self.pending) if sample.pts >= nearest), None)
            if index is None and len(self.cuts) <= _MAX_BEHIND:
                break
            out += self.split(self.cuts.popleft(), len(self.pending) if index is None else index)
        return out

    def split(self, cut: Cut, index: int) -> list[Output]:
        """Close the open segment with the first ``index`` pending samples and open the cut's one with the rest."""
        if index == len(self.pending):
            self._end_last()
        out = self._give(index) if self.cut is not None else []
        out += self._close(cut)
        self.pending = self.pending[index if self.cut is None else 0 :]
        self.cut, self.first, self._part, self._ticks = cut, None, 0, 0
        return out

    def finish(self) -> list[Output]:
        """Give out all there is and close the segment; the lane waits for its first cut again."""
        out: list[Output] = []
        while self.cuts:
            out += self.split(self.cuts.popleft(), len(self.pending))
        self._end_last()
        out += self._give(len(self.pending))
        out += self._close(None)
        self.pending, self.cut, self.first, self.last_dts = [], None, None, None
        return out

    def _end_last(self) -> None:
        if self.pending and not self.pending[-1].duration:
            self.pending[-1].duration = self._nominal or self.typical or self.track.timescale // 30

    def _close(self, following: Cut | None) -> list[Output]:
        if self.cut is None:
            return []
        start = self.cut.ticks(self.track.timescale)
        ticks = self._ticks
        if self.first is None and following is not None:
            ticks = max(following.ticks(self.track.timescale) - start, 0)
        elif self.first is not None and self.pending and following is not None and not following.is_discontinuity:
            ticks = _between(self.first, self.pending[0])
        return [
            Closed(
                kind=self.kind,
                segment=self.cut.number,
                parts=self._part,
                start_pts=start if self.first is None else self.first.pts,
                duration=ticks,
                is_discontinuity=self.cut.is_discontinuity,
                is_independent=self.first is not None and self.first.is_key,
            )
        ]


class Segmenter:
    """Turns what a reader took from its relay into parts and segments of at most two tracks.

    Segments are numbered from ``first_segment``; one above ``FIRST_SEGMENT`` goes on from an earlier run and starts
    with a discontinuity, one below it is taken for it. ``target_s`` is the target duration of an earlier run, 0 if
    there was none; the attribute is 0 until the first segment has ended. ``feed`` returns what is complete, in order:
    for each track its parts before their segment.
    """

    def __init__(
        self,
        *,
        target_ms: int = 2_000,
        part_ms: int = 334,
        target_s: int = 0,
        first_segment: int = FIRST_SEGMENT,
    ) -> None:
        self._target_ms = target_ms
        self._part_ms = part_ms
        self.target_s = target_s
        self._next = max(first_segment, FIRST_SEGMENT)
        self._breaks = first_segment > FIRST_SEGMENT
        self._lanes: dict[Kind, TrackLane] = {}
        self._leader: TrackLane | None = None
        self._cut: Cut | None = None
        self._last_key: int | None = None
        self._gops: deque[int] = deque(maxlen=_GOPS)
        self._usual_late_ms = 0

    @property
    def next_segment(self) -> int:
        """The number that the next segment gets."""
        return self._next

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
        self._note_lateness(unit, lane)
        has_hole = unit.is_key and self._is_hole(lane, unit)
        sample = lane.sample(unit)
        lane.add(sample, after_hole=has_hole)
        self._breaks = self._breaks or has_hole
        must_cut = self._must_cut(lane, sample, is_repeat=unit.is_repeat)
        self._note_key(sample, is_repeat=unit.is_repeat)
        return self._begin(lane, sample) if must_cut else lane.due()

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
        cut = Cut(self._next, sample.pts, lane.track.timescale, self._breaks)
        self._next += 1
        self._cut, self._breaks = cut, False
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
            self.target_s = max(target_for(length_s + 0.5 - _OVER_MS / 1000), round(self._target_ms / 1000))

    def _follow(self, lane: TrackLane, unit: Unit) -> list[Output]:
        sample = lane.sample(unit)
        lane.add(sample)
        if self._cut is None:
            return self._wait_for_leader(lane)
        out = lane.advance()
        if lane.cut is self._cut and self._leader_is_late(lane, sample):
            return out + self._begin(lane, sample)
        return out + lane.due()

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


def _between(first: Sample, following: Sample) -> int:
    """From key frame to key frame pictures are shown for as long as the presentation times say."""
    shown = following.pts - first.pts
    return shown if first.is_key and following.is_key and shown > 0 else following.dts - first.dts


def _audio_ticks(track: Track) -> int:
    """How long one frame of sound lasts, 0 for pictures."""
    if track.codec is Codec.AAC:
        rate, _, samples = aac_shape(track.config)
        return samples * track.timescale // rate
    return 960 if track.codec is Codec.OPUS else 0
