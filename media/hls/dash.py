"""DASH manifests (ISO/IEC 23009-1, live profile) over the segments that HLS serves. Sans-I/O.

A period is a run of segments without a discontinuity and without a gap in any rendition, since within one segments
are addressed by counting.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby, pairwise
from xml.sax.saxutils import quoteattr

import msgspec

from media.hls.playlist import RenditionInfo, SegmentInfo


class Presentation(msgspec.Struct, frozen=True):
    """A rendition and its segments, oldest first. Renditions that go together count their segments alike."""

    info: RenditionInfo
    sample_rate: int
    segments: Sequence[SegmentInfo]


class _Period(msgspec.Struct, frozen=True):
    """``start_s`` is on the manifest's clock, ``media_s`` on the media clock; both mean the same instant."""

    name: str
    start_s: float
    media_s: float
    tracks: list[Presentation]

    @property
    def first_s(self) -> float:
        """When the first listed segment begins, on the manifest's clock."""
        first = self.tracks[0].segments[0]
        return self.start_s + first.media_time / first.timescale - self.media_s

    @property
    def end_s(self) -> float:
        ends = [
            (each.segments[-1].media_time + each.segments[-1].duration) / each.segments[-1].timescale
            for each in self.tracks
        ]
        return self.start_s + max(ends) - self.media_s


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


def render_mpd(presentations: Sequence[Presentation], *, target_s: int, live: Live | None = None) -> str:
    """The manifest of a live stream, whose segments have dates, or without ``live`` of a finished recording.

    A live period starts when its first segment did, listed or not; those of a recording lie end to end.
    """
    periods = _periods([each for each in presentations if each.segments], live)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', _mpd_line(periods, target_s, live)]
    for index, period in enumerate(periods):
        lines.append(f'  <Period id="{period.name}" start="{_span_text(period.start_s)}"{_length(periods, index)}>')
        for at, track in enumerate(period.tracks):
            lines += _adaptation(at, track, period.media_s)
        lines.append("  </Period>")
    if live is not None:
        date = quoteattr(_date(live.now))
        lines.append(f'  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:direct:2014" value={date}/>')
    return "\n".join([*lines, "</MPD>"]) + "\n"


def _mpd_line(periods: Sequence[_Period], target_s: int, live: Live | None) -> str:
    head = (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" '
        f'minBufferTime="PT{target_s}S"'
    )
    start, end = (periods[0].first_s, periods[-1].end_s) if periods else (0.0, 0.0)
    if live is None:
        return f'{head} type="static" mediaPresentationDuration="{_span_text(end)}">'
    return (
        f'{head} type="dynamic" availabilityStartTime="{_date(live.begin)}" publishTime="{_date(live.now)}" '
        f'minimumUpdatePeriod="PT{target_s}S" timeShiftBufferDepth="{_span_text(end - start)}" '
        f'suggestedPresentationDelay="PT{target_s * 3}S">'
    )


def _periods(presentations: Sequence[Presentation], live: Live | None) -> list[_Period]:
    """Cut all renditions at the same numbers."""
    breaks = {s.number for p in presentations for s in p.segments if s.is_discontinuity}
    gaps = _gaps(presentations)
    numbers = sorted({s.number for p in presentations for s in p.segments} - gaps)
    periods: list[_Period] = []
    for run in _runs(numbers, breaks):
        wanted = set(run)
        cut = [(p, [s for s in p.segments if s.number in wanted and not s.is_gap]) for p in presentations]
        tracks = [Presentation(p.info, p.sample_rate, segments) for p, segments in cut if segments]
        first = tracks[0].segments[0]
        if live is None:
            start = periods[-1].end_s if periods else 0.0
            periods.append(_Period(f"p{len(periods)}", start, first.media_time / first.timescale, tracks))
        else:
            if periods:
                live.origins.note(first)
            origin = live.origins.of(first)
            periods.append(_Period(f"p{origin.number}", origin.at - live.begin, origin.media_s, tracks))
    return periods


def _gaps(presentations: Sequence[Presentation]) -> set[int]:
    """Numbers that a rendition lacks which has others of the same run; one that is silent all the run is left out."""
    heard = {(p.info.name, s.run) for p in presentations for s in p.segments if not s.is_gap}
    return {s.number for p in presentations for s in p.segments if s.is_gap and (p.info.name, s.run) in heard}


def _runs(numbers: Sequence[int], breaks: set[int]) -> Iterator[list[int]]:
    def key(pair: tuple[int, int]) -> tuple[int, int]:
        at, number = pair
        return number - at, sum(number >= each for each in breaks)

    for _, group in groupby(enumerate(numbers), key):
        yield [number for _, number in group]


def _length(periods: Sequence[_Period], index: int) -> str:
    if index + 1 == len(periods):
        return ""
    return f' duration="{_span_text(periods[index + 1].start_s - periods[index].start_s)}"'


def _adaptation(index: int, track: Presentation, media_s: float) -> Iterator[str]:
    info = track.info
    yield (
        f'    <AdaptationSet id="{index}" contentType="{info.kind}" mimeType="{info.kind}/mp4" segmentAlignment="true" '
        f'startWithSAP="1">'
    )
    yield f"      <Representation id={quoteattr(info.name)} codecs={quoteattr(info.codec)} {_shape(track)}>"
    if info.kind == "audio" and info.channels:
        yield (
            '        <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" '
            f'value="{info.channels}"/>'
        )
    yield from _template(track.segments, media_s)
    yield "      </Representation>"
    yield "    </AdaptationSet>"


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
    if abs(frame_rate - round(frame_rate)) < 0.0005:
        return str(round(frame_rate))
    ntsc = round(frame_rate * 1.001)
    return f"{ntsc * 1000}/1001" if abs(ntsc / 1.001 - frame_rate) < 0.005 else f"{round(frame_rate * 1000)}/1000"


def _template(segments: Sequence[SegmentInfo], media_s: float) -> Iterator[str]:
    first = segments[0]
    media = first.uri[: first.uri.rindex(str(first.number))] + "$Number$.m4s"
    offset = round(media_s * first.timescale)
    yield (
        f'        <SegmentTemplate timescale="{first.timescale}" presentationTimeOffset="{offset}" '
        f'startNumber="{first.number}" initialization={quoteattr(first.init_uri)} media={quoteattr(media)}>'
    )
    yield "          <SegmentTimeline>"
    for duration, group in groupby(_timeline(segments), key=lambda pair: pair[1]):
        times = [time for time, _ in group]
        repeat = f' r="{len(times) - 1}"' if len(times) > 1 else ""
        yield f'            <S t="{times[0]}" d="{duration}"{repeat}/>'
    yield "          </SegmentTimeline>"
    yield "        </SegmentTemplate>"


def _timeline(segments: Sequence[SegmentInfo]) -> Iterator[tuple[int, int]]:
    """Start and duration of each segment, a duration being the way to the next start where there is one."""
    for segment, following in pairwise(segments):
        yield segment.media_time, max(following.media_time - segment.media_time, 1)
    yield segments[-1].media_time, max(segments[-1].duration, 1)


def _date(at: float) -> str:
    return datetime.fromtimestamp(round(at, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _span_text(seconds: float) -> str:
    return f"PT{max(seconds, 0):.3f}S"
