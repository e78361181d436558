"""Socket.IO v5 as its public protocol suite checks it, case by case, and the same over MessagePack."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import msgspec
import pytest

from server.live.edge.limits import EdgeLimits
from tests.server.live.edge.conftest import QUICK, Serve
from tests.server.live.edge.serving import EchoApplication, Served, ended, said, said_but_pings

PLACEHOLDERS = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'


@pytest.mark.parametrize(
    ("sent", "prefix", "auth"),
    [
        ("40", "40", '42["auth",{}]'),
        ('40{"token":"123"}', "40", '42["auth",{"token":"123"}]'),
        ("40/custom,", "40/custom,", '42/custom,["auth",{}]'),
        ('40/custom,{"token":"abc"}', "40/custom,", '42/custom,["auth",{"token":"abc"}]'),
    ],
)
async def test_connect_is_answered_with_a_sid_and_then_events(quick: Served, sent: str, prefix: str, auth: str) -> None:
    ws = await quick.websocket()
    await said(ws)
    await ws.send_str(sent)
    answer = await said(ws)
    assert answer.startswith(prefix)
    assert json.loads(answer[len(prefix) :]).keys() == {"sid"}
    assert await said(ws) == auth


@pytest.mark.parametrize("sent", ["40/random", "40/random,", '40/random,{"a":1}'])
async def test_connect_to_an_unknown_namespace_is_refused(quick: Served, sent: str) -> None:
    ws = await quick.websocket()
    await said(ws)
    await ws.send_str(sent)
    assert await said(ws) == '44/random,{"message":"Invalid namespace"}'


@pytest.mark.parametrize(
    "packet", ["4abc", "4", '42["message",1]', '43["x"]', '40["list"]', '40"text"', "44", "40{bad", "41"]
)
async def test_anything_but_a_connect_first_closes(quick: Served, packet: str) -> None:
    ws = await quick.websocket()
    await said(ws)
    await ws.send_str(packet)
    assert await ended(ws) == 1002


async def test_client_that_never_connects_is_closed(serve: Serve) -> None:
    served = await serve(limits=EdgeLimits(connect_timeout_s=0.1, ping_timeout_s=0.5))
    ws = await served.websocket()
    assert await ended(ws) == 1000


async def test_disconnect_leaves_the_connection_open(quick: Served) -> None:
    ws = await quick.connected()
    await ws.send_str("41")
    assert await said(ws) == "2"


async def test_leaving_one_namespace_leaves_the_other(quick: Served) -> None:
    ws = await quick.connected()
    await ws.send_str("40/custom")
    assert (await said_but_pings(ws)).startswith("40/custom,")
    assert await said_but_pings(ws) == '42/custom,["auth",{}]'
    await ws.send_str("41/custom")
    await ws.send_str('42["message","message to main namespace"]')
    assert await said_but_pings(ws) == '42["message-back","message to main namespace"]'


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ('42["message",1,"2",{"3":[true]}]', '42["message-back",1,"2",{"3":[true]}]'),
        ('42456["message-with-ack",1,"2",{"3":[false]}]', '43456[1,"2",{"3":[false]}]'),
    ],
)
async def test_text_message(quick: Served, sent: str, answer: str) -> None:
    ws = await quick.connected()
    await ws.send_str(sent)
    assert await said_but_pings(ws) == answer


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (f'452-["message",{PLACEHOLDERS}]', f'452-["message-back",{PLACEHOLDERS}]'),
        (f'452-789["message-with-ack",{PLACEHOLDERS}]', f"462-789[{PLACEHOLDERS}]"),
    ],
)
async def test_binary_message(quick: Served, sent: str, answer: str) -> None:
    ws = await quick.connected()
    await ws.send_str(sent)
    await ws.send_bytes(bytes([1, 2, 3]))
    await ws.send_bytes(bytes([4, 5, 6]))
    assert [await said_but_pings(ws) for _ in range(3)] == [answer, bytes([1, 2, 3]), bytes([4, 5, 6])]


TOO_DEEP = {"ok": False, "error": {"code": "invalid", "message": "The event is nested too deeply."}}


@pytest.mark.parametrize("depth", [40, 100_000])
async def test_event_that_is_nested_too_deeply_is_answered_and_closes_nothing(quick: Served, depth: int) -> None:
    ws = await quick.connected()
    nested = "[" * depth + "]" * depth
    await ws.send_str(f'427["message-with-ack",{nested}]')
    assert json.loads((await said(ws)).removeprefix("437")) == [TOO_DEEP]
    await ws.send_str(f'451-8["message-with-ack",{{"_placeholder":true,"num":0}},{nested}]')
    await ws.send_bytes(b"1")
    assert json.loads((await said(ws)).removeprefix("438")) == [TOO_DEEP]
    await ws.send_str(f'42["message",{nested}]')  # nobody waits for an answer to this one
    await ws.send_str('429["message-with-ack",1]')
    assert await said(ws) == "439[1]"


async def test_event_in_messagepack_that_is_nested_too_deeply_is_answered_and_closes_nothing(quick: Served) -> None:
    ws = await quick.http.ws_connect(quick.at("EIO=4&transport=websocket", "/socket.io-msgpack/"))
    await said(ws)
    await ws.send_bytes(msgspec.msgpack.encode({"type": 0, "nsp": "/"}))
    await said(ws)
    await said(ws)
    deep = b"\x84\xa4type\x02\xa3nsp\xa1/\xa2id\x07\xa4data\x92\xa1x" + b"\x91" * 40 + b"\x01"
    await ws.send_bytes(deep)
    assert msgspec.msgpack.decode(await said(ws)) == {"type": 3, "nsp": "/", "id": 7, "data": [TOO_DEEP]}


@pytest.mark.parametrize(
    "packet",
    [
        "4abc",
        "42{}",
        "42[]",
        "42",
        '42abc["message-with-ack",1]',
        "42[null]",
        "42[true]",
        "40",
        "44",
        '42/custom,["message",1]',
        '4299999999999999999999["message"]',
        '45-["message"]',
        '4511-["message"]',
        '42["message",NaN]',
        "41{}",
        "431{}",
    ],
)
async def test_invalid_packet_closes(quick: Served, packet: str) -> None:
    ws = await quick.connected()
    await ws.send_str(packet)
    assert await ended(ws) == 1002


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ('42["message","\\ud800x"]', '42["message-back","\ufffdx"]'),
        ('42["message",1e999]', '42["message-back",null]'),
        ('42["message",' + "9" * 5000 + "]", '42["message-back",null]'),
        ('42["message",123456789012345678901234567890]', '42["message-back",123456789012345678901234567890]'),
        ('42["message",{"a":1,"a":2}]', '42["message-back",{"a":2}]'),
        ('42["message",{"__proto__":1}]', '42["message-back",{"__proto__":1}]'),
        ('42["message","\\u0000"]', '42["message-back","\\u0000"]'),
        ('42["message","' + "[{" * 1000 + '"]', '42["message-back","' + "[{" * 1000 + '"]'),
    ],
)
async def test_odd_values_come_back_as_json_can_hold_them(quick: Served, sent: str, answer: str) -> None:
    ws = await quick.connected()
    await ws.send_str(sent)
    assert await said_but_pings(ws) == answer


async def test_unknown_event_is_acknowledged_and_does_not_close(quick: Served) -> None:
    ws = await quick.connected()
    await ws.send_str('421["nobody-knows",1]')
    assert await said_but_pings(ws) == "431[]"


async def test_text_where_an_attachment_is_due_closes(quick: Served) -> None:
    ws = await quick.connected()
    await ws.send_str('451-["message",{"_placeholder":true,"num":0}]')
    await ws.send_str('42["message",1]')
    assert await ended(ws) == 1002


@pytest.mark.parametrize("number", ["1", "-1", "true", '"0"', "null"])
async def test_placeholder_of_no_attachment_closes(quick: Served, number: str) -> None:
    ws = await quick.connected()
    await ws.send_str('451-["message",{"_placeholder":true,"num":' + number + "}]")
    await ws.send_bytes(b"x")
    assert await ended(ws) == 1002


async def test_binary_that_nobody_announced_closes(quick: Served) -> None:
    ws = await quick.connected()
    await ws.send_bytes(b"x")
    assert await ended(ws) == 1002


async def test_attachments_of_one_connection_are_bounded(serve: Serve) -> None:
    served = await serve(limits=EdgeLimits(max_payload=1000))
    ws = await served.connected()
    await ws.send_str(f'453-["message",{PLACEHOLDERS}]')
    await ws.send_bytes(b"x" * 900)
    await ws.send_bytes(b"x" * 900)
    assert await ended(ws) == 1009


async def test_kick_is_a_disconnect_packet_and_a_close(quick: Served) -> None:
    ws = await quick.connected()
    await ws.send_str('42["kickme"]')
    assert await said_but_pings(ws) == "41"
    assert await ended(ws) == 1000


async def test_kick_over_polling_is_a_disconnect_packet_and_a_close(serve: Serve) -> None:
    served = await serve()
    sid = await served.open_polling()
    await served.push(sid, "40")
    await served.poll(sid)
    assert await served.push(sid, '42["kickme"]') == (200, "ok")
    assert await served.poll(sid) == (200, "41")
    assert await served.poll(sid) == (200, "1")
    assert (await served.poll(sid))[0] == 400


async def test_burst_in_one_polling_payload_loses_nothing(serve: Serve) -> None:
    served = await serve()
    sid = await served.open_polling()
    await served.push(sid, "40")
    await served.poll(sid)
    burst = "\x1e".join(f'42["message",{number}]' for number in range(500))
    assert await served.push(sid, burst) == (200, "ok")
    _, answer = await served.poll(sid)
    assert answer.split("\x1e") == [f'42["message-back",{number}]' for number in range(500)]


async def test_rooms_reach_those_who_joined(quick: Served) -> None:
    one, two, other = [await quick.connected() for _ in range(3)]
    for ws in (one, two):
        await ws.send_str('421["join","r"]')
        assert await said_but_pings(ws) == '42["joined","r"]'
        assert await said_but_pings(ws) == '431["ok"]'
    await one.send_str('422["say","r","hi"]')
    heard = {await said_but_pings(one), await said_but_pings(one)}
    assert heard == {'432["ok"]', '42["said",{"room":"r","body":"hi"}]'}
    assert await said_but_pings(two) == '42["said",{"room":"r","body":"hi"}]'
    await two.send_str('42["chat","x"]')
    assert await said_but_pings(one) == '42["chat","x"]'
    await other.send_str('423["message-with-ack"]')
    assert await said_but_pings(other) == "433[]"


# -- MessagePack


@pytest.fixture
async def packed(serve: Serve) -> Served:
    return await serve(limits=QUICK, namespaces=("/", "/custom"), paths={"/socket.io": "msgpack"})


async def unpacked(ws: aiohttp.ClientWebSocketResponse) -> Any:
    return msgspec.msgpack.decode(await said_but_pings(ws))


async def packed_connected(served: Served) -> aiohttp.ClientWebSocketResponse:
    ws = await served.websocket()
    await said(ws)
    await ws.send_bytes(msgspec.msgpack.encode({"type": 0, "data": {"token": "x"}, "nsp": "/", "options": {}}))
    answer = await unpacked(ws)
    assert (answer["type"], answer["nsp"], answer["data"].keys()) == (0, "/", {"sid"})
    assert await unpacked(ws) == {"type": 2, "data": ["auth", {"token": "x"}], "nsp": "/"}
    return ws


async def test_msgpack_events_acks_and_binary(packed: Served) -> None:
    ws = await packed_connected(packed)
    await ws.send_bytes(msgspec.msgpack.encode({"type": 2, "data": ["message", 1, b"bin", {"a": [None]}], "nsp": "/"}))
    assert await unpacked(ws) == {"type": 2, "data": ["message-back", 1, b"bin", {"a": [None]}], "nsp": "/"}
    await ws.send_bytes(msgspec.msgpack.encode({"type": 2, "data": ["message-with-ack", "x"], "nsp": "/", "id": 7}))
    assert await unpacked(ws) == {"type": 3, "data": ["x"], "nsp": "/", "id": 7}


async def test_msgpack_undefined_from_javascript_is_null(packed: Served) -> None:
    ws = await packed_connected(packed)
    data = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa7message\xd4\x00\x00"
    await ws.send_bytes(data)
    assert (await unpacked(ws))["data"] == ["message-back", None]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x91\x01",
        b"\xdd\xff\xff\xff\xff",
        b"\x91" * 50_000,
        msgspec.msgpack.encode({"type": 9, "nsp": "/", "data": []}),
        msgspec.msgpack.encode({"type": True, "nsp": "/", "data": []}),
        msgspec.msgpack.encode({"type": 2, "nsp": 1, "data": ["x"]}),
        msgspec.msgpack.encode({"type": 2, "nsp": "/", "data": {}}),
        msgspec.msgpack.encode({"type": 2, "nsp": "/", "data": ["x"], "id": "1"}),
        msgspec.msgpack.encode({"type": 2, "nsp": "/", "data": ["x"], "id": 2**60}),
    ],
)
async def test_msgpack_invalid_packet_closes(packed: Served, data: bytes) -> None:
    ws = await packed_connected(packed)
    await ws.send_bytes(data)
    assert await ended(ws) == 1002


async def test_msgpack_unknown_namespace_is_refused(packed: Served) -> None:
    ws = await packed.websocket()
    await said(ws)
    await ws.send_bytes(msgspec.msgpack.encode({"type": 0, "nsp": "/random"}))
    assert await unpacked(ws) == {"type": 4, "data": {"message": "Invalid namespace"}, "nsp": "/random"}


async def test_msgpack_over_polling(packed: Served) -> None:
    sid = await packed.open_polling()
    import base64

    def pack(value: Any) -> str:
        return "b" + base64.b64encode(msgspec.msgpack.encode(value)).decode()

    assert await packed.push(sid, pack({"type": 0, "nsp": "/"})) == (200, "ok")
    _, answer = await packed.poll(sid)
    packets = [msgspec.msgpack.decode(base64.b64decode(part[1:])) for part in answer.split("\x1e")]
    assert [packet["type"] for packet in packets] == [0, 2]


def test_echo_application_is_an_application() -> None:
    application = EchoApplication()
    assert callable(application.on_connect)
    assert asyncio.iscoroutinefunction(application.on_event) is False
