"""What the rows of held messages keep to."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from actors.chat_review import Decision, HeldMessage
from actors.chat_rules import Author
from actors.runtime import Fence
from storage.errors import Fenced
from tests.contract.conftest import Drivers

AT = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


async def held(drivers: Drivers, room: str, user: str, client_id: str, **fields: Any) -> HeldMessage:
    author = Author(id=user, username="ann", display_name="Ann")
    given: dict[str, Any] = {"id": drivers.id(), "text": "hmm", "held_at": AT, "reason": "word", **fields}
    message = HeldMessage(author=author, client_id=client_id, **given)
    await drivers.held.hold(room, message, fence=drivers.fence)
    return message


async def test_what_is_held_waits_in_its_order_until_it_is_decided_or_withdrawn(drivers: Drivers) -> None:
    room, owner = await drivers.room()
    ann, bob = await drivers.person(), await drivers.person()
    allowed, refused, kept = [
        await held(drivers, room, ann, f"c{n}", held_at=AT + dt.timedelta(seconds=n)) for n in range(3)
    ]
    withdrawn = await held(drivers, room, bob, "c1", reply_to=drivers.id(), held_at=AT - dt.timedelta(1))
    assert [one.id for one in await drivers.held.waiting(room)][-2:] == [refused.id, kept.id]
    first = (await drivers.held.waiting(room))[0]
    assert (first.author.id, first.text, first.reason, first.client_id) == (bob, "hmm", "word", "c1")
    for message, is_allowed in ((allowed, True), (refused, False), (allowed, False)):
        await drivers.held.decide(room, message.id, allow=is_allowed, by=owner, fence=drivers.fence)
    await drivers.held.withdraw(room, bob, fence=drivers.fence)
    assert [one.id for one in await drivers.held.waiting(room)] == [kept.id]
    found = [await drivers.held.find(room, ann, f"c{n}") for n in range(4)]
    assert found == [
        Decision(id=allowed.id, state="allowed"), Decision(id=refused.id, state="refused"),
        Decision(id=kept.id, state="held"), None,
    ]  # fmt: skip
    assert await drivers.held.find(room, bob, "c1") == Decision(id=withdrawn.id, state="refused")
    await drivers.held.withdraw(room, None, fence=drivers.fence)
    assert list(await drivers.held.waiting(room)) == []


async def test_a_stale_owner_neither_holds_nor_decides(drivers: Drivers) -> None:
    room, owner = await drivers.room()
    message = await held(drivers, room, await drivers.person(), "c")
    stale = Fence(shard=drivers.fence.shard, epoch=drivers.fence.epoch - 1)
    for write in (
        drivers.held.hold(room, message, fence=stale),
        drivers.held.decide(room, message.id, allow=True, by=owner, fence=stale),
        drivers.held.withdraw(room, None, fence=stale),
    ):
        with pytest.raises(Fenced):
            await write
    assert [one.id for one in await drivers.held.waiting(room)] == [message.id]
