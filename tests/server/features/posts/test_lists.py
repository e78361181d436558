"""Lists of posts: order, pages, threads, and what is left out of them."""

from __future__ import annotations

from typing import Any

from tests.server.conftest import Someone
from tests.server.features.posts.conftest import Board


async def pages(board: Board, person: Someone | None, path: str, cursor: str | None = None) -> list[list[str]]:
    """All pages of a list with a query, from the cursor on."""
    found: list[list[str]] = []
    while len(found) < 20:
        status, page = await board.call(person, "GET", f"{path}&cursor={cursor}" if cursor else path)
        assert status == 200, page
        found.append([one["id"] for one in page["items"]])
        cursor = page["next"]
        if cursor is None:
            return found
    raise AssertionError("the list does not end")


async def test_a_persons_posts_are_listed_by_kind_the_newest_first(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    first, second = [(await board.post(ada))["id"] for _ in range(2)]
    reply = (await board.post(ada, reply_to=first))["id"]
    await board.do(ada, "PUT", f"/posts/{(await board.post(bob))['id']}/repost")
    repost, *rest = await board.listed(None, "/users/ada/posts")
    assert rest == [second, first]
    assert (await board.get(None, repost))["reposted"] is not None
    assert await board.listed(None, "/users/Ada/posts?kind=replies") == [reply]
    assert await board.listed(None, "/users/ada/posts?kind=media") == []
    assert (await board.call(None, "GET", "/users/nobody/posts"))[0] == 404


async def test_pages_lose_and_repeat_nothing_while_posts_come(board: Board) -> None:
    (ada,) = await board.join("ada")
    made = [(await board.post(ada))["id"] for _ in range(5)]
    _, page = await board.call(None, "GET", "/users/ada/posts?limit=2")
    await board.post(ada, "newer")
    rest = await pages(board, None, "/users/ada/posts?limit=2", page["next"])
    assert [[one["id"] for one in page["items"]], *rest] == [made[:2:-1], made[2:0:-1], made[:1]]


async def test_a_page_is_filled_up_with_what_comes_next(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    root = (await board.post(ada))["id"]
    for_all = [(await board.post(ada, reply_to=root))["id"] for _ in range(2)]
    for _ in range(3):
        await board.post(bob, "@ada", reply_to=root, visibility="mentioned")
    for_all.append((await board.post(ada, reply_to=root))["id"])
    assert await pages(board, None, f"/posts/{root}/replies?limit=3") == [for_all]
    assert await board.listed(None, f"/posts/{root}/replies?order=newest&limit=1") == for_all[-1:]


async def test_a_page_of_nothing_but_hidden_posts_says_where_it_goes_on(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    last = (await board.post(ada))["id"]
    for _ in range(7):
        await board.post(ada, visibility="followers")
    assert [one for page in await pages(board, bob, "/users/ada/posts?limit=1") for one in page] == [last]


async def test_a_thread_is_read_up_to_its_beginning_and_down_reply_by_reply(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    root = await board.post(ada)
    middle = await board.post(bob, reply_to=root["id"])
    leaf = await board.post(ada, reply_to=middle["id"])
    assert (leaf["root"], leaf["reply_to"]) == (root["id"], middle["id"])
    await board.do(bob, "DELETE", f"/posts/{middle['id']}")
    _, replies = await board.call(None, "GET", f"/posts/{root['id']}/replies")
    assert replies == {"items": [{"id": middle["id"], "deleted": True}], "next": None}
    assert await board.listed(None, f"/posts/{middle['id']}/replies") == [leaf["id"]]
    _, thread = await board.call(None, "GET", f"/posts/{leaf['id']}/thread")
    assert [one["id"] for one in thread["ancestors"]] == [root["id"], middle["id"]]
    assert thread["post"]["id"] == leaf["id"]


async def test_replies_of_who_is_muted_or_blocked_are_left_out(board: Board) -> None:
    ada, bob, eve = await board.join("ada", "bob", "eve")
    root = (await board.post(ada))["id"]
    replies: dict[str, Any] = {who.username: (await board.post(who, reply_to=root))["id"] for who in (bob, eve)}
    await board.do(ada, "PUT", "/users/bob/mute")
    await board.do(ada, "PUT", "/users/eve/block")
    assert await board.listed(ada, f"/posts/{root}/replies") == []
    assert await board.listed(bob, f"/posts/{root}/replies") == list(replies.values())
    assert await board.listed(ada, "/users/bob/posts?kind=replies") == [replies["bob"]]
    assert (await board.call(ada, "GET", "/users/eve/posts"))[0] == 404
    assert (await board.call(eve, "GET", "/users/ada/posts"))[0] == 404


async def test_forged_cursors_are_refused_and_those_of_other_lists_only_move(board: Board) -> None:
    (ada,) = await board.join("ada")
    post = (await board.post(ada))["id"]
    for path in ("/users/ada/posts", f"/posts/{post}/replies", f"/posts/{post}/quotes", "/me/bookmarks"):
        assert (await board.call(ada, "GET", f"{path}?cursor=x"))[0] == 422
        for cursor in ("A" * 32, "_" * 32, "f" + "_" * 31):
            assert (await board.call(ada, "GET", f"{path}?cursor={cursor}"))[0] == 200
