"""Events as iCalendar objects: what a program reads out of them is what was put in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from dateutil.tz import tzical  # type: ignore[import-untyped]

from server.features.social.communities.icalendar import CalendarEvent, calendar

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def event(**more: Any) -> CalendarEvent:
    given = {
        "uid": "1@x", "title": "A walk", "description": "", "place": "", "url": "https://x/1", "time_zone": "UTC",
        "starts_at": datetime(2026, 7, 1, 8, 0, tzinfo=UTC), "ends_at": None, "created_at": NOW, "changed_at": NOW,
        "revision": 0,
    }  # fmt: skip
    return CalendarEvent(**{**given, **more})


def properties(text: str) -> dict[str, str]:
    """Name with its parameters → value, unfolded and unescaped, of the last VEVENT."""
    lines = text.replace("\r\n ", "").split("\r\n")
    lines = lines[lines.index("BEGIN:VEVENT") :]
    return {name: _plain(value) for name, _, value in (line.partition(":") for line in lines)}


def _plain(value: str) -> str:
    chars = iter(value)
    return "".join(
        ({"n": "\n", "N": "\n"}.get(escaped := next(chars), escaped)) if char == "\\" else char for char in chars
    )


@pytest.mark.parametrize(
    "text",
    ["plain", "a;b,c\\n", "two\nlines\r\nand three", "\\;", "مشي في الجبال " * 20, "🚶‍♀️" * 40, "x" * 75, "x" * 500],
)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    read = properties(calendar("c", [event(title=text, description=text)]))
    assert read["DESCRIPTION"] == text.replace("\r\n", "\n")


@pytest.mark.parametrize("text", ["x" * 200, "مشي" * 100, "🚶" * 60])
def test_no_line_is_longer_than_75_octets_and_no_character_is_cut(text: str) -> None:
    lines = calendar(text, [event(title=text)]).encode().split(b"\r\n")
    assert max(map(len, lines)) <= 75
    assert all(line.decode() is not None for line in lines)


def test_a_time_in_utc_needs_no_time_zone() -> None:
    text = calendar("c", [event(ends_at=datetime(2026, 7, 1, 9, 30, tzinfo=UTC))])
    assert (properties(text)["DTSTART"], properties(text)["DTEND"]) == ("20260701T080000Z", "20260701T093000Z")
    assert "VTIMEZONE" not in text


def zones(text: str) -> Any:
    """dateutil's reader of VTIMEZONE."""
    return tzical(StringIO(text.replace("\r\n", "\n")))


@pytest.mark.parametrize(
    ("time_zone", "starts_at"),
    [
        ("Europe/Berlin", datetime(2026, 7, 1, 8, 0, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 12, 1, 8, 0, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 8, 6, 59, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 8, 7, 0, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 10, 4, 12, 0, tzinfo=UTC)),
        ("Asia/Kolkata", datetime(2026, 7, 1, 8, 0, tzinfo=UTC)),
        ("America/St_Johns", datetime(2027, 1, 1, 8, 0, tzinfo=UTC)),
        ("Africa/Casablanca", datetime(2027, 2, 20, 8, 0, tzinfo=UTC)),
    ],
)
def test_a_local_time_read_by_the_calendars_own_time_zone_is_the_moment(time_zone: str, starts_at: datetime) -> None:
    ends_at = starts_at + timedelta(days=20)
    text = calendar("c", [event(time_zone=time_zone, starts_at=starts_at, ends_at=ends_at)])
    zone, read = zones(text).get(time_zone), properties(text)
    for name, moment in (("DTSTART", starts_at), ("DTEND", ends_at)):
        local = datetime.strptime(read[f"{name};TZID={time_zone}"], "%Y%m%dT%H%M%S").replace(tzinfo=zone)
        assert local.astimezone(UTC) == moment


def test_each_time_zone_is_described_once_over_the_years_of_its_events() -> None:
    many = [event(time_zone="Europe/Berlin", starts_at=datetime(2026 + n, 7, 1, tzinfo=UTC)) for n in range(3)]
    text = calendar("c", [*many, event(time_zone="Asia/Tokyo"), event()])
    assert sorted(zones(text).keys()) == ["Asia/Tokyo", "Europe/Berlin"]
    assert text.count("BEGIN:VTIMEZONE") == 2
