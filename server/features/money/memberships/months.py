"""Months of a subscription. Pure."""

from __future__ import annotations

import calendar
from datetime import datetime


def month_after(at: datetime) -> datetime:
    """The same day of the next month, or that month's last one."""
    year, month = (at.year + 1, 1) if at.month == 12 else (at.year, at.month + 1)
    return at.replace(year=year, month=month, day=min(at.day, calendar.monthrange(year, month)[1]))
