"""Simulcast layers beside the one whose pictures are the source: on one clock with it, as renditions. Sans-I/O.

Each layer has an RTP clock with a beginning of its own (RFC 3550, section 5.1). What they show is captured once, so a
frame of one layer has the place of a frame of every other one: sender reports say roughly where, the frames exactly.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from itertools import count
from typing import Final

from media.publication import Publication
from media.unit import VIDEO_TIMESCALE, Codec, Track, Unit
from media.webrtc.inbound import Frame
from media.webrtc.sources import Source

#: A layer whose publisher sends no reports is placed by when its frames arrive, after so long.
REPORT_WAIT_S: Final = 2.0
#: Frames of two layers that are at most this far apart are of the same picture: less than half a frame at 30 fps.
SAME_S: Final = 0.015
#: A layer that is further from the source than this has a clock that jumped.
MAX_APART_S: Final = 10.0
_MAX_PLACES: Final = 256


class LayerClock:
    """The clock of all layers, in ticks: that of the layer which was taken first."""

    def __init__(self) -> None:
        self._frames: deque[int] = deque(maxlen=_MAX_PLACES)

    def take(self, source: Source, ticks: int) -> int:
        """Where a frame of the layer that is the source stands. One that was never placed begins a clock anew."""
        if source.shift is None:
            source.shift = 0
            self._frames.clear()
        self._frames.append(ticks + source.shift)
        return self._frames[-1]

    def place(self, source: Source, current: Source, ticks: int, now: float) -> int | None:
        """Where a frame of another layer stands; None while that is not known."""
        if source.shift is not None and self._is_apart(ticks + source.shift):
            source.forget_clock()
            return None
        if source.shift is None:
            source.shift = self._shift_of(source, current, now)
        return None if source.shift is None else ticks + source.shift

    def _is_apart(self, place: int) -> bool:
        return not self._frames or abs(place - self._frames[-1]) > MAX_APART_S * VIDEO_TIMESCALE

    def _shift_of(self, source: Source, current: Source, now: float) -> int | None:
        """By a frame of some time ago, since of one that has just come the source's picture may be yet to come."""
        apart_s = _apart_s(source, current, now)
        if apart_s is None or current.shift is None or not self._frames or not source.recent:
            return None
        ticks = source.recent[0]
        roughly = ticks + round(apart_s * VIDEO_TIMESCALE) + current.shift
        same = min(self._frames, key=lambda frame: abs(frame - roughly))
        is_same = abs(same - roughly) <= SAME_S * VIDEO_TIMESCALE
        return same - ticks if is_same else None


def _apart_s(source: Source, current: Source, now: float) -> float | None:
    """By how much the RTP clock of ``current`` is ahead of that of ``source``."""
    told, of_current = source.sender.offset_s, current.sender.offset_s
    if told is not None and of_current is not None:
        return told - of_current
    if now - source.began_at < REPORT_WAIT_S or source.transit_s is None or current.transit_s is None:
        return None
    return source.transit_s - current.transit_s


class LayerRenditions:
    """Hands layers on as renditions of a publication. A layer keeps its track for the whole run, whatever becomes of
    its source."""

    def __init__(self, publication: Publication) -> None:
        self._publication = publication
        self._ids: dict[str, int] = {}
        self._numbers = count(1)
        self._tracks: dict[int, Track] = {}
        self._last: dict[int, int] = {}
        self._places: OrderedDict[int, int] = OrderedDict()

    def has(self, layer: str) -> bool:
        return layer in self._ids

    def note(self, place: int, pts: int) -> None:
        """The source's frame that stands at ``place`` on the layers' clock has been written with this pts."""
        self._places[place] = pts
        if len(self._places) > _MAX_PLACES:
            self._places.popitem(last=False)

    def announce(self, layer: str, track: Track) -> None:
        """The layer's track, before its units and whenever it changes. VP8 cannot be packaged and is left out."""
        if track.codec is not Codec.H264 or not self._places:
            return
        if layer not in self._ids:
            self._ids[layer] = next(self._numbers)
        track_id = self._ids[layer]
        if self._tracks.get(track_id) != track:
            self._tracks[track_id] = track
            self._publication.configure_rendition(track_id, track)

    def put(self, layer: str, frame: Frame, place: int, *, at: float) -> None:
        """One frame; ``at`` is the wall clock. Frames of a layer that was not announced are left out."""
        track_id = self._ids.get(layer)
        pts = self._pts(place)
        if track_id is None or pts is None or pts <= self._last.get(track_id, -1):
            return
        self._last[track_id] = pts
        unit = Unit(kind="video", pts=pts, dts=pts, is_key=frame.is_key, data=frame.data, at=at)
        self._publication.write_rendition(track_id, unit)

    def _pts(self, place: int) -> int | None:
        """Where the source has a frame at this place; else as far from its last one as the places are apart."""
        exact = self._places.get(place)
        if exact is not None or not self._places:
            return exact
        last = next(reversed(self._places))
        return self._places[last] + place - last
