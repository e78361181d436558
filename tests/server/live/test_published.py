"""What is published to a topic and to a person beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from actors.events import DeliverPublished
from server.live.edge.fanout import Fanout
from server.live.published import PublishedEvents


@dataclass
class Device:
    topics: tuple[str, ...] = ()
    heard: list[tuple[str, Any]] = field(default_factory=list)

    def emit(self, event: str, body: Any) -> None:
        self.heard.append((event, body))


@dataclass
class People:
    devices: dict[str, list[Device]]

    def of_person(self, person_id: str) -> list[Device]:
        return self.devices.get(person_id, [])


def test_a_person_is_told_beside_the_room_on_the_devices_that_are_not_in_it() -> None:
    in_room, elsewhere, of_other = Device(topics=("room/r",)), Device(topics=("room/q",)), Device()
    people = People({"p": [in_room, elsewhere], "q": [of_other]})
    published = PublishedEvents(fanout=Fanout(), sockets=cast(Any, people))
    published.to_topic(DeliverPublished(topic="room/r", event="tip", body={"n": 1}, person_id="p"))
    published.to_topic(DeliverPublished(topic="room/r", event="tip", body={"n": 2}))
    assert [one.heard for one in (in_room, elsewhere, of_other)] == [[], [("tip", {"n": 1})], []]
