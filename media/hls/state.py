"""What is known of a live stream's renditions, segments and parts, kept by the muxers' events. Sans-I/O."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from media.hls.events import (
    SOURCE,
    Event,
    InitReady,
    PartReady,
    RenditionsPlanned,
    RunEnded,
    RunStarted,
    SegmentReady,
    SegmentRemoved,
    SegmentStored,
    StreamEnded,
)
from media.hls.listing import PartInfo, SegmentInfo
from media.hls.locations import Locations
from media.hls.manifests import Manifests
from media.hls.rendition import Rendition
from media.hls.renditions import Renditions


class LiveState:
    """``apply`` alone changes it. Events of one muxer come in its order; an event that says nothing new is ignored."""

    def __init__(self, *, target_s: int, part_target_s: float, window_s: float, keeps_all: bool) -> None:
        self.renditions = Renditions(
            target_s=target_s, part_target_s=part_target_s, window_s=window_s, keeps_all=keeps_all
        )
        self.manifests = Manifests(self.renditions, keeps_all=keeps_all)
        self.locations = Locations()

    def apply(self, event: Event) -> None:
        _APPLY[type(event)](self, event)

    def _apply_run(self, event: RunStarted) -> None:
        for rendition in self.renditions.of_muxer(event.muxer):
            self._close_open(rendition)
        self.renditions.start_run(event)

    def _apply_planned(self, event: RenditionsPlanned) -> None:
        self.renditions.plan(event.renditions)

    def _apply_init(self, event: InitReady) -> None:
        self.locations.add(event)
        self.renditions.begin(event)

    def _apply_part(self, event: PartReady) -> None:
        rendition = self._taking(event)
        if rendition is None:
            return
        self.manifests.begin(event)
        self.renditions.align(rendition, event.segment)
        segment = f"{event.rendition}/{event.publication}/{event.segment}.m4s"
        self.locations.add_part(segment, event)
        info = _info(event, uri=segment, size=0, is_independent=event.is_independent or event.part > 0)
        part = PartInfo(uri=event.name, duration_s=event.duration_s, is_independent=event.is_independent)
        rendition.playlist.add_part(info, part)
        rendition.playlist.hint = _part_name(event.rendition, event.publication, event.segment, event.part + 1)
        rendition.count_part(event.size, event.duration_s)
        self.renditions.stand_in(rendition, info, part)

    def _apply_segment(self, event: SegmentReady) -> None:
        rendition = self._taking(event)
        if rendition is None:
            return
        self.renditions.align(rendition, event.segment)
        if not event.is_gap:
            self.locations.add(event)
        info = _info(event, uri=event.name, size=event.size, is_independent=event.is_independent or event.is_gap)
        info = msgspec.structs.replace(info, is_gap=event.is_gap)
        rendition.playlist.add_segment(info)
        self.renditions.raise_target(max(event.target_s, rendition.playlist.target_s))
        rendition.playlist.hint = _part_name(event.rendition, event.publication, event.segment + 1, 0)
        if not event.is_gap:
            rendition.count_segment(event.size, event.duration_s, key_bytes=event.key_bytes)
        if not rendition.is_made:
            self._go_on(rendition, info)

    def _taking(self, event: PartReady | SegmentReady) -> Rendition | None:
        """The rendition of this event. None if it has not begun, or if it was not made for a while and has a gap listed
        in this segment's place already."""
        rendition = self.renditions.get(event.rendition)
        if rendition is None or (rendition.is_made and not rendition.playlist.takes(event.segment)):
            return None
        return rendition

    def _go_on(self, rendition: Rendition, info: SegmentInfo) -> None:
        """The publisher's own rendition has a segment more: what goes by it goes on as well."""
        self.renditions.stand_in(rendition, info)
        self.renditions.fill_silent(rendition, info)
        if rendition.init.kind == "video":
            self.renditions.end_alone()
        self.manifests.add(info)

    def _apply_stored(self, event: SegmentStored) -> None:
        self.locations.store(event)

    def _apply_removed(self, event: SegmentRemoved) -> None:
        if self.locations.remove(event.name):
            return
        for rendition in self.renditions:
            number = rendition.playlist.drop(event.name)
            if number is not None:
                self.manifests.changed(number)

    def _apply_run_ended(self, event: RunEnded) -> None:
        for rendition in self.renditions:
            if event.muxer in (rendition.init.muxer, SOURCE):
                self._close_open(rendition)
                rendition.is_silent = rendition.is_silent or rendition.is_made

    def _apply_ended(self, event: StreamEnded) -> None:
        self.renditions.is_ended = True
        for rendition in self.renditions:
            self._close_open(rendition)
            rendition.playlist.finish()

    def _close_open(self, rendition: Rendition) -> None:
        """A writer that has gone without a word leaves a segment that is as long as its parts."""
        name = rendition.playlist.close_open()
        rendition.playlist.hint = None
        if name is not None:
            self.locations.join_parts(name)


def _part_name(rendition: str, publication: int, segment: int, part: int) -> str:
    return f"{rendition}/{publication}/{segment}.{part}.m4s"


def _info(event: PartReady | SegmentReady, *, uri: str, size: int, is_independent: bool) -> SegmentInfo:
    return SegmentInfo(
        key_bytes=event.key_bytes if isinstance(event, SegmentReady) else 0,
        number=event.segment,
        uri=uri,
        init_uri=event.init,
        media_time=event.media_time,
        duration=event.duration,
        timescale=event.timescale,
        program_date_time=event.program_date_time,
        is_discontinuity=event.is_discontinuity,
        is_independent=is_independent,
        size=size,
    )


_APPLY: dict[type, Callable[..., None]] = {
    RunStarted: LiveState._apply_run,
    RenditionsPlanned: LiveState._apply_planned,
    InitReady: LiveState._apply_init,
    PartReady: LiveState._apply_part,
    SegmentReady: LiveState._apply_segment,
    SegmentStored: LiveState._apply_stored,
    SegmentRemoved: LiveState._apply_removed,
    RunEnded: LiveState._apply_run_ended,
    StreamEnded: LiveState._apply_ended,
}
