"""One track's samples on their way into parts and segments, at the cuts that a leading track decides. Sans-I/O."""

from __future__ import annotations

from collections import deque

import msgspec

from media.hls.codecs import aac_shape, opus_ticks
from media.hls.fmp4 import Sample
from media.unit import Codec, Kind, Track, Unit

#: Whole segments that a follower may be behind: encoders and codec workers deliver seconds late, but it comes.
_MAX_BEHIND = 3


LEAST_PERCENT = 85


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


class Cut(msgspec.Struct, frozen=True):
    """Segment ``number`` begins at ``time`` ticks of ``timescale``; ``target_s`` is the target duration by then."""

    number: int
    time: int
    timescale: int
    is_discontinuity: bool
    target_s: int = 0
    is_key: bool = True
    """Whether the leader begins it with a key frame."""

    def ticks(self, timescale: int) -> int:
        return self.time * timescale // self.timescale


class TrackLane:
    """One track's samples on their way into parts and segments."""

    def __init__(self, track: Track, *, part_ms: int, early_ms: int = 0) -> None:
        """``early_ms``: how much before a cut a picture may lie that the cut's segment begins with."""
        self.track = track
        self.kind: Kind = track.kind
        self.cut: Cut | None = None
        self.cuts: deque[Cut] = deque()
        self.pending: list[Sample] = []
        self.first: Sample | None = None
        self.last_dts: int | None = None
        self.typical = 0
        self._nominal = _audio_ticks(track)
        frame = self._nominal or (round(track.timescale / track.fps) if track.fps else 0)
        self._part_ticks = _part_ticks(part_ms * track.timescale // 1000, frame)
        self._early = early_ms * track.timescale // 1000
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

    @property
    def frame_s(self) -> float:
        """How long a picture is shown; 0 before the second."""
        return 1 / self.track.fps if self.track.fps else self.typical / self.track.timescale

    @property
    def has_full_part(self) -> bool:
        """Whether what is here is more than a part."""
        return self._full() > 0

    @property
    def slack_s(self) -> float:
        """For how long the sample that completes the first part cannot be here. The newest one may have arrived the
        time of a sample ago."""
        usual = self.typical or self._nominal
        if self.cut is None or not self.pending or not usual:
            return 0.0
        ticks = self.pending[0].dts + self._part_ticks - self.pending[-1].dts - 2 * usual
        return max(ticks, 0) / self.track.timescale

    def due(self) -> list[Fragment | Closed]:
        """The parts that are full: taking one more sample would make them too long."""
        out: list[Fragment | Closed] = []
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

    def _give(self, count: int) -> list[Fragment | Closed]:
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

    def schedule(self, cut: Cut) -> list[Fragment | Closed]:
        """Follow the leader: begin the cut's segment once this track gets there."""
        self.cuts.append(cut)
        return self.advance()

    def advance(self) -> list[Fragment | Closed]:
        """Carry out the cuts that this track has reached, and those it is a whole segment behind."""
        out: list[Fragment | Closed] = []
        while self.cuts:
            index = self.reached(self.cuts[0])
            if index is None and len(self.cuts) <= _MAX_BEHIND:
                break
            out += self.split(self.cuts.popleft(), len(self.pending) if index is None else index)
        return out

    def reached(self, cut: Cut) -> int | None:
        """Which of the pending samples the cut's segment begins with; None while that is to come."""
        nearest = cut.ticks(self.track.timescale) - (self._nominal // 2 or self._early)
        return next((at for at, sample in enumerate(self.pending) if sample.pts >= nearest), None)

    def split(self, cut: Cut, index: int) -> list[Fragment | Closed]:
        """Close the open segment with the first ``index`` pending samples and open the cut's one with the rest."""
        if index == len(self.pending):
            self._end_last()
        out = self._give(index) if self.cut is not None else []
        out += self._close(cut)
        self.pending = self.pending[index if self.cut is None else 0 :]
        self.cut, self.first, self._part, self._ticks = cut, None, 0, 0
        return out

    def finish(self) -> list[Fragment | Closed]:
        """Give out all there is and close the segment; the lane waits for its first cut again."""
        out: list[Fragment | Closed] = []
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

    def _close(self, following: Cut | None) -> list[Fragment | Closed]:
        if self.cut is None:
            return []
        start = self.cut.ticks(self.track.timescale)
        ticks = self._ticks
        if self.first is None and following is not None:
            ticks = max(following.ticks(self.track.timescale) - start, 0)
        elif self.first is not None and self.pending and following is not None and not following.is_discontinuity:
            ticks = self._until(following)
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

    def _until(self, following: Cut) -> int:
        """How long the open segment is: to the first sample of the next one, or, where that is missing, to where it
        should be."""
        assert self.first is not None
        shown = _between(self.first, self.pending[0])
        planned = following.ticks(self.track.timescale) - self.first.pts
        return shown if shown <= planned + self._part_ticks else max(planned, 1)


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


def _part_ticks(target: int, frame: int) -> int:
    """How long a part may be. All but the last of a segment have 85% of the part target at least (RFC 8216bis,
    4.4.4.9): where whole frames within ``target`` are less, one more is taken, and the rendition's target is longer."""
    count = target // frame if frame else 0
    return (count + 1) * frame if count and count * frame * 100 < LEAST_PERCENT * target else target
