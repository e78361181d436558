"""Communities: founding, joining by each access, roles, bans, what is posted in them, and what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest

from server.features.social.communities import queries
from server.features.social.communities.rules import outranks, pattern_of, state_of_entering
from storage.postgres import Database
from tests.server.conftest import Someone
from tests.server.features.posts.conftest import Board, fields_of

WALKERS = "/communities/walkers"
NIL = "00000000-0000-0000-0000-000000000000"


async def found(board: Board, owner: Someone, **more: Any) -> dict[str, Any]:
    body = {"name": "walkers", "title": "Walkers", **more}
    made: dict[str, Any] = (await board.do(owner, "POST", "/communities", body, answers=201))["community"]
    return made


async def names(board: Board, person: Someone | None, path: str) -> list[str]:
    status, page = await board.call(person, "GET", path)
    assert status == 200, page
    return [one.get("username") or one["name"] for one in page["items"]]


async def status(board: Board, person: Someone | None, method: str, path: str, json: object = None) -> int:
    return (await board.call(person, method, path, json))[0]


async def test_who_founds_a_community_owns_it_and_its_room(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    made = await found(board, ada, name="Walkers", description="We walk", rules="Be kind")
    assert (made["name"], made["access"], made["counts"]) == ("Walkers", "open", {"members": 1})
    assert made["viewer"] == {"state": "member", "role": "owner"}
    assert made["room_id"]
    _, seen = await board.call(bob, "GET", WALKERS)
    assert (seen["id"], seen["room_id"], seen["viewer"]) == (made["id"], None, {"state": None, "role": None})
    assert (await board.call(None, "GET", WALKERS))[1]["viewer"] is None
    assert await status(board, bob, "POST", "/communities", {"name": "WALKERS", "title": "x"}) == 409
    assert await status(board, bob, "GET", "/communities/nowhere") == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": "x"}, "name"),
        ({"name": "no spaces", "title": "x"}, "name"),
        ({"name": "a", "title": " "}, "title"),
        ({"name": "a", "title": "x" * 101}, "title"),
        ({"name": "a", "title": "x", "access": "secret"}, "access"),
        ({"name": "a", "title": "x", "rules": "x" * 5_001}, "rules"),
    ],
)
async def test_a_bad_community_is_refused_by_field(board: Board, body: dict[str, Any], field: str) -> None:
    (ada,) = await board.join("ada")
    answered, problem = await board.call(ada, "POST", "/communities", body)
    assert (answered, fields_of(problem)) == (422, [field])


async def test_an_open_community_is_joined_and_left_and_counts_its_members(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    await found(board, ada)
    for _ in range(2):
        await board.do(bob, "PUT", f"{WALKERS}/membership")
    _, seen = await board.call(bob, "GET", WALKERS)
    assert (seen["counts"], seen["viewer"]["role"], bool(seen["room_id"])) == ({"members": 2}, "member", True)
    assert await names(board, None, f"{WALKERS}/members") == ["ada", "bob"]
    for _ in range(2):
        await board.do(bob, "DELETE", f"{WALKERS}/membership")
    assert (await board.call(bob, "GET", WALKERS))[1]["counts"] == {"members": 1}
    assert await status(board, ada, "DELETE", f"{WALKERS}/membership") == 409


async def test_where_moderators_decide_a_person_asks_and_is_let_in(board: Board) -> None:
    ada, bob, cem = await board.join("ada", "bob", "cem")
    await found(board, ada, access="approval")
    assert await status(board, bob, "PUT", f"{WALKERS}/membership") == 202
    await board.do(cem, "PUT", f"{WALKERS}/membership", answers=202)
    assert await names(board, ada, f"{WALKERS}/requests") == ["bob", "cem"]
    assert await status(board, bob, "GET", f"{WALKERS}/requests") == 403
    assert await status(board, bob, "PUT", f"{WALKERS}/members/bob") == 403
    assert await status(board, bob, "GET", f"{WALKERS}/members") == 403
    await board.do(ada, "PUT", f"{WALKERS}/members/bob")
    await board.do(ada, "DELETE", f"{WALKERS}/members/cem")
    assert await names(board, bob, f"{WALKERS}/members") == ["ada", "bob"]
    assert await names(board, ada, f"{WALKERS}/requests") == []


async def test_where_one_is_invited_nobody_else_gets_in_or_finds_it_listed(board: Board) -> None:
    ada, bob, cem = await board.join("ada", "bob", "cem")
    await found(board, ada, access="invite")
    assert await status(board, bob, "PUT", f"{WALKERS}/membership") == 403
    await board.do(ada, "PUT", f"{WALKERS}/members/bob")
    assert [await names(board, one, "/communities") for one in (bob, cem, None)] == [["walkers"], [], []]
    assert (await board.call(bob, "GET", WALKERS))[1]["viewer"] == {"state": "invited", "role": None}
    await board.do(bob, "PUT", f"{WALKERS}/membership")
    assert await names(board, bob, f"{WALKERS}/members") == ["ada", "bob"]


async def test_the_owner_gives_roles_and_hands_over(board: Board) -> None:
    ada, bob, cem = await board.join("ada", "bob", "cem")
    await found(board, ada)
    for one in (bob, cem):
        await board.do(one, "PUT", f"{WALKERS}/membership")
    assert await status(board, bob, "PATCH", f"{WALKERS}/members/cem", {"role": "moderator"}) == 403
    await board.do(ada, "PATCH", f"{WALKERS}/members/bob", {"role": "moderator"})
    assert await status(board, bob, "PATCH", WALKERS, {"title": "x"}) == 403
    assert await status(board, bob, "DELETE", f"{WALKERS}/members/ada") == 403
    await board.do(ada, "PATCH", f"{WALKERS}/members/cem", {"role": "owner"})
    assert await status(board, ada, "DELETE", WALKERS) == 403
    _, page = await board.call(cem, "GET", f"{WALKERS}/members")
    assert {one["username"]: one["role"] for one in page["items"]} == {
        "ada": "moderator", "bob": "moderator", "cem": "owner",
    }  # fmt: skip


async def test_who_is_banned_is_out_until_the_ban_is_lifted_and_the_audit_log_has_it(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    await found(board, ada)
    await board.do(bob, "PUT", f"{WALKERS}/membership")
    await board.do(ada, "PUT", f"{WALKERS}/bans/bob", {"reason": "spam"})
    assert await status(board, bob, "PUT", f"{WALKERS}/membership") == 403
    await board.do(bob, "DELETE", f"{WALKERS}/membership")
    assert await status(board, bob, "GET", f"{WALKERS}/posts") == 403
    assert await status(board, ada, "PUT", f"{WALKERS}/members/bob") == 409
    assert await names(board, ada, f"{WALKERS}/bans") == ["bob"]
    await board.do(ada, "DELETE", f"{WALKERS}/bans/bob")
    await board.do(bob, "PUT", f"{WALKERS}/membership")
    sql = "select action from audit_log where action like 'community.%' order by id"
    acts = [row["action"] for row in await board.api.database.fetch(sql)]
    assert acts == ["community.banned", "community.removed"]


async def test_members_post_and_what_is_for_the_community_is_for_members_alone(board: Board) -> None:
    ada, bob, cem = await board.join("ada", "bob", "cem")
    await found(board, ada)
    await board.do(bob, "PUT", f"{WALKERS}/membership")
    assert await status(board, cem, "POST", "/posts", {"text": "x", "community": "walkers"}) == 403
    for_all = await board.post(bob, community="Walkers")
    ours = await board.post(bob, community="walkers", visibility="community")
    assert (for_all["community"], for_all["visibility"]) == ("walkers", "public")
    reply = await board.post(ada, reply_to=ours["id"])
    assert (reply["community"], reply["visibility"]) == ("walkers", "community")
    assert await board.listed(ada, f"{WALKERS}/posts") == [ours["id"], for_all["id"]]
    for outsider in (cem, None):
        assert await board.listed(outsider, f"{WALKERS}/posts") == [for_all["id"]]
        assert not await board.sees(outsider, ours["id"])
    assert await status(board, cem, "PUT", f"/posts/{ours['id']}/reactions/👍") == 404
    await board.do(bob, "DELETE", f"{WALKERS}/membership")
    assert await board.sees(bob, ours["id"])
    assert not await board.sees(bob, reply["id"])


async def test_a_closed_community_shows_its_posts_to_members_alone(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    await found(board, ada, access="approval")
    post = await board.post(ada, community="walkers")
    assert post["visibility"] == "community"
    assert not await board.sees(bob, post["id"])
    assert await status(board, bob, "GET", f"{WALKERS}/posts") == 403
    await board.do(ada, "PATCH", WALKERS, {"access": "invite"}, answers=200)
    answered, problem = await board.call(bob, "POST", "/posts", {"text": "x", "community": "walkers"})
    assert (answered, fields_of(problem)) == (422, ["community"])


async def test_communities_are_found_by_name_and_title_and_by_pages(board: Board) -> None:
    (ada, bob) = await board.join("ada", "bob")
    for name, title in (("walkers", "Up the hills"), ("cooks", "100% Crêpes"), ("under_score", "x")):
        await found(board, ada, name=name, title=title)
    await board.do(bob, "PUT", "/communities/cooks/membership")
    assert (await names(board, None, "/communities"))[0] == "cooks"
    assert await names(board, None, "/communities?q=HILLS") == ["walkers"]
    assert await names(board, None, "/communities?q=walk") == ["walkers"]
    assert await names(board, None, "/communities?q=0%25") == ["cooks"]
    assert await names(board, None, "/communities?q=_") == ["under_score"]
    assert await names(board, bob, "/communities?joined=true") == ["cooks"]
    _, page = await board.call(None, "GET", "/communities?limit=2")
    rest = await names(board, None, f"/communities?limit=2&cursor={page['next']}")
    assert sorted([one["name"] for one in page["items"]] + rest) == ["cooks", "under_score", "walkers"]


async def test_a_removed_community_frees_its_name_and_hides_its_posts(board: Board) -> None:
    ada, bob = await board.join("ada", "bob")
    await found(board, ada)
    post = await board.post(ada, community="walkers")
    await board.do(ada, "DELETE", WALKERS)
    assert await status(board, ada, "GET", WALKERS) == 404
    assert not await board.sees(bob, post["id"])
    await found(board, bob)
    assert await board.listed(bob, f"{WALKERS}/posts") == []


async def test_an_owner_who_deletes_the_account_leaves_it_to_the_moderator(board: Board) -> None:
    ada, bob, cem = await board.join("ada", "bob", "cem")
    await found(board, ada)
    await found(board, ada, name="alone", title="x")
    for one in (bob, cem):
        await board.do(one, "PUT", f"{WALKERS}/membership")
    await board.do(ada, "PATCH", f"{WALKERS}/members/cem", {"role": "moderator"})
    [held] = [one.personal_data for one in board.api.kit.install().features if one.name == "communities"]
    assert held is not None
    async with board.api.database.transaction() as tx:
        await held.erase(tx, ada.id)
    _, seen = await board.call(cem, "GET", WALKERS)
    assert (seen["viewer"]["role"], seen["counts"]) == ("owner", {"members": 2})
    assert await status(board, cem, "GET", "/communities/alone") == 404


@pytest.mark.parametrize(
    ("access", "state", "entered"),
    [
        ("open", None, "member"),
        ("approval", None, "asked"),
        ("approval", "asked", "asked"),
        ("approval", "invited", "member"),
        ("invite", None, None),
        ("invite", "invited", "member"),
        ("open", "asked", "member"),
        ("open", "banned", None),
        ("invite", "member", "member"),
    ],
)
def test_how_a_person_enters(access: Any, state: Any, entered: Any) -> None:
    assert state_of_entering(access, state) == entered


def test_ranks_and_patterns() -> None:
    assert outranks("owner", "moderator")
    assert not outranks("moderator", "moderator")
    assert not outranks(None, None)
    assert pattern_of("A_%\\") == "%a\\_\\%\\\\%"


@pytest.mark.parametrize(
    ("sql", "args"),
    [
        (queries.ONE, (NIL, "a")),
        (queries.PAGE, (NIL, "%%", None, None, 21)),
        (queries.JOINED, (NIL, "%%", None, None, 21)),
        (queries.READABLE, (NIL, [NIL])),
        (queries.POSTS, (NIL, None, None, 21)),
        (queries.PEOPLE, (NIL, "member", NIL, None, None, 21)),
        (queries.LEAVE_TO, (NIL,)),
        (queries.UNCOUNT, (NIL,)),
        (queries.FORGET, (NIL,)),
    ],
)
async def test_every_statement_finds_its_rows_by_an_index(database: Database, sql: str, args: tuple[Any, ...]) -> None:
    async with database.transaction() as tx:
        for other in ("seqscan", "bitmapscan"):
            await tx.execute(f"set local enable_{other} = off")
        plan = [row[0] for row in await tx.fetch(f"explain {sql}", *args)]
    assert not [line for line in plan if "Seq Scan" in line], "\n".join(plan)
