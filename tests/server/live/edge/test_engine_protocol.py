"""Engine.IO v4 as its public protocol suite checks it, case by case."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bench import echo
from server.live.edge.server import EdgeServer
from tests.server.live.edge.serving import Served, ended, eventually, said

POLLING = "EIO=4&transport=polling"


class ServedEngine(Served):
    def at(self, query: str, path: str = "/engine.io/") -> str:
        return super().at(query, path)


@pytest.fixture
async def engine() -> AsyncIterator[ServedEngine]:
    options = echo.parser().parse_args(
        ["--engine", "--port", "0", "--ping-interval-ms", "300", "--ping-timeout-ms", "200"]
    )
    port = await echo.start(options)
    assert isinstance(port, EdgeServer)
    served = ServedEngine(port)  # type: ignore[arg-type]  # it only needs addresses and close
    yield served
    await served.close()


KEYS = {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}


async def test_handshake_over_polling_opens_a_session(engine: ServedEngine) -> None:
    status, content = await engine.get(POLLING)
    assert (status, content[0]) == (200, "0")
    value = json.loads(content[1:])
    assert value.keys() == KEYS
    assert (value["upgrades"], value["pingInterval"], value["pingTimeout"]) == (["websocket"], 300, 200)
    assert value["maxPayload"] == 1_000_000


@pytest.mark.parametrize("query", ["transport=polling", "EIO=abc&transport=polling", "EIO=4", "EIO=4&transport=abc"])
async def test_handshake_over_polling_with_a_bad_parameter_gets_400(engine: ServedEngine, query: str) -> None:
    assert (await engine.get(query))[0] == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_handshake_with_another_method_gets_400(engine: ServedEngine, method: str) -> None:
    async with engine.http.request(method, engine.at(POLLING)) as response:
        assert response.status == 400


async def test_handshake_over_websocket_opens_a_session_without_upgrades(engine: ServedEngine) -> None:
    ws = await engine.websocket()
    data = await said(ws)
    value = json.loads(data[1:])
    assert data[0] == "0"
    assert value.keys() == KEYS
    assert (value["upgrades"], value["pingInterval"], value["pingTimeout"]) == ([], 300, 200)


@pytest.mark.parametrize(
    "query", ["transport=websocket", "EIO=abc&transport=websocket", "EIO=4", "EIO=4&transport=abc"]
)
async def test_handshake_over_websocket_with_a_bad_parameter_is_refused(engine: ServedEngine, query: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await engine.websocket(query)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "payload", ["4hello", "4test1\x1e4test2\x1e4test3", "4hello\x1ebAQIDBA=="], ids=["one", "several", "binary"]
)
async def test_polling_sends_and_receives_a_payload(engine: ServedEngine, payload: str) -> None:
    sid = await engine.open_polling()
    assert await engine.push(sid, payload) == (200, "ok")
    assert await engine.poll(sid) == (200, payload)


async def test_polling_with_an_invalid_packet_closes_the_session(engine: ServedEngine) -> None:
    sid = await engine.open_polling()
    assert (await engine.push(sid, "abc"))[0] == 400
    assert (await engine.poll(sid))[0] == 400


async def test_second_concurrent_poll_is_refused_and_closes_the_session(engine: ServedEngine) -> None:
    sid = await engine.open_polling()
    first = asyncio.create_task(engine.poll(sid))
    session = engine.edge.sessions.by_sid[sid]  # type: ignore[attr-defined]
    await eventually(lambda: session.is_polled)
    assert (await engine.poll(sid))[0] == 400
    assert await first == (200, "1")
    assert (await engine.poll(sid))[0] == 400


async def test_cancelled_poll_closes_the_session(engine: ServedEngine) -> None:
    sid = await engine.open_polling()
    poll = asyncio.create_task(engine.poll(sid))
    session = engine.edge.sessions.by_sid[sid]  # type: ignore[attr-defined]
    await eventually(lambda: session.is_polled)
    poll.cancel()
    await asyncio.wait([poll])
    await eventually(lambda: not session.is_open)
    assert (await engine.poll(sid))[0] == 400


@pytest.mark.parametrize("message", ["4hello", bytes([1, 2, 3, 4])], ids=["text", "binary"])
async def test_websocket_sends_and_receives_a_packet(engine: ServedEngine, message: str | bytes) -> None:
    ws = await engine.websocket()
    await said(ws)
    await (ws.send_str(message) if isinstance(message, str) else ws.send_bytes(message))
    assert await said(ws) == message


@pytest.mark.parametrize("packet", ["abc", "", "2", "2probe", "0"])
async def test_websocket_with_an_invalid_packet_closes(engine: ServedEngine, packet: str) -> None:
    ws = await engine.websocket()
    await said(ws)
    await ws.send_str(packet)
    assert await ended(ws) == 1002


async def test_polling_heartbeat_goes_on_while_pongs_come(engine: ServedEngine) -> None:
    sid = await engine.open_polling()
    for _ in range(3):
        assert await engine.poll(sid) == (200, "2")
        assert await engine.push(sid, "3") == (200, "ok")


async def test_polling_session_ends_at_its_ping_timeout(engine: ServedEngine) -> None:
    sid = await engine.open_polling()
    for _ in range(100):  # the two times of the handshake are half a second; a full machine counts late
        await asyncio.sleep(0.5)
        if (await engine.poll(sid))[0] == 400:
            return
    raise AssertionError("the session never ended")


async def test_websocket_heartbeat_goes_on_while_pongs_come(engine: ServedEngine) -> None:
    ws = await engine.websocket()
    await said(ws)
    for _ in range(3):
        assert await said(ws) == "2"
        await ws.send_str("3")


async def test_websocket_without_pongs_is_closed(engine: ServedEngine) -> None:
    ws = await engine.websocket()
    assert await ended(ws) == 1000


async def test_close_packet_ends_a_polling_session(engine: ServedEngine) -> None:
    sid = await engine.open_polling()
    poll = asyncio.create_task(engine.poll(sid))
    session = engine.edge.sessions.by_sid[sid]  # type: ignore[attr-defined]
    await eventually(lambda: session.is_polled)
    assert await engine.push(sid, "1") == (200, "ok")
    assert await poll == (200, "6")
    assert (await engine.poll(sid))[0] == 400


async def test_close_packet_ends_a_websocket_session(engine: ServedEngine) -> None:
    ws = await engine.websocket()
    await said(ws)
    await ws.send_str("1")
    assert await ended(ws) == 1000


async def upgraded(engine: ServedEngine) -> tuple[str, aiohttp.ClientWebSocketResponse]:
    sid = await engine.open_polling()
    ws = await engine.websocket(f"EIO=4&transport=websocket&sid={sid}")
    await ws.send_str("2probe")
    assert await said(ws) == "3probe"
    await ws.send_str("5")
    return sid, ws


async def test_upgrade_releases_the_poll_and_moves_the_session(engine: ServedEngine) -> None:
    sid = await engine.open_polling()
    ws = await engine.websocket(f"EIO=4&transport=websocket&sid={sid}")
    await ws.send_str("2probe")
    assert await said(ws) == "3probe"
    assert await engine.poll(sid) == (200, "6")
    await ws.send_str("5")
    await ws.send_str("4hello")
    assert await said(ws) == "4hello"


async def test_messages_queued_before_the_upgrade_arrive_after_it_in_order(engine: ServedEngine) -> None:
    sid = await engine.open_polling()
    assert (await engine.push(sid, "4one\x1e4two"))[0] == 200
    ws = await engine.websocket(f"EIO=4&transport=websocket&sid={sid}")
    await ws.send_str("2probe")
    assert await said(ws) == "3probe"
    await ws.send_str("5")
    await ws.send_str("4three")
    assert [await said(ws) for _ in range(3)] == ["4one", "4two", "4three"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_polling_after_the_upgrade_gets_400(engine: ServedEngine, method: str) -> None:
    sid, ws = await upgraded(engine)
    await ws.send_str("4hello")
    assert await said(ws) == "4hello"
    async with engine.http.request(method, engine.at(f"{POLLING}&sid={sid}"), data="4x") as response:
        assert response.status == 400
    await ws.send_str("4again")
    assert await said(ws) == "4again"


async def test_second_websocket_after_the_upgrade_opens_and_is_closed(engine: ServedEngine) -> None:
    sid, ws = await upgraded(engine)
    second = await engine.websocket(f"EIO=4&transport=websocket&sid={sid}")
    assert await ended(second) == 1008
    await ws.send_str("4hello")
    assert await said(ws) == "4hello"


async def test_websocket_for_an_unknown_session_is_refused(engine: ServedEngine) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await engine.websocket("EIO=4&transport=websocket&sid=nobody")


async def test_probe_that_says_something_else_is_closed_and_polling_goes_on(engine: ServedEngine) -> None:
    sid = await engine.open_polling()
    ws = await engine.websocket(f"EIO=4&transport=websocket&sid={sid}")
    await ws.send_str("4hello")
    assert await ended(ws) == 1002
    assert await engine.push(sid, "4hi") == (200, "ok")
    assert await engine.poll(sid) == (200, "4hi")


@pytest.mark.parametrize("query", [f"{POLLING}&sid=nobody", f"{POLLING}&sid="])
async def test_unknown_session_gets_400(engine: ServedEngine, query: str) -> None:
    assert (await engine.post(query, "4x"))[0] == 400
