"""What ISO/IEC 23009-1 asks of a dynamic manifest and of its updates, held against what a client is given in turn."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree

_NS = "{urn:mpeg:dash:schema:mpd:2011}"
#: Of the product's clock, times are told to the millisecond.
_ROUND_S = 0.0015


@dataclass(frozen=True)
class Segment:
    """``start_s`` and ``end_s`` are on the manifest's clock, ``ticks`` on the media's: begin and length."""

    uri: str
    start_s: float
    end_s: float
    ticks: tuple[int, int]


@dataclass(frozen=True)
class Representation:
    """``shape``: what no update may change."""

    shape: tuple[str | None, ...]
    init: str
    segments: dict[int, Segment]


@dataclass(frozen=True)
class Period:
    start_s: float
    duration_s: float | None
    representations: dict[str, Representation]

    @property
    def numbers(self) -> set[int]:
        return {number for each in self.representations.values() for number in each.segments}


@dataclass(frozen=True)
class Manifest:
    begin_s: float
    published_s: float
    window_s: float
    periods: dict[str, Period]


def span_s(text: str | None) -> float:
    found = re.fullmatch(r"PT([\d.]+)S", text or "")
    assert found, text
    return float(found[1])


def read(text: str) -> Manifest:
    """Asserts what a client must find in any live manifest."""
    mpd = ElementTree.fromstring(text)
    assert mpd.get("type") == "dynamic"
    assert span_s(mpd.get("minimumUpdatePeriod")) > 0
    assert span_s(mpd.get("minBufferTime")) > 0
    periods = mpd.findall(f"{_NS}Period")
    ids = [period.get("id") or "" for period in periods]
    assert all(ids), ids
    assert len(set(ids)) == len(ids), ids
    return Manifest(
        _date_s(mpd.get("availabilityStartTime")),
        _date_s(mpd.get("publishTime")),
        span_s(mpd.get("timeShiftBufferDepth")),
        {period.get("id") or "": _period(period) for period in periods},
    )


def _date_s(text: str | None) -> float:
    assert text
    return datetime.fromisoformat(text).timestamp()


def _period(element: ElementTree.Element) -> Period:
    start_s, duration = span_s(element.get("start")), element.get("duration")
    representations = {}
    for group in element.findall(f"{_NS}AdaptationSet"):
        for one in group.findall(f"{_NS}Representation"):
            name = one.get("id") or ""
            assert name not in ("", *representations)
            assert int(one.get("bandwidth") or 0) > 0
            representations[name] = _representation(one, group, start_s)
    return Period(start_s, None if duration is None else span_s(duration), representations)


def _representation(one: ElementTree.Element, group: ElementTree.Element, start_s: float) -> Representation:
    template = one.find(f"{_NS}SegmentTemplate")
    assert template is not None
    fields = ("timescale", "presentationTimeOffset", "initialization", "media")
    shape = (group.get("id"), group.get("contentType"), one.get("codecs"), *(template.get(name) for name in fields))
    segments = dict(_segments(template, start_s))
    assert segments, one.get("id")
    return Representation(shape, template.get("initialization") or "", segments)


def _segments(template: ElementTree.Element, start_s: float) -> Iterator[tuple[int, Segment]]:
    rate, offset = int(template.get("timescale") or 1), int(template.get("presentationTimeOffset") or 0)
    number, at = int(template.get("startNumber") or 1), 0
    for line in template.iter(f"{_NS}S"):
        at, ticks = int(line.get("t") or at), int(line.get("d") or 0)
        assert ticks > 0
        for _ in range(int(line.get("r") or 0) + 1):
            begin_s = start_s + (at - offset) / rate
            uri = (template.get("media") or "").replace("$Number$", str(number))
            yield number, Segment(uri, begin_s, begin_s + ticks / rate, (at, ticks))
            number, at = number + 1, at + ticks


def check(manifest: Manifest, *, now: float, is_there: Callable[[str], bool], frame_s: float) -> None:
    """One manifest at the wall clock ``now``. ``frame_s``: how far apart tracks' segments may begin."""
    ends = 0.0
    for name, period in manifest.periods.items():
        assert period.start_s >= ends - _ROUND_S, name
        ends = period.start_s + (period.duration_s or 0.0)
        for one in period.representations.values():
            assert is_there(one.init), one.init
            for segment in one.segments.values():
                assert is_there(segment.uri), segment.uri
                assert segment.start_s >= period.start_s - frame_s, (name, segment)
                assert segment.end_s <= now - manifest.begin_s + frame_s, ("of the future", name, segment)
        _check_in_step(period, frame_s)
    assert all(period.duration_s is not None for period in [*manifest.periods.values()][:-1])


def _check_in_step(period: Period, frame_s: float) -> None:
    for number in period.numbers:
        begins = [each.segments[number].start_s for each in period.representations.values() if number in each.segments]
        assert max(begins) - min(begins) <= frame_s, (number, begins)


def check_update(before: Manifest, after: Manifest) -> None:
    """What both list is the same in both (5.4)."""
    assert after.begin_s == before.begin_s
    assert after.published_s >= before.published_s
    for name in before.periods.keys() & after.periods.keys():
        old, new = before.periods[name], after.periods[name]
        assert new.start_s == old.start_s, name
        for track in old.representations.keys() & new.representations.keys():
            _check_track(old.representations[track], new.representations[track])
    where, now = _places(before), _places(after)
    moved = [number for number in where.keys() & now.keys() if where[number] != now[number]]
    assert not moved, [(number, where[number], now[number]) for number in moved]
    newest = [max(each.numbers) for each in (before, after) for each in [[*each.periods.values()][-1]]]
    assert newest[0] <= newest[1]


def _places(manifest: Manifest) -> dict[int, str]:
    """In which period a number is."""
    return {number: name for name, period in manifest.periods.items() for number in period.numbers}


def _check_track(old: Representation, new: Representation) -> None:
    assert new.shape == old.shape
    last = max(old.segments)
    for number in old.segments.keys() & new.segments.keys():
        was, now = old.segments[number].ticks, new.segments[number].ticks
        assert now[0] == was[0], number
        # The newest one lasts as long as it says until the next has begun.
        assert now[1] == was[1] or (number == last and abs(now[1] - was[1]) * 10 < was[1]), (number, was, now)
