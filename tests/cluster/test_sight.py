"""What an operator sees of three real nodes: all of them from any, one that is frozen, one message's way."""

from __future__ import annotations

import signal
from functools import partial
from typing import Any

import aiohttp
import pytest
import socketio

from bench.cluster import LocalCluster, NodeProcess
from storage.postgres import Database
from tests.cluster.conftest import room_on
from tests.cluster.test_streams import at
from tests.e2e.people import PASSWORD, Account, Api, register
from tests.e2e.talking import Talker
from tests.e2e.waiting import until, until_true


@pytest.fixture
async def admin(cluster: LocalCluster, http: aiohttp.ClientSession) -> Account:
    url = cluster.running[0].url
    person = await register(http, url, "operator")
    db = await Database.connect(cluster.database_url, max_connections=1)
    await db.execute("update users set roles = roles || array['admin'] where id = $1", person.id)
    await db.close()
    held = await Api(http, url).done("POST", "auth/login", {"login": person.username, "password": PASSWORD})
    return Account(http, url, held)


async def seen(node: NodeProcess, admin: Account) -> Any:
    return await at(node, admin).done("GET", "admin/cluster")


async def test_every_node_shows_all_nodes_and_every_shard_with_its_epoch(cluster: LocalCluster, admin: Account) -> None:
    names = {node.name for node in cluster.running}

    async def all_is_held(node: NodeProcess) -> bool:
        body = await seen(node, admin)
        held = {shard["node"] for shard in body["shards"] if shard["epoch"]}
        return held == names and all(shard["epoch"] for shard in body["shards"])

    for node in cluster.running:
        await until(partial(all_is_held, node), what="256 shards with epochs")
        nodes = (await seen(node, admin))["nodes"]
        assert {one["name"] for one in nodes if one["answers"]} == names
        assert sum(one["shards"] for one in nodes) == 256
        assert all(one["bus"]["received"] and one["media"]["pid"] and one["rss_bytes"] for one in nodes)


async def test_a_frozen_node_is_shown_as_one_that_does_not_answer(cluster: LocalCluster, admin: Account) -> None:
    asked, frozen = cluster.running[:2]
    frozen.signal(signal.SIGSTOP)
    try:
        nodes = {node["name"]: node for node in (await seen(asked, admin))["nodes"]}
    finally:
        frozen.signal(signal.SIGCONT)
    assert nodes[asked.name]["answers"]
    assert not nodes[frozen.name]["answers"]


async def test_a_message_is_followed_from_socket_to_socket_over_three_nodes(
    cluster: LocalCluster, admin: Account, http: aiohttp.ClientSession
) -> None:
    home, owner, other = cluster.running
    room_id = await room_on(owner, cluster, admin)
    sender = socketio.AsyncClient(reconnection=False)
    listener = await Talker(other.url).open()
    try:
        await sender.connect(home.url, auth={"token": admin.token, "trace": True}, transports=["websocket"])
        await listener.ok("chat:join", {"room_id": room_id})
        sent = {"room_id": room_id, "text": "where do I go?", "client_id": "c1"}
        answer = await sender.call("chat:send", sent, timeout=30)
        await until_true(lambda: bool(listener.heard["chat:messages"]), what="the message")
        trace = await at(owner, admin).done("GET", f"admin/traces/{answer['trace']}")
    finally:
        await sender.disconnect()
        await listener.close()
    steps = {(span["name"], span["node"]) for span in trace["spans"]}
    assert {
        ("chat:send", home.name),
        ("room.post", owner.name),
        ("room.commit", owner.name),
        ("sockets.write", other.name),
    } <= steps
    assert trace["silent"] == []


async def test_nobody_else_has_a_message_followed(cluster: LocalCluster, http: aiohttp.ClientSession) -> None:
    node = cluster.running[0]
    person = await register(http, node.url, "curious")
    room_id = await room_on(node, cluster, person)
    sender = socketio.AsyncClient(reconnection=False)
    try:
        await sender.connect(node.url, auth={"token": person.token, "trace": True}, transports=["websocket"])
        answer = await sender.call("chat:send", {"room_id": room_id, "text": "hello", "client_id": "c1"}, timeout=30)
    finally:
        await sender.disconnect()
    assert answer["ok"]
    assert "trace" not in answer


async def test_a_node_without_actors_serves_and_owns_nothing(cluster: LocalCluster, admin: Account) -> None:
    balancer = cluster.begin("--node-roles=edge,media").ready()
    try:
        made = await at(balancer, admin).prepare("From the door")
        socket = await Talker(balancer.url, admin.token).open()
        try:
            message = {"room_id": made["stream"]["chat"]["room_id"], "text": "hello", "client_id": "1"}
            assert (await socket.ok("chat:send", message))["offset"] == 1
        finally:
            await socket.close()
        shown = {node["name"]: node for node in (await seen(balancer, admin))["nodes"]}[balancer.name]
        assert (shown["shards"], sorted(shown["roles"])) == (0, ["edge", "media"])
        assert balancer.name not in await cluster.shares()
    finally:
        balancer.signal(signal.SIGTERM)
        assert balancer.end(within_s=30.0) == 0
