"""Quiet hours and digests by the clock on a person's wall, where clocks are put forward and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.features.delivery.notifications.schedule import Digest, QuietHours, next_digest, quiet_end

NIGHT = QuietHours(22 * 60, 7 * 60)
NOON = QuietHours(12 * 60, 14 * 60)
WINTER, SUMMER = datetime(2026, 1, 14, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC)  # both Wednesdays


def at(day: datetime, hour: int, minute: int = 0) -> datetime:
    return day + timedelta(hours=hour, minutes=minute)


@pytest.mark.parametrize(
    ("now", "hours", "zone", "end"),
    [
        (at(WINTER, 21, 59), NIGHT, "UTC", None),
        (at(WINTER, 22), NIGHT, "UTC", at(WINTER, 31)),
        (at(WINTER, 3), NIGHT, "UTC", at(WINTER, 7)),
        (at(WINTER, 7), NIGHT, "UTC", None),
        (at(WINTER, 13), NOON, "UTC", at(WINTER, 14)),
        (at(WINTER, 14), NOON, "UTC", None),
        (at(WINTER, 21), NIGHT, "Europe/Berlin", at(WINTER, 30)),
        (at(SUMMER, 20), NIGHT, "Europe/Berlin", at(SUMMER, 29)),
        (at(WINTER, 13), NIGHT, "Asia/Tokyo", at(WINTER, 22)),
        (at(WINTER, 18), NIGHT, "Asia/Kathmandu", at(WINTER, 25, 15)),
        (at(WINTER, 13), None, "UTC", None),
        (at(WINTER, 13), QuietHours(60, 60), "UTC", None),
    ],
)
def test_quiet_hours_end_by_the_persons_clock(
    now: datetime, hours: QuietHours | None, zone: str, end: datetime | None
) -> None:
    assert quiet_end(now, hours, zone) == end


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"])
def test_quiet_hours_always_end_later_and_within_a_day_and_an_hour(zone: str) -> None:
    hours = (NIGHT, NOON, QuietHours(2 * 60, 3 * 60), QuietHours(1, 0), QuietHours(2 * 60 + 30, 2 * 60 + 31))
    for day in range(366):
        now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day, minutes=37 * day % 1_440)
        for one in hours:
            end = quiet_end(now, one, zone)
            assert end is None or timedelta(0) < end - now <= timedelta(hours=25), (now, one)


@pytest.mark.parametrize(
    ("now", "digest", "zone", "quiet", "due"),
    [
        (at(WINTER, 7, 59), "daily", "UTC", None, at(WINTER, 8)),
        (at(WINTER, 8), "daily", "UTC", None, at(WINTER, 32)),
        (at(WINTER, 8), "weekly", "UTC", None, at(WINTER, 5 * 24 + 8)),
        (at(SUMMER, 8), "daily", "Europe/Berlin", None, at(SUMMER, 30)),
        (at(WINTER, 0), "daily", "Asia/Tokyo", None, at(WINTER, 23)),
        (at(WINTER, 0), "daily", "UTC", QuietHours(22 * 60, 9 * 60), at(WINTER, 9)),
        (at(WINTER, 0), "off", "UTC", None, None),
    ],
)
def test_a_digest_comes_in_the_morning(
    now: datetime, digest: Digest, zone: str, quiet: QuietHours | None, due: datetime | None
) -> None:
    assert next_digest(now, digest, zone, quiet) == due
