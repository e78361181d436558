"""Keeps the tracks of a stream in step for those who play segments: what pauses is filled. Sans-I/O.

Players of HLS and DASH stand still where one rendition has nothing. So while sound is away, silence takes its place,
and while the picture is away its last key frame is shown again, both up to shortly before the end of the other track.
Nothing is made where the stream as a whole is away: that is a hole, and the segmenter's.
"""

from __future__ import annotations

from collections import deque

import msgspec

from media.hls.codecs import opus_ticks
from media.hls.silence import silence
from media.relay import Item, Tracks
from media.unit import Codec, Kind, Track, Unit

#: A track that is heard no more while the other goes on for this long is away.
PAUSE_S = 0.6
#: The same for a track that has not begun: a codec worker may have to be started for it.
JOIN_S = 2.0
#: How far what is filled stays behind the other track, so that what returns is seldom late.
BEHIND_S = 0.2
#: More than this ahead of everything, or back, is a hole or another clock.
HOLE_S = 1.0
#: Of a time in which nothing arrived at all this much counts: what follows then comes in a burst.
_MAX_STEP_S = 0.25
#: How far behind what was filled a unit may be to count as late and not as of another clock.
LATE_S = 15.0
#: A slow source's picture is away after this many of its frames, but after no longer than that.
_FRAMES = 2
MAX_PAUSE_S = 2.5
_RECENT = 8


class _Lane:
    """One track: what was given out of it last, and when it came."""

    def __init__(self, track: Track) -> None:
        self.track = track
        self.silence = silence(track) if track.kind == "audio" else None
        self.start = 0
        self.end: int | None = None
        self.is_filled = False
        self.key: Unit | None = None
        self.intervals: deque[int] = deque(maxlen=_RECENT)
        self._heard_s = 0.0
        self._heard_at = 0.0

    @property
    def end_s(self) -> float:
        return (self.end or 0) / self.track.timescale

    def begin(self, media_s: float, clock_s: float) -> None:
        """Nothing of it is there before ``media_s``."""
        self.end, self.is_filled, self.key = None, False, None
        self.start = round(media_s * self.track.timescale)
        self.arrived(media_s, clock_s)

    def arrived(self, edge_s: float, clock_s: float) -> None:
        self._heard_s, self._heard_at = edge_s, clock_s

    def is_away(self, edge_s: float, clock_s: float) -> bool:
        """Whether the other track goes on without this one, in media time and in arrival: a burst is no pause."""
        pause_s = self._pause_s()
        return edge_s - self._heard_s > pause_s and clock_s - self._heard_at > pause_s

    def _pause_s(self) -> float:
        if self.track.kind == "audio":
            return JOIN_S if self.end is None else PAUSE_S
        if not self.intervals:
            return MAX_PAUSE_S
        return min(max(PAUSE_S, max(self.intervals) * _FRAMES / self.track.timescale), MAX_PAUSE_S)

    def duration(self, unit: Unit) -> int:
        """How long a packet of sound lasts, 0 if that is not known."""
        if self.track.codec is Codec.OPUS:
            return opus_ticks(unit.data)
        return self.silence.ticks if self.silence is not None else 0

    def is_back(self, unit: Unit) -> bool:
        """Whether it is so far behind what was given out that it must be of another clock."""
        behind_s = ((self.end or unit.dts) - unit.dts) / self.track.timescale
        return behind_s > (LATE_S if self.is_filled else HOLE_S)


class Filler:
    """Takes items in order, returns them with what is missing filled in.

    ``hold_ms`` is how long one picture is shown while pictures are away. Of a track that was filled, units that turn up
    late are left out; pictures go on with a key frame.
    """

    def __init__(self, *, hold_ms: int) -> None:
        self.filled = 0
        self.late = 0
        self._hold_ms = hold_ms
        self._lanes: dict[Kind, _Lane] = {}
        self._edge_s: float | None = None
        self._at = 0.0
        self._clock_s = 0.0

    def feed(self, item: Item) -> list[Item]:
        if isinstance(item, Unit):
            return self._unit(item)
        if isinstance(item, Tracks):
            self._configure(item.tracks)
        return [item]

    def _configure(self, tracks: tuple[Track, ...]) -> None:
        before, self._lanes = self._lanes, {}
        for track in tracks:
            lane = before.get(track.kind)
            if lane is None or lane.track != track:
                start_s = max(self._edge_s or 0.0, 0.0 if lane is None else lane.end_s)
                lane = _Lane(track)
                lane.begin(start_s, self._clock_s)
            self._lanes[track.kind] = lane

    def _unit(self, unit: Unit) -> list[Item]:
        lane = self._lanes.get(unit.kind)
        if lane is None or not unit.data:
            return [unit]
        self._tick(unit.at)
        start_s = unit.dts / lane.track.timescale
        if self._edge_s is None or start_s - self._edge_s > HOLE_S or lane.is_back(unit):
            self._restart(start_s)
        out = self._sound(lane, unit) if unit.kind == "audio" else self._picture(lane, unit)
        self._edge_s = max(self._edge_s or 0.0, start_s)
        if out or unit.kind == "audio":
            lane.arrived(self._edge_s, self._clock_s)
        for other in self._lanes.values():
            if other.is_away(self._edge_s, self._clock_s):
                out += self._fill(other, self._edge_s - BEHIND_S)
        return out

    def _tick(self, at: float) -> None:
        """Arrival as a clock that stands while nothing arrives, whatever becomes of the wall clock."""
        self._clock_s += min(max(at - self._at, 0.0), _MAX_STEP_S)
        self._at = at

    def _restart(self, media_s: float) -> None:
        """All tracks begin anew: nothing is filled across a hole of the whole stream."""
        self._edge_s = media_s
        for lane in self._lanes.values():
            lane.begin(media_s, self._clock_s)

    def _sound(self, lane: _Lane, unit: Unit) -> list[Item]:
        ticks = lane.duration(unit)
        if lane.is_filled and lane.end is not None and unit.pts < lane.end - ticks // 2:
            self.late += 1
            return []
        out = self._silent(lane, unit.pts) if lane.end is not None else self._silent_before(lane, unit.pts)
        lane.end, lane.is_filled = unit.pts + ticks, False
        return [*out, unit]

    def _picture(self, lane: _Lane, unit: Unit) -> list[Item]:
        """``lane.end`` is the decode time of the last picture; one that is not after it follows it at once."""
        if lane.is_filled and not unit.is_key:
            self.late += 1
            return []
        if lane.end is not None and unit.dts <= lane.end:
            dts = lane.end + 1
            unit = msgspec.structs.replace(unit, dts=dts, pts=max(unit.pts, dts))
        if lane.end is not None and not lane.is_filled:
            lane.intervals.append(unit.dts - lane.end)
        if unit.is_key:
            lane.key = unit
        lane.end, lane.is_filled = unit.dts, False
        return [unit]

    def _fill(self, lane: _Lane, until_s: float) -> list[Item]:
        until = round(until_s * lane.track.timescale)
        out = self._silent(lane, until) if lane.track.kind == "audio" else self._held(lane, until)
        lane.is_filled = lane.is_filled or bool(out)
        self.filled += len(out)
        return out

    def _silent(self, lane: _Lane, until: int) -> list[Item]:
        """Silence from the end of what there is, in whole packets."""
        out: list[Item] = []
        if lane.silence is None:
            return out
        pts = lane.start if lane.end is None else lane.end
        while pts + lane.silence.ticks <= until:
            out.append(Unit(kind="audio", pts=pts, dts=pts, is_key=True, data=lane.silence.data, at=self._at))
            pts += lane.silence.ticks
            lane.end = pts
        return out

    def _silent_before(self, lane: _Lane, pts: int) -> list[Item]:
        """Silence up to the first sound, if that begins late, and on its grid."""
        if lane.silence is None or pts - lane.start <= BEHIND_S * lane.track.timescale:
            return []
        lane.end = pts - (pts - lane.start) // lane.silence.ticks * lane.silence.ticks
        return self._silent(lane, pts)

    def _held(self, lane: _Lane, until: int) -> list[Item]:
        """The last key frame again and again: it can be decoded whatever went before."""
        out: list[Item] = []
        step = self._hold_ms * lane.track.timescale // 1000
        while lane.key is not None and lane.end is not None and lane.end + step <= until:
            lane.end += step
            pts = lane.end + lane.key.pts - lane.key.dts
            out.append(msgspec.structs.replace(lane.key, dts=lane.end, pts=pts, at=self._at, is_repeat=True))
        return out
