"""Who watches, reacts and is present on any node is known on every node; who signs out is out everywhere."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest

from bench.cluster import LocalCluster, NodeProcess
from tests.cluster.test_streams import at, prepare_on
from tests.e2e.people import Account, register
from tests.e2e.talking import Talker
from tests.e2e.waiting import until

Connect = Callable[..., Awaitable[Talker]]


@pytest.fixture
async def person(cluster: LocalCluster, http: aiohttp.ClientSession) -> Account:
    return await register(http, cluster.running[0].url, "somebody")


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """A socket on a node, for the time of the test."""
    opened: list[Talker] = []

    async def make(node: NodeProcess, token: str | None = None) -> Talker:
        opened.append(await Talker(node.url, token).open())
        return opened[-1]

    yield make
    await asyncio.gather(*(one.close() for one in opened), return_exceptions=True)


async def counts(person: Account, nodes: list[NodeProcess], stream_id: str) -> list[int]:
    """What each node says; -1 from one that asks to come back."""
    answers = [await at(node, person).call("GET", f"streams/{stream_id}") for node in nodes]
    assert all(answer.status == 200 or answer.headers["Retry-After"] for answer in answers)
    return [answer.body["viewers"] if answer.status == 200 else -1 for answer in answers]


async def test_viewers_are_counted_exactly_across_nodes_also_when_the_counter_died(
    cluster: LocalCluster, person: Account, connect: Connect
) -> None:
    nodes = cluster.running
    made = await prepare_on(cluster, person, actor=nodes[0])
    stream_id = made["stream"]["id"]
    counter = await cluster.owner_of("viewers", stream_id)
    assert counter is not None
    others = [node for node in nodes if node is not counter]
    homes = [counter, others[0], others[0], others[1], others[1], others[1]]
    sockets = [await connect(node) for node in homes]
    for socket in sockets:
        await socket.ok("stream:watch", {"stream_id": stream_id})

    said: list[list[int]] = []

    async def all_say(expected: int, among: list[NodeProcess]) -> bool:
        said.append(await counts(person, among, stream_id))
        return said[-1] == [expected] * len(among)

    person.url = others[0].url
    await until(lambda: all_say(6, nodes), within_s=30, what="six viewers, whoever is asked")
    await sockets[-1].event("stream:viewers", lambda body: body["viewers"] == 6)
    counter.kill()
    # Its silence is noticed within 2 s; then the others' count is right within 2 s.
    await until(lambda: all_say(5, others), within_s=30, what="five viewers")
    await sockets[1].ok("stream:unwatch", {"stream_id": stream_id})
    await until(lambda: all_say(4, others), what="four viewers")
    last = sockets[-1].heard["stream:viewers"][-1]
    await sockets[-1].event("stream:viewers", lambda body: body["viewers"] == 4)
    assert last["viewers"] <= 6


async def test_reactions_and_presence_span_nodes(cluster: LocalCluster, person: Account, connect: Connect) -> None:
    nodes = cluster.running
    made = await prepare_on(cluster, person, actor=nodes[1])
    stream_id, room_id = made["stream"]["id"], made["stream"]["chat"]["room_id"]
    sockets = [await connect(node, person.token) for node in nodes]
    guest = await connect(nodes[2])
    for socket in (*sockets, guest):
        await socket.ok("stream:watch", {"stream_id": stream_id})
    for socket in sockets:
        await socket.ok("stream:react", {"stream_id": stream_id, "emoji": "🎉"})
    for socket in (*sockets, guest):
        await socket.said(
            lambda socket=socket: (
                sum(body["counts"].get("🎉", 0) for body in socket.heard["stream:reactions"]) == len(nodes)
            ),
            what="every reaction once",
        )
    for socket in sockets:
        present = await socket.ok("presence:list", {"room_id": room_id})
        assert [one["id"] for one in present["users"]] == [person.id]
        assert present["count"] == 2, present


async def test_people_on_two_nodes_are_in_one_call_that_a_third_node_may_own(
    cluster: LocalCluster, http: aiohttp.ClientSession, person: Account, connect: Connect
) -> None:
    nodes = cluster.running
    other = await register(http, nodes[0].url, "callee")
    caller, callee = await connect(nodes[0], person.token), await connect(nodes[1], other.token)
    made = await caller.ok("call:create", {})
    call_id = made["call_id"]
    joined = await callee.ok("call:join", {"join_token": made["join_token"]})
    assert [one["id"] for one in joined["people"]] == [person.id, other.id]
    await caller.event("call:joined", lambda body: body["person"]["id"] == other.id)
    offer = {"type": "offer", "sdp": "v=0\r\n"}
    await callee.ok("call:signal", {"call_id": call_id, "to": person.id, "description": offer})
    await caller.event("call:signal", lambda body: (body["from"], body["description"]) == (other.id, offer))
    stranger = await connect(nodes[2], (await register(http, nodes[2].url, "stranger")).token)
    refused = await stranger.ask("call:signal", {"call_id": call_id, "to": person.id, "description": offer})
    assert refused["error"]["code"] == "not_found", refused
    await callee.close()
    await caller.event("call:left", lambda body: body["user_id"] == other.id)


async def test_a_logout_on_one_node_ends_sockets_and_tokens_on_all(
    cluster: LocalCluster, person: Account, connect: Connect
) -> None:
    a, b, c = cluster.running
    sockets = [await connect(node, person.token) for node in (b, c)]
    await at(a, person).done("POST", "auth/logout")
    for socket in sockets:
        async with asyncio.timeout(30):
            await socket.event("session:revoked")
            await socket.ended.wait()
    for node in (b, c):
        assert (await at(node, person).call("GET", "me")).status == 401


async def test_a_person_on_two_nodes_has_one_budget(cluster: LocalCluster, person: Account, connect: Connect) -> None:
    nodes = cluster.running
    made = await prepare_on(cluster, person, actor=nodes[1])
    room_id = made["stream"]["chat"]["room_id"]
    sockets = [await connect(node, person.token) for node in nodes[:2]]
    limits = (await person.done("GET", "server"))["limits"]

    async def act(number: int) -> bool:
        body = {"room_id": room_id, "mode": {"slow_seconds": number}}
        answer = await sockets[number % 2].ask("chat:mode", body)
        assert answer["ok"] or answer["error"]["code"] == "rate_limited", answer
        return bool(answer["ok"])

    burst, began_at, done = limits["moderation_burst"], asyncio.get_running_loop().time(), 0
    for _ in range(2 * burst // 50):
        done += sum(await asyncio.gather(*(act(number) for number in range(50))))
    took_s = asyncio.get_running_loop().time() - began_at
    assert burst <= done <= burst + limits["moderation_per_second"] * took_s + 1


async def test_a_new_display_name_holds_on_every_node_for_sockets_presence_and_history(
    cluster: LocalCluster, person: Account, connect: Connect
) -> None:
    nodes = cluster.running
    made = await prepare_on(cluster, person, actor=nodes[0])
    stream_id, room = made["stream"]["id"], made["stream"]["chat"]["room_id"]
    sockets = [await connect(node, person.token) for node in nodes]
    for socket in sockets:
        await socket.ok("stream:watch", {"stream_id": stream_id})
    await sockets[1].ok("chat:send", {"room_id": room, "text": "before", "client_id": "before"})

    await person.done("PATCH", "me", {"display_name": "Another Name"})

    async def agree(socket: Talker) -> bool:
        present = await socket.ok("presence:list", {"room_id": room})
        history = await socket.ok("chat:history", {"room_id": room})
        told = [one["display_name"] for one in present["users"]]
        written = [one["user"]["display_name"] for one in history["messages"]]
        return {*told, *written} == {"Another Name"}

    for socket in sockets:
        await until(lambda socket=socket: agree(socket), within_s=30, what="the new name")

    numbers = itertools.count()

    async def writes_under_it(socket: Talker) -> bool:
        client_id = f"after {next(numbers)}"
        await socket.ok("chat:send", {"room_id": room, "text": "after", "client_id": client_id})
        heard = [
            await other.event("chat:messages", lambda body: body["messages"][-1].get("client_id") == client_id)
            for other in sockets
        ]
        return {body["messages"][-1]["user"]["display_name"] for body in heard} == {"Another Name"}

    for socket in sockets:  # a socket's own name is the one that its node has heard of last
        await until(lambda socket=socket: writes_under_it(socket), within_s=30, what="messages under the new name")
    for node in nodes:
        owner = (await at(node, person).stream(stream_id))["owner"]
        assert owner["display_name"] == "Another Name"
