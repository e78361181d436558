from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from server.features.people.relations import Relationships
from server.http.errors import Problem
from tests.server.conftest import PASSWORD, ApiFixture
from tests.server.kit import Kit


@pytest.mark.parametrize("tie", ["follow", "block", "mute"])
async def test_tie_may_be_made_and_taken_back_twice(api: ApiFixture, tie: str) -> None:
    ada = await api.register("ada")
    await api.register("bob")
    seen = {"follow": "following", "block": "blocked", "mute": "muted"}[tie]
    for method, expected in (("PUT", True), ("PUT", True), ("DELETE", False), ("DELETE", False)):
        assert (await ada.ask(method, f"/users/bob/{tie}")).status == 204
        assert (await (await ada.ask("GET", "/users/bob")).json())["viewer"][seen] is expected


@pytest.mark.parametrize("tie", ["follow", "block", "mute"])
async def test_one_tie_more_than_there_may_be_is_a_409_until_another_is_taken_back(
    kit: Kit, api: ApiFixture, tie: str
) -> None:
    ada = await api.register("ada")
    for name in ("bob", "cem", "dan"):
        await api.register(name)
    feature = next(each for each in kit.install(max_ties=2).features if each.name == "relations")
    assert feature.limits[f"{tie}s"] == 2
    ties = Relationships(database=kit.database, when_changed=_nothing_happens, max_ties=2, max_requests=9)
    make, take_back = getattr(ties, tie), getattr(ties, f"un{tie}")
    for name in ("bob", "cem", "bob"):
        await make(ada.id, name)
    with pytest.raises(Problem) as refused:
        await make(ada.id, "dan")
    assert (refused.value.status, refused.value.slug) == (409, f"too-many-{tie}s")
    await take_back(ada.id, "cem")
    await make(ada.id, "dan")


async def _nothing_happens() -> None: ...


@pytest.mark.parametrize("tie", ["follow", "block", "mute"])
async def test_tie_to_oneself_is_a_409_and_to_nobody_a_404(api: ApiFixture, tie: str) -> None:
    ada = await api.register("ada")
    assert (await ada.ask("PUT", f"/users/ada/{tie}")).status == 409
    assert (await ada.ask("PUT", f"/users/nobody/{tie}")).status == 404
    assert (await ada.ask("DELETE", f"/users/nobody/{tie}")).status == 404


async def test_followers_are_counted_and_listed_page_by_page(api: ApiFixture) -> None:
    ada = await api.register("ada")
    for name in ("bob", "cyd", "dan"):
        await (await api.register(name)).ask("PUT", "/users/ada/follow")
    assert (await (await ada.ask("GET", "/me")).json())["counts"]["followers"] == 3
    seen: list[str] = []
    cursor = ""
    while True:
        page = await (await api.client.get(f"/api/v1/users/ada/followers?limit=1{cursor}")).json()
        seen += [one["username"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == ["dan", "cyd", "bob"]
    following = await (await api.client.get("/api/v1/users/bob/following")).json()
    assert [one["username"] for one in following["items"]] == ["ada"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "limit=1.0", "limit=", "limit=1&limit=2", "cursor=x", "cursor=%00"]
)
async def test_wrong_page_is_a_422_that_names_the_parameter(api: ApiFixture, query: str) -> None:
    await api.register("ada")
    answer = await api.client.get(f"/api/v1/users/ada/followers?{query}")
    assert answer.status == 422
    assert [one["field"] for one in (await answer.json())["errors"]] == [query.partition("=")[0]]


async def test_blocked_person_does_not_see_the_blocker(api: ApiFixture) -> None:
    ada, bob = await api.register("ada"), await api.register("bob")
    await ada.ask("PUT", "/users/bob/follow")
    await bob.ask("PUT", "/users/ada/follow")
    await ada.ask("PUT", "/users/bob/block")
    for path in ("/users/ada", "/users/ada/followers", "/users/ada/following"):
        assert (await bob.ask("GET", path)).status == 404
    for tie in ("follow", "block", "mute"):
        assert (await bob.ask("PUT", f"/users/ada/{tie}")).status == 404
    assert (await api.client.get("/api/v1/users/ada")).status == 200
    assert (await (await bob.ask("GET", "/me")).json())["counts"] == {"followers": 0, "following": 0, "streams": 0}


async def test_blocker_is_left_out_of_lists_that_the_blocked_person_reads(api: ApiFixture) -> None:
    ada, bob = await api.register("ada"), await api.register("bob")
    cyd = await api.register("cyd")
    await ada.ask("PUT", "/users/cyd/follow")
    await ada.ask("PUT", "/users/bob/block")
    assert (await (await bob.ask("GET", "/users/cyd/followers")).json())["items"] == []
    assert len((await (await cyd.ask("GET", "/users/cyd/followers")).json())["items"]) == 1


async def test_mute_may_be_taken_back_from_somebody_who_has_blocked_since(api: ApiFixture) -> None:
    ada, bob = await api.register("ada"), await api.register("bob")
    await bob.ask("PUT", "/users/ada/mute")
    await ada.ask("PUT", "/users/bob/block")
    assert (await bob.ask("DELETE", "/users/ada/mute")).status == 204
    assert (await bob.ask("DELETE", "/users/ada/mute")).status == 404


async def test_following_somebody_whom_one_blocks_is_a_409(api: ApiFixture) -> None:
    ada = await api.register("ada")
    await api.register("bob")
    await ada.ask("PUT", "/users/bob/block")
    assert (await ada.ask("PUT", "/users/bob/follow")).status == 409


async def test_follow_and_block_at_once_leave_no_follow_behind(api: ApiFixture) -> None:
    ada, bob = await api.register("ada"), await api.register("bob")
    for _ in range(10):
        await asyncio.gather(bob.ask("PUT", "/users/ada/follow"), ada.ask("PUT", "/users/bob/block"))
        assert await api.database.fetchval("select count(*) from follows") == 0
        await ada.ask("DELETE", "/users/bob/block")


async def test_deleted_account_is_gone_and_its_name_is_free_when_it_was_reserved_long_enough(api: ApiFixture) -> None:
    ada, bob = await api.register("ada"), await api.register("bob")
    await bob.ask("PUT", "/users/ada/follow")
    assert (await ada.ask("DELETE", "/me", json={"password": "not the password"})).status == 403
    assert (await ada.ask("DELETE", "/me", json={"password": PASSWORD})).status == 204
    assert (await ada.ask("GET", "/me")).status == 401
    assert (await api.client.get("/api/v1/users/ada")).status == 404
    await api.wipe_deleted()
    again = await api.client.post("/api/v1/auth/login", json={"login": "ada", "password": PASSWORD})
    assert again.status == 401
    assert (await (await bob.ask("GET", "/me")).json())["counts"]["following"] == 0
    rest = await api.database.fetchrow("select * from users where id = $1", ada.id)
    assert "ada" not in str({name: kept for name, kept in (rest or {}).items() if not isinstance(kept, UUID)})
    taken = {"username": "Ada", "email": "ada@example.org", "password": PASSWORD}
    assert (await api.client.post("/api/v1/auth/register", json=taken)).status == 409
    await api.database.execute("update reserved_names set until = now()")
    assert (await api.register("ada")).id != ada.id
