"""What people do becomes a durable fact, in the transaction that does it: once, and only when something changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.conftest import PASSWORD, ApiFixture, Someone


async def told(api: ApiFixture) -> list[dict[str, Any]]:
    rows = await api.database.fetch("select name, body from facts order by xid, id")
    return [{"name": row["name"], **{k: v for k, v in row["body"].items() if k != "type"}} for row in rows]


async def told_since(api: ApiFixture, before: int) -> list[dict[str, Any]]:
    return (await told(api))[before:]


async def two(api: ApiFixture) -> tuple[Someone, Someone, int]:
    ada, bob = await api.register("ada"), await api.register("bob")
    return ada, bob, len(await told(api))


def follow(follower: Someone, followee: Someone, is_following: bool) -> dict[str, Any]:
    ids = {"follower_id": follower.id, "followee_id": followee.id}
    return {"name": "follow.changed", **ids, "is_following": is_following, "is_approved": False}


async def test_a_registration_is_told_and_a_refused_one_is_not(api: ApiFixture) -> None:
    ada = await api.register("ada")
    body = {"username": "ada", "email": "other@example.org", "password": PASSWORD}
    assert (await api.client.post("/api/v1/auth/register", json=body)).status == 409
    assert await told(api) == [{"name": "account.created", "person_id": ada.id}]


async def test_a_follow_is_told_when_it_begins_and_when_it_ends(api: ApiFixture) -> None:
    ada, bob, before = await two(api)
    for method in ("PUT", "PUT", "DELETE", "DELETE"):
        assert (await ada.ask(method, "/users/bob/follow")).status == 204
    assert await told_since(api, before) == [follow(ada, bob, True), follow(ada, bob, False)]


async def test_a_block_tells_of_the_follows_that_it_ends(api: ApiFixture) -> None:
    ada, bob, before = await two(api)
    await ada.ask("PUT", "/users/bob/follow")
    await bob.ask("PUT", "/users/ada/follow")
    for _ in range(2):
        assert (await ada.ask("PUT", "/users/bob/block")).status == 204
    blocked, *unfollowed = (await told_since(api, before))[2:]
    assert blocked == {"name": "block.changed", "person_id": ada.id, "other_id": bob.id, "is_blocking": True}
    ended = {fact["follower_id"]: fact for fact in unfollowed}
    assert ended == {ada.id: follow(ada, bob, False), bob.id: follow(bob, ada, False)}


@pytest.mark.parametrize(("tie", "state"), [("block", "is_blocking"), ("mute", "is_muting")])
async def test_a_block_and_a_mute_are_told_when_they_begin_and_when_they_end(
    api: ApiFixture, tie: str, state: str
) -> None:
    ada, bob, before = await two(api)
    for method in ("PUT", "PUT", "DELETE", "DELETE"):
        assert (await ada.ask(method, f"/users/bob/{tie}")).status == 204
    ids = {"name": f"{tie}.changed", "person_id": ada.id, "other_id": bob.id}
    assert await told_since(api, before) == [{**ids, state: True}, {**ids, state: False}]


async def test_a_deletion_is_told_when_it_is_asked_for(api: ApiFixture) -> None:
    ada = await api.register("ada")
    assert (await ada.ask("DELETE", "/me", json={"password": PASSWORD})).status == 204
    assert (await told(api))[1:] == [{"name": "account.deleted", "person_id": ada.id}]
