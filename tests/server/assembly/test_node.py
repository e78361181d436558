"""A node put together in this process: what it serves, what outlives it, and what a start that fails leaves behind."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from server.app import App
from server.ports import CannotStart
from storage.postgres import Database
from tests.server.live.core_node import CoreNode, NodeWithoutMedia, Person, core_node, settings_of


@pytest.fixture
def engines(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, Any]:
    return {"database_url": database_url, "redis_url": redis_url, "data_dir": tmp_path, "cluster_name": "one"}


def at(person: Person, node: CoreNode) -> Person:
    """The same person with the same token, on another node."""
    return Person(node, person.id, person.username, person.token)


async def test_what_was_acknowledged_outlives_the_node(engines: dict[str, Any]) -> None:
    said = {"text": "before", "client_id": "1"}
    async with core_node(**engines) as first:
        ann = await first.person("ann")
        stream = await ann.prepare("Goes on")
        await first.publish(stream)
        said["room_id"] = room_id = stream["chat"]["room_id"]
        ack = await (await ann.connect()).done("chat:send", said)
    async with core_node(**engines) as second:
        assert second.app.first_admin is None
        ann = at(ann, second)
        device = await ann.connect()
        watched = await device.done("stream:watch", {"stream_id": stream["id"]})
        # A stream whose node is silent for some seconds is interrupted, which a slow machine may see.
        assert watched["stream"]["state"] in ("live", "interrupted")
        assert watched["stream"]["title"] == "Goes on"
        assert watched["room"]["epoch"] == ack["epoch"]
        assert [message["id"] for message in watched["room"]["messages"]] == [ack["id"]]
        assert await device.done("chat:send", said) == ack
        following = await device.done("chat:send", {**said, "text": "after", "client_id": "2"})
        assert following["offset"] == ack["offset"] + 1
        since = {"epoch": ack["epoch"], "offset": ack["offset"]}
        joined = await device.done("chat:join", {"room_id": room_id, "since": since})
        assert (joined["recovered"], [message["text"] for message in joined["messages"]]) == (True, ["after"])
        granted = await second.publish(stream)
        assert granted.publication == 2


async def test_clients_of_a_node_that_stops_are_told_when_to_come_back(engines: dict[str, Any]) -> None:
    async with core_node(**engines) as node:
        guest = await node.served.connect()
        stopping = asyncio.ensure_future(node.app.stop())
        assert (await guest.until("server:draining"))["reconnect_in_ms"] >= 0
        await stopping


async def test_a_node_whose_media_process_is_away_serves_the_rest_and_says_so(engines: dict[str, Any]) -> None:
    async with core_node(**engines) as node:
        async with node.served.http.get(f"{node.served.url}/readyz") as answer:
            status, ready = answer.status, await answer.json()
        assert (status, ready["status"]) == (200, "degraded")
        ann = await node.person("ann")
        stream = await ann.prepare()
        offered = {"Authorization": f"Bearer {stream['ingest']['stream_key']}", "Content-Type": "application/sdp"}
        url = f"{node.served.url}/whip/{stream['id']}"
        async with node.served.http.post(url, data="v=0\r\n", headers=offered) as answer:
            assert (answer.status, answer.headers["Retry-After"].isdigit()) == (503, True)
        assert (await ann.done("GET", f"/streams/{stream['id']}"))["state"] == "scheduled"


PAGES = {"/unsubscribe"}
"""Of the web client, at the address of an operation: mail programs POST to what people open (RFC 8058)."""


async def test_what_is_documented_is_served_and_no_path_names_the_methods_of_another(engines: dict[str, Any]) -> None:
    async with core_node(**engines) as node:
        url, http = node.served.url, node.served.http
        async with http.get(f"{url}/asyncapi.json") as answer:
            events = await answer.json()
        guest = await node.served.connect()
        received = [key for key, one in events["operations"].items() if one["action"] == "receive"]
        assert len(received) > 10
        for key in received:
            ack = await guest.ask(events["channels"][key]["address"], {})
            assert ack.get("error", {}).get("code") != "unknown_event", key
        async with http.get(f"{url}/openapi.json") as answer:
            paths = (await answer.json())["paths"]
        for path, operations in paths.items():
            methods = {name.upper() for name in operations}
            given = [one for operation in operations.values() for one in operation.get("parameters", ())]
            examples = {one["name"]: one["example"] for one in given if one["in"] == "path"}
            async with http.options(url + path.format(**examples)) as answer:
                allowed = set(answer.headers["Allow"].split(", "))
            if path in PAGES:
                methods.add("GET")
            assert allowed == methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set()), path


async def test_a_start_that_fails_closes_what_it_had_opened(engines: dict[str, Any], db: Database) -> None:
    connections = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    before = await db.fetchval(connections)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        app: App = NodeWithoutMedia(settings=settings_of(**engines, rtmp_port=taken.getsockname()[1]))
        with pytest.raises(CannotStart, match="--rtmp-port"):
            await app.start()
    app = FailsAtMedia(settings=settings_of(**engines))
    with pytest.raises(CannotStart, match="no media"):
        await app.start()
    assert await db.fetchval(connections) <= before
    # The process that hashes is killed at once; its task waits until the kernel has ended it.
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        await asyncio.wait(left, timeout=30)
    assert [task.get_name() for task in left if not task.done()] == []
    with socket.socket() as free:
        free.bind(("127.0.0.1", app.ports_were))


class FailsAtMedia(App):
    """The last step but one fails."""

    async def _start_media(self, core: Any) -> None:
        self.ports_were = self.ports.rtmp_port
        raise CannotStart("no media")
