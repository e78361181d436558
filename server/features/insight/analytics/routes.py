"""Analytics over REST: of one stream, of all of one's own things, of the server; and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from server.features.insight.analytics.periods import METRICS, Period, Periods, Point, Sums, period, require_key
from server.features.insight.analytics.shapes import (
    AmountShape,
    AnalyticsShape,
    MyAnalyticsQuery,
    MyAnalyticsShape,
    PeriodQuery,
    PointShape,
    ServerAnalyticsShape,
    ServerDayShape,
    ServerTotalsShape,
    TotalsShape,
)
from server.features.insight.analytics.streams import Analytics, as_csv
from server.features.money.payouts import cell
from server.http.limits import CallRate
from server.http.operation import UUID, Answer, Call, MediaType, Operation

TAG: Final = "analytics"
ADMINS: Final = frozenset({"admin"})
RATE: Final = CallRate("analytics", per_s=1.0, burst=20)


class AnalyticsRoutes:
    def __init__(self, *, analytics: Analytics, periods: Periods) -> None:
        self._analytics = analytics
        self._periods = periods

    def operations(self) -> Sequence[Operation]:
        base = "/api/v1/streams/{stream_id}/analytics"
        owned: dict[str, Any] = {
            "method": "GET", "tag": TAG, "paths": {"stream_id": UUID}, "problems": frozenset({403, 404}),
            "auth": "required", "account_rate": RATE,
        }  # fmt: skip
        mine: dict[str, Any] = {
            "method": "GET", "tag": TAG, "query": MyAnalyticsQuery, "auth": "required", "account_rate": RATE,
        }  # fmt: skip
        return [
            Operation(
                path=base, handler=self._get, name="streamAnalytics", answers={200: AnalyticsShape},
                summary="The audience of your stream: retention curve, sources, watch time, chat, revenue", **owned,
            ),
            Operation(
                path=f"{base}.csv", handler=self._csv, name="streamAnalyticsCsv",
                answers={200: MediaType(media_type="text/csv", description="`at_s,viewers,share`")},
                summary="The retention curve as CSV", **owned,
            ),
            Operation(
                path="/api/v1/me/analytics", handler=self._mine, name="myAnalytics", answers={200: MyAnalyticsShape},
                summary="What your streams and videos came to, by day or otherwise", **mine,
            ),
            Operation(
                path="/api/v1/me/analytics.csv", handler=self._my_csv, name="myAnalyticsCsv",
                answers={200: MediaType(media_type="text/csv", description="`key,metric,value,currency`")},
                summary="The same as CSV", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/admin/analytics", handler=self._server, name="serverAnalytics", tag=TAG,
                query=PeriodQuery, answers={200: ServerAnalyticsShape}, auth="required", roles=ADMINS,
                account_rate=RATE, summary="What the whole server came to, by day",
            ),
        ]  # fmt: skip

    async def _get(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._of(call))

    async def _csv(self, call: Call[None, None]) -> web.StreamResponse:
        return _as_file(as_csv(await self._of(call)), f"retention-{call.path['stream_id'].lower()}.csv")

    async def _of(self, call: Call[None, None]) -> AnalyticsShape:
        return await self._analytics.of_stream(call.path["stream_id"], call.me.id)

    async def _mine(self, call: Call[None, MyAnalyticsQuery]) -> Answer:
        over, sums = await self._sums(call)
        shape = MyAnalyticsShape(
            first=over.first,
            to=over.last,
            metric=call.query.metric,
            by=call.query.by,
            totals=TotalsShape.model_validate({**sums.totals, "revenue": _amounts(sums.revenue)}),
            items=[PointShape.model_validate(one, from_attributes=True) for one in sums.points],
        )
        return Answer(200, shape.model_dump(mode="json", by_alias=True))

    async def _my_csv(self, call: Call[None, MyAnalyticsQuery]) -> web.StreamResponse:
        over, sums = await self._sums(call)
        name = f"{call.query.metric}-{over.first}-{over.last}.csv"
        return _as_file(points_as_csv(call.query.metric, sums.points), name)

    async def _sums(self, call: Call[None, MyAnalyticsQuery]) -> tuple[Period, Sums]:
        query = call.query
        require_key(query.metric, query.by)
        over = period(query.since, query.to, today=self._periods.today())
        return over, await self._periods.of_creator(call.me.id, over, query.metric, query.by)

    async def _server(self, call: Call[None, PeriodQuery]) -> Answer:
        over = period(call.query.since, call.query.to, today=self._periods.today())
        days, revenue = await self._periods.of_server(over)
        totals = {name: sum(one[name] for one in days.values()) for name in next(iter(days.values()))}
        shape = ServerAnalyticsShape(
            first=over.first,
            to=over.last,
            totals=ServerTotalsShape.model_validate({**totals, "revenue": _amounts(revenue)}),
            items=[ServerDayShape.model_validate({**values, "day": day}) for day, values in days.items()],
        )
        return Answer(200, shape.model_dump(mode="json", by_alias=True))


def points_as_csv(metric: str, points: Sequence[Point]) -> str:
    """A line a point, after a line of names (RFC 4180). No spreadsheet takes a cell for a formula."""
    assert metric in METRICS
    lines = ["key,metric,value,currency"]
    lines += [f"{_quoted(cell(one.key))},{metric},{one.value},{one.currency or ''}" for one in points]
    return "\r\n".join(lines) + "\r\n"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(char in text for char in ',"\r\n') else text


def _amounts(points: Sequence[Point]) -> list[AmountShape]:
    return [AmountShape(currency=one.currency or "", amount=one.value) for one in points]


def _as_file(text: str, name: str) -> web.Response:
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(text=text, content_type="text/csv", charset="utf-8", headers=headers)
