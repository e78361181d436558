"""Broadcasts whose publisher, actor and viewers are on different nodes, and what becomes of them when one goes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import psutil
import pytest

from bench.cluster import LocalCluster, NodeProcess
from tests.e2e.peers import publishing, viewing
from tests.e2e.people import Account, Api, register
from tests.e2e.publishing import Publisher
from tests.e2e.waiting import until, until_true


def at(node: NodeProcess, person: Account) -> Account:
    """The same person, asking another node."""
    user = {"id": person.id, "username": person.username}
    return Account(person.http, node.url, {"access_token": person.token, "refresh_token": "", "user": user})


async def prepare_on(cluster: LocalCluster, person: Account, *, actor: NodeProcess) -> dict[str, Any]:
    """A stream whose actor is on this node, as one is that was made there."""
    made = await at(actor, person).prepare("Everywhere")
    assert await cluster.owner_of("stream", made["stream"]["id"]) is actor
    return made


@asynccontextmanager
async def stream_directory(
    cluster: LocalCluster, person: Account, *, media: NodeProcess, actor: NodeProcess
) -> AsyncIterator[tuple]:
    """A stream that is live: its id, its key and its publisher."""
    made = await prepare_on(cluster, person, actor=actor)
    stream_id, key = made["stream"]["id"], made["ingest"]["stream_key"]
    with Publisher(f"{media.rtmp}/{key}") as publisher:
        await person.until_state(stream_id, "live")
        yield stream_id, key, publisher


async def comes_to(api: Api, stream_id: str, state: str, *, within_s: float = 30.0) -> None:
    """As ``until_state``, through a take-over: in between it may be refused, with a time to come back."""

    async def is_there() -> bool:
        answer = await api.call("GET", f"streams/{stream_id}")
        if answer.status == 503:
            assert float(answer.headers["Retry-After"]) > 0
            return False
        return answer.status == 200 and answer.body["state"] == state

    await until(is_there, within_s=within_s, what=f"{state} at {api.url}")


async def has_segments(api: Api, stream_id: str, count: int) -> bool:
    answer = await api.call("GET", f"/hls/{stream_id}/video.m3u8")
    return answer.status == 200 and answer.text.count("#EXTINF") >= count


@pytest.fixture
async def person(cluster: LocalCluster, http: aiohttp.ClientSession) -> Account:
    return await register(http, cluster.running[0].url, "broadcaster")


async def same_bytes(http: aiohttp.ClientSession, nodes: list[NodeProcess], path: str) -> int:
    """How many bytes every node answers alike."""
    bodies = []
    for node in nodes:
        async with http.get(node.url + path) as answer:
            assert answer.status == 200, f"{node.name} {path}: {answer.status} {await answer.text()}"
            bodies.append(await answer.read())
    assert len(set(bodies)) == 1, f"{path}: {[len(body) for body in bodies]}"
    return len(bodies[0])


async def test_a_stream_is_played_from_every_node_over_hls_and_webrtc(
    cluster: LocalCluster, person: Account, http: aiohttp.ClientSession
) -> None:
    a, b, c = cluster.running
    async with stream_directory(cluster, person, media=a, actor=b) as (stream_id, _, publisher):
        for node in (a, b, c):
            await until(lambda node=node: has_segments(at(node, person), stream_id, 1), within_s=30, what="a segment")
            index = await at(node, person).text(f"/hls/{stream_id}/index.m3u8")
            assert "video.m3u8" in index
        playlist = await at(c, person).text(f"/hls/{stream_id}/video.m3u8")
        init = re.search(r'#EXT-X-MAP:URI="([^"]+)"', playlist)
        segment = re.search(r"#EXTINF:.*\n(?:#.*\n)*([^#\n]+)", playlist)
        assert init is not None
        assert segment is not None
        assert await same_bytes(http, [c, b, a], _below(stream_id, init[1])) > 500
        assert await same_bytes(http, [c, b, a], _below(stream_id, segment[1])) > 10_000
        async with viewing() as viewer:
            answer = await viewer.watch(at(c, person), stream_id)
            assert answer.status == 201, answer.text
            await until_true(lambda: len(viewer.frames["video"]) > 5, within_s=30, what="pictures over WebRTC")
            session = answer.headers["Location"]
            headers = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": '"x"'}
            patched = await at(b, person).call("PATCH", session, data=b"a=ice-ufrag:none\r\n", headers=headers)
            assert patched.status in (412, 422), patched.text
            assert (await at(b, person).call("DELETE", session)).status == 200
            assert (await at(b, person).call("DELETE", session)).status == 404
        assert publisher.is_running
        await at(c, person).done("POST", f"streams/{stream_id}/end")
        for node in (a, b, c):
            await at(node, person).until_state(stream_id, "ended")


def _below(stream_id: str, address: str) -> str:
    return address if address.startswith("/") else f"/hls/{stream_id}/{address}"


async def test_a_publisher_whose_media_process_or_node_was_killed_goes_on_at_another_node(
    cluster: LocalCluster, person: Account
) -> None:
    a, b, c = cluster.running
    async with stream_directory(cluster, at(c, person), media=a, actor=b) as (stream_id, key, publisher):
        _media_process_of(a).kill()
        await at(c, person).until_state(stream_id, "interrupted")
        await publisher.left(10)
        with Publisher(f"{b.rtmp}/{key}") as second:
            await at(c, person).until_state(stream_id, "live")
            await until(lambda: has_segments(at(c, person), stream_id, 1), within_s=30, what="a segment")
            b.kill()
            await second.left(10)
            await comes_to(at(c, person), stream_id, "interrupted")
        with Publisher(f"{a.rtmp}/{key}"):
            await at(c, person).until_state(stream_id, "live")
            stream = await at(c, person).until_stream(stream_id, lambda stream: stream["media_time_ms"] > 0)
            assert stream["id"] == stream_id
            await until(lambda: has_segments(at(c, person), stream_id, 1), within_s=30, what="a segment")
        await at(c, person).done("POST", f"streams/{stream_id}/end")


def _media_process_of(node: NodeProcess) -> psutil.Process:
    below = psutil.Process(node.pid).children(recursive=True)
    return next(process for process in below if "server.media_process" in " ".join(process.cmdline()))


async def test_whip_is_taken_by_any_node_and_ended_through_another(cluster: LocalCluster, person: Account) -> None:
    a, b, c = cluster.running
    made = await prepare_on(cluster, person, actor=a)
    stream_id = made["stream"]["id"]
    key = made["ingest"]["stream_key"]
    async with publishing(at(b, person), f"/whip/{stream_id}", key) as answer:
        await at(c, person).until_state(stream_id, "live", within_s=30)
        session = answer.headers["Location"]
        headers = {"Authorization": f"Bearer {key}"}
        assert (await at(c, person).call("DELETE", session, headers=headers)).status == 200
        await at(c, person).until_state(stream_id, "interrupted")
    await at(c, person).done("POST", f"streams/{stream_id}/end")


async def test_recording_is_whole_at_every_node_while_it_grows_and_after_the_end(
    cluster: LocalCluster, person: Account, http: aiohttp.ClientSession
) -> None:
    a, b, c = cluster.running
    async with stream_directory(cluster, person, media=a, actor=b) as (stream_id, _, _):
        below = f"/hls/{stream_id}"
        await until(lambda: has_segments(at(c, person), stream_id, 3), within_s=30, what="three segments")
        growing = [listed(await at(node, person).text(f"{below}/video.m3u8?dvr=1")) for node in (c, b, a)]
        assert growing[0][:2] == growing[1][:2] == growing[2][:2]
        assert "<Period" in await at(c, person).text(f"{below}/manifest.mpd?dvr=1")
        await at(c, person).done("POST", f"streams/{stream_id}/end")
        for node in (a, b, c):
            await at(node, person).until_state(stream_id, "ended")
        for rendition in ("video", "audio"):
            whole = [await at(node, person).text(f"{below}/{rendition}.m3u8") for node in (c, b, a)]
            assert all("#EXT-X-ENDLIST" in text for text in whole)
            assert listed(whole[0]) == listed(whole[1]) == listed(whole[2])
            for segment in listed(whole[0]):
                assert await same_bytes(http, [c, b, a], _below(stream_id, segment)) > 500
        assert listed(await at(b, person).text(f"{below}/video.m3u8"))[:2] == growing[0][:2]
        for node in (c, b, a):
            manifest = await at(node, person).text(f"{below}/manifest.mpd")
            assert 'type="static"' in manifest
            assert manifest.count("<AdaptationSet") == 2


def listed(playlist: str) -> list[str]:
    """The whole segments of a playlist."""
    return re.findall(r"#EXTINF:.*\n(?:#.*\n)*([^#\n]+)", playlist)
