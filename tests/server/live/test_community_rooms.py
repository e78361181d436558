"""The room of a community over sockets: its members talk in it, whoever else may not so much as read it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.server.live.conversing import inside, people, write
from tests.server.live.core_node import CoreNode, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

_numbers = itertools.count(1)


async def found(owner: Person, *members: Person, access: str = "open") -> dict[str, Any]:
    name = f"community{next(_numbers)}"
    body = {"name": name, "title": "Walkers", "access": access}
    made: dict[str, Any] = (await owner.done("POST", "/communities", body))["community"]
    for one in members:
        await one.done("PUT", f"/communities/{name}/membership")
    return made


async def test_members_talk_in_the_room_of_their_community(node: CoreNode) -> None:
    ada, bob, eve = await people(node, 3)
    made = await found(ada, bob)
    hers, his = await inside(ada, made), await inside(bob, made)
    sent = await write(hers, made, "hello")
    event, body = await his.event()
    assert (event, body["room_id"]) == ("chat:messages", made["room_id"])
    assert [(one["id"], one["text"]) for one in body["messages"]] == [(sent["id"], "hello")]
    outside = await eve.connect()
    room = {"room_id": made["room_id"]}
    assert (await outside.refused("chat:join", room))["code"] == "not_found"
    assert (await outside.refused("chat:history", room))["code"] == "not_found"
    assert (await outside.refused("chat:send", {**room, "text": "x", "client_id": "c"}))["code"] == "not_found"


@pytest.mark.parametrize("how", ["leaves", "is taken out", "is banned"])
async def test_who_is_a_member_no_more_is_out_of_the_room(node: CoreNode, how: str) -> None:
    ada, bob = await people(node, 2)
    made = await found(ada, bob)
    his = await inside(bob, made)
    community = f"/communities/{made['name']}"
    who, path = {
        "leaves": (bob, f"{community}/membership"),
        "is taken out": (ada, f"{community}/members/{bob.username}"),
        "is banned": (ada, f"{community}/bans/{bob.username}"),
    }[how]
    await who.done("PUT" if how == "is banned" else "DELETE", path)
    hers = await inside(ada, made)
    await write(hers, made, "just us")
    assert (await his.refused("chat:history", {"room_id": made["room_id"]}))["code"] == "not_found"
    assert (await his.refused("chat:join", {"room_id": made["room_id"]}))["code"] == "not_found"
