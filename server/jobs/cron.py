"""Times as crontab(5) writes them: five fields in UTC, with lists, ranges and steps."""

from __future__ import annotations

import datetime as dt
from typing import Final

import msgspec

_FIELDS: Final = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
_SEARCH_DAYS: Final = 366 * 8
"""The 29th of February comes at least every eight years."""


class Cron(msgspec.Struct, frozen=True, kw_only=True):
    """``weekdays``: 0 is Sunday. A day must match both of its fields, or either if both are restricted."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    is_either_day: bool

    def next_after(self, at: dt.datetime) -> dt.datetime:
        """The first matching minute that begins after ``at``. Raises ``ValueError`` if none ever does."""
        at = at.astimezone(dt.UTC)
        first = at.replace(second=0, microsecond=0) + dt.timedelta(minutes=1)
        for number in range(_SEARCH_DAYS):
            day = first.date() + dt.timedelta(days=number)
            if self._holds(day) and (found := self._minute(day, first)):
                return found
        raise ValueError("this time never comes")

    def _holds(self, day: dt.date) -> bool:
        if day.month not in self.months:
            return False
        by_date, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_date or by_weekday if self.is_either_day else by_date and by_weekday

    def _minute(self, day: dt.date, first: dt.datetime) -> dt.datetime | None:
        times = (dt.time(hour, minute, tzinfo=dt.UTC) for hour in self.hours for minute in self.minutes)
        return next((found for time in times if (found := dt.datetime.combine(day, time)) >= first), None)


def parse(text: str) -> Cron:
    """Raises ``ValueError`` with the field that is wrong, also for a time that never comes."""
    words = text.split()
    if len(words) != len(_FIELDS):
        raise ValueError(f"{text!r} must have five fields: minute, hour, day of month, month, day of week")
    minutes, hours, days, months, weekdays = (
        _field(word, *bounds) for word, bounds in zip(words, _FIELDS, strict=True)
    )
    cron = Cron(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
        is_either_day=not (words[2].startswith("*") or words[4].startswith("*")),
    )
    cron.next_after(dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
    return cron


def _field(word: str, name: str, low: int, high: int) -> frozenset[int]:
    return frozenset(value for part in word.split(",") for value in _part(part, name, low, high))


def _part(part: str, name: str, low: int, high: int) -> range:
    span, slash, step = part.partition("/")
    begin, dash, end = span.partition("-")
    if span == "*":
        begin, end = str(low), str(high)
    elif not dash:
        end = str(high) if slash else begin
    numbers = (begin, end, step if slash else "1")
    if not all(number.isascii() and number.isdigit() for number in numbers):
        raise ValueError(f"{part!r} is no {name}")
    first, last, every = (int(number) for number in numbers)
    if not low <= first <= last <= high or every < 1:
        raise ValueError(f"{part!r} is no {name}: it must lie within {low}-{high}")
    return range(first, last + 1, every)
