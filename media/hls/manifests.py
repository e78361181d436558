"""The DASH manifests of a live stream's renditions: the live window, or everything since the start. Sans-I/O."""

from __future__ import annotations

from collections.abc import Sequence

from media.hls.dash import History, Live, Origins, Presentation, render_mpd, render_periods
from media.hls.events import PartReady
from media.hls.listing import SegmentInfo
from media.hls.marks import Mark
from media.hls.playlist import MediaPlaylist
from media.hls.rendition import Rendition
from media.hls.renditions import Renditions

SETTLED = 16
"""Segments behind the newest ones that nothing is added to any more."""
LEAST_MADE = 3
"""Segments of a rendition that is made on demand before a manifest lists it."""


class Manifests:
    """Remembers what the renditions do not: when media time 0 was, and where periods begin.

    ``keeps_all``: the renditions hold every segment, so that there is more to list than the live window.
    """

    def __init__(self, renditions: Renditions, *, keeps_all: bool) -> None:
        self._renditions = renditions
        self._keeps_all = keeps_all
        self._begin: float | None = None
        self._origins = Origins()
        self._history = History()

    def begin(self, event: PartReady) -> None:
        """The first part says when media time 0 was; those after it change nothing."""
        if self._begin is None:
            self._begin = event.program_date_time - event.media_time / event.timescale

    def add(self, segment: SegmentInfo) -> None:
        """The publisher's own rendition has listed a segment."""
        if not segment.is_gap and (segment.is_discontinuity or self._origins.is_empty):
            self._origins.note(segment)
        if self._keeps_all and segment.number % SETTLED == 0:
            self._settle()

    def _settle(self) -> None:
        """A rendition may be some segments behind the others, and no more than ``SETTLED``."""
        sent = [held for held in self._renditions if not held.is_made]
        stops = [held.playlist.numbers.stop for held in sent if not held.is_silent]
        self._history.settle(self._playlists(), before=min(stops) - SETTLED)

    def _playlists(self) -> dict[str, MediaPlaylist]:
        """Those of which everything is held."""
        sent = [held for held in self._renditions.videos_first() if not held.is_made]
        return {held.init.rendition: held.playlist for held in sent if held.playlist.count}

    def changed(self, number: int) -> None:
        """A segment of this number has become a gap."""
        self._history.changed(number)

    def render(self, *, now: float, dvr: bool, marks: Sequence[Mark] = (), languages: Sequence[str] = ()) -> str:
        """``now`` is the wall clock in seconds. With ``dvr`` everything since the start, if that is held."""
        live = None if self._renditions.is_ended else Live(self._begin or 0.0, now, self._origins)
        whole = dvr and self._keeps_all
        return self._whole(live, marks, languages) if whole else self._window(live, marks, languages)

    def _whole(self, live: Live | None, marks: Sequence[Mark], languages: Sequence[str]) -> str:
        sent = [held for held in self._renditions.videos_first() if not held.is_made]
        presentations = [_presentation(held, (), whole=True) for held in sent]
        periods = self._history.periods(self._playlists())
        target_s = self._renditions.target_s
        return render_periods(presentations, periods, target_s=target_s, live=live, marks=marks, languages=languages)

    def _window(self, live: Live | None, marks: Sequence[Mark], languages: Sequence[str]) -> str:
        windows = [(held, _listed(held)) for held in self._renditions.videos_first() if self._is_shown(held)]
        # All begin with the same number, whatever else each window would hold.
        sent = [(held, segments) for held, segments in windows if not held.is_made]
        first = max((segments[0].number for held, segments in sent if segments and not held.is_silent), default=0)
        presentations = [
            _presentation(held, [segment for segment in segments if segment.number >= first])
            for held, segments in windows
            if len(segments) >= LEAST_MADE or not held.is_made
        ]
        target_s = self._renditions.target_s
        return render_mpd(presentations, target_s=target_s, live=live, marks=marks, languages=languages)

    def _is_shown(self, held: Rendition) -> bool:
        return not (held.is_made and (held.is_silent or self._renditions.is_ended))


def _presentation(held: Rendition, segments: Sequence[SegmentInfo], *, whole: bool = False) -> Presentation:
    return Presentation(held.described(held.uri, whole=whole), held.init.sample_rate, segments)


def _listed(held: Rendition) -> list[SegmentInfo]:
    """The segments of the live window; of a rendition that is made on demand those since the last gap."""
    window = held.playlist.window()
    if not held.is_made:
        return window
    last = max((at for at, segment in enumerate(window) if segment.is_gap), default=-1)
    return window[last + 1 :]
