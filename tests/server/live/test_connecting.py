"""Connecting over Socket.IO to a node in this process whose limits are low: who is let in, how often, for how long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
import socketio

from tests.server.live.core_node import CoreNode, Person, node_of_file
from tests.server.served import DEADLINE_S, PASSWORD, Device

pytestmark = pytest.mark.asyncio(loop_scope="module")

Connect = Callable[..., Awaitable[Device]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(
    postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[CoreNode]:
    limits = {
        "max_sockets_per_account": 2,
        "max_guest_sockets": 2,
        "socket_event_rate": 0.1,
        "socket_event_burst": 12,
        "chat_rate": 0.1,
        "chat_burst": 3,
    }
    async with node_of_file(postgres_url, redis_server_url, tmp_path_factory, **limits) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def connect(node: CoreNode) -> AsyncIterator[Connect]:
    """Connects devices that have all gone when the test is over."""

    async def connect(person: Person | None = None) -> Device:
        return await (person.connect() if person is not None else node.served.connect())

    yield connect
    while node.served.devices:
        await node.served.devices.pop().client.disconnect()
    await until_left(node, 0)


async def until_left(node: CoreNode, count: int) -> None:
    """The node has so many sockets."""
    async with asyncio.timeout(DEADLINE_S):
        while node.app.live.sockets.count != count:  # noqa: ASYNC110 - turns of the loop
            await asyncio.sleep(0)


async def refusal_of(node: CoreNode, auth: Any) -> str:
    """The code by which a connection is refused."""
    client = socketio.AsyncClient(reconnection=False)
    told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    client.on("connect_error", told.set_result)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(node.served.url, auth=auth, transports=["websocket"], wait_timeout=DEADLINE_S)
    code: str = (await told)["data"]["code"]
    return code


@pytest.mark.parametrize("token", ["", "garbage", "a.b.c", "x" * 9_000, 5, True, [], {"token": "x"}])
async def test_a_bad_token_is_refused_with_its_code_and_makes_nobody_a_guest(node: CoreNode, token: Any) -> None:
    assert (await refusal_of(node, {"token": token})).startswith("token")
    assert node.app.live.sockets.count == 0


@pytest.mark.parametrize("auth", [{}, {"token": None}, {"other": "x"}])
async def test_without_a_token_one_is_a_guest(node: CoreNode, connect: Connect, auth: dict[str, Any]) -> None:
    guest = Device()
    await guest.client.connect(node.served.url, auth=auth, transports=["websocket"], wait_timeout=DEADLINE_S)
    node.served.devices.append(guest)
    refused = await guest.refused("chat:send", {"room_id": "x"})
    assert refused["code"] in ("invalid", "unauthenticated")


async def test_an_account_and_all_guests_together_have_a_bounded_number_of_sockets(
    node: CoreNode, connect: Connect
) -> None:
    ann, bob = await node.person("ann"), await node.person("bob")
    first, *_ = [await connect(ann) for _ in range(2)]
    assert await refusal_of(node, {"token": ann.token}) == "too_many_connections"
    for _ in range(2):
        await connect()
    assert await refusal_of(node, {}) == "too_many_guests"
    await connect(bob)
    await first.client.disconnect()
    await until_left(node, 4)
    await connect(ann)


async def test_a_socket_that_sends_too_fast_is_told_to_wait_and_goes_on_listening(
    node: CoreNode, connect: Connect
) -> None:
    eager, calm = await connect(), await connect()
    unknown = [await eager.ask(f"no:{number}", {}) for number in range(14)]
    codes = [ack["error"]["code"] for ack in unknown]
    assert codes == ["unknown_event"] * 12 + ["rate_limited"] * 2
    assert 0 < unknown[-1]["error"]["retry_after_ms"] <= 10_000
    assert (await calm.ask("no:1", {}))["error"]["code"] == "unknown_event"
    assert eager.client.connected


async def test_the_name_of_an_unknown_event_is_not_given_back_at_length(connect: Connect) -> None:
    refused = await (await connect()).refused("x" * 10_000, {})
    assert refused["code"] == "unknown_event"
    assert len(refused["message"]) < 100


async def test_a_person_writes_at_one_rate_over_all_sockets_and_what_was_written_is_answered_all_the_same(
    node: CoreNode, connect: Connect
) -> None:
    writer, owner = await node.person("writer"), await node.person("owner")
    room_id = (await owner.prepare())["chat"]["room_id"]
    first, second = await connect(writer), await connect(writer)
    sent = [{"room_id": room_id, "text": "hi", "client_id": str(number)} for number in range(4)]
    acks = [await device.done("chat:send", body) for device, body in zip((first, second, first), sent, strict=False)]
    refused = await second.refused("chat:send", sent[3])
    assert refused["code"] == "rate_limited"
    assert 0 < refused["retry_after_ms"] <= 10_000
    assert await second.done("chat:send", sent[0]) == acks[0]
    await (await connect(owner)).done("chat:send", {**sent[0], "text": "of another"})


async def test_a_sign_out_ends_the_sockets_of_that_session_alone_and_its_token(
    node: CoreNode, connect: Connect
) -> None:
    here = await node.person("carl")
    there = await node.sign_in("carl", PASSWORD)
    mine, other = await connect(here), await connect(there)
    assert (await here.call("POST", "/auth/logout"))[0] == 204
    assert isinstance((await mine.until("session:revoked"))["reason"], str)
    await until_left(node, 1)
    assert (await refusal_of(node, {"token": here.token})).startswith("token")
    assert (await other.refused("no:1", {}))["code"] == "unknown_event"


async def test_who_ends_all_other_sessions_keeps_their_own_socket(node: CoreNode, connect: Connect) -> None:
    here = await node.person("dora")
    there = await node.sign_in("dora", PASSWORD)
    mine, other = await connect(here), await connect(there)
    assert (await here.call("DELETE", "/auth/sessions"))[0] == 204
    await other.until("session:revoked")
    await until_left(node, 1)
    assert mine.client.connected


async def test_a_new_name_is_on_the_next_message_without_a_new_connection(node: CoreNode, connect: Connect) -> None:
    eve, reader = await node.person("eve"), await node.person("reader")
    room_id = (await eve.prepare())["chat"]["room_id"]
    writing, reading = await connect(eve), await connect(reader)
    await reading.done("chat:join", {"room_id": room_id})
    await eve.done("PATCH", "/me", {"display_name": "Eve the Great"})
    await writing.done("chat:send", {"room_id": room_id, "text": "hi", "client_id": "1"})
    [message] = (await reading.until("chat:messages"))["messages"]
    assert message["user"]["display_name"] == "Eve the Great"


async def test_a_deleted_account_has_no_sockets(node: CoreNode, connect: Connect) -> None:
    fred = await node.person("fred")
    device = await connect(fred)
    assert (await fred.call("DELETE", "/me", json={"password": PASSWORD}))[0] in (202, 204)
    await device.until("session:revoked")
    await until_left(node, 0)
    assert (await refusal_of(node, {"token": fred.token})).startswith("token")
