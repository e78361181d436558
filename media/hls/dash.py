"""DASH manifests (ISO/IEC 23009-1, live profile) over the segments that HLS serves. Sans-I/O.

A period is a run of segments without a discontinuity and without a gap in any rendition, since within one segments
are addressed by counting.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from datetime import UTC, datetime
from typing import Final, Protocol
from xml.sax.saxutils import quoteattr

import msgspec

from media.hls.listing import RenditionInfo, SegmentInfo
from media.hls.marks import Mark, event_stream
from media.hls.wvtt import CODEC as WVTT

TEXT_IDS: Final = 10
"""Adaptation sets of text are numbered from here on, whatever sets of pictures and sound there are."""
TEXT_BITS: Final = 1_000
MOST_UPDATE_S: Final = 4
"""Between two requests of a live manifest: who asks for none for longer has left."""


class Presentation(msgspec.Struct, frozen=True):
    """A rendition and its segments, oldest first. Renditions that go together count their segments alike."""

    info: RenditionInfo
    sample_rate: int
    segments: Sequence[SegmentInfo]


class Timeline:
    """One rendition's segments within a period, as the elements of its SegmentTimeline. It grows at its end."""

    def __init__(self, first: SegmentInfo) -> None:
        self.first = self.last = first
        self.starts_with_keys = first.is_independent
        """Whether each segment begins with a key frame."""
        self._elements: list[str] = []
        self._ticks = 0
        self._count = 0

    def add(self, segment: SegmentInfo) -> None:
        """The next segment; the one before it lasts until this one begins."""
        self._count_in(max(segment.media_time - self.last.media_time, 1))
        self.last = segment
        self.starts_with_keys = self.starts_with_keys and segment.is_independent

    def copy(self) -> Timeline:
        made = copy(self)
        made._elements = self._elements.copy()
        return made

    def elements(self) -> list[str]:
        """Those of all segments; the last one lasts as long as it says."""
        whole = self.copy()
        whole._count_in(max(self.last.duration, 1))
        whole._write()
        return whole._elements

    def _count_in(self, ticks: int) -> None:
        if ticks != self._ticks:
            self._write()
            self._ticks, self._count = ticks, 0
        self._count += 1

    def _write(self) -> None:
        if self._count:
            start = "" if self._elements else f't="{self.first.media_time}" '
            repeat = f' r="{self._count - 1}"' if self._count > 1 else ""
            self._elements.append(f'<S {start}d="{self._ticks}"{repeat}/>')


class Period(msgspec.Struct, frozen=True):
    """A run of segments that are addressed by counting; ``timelines`` by the renditions' names."""

    first: SegmentInfo
    timelines: dict[str, Timeline]

    @property
    def media_s(self) -> float:
        """When it begins on the media clock."""
        return self.first.media_time / self.first.timescale

    @property
    def media_end_s(self) -> float:
        lasts = [timeline.last for timeline in self.timelines.values()]
        return max((last.media_time + last.duration) / last.timescale for last in lasts)


class Periods:
    """Cuts all renditions at the same numbers: at discontinuities, and where one that has sound in a run has a gap,
    whose number is left out of all. ``heard``: the names and runs that are known to have sound from the start."""

    def __init__(self, *, heard: Iterable[tuple[str, int]] = ()) -> None:
        self.held: list[Period] = []
        self._heard = set(heard)
        self._following = -1

    def copy(self) -> Periods:
        """One that can grow by itself."""
        made = Periods(heard=self._heard)
        made.held, made._following = self.held.copy(), self._following
        if made.held:
            last = made.held[-1]
            timelines = {name: timeline.copy() for name, timeline in last.timelines.items()}
            made.held[-1] = msgspec.structs.replace(last, timelines=timelines)
        return made

    def add(self, number: int, segments: Sequence[tuple[str, SegmentInfo]]) -> None:
        """What the renditions have of this number, by their names. Numbers only grow."""
        there = []
        for name, segment in segments:
            if not segment.is_gap:
                there.append((name, segment))
            elif (name, segment.run) in self._heard:
                return
        if not there:
            return
        if number != self._following or any(segment.is_discontinuity for _, segment in there):
            self.held.append(Period(there[0][1], {}))
        self._following = number + 1
        timelines = self.held[-1].timelines
        for name, segment in there:
            self._heard.add((name, segment.run))
            if name in timelines:
                timelines[name].add(segment)
            else:
                timelines[name] = Timeline(segment)


class Numbered(Protocol):
    """A rendition's segments by their numbers, of which it lacks none from its first to its last."""

    @property
    def numbers(self) -> range: ...

    def numbered(self, number: int) -> SegmentInfo: ...


class History:
    """The periods of everything since the start. Those of long ago are cut once, so that a manifest of many hours costs
    little more than its last minute."""

    def __init__(self) -> None:
        self._settled = Periods()
        self._next = 0

    def settle(self, renditions: Mapping[str, Numbered], *, before: int) -> None:
        """Nothing changes any more in segments with numbers below ``before``."""
        self._next = _cut(self._settled, renditions, range(self._next, before))

    def changed(self, number: int) -> None:
        """A segment of this number has become a gap."""
        if number < self._next:
            self._settled, self._next = Periods(), 0

    def periods(self, renditions: Mapping[str, Numbered]) -> Periods:
        """Those of all segments so far."""
        whole = self._settled.copy()
        end = max((each.numbers.stop for each in renditions.values()), default=0)
        _cut(whole, renditions, range(self._next, end))
        return whole


def _cut(periods: Periods, renditions: Mapping[str, Numbered], numbers: range) -> int:
    """Add these numbers; where they end."""
    start = min((each.numbers.start for each in renditions.values()), default=0)
    spans = [(name, each, each.numbers) for name, each in renditions.items()]
    for number in range(max(numbers.start, start), numbers.stop):
        periods.add(number, [(name, each.numbered(number)) for name, each, span in spans if number in span])
    return max(numbers.start, numbers.stop)


class Origin(msgspec.Struct, frozen=True):
    """Where a period begins: the number of its first segment, that one's date, and its time on the media clock."""

    number: int
    at: float
    media_s: float


class Origins:
    """Where the periods of a live stream begin, so that each keeps its name, start and offset while the live window
    moves on (ISO/IEC 23009-1, 5.4). One entry a period."""

    def __init__(self) -> None:
        self._held: list[Origin] = []

    @property
    def is_empty(self) -> bool:
        return not self._held

    def note(self, segment: SegmentInfo) -> None:
        """A period begins with this segment, which has a date. The same number again is passed over."""
        at = bisect(self._held, segment.number, key=lambda origin: origin.number)
        if at and self._held[at - 1].number == segment.number:
            return
        date = segment.program_date_time or 0.0
        self._held.insert(at, Origin(segment.number, date, segment.media_time / segment.timescale))

    def of(self, segment: SegmentInfo) -> Origin:
        """The begin of the period that this segment is in."""
        at = bisect(self._held, segment.number, key=lambda origin: origin.number)
        if not at:
            self.note(segment)
            return self.of(segment)
        return self._held[at - 1]


class Live(msgspec.Struct, frozen=True):
    """What a live manifest knows of the wall clock, in seconds: when media time 0 was (never to change), and now."""

    begin: float
    now: float
    origins: Origins


class Shown(msgspec.Struct, frozen=True):
    """A period as a manifest has it. ``start_s`` is on the manifest's clock, ``media_s`` on the media clock; both mean
    the same instant."""

    name: str
    start_s: float
    media_s: float
    period: Period

    @property
    def first_s(self) -> float:
        """When the first listed segment begins, on the manifest's clock."""
        return self.start_s + self.period.media_s - self.media_s

    @property
    def end_s(self) -> float:
        return self.start_s + self.period.media_end_s - self.media_s


def render_mpd(
    presentations: Sequence[Presentation],
    *,
    target_s: int,
    live: Live | None = None,
    marks: Sequence[Mark] = (),
    languages: Sequence[str] = (),
) -> str:
    """The manifest of a live stream, whose segments have dates, or without ``live`` of a finished recording.
    ``languages``: of captions, whose segments are ``captions/{language}/{number}.m4s``.

    A live period starts when its first segment did, listed or not; those of a recording lie end to end.
    """
    by_number: dict[int, list[tuple[str, SegmentInfo]]] = {}
    for each in presentations:
        for segment in each.segments:
            by_number.setdefault(segment.number, []).append((each.info.name, segment))
    periods = Periods(heard={(each.info.name, s.run) for each in presentations for s in each.segments if not s.is_gap})
    for number in sorted(by_number):
        periods.add(number, by_number[number])
    return render_periods(presentations, periods, target_s=target_s, live=live, marks=marks, languages=languages)


def render_periods(
    presentations: Sequence[Presentation],
    periods: Periods,
    *,
    target_s: int,
    live: Live | None = None,
    marks: Sequence[Mark] = (),
    languages: Sequence[str] = (),
) -> str:
    """As ``render_mpd``, of segments that have been cut into periods; those of ``presentations`` are not looked at."""
    shown = _placed(periods.held, live)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', _mpd_line(shown, target_s, live)]
    for index, each in enumerate(shown):
        lines.append(f'  <Period id="{each.name}" start="{_span_text(each.start_s)}"{_length(shown, index)}>')
        lines += event_stream(marks, media_s=each.media_s, end_s=each.period.media_end_s)
        tracks = [(track, each.period.timelines[track.info.name]) for track in presentations
                  if track.info.name in each.period.timelines]  # fmt: skip
        for at, kind in enumerate(dict.fromkeys(track.info.kind for track, _ in tracks)):
            of_kind = [(track, timeline) for track, timeline in tracks if track.info.kind == kind]
            lines += _adaptation(at, kind, of_kind, each.media_s)
        for at, language in enumerate(languages if tracks else ()):
            lines += _text_adaptation(TEXT_IDS + at, language, tracks[0][1], each.media_s)
        lines.append("  </Period>")
    if live is not None:
        date = quoteattr(_date(live.now))
        lines.append(f'  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:direct:2014" value={date}/>')
    return "\n".join([*lines, "</MPD>"]) + "\n"


def _mpd_line(periods: Sequence[Shown], target_s: int, live: Live | None) -> str:
    head = (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" '
        f'minBufferTime="PT{target_s}S"'
    )
    start, end = (periods[0].first_s, periods[-1].end_s) if periods else (0.0, 0.0)
    if live is None:
        return f'{head} type="static" mediaPresentationDuration="{_span_text(end)}">'
    return (
        f'{head} type="dynamic" availabilityStartTime="{_date(live.begin)}" publishTime="{_date(live.now)}" '
        f'minimumUpdatePeriod="PT{min(target_s, MOST_UPDATE_S)}S" timeShiftBufferDepth="{_span_text(end - start)}" '
        f'suggestedPresentationDelay="PT{target_s * 3}S">'
    )


def _placed(periods: Sequence[Period], live: Live | None) -> list[Shown]:
    shown: list[Shown] = []
    for period in periods:
        if live is None:
            start = shown[-1].end_s if shown else 0.0
            shown.append(Shown(f"p{len(shown)}", start, period.media_s, period))
        else:
            if shown:
                live.origins.note(period.first)
            origin = live.origins.of(period.first)
            shown.append(Shown(f"p{origin.number}", origin.at - live.begin, origin.media_s, period))
    return shown


def _length(periods: Sequence[Shown], index: int) -> str:
    if index + 1 == len(periods):
        return ""
    return f' duration="{_span_text(periods[index + 1].start_s - periods[index].start_s)}"'


def _adaptation(
    index: int, kind: str, tracks: Sequence[tuple[Presentation, Timeline]], media_s: float
) -> Iterator[str]:
    sap = ' startWithSAP="1"' if all(timeline.starts_with_keys for _, timeline in tracks) else ""
    yield f'    <AdaptationSet id="{index}" contentType="{kind}" mimeType="{kind}/mp4" segmentAlignment="true"{sap}>'
    for track, timeline in tracks:
        yield from _representation(track, timeline, media_s)
    yield "    </AdaptationSet>"


def _text_adaptation(index: int, language: str, beside: Timeline, media_s: float) -> Iterator[str]:
    """Captions in segments that have the numbers and times of the pictures'."""
    base = f"captions/{language}/"
    yield (
        f'    <AdaptationSet id="{index}" contentType="text" mimeType="application/mp4" codecs="{WVTT}" '
        f'lang="{language}" segmentAlignment="true" startWithSAP="1">'
    )
    yield '      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="caption"/>'
    yield f'      <Representation id="captions-{language}" bandwidth="{TEXT_BITS}">'
    yield from _template(beside, media_s, init=f"{base}init.mp4", media=f"{base}$Number$.m4s")
    yield "      </Representation>"
    yield "    </AdaptationSet>"


def _representation(track: Presentation, timeline: Timeline, media_s: float) -> Iterator[str]:
    info = track.info
    yield f"      <Representation id={quoteattr(info.name)} codecs={quoteattr(info.codec)} {_shape(track)}>"
    if info.kind == "audio" and info.channels:
        yield (
            '        <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" '
            f'value="{info.channels}"/>'
        )
    first = timeline.first
    folder, _, file = first.uri.rpartition("/")
    media = f"{folder}/$Number${file.removeprefix(str(first.number))}"
    yield from _template(timeline, media_s, init=first.init_uri, media=media)
    yield "      </Representation>"


def _shape(track: Presentation) -> str:
    info = track.info
    fields = [f'bandwidth="{info.bandwidth}"']
    if info.width and info.height:
        fields.append(f'width="{info.width}" height="{info.height}"')
    if info.frame_rate:
        fields.append(f'frameRate="{_rate(info.frame_rate)}"')
    if info.kind == "audio" and track.sample_rate:
        fields.append(f'audioSamplingRate="{track.sample_rate}"')
    return " ".join(fields)


def _rate(frame_rate: float) -> str:
    """A frame rate as an integer or as a fraction, which is all that the attribute takes."""
    whole = round(frame_rate)
    if abs(frame_rate - whole) < 0.0005:
        return str(whole)
    return f"{whole * 1000}/1001" if abs(whole / 1.001 - frame_rate) < 0.005 else f"{round(frame_rate * 1000)}/1000"


def _template(timeline: Timeline, media_s: float, *, init: str, media: str) -> Iterator[str]:
    first = timeline.first
    offset = round(media_s * first.timescale)
    yield (
        f'        <SegmentTemplate timescale="{first.timescale}" presentationTimeOffset="{offset}" '
        f'startNumber="{first.number}" initialization={quoteattr(init)} media={quoteattr(media)}>'
    )
    yield "          <SegmentTimeline>"
    yield from timeline.elements()
    yield "          </SegmentTimeline>"
    yield "        </SegmentTemplate>"


def _date(at: float) -> str:
    return datetime.fromtimestamp(round(at, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _span_text(seconds: float) -> str:
    return f"PT{max(seconds, 0):.3f}S"
