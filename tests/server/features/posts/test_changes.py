"""Posts are scheduled, drafted, changed, pinned, made of streams, and wiped after their days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from storage.facts import publish
from storage.ids import Ids
from storage.stream_facts import StreamStarted
from tests.server.conftest import Someone
from tests.server.features.posts.conftest import Board, fields_of
from tests.server.jobs.inline import make_due


def tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


async def come_due(board: Board) -> None:
    """The time of all scheduled posts has come."""
    await board.api.database.execute("update posts set publish_at = now() where state = 'scheduled'")
    await make_due(board.api.database)
    await board.api.kit.run_jobs([board.feature])


async def test_a_scheduled_post_is_its_authors_alone_until_its_time(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    root = await board.post(bob)
    poll = {"options": ["a", "b"], "seconds": 60}
    post = await board.post(ada, "@bob #later", reply_to=root["id"], publish_at=tomorrow(), poll=poll)
    assert (post["state"], post["poll"]["state"], post["mentions"]) == ("scheduled", "waiting", [])
    assert not await board.sees(bob, post["id"])
    assert await board.listed(bob, f"/posts/{root['id']}/replies") == []
    assert await board.listed(ada, "/me/scheduled") == [post["id"]]
    assert [name for name, _ in await board.facts()] == ["post.published"]
    await board.api.kit.run_jobs([board.feature])
    assert not await board.sees(bob, post["id"]), "its time has not come"
    await come_due(board)
    shown = await board.get(bob, post["id"])
    assert (shown["state"], shown["poll"]["state"], shown["reply_to"]) == ("published", "open", root["id"])
    assert (await board.get(bob, root["id"]))["counts"]["replies"] == 1
    fact = (await board.facts())[-1][1]
    assert (fact["post_id"], fact["reply_to_author"], fact["tags"]) == (post["id"], bob.id, ["later"])
    assert await board.listed(ada, "/me/scheduled") == []


async def test_a_scheduled_post_is_moved_changed_and_dropped_without_a_trace(board: Board) -> None:
    (ada,) = await board.join("ada")
    post = await board.post(ada, publish_at=tomorrow())
    path = f"/posts/{post['id']}"
    moved = await board.do(ada, "PATCH", path, {"text": "other", "publish_at": tomorrow()}, answers=200)
    assert (moved["text"], moved["edited_at"], moved["publish_at"] != post["publish_at"]) == ("other", None, True)
    status, problem = await board.call(ada, "PATCH", path, {"publish_at": "2020-01-01T00:00:00Z"})
    assert (status, fields_of(problem)) == (422, ["publish_at"])
    await board.do(ada, "DELETE", path)
    await come_due(board)
    assert await board.api.database.fetchval("select count(*) from posts") == 0
    assert await board.facts() == []


async def test_a_scheduled_reply_to_what_is_gone_becomes_a_draft(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    root = await board.post(bob)
    post = await board.post(ada, "late", reply_to=root["id"], publish_at=tomorrow())
    await board.do(bob, "DELETE", f"/posts/{root['id']}")
    await come_due(board)
    assert not await board.sees(ada, post["id"])
    _, drafts = await board.call(ada, "GET", "/me/drafts")
    assert [one["post"] for one in drafts["items"]] == [{"text": "late"}]


async def test_drafts_are_kept_changed_and_thrown_away_by_their_person(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    draft = await board.do(ada, "POST", "/me/drafts", {"text": "one", "reply_to": str(uuid4())}, answers=201)
    path = f"/me/drafts/{draft['id']}"
    for method, body in (("PUT", {"text": "x"}), ("DELETE", None)):
        await board.do(bob, method, path, body, answers=404)
    changed = await board.do(ada, "PUT", path, {"text": "two", "visibility": "followers"}, answers=200)
    _, page = await board.call(ada, "GET", "/me/drafts")
    assert page == {"items": [changed], "next": None}
    assert changed["post"] == {"text": "two", "visibility": "followers"}
    await board.do(ada, "DELETE", path)
    assert await board.listed(ada, "/me/drafts") == []


async def test_an_edit_keeps_what_was_before(board: Board) -> None:
    ada, _, eve = await board.join("ada", "bob", "eve")
    post = await board.post(ada, "one @bob #a", content_warning="careful")
    path = f"/posts/{post['id']}"
    await board.do(ada, "PATCH", path, {"text": "two @bob @eve #b"}, answers=200)
    same = await board.do(ada, "PATCH", path, {"text": "two @bob @eve #b"}, answers=200)
    edited = await board.do(ada, "PATCH", path, {"content_warning": None}, answers=200)
    assert (edited["text"], edited["content_warning"]) == ("two @bob @eve #b", None)
    assert [one["username"] for one in edited["mentions"]] == ["bob", "eve"]
    assert same["edited_at"] is not None
    _, page = await board.call(None, "GET", f"{path}/edits")
    assert [(one["text"], one["content_warning"]) for one in page["items"]] == [
        ("two @bob @eve #b", "careful"), ("one @bob #a", "careful"),
    ]  # fmt: skip
    assert page["items"][-1]["written_at"] == post["created_at"]
    _, first = await board.call(None, "GET", f"{path}/edits?limit=1")
    _, rest = await board.call(None, "GET", f"{path}/edits?limit=1&cursor={first['next']}")
    assert (first["items"] + rest["items"], rest["next"]) == (page["items"], None)
    facts = [(fact["mentioned"], fact["tags"]) for name, fact in await board.facts() if name == "post.edited"]
    assert facts == [([eve.id], ["b"]), ([], ["b"])]


async def test_only_its_author_edits_a_post_and_never_to_nothing(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    post = await board.post(ada, visibility="followers")
    path = f"/posts/{post['id']}"
    await board.do(bob, "PATCH", path, {"text": "mine"}, answers=404)
    assert (await board.call(bob, "GET", f"{path}/edits"))[0] == 404
    for body, field in (({"text": ""}, "text"), ({"publish_at": tomorrow()}, "publish_at")):
        status, problem = await board.call(ada, "PATCH", path, body)
        assert (status, fields_of(problem)) == (422, [field])
    assert (await board.get(ada, post["id"]))["text"] == "hello"


async def test_who_is_named_no_more_may_read_no_more(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    post = await board.post(ada, "@bob", visibility="mentioned")
    assert await board.sees(bob, post["id"])
    await board.do(ada, "PATCH", f"/posts/{post['id']}", {"text": "nobody"}, answers=200)
    assert not await board.sees(bob, post["id"])


async def test_a_pinned_post_leads_its_authors_profile(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    first, second = [(await board.post(ada))["id"] for _ in range(2)]
    await board.do(bob, "PUT", f"/posts/{first}/pin", answers=404)
    for post_id in (second, first):
        await board.do(ada, "PUT", f"/posts/{post_id}/pin")
    assert (await board.call(None, "GET", "/users/ada/posts"))[1]["pinned"]["id"] == first
    await board.do(ada, "DELETE", f"/posts/{first}")
    assert (await board.call(None, "GET", "/users/ada/posts"))[1]["pinned"] is None


async def go_live(board: Board, owner: Someone, visibility: str) -> str:
    """The stream's id, whose start the feature's reader has read."""
    stream_id = Ids().uuid7(datetime.now(UTC).timestamp())
    await board.api.database.execute(
        "insert into streams (id, owner_id, room_id, title, visibility, stream_key, state)"
        " values ($1, $2, gen_random_uuid(), 'Engines', $3, gen_random_uuid()::text, 'live')",
        stream_id, owner.id, visibility,
    )  # fmt: skip
    fact = StreamStarted(
        stream_id=stream_id, owner_id=owner.id, visibility=visibility, started_at=datetime.now(UTC)
    )  # fmt: skip
    for _ in range(2):
        async with board.api.database.transaction() as tx:
            await publish(tx, fact)
    await board.api.kit.read_facts([board.feature])
    return stream_id


async def test_a_stream_that_goes_live_is_one_post_as_long_as_it_is_listed(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    stream_id = await go_live(board, ada, "public")
    (post_id,) = await board.listed(bob, "/users/ada/posts")
    stream: dict[str, Any] = (await board.get(None, post_id))["stream"]
    assert (stream["id"], stream["title"], stream["state"]) == (stream_id, "Engines", "live")
    (fact,) = [fact for name, fact in await board.facts() if name == "post.published"]
    assert (fact["stream_id"], fact["post_id"]) == (stream_id, post_id)
    await board.api.database.execute("update streams set visibility = 'unlisted'")
    assert [await board.sees(one, post_id) for one in (ada, bob, None)] == [True, False, False]


@pytest.mark.parametrize("visibility", ["unlisted", "private", "password"])
async def test_a_stream_that_is_not_listed_is_no_post(board: Board, visibility: str) -> None:
    (ada,) = await board.join("ada")
    await go_live(board, ada, visibility)
    assert await board.listed(ada, "/users/ada/posts") == []


async def test_what_was_deleted_long_ago_is_wiped_but_for_its_place(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    lone, root, fresh = [await board.post(ada, f"secret {n}") for n in range(3)]
    reply = await board.post(bob, reply_to=root["id"])
    await board.do(bob, "PUT", f"/posts/{lone['id']}/repost")
    for post in (lone, root, fresh):
        await board.do(ada, "DELETE", f"/posts/{post['id']}")
    ids = [lone["id"], root["id"]]
    await board.api.database.execute(
        "update posts set deleted_at = now() - interval '31 days' where id = any($1::uuid[])", ids
    )
    schedule = next(one for one in board.feature.schedules if one.name == "posts.purge")
    await schedule.job.run(None)  # type: ignore[arg-type]
    left = await board.api.database.fetch("select id, text from posts order by id")
    assert [(row["id"], row["text"]) for row in left] == [
        (root["id"], ""), (fresh["id"], "secret 2"), (reply["id"], "hello"),
    ]  # fmt: skip
    assert await board.get(None, root["id"]) == {"id": root["id"], "deleted": True}
