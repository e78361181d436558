"""Compressed WebSockets as clients meet them: who gets which bytes, after an upgrade, and through other nodes."""

from __future__ import annotations

import asyncio
import json
import zlib

import pytest

from server.live.edge import fanout, topic
from server.live.edge.limits import EdgeLimits
from server.live.edge.session import EngineSession
from tests.server.live.edge.cluster import heard, joined
from tests.server.live.edge.conftest import Build, Serve
from tests.server.live.edge.serving import Raw, Served, eventually, mask, said, said_but_pings

OFFER = "permessage-deflate; client_max_window_bits"
LONG = "what a goal! " * 200
TOLD = f'42["said",{{"room":"r","body":"{LONG}"}}]'.encode()
COMPRESSED = 0xC1
PLAIN = 0x81


def inflated(payload: bytes, window: int = 15) -> bytes:
    return zlib.decompressobj(-window).decompress(payload + b"\x00\x00\xff\xff")


def deflated(text: str) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return (compressor.compress(text.encode()) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


async def upgraded(served: Served, query: str = "EIO=4&transport=websocket", extensions: str = OFFER) -> Raw:
    raw = await served.raw()
    head = await raw.upgrade(query, extensions=extensions)
    assert (b"Sec-WebSocket-Extensions: permessage-deflate" in head) == bool(extensions)
    return raw


async def in_room(served: Served, extensions: str = OFFER) -> Raw:
    """A WebSocket that has joined room `r`."""
    raw = await upgraded(served, extensions=extensions)
    await raw.frame()
    raw.send(mask(1, b"40") + mask(1, b'421["join","r"]'))
    while (await raw.frame())[1] != b'431["ok"]':
        pass
    return raw


async def told(raw: Raw) -> tuple[int, bytes]:
    """The next `said`, with what its frame begins with."""
    while (found := await raw.whole_frame())[1][:3] in (b"2", b"43", b"42[") and b'["said"' not in found[1]:
        pass
    return found


async def number_told(raw: Raw) -> int:
    first, payload = await told(raw)
    number: int = json.loads((inflated(payload) if first == COMPRESSED else payload)[2:])[1]["number"]
    return number


async def test_client_that_compresses_is_understood(serve: Serve) -> None:
    served = await serve()
    url = served.at("EIO=4&transport=websocket")
    async with served.http.ws_connect(url, compress=15) as ws:
        assert ws.compress == 15
        await said(ws)
        await ws.send_str("40")
        await said(ws)
        await said(ws)
        for text in ("", "é", LONG, "x" * 900_000):
            await ws.send_str(f'42["message","{text}"]')
            assert await said_but_pings(ws) == f'42["message-back","{text}"]'
        await ws.send_str('42["join","r"]')
        assert await said_but_pings(ws) == '42["joined","r"]'
        await ws.send_str(f'42["say","r","{LONG}"]')
        assert await said_but_pings(ws) == TOLD.decode()


async def test_what_many_get_is_compressed_for_those_who_take_it_so(serve: Serve) -> None:
    served = await serve()
    wide, wide_too = await in_room(served), await in_room(served)
    narrow = await in_room(served, "permessage-deflate; server_max_window_bits=9")
    plain = await in_room(served, "")
    plain.send(mask(1, f'42["say","r","{LONG}"]'.encode()))
    assert await told(plain) == (PLAIN, TOLD)
    first, payload = await told(wide)
    assert (first, inflated(payload)) == (COMPRESSED, TOLD)
    assert len(payload) < 200
    assert await told(wide_too) == (first, payload)
    first, payload = await told(narrow)
    assert (first, inflated(payload, 9)) == (COMPRESSED, TOLD)
    plain.send(mask(1, b'42["say","r","short"]'))
    for raw in (plain, wide, wide_too, narrow):
        assert await told(raw) == (PLAIN, b'42["said",{"room":"r","body":"short"}]')


async def test_what_one_gets_is_not_compressed(serve: Serve) -> None:
    raw = await in_room(await serve())
    raw.send(mask(1, deflated(f'422["message-with-ack","{LONG}"]'), first=COMPRESSED))
    assert await raw.whole_frame() == (PLAIN, f'432["{LONG}"]'.encode())


async def test_nothing_is_agreed_on_when_it_is_switched_off(serve: Serve) -> None:
    raw = await (await serve(limits=EdgeLimits(is_deflating=False))).raw()
    assert b"xtensions" not in await raw.upgrade(extensions=OFFER)
    await raw.frame()
    raw.send(mask(1, deflated("40"), first=COMPRESSED))
    assert await raw.close_code() == 1002


async def test_offer_that_cannot_be_read_is_refused_with_400(serve: Serve) -> None:
    raw = await (await serve()).raw()
    assert (await raw.upgrade(extensions="permessage-deflate; =")).startswith(b"HTTP/1.1 400 ")


async def test_offer_that_cannot_be_met_leaves_the_connection_as_it_is(serve: Serve) -> None:
    raw = await (await serve()).raw()
    head = await raw.upgrade(extensions="permessage-deflate; server_max_window_bits=8")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"xtensions" not in head


@pytest.mark.parametrize(
    ("payload", "code"),
    [(deflated("4" * 1001), 1009), (b"\xff" * 9, 1007)],
    ids=["more than the bound", "corrupt"],
)
async def test_connection_that_is_sent_what_it_must_not_inflate_is_closed(
    serve: Serve, payload: bytes, code: int
) -> None:
    raw = await in_room(await serve(limits=EdgeLimits(max_payload=1000)))
    raw.send(mask(1, payload, first=COMPRESSED))
    assert await raw.close_code() == code
    assert await raw.eof() == b""


async def test_session_that_upgrades_gets_compressed_what_it_got_plain(serve: Serve) -> None:
    served = await serve()
    sid = await joined(served, served)
    await served.push(sid, '421["join","r"]')
    assert await heard(served, sid, 2) == ['42["joined","r"]', '431["ok"]']
    speaker = await in_room(served, "")
    raw = await upgraded(served, f"EIO=4&transport=websocket&sid={sid}")
    raw.send(mask(1, b"2probe"))
    assert await raw.frame() == (1, b"3probe")
    speaker.send(mask(1, f'42["say","r","{LONG}"]'.encode()))
    assert await told(speaker) == (PLAIN, TOLD)
    raw.send(mask(1, deflated("5"), first=COMPRESSED))
    assert await told(raw) == (PLAIN, TOLD)  # encoded for polling, where it has waited
    speaker.send(mask(1, f'42["say","r","{LONG}"]'.encode()))
    first, payload = await told(raw)
    assert (first, inflated(payload)) == (COMPRESSED, TOLD)
    count = served.edge.fanout.count
    assert count("/ r") == 2
    raw.writer.transport.abort()
    await eventually(lambda: count("/ r") == 1)
    speaker.writer.transport.abort()
    await eventually(lambda: count("/ r") == 0)


async def probes_in_room(served: Served, count: int) -> list[tuple[EngineSession, Raw]]:
    """Polling sessions in room `r` with WebSockets that have yet to say that they take over."""
    found = []
    for _ in range(count):
        sid = await joined(served, served)
        await served.push(sid, '421["join","r"]')
        await heard(served, sid, 2)
        raw = await upgraded(served, f"EIO=4&transport=websocket&sid={sid}")
        raw.send(mask(1, b"2probe"))
        assert await raw.frame() == (1, b"3probe")
        found.append((served.edge.server.sessions.by_sid[sid], raw))
    return found


async def test_sessions_that_upgrade_between_two_rows_get_what_their_row_would_have_got(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic, "GROUP_SIZE", 2)
    monkeypatch.setattr(fanout, "_SLICE", 1)
    served = await serve()
    probes = await probes_in_room(served, 6)
    served.edge.fanout.publish("/ r", "said", {"number": 1})
    await asyncio.sleep(0)  # now the first row has it
    for session, _ in probes:
        assert session._probe is not None
        session.receive(session._probe, "5")
    for _, raw in probes:
        assert await number_told(raw) == 1
    served.edge.fanout.publish("/ r", "said", {"number": 2})
    for _, raw in probes:
        assert await number_told(raw) == 2


async def test_sessions_that_upgrade_amid_a_fan_out_get_everything_once_and_in_order(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic, "GROUP_SIZE", 2)  # so that a pass over a few sockets is interrupted many times
    monkeypatch.setattr(fanout, "_SLICE", 1)
    served = await serve()
    raws = [raw for _, raw in await probes_in_room(served, 30)]
    for number in range(30):
        served.edge.fanout.publish("/ r", "said", {"number": number, "text": LONG})
        raws[number].send(mask(1, b"5"))
        for _ in range(number % 9):
            await asyncio.sleep(0)
    for raw in raws:
        assert [await number_told(raw) for _ in range(30)] == list(range(30))
    served.edge.fanout.publish("/ r", "said", {"number": 30, "text": LONG})
    for raw in raws:
        first, payload = await told(raw)
        assert (first, json.loads(inflated(payload)[2:])[1]["number"]) == (COMPRESSED, 30)


@pytest.mark.parametrize("is_deflating", [True, False], ids=["like the session's", "without compression"])
async def test_upgrade_through_another_node_agrees_with_the_sessions_node(build: Build, is_deflating: bool) -> None:
    a, b = await build()
    b.edge.server.requests.limits = EdgeLimits(is_deflating=is_deflating)
    sid = await joined(a, b)
    await b.push(sid, '421["join","r"]')
    assert await heard(b, sid, 2) == ['42["joined","r"]', '431["ok"]']
    raw = await upgraded(b, f"EIO=4&transport=websocket&sid={sid}")
    raw.send(mask(1, deflated("2probe"), first=COMPRESSED))
    assert await raw.frame() == (1, b"3probe")
    raw.send(mask(1, deflated("5"), first=COMPRESSED))
    raw.send(mask(1, deflated(f'42["say","r","{LONG}"]'), first=COMPRESSED))
    first, payload = await told(raw)
    assert (first, inflated(payload)) == (COMPRESSED, TOLD)


async def test_node_that_does_not_compress_agrees_to_nothing_through_one_that_does(build: Build) -> None:
    a, b = await build()
    a.edge.server.requests.limits = EdgeLimits(is_deflating=False)
    sid = await joined(a, b)
    raw = await b.raw()
    head = await raw.upgrade(f"EIO=4&transport=websocket&sid={sid}", extensions=OFFER)
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"xtensions" not in head
