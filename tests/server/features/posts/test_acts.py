"""Reactions, reposts, quotes, votes and bookmarks."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.server.features.posts.conftest import Board, fields_of

PARTY, HEART = "\U0001f389", "\u2764\ufe0f"


async def counts(board: Board, post_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await board.get(None, post_id))["counts"]
    return found


async def test_reactions_are_counted_once_a_person_and_emoji(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    post = await board.post(ada)
    for emoji in (PARTY, PARTY, HEART):
        await board.do(bob, "PUT", f"/posts/{post['id']}/reactions/{emoji}")
    await board.do(ada, "PUT", f"/posts/{post['id']}/reactions/{PARTY}")
    assert (await counts(board, post["id"]))["reactions"] == {PARTY: 2, HEART: 1}
    assert sorted((await board.get(bob, post["id"]))["viewer"]["reactions"]) == sorted([PARTY, HEART])
    assert [fact["person_id"] for name, fact in await board.facts() if name == "post.reacted"] == [bob.id, ada.id]
    for _ in range(2):
        await board.do(bob, "DELETE", f"/posts/{post['id']}/reactions/{HEART}")
    assert (await counts(board, post["id"]))["reactions"] == {PARTY: 2}


async def test_an_emoji_with_and_without_its_selector_is_one_reaction(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    post, bare = await board.post(ada), HEART[0]
    for person, emoji in ((bob, HEART), (bob, bare), (ada, bare)):
        await board.do(person, "PUT", f"/posts/{post['id']}/reactions/{emoji}")
    assert (await counts(board, post["id"]))["reactions"] == {HEART: 2}
    await board.do(bob, "DELETE", f"/posts/{post['id']}/reactions/{bare}")
    await board.do(ada, "DELETE", f"/posts/{post['id']}/reactions/{HEART}")
    assert (await counts(board, post["id"]))["reactions"] == {}


async def test_a_poll_has_options_that_differ_and_takes_no_vote_for_another(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    body = {"poll": {"options": ["a", " a "], "seconds": 60}}
    status, problem = await board.call(ada, "POST", "/posts", body)
    assert (status, [one["field"] for one in problem["errors"]]) == (422, ["poll.options"])
    post = await board.post(ada, poll={"options": ["a", "b"], "seconds": 60})
    await board.do(bob, "PUT", f"/posts/{post['id']}/poll/vote", {"options": [1]}, answers=200)
    await board.do(bob, "PUT", f"/posts/{post['id']}/poll/vote", {"options": [2]}, answers=422)


@pytest.mark.parametrize("emoji", ["a", "%F0%9F%8E%89a", "%20x", "1"])
async def test_what_is_no_emoji_is_no_reaction(board: Board, emoji: str) -> None:
    (ada,) = await board.join("ada")
    post = await board.post(ada)
    status, _ = await board.call(ada, "PUT", f"/posts/{post['id']}/reactions/{emoji}")
    assert status in (404, 422)
    assert (await counts(board, post["id"]))["reactions"] == {}


async def test_acts_on_what_one_may_not_read_are_404(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    hidden = (await board.post(ada, visibility="followers", poll={"options": ["a", "b"], "seconds": 60}))["id"]
    for post_id in (hidden, str(uuid4())):
        for path in (f"reactions/{PARTY}", "repost", "bookmark"):
            await board.do(bob, "PUT", f"/posts/{post_id}/{path}", answers=404)
        await board.do(bob, "PUT", f"/posts/{post_id}/poll/vote", {"options": [0]}, answers=404)
        for path in ("replies", "thread", "quotes"):
            assert (await board.call(bob, "GET", f"/posts/{post_id}/{path}"))[0] == 404


async def test_a_repost_shows_what_it_repeats_and_who_does(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    post = await board.post(ada, "first")
    for _ in range(2):
        await board.do(bob, "PUT", f"/posts/{post['id']}/repost")
    (repost_id,) = await board.listed(None, "/users/bob/posts")
    repost = await board.get(bob, repost_id)
    assert (repost["author"]["username"], repost["repost_of"], repost["text"]) == ("bob", post["id"], "")
    assert (repost["reposted"]["text"], repost["reposted"]["author"]["username"]) == ("first", "ada")
    assert (await board.get(bob, post["id"]))["viewer"]["reposted"]
    assert (await counts(board, post["id"]))["reposts"] == 1
    fact = (await board.facts())[-1][1]
    assert (fact["repost_of"], fact["reposted_author"]) == (post["id"], ada.id)


async def test_acts_on_a_repost_are_on_what_it_repeats(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    post = await board.post(ada)
    await board.do(bob, "PUT", f"/posts/{post['id']}/repost")
    (repost_id,) = await board.listed(None, "/users/bob/posts")
    await board.do(ada, "PUT", f"/posts/{repost_id}/reactions/{PARTY}")
    reply = await board.post(ada, reply_to=repost_id)
    assert reply["reply_to"] == post["id"]
    assert await counts(board, post["id"]) == {"replies": 1, "reposts": 1, "quotes": 0, "reactions": {PARTY: 1}}
    await board.do(bob, "DELETE", f"/posts/{repost_id}/repost")
    assert (await counts(board, post["id"]))["reposts"] == 0
    assert await board.listed(None, "/users/bob/posts") == []
    name, fact = (await board.facts())[-1]
    assert (name, fact["post_id"], fact["author_id"], fact["repost_of"]) == (
        "post.removed", repost_id, bob.id, post["id"],
    )  # fmt: skip


async def test_a_repost_goes_with_what_it_repeats(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    post = await board.post(ada)
    await board.do(bob, "PUT", f"/posts/{post['id']}/repost")
    (repost_id,) = await board.listed(None, "/users/bob/posts")
    await board.do(ada, "DELETE", f"/posts/{post['id']}")
    assert not await board.sees(None, repost_id)
    assert await board.listed(None, "/users/bob/posts") == []


async def test_what_is_not_public_is_not_reposted(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    await board.do(bob, "PUT", "/users/ada/follow")
    post = await board.post(ada, visibility="followers")
    await board.do(bob, "PUT", f"/posts/{post['id']}/repost", answers=403)
    public = await board.post(ada)
    await board.do(ada, "PATCH", "/me", {"private": True}, answers=200)
    await board.do(bob, "PUT", f"/posts/{public['id']}/repost", answers=403)
    assert await board.listed(None, "/users/bob/posts") == []


async def test_who_is_quoted_may_withdraw_it(board: Board) -> None:
    ada, bob, eve = await board.join("ada", "bob", "eve")
    quoted = await board.post(ada)
    quote = await board.post(bob, "look", quote_of=quoted["id"])
    assert await board.listed(None, f"/posts/{quoted['id']}/quotes") == [quote["id"]]
    await board.do(eve, "DELETE", f"/posts/{quote['id']}/quote", answers=404)
    await board.do(ada, "DELETE", f"/posts/{quote['id']}/quote")
    left = await board.get(None, quote["id"])
    assert (left["text"], left["quote_of"], left["quoted"]) == ("look", None, None)
    assert (await counts(board, quoted["id"]))["quotes"] == 0
    await board.do(ada, "DELETE", f"/posts/{quote['id']}/quote", answers=404)


async def test_one_account_has_one_vote_and_sees_the_result_by_it(board: Board) -> None:
    ada, bob, eve = await board.join("ada", "bob", "eve")
    post = await board.post(ada, poll={"options": ["yes", "no"], "seconds": 60})
    vote = f"/posts/{post['id']}/poll/vote"
    shown = await board.do(bob, "PUT", vote, {"options": [1]}, answers=200)
    assert [one["votes"] for one in shown["poll"]["options"]] == [0, 1]
    assert shown["viewer"]["voted"] == [1]
    await board.do(bob, "PUT", vote, {"options": [1]}, answers=200)
    await board.do(bob, "PUT", vote, {"options": [0]}, answers=409)
    hidden, author = (await board.get(eve, post["id"]))["poll"], (await board.get(ada, post["id"]))["poll"]
    assert (hidden["voters"], [one["votes"] for one in hidden["options"]]) == (1, [None, None])
    assert [one["votes"] for one in author["options"]] == [0, 1]


async def test_a_poll_takes_one_option_or_several_as_it_is_made_until_it_ends(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    one = await board.post(ada, poll={"options": ["a", "b"], "seconds": 60})
    several = await board.post(ada, poll={"options": ["a", "b", "c"], "seconds": 60, "multiple": True})
    for options in ([0, 1], [2]):
        status, problem = await board.call(bob, "PUT", f"/posts/{one['id']}/poll/vote", {"options": options})
        assert (status, fields_of(problem)) == (422, ["options"])
    shown = await board.do(bob, "PUT", f"/posts/{several['id']}/poll/vote", {"options": [2, 0, 2]}, answers=200)
    assert ([o["votes"] for o in shown["poll"]["options"]], shown["poll"]["voters"]) == ([1, 0, 1], 1)
    await board.api.database.execute("update post_polls set ends_at = now()")
    await board.do(bob, "PUT", f"/posts/{one['id']}/poll/vote", {"options": [0]}, answers=409)
    closed = (await board.get(None, several["id"]))["poll"]
    assert (closed["state"], [o["votes"] for o in closed["options"]]) == ("closed", [1, 0, 1])
    await board.do(bob, "PUT", f"/posts/{(await board.post(ada))['id']}/poll/vote", {"options": [0]}, answers=404)


async def test_bookmarks_lie_in_folders_and_are_nobody_elses(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    first, second = [(await board.post(ada))["id"] for _ in range(2)]
    folder = (await board.do(bob, "POST", "/me/bookmark-folders", {"name": "Later"}, answers=201))["id"]
    await board.do(bob, "POST", "/me/bookmark-folders", {"name": "LATER"}, answers=409)
    await board.do(bob, "PUT", f"/posts/{first}/bookmark", {"folder": folder})
    await board.do(bob, "PUT", f"/posts/{second}/bookmark")
    await board.do(ada, "PUT", f"/posts/{first}/bookmark", {"folder": folder}, answers=422)
    assert await board.listed(bob, "/me/bookmarks") == [second, first]
    assert await board.listed(bob, f"/me/bookmarks?folder={folder}") == [first]
    assert await board.listed(ada, f"/me/bookmarks?folder={folder}") == []
    await board.do(ada, "DELETE", f"/me/bookmark-folders/{folder}", answers=404)
    await board.do(bob, "PATCH", f"/me/bookmark-folders/{folder}", {"name": "Now"}, answers=200)
    await board.do(bob, "DELETE", f"/me/bookmark-folders/{folder}")
    assert await board.listed(bob, "/me/bookmarks") == [second, first]
    await board.do(bob, "DELETE", f"/posts/{first}/bookmark")
    await board.do(ada, "DELETE", f"/posts/{second}")
    assert await board.listed(bob, "/me/bookmarks") == []
