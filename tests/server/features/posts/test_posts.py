"""Posts are written, read by those whom they are for, and deleted."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.server.conftest import PASSWORD
from tests.server.features.posts.conftest import Board, fields_of
from tests.server.features.test_deletion import DEVICE


async def test_a_post_is_read_by_all_as_its_author_wrote_it(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    made = await board.post(ada, " مرحبا #World @bob ", language="ar", content_warning="noise")
    assert (made["text"], made["language"], made["content_warning"]) == ("مرحبا #World @bob", "ar", "noise")
    assert (made["author"]["username"], made["visibility"], made["reply_to"]) == ("ada", "public", None)
    assert made["counts"] == {"replies": 0, "reposts": 0, "quotes": 0, "reactions": {}}
    assert made["viewer"] == {"reactions": [], "reposted": False, "bookmarked": False, "voted": []}
    assert made["mentions"] == [{"id": bob.id, "username": "bob"}]
    assert await board.get(bob, made["id"]) == made
    assert await board.get(None, made["id"]) == {**made, "viewer": None}


async def test_the_facts_of_a_post_name_what_others_need_to_know(board: Board) -> None:
    ada, bob, eve = await board.join("ada", "bob", "eve")
    root = await board.post(ada)
    quoted = await board.post(bob)
    await board.post(eve, "@ada @bob #Café", reply_to=root["id"], quote_of=quoted["id"])
    name, fact = (await board.facts())[-1]
    assert name == "post.published"
    assert (fact["reply_to"], fact["reply_to_author"], fact["root_id"]) == (root["id"], ada.id, root["id"])
    assert (fact["quote_of"], fact["quoted_author"], fact["tags"]) == (quoted["id"], bob.id, ["café"])
    assert fact["mentioned"] == [bob.id], "ada hears of it as the author of what it answers"
    assert (await board.get(None, root["id"]))["counts"]["replies"] == 1
    assert (await board.get(None, quoted["id"]))["counts"]["quotes"] == 1


async def test_visibility_decides_who_reads(board: Board) -> None:
    ada, bob, eve = await board.join("ada", "bob", "eve")
    await board.do(bob, "PUT", "/users/ada/follow")
    for_followers = await board.post(ada, visibility="followers")
    for_eve = await board.post(ada, "@eve", visibility="mentioned")
    seen = {
        name: [await board.sees(person, one["id"]) for one in (for_followers, for_eve)]
        for name, person in (("ada", ada), ("bob", bob), ("eve", eve), ("guest", None))
    }
    assert seen == {"ada": [True, True], "bob": [True, False], "eve": [False, True], "guest": [False, False]}
    await board.do(bob, "DELETE", "/users/ada/follow")
    assert not await board.sees(bob, for_followers["id"])


async def test_a_private_account_is_read_by_its_followers_alone(board: Board) -> None:
    ada, bob, eve = await board.join("ada", "bob", "eve")
    await board.do(bob, "PUT", "/users/ada/follow")
    post = await board.post(ada)
    await board.do(ada, "PATCH", "/me", {"private": True}, answers=200)
    assert [await board.sees(one, post["id"]) for one in (ada, bob, eve, None)] == [True, True, False, False]


@pytest.mark.parametrize("blocker", ["author", "reader"])
async def test_a_block_hides_posts_both_ways(board: Board, blocker: str) -> None:
    ada, bob = await board.join("ada", "bob")
    post = await board.post(ada)
    one, other = (ada, "bob") if blocker == "author" else (bob, "ada")
    await board.do(one, "PUT", f"/users/{other}/block")
    assert not await board.sees(bob, post["id"])
    for field in ("reply_to", "quote_of"):
        status, problem = await board.call(bob, "POST", "/posts", {"text": "x", field: post["id"]})
        assert (status, fields_of(problem)) == (422, [field])


async def test_who_has_blocked_the_author_is_not_mentioned(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    await board.do(bob, "PUT", "/users/ada/block")
    post = await board.post(ada, "@bob @ada @nobody")
    assert post["mentions"] == []
    assert (await board.facts())[-1][1]["mentioned"] == []


async def test_a_deleted_post_keeps_its_place_while_it_has_replies(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    lone, root = await board.post(ada), await board.post(ada)
    reply = await board.post(bob, reply_to=root["id"])
    for post in (lone, root):
        await board.do(ada, "DELETE", f"/posts/{post['id']}")
    assert not await board.sees(None, lone["id"])
    assert await board.get(None, root["id"]) == {"id": root["id"], "deleted": True}
    assert (await board.get(None, reply["id"]))["reply_to"] == root["id"]
    assert [name for name, _ in await board.facts()][-2:] == ["post.removed", "post.removed"]
    await board.do(bob, "DELETE", f"/posts/{reply['id']}")
    assert not await board.sees(None, root["id"])


async def test_a_deleted_post_is_in_no_counter_and_takes_no_replies(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    root, quoted = await board.post(ada), await board.post(ada)
    post = await board.post(bob, reply_to=root["id"], quote_of=quoted["id"])
    await board.do(bob, "DELETE", f"/posts/{post['id']}")
    assert (await board.get(None, root["id"]))["counts"]["replies"] == 0
    assert (await board.get(None, quoted["id"]))["counts"]["quotes"] == 0
    assert (await board.call(ada, "POST", "/posts", {"text": "x", "reply_to": post["id"]}))[0] == 422
    await board.do(bob, "DELETE", f"/posts/{post['id']}", answers=404)


async def test_posts_of_others_and_of_nobody_are_not_there_to_delete(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    post = await board.post(ada)
    await board.do(bob, "DELETE", f"/posts/{post['id']}", answers=404)
    await board.do(bob, "DELETE", f"/posts/{uuid4()}", answers=404)
    assert await board.sees(bob, post["id"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": " \u200b "}, "text"),
        ({"text": "a" * 2_001}, "text"),
        ({"text": "👨‍👩‍👧‍👦" * 2_001}, "text"),
        ({"text": "x", "poll": {"options": ["a"], "seconds": 60}}, "poll.options"),
        ({"text": "x", "poll": {"options": ["a"] * 11, "seconds": 60}}, "poll.options"),
        ({"text": "x", "reply_to": str(uuid4())}, "reply_to"),
        ({"text": "x", "quote_of": str(uuid4())}, "quote_of"),
        ({"text": "x", "community": "nowhere"}, "community"),
        ({"text": "x", "visibility": "community"}, "visibility"),
        ({"text": "x", "publish_at": "2020-01-01T00:00:00Z"}, "publish_at"),
        ({"text": "x", "publish_at": "9999-12-31T23:59:59Z"}, "publish_at"),
        ({"text": "x", "publish_at": "2026-01-01T00:00:00"}, "publish_at"),
        ({"text": "x", "media": [{"upload_id": str(uuid4())}]}, "media.0.upload_id"),
        ({"text": "x", "language": "not a language"}, "language"),
    ],
)
async def test_what_cannot_be_a_post_is_refused_by_the_name_of_its_field(
    board: Board, body: dict[str, Any], field: str
) -> None:
    (ada,) = await board.join("ada")
    status, problem = await board.call(ada, "POST", "/posts", body)
    assert (status, fields_of(problem)) == (422, [field])
    assert await board.api.database.fetchval("select count(*) from posts") == 0


async def test_two_thousand_joined_emoji_are_two_thousand_characters(board: Board) -> None:
    (ada,) = await board.join("ada")
    text = "👨‍👩‍👧‍👦" * 2_000
    assert (await board.post(ada, text))["text"] == text


async def test_a_quote_shows_what_it_quotes_as_long_as_that_is_there(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    quoted = await board.post(ada, "first")
    quote = await board.post(bob, "second", quote_of=quoted["id"])
    assert (quote["quote_of"], quote["quoted"]["text"]) == (quoted["id"], "first")
    await board.do(ada, "DELETE", f"/posts/{quoted['id']}")
    left = await board.get(None, quote["id"])
    assert (left["text"], left["quote_of"], left["quoted"]) == ("second", quoted["id"], None)


async def test_only_public_posts_of_others_are_quoted(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    await board.do(bob, "PUT", "/users/ada/follow")
    post = await board.post(ada, visibility="followers")
    status, problem = await board.call(bob, "POST", "/posts", {"text": "x", "quote_of": post["id"]})
    assert (status, fields_of(problem)) == (422, ["quote_of"])
    assert (await board.post(ada, quote_of=post["id"]))["quoted"]["id"] == post["id"]


async def test_a_reply_is_for_those_whom_its_parent_is_for(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    post = await board.post(ada, "@bob", visibility="mentioned")
    reply = await board.post(bob, reply_to=post["id"])
    assert reply["visibility"] == "mentioned"
    assert await board.sees(ada, reply["id"])
    assert not await board.sees(None, reply["id"])


async def test_a_wiped_account_leaves_counters_right_and_places_of_what_others_answered(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    root, lone, bobs = await board.post(ada), await board.post(ada), await board.post(bob)
    reply = await board.post(bob, reply_to=root["id"])
    await board.post(ada, reply_to=bobs["id"])
    await board.api.accounts.delete(
        person=board.api.identity.verify(ada.access_token), password=PASSWORD, device=DEVICE
    )
    await board.api.wipe_deleted()
    assert (await board.get(None, bobs["id"]))["counts"]["replies"] == 0
    assert await board.get(None, root["id"]) == {"id": root["id"], "deleted": True}
    assert not await board.sees(None, lone["id"])
    assert await board.sees(None, reply["id"])


async def test_shown_leaves_out_who_is_muted_and_words_that_are_hidden(board: Board) -> None:
    ada, bob, eve = await board.join("ada", "bob", "eve")
    plain, spoiler, muted = await board.post(ada), await board.post(ada, "a sp\u00f6iler"), await board.post(bob)
    await board.do(eve, "PUT", "/users/bob/mute")
    await board.do(eve, "PUT", "/me/hidden-words", {"words": [{"text": "spoiler"}]}, answers=200)
    posts = board.api.kit.install().posts.posts
    ids = [one["id"] for one in (plain, spoiler, muted)]
    assert list(await posts.shown(board.api.database, ids, eve.id)) == [plain["id"]]
    assert list(await posts.shown(board.api.database, ids, None)) == ids
    assert await board.sees(eve, muted["id"]), "who asks for one post gets it"
