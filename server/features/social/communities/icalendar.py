"""Events as an iCalendar object (RFC 5545), which calendar programs import or subscribe to. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

MAX_OCTETS: Final = 75
"""Of a line, without its end (3.1)."""
_DAY: Final = timedelta(days=1)
_YEAR: Final = 366 * _DAY
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL: Final = "%Y%m%dT%H%M%S"


@dataclass(frozen=True, kw_only=True)
class CalendarEvent:
    """``uid`` is the event's for ever, ``revision`` grows with each change. Times are aware; ``time_zone`` is an IANA
    name, by which programs show them.
    """

    uid: str
    title: str
    description: str
    place: str
    url: str
    time_zone: str
    starts_at: datetime
    ends_at: datetime | None
    created_at: datetime
    changed_at: datetime
    revision: int


def calendar(name: str, events: Sequence[CalendarEvent]) -> str:
    """A VCALENDAR with a VTIMEZONE for each time zone of its events, as 3.6.5 asks for."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Social Flow//Communities//EN", "CALSCALE:GREGORIAN"]
    lines += ["METHOD:PUBLISH", f"NAME:{escaped(name)}", f"X-WR-CALNAME:{escaped(name)}"]
    for zone_name in sorted({one.time_zone for one in events} - {"UTC"}):
        here = [one for one in events if one.time_zone == zone_name]
        last = max(one.ends_at or one.starts_at for one in here)
        lines += _time_zone(ZoneInfo(zone_name), min(one.starts_at for one in here), last)
    for event in events:
        lines += _event(event)
    return "".join(f"{folded}\r\n" for line in [*lines, "END:VCALENDAR"] for folded in _folded(line))


def escaped(text: str) -> str:
    """A value of the type TEXT (3.3.11)."""
    for plain, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r\n", "\\n"), ("\n", "\\n"), ("\r", "\\n")):
        text = text.replace(plain, written)
    return text


def _event(event: CalendarEvent) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{event.uid}"
    yield f"DTSTAMP:{_utc(event.changed_at)}"
    yield f"CREATED:{_utc(event.created_at)}"
    yield f"LAST-MODIFIED:{_utc(event.changed_at)}"
    yield f"SEQUENCE:{event.revision}"
    yield f"DTSTART{_moment(event.starts_at, event.time_zone)}"
    if event.ends_at is not None:
        yield f"DTEND{_moment(event.ends_at, event.time_zone)}"
    yield f"SUMMARY:{escaped(event.title)}"
    if event.description:
        yield f"DESCRIPTION:{escaped(event.description)}"
    if event.place:
        yield f"LOCATION:{escaped(event.place)}"
    yield f"URL:{event.url}"
    yield "STATUS:CONFIRMED"
    yield "END:VEVENT"


def _moment(at: datetime, time_zone: str) -> str:
    """A parameter and a value of the type DATE-TIME (3.3.5): in UTC, or as the clocks of the time zone show it."""
    if time_zone == "UTC":
        return f":{_utc(at)}"
    return f";TZID={time_zone}:{at.astimezone(ZoneInfo(time_zone)):{_LOCAL}}"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):{_LOCAL}}Z"


def _time_zone(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[str]:
    """What the clocks do from the change before ``first`` to ``last``: a part for each change, which needs no rule."""
    yield "BEGIN:VTIMEZONE"
    yield f"TZID:{zone.key}"
    start = first - _YEAR
    yield from _observance(zone, _LONG_AGO, before=_offset(zone, start), after=start)
    for at in _changes(zone, start, last):
        yield from _observance(zone, at, before=_offset(zone, at - timedelta(seconds=1)), after=at)
    yield "END:VTIMEZONE"


def _observance(zone: tzinfo, at: datetime, *, before: timedelta, after: datetime) -> Iterator[str]:
    """From ``at`` on the clocks are as they are at ``after``; ``before``: the offset until then, by which the start is
    given (3.6.5).
    """
    then = after.astimezone(zone)
    kind = "DAYLIGHT" if then.dst() else "STANDARD"
    yield f"BEGIN:{kind}"
    yield f"DTSTART:{at.astimezone(UTC) + before:{_LOCAL}}"
    yield f"TZOFFSETFROM:{_written(before)}"
    yield f"TZOFFSETTO:{_written(_offset(zone, after))}"
    yield f"TZNAME:{then.tzname()}"
    yield f"END:{kind}"


def _changes(zone: tzinfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """When the clocks change between two moments, to the second."""
    day = start.replace(microsecond=0)
    while day < end:
        if _offset(zone, day) != _offset(zone, day + _DAY):
            yield _change_within(zone, day, day + _DAY)
        day += _DAY


def _change_within(zone: tzinfo, low: datetime, high: datetime) -> datetime:
    """Halves the span until it is a second long."""
    old = _offset(zone, low)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        low, high = (middle, high) if _offset(zone, middle) == old else (low, middle)
    return high


def _offset(zone: tzinfo, at: datetime) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    return offset if offset is not None else timedelta()


def _written(offset: timedelta) -> str:
    """As 3.3.14 writes an offset: hours and minutes, and seconds where there are some."""
    seconds = int(offset.total_seconds())
    hours, rest = divmod(abs(seconds), 3_600)
    minutes, rest = divmod(rest, 60)
    return f"{'-' if seconds < 0 else '+'}{hours:02}{minutes:02}" + (f"{rest:02}" if rest else "")


def _folded(line: str) -> Iterator[str]:
    """The line in pieces of at most ``MAX_OCTETS``, the later ones after a space; no character is cut in two."""
    piece, size = "", 0
    for char in line:
        octets = len(char.encode())
        if size + octets > MAX_OCTETS:
            yield piece
            piece, size = " ", 1
        piece += char
        size += octets
    yield piece
