"""What a room is sent of its polls and predictions: whole, in order, at most twice a second."""

from __future__ import annotations

from typing import Any

import pytest

from actors.runtime import LocalTransport, ManualClock, Node, Unavailable
from server.features.rooms.state_sender import STATE_SENDER, StateSenders
from tests.server.kit import PublishedEvents
from tests.server.live.nodes import NodeDirectory


class Room:
    """``value`` is what the poll stands at; reading it fails while ``is_away``."""

    def __init__(self, node: Node, clock: ManualClock) -> None:
        self.clock = clock
        self.published = PublishedEvents()
        self.senders = StateSenders(node=node, publish=self.published)
        self.senders.states["poll:state"] = self._state
        self.value, self.is_away = 0, False
        node.register(STATE_SENDER, self.senders.actor)

    async def _state(self, poll_id: str) -> dict[str, Any] | None:
        if self.is_away:
            raise Unavailable("postgres", "it is away")
        return {"poll": poll_id, "value": self.value} if poll_id != "gone" else None

    async def change(self, value: int, poll_id: str = "p") -> None:
        self.value = value
        self.senders.announce("r", "poll:state", poll_id)
        await self.clock.advance(0)

    @property
    def sent(self) -> list[int]:
        assert all(topic == "room:r" and event == "poll:state" for topic, event, _ in self.published.events)
        return [body["value"] for _, _, body in self.published.events]


@pytest.fixture
async def room() -> Room:
    clock = ManualClock()
    node = Node(name="n1", clock=clock, directory=NodeDirectory(), transport=LocalTransport())
    await node.start()
    return Room(node, clock)


async def test_the_first_change_is_sent_at_once_and_the_next_half_a_second_later(room: Room) -> None:
    await room.change(1)
    assert room.sent == [1]
    await room.change(2)
    await room.clock.advance(0.4)
    assert room.sent == [1]
    await room.clock.advance(0.1)
    assert room.sent == [1, 2]


async def test_many_changes_are_sent_as_the_latest_at_most_twice_a_second(room: Room) -> None:
    for value in range(1, 101):
        await room.change(value)
        await room.clock.advance(0.02)
    await room.clock.advance(1)
    assert len(room.sent) <= 6, "in two seconds and a half"
    assert room.sent[-1] == 100


async def test_what_cannot_be_read_is_sent_when_it_can(room: Room) -> None:
    room.is_away = True
    await room.change(1)
    await room.clock.advance(2)
    assert room.sent == []
    room.is_away = False
    await room.clock.advance(0.5)
    assert room.sent == [1]


async def test_what_has_gone_is_not_sent(room: Room) -> None:
    await room.change(1, "gone")
    assert room.sent == []
    await room.change(2)
    await room.clock.advance(0.5)
    assert room.sent == [2]
