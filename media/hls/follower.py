"""Cuts one track where another muxer's segments begin, so that renditions can be switched between. Sans-I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from media.hls.lane import Closed, Cut, Fragment, TrackLane
from media.hls.segmenter import Started
from media.relay import Item, Tracks
from media.unit import Track, Unit

#: A rendition that begins so much later than a segment leaves that one out.
_LATE_START_S = 0.1
EARLY_MS = 3
#: Cuts that are remembered for a track that is still to come.
_MAX_EARLY_CUTS = 4


class Follower:
    """Takes the cuts of a leading ``Segmenter`` and the items of one track, returns what is complete.

    The track's times are on the leader's clock; its key frames lie where the leader's do. It begins with a whole
    segment. One that stays three segments behind gives gaps, so that its numbers go on. No number is used twice, also
    not after ``finish`` and ``resume``.

    ``is_sent``: the publisher's encoder makes the track. Its pictures may then lie up to ``EARLY_MS`` before the
    leader's for want of precise timestamps, and where it has no key frame for a segment that the leader begins with
    one, it ends (``is_out_of_step``) until ``resume``.
    """

    def __init__(self, *, part_ms: int, is_sent: bool = False) -> None:
        self.target_s = 0
        self.is_out_of_step = False
        self._part_ms = part_ms
        self._is_sent = is_sent
        self._early_ms = EARLY_MS if is_sent else 0
        self._track: Track | None = None
        self._lane: TrackLane | None = None
        self._cuts: deque[Cut] = deque(maxlen=_MAX_EARLY_CUTS)
        self._next = 0

    @property
    def next_segment(self) -> int:
        """The number after the last one that was begun."""
        return self._next

    def resume(self, cuts: Iterable[Cut]) -> None:
        """Begin with the segment of one of these cuts, or a later one; numbers that have been used are left out."""
        self.is_out_of_step = False
        self._cuts.clear()
        self._cuts.extend(cut for cut in cuts if cut.number >= self._next)

    def schedule(self, cut: Cut) -> list[Closed | Fragment]:
        """The leader begins a segment."""
        self.target_s = max(self.target_s, cut.target_s)
        if self._lane is None or self._lane.cut is None:
            self._cuts.append(cut)
            return []
        self._lane.cuts.append(cut)
        return self._advanced(self._lane)

    def feed(self, item: Item) -> list[Started | Closed | Fragment]:
        if isinstance(item, Unit):
            return [*self._unit(item)]
        return self._tracks(item.tracks) if isinstance(item, Tracks) else [*self.finish()]

    def finish(self) -> list[Closed | Fragment]:
        """Give out and close everything; cuts that were not reached are left out. Idempotent."""
        lane, self._lane = self._lane, None
        if lane is None:
            return []
        lane.cuts.clear()
        return self._noted(lane.finish())

    def _tracks(self, tracks: tuple[Track, ...]) -> list[Started | Closed | Fragment]:
        track = next((track for track in tracks if track.kind == "video"), None)
        if track is None or track == self._track:
            return []
        following = [] if self._lane is None else [*self._lane.cuts]
        out = self.finish()
        self._cuts.extend(following)
        self._track = track
        return [*out, Started(tracks=(track,))]

    def _unit(self, unit: Unit) -> list[Closed | Fragment]:
        if self._track is None or unit.kind != "video" or not unit.data or self.is_out_of_step:
            return []
        lane = self._lane
        if lane is None or lane.cut is None:
            lane = self._begun(self._track, unit)
        if lane is None:
            return []
        lane.add(lane.sample(unit))
        out = self._advanced(lane)
        return out if self._lane is None else out + self._noted(lane.due())

    def _advanced(self, lane: TrackLane) -> list[Closed | Fragment]:
        """Carry out the cuts that the lane has reached, up to one for which it has no key frame."""
        index = lane.reached(lane.cuts[0]) if lane.cuts else None
        if index is None or not self._is_sent or lane.pending[index].is_key or not lane.cuts[0].is_key:
            return self._noted(lane.advance())
        self.is_out_of_step = True
        del lane.pending[index:]
        return self.finish()

    def _begun(self, track: Track, unit: Unit) -> TrackLane | None:
        """A lane whose first segment begins with this unit; None while no cut is near it."""
        early = self._early_ms * track.timescale // 1000
        start_s = unit.pts / track.timescale
        while self._cuts and start_s - self._cuts[0].time / self._cuts[0].timescale > _LATE_START_S:
            self._cuts.popleft()
        if not unit.is_key or not self._cuts or unit.pts < self._cuts[0].ticks(track.timescale) - early:
            return None
        self._lane = lane = TrackLane(track, part_ms=self._part_ms, early_ms=self._early_ms)
        lane.cuts.extend(self._cuts)
        self._cuts.clear()
        return lane

    def _noted(self, out: list[Closed | Fragment]) -> list[Closed | Fragment]:
        lane = self._lane
        if lane is not None and lane.cut is not None:
            self._next = max(self._next, lane.cut.number + 1)
        return out
