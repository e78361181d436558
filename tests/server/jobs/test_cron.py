"""Times as crontab(5) writes them."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.jobs.cron import parse


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("cron", "after", "found"),
    [
        ("* * * * *", "2026-05-01 12:00:59", "2026-05-01 12:01"),
        ("0 3 * * *", "2026-05-01 03:00", "2026-05-02 03:00"),
        ("*/15 * * * *", "2026-05-01 12:46", "2026-05-01 13:00"),
        ("5,10-12 9-17/4 * * *", "2026-05-01 13:11", "2026-05-01 13:12"),
        ("5,10-12 9-17/4 * * *", "2026-05-01 13:12", "2026-05-01 17:05"),
        ("0 0 1 1 *", "2026-05-01 00:00", "2027-01-01 00:00"),
        ("0 0 29 2 *", "2026-05-01 00:00", "2028-02-29 00:00"),
        ("0 0 * * 7", "2026-05-01 00:00", "2026-05-03 00:00"),
        ("0 0 * * 1-5", "2026-05-01 00:00", "2026-05-04 00:00"),
        ("0 0 13 * 5", "2026-05-02 00:00", "2026-05-08 00:00"),
        ("0 0 13 * 5", "2026-05-09 00:00", "2026-05-13 00:00"),
        ("30 5/6 * * *", "2026-05-01 11:31", "2026-05-01 17:30"),
    ],
)
def test_the_next_time_is_the_first_that_all_fields_hold(cron: str, after: str, found: str) -> None:
    assert parse(cron).next_after(at(after)) == at(found)


@pytest.mark.parametrize(
    "wrong",
    ["", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "a * * * *",
     "5-1 * * * *", "*/0 * * * *", "1,,2 * * * *", "-1 * * * *", "١ * * * *", "0 0 31 2 *", "0 0 30 2,2 *"],
)  # fmt: skip
def test_what_is_no_time_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        parse(wrong)


@given(
    minutes=st.integers(0, 59),
    hours=st.one_of(st.just("*"), st.integers(0, 23)),
    weekday=st.one_of(st.just("*"), st.integers(0, 6)),
    start=st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2030, 1, 1)),
)
def test_it_lies_in_the_future_and_no_earlier_minute_holds(
    minutes: int, hours: object, weekday: object, start: dt.datetime
) -> None:
    after = start.replace(tzinfo=dt.UTC)
    found = parse(f"{minutes} {hours} * * {weekday}").next_after(after)
    assert found > after
    step = after.replace(minute=minutes, second=0, microsecond=0)
    while step <= after or not _holds(step, hours, weekday):
        step += dt.timedelta(hours=1)
    assert step == found


def _holds(step: dt.datetime, hour: object, weekday: object) -> bool:
    return hour in ("*", step.hour) and weekday in ("*", step.isoweekday() % 7)
