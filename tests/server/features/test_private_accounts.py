"""Private accounts: who asks to follow one waits for an answer, and what it shows meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.features.people.relations import FollowRequests, Relationships
from server.http.errors import Problem
from tests.server.conftest import ApiFixture, Someone
from tests.server.features.notifications.conftest import Notified
from tests.server.kit import Kit

WAITING = "select count(*) from follow_requests"
FOLLOWS = "select count(*) from follows"


async def private(api: ApiFixture, name: str = "ada") -> Someone:
    person = await api.register(name)
    me = await (await person.ask("PATCH", "/me", json={"private": True})).json()
    assert me["private"] is True
    return person


async def status(person: Someone, method: str, path: str) -> int:
    return (await person.ask(method, path)).status


async def names(person: Someone, path: str) -> list[str]:
    return [one["username"] for one in (await (await person.ask("GET", path)).json())["items"]]


async def tie(person: Someone, username: str = "ada") -> dict[str, Any]:
    viewer: dict[str, Any] = (await (await person.ask("GET", f"/users/{username}")).json())["viewer"]
    return viewer


async def test_who_asks_waits_until_the_owner_approves_and_each_call_may_be_repeated(api: ApiFixture) -> None:
    ada, bob = await private(api), await api.register("bob")
    for _ in range(2):
        assert await status(bob, "PUT", "/users/ada/follow") == 202
    assert await tie(bob) == {"following": False, "requested": True, "blocked": False, "muted": False}
    assert await names(ada, "/me/follow-requests") == ["bob"]
    for _ in range(2):
        assert await status(ada, "PUT", "/me/follow-requests/Bob") == 204
    assert await tie(bob) == {"following": True, "requested": False, "blocked": False, "muted": False}
    assert await names(ada, "/me/follow-requests") == []
    assert await status(bob, "PUT", "/users/ada/follow") == 204


async def test_who_was_refused_or_has_taken_the_request_back_may_ask_again(api: ApiFixture) -> None:
    ada, bob = await private(api), await api.register("bob")
    for person, path in ((ada, "/me/follow-requests/bob"), (bob, "/users/ada/follow")):
        assert await status(bob, "PUT", "/users/ada/follow") == 202
        for _ in range(2):
            assert await status(person, "DELETE", path) == 204
        assert (await tie(bob))["requested"] is False
        assert await status(ada, "PUT", "/me/follow-requests/bob") == 404


async def test_an_approval_that_is_taken_back_ends_the_following(api: ApiFixture) -> None:
    ada, bob = await private(api), await api.register("bob")
    await bob.ask("PUT", "/users/ada/follow")
    await ada.ask("PUT", "/me/follow-requests/bob")
    assert await status(ada, "DELETE", "/me/follow-requests/bob") == 204
    assert (await tie(bob))["following"] is False
    assert await status(bob, "PUT", "/users/ada/follow") == 202


async def test_a_private_account_shows_its_name_and_counts_and_hides_its_lists_from_who_does_not_follow(
    api: ApiFixture,
) -> None:
    bob = await api.register("bob")
    ada, eve = await api.register("ada"), await api.register("eve")
    await bob.ask("PUT", "/users/ada/follow")
    await ada.ask("PATCH", "/me", json={"private": True})
    shown = await (await eve.ask("GET", "/users/ada")).json()
    assert (shown["private"], shown["display_name"], shown["counts"]["followers"]) == (True, "ada", 1)
    for path in ("/users/ada/followers", "/users/ada/following"):
        refused = await eve.ask("GET", path)
        assert (refused.status, (await refused.json())["type"].rpartition("/")[2]) == (403, "private-account")
        assert (await api.client.get(f"/api/v1{path}")).status == 403
        assert [await status(each, "GET", path) for each in (ada, bob)] == [200, 200]


async def test_an_account_that_becomes_public_approves_all_who_wait(api: ApiFixture) -> None:
    ada, bob = await private(api), await api.register("bob")
    await bob.ask("PUT", "/users/ada/follow")
    assert (await (await ada.ask("PATCH", "/me", json={"bio": "x"})).json())["private"] is True
    assert (await (await ada.ask("PATCH", "/me", json={"private": False})).json())["counts"]["followers"] == 1
    assert await api.database.fetchval(WAITING) == 0
    assert await status(await api.register("cyd"), "PUT", "/users/ada/follow") == 204


@pytest.mark.parametrize("change", [{"private": None}, {"private": "yes"}, {"private": 1}])
async def test_what_is_neither_private_nor_public_is_a_422(api: ApiFixture, change: dict[str, object]) -> None:
    ada = await api.register("ada")
    assert (await ada.ask("PATCH", "/me", json=change)).status == 422


@pytest.mark.parametrize("blocker", ["ada", "bob"])
async def test_a_block_from_either_side_ends_the_request(api: ApiFixture, blocker: str) -> None:
    people = {"ada": await private(api), "bob": await api.register("bob")}
    await people["bob"].ask("PUT", "/users/ada/follow")
    other = "bob" if blocker == "ada" else "ada"
    await people[blocker].ask("PUT", f"/users/{other}/block")
    await people[blocker].ask("DELETE", f"/users/{other}/block")
    assert await names(people["ada"], "/me/follow-requests") == []
    assert await status(people["ada"], "PUT", "/me/follow-requests/bob") == 404


@pytest.mark.parametrize("ends", ["deleted_at", "suspended_until"])
async def test_who_is_deleted_or_suspended_waits_no_longer(api: ApiFixture, ends: str) -> None:
    ada, bob = await private(api), await api.register("bob")
    await bob.ask("PUT", "/users/ada/follow")
    await api.database.execute(f"update users set {ends} = now() + interval '1 day' where id = $1", bob.id)
    assert await names(ada, "/me/follow-requests") == []
    await ada.ask("PATCH", "/me", json={"private": False})
    assert await api.database.fetchval(FOLLOWS) == 0


@pytest.mark.parametrize("goes", ["ada", "bob"])
async def test_requests_of_and_to_a_deleted_account_end_for_good(api: ApiFixture, goes: str) -> None:
    people = {"ada": await private(api), "bob": await api.register("bob")}
    await people["bob"].ask("PUT", "/users/ada/follow")
    deleted = await people[goes].ask("DELETE", "/me", json={"password": "correct horse battery staple"})
    assert deleted.status in (202, 204), await deleted.text()
    await api.kit.read_facts()
    assert await api.database.fetchval(WAITING) == 0


async def test_approvals_refusals_blocks_and_requests_at_once_leave_neither_or_one_tie(api: ApiFixture) -> None:
    ada, bob = await private(api), await api.register("bob")
    for _ in range(3):
        calls = [
            bob.ask("PUT", "/users/ada/follow"), ada.ask("PUT", "/me/follow-requests/bob"),
            ada.ask("DELETE", "/me/follow-requests/bob"), ada.ask("PUT", "/users/bob/block"),
            ada.ask("PATCH", "/me", json={"private": False}),
        ]  # fmt: skip
        assert all(answer.status < 500 for answer in await asyncio.gather(*calls))
        assert await api.database.fetchval(f"select ({WAITING}) + ({FOLLOWS})") == 0
        await ada.ask("DELETE", "/users/bob/block")
        await ada.ask("PATCH", "/me", json={"private": True})


async def test_a_request_while_the_account_becomes_public_is_never_left_waiting(api: ApiFixture) -> None:
    ada, bob = await api.register("ada"), await api.register("bob")
    for _ in range(4):
        await ada.ask("PATCH", "/me", json={"private": True})
        await asyncio.gather(bob.ask("PUT", "/users/ada/follow"), ada.ask("PATCH", "/me", json={"private": False}))
        assert (await api.database.fetchval(WAITING), await api.database.fetchval(FOLLOWS)) == (0, 1)
        await bob.ask("DELETE", "/users/ada/follow")


async def test_one_more_who_waits_than_there_may_be_is_a_409_until_another_is_answered(
    kit: Kit, api: ApiFixture
) -> None:
    ada = await private(api)
    bob, cyd = await api.register("bob"), await api.register("cyd")
    ties = Relationships(database=kit.database, when_changed=_nothing_happens, max_ties=9, max_requests=1)
    for _ in range(2):
        assert await ties.follow(bob.id, "ada") is False
    with pytest.raises(Problem) as refused:
        await ties.follow(cyd.id, "ada")
    assert (refused.value.status, refused.value.slug) == (409, "too-many-follow-requests")
    await FollowRequests(database=kit.database, when_changed=_nothing_happens).refuse(ada.id, "bob")
    assert await ties.follow(cyd.id, "ada") is False


async def test_requests_count_among_those_whom_an_account_follows(kit: Kit, api: ApiFixture) -> None:
    await private(api)
    bob = await api.register("bob")
    await api.register("cyd")
    ties = Relationships(database=kit.database, when_changed=_nothing_happens, max_ties=1, max_requests=9)
    await ties.follow(bob.id, "ada")
    with pytest.raises(Problem) as refused:
        await ties.follow(bob.id, "cyd")
    assert refused.value.slug == "too-many-follows"


async def _nothing_happens() -> None: ...


@pytest.mark.parametrize("what", ["block", "mute"])
async def test_whom_i_block_or_mute_is_listed_for_me_page_by_page(api: ApiFixture, what: str) -> None:
    ada = await api.register("ada")
    for name in ("bob", "cyd"):
        await api.register(name)
        await ada.ask("PUT", f"/users/{name}/{what}")
    first = await (await ada.ask("GET", f"/me/{what}s?limit=1")).json()
    assert [one["username"] for one in first["items"]] == ["cyd"]
    assert await names(ada, f"/me/{what}s?limit=1&cursor={first['next']}") == ["bob"]
    assert (await api.client.get(f"/api/v1/me/{what}s")).status == 401


async def test_the_export_holds_whom_a_person_asked_and_who_asked_them(api: ApiFixture) -> None:
    ada, bob = await private(api), await api.register("bob")
    await bob.ask("PUT", "/users/ada/follow")
    sent = await (await bob.ask("GET", "/me/export")).json()
    received = await (await ada.ask("GET", "/me/export")).json()
    assert [one["username"] for one in sent["follow_requests_sent"]] == ["ada"]
    assert [one["username"] for one in received["follow_requests_received"]] == ["bob"]
    assert received["profile"]["is_private"] is True


async def test_the_owner_is_notified_of_a_request_and_who_asked_of_its_approval(api: ApiFixture) -> None:
    ada, bob = await private(api), await api.register("bob")
    notified = Notified(api)
    await bob.ask("PUT", "/users/ada/follow")
    await notified.settle()
    assert await notified.told(ada) == [("follow_request", ["bob"], 1)]
    assert [body["kind"] for body in notified.events(ada)] == ["follow_request"]
    await ada.ask("PUT", "/me/follow-requests/bob")
    await notified.settle()
    assert await notified.told(ada) == []
    assert await notified.told(bob) == [("follow_approved", ["ada"], 1)]
    await ada.ask("DELETE", "/me/follow-requests/bob")
    await notified.settle()
    assert await notified.told(bob) == []


async def test_a_request_that_is_taken_back_is_notified_of_no_longer(api: ApiFixture) -> None:
    ada, bob = await private(api), await api.register("bob")
    notified = Notified(api)
    await bob.ask("PUT", "/users/ada/follow")
    await notified.settle()
    await bob.ask("DELETE", "/users/ada/follow")
    await notified.settle()
    assert await notified.told(ada) == []
