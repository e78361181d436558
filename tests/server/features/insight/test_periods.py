"""What creators and operators are told of a stretch of days."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import pytest

from server.features.insight.analytics.periods import Point
from server.features.insight.analytics.routes import points_as_csv
from tests.server.kit import Kit
from tests.server.served import PASSWORD, Served

STREAM = str(UUID(int=7))


async def scene_of(kit: Kit, served: Served) -> tuple[str, dt.date]:
    """Ada's token and the day: a stream of today, two followers, views from two countries, a tip of 500 less 50."""
    token = await served.register("ada")
    today = dt.datetime.now(dt.UTC).date()
    ada: str = await kit.database.fetchval("select id from users where username = 'ada'")
    await kit.database.execute(
        "insert into streams (id, owner_id, room_id, title, stream_key, state, started_at, watched_ms, peak_viewers)"
        " values ($1, $2, gen_random_uuid(), 'x', 'k', 'ended', now(), 90500, 7)",
        STREAM, ada,
    )  # fmt: skip
    await kit.database.execute(
        "insert into analytics_daily (owner_id, day, item_id, metric, dimension, key, value) values"
        " ($1, $2, $3, 'views', '', '', 5), ($1, $2, $3, 'views', 'country', 'DE', 3),"
        " ($1, $2, $3, 'views', 'country', '', 2), ($1, $2, $3, 'viewers', '', '', 4)",
        ada, today, STREAM,
    )  # fmt: skip
    for name in ("bob", "cyd"):
        await served.call("PUT", "/users/ada/follow", token=await served.register(name))
    await kit.database.execute(
        """
with a as (insert into ledger_accounts (kind, owner_id, currency)
        values ('pending', $1, 'EUR'), ('platform', null, 'EUR'), ('test', null, 'EUR') returning id, kind),
    t as (insert into ledger_transfers (id, key, kind, currency, subject, at)
        values (gen_random_uuid(), 'payment:x:1', 'tip', 'EUR', 'x', now()) returning id)
insert into ledger_entries (transfer_id, account_id, currency, amount)
select t.id, a.id, 'EUR', case a.kind when 'pending' then 450 when 'platform' then 50 else -500 end from a, t
""",
        ada,
    )
    return token, today


async def test_a_creator_is_told_what_counters_and_ledger_have(kit: Kit) -> None:
    async with kit.serve() as served:
        token, today = await scene_of(kit, served)

        async def told(query: str) -> Any:
            status, answer = await served.call("GET", f"/me/analytics?{query}", token=token)
            assert status == 200, answer
            return answer

        answer = await told(f"from={today - dt.timedelta(days=1)}&to={today}")
        assert (answer["from"], answer["to"]) == (str(today - dt.timedelta(days=1)), str(today))
        assert [(one["key"], one["value"]) for one in answer["items"]] == [
            (str(today - dt.timedelta(days=1)), 0),
            (str(today), 5),
        ]
        assert answer["totals"] == {
            "views": 5, "viewers": 4, "watch_seconds": 90, "peak_viewers": 7, "chat_messages": 0, "followers": 2,
            "revenue": [{"currency": "EUR", "amount": 450}],
        }  # fmt: skip
        by_country = await told("metric=views&by=country")
        assert [(one["key"], one["value"]) for one in by_country["items"]] == [("DE", 3), ("unknown", 2)]
        revenue = (await told("metric=revenue"))["items"]
        assert [(one["key"], one["value"], one["currency"]) for one in revenue] == [(str(today), 450, "EUR")]
        assert (await told("metric=watch_seconds&by=stream"))["items"][0]["key"] == STREAM
        earned = (await served.call("GET", f"/me/earnings?from={today}", token=token))[1]["totals"]
        assert earned[0]["earned"] == answer["totals"]["revenue"][0]["amount"]
        assert (await told(f"to={today - dt.timedelta(days=1)}"))["totals"]["views"] == 0
        assert (await told(f"from={today}T00:00:00Z&to={today}T23:59:59.5-00:00"))["from"] == str(today)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-02-02&to=2026-02-01", "from"),
        ("from=2020-01-01&to=2026-01-01", "from"),
        ("from=yesterday", "from"),
        ("from=2026-02-02T25:00:00Z", "from"),
        ("from=2026-02-02T20:00:00", "from"),
        ("from=0001-01-01T00:00:00%2B23:00", "from"),
        ("metric=luck", "metric"),
        ("metric=revenue&by=country", "by"),
        ("metric=viewers&by=device", "by"),
        ("to=0001-01-01", "to"),
        ("from=9999-12-30&to=9999-12-31", "to"),
    ],
)
async def test_what_cannot_be_told_is_refused(kit: Kit, query: str, field: str) -> None:
    async with kit.serve() as served:
        token = await served.register("ada")
        for path in ("/me/analytics", "/me/analytics.csv"):
            status, problem = await served.call("GET", f"{path}?{query}", token=token)
            assert (status, problem["errors"][0]["field"]) == (422, field)


async def test_an_operator_is_told_of_the_server_and_others_are_not(kit: Kit) -> None:
    async with kit.serve() as served:
        token, today = await scene_of(kit, served)
        assert (await served.call("GET", "/admin/analytics", token=token))[0] == 403
        await kit.database.execute("update users set roles = '{viewer,admin}' where username = 'ada'")
        login = {"login": "ada", "password": PASSWORD}
        token = (await served.call("POST", "/auth/login", json=login))[1]["access_token"]
        status, answer = await served.call("GET", f"/admin/analytics?from={today}&to={today}", token=token)
        assert (status, answer["from"], len(answer["items"])) == (200, str(today), 1)
        totals = answer["totals"]
        assert (totals["new_people"], totals["streams"], totals["watch_seconds"], totals["views"]) == (3, 1, 90, 5)
        assert totals["revenue"] == [{"currency": "EUR", "amount": 50}]
        status, stream = await served.call("GET", f"/streams/{STREAM}/analytics", token=token)
        assert (status, stream["views"], stream["countries"]) == (200, 5, {"DE": 3, "unknown": 2})
        assert (stream["followers_gained"], stream["revenue"], stream["mood"]) == (2, [], None)


def test_no_cell_is_a_formula() -> None:
    points = [Point(key='=cmd|" /C calc"', value=1), Point(key="a,b", value=2, currency="EUR")]
    assert points_as_csv("views", points).splitlines() == [
        "key,metric,value,currency",
        '"\'=cmd|"" /C calc""",views,1,',
        '"a,b",views,2,EUR',
    ]
