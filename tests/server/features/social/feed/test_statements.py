"""Each request issues a bounded number of statements, and each statement goes by an index."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from server.features.discovery.trends import queries as trends
from server.features.social.feed import queries
from storage.postgres import Database
from storage.redis import Redis
from tests.server.features.social.feed.test_feed import Network
from tests.server.kit import Kit

ID = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"
NOW = datetime(2026, 11, 30, tzinfo=UTC)
AT: tuple[object, ...] = (ID, NOW, ID, 21)
STATEMENTS: dict[str, tuple[str, tuple[object, ...]]] = {
    "chronological": (queries.CHRONOLOGICAL, AT),
    "timeline": (queries.FOLLOWED_POSTS, AT),
    "home": (queries.HOME, (*AT, NOW, [ID], ID)),
    "hashtag": (queries.OF_TAG, ("music", NOW, ID, 21)),
    "newest": (queries.NEWEST, AT),
    "popular": (queries.POPULAR, (ID, 200)),
    "features": (queries.FEATURES, (ID, [ID], NOW)),
    "follow a hashtag": (queries.FOLLOW_TAG, (ID, "music", 10)),
    "has many followers": (queries.ARE_MANY, (ID, 5_000)),
    "note affinity": (queries.NOTE_AFFINITY, (ID, ID, 1.0)),
    "note popularity": (queries.NOTE_POPULAR, (ID, 1.0)),
    "prune affinity": (queries.PRUNE_AFFINITY, (1.0,)),
    "prune popularity": (queries.PRUNE_POPULAR, (100,)),
    "use a hashtag": (trends.USE, ("music", ID, NOW)),
    "friends": (trends.FRIENDS, ("music", ID, NOW)),
    "trending": (trends.TRENDING, (NOW, 2, False, 20)),
    "review": (trends.REVIEW, ("music", "hidden")),
    "prune uses": (trends.PRUNE_USES, (NOW,)),
}
SMALL = {"feed_pulled"}
"""Tables that have few rows whatever the size of the rest."""


@pytest.mark.parametrize("name", STATEMENTS)
async def test_no_statement_reads_a_whole_table(database: Database, name: str) -> None:
    sql, args = STATEMENTS[name]
    async with database.transaction() as tx:
        await tx.execute("set local enable_seqscan = off")
        rows = await tx.fetch(f"explain {sql}", *args)
    plan = "\n".join(row[0] for row in rows)
    assert set(re.findall(r"Seq Scan on (\w+)", plan)) <= SMALL, plan


@pytest.mark.parametrize("query", ["order=latest", "order=ranked", "kind=explore", "kind=explore&order=latest"])
async def test_a_page_of_many_posts_issues_no_more_statements_than_one_of_few(
    kit: Kit, redis: Redis, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    async with replace(kit, redis=redis).serve() as served:
        network = Network(kit, served)
        await network.people("ann", "bob")
        await network.follow("ann", "bob")
        counts = []
        for more in (2, 12):
            for number in range(more):
                await network.post("bob", f"p{number}")
            await network.page("ann", query)
            counts.append(await _counted(network, query, monkeypatch))
    assert counts[0] == counts[1] <= 4


async def _counted(network: Network, query: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Without those that verify who asks, some of which run by themselves."""
    issued: list[str] = []

    def noted(name: str) -> Any:
        verb = getattr(Database, name)

        async def run(self: Database, sql: str, *args: object, **options: Any) -> Any:
            issued.append(sql)
            return await verb(self, sql, *args, **options)

        return run

    with monkeypatch.context() as patched:
        for name in ("fetch", "fetchrow", "fetchval"):
            patched.setattr(Database, name, noted(name))
        page = await network.page("ann", query)
    assert page["items"]
    return sum(1 for sql in issued if re.search(r"\b(posts|streams|feed_\w+|follows)\b", sql))
