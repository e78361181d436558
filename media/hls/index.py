"""The serving side of a live stream's HLS and DASH: everything but HTTP. Sans-I/O.

Fed with the muxers' events in order, it answers what a playlist holds now and where bytes lie. It keeps no file open
and reads none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import msgspec

from media.hls.answers import Answer, Bad, Location, PendingPart, Rendered, Wait
from media.hls.blocking import WHOLE, BadQuery, BlockingQuery, Position
from media.hls.events import SOURCE, Event, PlannedRendition, SegmentRemoved, SegmentStored
from media.hls.listing import RenditionInfo, Report
from media.hls.marks import NO_MARKS, Mark, MarkList
from media.hls.multivariant import render_multivariant
from media.hls.reel import Reel, Stretch
from media.hls.rendition import Rendition, described_plan
from media.hls.state import LiveState

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
MANIFEST_TYPE = "application/dash+xml"
SEGMENT_TYPE = "video/mp4"
FIRST_SEGMENT_S = 13.0
"""The first segment is there within this time: it ends with the first key frame interval, or is cut after ten and a
half seconds."""
MADE_S = 6.0
"""A rendition that is made on demand has its first segment within this time, or the client tries another one."""


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
        self._on_change = on_change
        self._state = LiveState(target_s=target_s, part_target_s=part_target_s, window_s=window_s, keeps_all=keeps_all)
        self._renditions = self._state.renditions
        self._rendered: dict[object, Rendered] = {}
        self._second = 0

    def apply(self, event: Event) -> None:
        """Take one event. Events of one muxer come in its order; an event that says nothing new is ignored."""
        if self.is_ended and not isinstance(event, SegmentStored | SegmentRemoved):
            return
        self._state.apply(event)
        self.version += 1
        self._rendered.clear()
        self._on_change()

    @property
    def is_ended(self) -> bool:
        return self._renditions.is_ended

    @property
    def is_playable(self) -> bool:
        """Whether the multivariant playlist can be given out."""
        return self._renditions.is_playable

    @property
    def target_s(self) -> int:
        """The target duration of all playlists."""
        return self._renditions.target_s

    @property
    def segments(self) -> int:
        """How many segments are held, all renditions together."""
        return sum(rendition.playlist.count for rendition in self._renditions)

    @property
    def raised_targets(self) -> int:
        """How often a target duration had to grow: if often, the source's key frames are odd."""
        return sum(rendition.playlist.raised for rendition in self._renditions)

    def is_made(self, rendition: str) -> bool:
        """Whether a rendition of this name is made on demand."""
        planned = self._renditions.planned.get(rendition)
        return planned is not None and not planned.is_sent and not self.is_ended

    @property
    def plans_any(self) -> bool:
        """Whether there are renditions that are made on demand."""
        return bool(self._listed_plans())

    def next_segment(self, muxer: str = SOURCE) -> int:
        """The first number that no rendition of this muxer has listed even in part: where the next run begins."""
        return self._renditions.next_segment(muxer)

    def multivariant(self, *, dvr: bool = False, languages: tuple[str, ...] = ()) -> Rendered | Bad:
        """``index.m3u8``. ``languages``: of captions, whose playlists are ``captions/{language}.m3u8``."""
        if not self.is_playable:
            return Bad(404, "nothing to play yet")
        return self._kept(
            ("multivariant", dvr, languages), PLAYLIST_TYPE, lambda: self._multivariant(dvr=dvr, languages=languages)
        )

    def _multivariant(self, *, dvr: bool, languages: tuple[str, ...]) -> str:
        shown = self._shown()
        query = _query(dvr=dvr, is_alone=not any(each.init.kind == "video" for each in shown))
        is_whole = dvr or self.is_ended
        sent = [rendition.described(rendition.uri + query, whole=is_whole) for rendition in shown]
        plans = [] if dvr else self._listed_plans()
        keys = self._listed_keys(shown, dvr=dvr) if is_whole else ()
        texts = [(language, f"captions/{language}.m3u8{'?dvr=1' if dvr else ''}") for language in languages]
        return render_multivariant([*sent, *plans], keys, texts)

    def timed_text(self, uri_of: Callable[[int], str], *, dvr: bool) -> str | None:
        """A playlist of text beside the first rendition that the publisher sends, cut as that is; None before it has a
        whole segment. ``uri_of`` a segment's number."""
        held = self._leader()
        return None if held is None else held.playlist.render_text(uri_of, whole=dvr or self.is_ended)

    def span_ms(self, number: int) -> tuple[int, int] | None:
        """From when to when the segment of this number is shown, on the media clock; None for one that is not held."""
        held = self._leader()
        if held is None or number not in held.playlist.numbers:
            return None
        info = held.playlist.numbered(number)
        return info.media_time * 1000 // info.timescale, (info.media_time + info.duration) * 1000 // info.timescale

    def _leader(self) -> Rendition | None:
        sent = [each for each in self._renditions.videos_first() if not each.is_made and each.playlist.count]
        return sent[0] if sent else None

    def _listed_keys(self, shown: Sequence[Rendition], *, dvr: bool) -> list[RenditionInfo]:
        query = _query(dvr=dvr, only_keys=True)
        return [each.described_keys(each.uri + query) for each in shown if each.key_bandwidth.is_measured]

    def _shown(self) -> list[Rendition]:
        """What the multivariant playlist lists of what the publisher sends."""
        held = [each for each in self._renditions if not each.is_made]
        return [each for each in held if not each.playlist.is_empty and (not each.is_silent or self.is_ended)]

    def _listed_plans(self) -> list[RenditionInfo]:
        """What can be made of it, with the bandwidths that were measured where it has been. Not of what is over: only
        what the publisher sent is recorded."""
        if self.is_ended:
            return []
        held, stands_in = self._renditions, self._renditions.stands_in
        listed = [each for each in held.planned.values() if each.state != "off"]
        return [self._described(each) for each in listed if not stands_in or held.get(each.name) is not None]

    def _described(self, planned: PlannedRendition) -> RenditionInfo:
        held = self._renditions.get(planned.name)
        uri = f"{planned.name}.m3u8"
        if held is None or held.is_silent or not held.is_measured:
            return described_plan(planned, uri)
        return held.described(uri)

    def media(
        self,
        rendition: str,
        query: BlockingQuery | BadQuery,
        *,
        dvr: bool = False,
        is_alone: bool = False,
        marks: MarkList = NO_MARKS,
    ) -> Answer:
        """``{rendition}.m3u8``. ``query`` is what ``parse_query`` made of the delivery directives.

        ``is_alone``: the client's multivariant playlist listed sound and no pictures. Once there are pictures its
        playlist ends (EXT-X-ENDLIST), since players never read the multivariant playlist again: a player that starts
        anew gets them. ``marks``: what players are told of, in order of time.
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
        key = (rendition, dvr, follows, query.can_skip, marks)
        return self._kept(
            key, PLAYLIST_TYPE, lambda: self._media(held, query, dvr=dvr, follows=follows, marks=marks.items)
        )

    def keys(self, rendition: str, query: BlockingQuery | BadQuery, *, dvr: bool = False) -> Answer:
        """The I-frame playlist of a rendition that the publisher sends: the key frame at the beginning of each whole
        segment. It lists no parts, so that a part is waited for with its segment."""
        if isinstance(query, BadQuery):
            return Bad(400, query.reason)
        held = self._renditions.get(rendition)
        if held is None or held.is_made or not held.key_bandwidth.is_measured:
            return Bad(404, "no such I-frame playlist")
        until = None if query.until is None else Position(query.until.segment, WHOLE)
        verdict = held.playlist.check(BlockingQuery(until))
        if isinstance(verdict, BadQuery):
            return Bad(400, verdict.reason)
        if not verdict and until is not None:
            return Wait(until, 3 * held.playlist.target_s)
        is_whole = dvr or self.is_ended
        return self._kept((rendition, dvr, "keys"), PLAYLIST_TYPE, lambda: held.playlist.render_keys(whole=is_whole))

    def _is_coming(self, name: str, held: Rendition | None, query: BlockingQuery) -> bool:
        """Whether a rendition is made on demand and has nothing yet for a player to begin with."""
        planned = self._renditions.planned.get(name)
        if planned is None or planned.state == "off" or self.is_ended or self._renditions.stands_in:
            return False
        return held is None or held.is_silent or (query.until is None and held.begins_anew)

    def _media(self, held: Rendition, query: BlockingQuery, *, dvr: bool, follows: bool, marks: Sequence[Mark]) -> str:
        """A client that followed the live window to the end gets it with the end; one that comes later gets it all."""
        whole = dvr or (self.is_ended and not follows)
        reports = self._reports(held, dvr=dvr)
        return held.playlist.render(reports, whole=whole, follows=follows, can_skip=query.can_skip, marks=marks)

    def _reports(self, held: Rendition, *, dvr: bool) -> list[Report]:
        query = "?dvr=1" if dvr else ""
        others = [other for other in self._renditions if other is not held and not other.is_silent]
        if dvr:
            others = [other for other in others if not other.is_made]
        return [other.playlist.report(other.uri + query) for other in others if not other.playlist.is_empty]

    def manifest(
        self, *, now: float, dvr: bool = False, marks: MarkList = NO_MARKS, languages: tuple[str, ...] = ()
    ) -> Rendered | Bad:
        """``manifest.mpd``. ``now`` is the wall clock in seconds, sent to players so that they can set theirs.
        ``languages``: of captions, as in ``multivariant``."""
        if not self.is_playable:
            return Bad(404, "nothing to play yet")
        is_whole = dvr or self.is_ended

        def render() -> str:
            return self._state.manifests.render(now=now, dvr=is_whole, marks=marks.items, languages=languages)

        if self.is_ended:
            return self._kept(("mpd", marks, languages), MANIFEST_TYPE, render)
        key = ("mpd", dvr, int(now), marks, languages)
        if int(now) != self._second:
            self._second = int(now)
            for stale in [each for each in self._rendered if isinstance(each, tuple) and each[0] == "mpd"]:
                del self._rendered[stale]
        return self._kept(key, MANIFEST_TYPE, render)

    def reel(self, seconds: float, stop_s: float | None) -> Reel | None:
        """The source's segments that hold some of the ``seconds`` before ``stop_s`` (of the media clock; None: before
        the end), in order of rendition and time, the open ones by their parts. None before there is anything."""
        sent = [each for each in self._renditions.videos_first() if each.init.muxer == SOURCE]
        held = [each for each in sent if not each.playlist.is_empty]
        if not held:
            return None
        locations = self._state.locations
        begin_s, end_s = held[0].playlist.extent_s
        stop_s = end_s if stop_s is None else stop_s
        found = [
            Stretch(
                about=msgspec.structs.replace(each.init, path=""),
                init=segment.init_uri or each.init.name,
                files=(segment.uri,) if segment.size else locations.parts(segment.uri),
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
        location = self._state.locations.of(name)
        if location is None and any(rendition.playlist.hint == name for rendition in self._renditions):
            return PendingPart()
        return location

    def _kept(self, key: object, content_type: str, render: Callable[[], str]) -> Rendered:
        if key not in self._rendered:
            body = render().encode()
            etag = f'"{hashlib.blake2s(body, digest_size=10).hexdigest()}"'
            self._rendered[key] = Rendered(body, etag, content_type)
        return self._rendered[key]


def _query(*, dvr: bool, is_alone: bool = False, only_keys: bool = False) -> str:
    """What is asked of a rendition's playlist by whom the multivariant playlist sends there."""
    asked = [name for name, is_asked in (("dvr=1", dvr), ("alone=1", is_alone), ("iframes=1", only_keys)) if is_asked]
    return f"?{'&'.join(asked)}" if asked else ""
