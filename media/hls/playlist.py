"""The media playlist (RFC 8216bis) of one rendition as text: the live window with parts, or every segment so far.

Sans-I/O: fed with what is ready, asked for a rendering.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from media.hls.blocking import WHOLE, BadQuery, BlockingQuery, Position
from media.hls.lines import before_segment, key_lines, part_lines, whole_lines
from media.hls.listing import PartInfo, Report, SegmentInfo
from media.hls.marks import Mark, daterange_lines
from media.hls.target import target_for

#: A playlist may skip what is older than this many target durations; RFC 8216bis asks for at least six.
_SKIP_TARGETS = 6
_PARTS_TARGETS = 3


class _Entry(msgspec.Struct):
    info: SegmentInfo
    parts: list[PartInfo]
    breaks: int
    """Discontinuities up to and with this segment."""
    init: str
    """The initialisation that is in force before this segment."""
    key_text: str = ""
    """Its lines in the I-frame playlist, made when one is first asked for."""
    text: str = ""
    """A whole segment's lines without its parts; made once, since a playlist of hours is asked for often."""


class MediaPlaylist:
    """One rendition's segments and parts.

    Segment numbers grow by one; a number that jumps is filled with gaps. ``keeps_all`` holds on to every segment for
    the ``whole`` rendering; without it only what the live window lists is held. The target duration follows from the
    first segment, before which no player is handed the playlist, and the segmenter keeps to it. A segment that is
    longer all the same raises it, which ``raised`` counts: a playlist that breaks its own target is worse.
    """

    def __init__(
        self, *, target_s: int = 2, part_target_s: float = 0.334, window_s: float = 30.0, keeps_all: bool = True
    ) -> None:
        self.target_s = target_s
        self.part_target_s = part_target_s
        self.raised = 0
        self.is_ended = False
        self.hint: str | None = None
        self._window_s = window_s
        self._keeps_all = keeps_all
        self._entries: list[_Entry] = []
        self._open: _Entry | None = None
        self._breaks = 0
        self._bare = 0
        self._init = ""

    @property
    def count(self) -> int:
        """How many whole segments are held."""
        return len(self._entries)

    @property
    def is_empty(self) -> bool:
        return not self._entries and self._open is None

    @property
    def next_segment(self) -> int | None:
        """The number after the last segment that is listed at least in part; None before the first."""
        last = self._open or (self._entries[-1] if self._entries else None)
        return None if last is None else last.info.number + 1

    def takes(self, number: int) -> bool:
        """Whether something may still be listed of this segment."""
        if self._open is not None:
            return number >= self._open.info.number
        return not self._entries or number > self._entries[-1].info.number

    @property
    def end(self) -> Position:
        """The last part, or segment, that is listed; (-1, WHOLE) before the first."""
        if self._open is not None:
            return Position(self._open.info.number, len(self._open.parts) - 1)
        return Position(self._entries[-1].info.number if self._entries else -1, WHOLE)

    @property
    def segments(self) -> list[SegmentInfo]:
        """Complete segments, oldest first."""
        return [entry.info for entry in self._entries]

    @property
    def numbers(self) -> range:
        """Those of the complete segments."""
        return range(self._entries[0].info.number, self._entries[-1].info.number + 1) if self._entries else range(0)

    def numbered(self, number: int) -> SegmentInfo:
        """The complete segment of one of ``numbers``."""
        return self._entries[number - self._entries[0].info.number].info

    def between(self, start_s: float, stop_s: float) -> list[SegmentInfo]:
        """The segments that hold some of this time (seconds of the media clock) and have bytes, oldest first, from one
        that can be decoded by itself. The open one is among them, as long as its parts are; its size is 0."""
        first = bisect.bisect_right(self._entries, start_s, key=lambda entry: _end_s(entry.info))
        while 0 < first < len(self._entries) and not self._entries[first].info.is_independent:
            first -= 1
        last = bisect.bisect_left(self._entries, stop_s, key=lambda entry: _start_s(entry.info))
        found = [entry.info for entry in self._entries[first:last] if not entry.info.is_gap]
        newest = self._so_far
        if newest is not None and _start_s(newest) < stop_s and _end_s(newest) > start_s:
            found.append(newest)
        return found

    @property
    def extent_s(self) -> tuple[float, float]:
        """From when to when it lists anything; not while empty."""
        first = self._entries[0].info if self._entries else self._so_far
        last = self._so_far or self._entries[-1].info
        assert first is not None
        return _start_s(first), _end_s(last)

    @property
    def _so_far(self) -> SegmentInfo | None:
        """The open segment, as long as its parts are."""
        if self._open is None:
            return None
        ticks = round(sum(part.duration_s for part in self._open.parts) * self._open.info.timescale)
        return msgspec.structs.replace(self._open.info, duration=ticks)

    def start_at(self, breaks: int) -> None:
        """Begin in the middle of a stream: ``breaks`` discontinuities came before. Only while empty."""
        self._breaks = breaks

    def breaks_before(self, number: int) -> int:
        """Discontinuities before the segment of this number, without its own."""
        for entry in reversed([*self._entries, *([self._open] if self._open else [])]):
            if entry.info.number < number:
                return entry.breaks
            if entry.info.number == number:
                return entry.breaks - entry.info.is_discontinuity
        return self._breaks

    def add_part(self, segment: SegmentInfo, part: PartInfo) -> None:
        """List a part. ``segment`` is the one that it belongs to; its duration is not looked at."""
        if self._open is not None and self._open.info.number != segment.number:
            self.close_open()
        if self._open is None:
            self._fill_to(segment)
            self._open = self._entry(segment)
        self._open.parts.append(part)
        self._fit_part(part.duration_s)
        self._fit_target(sum(each.duration_s for each in self._open.parts))

    def add_segment(self, segment: SegmentInfo) -> None:
        """List a whole segment, with the parts that were listed before it."""
        if self._open is not None and self._open.info.number != segment.number:
            self.close_open()
        entry, self._open = self._open, None
        if entry is None:
            self._fill_to(segment)
            entry = self._entry(segment)
        self._fit_target(segment.duration_s)
        self._close(entry, segment)
        self._forget()

    def close_open(self) -> str | None:
        """The open segment's run is gone: what there is of it is the segment. Its URI, if there was one."""
        if self._open is None:
            return None
        info = self._open.info
        duration = sum(part.duration_s for part in self._open.parts)
        self.add_segment(msgspec.structs.replace(info, duration=round(duration * info.timescale)))
        return info.uri

    def drop(self, uri: str) -> int | None:
        """A segment's bytes have gone for good: it is a gap, or, where only the window is held, listed no more, nor
        anything before it. Its number, if it was listed."""
        at = next((at for at, entry in enumerate(self._entries) if entry.info.uri == uri), None)
        if at is None:
            return None
        number = self._entries[at].info.number
        if self._keeps_all:
            entry = self._entries[at]
            entry.info, entry.parts = msgspec.structs.replace(entry.info, is_gap=True), []
            entry.text, entry.key_text = _text(entry), ""
        else:
            self._forget_first(at + 1)
        return number

    def finish(self) -> None:
        self.close_open()
        self.is_ended = True
        self.hint = None

    def _entry(self, info: SegmentInfo) -> _Entry:
        self._breaks += info.is_discontinuity
        return _Entry(msgspec.structs.replace(info, run=self._breaks), [], self._breaks, self._init)

    def _close(self, entry: _Entry, segment: SegmentInfo) -> None:
        """``segment`` is the whole of the entry, which is listed from here on."""
        entry.info = msgspec.structs.replace(segment, run=entry.breaks)
        entry.text = _text(entry)
        self._init = segment.init_uri or self._init
        self._entries.append(entry)

    def _fill_to(self, segment: SegmentInfo) -> None:
        """Numbers are given out for all renditions at once; those that this one missed are gaps, together as long as
        the media clock says."""
        expected = self.next_segment
        if expected is None or expected >= segment.number:
            return
        start = self._end_ticks(segment.timescale)
        each = max(segment.media_time - start, 0) // (segment.number - expected)
        for at, number in enumerate(range(expected, segment.number)):
            gap = msgspec.structs.replace(
                segment,
                number=number,
                uri=f"gap-{number}.m4s",
                init_uri=self._init or segment.init_uri,
                media_time=start + at * each,
                duration=each,
                program_date_time=None,
                is_gap=True,
                is_discontinuity=False,
            )
            self._close(self._entry(gap), gap)

    def _end_ticks(self, timescale: int) -> int:
        """The media time at which the last whole segment ends."""
        last = self._entries[-1].info
        return (last.media_time + last.duration) * timescale // last.timescale

    def _fit_target(self, duration_s: float) -> None:
        self.raise_target(target_for(duration_s))

    def raise_target(self, target_s: int) -> None:
        if target_s > self.target_s:
            self.raised += bool(self._entries)
            self.target_s = target_s

    def _fit_part(self, duration_s: float) -> None:
        if duration_s > self.part_target_s + 0.0005:
            self.raised += bool(self._entries)
            self.part_target_s = math.ceil(duration_s * 1000) / 1000

    def _forget(self) -> None:
        """Parts beyond what is listed, and segments beyond the window if no request waits for them."""
        while self._bare < len(self._entries) - self._parts_count():
            self._entries[self._bare].parts = []
            self._bare += 1
        if not self._keeps_all:
            self._forget_first(self._window_start())

    def _forget_first(self, count: int) -> None:
        del self._entries[:count]
        self._bare = max(self._bare - count, 0)

    def _count_back(self, seconds: float, *, end: int | None = None) -> int:
        """How many of the last segments (before the one at ``end``) it takes to cover this much time."""
        covered, count = 0.0, 0
        for at in range((len(self._entries) if end is None else end) - 1, -1, -1):
            if covered >= seconds:
                break
            covered += self._entries[at].info.duration_s
            count += 1
        return count

    def _parts_count(self) -> int:
        return max(1, self._count_back(_PARTS_TARGETS * self.target_s))

    def _window_start(self, end: int | None = None) -> int:
        end = len(self._entries) if end is None else end
        return end - self._count_back(max(self._window_s, 3 * self.target_s), end=end)

    def window(self) -> list[SegmentInfo]:
        """The complete segments of the live window, oldest first."""
        return [entry.info for entry in self._entries[self._window_start() :]]

    def check(self, query: BlockingQuery) -> bool | BadQuery:
        """Whether the playlist holds what the query waits for; ``BadQuery`` if it asks too far ahead."""
        if query.until is None or self.is_ended:
            return True
        until, end = self._meant(query.until), self.end
        if not self.is_empty and until <= end:
            return True
        last = end.segment if end.part == WHOLE else end.segment - 1
        if until.segment > max(last, 0) + 2 and not self.is_empty:
            return BadQuery("_HLS_msn is too far ahead")
        if until.part != WHOLE and until.part > self._part_limit(until.segment):
            return BadQuery("_HLS_part is too far ahead")
        return False

    def _meant(self, until: Position) -> Position:
        """A part that the finished last segment turned out not to have stands for the first part of the next one
        (RFC 8216bis, 6.2.5.2)."""
        if self._open is not None or not self._entries or until.part == WHOLE:
            return until
        last = self._entries[-1]
        is_past = until.segment == last.info.number and until.part >= len(last.parts)
        return Position(until.segment + 1, 0) if is_past else until

    def report(self, uri: str) -> Report:
        """What other renditions' playlists say of the end of this one."""
        last = self._open or self._entries[-1]
        return Report(uri, last.info.number, len(last.parts) - 1 if last.parts else WHOLE)

    def _part_limit(self, segment: int) -> int:
        """The last part that may be waited for, by the Advance Part Limit (RFC 8216bis, 6.2.5.2). Where a whole segment
        has more parts than that, it counts from the last of them: without low latency hls.js asks for the last part of
        the next segment, and for as many more as it believes to be behind."""
        ahead = 3 if self.part_target_s >= 1 else math.ceil(3 / self.part_target_s)
        known = len(self._open.parts) - 1 if self._open is not None and self._open.info.number == segment else 0
        whole = math.ceil(self.target_s / self.part_target_s)
        return max(known, whole if whole > ahead else 0) + ahead

    def render(
        self,
        reports: Sequence[Report] = (),
        *,
        whole: bool = False,
        follows: bool = False,
        can_skip: bool = False,
        last: int | None = None,
        marks: Sequence[Mark] = (),
    ) -> str:
        """The playlist's text: the live window, or with ``whole`` all there is; a delta if one is wanted and worth it.

        ``follows``: for a client that holds an earlier version, which this one must go on from (RFC 8216bis, 6.2.1).
        ``last``: for one that is to get nothing after this segment, although the stream goes on. ``marks``: in order of
        time; those within what is listed, and behind it, are told.
        """
        is_over = self.is_ended or last is not None
        shows_all = whole and self._keeps_all
        end = len(self._entries) if last is None else max(last + 1 - self.numbers.start, 0)
        entries = self._entries[:end] if shows_all else self._entries[self._window_start(end) : end]
        skipped = self._skippable(entries) if can_skip else 0
        kind = ("VOD" if self.is_ended and not follows else "EVENT") if shows_all else ""
        lines = [*self._head(entries, kind=kind, is_over=is_over)]
        lines += daterange_lines(marks, entries)
        if skipped:
            lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")
        bare = len(entries) - (0 if is_over else self._parts_count())
        for at, entry in enumerate(entries[skipped:], skipped):
            if at == 0 or at >= bare:
                lines += _segment_lines(entry, entry.parts if at >= bare else (), is_first=at == 0)
            else:
                lines.append(entry.text)
        lines += ["#EXT-X-ENDLIST"] if is_over else self._tail(reports, is_first=not entries)
        return "\n".join(lines) + "\n"

    def render_text(self, uri_of: Callable[[int], str], *, whole: bool = False) -> str:
        """A playlist of WebVTT whose segments have the numbers, lengths and dates of this one's."""
        shows_all = whole and self._keeps_all
        entries = self._entries if shows_all else self._entries[self._window_start() :]
        lines = [*self._versions()]
        lines += self._beginning(entries, kind=("VOD" if self.is_ended else "EVENT") if shows_all else "")
        for at, entry in enumerate(entries):
            bare = msgspec.structs.replace(entry.info, init_uri="", uri=uri_of(entry.info.number), is_gap=False)
            lines += [*before_segment(bare, "", is_first=at == 0), *whole_lines(bare)]
        return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if self.is_ended else [])]) + "\n"

    def render_keys(self, *, whole: bool = False) -> str:
        """The I-frame playlist (RFC 8216bis, 4.4.3.6): the key frame that each whole segment begins with."""
        shows_all = whole and self._keeps_all
        entries = self._entries if shows_all else self._entries[self._window_start() :]
        lines = [*self._versions()]
        if not self.is_ended:
            lines.append(f"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK={self.target_s * 3:.1f}")
        lines += self._beginning(entries, kind=("VOD" if self.is_ended else "EVENT") if shows_all else "")
        lines.append("#EXT-X-I-FRAMES-ONLY")
        for at, entry in enumerate(entries):
            lines.append(_key_text(entry) if at else "\n".join(key_lines(entry.info, entry.init, is_first=True)))
        return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if self.is_ended else [])]) + "\n"

    def _head(self, entries: Sequence[_Entry], *, kind: str, is_over: bool) -> Iterator[str]:
        yield from self._versions()
        if not is_over:
            yield (
                f"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={self.part_target_s * 3:.3f},"
                f"HOLD-BACK={self.target_s * 3:.1f},CAN-SKIP-UNTIL={self.target_s * _SKIP_TARGETS:.1f}"
            )
            yield f"#EXT-X-PART-INF:PART-TARGET={self.part_target_s:.3f}"
        yield from self._beginning(entries, kind=kind)
        if all(entry.info.is_independent for entry in entries):
            yield "#EXT-X-INDEPENDENT-SEGMENTS"

    def _versions(self) -> Iterator[str]:
        yield "#EXTM3U"
        yield "#EXT-X-VERSION:9"
        yield f"#EXT-X-TARGETDURATION:{self.target_s}"

    def _beginning(self, entries: Sequence[_Entry], *, kind: str) -> Iterator[str]:
        first = entries[0] if entries else self._open
        yield f"#EXT-X-MEDIA-SEQUENCE:{first.info.number if first else 0}"
        if first is not None and first.breaks - first.info.is_discontinuity:
            yield f"#EXT-X-DISCONTINUITY-SEQUENCE:{first.breaks - first.info.is_discontinuity}"
        if kind:
            yield f"#EXT-X-PLAYLIST-TYPE:{kind}"

    def _tail(self, reports: Sequence[Report], *, is_first: bool) -> Iterator[str]:
        if self._open is not None:
            yield from before_segment(self._open.info, self._init, is_first=is_first)
            yield from part_lines(self._open.parts)
        if self.hint is not None:
            yield f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{self.hint}"'
        for report in reports:
            last_part = "" if report.part == WHOLE else f",LAST-PART={report.part}"
            yield f'#EXT-X-RENDITION-REPORT:URI="{report.uri}",LAST-MSN={report.segment}{last_part}'

    def _skippable(self, entries: Sequence[_Entry]) -> int:
        """How many segments lie wholly before the skip boundary."""
        left = _SKIP_TARGETS * self.target_s - sum(part.duration_s for part in (self._open.parts if self._open else ()))
        for at in range(len(entries) - 1, -1, -1):
            if left <= 0:
                return at + 1
            left -= entries[at].info.duration_s
        return 0


def _start_s(info: SegmentInfo) -> float:
    return info.media_time / info.timescale


def _end_s(info: SegmentInfo) -> float:
    return (info.media_time + info.duration) / info.timescale


def _segment_lines(entry: _Entry, parts: Iterable[PartInfo], *, is_first: bool) -> list[str]:
    before = before_segment(entry.info, entry.init, is_first=is_first)
    return [*before, *part_lines(parts), *whole_lines(entry.info)]


def _text(entry: _Entry) -> str:
    return "\n".join(_segment_lines(entry, (), is_first=False))


def _key_text(entry: _Entry) -> str:
    entry.key_text = entry.key_text or "\n".join(key_lines(entry.info, entry.init, is_first=False))
    return entry.key_text
