"""What moderators of communities do with posts, the log of it, and posts that wait for their time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.server.conftest import Someone
from tests.server.features.communities.test_communities import WALKERS, status
from tests.server.features.communities.test_events import walkers
from tests.server.features.posts.conftest import Board


async def pins(board: Board, person: Someone | None) -> list[str]:
    _, page = await board.call(person, "GET", f"{WALKERS}/posts")
    return [one["id"] for one in page["pinned"]]


async def log(board: Board, person: Someone) -> list[tuple[str, Any, str]]:
    _, page = await board.call(person, "GET", f"{WALKERS}/log")
    return [(one["action"], one["person"] and one["person"]["username"], one["why"]) for one in page["items"]]


async def test_pinned_posts_stand_before_the_others_and_are_few(board: Board) -> None:
    ada, bob = await walkers(board, "ada", "bob")
    posts = [(await board.post(bob, community="walkers"))["id"] for _ in range(6)]
    elsewhere = await board.post(ada)
    assert await status(board, bob, "PUT", f"{WALKERS}/pins/{posts[0]}") == 403
    assert await status(board, ada, "PUT", f"{WALKERS}/pins/{elsewhere['id']}") == 404
    for one in posts[:5]:
        await board.do(ada, "PUT", f"{WALKERS}/pins/{one}")
    await board.do(ada, "PUT", f"{WALKERS}/pins/{posts[0]}")
    assert await status(board, ada, "PUT", f"{WALKERS}/pins/{posts[5]}") == 409
    await board.do(ada, "DELETE", f"{WALKERS}/pins/{posts[1]}")
    await board.do(bob, "DELETE", f"/posts/{posts[2]}")
    await board.do(ada, "PUT", f"{WALKERS}/pins/{posts[5]}")
    assert await pins(board, None) == [posts[5], posts[4], posts[3], posts[0]]
    _, first = await board.call(None, "GET", f"{WALKERS}/posts?limit=1")
    _, second = await board.call(None, "GET", f"{WALKERS}/posts?limit=1&cursor={first['next']}")
    assert second["pinned"] == []


async def test_a_moderator_takes_down_what_others_posted_but_not_what_the_owner_did(board: Board) -> None:
    ada, bob, cem = await walkers(board, "ada", "bob", "cem")
    await board.do(ada, "PATCH", f"{WALKERS}/members/bob", {"role": "moderator"})
    owners, theirs, outside = (
        await board.post(ada, community="walkers"), await board.post(cem, community="walkers"), await board.post(cem),
    )  # fmt: skip
    assert await status(board, cem, "DELETE", f"{WALKERS}/posts/{owners['id']}") == 403
    assert await status(board, bob, "DELETE", f"{WALKERS}/posts/{owners['id']}") == 403
    assert await status(board, bob, "DELETE", f"{WALKERS}/posts/{outside['id']}") == 404
    await board.do(bob, "DELETE", f"{WALKERS}/posts/{theirs['id']}", {"reason": "spam"})
    assert not await board.sees(cem, theirs["id"])
    assert await board.listed(cem, f"{WALKERS}/posts") == [owners["id"]]
    assert await status(board, bob, "DELETE", f"{WALKERS}/posts/{theirs['id']}") == 404


async def test_the_log_has_what_moderators_did_for_moderators_alone(board: Board) -> None:
    ada, bob, cem = await walkers(board, "ada", "bob", "cem")
    post = await board.post(cem, community="walkers")
    await board.do(ada, "PATCH", f"{WALKERS}/members/bob", {"role": "moderator"})
    await board.do(bob, "PUT", f"{WALKERS}/pins/{post['id']}")
    await board.do(bob, "DELETE", f"{WALKERS}/posts/{post['id']}", {"reason": "off topic"})
    await board.do(bob, "PUT", f"{WALKERS}/bans/cem", {"reason": "spam"})
    await board.do(ada, "PATCH", WALKERS, {"title": "All walkers"}, answers=200)
    assert await log(board, bob) == [
        ("changed", None, ""), ("banned", "cem", "spam"), ("post_removed", "cem", "off topic"),
        ("post_pinned", None, ""), ("role", "bob", ""),
    ]  # fmt: skip
    assert await status(board, cem, "GET", f"{WALKERS}/log") == 403
    _, page = await board.call(ada, "GET", f"{WALKERS}/log?limit=1")
    assert (page["items"][0]["by"]["username"], page["items"][0]["detail"]) == ("ada", {"fields": ["title"]})


async def test_the_log_of_another_community_has_none_of_it(board: Board) -> None:
    ada, _ = await walkers(board, "ada", "bob")
    await board.do(ada, "POST", "/communities", {"name": "other", "title": "x"}, answers=201)
    await board.do(ada, "PUT", f"{WALKERS}/bans/bob")
    assert (await board.call(ada, "GET", "/communities/other/log"))[1]["items"] == []


async def test_a_scheduled_post_of_who_has_left_the_community_becomes_a_draft(board: Board) -> None:
    _, bob, cem = await walkers(board, "ada", "bob", "cem")
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for one, text in ((bob, "bob"), (cem, "cem")):
        await board.post(one, text, community="walkers", publish_at=at)
    await board.do(bob, "DELETE", f"{WALKERS}/membership")
    await board.api.database.execute("update posts set publish_at = now() where state = 'scheduled'")
    await board.api.database.execute("update jobs set due_at = now() where name = 'posts.publish'")
    await board.api.kit.run_jobs()
    _, page = await board.call(cem, "GET", f"{WALKERS}/posts")
    assert [one["text"] for one in page["items"]] == ["cem"]
    _, drafts = await board.call(bob, "GET", "/me/drafts")
    assert [one["post"]["text"] for one in drafts["items"]] == ["bob"]
