"""The serving side of a live stream's HLS and DASH: everything but HTTP. Sans-I/O.

Fed with the muxers' events in order, it answers what a playlist holds now and where bytes lie. It keeps no file open
and reads none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import msgspec

from media.hls.blocking import WHOLE, BadQuery, BlockingQuery, Position
from media.hls.dash import History, Live, Origins, Presentation, render_mpd, render_periods
from media.hls.events import (
    Event,
    InitReady,
    PartReady,
    RunEnded,
    RunStarted,
    SegmentReady,
    SegmentRemoved,
    SegmentStored,
    StreamEnded,
)
from media.hls.listing import PartInfo, RenditionInfo, Report, SegmentInfo
from media.hls.multivariant import render_multivariant
from media.hls.playlist import MediaPlaylist
from media.hls.segmenter import FIRST_SEGMENT

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
MANIFEST_TYPE = "application/dash+xml"
SEGMENT_TYPE = "video/mp4"
SETTLED = 16
"""Segments behind the newest ones that nothing is added to any more."""
FIRST_SEGMENT_S = 13.0
"""The first segment is there within this time: it ends with the first key frame interval, or is cut after ten and a
half seconds."""


class Rendered(msgspec.Struct, frozen=True):
    """A playlist as it is now. ``etag`` comes with its quotes and follows from the body."""

    body: bytes
    etag: str
    content_type: str


class Wait(msgspec.Struct, frozen=True):
    """Not yet: ask again when the index has changed, for at most ``limit_s`` (then 503)."""

    until: Position
    limit_s: float


class Bad(msgspec.Struct, frozen=True):
    """Refused: 400 for a request that cannot be met, 404 for what is not there."""

    status: int
    reason: str


class OnDisk(msgspec.Struct, frozen=True):
    """``size`` bytes at ``offset`` of the file at ``path``; they do not change."""

    path: str
    offset: int
    size: int


class InStore(msgspec.Struct, frozen=True):
    """The bytes are the object of this key."""

    object_key: str
    size: int


class PendingPart(msgspec.Struct, frozen=True):
    """The part has been announced and is not there yet: ask again when the index has changed."""


Answer = Rendered | Wait | Bad
Location = OnDisk | InStore | PendingPart


class _Rendition:
    def __init__(self, init: InitReady, playlist: MediaPlaylist) -> None:
        self.init = init
        self.playlist = playlist
        self.is_silent = False
        self.alone_until: int | None = None
        self._bytes = 0
        self._seconds = 0.0
        self._peak = 0.0
        self._so_far = [0, 0.0]

    @property
    def uri(self) -> str:
        return f"{self.init.rendition}.m3u8"

    def count_part(self, size: int, seconds: float) -> None:
        self._so_far[0] += size
        self._so_far[1] += seconds

    def count_segment(self, size: int, seconds: float) -> None:
        self._so_far = [0, 0.0]
        self._bytes += size
        self._seconds += seconds
        if seconds >= 0.5:
            self._peak = max(self._peak, size * 8 / seconds)

    @property
    def bandwidths(self) -> tuple[int, int]:
        """Peak and average bits/s, rounded up; before the first whole segment a guess from its beginning."""
        size, seconds = self._so_far
        average = self._bytes * 8 / self._seconds if self._seconds else size * 8 / max(seconds, 0.2)
        return _rounded(max(self._peak, average)), _rounded(average)

    def described(self, uri: str) -> RenditionInfo:
        peak, average = self.bandwidths
        return RenditionInfo(
            name=self.init.rendition,
            uri=uri,
            kind=self.init.kind,
            codec=self.init.codec,
            bandwidth=peak,
            average_bandwidth=average,
            width=self.init.width,
            height=self.init.height,
            frame_rate=self.init.frame_rate,
            channels=self.init.channels,
        )


def _rounded(bandwidth: float) -> int:
    """Up to two figures, so that a playlist does not change with every segment."""
    step: int = 10 ** max(len(str(int(bandwidth))) - 2, 2)
    return (int(bandwidth) // step + 1) * step


class LiveIndex:
    """One stream's renditions, fed by ``apply``.

    ``version`` grows with each event that changes what is served; ``on_change`` is called right after, synchronously,
    and must not call back. Renderings are kept for the version, so that any number of viewers costs one.
    """

    def __init__(
        self,
        *,
        on_change: Callable[[], None],
        target_s: int = 2,
        part_target_s: float = 0.334,
        window_s: float = 30.0,
        keeps_all: bool = True,
    ) -> None:
        self.version = 0
        self.is_ended = False
        self._on_change = on_change
        self._begin: float | None = None
        self.target_s = target_s
        self._part_target_s = part_target_s
        self._window_s = window_s
        self._keeps_all = keeps_all
        self._renditions: dict[str, _Rendition] = {}
        self._runs: dict[str, RunStarted] = {}
        self._files: dict[str, Location] = {}
        self._parts: dict[str, list[str]] = {}
        self._stored: dict[str, Location] = {}
        self._rendered: dict[object, Rendered] = {}
        self._second = 0
        self._origins = Origins()
        self._history = History()

    # What happened.

    def apply(self, event: Event) -> None:
        """Take one event. Events of one muxer come in its order; an event that says nothing new is ignored."""
        if self.is_ended and not isinstance(event, SegmentStored | SegmentRemoved):
            return
        _APPLY[type(event)](self, event)
        self.version += 1
        self._rendered.clear()
        self._on_change()

    def _apply_run(self, event: RunStarted) -> None:
        for rendition in self._of_muxer(event.muxer):
            self._close_open(rendition)
            rendition.alone_until = None
            rendition.is_silent = rendition.init.rendition not in event.renditions
        self._runs[event.muxer] = event

    def _of_muxer(self, muxer: str) -> list[_Rendition]:
        return [rendition for rendition in self._renditions.values() if rendition.init.muxer == muxer]

    def _apply_init(self, event: InitReady) -> None:
        self._files[event.name] = OnDisk(event.path, 0, event.size)
        held = self._renditions.get(event.rendition)
        if held is not None:
            held.init, held.is_silent = event, False
            return
        playlist = MediaPlaylist(
            target_s=self.target_s,
            part_target_s=self._part_target_s,
            window_s=self._window_s,
            keeps_all=self._keeps_all,
        )
        self._renditions[event.rendition] = _Rendition(event, playlist)

    def _apply_part(self, event: PartReady) -> None:
        rendition = self._renditions.get(event.rendition)
        if rendition is None:
            return
        if self._begin is None:
            self._begin = event.program_date_time - event.media_time / event.timescale
        self._align(rendition, event)
        self._files[event.name] = OnDisk(event.path, event.offset, event.size)
        segment = f"{event.rendition}/{event.publication}/{event.segment}.m4s"
        self._parts.setdefault(segment, []).append(event.name)
        info = _info(event, uri=segment, size=0, is_independent=event.is_independent or event.part > 0)
        part = PartInfo(uri=event.name, duration_s=event.duration_s, is_independent=event.is_independent)
        rendition.playlist.add_part(info, part)
        rendition.playlist.hint = _part_name(event.rendition, event.publication, event.segment, event.part + 1)
        rendition.count_part(event.size, event.duration_s)

    def _apply_segment(self, event: SegmentReady) -> None:
        rendition = self._renditions.get(event.rendition)
        if rendition is None:
            return
        self._align(rendition, event)
        if not event.is_gap:
            self._files[event.name] = OnDisk(event.path, 0, event.size)
        info = _info(event, uri=event.name, size=event.size, is_independent=event.is_independent or event.is_gap)
        rendition.playlist.add_segment(msgspec.structs.replace(info, is_gap=event.is_gap))
        if not event.is_gap and (event.is_discontinuity or self._origins.is_empty):
            self._origins.note(info)
        self._keep_one_target(max(event.target_s, rendition.playlist.target_s))
        rendition.playlist.hint = _part_name(event.rendition, event.publication, event.segment + 1, 0)
        rendition.count_segment(event.size, event.duration_s)
        self._fill_silent(rendition, info)
        if rendition.init.kind == "video":
            self._end_alone()
        if self._keeps_all and event.segment % SETTLED == 0:
            self._settle()

    def _end_alone(self) -> None:
        """Who listens without a picture gets what has been listed so far, to the end of its segment, and no more."""
        if not self.is_playable:
            return
        for held in self._renditions.values():
            if held.init.kind == "audio" and held.alone_until is None:
                held.alone_until = held.playlist.end.segment

    def _settle(self) -> None:
        """A rendition may be some segments behind the others, and no more than ``SETTLED``."""
        stops = [held.playlist.numbers.stop for held in self._renditions.values() if not held.is_silent]
        self._history.settle(self._playlists(), before=min(stops) - SETTLED)

    def _playlists(self) -> dict[str, MediaPlaylist]:
        return {held.init.rendition: held.playlist for held in self._videos_first() if held.playlist.count}

    def _keep_one_target(self, target_s: int) -> None:
        """All renditions have the same target duration (RFC 8216bis, 6.2.4)."""
        self.target_s = max(self.target_s, target_s)
        for rendition in self._renditions.values():
            rendition.playlist.raise_target(self.target_s)

    def _align(self, rendition: _Rendition, event: PartReady | SegmentReady) -> None:
        """A rendition that appears in the middle counts the discontinuities before it as its leader does."""
        run = self._runs.get(rendition.init.muxer)
        leader = self._renditions.get(run.leader) if run is not None else None
        if rendition.playlist.is_empty and leader is not None and leader is not rendition:
            rendition.playlist.start_at(leader.playlist.breaks_before(event.segment))

    def _fill_silent(self, rendition: _Rendition, info: SegmentInfo) -> None:
        """Renditions of an earlier run that this one lacks get gaps, so that numbers and discontinuities agree."""
        run = self._runs.get(rendition.init.muxer)
        if run is None or run.leader != rendition.init.rendition:
            return
        for other in self._of_muxer(run.muxer):
            if other.is_silent:
                gap = msgspec.structs.replace(
                    info, uri=f"{other.init.rendition}/{info.uri.partition('/')[2]}", is_gap=True, init_uri="", size=0
                )
                other.playlist.add_segment(gap)

    def _apply_stored(self, event: SegmentStored) -> None:
        held = self._stored if event.name in self._files else self._files
        held[event.name] = InStore(event.object_key, event.size)

    def _apply_removed(self, event: SegmentRemoved) -> None:
        for part in self._parts.pop(event.name, ()):
            self._files.pop(part, None)
        stored = self._stored.pop(event.name, None)
        if stored is not None:
            self._files[event.name] = stored
            return
        self._files.pop(event.name, None)
        for rendition in self._renditions.values():
            number = rendition.playlist.drop(event.name)
            if number is not None:
                self._history.changed(number)

    def _apply_run_ended(self, event: RunEnded) -> None:
        for rendition in self._of_muxer(event.muxer):
            self._close_open(rendition)

    def _close_open(self, rendition: _Rendition) -> None:
        """A writer that has gone without a word leaves a segment that is as long as its parts."""
        name = rendition.playlist.close_open()
        rendition.playlist.hint = None
        last = self._files.get(self._parts[name][-1]) if name in self._parts else None
        if name is not None and isinstance(last, OnDisk):
            self._files[name] = OnDisk(last.path, 0, last.offset + last.size)

    def _apply_ended(self, event: StreamEnded) -> None:
        self.is_ended = True
        for rendition in self._renditions.values():
            self._close_open(rendition)
            rendition.playlist.finish()

    # What is asked.

    @property
    def is_playable(self) -> bool:
        """Whether the multivariant playlist can be given out: players never look at it again.

        So the leader of each run must have a whole segment, and so must each rendition that has begun beside it.
        """
        runs = [run for run in self._runs.values() if run.leader]
        return self.is_ended or (bool(runs) and all(self._has_begun(run) for run in runs))

    def _has_begun(self, run: RunStarted) -> bool:
        begun = [self._renditions[name].playlist for name in run.renditions if name in self._renditions]
        return (
            run.leader in self._renditions
            and all(playlist.count or playlist.is_empty for playlist in begun)
            and (self._renditions[run.leader].playlist.count > 0)
        )

    @property
    def segments(self) -> int:
        """How many segments are held, all renditions together."""
        return sum(rendition.playlist.count for rendition in self._renditions.values())

    @property
    def raised_targets(self) -> int:
        """How often a target duration had to grow: if often, the source's key frames are odd."""
        return sum(rendition.playlist.raised for rendition in self._renditions.values())

    def next_segment(self, muxer: str = "source") -> int:
        """The first number that no rendition of this muxer has listed even in part: where the next run begins."""
        return max((r.playlist.next_segment or 0 for r in self._of_muxer(muxer)), default=FIRST_SEGMENT)

    def multivariant(self, *, dvr: bool = False) -> Rendered | Bad:
        """``index.m3u8``."""
        if not self.is_playable:
            return Bad(404, "nothing to play yet")
        return self._kept(("multivariant", dvr), PLAYLIST_TYPE, lambda: self._multivariant(dvr=dvr))

    def _multivariant(self, *, dvr: bool) -> str:
        shown = self._shown()
        query = _query(dvr=dvr, is_alone=not any(each.init.kind == "video" for each in shown))
        return render_multivariant([rendition.described(rendition.uri + query) for rendition in shown])

    def _shown(self) -> list[_Rendition]:
        """What the multivariant playlist lists."""
        held = self._renditions.values()
        return [each for each in held if not each.playlist.is_empty and (not each.is_silent or self.is_ended)]

    def media(
        self, rendition: str, query: BlockingQuery | BadQuery, *, dvr: bool = False, is_alone: bool = False
    ) -> Answer:
        """``{rendition}.m3u8``. ``query`` is what ``parse_query`` made of the delivery directives.

        ``is_alone``: the client's multivariant playlist listed sound and no pictures. Once there are pictures its
        playlist ends (EXT-X-ENDLIST), since players never read the multivariant playlist again: a player that starts
        anew gets them.
        """
        if isinstance(query, BadQuery):
            return Bad(400, query.reason)
        held = self._renditions.get(rendition)
        if held is None or held.playlist.is_empty:
            return Bad(404, "no such rendition")
        last = held.alone_until if is_alone and not self.is_ended else None
        if last is not None and last < held.playlist.numbers.stop:
            alone = (rendition, dvr, "alone")
            return self._kept(alone, PLAYLIST_TYPE, lambda: held.playlist.render(whole=dvr, last=last))
        verdict = held.playlist.check(query)
        if isinstance(verdict, BadQuery):
            return Bad(400, verdict.reason)
        if not verdict and query.until is not None:
            return Wait(query.until, 3 * held.playlist.target_s)
        if query.until is None and not held.playlist.count and not self.is_ended:
            # Only parts so far: ffmpeg, VLC and hls.js give up a playlist without a whole segment.
            return Wait(Position(held.playlist.end.segment, WHOLE), FIRST_SEGMENT_S)
        follows = query.until is not None and self.is_ended
        key = (rendition, dvr, follows, query.can_skip)
        return self._kept(key, PLAYLIST_TYPE, lambda: self._media(held, query, dvr=dvr, follows=follows))

    def _media(self, held: _Rendition, query: BlockingQuery, *, dvr: bool, follows: bool) -> str:
        """A client that followed the live window to the end gets it with the end; one that comes later gets it all."""
        whole = dvr or (self.is_ended and not follows)
        reports = self._reports(held, dvr=dvr)
        return held.playlist.render(reports, whole=whole, follows=follows, can_skip=query.can_skip)

    def _reports(self, held: _Rendition, *, dvr: bool) -> list[Report]:
        query = "?dvr=1" if dvr else ""
        others = [other for other in self._renditions.values() if other is not held and not other.is_silent]
        return [other.playlist.report(other.uri + query) for other in others if not other.playlist.is_empty]

    def manifest(self, *, now: float, dvr: bool = False) -> Rendered | Bad:
        """``manifest.mpd``. ``now`` is the wall clock in seconds, sent to players so that they can set theirs."""
        if not self.is_playable:
            return Bad(404, "nothing to play yet")
        if self.is_ended:
            return self._kept("mpd", MANIFEST_TYPE, lambda: self._manifest(now, dvr=True))
        if int(now) != self._second:
            self._second = int(now)
            self._rendered.pop(("mpd", True), None)
            self._rendered.pop(("mpd", False), None)
        return self._kept(("mpd", dvr), MANIFEST_TYPE, lambda: self._manifest(now, dvr=dvr))

    def _manifest(self, now: float, *, dvr: bool) -> str:
        live = None if self.is_ended else Live(self._begin or 0.0, now, self._origins)
        if dvr and self._keeps_all:
            presentations = [self._presentation(held, ()) for held in self._videos_first()]
            periods = self._history.periods(self._playlists())
            return render_periods(presentations, periods, target_s=self.target_s, live=live)
        windows = [(held, held.playlist.window()) for held in self._videos_first()]
        # All begin with the same number, whatever else each window would hold.
        first = max((segments[0].number for held, segments in windows if segments and not held.is_silent), default=0)
        presentations = [
            self._presentation(held, [segment for segment in segments if segment.number >= first])
            for held, segments in windows
        ]
        return render_mpd(presentations, target_s=self.target_s, live=live)

    def _presentation(self, held: _Rendition, segments: Sequence[SegmentInfo]) -> Presentation:
        return Presentation(held.described(held.uri), held.init.sample_rate, segments)

    def _videos_first(self) -> list[_Rendition]:
        return sorted(self._renditions.values(), key=lambda held: held.init.kind != "video")

    def locate(self, name: str) -> Location | None:
        """Where the bytes of a name from a playlist are; None for a name that stands for nothing (any more)."""
        if name in self._files:
            return self._files[name]
        if any(rendition.playlist.hint == name for rendition in self._renditions.values()):
            return PendingPart()
        return None

    def _kept(self, key: object, content_type: str, render: Callable[[], str]) -> Rendered:
        if key not in self._rendered:
            body = render().encode()
            etag = f'"{hashlib.blake2s(body, digest_size=10).hexdigest()}"'
            self._rendered[key] = Rendered(body, etag, content_type)
        return self._rendered[key]


def _query(*, dvr: bool, is_alone: bool) -> str:
    """What is asked of a rendition's playlist by whom the multivariant playlist sends there."""
    asked = [*(["dvr=1"] if dvr else []), *(["alone=1"] if is_alone else [])]
    return f"?{'&'.join(asked)}" if asked else ""


def _part_name(rendition: str, publication: int, segment: int, part: int) -> str:
    return f"{rendition}/{publication}/{segment}.{part}.m4s"


def _info(event: PartReady | SegmentReady, *, uri: str, size: int, is_independent: bool) -> SegmentInfo:
    return SegmentInfo(
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
    RunStarted: LiveIndex._apply_run,
    InitReady: LiveIndex._apply_init,
    PartReady: LiveIndex._apply_part,
    SegmentReady: LiveIndex._apply_segment,
    SegmentStored: LiveIndex._apply_stored,
    SegmentRemoved: LiveIndex._apply_removed,
    RunEnded: LiveIndex._apply_run_ended,
    StreamEnded: LiveIndex._apply_ended,
}
