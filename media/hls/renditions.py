"""The renditions of a live stream, which agree on the numbers, times and discontinuities of their segments. Sans-I/O.

A rendition that has nothing of a segment that its leader has listed gets a gap in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from media.hls.events import SOURCE, InitReady, PlannedRendition, RunStarted
from media.hls.listing import PartInfo, SegmentInfo
from media.hls.playlist import MediaPlaylist
from media.hls.rendition import Rendition
from media.hls.segmenter import FIRST_SEGMENT

#: How much of the leader there is when what should have begun beside it is not waited for any more.
PATIENCE_S = 1.0


class Renditions:
    """Iterates over those that have begun, in the order of their begin. ``planned``: those that can be made on demand,
    by their names, the best first. ``target_s`` is the target duration of all."""

    def __init__(self, *, target_s: int, part_target_s: float, window_s: float, keeps_all: bool) -> None:
        self.target_s = target_s
        self.is_ended = False
        self.planned: dict[str, PlannedRendition] = {}
        self._part_target_s = part_target_s
        self._window_s = window_s
        self._keeps_all = keeps_all
        self._held: dict[str, Rendition] = {}
        self._run: RunStarted | None = None

    def __iter__(self) -> Iterator[Rendition]:
        return iter(self._held.values())

    def get(self, name: str) -> Rendition | None:
        return self._held.get(name)

    def of_muxer(self, muxer: str) -> list[Rendition]:
        return [rendition for rendition in self if rendition.init.muxer == muxer]

    def next_segment(self, muxer: str) -> int:
        """The first number that no rendition of this muxer has listed even in part."""
        return max((held.playlist.next_segment or 0 for held in self.of_muxer(muxer)), default=FIRST_SEGMENT)

    def videos_first(self) -> list[Rendition]:
        """What the publisher sends before what is made of it, the best of that first."""
        order = {name: at for at, name in enumerate(self.planned, 1)}
        held = [each for each in self if not each.is_made or each.init.rendition in order]
        return sorted(held, key=lambda each: (each.init.kind != "video", order.get(each.init.rendition, 0)))

    @property
    def is_playable(self) -> bool:
        """Whether the multivariant playlist can be given out: players never look at it again.

        So the leader of what the publisher sends must have a whole segment, and so must what has begun beside it. What
        was announced and has not begun is waited for until the leader has ``PATIENCE_S``.
        """
        return self.is_ended or (self._run is not None and bool(self._run.leader) and self._has_begun(self._run))

    def _has_begun(self, run: RunStarted) -> bool:
        leader = self._held.get(run.leader)
        if leader is None or not leader.playlist.count:
            return False
        others = [held.playlist for name in run.renditions if (held := self._held.get(name)) is not None]
        are_missing = len(others) < len(run.renditions) or any(playlist.is_empty for playlist in others)
        begin_s, end_s = leader.playlist.extent_s
        return all(playlist.count or playlist.is_empty for playlist in others) and (
            not are_missing or end_s - begin_s >= PATIENCE_S
        )

    # What happened.

    def start_run(self, event: RunStarted) -> None:
        for rendition in self.of_muxer(event.muxer):
            rendition.alone_until = None
            rendition.is_silent = rendition.init.rendition not in event.renditions
        if event.muxer == SOURCE:
            self._run = event

    def plan(self, planned: Iterable[PlannedRendition]) -> None:
        self.planned = {each.name: each for each in planned}

    def begin(self, event: InitReady) -> None:
        """The rendition has an initialisation: it begins, or goes on with another one."""
        held = self._held.get(event.rendition)
        if held is not None:
            held.init, held.is_silent = event, False
            return
        playlist = MediaPlaylist(
            target_s=self.target_s,
            part_target_s=self._part_target_s,
            window_s=self._window_s,
            keeps_all=self._keeps_all and event.muxer == SOURCE,
        )
        self._held[event.rendition] = Rendition(event, playlist)

    def raise_target(self, target_s: int) -> None:
        """All renditions have the same target duration (RFC 8216bis, 6.2.4)."""
        self.target_s = max(self.target_s, target_s)
        for rendition in self:
            rendition.playlist.raise_target(self.target_s)

    def end_alone(self) -> None:
        """Who listens without a picture gets what has been listed so far, to the end of its segment, and no more."""
        if not self.is_playable:
            return
        for held in self:
            if held.init.kind == "audio" and held.alone_until is None:
                held.alone_until = held.playlist.end.segment

    # Segments in step.

    @property
    def stands_in(self) -> bool:
        """Whether the publisher's own segments stand in the place of those that are made of them."""
        return self._run is not None and self._run.stands_in

    def stand_in(self, rendition: Rendition, info: SegmentInfo, part: PartInfo | None = None) -> None:
        """The leader has listed a part, or the whole, of a segment: what is made of it lists the same one."""
        if self._run is None or not self._run.stands_in or self._run.leader != rendition.init.rendition:
            return
        for other in self:
            if not other.is_made or not other.playlist.takes(info.number):
                continue
            _catch_up(other, rendition.playlist, info.number)
            if part is not None:
                other.playlist.add_part(info, part)
            else:
                other.playlist.add_segment(info)
            other.playlist.hint = rendition.playlist.hint

    def align(self, rendition: Rendition, number: int) -> None:
        """Before a segment of this number is listed: a rendition that appears in the middle counts the discontinuities
        before it as its leader does, and one that goes on after a while has the leader's segments of meanwhile as gaps.
        """
        leader = self._held.get(self._run.leader) if self._run is not None else None
        if leader is None or leader is rendition:
            return
        if rendition.playlist.is_empty:
            rendition.playlist.start_at(leader.playlist.breaks_before(number))
        elif rendition.is_made:
            _catch_up(rendition, leader.playlist, number)

    def fill_silent(self, rendition: Rendition, info: SegmentInfo) -> None:
        """After the leader has listed a segment: what is not made at the moment, or was of an earlier run and is not of
        this one, gets gaps, so that numbers and discontinuities agree."""
        if self._run is None or self._run.leader != rendition.init.rendition:
            return
        for other in self:
            following = other.playlist.next_segment
            if other.is_silent and following is not None and following <= info.number and not self._is_stood_in(other):
                _catch_up(other, rendition.playlist, info.number)
                other.playlist.add_segment(_gap(other, info))

    def _is_stood_in(self, rendition: Rendition) -> bool:
        return rendition.is_made and self.stands_in


def _catch_up(rendition: Rendition, leader: MediaPlaylist, number: int) -> None:
    """Gaps for what the leader has listed and this one has not, below ``number``."""
    following = rendition.playlist.next_segment or number
    for missing in range(max(following, leader.numbers.start), min(number, leader.numbers.stop)):
        rendition.playlist.add_segment(_gap(rendition, leader.numbered(missing)))


def _gap(rendition: Rendition, segment: SegmentInfo) -> SegmentInfo:
    """What stands in a rendition for a segment of its leader."""
    uri = f"{rendition.init.rendition}/{segment.uri.partition('/')[2]}"
    return msgspec.structs.replace(segment, uri=uri, is_gap=True, init_uri="", size=0)
