"""Months of a subscription. Pure."""

from __future__ import annotations

import calendar
from datetime import datetime


def month_after(at: datetime) -> datetime:
    """The same day of the next month, or that month's last one."""
    return _in(at, *((at.year + 1, 1) if at.month == 12 else (at.year, at.month + 1)))


def month_before(at: datetime) -> datetime:
    """The same day of the month before, or that month's last one."""
    return _in(at, *((at.year - 1, 12) if at.month == 1 else (at.year, at.month - 1)))


def prorated(difference: int, *, ends: datetime, now: datetime) -> int:
    """What is due now for a month that ends then and costs so much more from now on: its part by time, rounded down."""
    begins = month_before(ends)
    left = min(max((ends - now) / (ends - begins), 0.0), 1.0)
    return int(difference * left)


def _in(at: datetime, year: int, month: int) -> datetime:
    return at.replace(year=year, month=month, day=min(at.day, calendar.monthrange(year, month)[1]))
