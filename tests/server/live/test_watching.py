"""Watching over Socket.IO on a node in this process: being counted, what a watcher is shown, reactions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.server.live.core_node import CoreNode, Person
from tests.server.served import Device

pytestmark = pytest.mark.asyncio(loop_scope="module")

NO_STREAM = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"
EVENTS = {"stream:watch": {}, "stream:unwatch": {}, "stream:heartbeat": {}, "stream:react": {"emoji": "🎉"}}


async def viewers(device: Device, count: int) -> None:
    """The device is told that this many watch."""
    while (await device.until("stream:viewers"))["viewers"] != count:
        pass


async def test_each_socket_that_watches_counts_once_until_it_unwatches_or_goes(
    node: CoreNode, owner: Person, fan: Person
) -> None:
    of = {"stream_id": (await owner.prepare())["id"]}
    first, second, guest = await owner.connect(), await fan.connect(), await node.served.connect()
    for _ in range(3):
        await first.done("stream:watch", of)
    await viewers(first, 1)
    for device in (second, guest):
        await device.done("stream:watch", of)
    await viewers(first, 3)
    for _ in range(2):
        await second.done("stream:unwatch", of)
    await viewers(first, 2)
    await guest.client.disconnect()
    await viewers(first, 1)
    shown = await owner.done("GET", f"/streams/{of['stream_id']}")
    assert (shown["viewers"], shown["peak_viewers"]) == (1, 3)


async def test_a_watcher_is_shown_the_stream_and_its_room_as_rest_has_them(owner: Person, fan: Person) -> None:
    stream = await owner.prepare("Shown", tags=["a"])
    watcher, writer = await fan.connect(), await owner.connect()
    said = {"room_id": stream["chat"]["room_id"], "text": "hello", "client_id": "1"}
    await writer.done("chat:send", said)
    shown = await fan.done("GET", f"/streams/{stream['id']}")
    watched = await watcher.done("stream:watch", {"stream_id": stream["id"]})
    assert watched["stream"] == shown
    assert "ingest" not in watched["stream"]
    assert (watched["room"]["room_id"], watched["room"]["offset"]) == (said["room_id"], 1)
    await writer.done("chat:send", {**said, "client_id": "2"})
    assert [message["offset"] for message in (await watcher.until("chat:messages"))["messages"]] == [2]


async def test_every_change_of_state_is_shown_to_those_who_watch_and_to_no_other(
    node: CoreNode, owner: Person, fan: Person
) -> None:
    stream = await owner.prepare()
    watcher, left = await fan.connect(), await fan.connect()
    for device in (watcher, left):
        await device.done("stream:watch", {"stream_id": stream["id"]})
    await left.done("stream:unwatch", {"stream_id": stream["id"]})
    granted = await node.publish(stream)
    assert (await watcher.until("stream:state"))["state"] == "live"
    node.unpublish(granted)
    assert (await watcher.until("stream:state"))["state"] == "interrupted"
    await node.publish(stream)
    assert (await watcher.until("stream:state"))["state"] == "live"
    await owner.done("PATCH", f"/streams/{stream['id']}", {"title": "Another"})
    assert (await watcher.until("stream:state"))["title"] == "Another"
    await owner.done("POST", f"/streams/{stream['id']}/end")
    ended = await watcher.until("stream:state")
    assert (ended["state"], ended["playback"]["whep"], ended["ended_at"] is not None) == ("ended", None, True)
    while not left.is_silent:
        assert (await left.event())[0] != "stream:state"


@pytest.mark.parametrize("event", EVENTS)
async def test_a_stream_that_is_not_there_and_a_private_one_are_refused_alike(
    owner: Person, fan: Person, event: str
) -> None:
    hidden = (await owner.prepare(visibility="private"))["id"]
    outside = await fan.connect()
    absent, private = [await outside.refused(event, {"stream_id": one, **EVENTS[event]}) for one in (NO_STREAM, hidden)]
    assert private == absent
    assert (absent["code"], absent["field"]) == ("not_found", "stream_id")


async def test_a_guest_of_a_private_stream_is_let_in_and_cut_off_with_the_invitation(
    owner: Person, fan: Person
) -> None:
    stream = await owner.prepare(visibility="private")
    guests, of = f"/streams/{stream['id']}/guests/{fan.username}", {"stream_id": stream["id"]}
    inside = await fan.connect()
    await owner.done("PUT", guests)
    watched = await inside.done("stream:watch", of)
    assert watched["stream"]["visibility"] == "private"
    await owner.done("DELETE", guests)
    assert (await inside.refused("stream:watch", of))["code"] == "not_found"
    await (await owner.connect()).done(
        "chat:send", {"room_id": stream["chat"]["room_id"], "text": "alone at last", "client_id": "1"}
    )
    while not inside.is_silent:
        assert (await inside.event())[0] != "chat:messages"


async def test_a_stream_that_becomes_private_loses_its_watchers_and_keeps_its_owner(owner: Person, fan: Person) -> None:
    stream = await owner.prepare()
    of, outside, inside = {"stream_id": stream["id"]}, await fan.connect(), await owner.connect()
    await outside.done("stream:watch", of)
    await inside.done("stream:watch", of)
    await viewers(inside, 2)
    await owner.done("PATCH", f"/streams/{stream['id']}", {"visibility": "private"})
    await viewers(inside, 1)
    assert (await outside.refused("stream:heartbeat", of))["code"] == "not_found"
    assert (await outside.refused("chat:history", {"room_id": stream["chat"]["room_id"]}))["code"] == "not_found"
    await inside.done("stream:heartbeat", of)


async def test_who_does_not_watch_has_no_heart_to_beat_and_does_not_react(owner: Person, fan: Person) -> None:
    of, device = {"stream_id": (await owner.prepare())["id"]}, await fan.connect()
    for event in ("stream:heartbeat", "stream:react"):
        assert (await device.refused(event, {**of, **EVENTS[event]}))["code"] == "not_watching"
    await device.done("stream:watch", of)
    await device.done(
        "stream:heartbeat",
        {**of, "position_ms": 5.5, "rendition": "hls", "stalled_ms": 10, "latency_ms": 900, "new": 1},
    )


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"stalled_ms": -1}, "stalled_ms"),
        ({"stalled_ms": 600_001}, "stalled_ms"),
        ({"position_ms": "5"}, "position_ms"),
        ({"rendition": "x" * 65}, "rendition"),
        ({"rendition": "a\x00"}, "rendition"),
        ({"latency_ms": -0.5}, "latency_ms"),
        ({"stream_id": None}, "stream_id"),
    ],
)
async def test_a_heartbeat_of_another_shape_is_refused_by_its_field(
    owner: Person, fan: Person, more: dict[str, Any], field: str
) -> None:
    refused = await (await fan.connect()).refused("stream:heartbeat", {"stream_id": NO_STREAM, **more})
    assert (refused["code"], refused["field"]) == ("invalid", field)


async def test_reactions_are_shown_to_all_added_up(node: CoreNode, owner: Person, fan: Person) -> None:
    of = {"stream_id": (await owner.prepare())["id"]}
    watcher, fans = await node.served.connect(), [await fan.connect() for _ in range(2)]
    for device in (watcher, *fans):
        await device.done("stream:watch", of)
    await asyncio.gather(*(device.done("stream:react", {**of, "emoji": "🎉"}) for device in fans for _ in range(10)))
    counted = 0
    while counted < 20:
        told = await watcher.until("stream:reactions")
        assert (told["stream_id"], set(told["counts"])) == (of["stream_id"], {"🎉"})
        counted += told["counts"]["🎉"]
    assert counted == 20


@pytest.mark.parametrize("emoji", ["", "a", "🎉🎉", "ok", "<b>", "🎉" * 17, 5])
async def test_a_reaction_is_one_emoji(owner: Person, fan: Person, emoji: Any) -> None:
    of, device = {"stream_id": (await owner.prepare())["id"]}, await fan.connect()
    await device.done("stream:watch", of)
    refused = await device.refused("stream:react", {**of, "emoji": emoji})
    assert (refused["code"], refused["field"]) == ("invalid", "emoji")


async def test_guests_do_not_react_nor_does_who_may_not_write(node: CoreNode, owner: Person, fan: Person) -> None:
    stream = await owner.prepare()
    of, guest, banned = {"stream_id": stream["id"]}, await node.served.connect(), await fan.connect()
    for device in (guest, banned):
        await device.done("stream:watch", of)
    assert (await guest.refused("stream:react", {**of, "emoji": "🎉"}))["code"] == "unauthenticated"
    await banned.done("stream:react", {**of, "emoji": "🎉"})
    ban = {"room_id": stream["chat"]["room_id"], "user_id": fan.id}
    await (await owner.connect()).done("chat:ban", ban)
    assert (await banned.refused("stream:react", {**of, "emoji": "🎉"}))["code"] == "banned"


async def test_one_connection_watches_a_bounded_number_of_streams(
    owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.session.MAX_WATCHED", 1)
    first, second = [(await owner.prepare())["id"] for _ in range(2)]
    device = await owner.connect()
    await device.done("stream:watch", {"stream_id": first})
    assert (await device.refused("stream:watch", {"stream_id": second}))["code"] == "too_many_streams"
    await device.done("stream:unwatch", {"stream_id": first})
    await device.done("stream:watch", {"stream_id": second})


async def test_a_stream_that_was_deleted_is_watched_by_nobody(owner: Person, fan: Person) -> None:
    stream = await owner.prepare()
    device = await fan.connect()
    await device.done("stream:watch", {"stream_id": stream["id"]})
    await owner.done("DELETE", f"/streams/{stream['id']}")
    assert (await device.refused("stream:watch", {"stream_id": stream["id"]}))["code"] == "not_found"
    said = {"room_id": stream["chat"]["room_id"], "text": "anybody?", "client_id": "1"}
    assert (await device.refused("chat:send", said))["code"] == "not_found"
