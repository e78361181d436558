"""A room over 200 nodes: everybody is shown all of it, in order, also when the node that owns it dies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest

from server.live.broadcast import Broadcaster
from tests.sim import audience
from tests.sim.audience import Audience, Hall
from tests.sim.cluster import stage

NODES = 200
SPEAKERS = 4
ROOM = "room0"
JOINED_S = 3.0
TALK_S = 1.5
HEALED_S = 4.0


class Quiet(Audience):
    """One socket in the room; on few of the processes it speaks. Offsets are noted as they are shown."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.offsets: defaultdict[str, list[int]] = defaultdict(list)
        super().__init__(*args, **options)

    async def _talk(self, room: str) -> None:
        if int(self.name) < SPEAKERS:
            await super()._talk(room)

    def _tell_notes(self) -> None:
        """Every node to every node, which asks nothing of a room: left to smaller clusters."""

    def publish_messages(self, topic: str, room_id: str, epoch: str, messages: Sequence[dict[str, Any]]) -> None:
        super().publish_messages(topic, room_id, epoch, messages)
        self.offsets[room_id] += [message["offset"] for message in messages]


@pytest.fixture(autouse=True)
def _on_stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(audience, "Audience", Quiet)
    with stage() as errors:
        yield
    assert not [error for error in errors if "Fenced" not in error]


def hall(nodes: int) -> Hall:
    made = Hall(7, names=[str(number) for number in range(nodes)], rooms=1)
    made.run(JOINED_S)
    return made


def behind(made: Hall, alive: Sequence[Audience], *, since: dict[str, int]) -> dict[str, str]:
    """The processes that were not shown, one by one, all that the room has since they came."""
    last = max(offset for one in alive for offset in one.offsets[ROOM])
    wrong: dict[str, str] = {}
    for one in alive:
        shown = one.offsets[ROOM]
        if not shown or shown[-1] < last - SPEAKERS:
            wrong[one.name] = f"was shown {shown[-1:]} of {last}"
        elif any(after != before + 1 for before, after in pairwise(shown)):
            wrong[one.name] = f"was shown {[pair for pair in pairwise(shown) if pair[1] != pair[0] + 1][:3]}"
        elif shown[-1] <= since.get(one.name, 0):
            wrong[one.name] = "was shown nothing since"
    return wrong


def last_shown(processes: Sequence[Audience]) -> dict[str, int]:
    return {one.name: one.offsets[ROOM][-1] for one in processes}


def test_a_room_over_200_nodes_is_shown_on_all_of_them_and_survives_its_owner() -> None:
    made = hall(NODES)
    made.run(TALK_S)
    assert behind(made, made.processes, since={}) == {}
    owner = made.owner_of("chat", ROOM)
    others = [one for one in made.processes if one is not owner]
    before = last_shown(others)
    owner.kill()
    made.run(HEALED_S)
    made.simulation.close()
    assert behind(made, others, since=before) == {}


def test_a_node_that_is_not_sent_to_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    send = Broadcaster._tell

    def all_but_one(self: Broadcaster, name: str, event: Any) -> None:
        if name != "7":
            send(self, name, event)

    monkeypatch.setattr(Broadcaster, "_tell", all_but_one)
    made = hall(12)
    made.run(TALK_S)
    made.simulation.close()
    assert list(behind(made, made.processes, since={})) == ["7"]
