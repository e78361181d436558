"""What a node remembers of streams and shows to those who watch, on a node in this process."""

from __future__ import annotations

import asyncio
import time

import pytest

from actors.events import StreamView
from media.control import Progress
from server.live.stream_directory import StreamDirectory
from tests.server.live.core_node import CoreNode, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

FACES = [chr(0x1F600 + number) for number in range(40)]


async def test_a_crowd_that_asks_for_a_stream_that_the_node_does_not_know_costs_one_ask(
    node: CoreNode, owner: Person, fan: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await owner.prepare()
    asked: list[str] = []
    fresh = StreamDirectory.fresh

    async def counted(directory: StreamDirectory, stream_id: str) -> StreamView:
        asked.append(stream_id)
        return await fresh(directory, stream_id)

    devices = [await fan.connect() for _ in range(10)]
    monkeypatch.setattr(StreamDirectory, "fresh", counted)
    watched = await asyncio.gather(
        *(device.done("stream:watch", {"stream_id": stream["id"]}) for device in devices for _ in range(3))
    )
    assert {one["stream"]["id"] for one in watched} == {stream["id"]}
    assert asked == [stream["id"]]


async def test_streams_that_were_forgotten_for_want_of_room_are_asked_for_again(
    owner: Person, fan: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.live.stream_directory.MAX_REMEMBERED", 2)
    made = [await owner.prepare(f"Title {number}") for number in range(5)]
    device = await fan.connect()
    for stream in made + made[::-1]:
        watched = await device.done("stream:watch", {"stream_id": stream["id"]})
        assert watched["stream"]["title"] == stream["title"]


async def test_so_many_kinds_of_reactions_are_shown_at_once_and_no_more(
    owner: Person, fan: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.live.stream_directory.REACTIONS_S", 3_600)  # all of them within one tick
    of, device = {"stream_id": (await owner.prepare())["id"]}, await fan.connect()
    await device.done("stream:watch", of)
    for face in FACES:
        await device.done("stream:react", {**of, "emoji": face})
    directory = owner.node.app.live.media_events._stream_directory
    assert dict(directory._reactions[of["stream_id"]]) == dict.fromkeys(FACES[:32], 1)


async def test_an_owners_new_name_is_shown_to_those_who_watch(node: CoreNode, fan: Person) -> None:
    owner = await node.person("renamed")
    stream, device = await owner.prepare(), await fan.connect()
    await device.done("stream:watch", {"stream_id": stream["id"]})
    await owner.done("PATCH", "/me", {"display_name": "Renamed"})
    assert (await device.until("stream:state"))["owner"]["display_name"] == "Renamed"


async def test_a_private_streams_media_has_an_address_of_its_own_for_each_viewer(
    node: CoreNode, owner: Person, fan: Person
) -> None:
    stream = await owner.prepare(visibility="private")
    await owner.done("PUT", f"/streams/{stream['id']}/guests/{fan.username}")
    theirs, mine = await fan.connect(), await owner.connect()
    for device in (theirs, mine):
        await device.done("stream:watch", {"stream_id": stream["id"]})
    await node.publish(stream)
    shown = [(await device.until("stream:state"))["playback"]["hls"] for device in (theirs, mine)]
    assert len({*shown, f"/hls/{stream['id']}/index.m3u8"}) == 3
    for address in (f"/hls/{stream['id']}/index.m3u8", shown[0].replace("/index", "x/index")):
        async with node.served.http.get(node.served.url + address) as answer:
            assert answer.status == 404


async def test_a_list_and_the_stream_itself_name_the_same_renditions(node: CoreNode, fan: Person) -> None:
    owner = await node.person("listed")
    stream = await owner.prepare()
    granted = await node.publish(stream)
    made = {"name": "source", "width": 640, "height": 360, "fps": 30, "bitrate": 700_000, "codecs": "", "state": "live"}
    report = Progress(
        stream_id=stream["id"], publication=granted.publication, media_time_ms=2000, next_segment=1,
        at=time.time(), health={}, renditions=(made,),
    )  # fmt: skip
    node.app.live.media_events.handle(report)
    single = await fan.done("GET", f"/streams/{stream['id']}")
    while not single["playback"]["renditions"]:
        single = await fan.done("GET", f"/streams/{stream['id']}")
    for forgotten in (False, True):
        if forgotten:
            node.app.live.media_events._stream_directory.forget_view(stream["id"])
        for query in ("state=live", "q="):
            [listed] = (await fan.done("GET", f"/streams?{query}&owner={owner.username}"))["items"]
            assert listed["playback"]["renditions"] == single["playback"]["renditions"] == [made]
