"""Posts for some ages and countries: by their author or a moderator, in every list and path."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.conftest import Someone
from tests.server.features.posts.conftest import Board, fields_of

ADULT = {"min_age": 18, "content_warning": "blood"}


async def restrict(board: Board, person: Someone, post_id: str, body: object, *, answers: int = 200) -> Any:
    return await board.do(person, "PUT", f"/posts/{post_id}/restrictions", body, answers=answers)


async def slug(board: Board, person: Someone | None, path: str) -> tuple[int, str]:
    status, problem = await board.call(person, "GET", path)
    return status, problem.get("type", "").rpartition("/")[2]


async def test_a_post_for_adults_is_in_no_path_and_no_list_of_the_young_and_of_guests(board: Board) -> None:
    ada, bob, old = await board.join("ada", "bob", "old")
    await board.api.database.execute("update users set birth_date = '1980-02-29' where username = 'old'")
    post = await board.post(ada, "a fight #boxing")
    assert post["restrictions"] is None
    quoting = await board.post(ada, "look", quote_of=post["id"])
    reply = await board.post(ada, "see above", reply_to=post["id"])
    assert await restrict(board, ada, post["id"], ADULT) == {"countries": None, **ADULT}
    path = f"/posts/{post['id']}"
    for person in (bob, None):
        for one in (path, f"{path}/edits", f"{path}/replies", f"{path}/quotes", f"{path}/thread"):
            assert await slug(board, person, one) == (451, "restricted-age")
        assert await board.listed(person, "/users/ada/posts") == [quoting["id"]]
        assert (await board.get(person, quoting["id"]))["quoted"] is None
        ancestors = (await board.call(person, "GET", f"/posts/{reply['id']}/thread"))[1]["ancestors"]
        assert ancestors == []
    assert post["id"] not in await (await board.api.client.get("/api/v1/users/ada/feed.xml")).text()
    assert await board.feature.previews["/posts/{id}"]({"id": post["id"]}) is None
    for person in (ada, old):
        shown = await board.get(person, post["id"])
        assert (shown["restrictions"]["min_age"], shown["content_warning"]) == (18, "blood")
        assert post["id"] in await board.listed(person, "/users/ada/posts")


async def test_the_young_do_not_act_on_what_is_for_adults(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    post = await board.post(ada, "a fight")
    await restrict(board, ada, post["id"], {"min_age": 18})
    await board.do(bob, "PUT", f"/posts/{post['id']}/reactions/👍", answers=404)
    await board.do(bob, "PUT", f"/posts/{post['id']}/bookmark", answers=404)
    await board.do(bob, "PUT", f"/posts/{post['id']}/restrictions", {"min_age": 6}, answers=403)
    await board.do(bob, "POST", "/posts", {"text": "ha", "reply_to": post["id"]}, answers=422)


async def test_what_is_not_given_is_lifted_and_a_repost_goes_as_what_it_repeats(board: Board) -> None:
    ada, bob, cem = await board.join("ada", "bob", "cem")
    post = await board.post(ada, "a fight", content_warning="old")
    await board.do(bob, "PUT", f"/posts/{post['id']}/repost")
    (repost,) = await board.listed(cem, "/users/bob/posts")
    await restrict(board, ada, post["id"], {"min_age": 18})
    assert await board.listed(cem, "/users/bob/posts") == []
    assert (await slug(board, cem, f"/posts/{repost}"))[0] == 451
    assert (await board.get(ada, post["id"]))["content_warning"] is None
    await restrict(board, bob, repost, {}, answers=404)
    await restrict(board, ada, post["id"], {})
    assert await board.listed(cem, "/users/bob/posts") == [repost]


async def test_a_moderator_may_and_others_may_not_which_is_in_the_audit_log(board: Board) -> None:
    ada, bob, mod = await board.join("ada", "bob", "mod")
    await board.api.database.execute("update users set roles = '{viewer,moderator}' where username = 'mod'")
    mod = await board.api.sign_in("mod")
    post = await board.post(ada, "a fight")
    await restrict(board, bob, post["id"], ADULT, answers=403)
    await restrict(board, mod, post["id"], ADULT)
    await restrict(board, bob, post["id"], {}, answers=403)
    await restrict(board, mod, post["id"], {})
    rows = await board.api.database.fetch("select subject from audit_log where action = 'post.restricted'")
    assert [row["subject"] for row in rows] == [post["id"]] * 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"min_age": 0}, "min_age"),
        ({"min_age": "x"}, "min_age"),
        ({"countries": {"allow": ["DE"]}}, "countries"),
        ({"countries": {"allow": ["de"]}}, "countries.allow.0"),
        ({"content_warning": "x" * 201}, "content_warning"),
        ({"cat": 1}, "cat"),
    ],
)
async def test_bad_restrictions_are_refused_by_name(board: Board, body: object, field: str) -> None:
    (ada,) = await board.join("ada")
    post = await board.post(ada)
    assert fields_of(await restrict(board, ada, post["id"], body, answers=422)) == [field]
