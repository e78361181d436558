"""When a person is left alone, and when their digest comes: the clock on their wall, by their time zone. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec

Digest = Literal["off", "daily", "weekly"]

DIGEST_HOUR: Final = 8
MONDAY: Final = 0


class QuietHours(msgspec.Struct, frozen=True):
    """Minutes of the day, ``until`` excluded; past midnight if ``until`` is not later. Both the same: none."""

    start: int
    until: int


def quiet_end(now: dt.datetime, hours: QuietHours | None, time_zone: str) -> dt.datetime | None:
    """When the quiet hours end that ``now`` lies in, in UTC; None outside of them.

    An hour that the clocks skip or repeat counts as the clock shows it.
    """
    if hours is None or hours.start == hours.until:
        return None
    local = now.astimezone(_zone(time_zone))
    minute = local.hour * 60 + local.minute
    is_over_midnight = hours.until < hours.start
    is_quiet = (
        minute >= hours.start or minute < hours.until if is_over_midnight else hours.start <= minute < hours.until
    )
    if not is_quiet:
        return None
    day = local.date() + dt.timedelta(days=1 if is_over_midnight and minute >= hours.start else 0)
    return max(_at(day, hours.until, time_zone), now + dt.timedelta(minutes=1))


def next_digest(now: dt.datetime, digest: Digest, time_zone: str, quiet: QuietHours | None) -> dt.datetime | None:
    """The first time after ``now`` that a digest is due, in UTC: at ``DIGEST_HOUR``, a weekly one on Mondays, and never
    in quiet hours.
    """
    if digest == "off":
        return None
    day = now.astimezone(_zone(time_zone)).date()
    while True:
        at = _at(day, DIGEST_HOUR * 60, time_zone)
        at = quiet_end(at, quiet, time_zone) or at
        if at > now and (digest == "daily" or day.weekday() == MONDAY):
            return at
        day += dt.timedelta(days=1)


def period(digest: Digest) -> dt.timedelta:
    """What a digest looks back on."""
    return dt.timedelta(days=7 if digest == "weekly" else 1)


def _at(day: dt.date, minute: int, time_zone: str) -> dt.datetime:
    clock = dt.time(minute // 60, minute % 60)
    return dt.datetime.combine(day, clock, tzinfo=_zone(time_zone)).astimezone(dt.UTC)


def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
