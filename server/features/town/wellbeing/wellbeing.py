"""Screen time of a person: counted while a page of theirs is looked at, bounded by what they decided, told to them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from server.features.town.wellbeing import queries
from server.features.town.wellbeing.guardians import guard_of, quiet_of
from server.features.town.wellbeing.shapes import (
    ActiveShape,
    DayShape,
    GuardedShape,
    QuietBody,
    ReportShape,
    WatchedShape,
    WellbeingBody,
    WellbeingShape,
)
from server.http.errors import invalid_field
from storage.postgres import Database, Row

BEAT_S: Final = 60
"""Between two beats of a page, which stand for as much time."""
PAUSE_S: Final = 300.0
KEPT: Final = dt.timedelta(days=400)


class QuietHours(Protocol):
    """Those of the notifications: the time zone, and begin and end by its clock."""

    async def quiet_hours_of(self, person_id: str) -> tuple[str, tuple[str, str] | None]: ...
    async def set_quiet_hours(self, person_id: str, time_zone: str, hours: tuple[str, str] | None) -> None: ...


class Wellbeing:
    def __init__(self, *, db: Database, now: Callable[[], dt.datetime], quiet: QuietHours) -> None:
        self._db = db
        self._now = now
        self._quiet = quiet

    async def of(self, me: str) -> WellbeingShape:
        row = await self._db.fetchrow(queries.SETTINGS, me)
        guard = await guard_of(self._db, me, self._now())
        time_zone, quiet = await self._quiet.quiet_hours_of(me)
        today = self._today(_zone(guard, time_zone))
        days = await self._days(me, today, today)
        return WellbeingShape(
            guardian=_guarded(guard),
            is_stopped=self._is_stopped(guard, days.get(today, 0)),
            daily_seconds=row["daily_seconds"] if row else None,
            break_seconds=row["break_seconds"] if row else None,
            quiet_hours=None if quiet is None else QuietBody(start=quiet[0], end=quiet[1]),
            time_zone=time_zone,
            seconds_today=days.get(today, 0),
        )

    async def decide(self, me: str, body: WellbeingBody) -> WellbeingShape:
        await self._db.execute(queries.SET, me, body.daily_seconds, body.break_seconds)
        hours = None if body.quiet_hours is None else (body.quiet_hours.start, body.quiet_hours.end)
        await self._quiet.set_quiet_hours(me, body.time_zone, hours)
        return await self.of(me)

    async def settle_hours(self, me: str) -> None:
        """Have the notifications heed what a guardian has just decided."""
        await self._quiet.set_quiet_hours(me, *await self._quiet.quiet_hours_of(me))

    async def beat(self, me: str) -> ActiveShape:
        """A page has been looked at for ``BEAT_S``."""
        settings = await self._db.fetchrow(queries.SETTINGS, me)
        guard = await guard_of(self._db, me, self._now())
        time_zone = _zone(guard, (await self._quiet.quiet_hours_of(me))[0])
        row = await self._db.fetchrow(queries.BEAT, me, self._today(time_zone), self._now(), BEAT_S, PAUSE_S)
        assert row is not None
        daily, pause = _smaller(settings, guard, "daily_seconds"), _smaller(settings, guard, "break_seconds")
        return ActiveShape(
            seconds_today=row["seconds"],
            is_over=_is_over(row["seconds"], daily),
            needs_break=_is_over(row["streak_s"], pause),
            is_stopped=self._is_stopped(guard, row["seconds"]),
        )

    async def report(self, me: str, day: dt.date | None) -> ReportShape:
        """Raises a 422 for a week that has not begun, or is no longer known."""
        settings = await self._db.fetchrow(queries.SETTINGS, me)
        guard = await guard_of(self._db, me, self._now())
        time_zone = _zone(guard, (await self._quiet.quiet_hours_of(me))[0])
        today = self._today(time_zone)
        day = day or today
        if not today - KEPT <= day <= today:
            raise invalid_field("week", "must be one of the last 400 days")
        begins = day - dt.timedelta(days=day.weekday())
        ends = begins + dt.timedelta(days=6)
        screen = await self._days(me, begins, ends)
        span = _start(begins, time_zone), _start(ends + dt.timedelta(days=1), time_zone)
        watched = await self._db.fetch(queries.WATCHED_DAYS, me, time_zone, *span)
        streams = await self._db.fetch(queries.WATCHED, me, *span)
        daily = _smaller(settings, guard, "daily_seconds")
        return _report(begins, screen, {row["day"]: row["ms"] // 1000 for row in watched}, streams, daily)

    async def prune(self) -> None:
        await self._db.execute(queries.PRUNE, self._now().date() - KEPT)

    def _today(self, time_zone: str) -> dt.date:
        return self._now().astimezone(ZoneInfo(time_zone)).date()

    def _is_stopped(self, guard: Row | None, seconds_today: int) -> bool:
        if guard is None:
            return False
        clock = self._now().astimezone(ZoneInfo(guard["time_zone"])).strftime("%H:%M")
        return _is_over(seconds_today, guard["daily_seconds"]) or _is_within(clock, guard)

    async def _days(self, me: str, first: dt.date, last: dt.date) -> dict[dt.date, int]:
        return {row["day"]: row["seconds"] for row in await self._db.fetch(queries.DAYS, me, first, last)}


def _zone(guard: Row | None, own: str) -> str:
    """A guardian's clock, so that another time zone begins no new day."""
    return own if guard is None else guard["time_zone"]


def _smaller(own: Row | None, guard: Row | None, name: str) -> int | None:
    return min((row[name] for row in (own, guard) if row is not None and row[name] is not None), default=None)


def _is_within(clock: str, guard: Row) -> bool:
    """Of clocks such as ``22:00``; past midnight when the end is not later."""
    start: str | None = guard["quiet_start"]
    end: str = guard["quiet_end"] or ""
    if start is None:
        return False
    return start <= clock < end if start < end else clock >= start or clock < end


def _guarded(guard: Row | None) -> GuardedShape | None:
    if guard is None:
        return None
    return GuardedShape(
        daily_seconds=guard["daily_seconds"],
        break_seconds=guard["break_seconds"],
        quiet_hours=quiet_of(guard),
        time_zone=guard["time_zone"],
        until=guard["adult_on"],
    )


def _is_over(seconds: int, limit: int | None) -> bool:
    return limit is not None and seconds >= limit


def _start(day: dt.date, time_zone: str) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), ZoneInfo(time_zone))


def _report(
    begins: dt.date, screen: dict[dt.date, int], watched: dict[dt.date, int], streams: Any, daily: int | None
) -> ReportShape:
    week = [begins + dt.timedelta(days=n) for n in range(7)]
    days = [
        DayShape(
            day=day,
            screen_seconds=screen.get(day, 0),
            watched_seconds=watched.get(day, 0),
            is_over=_is_over(screen.get(day, 0), daily),
        )
        for day in week
    ]
    return ReportShape(
        begins=begins,
        ends=week[-1],
        days=days,
        screen_seconds=sum(one.screen_seconds for one in days),
        watched_seconds=sum(one.watched_seconds for one in days),
        watched=[
            WatchedShape(stream_id=row["stream_id"], title=row["title"], seconds=row["ms"] // 1000) for row in streams
        ],
    )
