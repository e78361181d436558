"""Home feeds: pushed and looked up, merged on read, right whatever becomes of Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from actors.runtime import ManualClock
from server.features.social.feed.push import WORD_S, Word
from server.features.social.feed.shapes import FeedShape, HashtagPageShape
from storage.redis import Redis
from tests.server.kit import Kit, PublishedEvents
from tests.server.served import Served

Page = dict[str, Any]


class Network:
    """People who post and read, by their names."""

    def __init__(self, kit: Kit, served: Served) -> None:
        self.kit = kit
        self.served = served
        self.tokens: dict[str, str] = {}

    async def people(self, *names: str) -> None:
        for name in names:
            self.tokens[name] = await self.served.register(name)

    async def ask(self, name: str, method: str, path: str, **options: Any) -> Any:
        status, answer = await self.served.call(method, path, token=self.tokens.get(name), **options)
        assert status < 300, answer
        return answer

    async def raw(self, name: str, path: str) -> bytes:
        headers = {"Authorization": f"Bearer {self.tokens[name]}"}
        async with self.served.http.get(f"{self.served.url}/api/v1{path}", headers=headers) as answer:
            assert answer.status == 200
            return await answer.read()

    async def follow(self, follower: str, *followees: str) -> None:
        for followee in followees:
            await self.ask(follower, "PUT", f"/users/{followee}/follow")

    async def post(self, name: str, text: str, **more: Any) -> str:
        answer = await self.ask(name, "POST", "/posts", json={"text": text, **more})
        return str(answer["post"]["id"])

    async def settle(self) -> None:
        """What facts and jobs have to do is done."""
        await self.kit.read_facts(self.served.features)
        await self.kit.run_jobs(self.served.features)

    async def page(self, name: str, query: str = "", cursor: str | None = None, limit: int = 20) -> Page:
        at = f"&cursor={cursor}" if cursor else ""
        answer: Page = await self.ask(name, "GET", f"/feed?limit={limit}{query and '&' + query}{at}")
        return answer

    async def texts(self, name: str, query: str = "") -> list[str]:
        return [one["post"]["text"] for one in (await self.page(name, query))["items"]]

    async def all_pages(self, name: str, query: str = "", *, limit: int = 2) -> list[str]:
        found: list[str] = []
        cursor = None
        for _ in range(50):
            page = await self.page(name, query, cursor, limit)
            assert len(page["items"]) <= limit
            found += [one["post"]["text"] for one in page["items"]]
            if (cursor := page["next"]) is None:
                return found
        raise AssertionError("the pages do not end")


@pytest.fixture
async def network(kit: Kit, redis: Redis) -> AsyncIterator[Network]:
    async with replace(kit, redis=redis).serve(feed_push_limit=2) as served:
        network = Network(kit, served)
        await network.people("ann", "bob", "eve")
        yield network


async def test_a_post_is_in_the_feeds_of_followers_at_once_and_after_it_was_pushed(network: Network) -> None:
    await network.follow("ann", "bob")
    assert await network.texts("ann") == []
    await network.post("bob", "hello")
    assert await network.texts("ann") == ["hello"]
    await network.settle()
    assert await network.texts("ann") == ["hello"]
    assert await network.texts("eve") == []
    (item,) = (await network.page("bob"))["items"]
    assert item["reason"] == "own"
    assert item["post"]["author"]["username"] == "bob"


async def test_a_post_and_its_repost_are_one_item_of_a_page(network: Network) -> None:
    await network.follow("ann", "bob", "eve")
    post_id = await network.post("bob", "hello")
    await network.ask("eve", "PUT", f"/posts/{post_id}/repost")
    (item,) = (await network.page("ann"))["items"]
    assert item["post"]["reposted"]["text"] == "hello"


async def test_what_goes_out_as_it_was_read_is_what_the_shapes_say(network: Network) -> None:
    await network.follow("ann", "bob", "eve")
    first = await network.post("bob", "hello @ann #music")
    poll = {"options": ["yes", "no"], "seconds": 600}
    asked = await network.post("bob", "well?", poll=poll, content_warning="a question")
    await network.ask("ann", "PUT", f"/posts/{asked}/poll/vote", json={"options": [1]})
    await network.ask("ann", "PUT", f"/posts/{first}/reactions/%F0%9F%91%8D")
    await network.post("eve", "look", quote_of=asked)
    await network.ask("eve", "PUT", f"/posts/{first}/repost")
    for path in ("/feed?limit=20", "/feed?limit=20&order=ranked", "/feed?kind=explore&limit=1"):
        body = await network.raw("ann", path)
        assert FeedShape.model_validate_json(body).model_dump_json().encode() == body
    for item in (await network.page("ann"))["items"]:
        assert await network.ask("ann", "GET", f"/posts/{item['post']['id']}") == item["post"]
    body = await network.raw("ann", "/hashtags/music")
    assert HashtagPageShape.model_validate_json(body).model_dump_json().encode() == body


async def test_a_pushed_post_is_read_from_the_timeline(network: Network, redis: Redis) -> None:
    """What was written long ago is found by its push alone."""
    await network.follow("ann", "bob")
    assert await network.texts("ann") == []
    await network.post("bob", "hello")
    await network.settle()
    await age_all(network, "1 hour")
    assert await network.texts("ann") == []
    await push_again(network)
    assert await network.texts("ann") == ["hello"]


async def age_all(network: Network, by: str) -> None:
    """Make all posts so old that only timelines lead to them, and take them from those."""
    await network.kit.database.execute(f"update posts set published_at = published_at - interval '{by}'")
    await network.kit.database.execute("update follows set created_at = created_at - interval '1 day'")
    await network.kit.database.execute("update posts set id = overlay(id::text placing '0180' from 1 for 4)::uuid")


async def push_again(network: Network) -> None:
    db = network.kit.database
    await db.execute("delete from job_keys")
    row = await db.fetchrow("select id, author_id, published_at from posts")
    assert row is not None
    push = next(job for job in network.served.feature("feed").jobs if job.name == "feed.push")
    body = push.body(post_id=row["id"], author_id=row["author_id"], published_at=row["published_at"])
    async with db.transaction() as tx:
        await network.kit.platform().jobs.enqueue(tx, push, body)
    await network.kit.run_jobs(network.served.features)


async def test_following_brings_what_was_written_before_and_unfollowing_takes_it_at_once(network: Network) -> None:
    await network.post("bob", "before")
    assert await network.texts("ann") == []
    await network.settle()
    await network.follow("ann", "bob")
    assert await network.texts("ann") == ["before"]
    await network.post("bob", "after")
    await network.settle()
    assert await network.texts("ann") == ["after", "before"]
    await network.ask("ann", "DELETE", "/users/bob/follow")
    assert await network.texts("ann") == []


async def test_without_redis_and_after_a_flush_the_next_read_is_right(network: Network, redis: Redis) -> None:
    await network.follow("ann", "bob", "eve")
    for number in range(4):
        await network.post(("bob", "eve")[number % 2], f"p{number}")
    await network.settle()
    expected = ["p3", "p2", "p1", "p0"]
    assert await network.texts("ann") == expected
    await redis.command("FLUSHALL")
    assert await network.texts("ann") == expected
    async with network.kit.serve() as away:  # a node whose Redis is away
        assert await Network.texts(as_on(away, network), "ann") == expected


def as_on(served: Served, network: Network) -> Network:
    other = Network(network.kit, served)
    other.tokens = network.tokens
    return other


async def test_an_author_with_too_many_followers_is_looked_up_and_word_is_given_all_the_same(network: Network) -> None:
    await network.people("dan", "fay")
    for name in ("ann", "dan", "fay"):
        await network.follow(name, "bob")
    assert await network.texts("ann") == []
    phone = await network.served.connect(network.tokens["ann"])
    await network.post("bob", "to three")
    await network.settle()
    assert await phone.until("feed:new") == {"count": 1}
    db = network.kit.database
    assert await db.fetchval("select count(*) from feed_pulled") == 1
    assert await network.texts("ann") == ["to three"] == await network.texts("fay")


async def test_word_of_several_posts_is_one_event_for_each_count() -> None:
    clock, published = ManualClock(), PublishedEvents()
    word = Word(publish=published, clock=clock)
    for people in (["ann", "bob"], ["ann"], ["ann"]):
        word.add(people)
    assert published.events == []
    await clock.advance(WORD_S)
    assert sorted(published.events) == [("ann", "feed:new", {"count": 3}), ("bob", "feed:new", {"count": 1})]
    await clock.advance(WORD_S)
    assert len(published.events) == 2


async def test_pages_neither_repeat_nor_leave_out_while_posts_arrive(network: Network) -> None:
    await network.follow("ann", "bob", "eve")
    for number in range(7):
        await network.post(("bob", "eve")[number % 2], f"p{number}")
    await network.settle()
    seen: list[str] = []
    cursor = None
    for turn in range(9):
        page = await network.page("ann", "order=latest", cursor, 2)
        seen += [one["post"]["text"] for one in page["items"]]
        await network.post("bob", f"new {turn}")
        await network.settle()
        if (cursor := page["next"]) is None:
            break
    assert seen == [f"p{number}" for number in range(6, -1, -1)]


async def test_ranked_pages_keep_their_order_while_posts_arrive_and_when_redis_is_flushed(
    network: Network, redis: Redis
) -> None:
    await network.follow("ann", "bob", "eve")
    for number in range(7):
        await network.post(("bob", "eve")[number % 2], f"p{number}")
    await network.settle()
    whole = await network.all_pages("ann", "order=ranked", limit=100)
    assert sorted(whole) == [f"p{number}" for number in range(7)]
    first = await network.page("ann", "order=ranked", None, 3)
    await network.post("eve", "late")
    await network.settle()
    rest = await network.page("ann", "order=ranked", first["next"], 100)
    texts = [one["post"]["text"] for one in [*first["items"], *rest["items"]]]
    assert sorted(texts) == sorted(whole)
    assert rest["next"] is None
    await redis.command("FLUSHALL")
    again = await network.page("ann", "order=ranked", first["next"], 100)
    assert [one["post"]["text"] for one in again["items"]] == [one["post"]["text"] for one in rest["items"]]


async def test_blocks_mutes_and_deletions_hold_and_a_short_page_is_filled(network: Network) -> None:
    await network.people("dan")
    await network.follow("ann", "bob", "eve", "dan")
    await network.post("dan", "kept 1")
    for number in range(4):
        await network.post("bob", f"muted {number}")
    gone = await network.post("dan", "deleted")
    await network.post("eve", "blocked")
    await network.post("dan", "kept 2")
    await network.settle()
    await network.ask("ann", "PUT", "/users/bob/mute")
    await network.ask("eve", "PUT", "/users/ann/block")
    await network.ask("dan", "DELETE", f"/posts/{gone}")
    page = await network.page("ann", limit=2)
    assert [one["post"]["text"] for one in page["items"]] == ["kept 2", "kept 1"]
    assert await network.all_pages("ann", limit=1) == ["kept 2", "kept 1"]


async def test_a_followed_hashtag_joins_home_and_says_so(network: Network) -> None:
    await network.post("eve", "a #Wal walk")
    await network.settle()
    assert await network.texts("ann") == []
    await network.ask("ann", "PUT", "/hashtags/WAL/follow")
    await network.ask("ann", "PUT", "/hashtags/wal/follow")
    (item,) = (await network.page("ann"))["items"]
    assert (item["reason"], item["tag"], item["post"]["text"]) == ("hashtag", "wal", "a #Wal walk")
    assert [one["tag"] for one in (await network.ask("ann", "GET", "/me/hashtags"))["items"]] == ["wal"]
    page = await network.ask("ann", "GET", "/hashtags/Wal")
    assert page["following"]
    assert [one["post"]["text"] for one in page["items"]] == ["a #Wal walk"]
    await network.ask("ann", "DELETE", "/hashtags/wal/follow")
    assert await network.texts("ann") == []


async def test_explore_is_for_guests_too_with_what_is_popular_first(network: Network) -> None:
    liked = await network.post("bob", "liked")
    await network.post("eve", "newer")
    await network.post("eve", "for followers", visibility="followers")
    await network.settle()
    assert sorted(await network.texts("guest", "kind=explore")) == ["liked", "newer"]
    await network.kit.database.execute("update posts set replies = 400 where id = $1", liked)
    items = (await network.page("guest", "kind=explore"))["items"]
    assert (items[0]["post"]["text"], items[0]["reason"]) in {("liked", "popular"), ("liked", "new")}
    assert await network.all_pages("guest", "kind=explore&order=latest", limit=1) == ["newer", "liked"]
    assert sorted(await network.all_pages("guest", "kind=explore&order=ranked", limit=1)) == ["liked", "newer"]


async def test_what_is_no_feed_is_refused(network: Network) -> None:
    wrong = {"kind=home": 401, "kind=else": 422, "order=best": 422, "cursor=x": 422, "limit=0": 422}
    assert {query: (await network.served.call("GET", f"/feed?{query}"))[0] for query in wrong} == wrong


async def test_forged_cursors_are_pages_of_the_list_or_its_end(network: Network) -> None:
    for letter in "A_9-z":
        for query in ("kind=home", "kind=home&order=ranked", "kind=explore", "kind=explore&order=latest", "kind=live"):
            page = await network.page("ann", query, letter * 32)
            assert page["items"] == []


async def test_what_can_be_no_hashtag_is_not_there(network: Network) -> None:
    for tag in ("%23%23", "12", "a%20b", "x" * 101, "%00", "a-b"):
        status, _ = await network.served.call("PUT", f"/hashtags/{tag}/follow", token=network.tokens["ann"])
        assert status == 404


async def test_there_is_a_most_of_hashtags(kit: Kit) -> None:
    async with kit.serve(max_followed_hashtags=1) as served:
        network = Network(kit, served)
        await network.people("ann")
        await network.ask("ann", "PUT", "/hashtags/one/follow")
        await network.ask("ann", "PUT", "/hashtags/one/follow")
        status, problem = await served.call("PUT", "/hashtags/two/follow", token=network.tokens["ann"])
        assert status == 409
        assert problem["type"].endswith("too-many-hashtags")
