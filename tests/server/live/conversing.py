"""People in conversations, over REST and sockets."""

from __future__ import annotations

import itertools
from typing import Any

from tests.server.live.core_node import CoreNode, Person
from tests.server.served import Device

_numbers = itertools.count(1)


async def people(node: CoreNode, count: int) -> list[Person]:
    """New persons of this node."""
    return [await node.person(f"talker{next(_numbers)}") for _ in range(count)]


async def follow(follower: Person, followee: Person) -> None:
    await follower.done("PUT", f"/users/{followee.username}/follow")


async def begin(me: Person, *others: Person, title: str | None = None) -> dict[str, Any]:
    """A conversation whose people are all in it: they follow who begins it."""
    for other in others:
        await follow(other, me)
    body = {"people": [other.username for other in others], **({"title": title} if title is not None else {})}
    answer = await me.done("POST", "/conversations", body)
    made: dict[str, Any] = answer["conversation"]
    return made


async def of(person: Person, conversation: dict[str, Any]) -> dict[str, Any]:
    answer = await person.done("GET", f"/conversations/{conversation['id']}")
    found: dict[str, Any] = answer["conversation"]
    return found


async def inside(person: Person, conversation: dict[str, Any]) -> Device:
    """A device that is in the conversation's room."""
    device = await person.connect()
    await device.done("chat:join", {"room_id": conversation["room_id"]})
    return device


async def write(device: Device, conversation: dict[str, Any], text: str, **more: Any) -> dict[str, Any]:
    body = {"room_id": conversation["room_id"], "text": text, "client_id": f"c{next(_numbers)}", **more}
    sent: dict[str, Any] = await device.done("chat:send", body)
    return sent
