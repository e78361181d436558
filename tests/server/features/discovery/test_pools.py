"""The pool that all share: read once for all, and handed out while it is read anew."""

from __future__ import annotations

import asyncio
import datetime as dt

from server.features.discovery.recommendations.pools import FRESH_S, STALE_S, Pools
from server.features.discovery.recommendations.trending import Trending
from tests.server.kit import Kit

_PERSON = """
insert into users (id, username, username_key, display_name, email, email_key, password_hash, stream_key)
values (gen_random_uuid(), 'ada', 'ada', 'Ada', 'ada@example.org', 'ada@example.org', '', 'k')
"""
_POST = """
insert into posts (id, author_id, text, state, visibility, published_at, created_at)
select gen_random_uuid(), id, 'a post', 'published', 'public', now(), now() from users
"""


def reading() -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "pool of posts"]


async def test_an_older_pool_is_handed_out_while_it_is_read_anew_and_a_much_older_one_is_not(kit: Kit) -> None:
    now = 0.0
    trending = Trending(db=kit.database, now=lambda: dt.datetime.now(dt.UTC))
    pools = Pools(db=kit.database, trending=trending, monotonic=lambda: now)
    await kit.database.execute(_PERSON)
    assert await asyncio.gather(pools.of("posts"), pools.of("posts")) == [[], []]
    await kit.database.execute(_POST)
    assert list(await pools.of("posts")) == []
    now += FRESH_S + 1
    assert [list(await pools.of("posts")) for _ in range(3)] == [[], [], []]
    (task,) = reading()
    await task
    assert len(await pools.of("posts")) == 1
    await kit.database.execute(_POST)
    now += STALE_S + 1
    assert len(await pools.of("posts")) == 2
    now += FRESH_S + 1
    await pools.of("posts")
    await pools.close()
    assert reading() == []
