"""Trends are what many say who have little to do with one another, and operators have the last word."""

from __future__ import annotations

import datetime as dt
from typing import Any

from server.features.discovery.trends.rules import weight
from server.features.social.posts.facts import PostPublished
from storage.facts import publish
from tests.server.kit import Kit
from tests.server.served import Served

NOW = dt.datetime.now(dt.UTC)


async def say(kit: Kit, served: Served, person_id: str, *tags: str, ago: dt.timedelta = dt.timedelta()) -> None:
    """As the posts room does."""
    fact = PostPublished(
        post_id="01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11",
        author_id=person_id,
        visibility="public",
        mentioned=[],
        tags=list(tags),
        published_at=NOW - ago,
    )
    async with kit.database.transaction() as tx:
        await publish(tx, fact)
    await kit.read_facts([served.feature("trends")])


async def people(kit: Kit, served: Served, count: int) -> list[str]:
    """Their ids. Nobody has used a hashtag yet."""
    await kit.database.execute("truncate trends_hashtags")
    for number in range(count):
        await served.register(f"person{number}")
    rows = await kit.database.fetch("select id from users order by username")
    return [row["id"] for row in rows]


async def trending(served: Served) -> list[str]:
    _, answer = await served.call("GET", "/hashtags/trending")
    return [one["tag"] for one in answer["items"]]


def test_a_ring_adds_up_to_a_few_strangers() -> None:
    ring = sum(weight(days=1, friends=known) for known in range(30))
    assert ring < 4.1
    assert weight(days=9, friends=0) < weight(days=1, friends=0) == 1


async def test_one_account_that_repeats_itself_is_no_trend(kit: Kit) -> None:
    async with kit.serve() as served:
        ids = await people(kit, served, 3)
        for _ in range(5):
            await say(kit, served, ids[0], "spam")
        assert await trending(served) == []
        for person_id in ids[:2]:
            await say(kit, served, person_id, "real", ago=dt.timedelta(hours=1))
        await say(kit, served, ids[1], "spam")
        await say(kit, served, ids[2], "real")
        assert await trending(served) == ["real", "spam"]
        _, answer = await served.call("GET", "/hashtags/trending?limit=1")
        assert answer == {"items": [{"tag": "real", "people": 3}], "next": None}


async def test_people_who_follow_one_another_count_less_than_strangers(kit: Kit) -> None:
    async with kit.serve() as served:
        ids = await people(kit, served, 6)
        ring, strangers = ids[:4], ids[3:6]
        await kit.database.execute(
            "insert into follows (follower_id, followee_id) select a, b from unnest($1::uuid[]) a, unnest($1::uuid[]) b"
            " where a <> b",
            ring,
        )
        for person_id in ring:
            await say(kit, served, person_id, "ring")
        for person_id in strangers:
            await say(kit, served, person_id, "strangers")
        assert await trending(served) == ["strangers", "ring"]


async def test_yesterdays_uses_fade(kit: Kit) -> None:
    async with kit.serve() as served:
        ids = await people(kit, served, 5)
        for person_id in ids[:3]:
            await say(kit, served, person_id, "older", ago=dt.timedelta(hours=20))
        for person_id in ids[3:]:
            await say(kit, served, person_id, "now")
        assert await trending(served) == ["now", "older"]


async def test_a_post_with_a_list_of_hashtags_counts_for_none(kit: Kit) -> None:
    async with kit.serve() as served:
        for person_id in await people(kit, served, 2):
            await say(kit, served, person_id, *"abcdef")
        assert await trending(served) == []


async def test_an_admin_hides_and_allows(kit: Kit) -> None:
    async with kit.serve() as served:
        ids = await people(kit, served, 2)
        token = await served.register("warden")
        _, problem = await served.call("GET", "/admin/hashtags", token=token)
        assert problem["status"] == 403
        await kit.database.execute("update users set roles = '{viewer,admin}' where username = 'warden'")
        login = {"login": "warden", "password": "correct horse battery staple"}
        token = (await served.call("POST", "/auth/login", json=login))[1]["access_token"]
        for person_id in ids:
            await say(kit, served, person_id, "bad", "good")
        await say(kit, served, ids[0], "small")

        async def put(tag: str, verdict: Any) -> int:
            return (await served.call("PUT", f"/admin/hashtags/{tag}", token=token, json={"verdict": verdict}))[0]

        assert await put("bad", "hidden") == await put("small", "allowed") == 204
        assert await trending(served) == ["good", "small"]
        _, listed = await served.call("GET", "/admin/hashtags?state=hidden", token=token)
        assert listed["items"] == [{"tag": "bad", "people": 2, "verdict": "hidden"}]
        assert await put("bad", None) == 204
        assert await trending(served) == ["bad", "good", "small"]
        assert await put("nobody", "hidden") == 404
        assert await put("bad", "best") == 422
        assert await kit.database.fetchval("select count(*) from audit_log where action = 'hashtag.reviewed'") == 3


async def test_with_review_only_what_is_allowed_is_a_trend(kit: Kit) -> None:
    async with kit.serve(trends_need_review=True) as served:
        for person_id in await people(kit, served, 2):
            await say(kit, served, person_id, "good", "other")
        assert await trending(served) == []
        await kit.database.execute("update trends_hashtags set verdict = 'allowed' where tag = 'good'")
        assert await trending(served) == ["good"]
