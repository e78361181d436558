"""The serving side of a live stream's HLS and DASH: everything but HTTP. Sans-I/O.

Fed with the muxers' events in order, it answers what a playlist holds now and where bytes lie. It keeps no file open
and reads none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import msgspec

from media.hls.answers import Answer, Bad, InStore, Location, OnDisk, PendingPart, Rendered, Wait
from media.hls.blocking import WHOLE, BadQuery, BlockingQuery, Position
from media.hls.dash import History, Live, Origins, Presentation, render_mpd, render_periods
from media.hls.events import (
    SOURCE,
    Event,
    InitReady,
    PartReady,
    PlannedRendition,
    RenditionsPlanned,
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
from media.hls.reel import Reel, Stretch
from media.hls.rendition import Rendition, described_plan
from media.hls.segmenter import FIRST_SEGMENT

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
MANIFEST_TYPE = "application/dash+xml"
SEGMENT_TYPE = "video/mp4"
SETTLED = 16
"""Segments behind the newest ones that nothing is added to any more."""
FIRST_SEGMENT_S = 13.0
"""The first segment is there within this time: it ends with the first key frame interval, or is cut after ten and a
half seconds."""


MADE_S = 6.0
"""A rendition that is made on demand has its first segment within this time, or the client tries another one."""
LEAST_MADE = 3
"""Segments of a rendition that is made on demand before a DASH manifest lists it."""


class LiveIndex:
    """One stream's renditions, fed by ``apply``: the publisher's, and those that are made of them on demand. The latter
    have the numbers and times of the former, gaps while they are not made, and no past beyond the live window.

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
        self._renditions: dict[str, Rendition] = {}
        self._planned: dict[str, PlannedRendition] = {}
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

    def _apply_planned(self, event: RenditionsPlanned) -> None:
        self._planned = {planned.name: planned for planned in event.renditions}

    def _of_muxer(self, muxer: str) -> list[Rendition]:
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
            keeps_all=self._keeps_all and event.muxer == SOURCE,
        )
        self._renditions[event.rendition] = Rendition(event, playlist)

    def _apply_part(self, event: PartReady) -> None:
        rendition = self._renditions.get(event.rendition)
        if rendition is None or self._is_past(rendition, event):
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
        if rendition is None or self._is_past(rendition, event):
            return
        self._align(rendition, event)
        if not event.is_gap:
            self._files[event.name] = OnDisk(event.path, 0, event.size)
        info = _info(event, uri=event.name, size=event.size, is_independent=event.is_independent or event.is_gap)
        rendition.playlist.add_segment(msgspec.structs.replace(info, is_gap=event.is_gap))
        self._keep_one_target(max(event.target_s, rendition.playlist.target_s))
        rendition.playlist.hint = _part_name(event.rendition, event.publication, event.segment + 1, 0)
        if not event.is_gap:
            rendition.count_segment(event.size, event.duration_s)
        if not rendition.is_made:
            self._go_on(rendition, event, info)

    def _go_on(self, rendition: Rendition, event: SegmentReady, info: SegmentInfo) -> None:
        """The publisher's own rendition has a segment more: what goes by it goes on as well."""
        if not event.is_gap and (event.is_discontinuity or self._origins.is_empty):
            self._origins.note(info)
        self._fill_silent(rendition, info)
        if rendition.init.kind == "video":
            self._end_alone()
        if self._keeps_all and event.segment % SETTLED == 0:
            self._settle()

    def _is_past(self, rendition: Rendition, event: PartReady | SegmentReady) -> bool:
        """Whether a rendition that was not made for a while has a gap listed in this segment's place already."""
        return rendition.is_made and not rendition.playlist.takes(event.segment)

    def _end_alone(self) -> None:
        """Who listens without a picture gets what has been listed so far, to the end of its segment, and no more."""
        if not self.is_playable:
            return
        for held in self._renditions.values():
            if held.init.kind == "audio" and held.alone_until is None:
                held.alone_until = held.playlist.end.segment

    def _settle(self) -> None:
        """A rendition may be some segments behind the others, and no more than ``SETTLED``."""
        sent = [held for held in self._renditions.values() if not held.is_made]
        stops = [held.playlist.numbers.stop for held in sent if not held.is_silent]
        self._history.settle(self._playlists(), before=min(stops) - SETTLED)

    def _playlists(self) -> dict[str, MediaPlaylist]:
        """Those of which everything is held."""
        sent = [held for held in self._videos_first() if not held.is_made]
        return {held.init.rendition: held.playlist for held in sent if held.playlist.count}

    def _keep_one_target(self, target_s: int) -> None:
        """All renditions have the same target duration (RFC 8216bis, 6.2.4)."""
        self.target_s = max(self.target_s, target_s)
        for rendition in self._renditions.values():
            rendition.playlist.raise_target(self.target_s)

    def _align(self, rendition: Rendition, event: PartReady | SegmentReady) -> None:
        """A rendition that appears in the middle counts the discontinuities before it as its leader does, and one that
        goes on after a while has the leader's segments of meanwhile as gaps."""
        run = self._runs.get(SOURCE)
        leader = self._renditions.get(run.leader) if run is not None else None
        if leader is None or leader is rendition:
            return
        if rendition.playlist.is_empty:
            rendition.playlist.start_at(leader.playlist.breaks_before(event.segment))
        elif rendition.is_made:
            self._catch_up(rendition, leader.playlist, event.segment)

    def _catch_up(self, rendition: Rendition, leader: MediaPlaylist, number: int) -> None:
        """Gaps for what the leader has listed and this one has not, below ``number``."""
        following = rendition.playlist.next_segment or number
        for missing in range(max(following, leader.numbers.start), min(number, leader.numbers.stop)):
            rendition.playlist.add_segment(_gap(rendition, leader.numbered(missing)))

    def _fill_silent(self, rendition: Rendition, info: SegmentInfo) -> None:
        """What is not made at the moment, or was of an earlier run and is not of this one, gets gaps: numbers and
        discontinuities agree."""
        run = self._runs.get(SOURCE)
        if run is None or run.leader != rendition.init.rendition:
            return
        leader = rendition.playlist
        for other in self._renditions.values():
            following = other.playlist.next_segment
            if other.is_silent and following is not None and following <= info.number:
                self._catch_up(other, leader, info.number)
                other.playlist.add_segment(_gap(other, info))

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
        for rendition in self._renditions.values():
            if event.muxer in (rendition.init.muxer, SOURCE):
                self._close_open(rendition)
                rendition.is_silent = rendition.is_silent or rendition.is_made

    def _close_open(self, rendition: Rendition) -> None:
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

        So the leader of what the publisher sends must have a whole segment, and so must what has begun beside it.
        """
        run = self._runs.get(SOURCE)
        return self.is_ended or (run is not None and bool(run.leader) and self._has_begun(run))

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

    def is_made(self, rendition: str) -> bool:
        """Whether a rendition of this name is made on demand."""
        return rendition in self._planned and not self.is_ended

    @property
    def plans_any(self) -> bool:
        """Whether there are renditions that are made on demand."""
        return bool(self._listed_plans())

    def next_segment(self, muxer: str = SOURCE) -> int:
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
        sent = [rendition.described(rendition.uri + query) for rendition in shown]
        return render_multivariant([*sent, *([] if dvr else self._listed_plans())])

    def _shown(self) -> list[Rendition]:
        """What the multivariant playlist lists of what the publisher sends."""
        held = [each for each in self._renditions.values() if not each.is_made]
        return [each for each in held if not each.playlist.is_empty and (not each.is_silent or self.is_ended)]

    def _listed_plans(self) -> list[RenditionInfo]:
        """What can be made of it, with the bandwidths that were measured where it has been. Not of what is over: only
        what the publisher sent is recorded."""
        wanted = [] if self.is_ended else [planned for planned in self._planned.values() if planned.state != "off"]
        return [self._described(planned) for planned in wanted]

    def _described(self, planned: PlannedRendition) -> RenditionInfo:
        held = self._renditions.get(planned.name)
        uri = f"{planned.name}.m3u8"
        if held is None or held.is_silent or not held.is_measured:
            return described_plan(planned, uri)
        return held.described(uri)

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
        if self._is_coming(rendition, held, query):
            return Wait(Position(0, 0), MADE_S)
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

    def _is_coming(self, name: str, held: Rendition | None, query: BlockingQuery) -> bool:
        """Whether a rendition is made on demand and has nothing yet for a player to begin with."""
        planned = self._planned.get(name)
        if planned is None or planned.state == "off" or self.is_ended:
            return False
        return held is None or held.is_silent or (query.until is None and held.begins_anew)

    def _media(self, held: Rendition, query: BlockingQuery, *, dvr: bool, follows: bool) -> str:
        """A client that followed the live window to the end gets it with the end; one that comes later gets it all."""
        whole = dvr or (self.is_ended and not follows)
        reports = self._reports(held, dvr=dvr)
        return held.playlist.render(reports, whole=whole, follows=follows, can_skip=query.can_skip)

    def _reports(self, held: Rendition, *, dvr: bool) -> list[Report]:
        query = "?dvr=1" if dvr else ""
        others = [other for other in self._renditions.values() if other is not held and not other.is_silent]
        if dvr:
            others = [other for other in others if not other.is_made]
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
            presentations = [self._presentation(held, ()) for held in self._videos_first() if not held.is_made]
            periods = self._history.periods(self._playlists())
            return render_periods(presentations, periods, target_s=self.target_s, live=live)
        shown = [held for held in self._videos_first() if not (held.is_made and (held.is_silent or self.is_ended))]
        windows = [(held, _unbroken(held) if held.is_made else held.playlist.window()) for held in shown]
        # All begin with the same number, whatever else each window would hold.
        sent = [(held, segments) for held, segments in windows if not held.is_made]
        first = max((segments[0].number for held, segments in sent if segments and not held.is_silent), default=0)
        presentations = [
            self._presentation(held, [segment for segment in segments if segment.number >= first])
            for held, segments in windows
            if len(segments) >= LEAST_MADE or not held.is_made
        ]
        return render_mpd(presentations, target_s=self.target_s, live=live)

    def _presentation(self, held: Rendition, segments: Sequence[SegmentInfo]) -> Presentation:
        return Presentation(held.described(held.uri), held.init.sample_rate, segments)

    def _videos_first(self) -> list[Rendition]:
        """What the publisher sends before what is made of it, the best of that first."""
        names = list(self._planned)
        order = {name: at for at, name in enumerate(names, 1)}
        held = [each for each in self._renditions.values() if not each.is_made or each.init.rendition in order]
        return sorted(held, key=lambda each: (each.init.kind != "video", order.get(each.init.rendition, 0)))

    def reel(self, seconds: float, stop_s: float | None) -> Reel | None:
        """The source's segments that hold some of the ``seconds`` before ``stop_s`` (of the media clock; None: before
        the end), in order of rendition and time, the open ones by their parts. None before there is anything."""
        held = [each for each in self._videos_first() if each.init.muxer == SOURCE and not each.playlist.is_empty]
        if not held:
            return None
        begin_s, end_s = held[0].playlist.extent_s
        stop_s = end_s if stop_s is None else stop_s
        found = [
            Stretch(
                about=msgspec.structs.replace(each.init, path=""),
                init=segment.init_uri or each.init.name,
                files=(segment.uri,) if segment.size else tuple(self._parts.get(segment.uri, ())),
                start_s=segment.media_time / segment.timescale,
                duration_s=segment.duration_s,
                size=segment.size,
            )
            for each in held
            for segment in each.playlist.between(stop_s - seconds, stop_s)
        ]
        return Reel(begin_s=begin_s, end_s=end_s, stretches=[one for one in found if one.files])

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


def _gap(rendition: Rendition, segment: SegmentInfo) -> SegmentInfo:
    """What stands in a rendition for a segment of its leader."""
    uri = f"{rendition.init.rendition}/{segment.uri.partition('/')[2]}"
    return msgspec.structs.replace(segment, uri=uri, is_gap=True, init_uri="", size=0)


def _unbroken(rendition: Rendition) -> list[SegmentInfo]:
    """The segments of the live window since the last gap."""
    window = rendition.playlist.window()
    last = max((at for at, segment in enumerate(window) if segment.is_gap), default=-1)
    return window[last + 1 :]


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
    RenditionsPlanned: LiveIndex._apply_planned,
    InitReady: LiveIndex._apply_init,
    PartReady: LiveIndex._apply_part,
    SegmentReady: LiveIndex._apply_segment,
    SegmentStored: LiveIndex._apply_stored,
    SegmentRemoved: LiveIndex._apply_removed,
    RunEnded: LiveIndex._apply_run_ended,
    StreamEnded: LiveIndex._apply_ended,
}
