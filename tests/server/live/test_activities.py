"""What people do together in a room, on a node in this process: who joins, acts and is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.server.live.core_node import CoreNode, Person
from tests.server.served import Device

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def told(device: Device, votes: list[int], state: str = "open") -> Any:
    """The body of the ``poll:state`` with these votes; a device that has just joined may be sent those before twice."""
    while True:
        body = await device.until("poll:state")
        if [one["votes"] for one in body["poll"]["options"]] == votes and body["poll"]["state"] == state:
            return body


async def test_a_poll_reaches_the_room_and_whoever_joins_later(node: CoreNode, owner: Person, fan: Person) -> None:
    stream = await owner.prepare()
    room = {"room_id": stream["chat"]["room_id"]}
    first, console, guest = await fan.connect(), await owner.connect(), await node.served.connect()
    await first.done("chat:join", room)
    body = {**room, "question": "قهوة أم شاي؟", "options": ["قهوة", "شاي"], "seconds": 600}
    assert (await first.refused("poll:create", body))["code"] == "forbidden"
    assert (await guest.refused("poll:create", body))["code"] == "unauthenticated"
    poll: dict[str, Any] = (await console.done("poll:create", body))["poll"]
    assert await told(first, [0, 0]) == {**room, "poll": poll}
    vote = {"poll_id": poll["id"], "option": 1}
    assert (await guest.refused("poll:vote", vote))["code"] == "unauthenticated"
    assert (await first.done("poll:vote", vote))["option"] == 1
    voted = await told(first, [0, 1])
    await guest.done("stream:watch", {"stream_id": stream["id"]})
    assert await told(guest, [0, 1]) == voted
    await console.done("poll:close", {"poll_id": poll["id"]})
    await told(first, [0, 1], "closed")
    _, page = await fan.call("GET", f"/streams/{stream['id']}/polls")
    assert [(one["state"], one["voted"]) for one in page["items"]] == [("closed", 1)]


@pytest.mark.parametrize("option", [-1, 10, 0.5, 2**63, "0", None, True])
async def test_what_is_no_vote_is_refused_and_the_socket_stays(fan: Person, option: Any) -> None:
    phone = await fan.connect()
    poll_id = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"
    assert (await phone.refused("poll:vote", {"poll_id": poll_id, "option": option}))["code"] == "invalid"
    assert (await phone.refused("poll:vote", {"poll_id": poll_id, "option": 0}))["code"] == "not_found"
    await phone.client.disconnect()


async def test_points_are_staked_and_paid_over_sockets(node: CoreNode, owner: Person, fan: Person) -> None:
    stream = await owner.prepare()
    room = {"room_id": stream["chat"]["room_id"]}
    phone, console = await fan.connect(), await owner.connect()
    await phone.done("stream:watch", {"stream_id": stream["id"]})
    body = {**room, "question": "Who wins?", "outcomes": ["Red", "Blue"], "seconds": 600}
    prediction = (await console.done("prediction:create", body))["prediction"]
    assert await phone.until("prediction:state") == {**room, "prediction": prediction}
    assert (await phone.done("points:balance", room))["points"] == 0
    stake = {"prediction_id": prediction["id"], "outcome": 0, "points": 5, "client_id": "c"}
    assert (await phone.refused("prediction:enter", stake))["code"] == "not_enough_points"
    for points in (0, -5, 2**63, 0.5, "5"):
        assert (await phone.refused("prediction:enter", {**stake, "points": points}))["code"] == "invalid"
    assert (await phone.refused("prediction:resolve", {**stake}))["code"] == "forbidden"
    resolved = await console.done("prediction:resolve", {"prediction_id": prediction["id"], "outcome": 1})
    assert (resolved["prediction"]["state"], resolved["prediction"]["winner"]) == ("resolved", 1)
    _, page = await fan.call("GET", f"/streams/{stream['id']}/predictions")
    assert [(one["state"], one["entry"]) for one in page["items"]] == [("resolved", None)]


async def test_a_poll_of_a_live_stream_is_placed_by_the_clock_of_its_chat(node: CoreNode, owner: Person) -> None:
    stream = await owner.prepare()
    await node.publish(stream)
    console, room = await owner.connect(), {"room_id": stream["chat"]["room_id"]}
    message = await _placed_message(console, room)
    poll = (await console.done("poll:create", {**room, "question": "?", "options": ["a", "b"], "seconds": 60}))["poll"]
    assert poll["media_time_ms"] >= message["media_time_ms"]


async def _placed_message(console: Device, room: dict[str, Any]) -> Any:
    """A message of a room that its stream, which has just gone live, has told its clock."""
    for number in range(60):
        await console.done("chat:send", {**room, "text": f"now {number}", "client_id": f"c{number}"})
        message = (await console.done("chat:history", room))["messages"][-1]
        if "media_time_ms" in message:
            return message
        await asyncio.sleep(0.5)
    raise AssertionError("the room has no clock")
