"""What the things of a creator, or the whole server, came to in a stretch of days."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final, Literal, get_args

import msgspec

from server.features.insight.analytics import queries
from server.http.errors import invalid_field
from storage.postgres import Database

Metric = Literal["views", "viewers", "watch_seconds", "peak_viewers", "chat_messages", "followers", "revenue"]
By = Literal["day", "stream", "country", "device", "source"]
METRICS: Final[tuple[Metric, ...]] = get_args(Metric)

MAX_DAYS: Final = 400
DEFAULT_DAYS: Final = 28
MOST_KEYS: Final = 1_000
UNKNOWN: Final = "unknown"
OF_VIEWS: Final = ["views", "video_views"]

_STREAMED: Final = frozenset({"watch_seconds", "peak_viewers", "chat_messages"})
_KEYS: Final[Mapping[Metric, frozenset[By]]] = {
    "views": frozenset(get_args(By)),
    "viewers": frozenset({"day", "stream"}),
    "watch_seconds": frozenset({"day", "stream"}),
    "peak_viewers": frozenset({"day", "stream"}),
    "chat_messages": frozenset({"day", "stream"}),
    "followers": frozenset({"day"}),
    "revenue": frozenset({"day"}),
}


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Days in UTC, both included."""

    first: dt.date
    last: dt.date

    @property
    def start(self) -> dt.datetime:
        return dt.datetime.combine(self.first, dt.time(), dt.UTC)

    @property
    def end(self) -> dt.datetime:
        """After the last moment."""
        return dt.datetime.combine(self.last, dt.time(), dt.UTC) + dt.timedelta(days=1)

    def days(self) -> list[str]:
        return [str(self.first + dt.timedelta(days=n)) for n in range((self.last - self.first).days + 1)]


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """``currency``: of revenue alone, in minor units."""

    key: str
    value: int
    currency: str | None = None


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """``totals``: of every metric but revenue, which is by currency."""

    points: list[Point]
    totals: dict[str, int]
    revenue: list[Point]


def period(since: dt.date | None, to: dt.date | None, *, today: dt.date) -> Period:
    """Raises a 422. Without an end until today, without a start so many days."""
    last = to or today
    if since is None and last < dt.date(1971, 1, 1):
        raise invalid_field("to", "is too early")
    first = since or last - dt.timedelta(days=DEFAULT_DAYS - 1)
    if first > last:
        raise invalid_field("from", "must not be after to")
    if (last - first).days >= MAX_DAYS:
        raise invalid_field("from", f"must be at most {MAX_DAYS} days before to")
    if last.year > 9_000:
        raise invalid_field("to", "is too late")
    return Period(first=first, last=last)


def require_key(metric: Metric, by: By) -> None:
    """Raises a 422 for a metric that is not known by this."""
    if by not in _KEYS[metric]:
        raise invalid_field("by", f"must be one of {', '.join(sorted(_KEYS[metric]))} for {metric}")


class Periods:
    def __init__(self, *, db: Database, now: Callable[[], dt.datetime]) -> None:
        self._db = db
        self._now = now

    def today(self) -> dt.date:
        return self._now().astimezone(dt.UTC).date()

    async def of_creator(self, person_id: str, over: Period, metric: Metric, by: By) -> Sums:
        """Revenue is what the ledger has booked for the person; watch time, peaks and chat are those of the counters of
        streams that began within the days; of videos there is the watch time of the days. A viewer of several days
        counts on each.
        """
        revenue = await self._revenue(person_id, over)
        totals = await self._totals(person_id, over)
        if metric == "revenue":
            return Sums(points=revenue, totals=totals, revenue=_in_all(revenue))
        values = await self._values(person_id, over, metric, by)
        keys = over.days() if by == "day" else sorted(values, key=lambda key: (-values[key], key))[:MOST_KEYS]
        points = [Point(key=key or UNKNOWN, value=values.get(key, 0)) for key in keys]
        return Sums(points=points, totals=totals, revenue=_in_all(revenue))

    async def of_server(self, over: Period) -> tuple[dict[str, dict[str, int]], list[Point]]:
        """Day → metric → value, and the share of the server by currency."""
        found: dict[str, dict[str, int]] = {
            day: dict.fromkeys((*queries.OF_SERVER, "views"), 0) for day in over.days()
        }  # fmt: skip
        for metric, sql in queries.OF_SERVER.items():
            for row in await self._db.fetch(sql, over.start, over.end):
                found[row["key"]][metric] = row["value"]
        for row in await self._db.fetch(queries.SERVER_VIEWS, over.first, over.end.date()):
            found[row["key"]]["views"] = row["value"]
        for row in await self._db.fetch(queries.SERVER_VIDEO_SECONDS, over.first, over.end.date()):
            found[row["key"]]["watch_seconds"] += row["value"]
        rows = await self._db.fetch(queries.SERVER_REVENUE, over.start, over.end)
        return found, [Point(key="", value=row["amount"], currency=row["currency"]) for row in rows]

    async def _values(self, person_id: str, over: Period, metric: Metric, by: By) -> dict[str, int]:
        if metric in _STREAMED:
            rows = await self._db.fetch(queries.STREAMED, person_id, over.start, over.end, by)
            return {row["key"]: row[metric] for row in rows}
        if metric == "followers":
            rows = await self._db.fetch(queries.FOLLOWERS, person_id, over.start, over.end)
        else:
            metrics = OF_VIEWS if metric == "views" else [metric]
            dimension = "" if by in ("day", "stream") else by
            rows = await self._db.fetch(
                queries.ROLLED, person_id, over.first, over.end.date(), metrics, by, dimension
            )  # fmt: skip
        return {row["key"]: row["value"] for row in rows}

    async def _totals(self, person_id: str, over: Period) -> dict[str, int]:
        totals = {}
        for metric in ("views", "viewers", "followers"):
            totals[metric] = sum((await self._values(person_id, over, metric, "day")).values())
        rows = await self._db.fetch(queries.STREAMED, person_id, over.start, over.end, "day")
        totals["watch_seconds"] = sum(row["watch_seconds"] for row in rows)
        totals["peak_viewers"] = max((row["peak_viewers"] for row in rows), default=0)
        totals["chat_messages"] = sum(row["chat_messages"] for row in rows)
        return totals

    async def _revenue(self, person_id: str, over: Period) -> list[Point]:
        rows = await self._db.fetch(queries.REVENUE, person_id, over.start, over.end)
        return [Point(key=row["key"], value=row["value"], currency=row["currency"]) for row in rows]


def _in_all(points: list[Point]) -> list[Point]:
    sums: defaultdict[str, int] = defaultdict(int)
    for point in points:
        sums[point.currency or ""] += point.value
    return [Point(key="", value=value, currency=currency) for currency, value in sorted(sums.items())]
