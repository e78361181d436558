"""One port for HTTP and Socket.IO: who gets which request, however its bytes arrive, and what is refused."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509

from server.live.edge.admission import Trusted
from server.live.edge.limits import EdgeLimits
from tests.server.live.edge.certificates import self_signed
from tests.server.live.edge.conftest import Serve
from tests.server.live.edge.serving import Raw, Served, ended, eventually, mask, said

POLLING = "EIO=4&transport=polling"
OPEN = f"GET /socket.io/?{POLLING} HTTP/1.1\r\nHost: test\r\n\r\n".encode()
OTHER = b"POST /other HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello"


def post(sid: str, body: bytes, *fields: str) -> bytes:
    lines = [f"POST /socket.io/?{POLLING}&sid={sid} HTTP/1.1", "Host: test", *fields]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def test_other_requests_are_the_http_servers(serve: Serve) -> None:
    served = await serve()
    async with served.http.post(f"{served.url}/api/v1/x?y=1", data="body") as response:
        assert await response.json() == {"method": "POST", "path": "/api/v1/x", "body": "body"}
    async with served.http.get(f"{served.url}/socket.io.js") as response:
        assert (await response.json())["path"] == "/socket.io.js"


async def test_one_connection_carries_both_kinds_of_request_in_turn(serve: Serve) -> None:
    raw = await (await serve()).raw()
    for _ in range(3):
        raw.send(OTHER)
        assert json.loads((await raw.response())[1])["body"] == "hello"
        raw.send(OPEN)
        assert (await raw.response())[1].startswith(b'0{"sid"')


async def test_requests_sent_without_waiting_are_answered_in_order(serve: Serve) -> None:
    raw = await (await serve()).raw()
    raw.send((OTHER + OPEN) * 3)
    for _ in range(3):
        assert json.loads((await raw.response())[1])["path"] == "/other"
        assert (await raw.response())[1].startswith(b'0{"sid"')


async def test_requests_may_arrive_byte_by_byte(serve: Serve) -> None:
    raw = await (await serve()).raw()
    chunked = b"POST /x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    for byte in OTHER + OPEN + chunked + OPEN:
        raw.send(bytes([byte]))
        await raw.writer.drain()
    assert json.loads((await raw.response())[1])["body"] == "hello"
    assert (await raw.response())[1].startswith(b'0{"sid"')
    assert json.loads((await raw.response())[1])["body"] == "abcde"
    assert (await raw.response())[1].startswith(b'0{"sid"')


async def test_upgrade_on_a_connection_that_carried_requests_before(serve: Serve) -> None:
    raw = await (await serve()).raw()
    raw.send(OTHER)
    await raw.response()
    raw.send(OPEN)
    await raw.response()
    assert (await raw.upgrade()).startswith(b"HTTP/1.1 101 ")
    assert (await raw.frame())[1].startswith(b'0{"sid"')
    raw.send(mask(1, b"40"))
    assert (await raw.frame())[1].startswith(b'40{"sid"')


async def test_frames_sent_with_the_upgrade_request_are_not_lost(serve: Serve) -> None:
    raw = await (await serve()).raw()
    await raw.upgrade(more=mask(1, b"40"))
    assert (await raw.frame())[1].startswith(b'0{"sid"')
    assert (await raw.frame())[1].startswith(b'40{"sid"')


async def test_websocket_of_the_http_server_is_left_to_it(serve: Serve) -> None:
    async def echo(request: web.BaseRequest) -> web.StreamResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.send_str(await ws.receive_str())
        await ws.close()
        return ws

    served = await serve(http=web.Server(echo))
    async with served.http.ws_connect(f"{served.url}/elsewhere") as ws:
        await ws.send_str("hi")
        assert await ws.receive_str() == "hi"


@pytest.mark.parametrize(
    "request_",
    [b"NONSENSE\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\n"],
)
async def test_what_is_no_request_gets_400_and_the_end(serve: Serve, request_: bytes) -> None:
    raw = await (await serve()).raw()
    raw.send(request_)
    assert b" 400 " in await raw.eof()


async def test_head_over_the_bound_gets_431(serve: Serve) -> None:
    raw = await (await serve()).raw()
    raw.send(b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000)
    assert (await raw.response())[0] == 431


@pytest.mark.parametrize("before", [b"", OTHER, OPEN], ids=["first", "after HTTP", "after polling"])
async def test_unfinished_head_has_a_deadline_on_every_request(serve: Serve, before: bytes) -> None:
    raw = await (await serve(limits=EdgeLimits(head_timeout_s=0.1, keepalive_timeout_s=30))).raw()
    if before:
        raw.send(before)
        await raw.response()
    raw.send(b"GET / HTTP/1.1\r\nHost:")
    assert await raw.eof() == b""


async def test_silent_connection_has_a_deadline(serve: Serve) -> None:
    served = await serve(limits=EdgeLimits(head_timeout_s=0.1, keepalive_timeout_s=0.1))
    assert await (await served.raw()).eof() == b""
    raw = await served.raw()
    raw.send(OTHER)
    await raw.response()
    assert await raw.eof() == b""


async def test_slow_handler_is_no_reason_to_close(serve: Serve) -> None:
    release = asyncio.Event()

    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        await release.wait()
        return web.Response(text="late")

    served = await serve(
        http=web.Server(slow), limits=EdgeLimits(head_timeout_s=0.05, keepalive_timeout_s=0.05, ping_timeout_s=0.2)
    )
    raw = await served.raw()
    raw.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
    asyncio.get_running_loop().call_later(0.4, release.set)
    assert (await raw.response())[1] == b"late"


# -- bodies


@pytest.mark.parametrize("size", [1, 100, 70_000, 900_000])
async def test_long_body_is_read_whole_however_it_arrives(serve: Serve, size: int) -> None:
    served = await serve()
    sid = await served.open_polling()
    await served.push(sid, "40")
    await served.poll(sid)
    body = b'42["message","' + b"x" * size + b'"]'
    raw = await served.raw()
    raw.send(post(sid, b"", f"Content-Length: {len(body)}"))
    for start in range(0, len(body), 50_000):
        raw.send(body[start : start + 50_000])
        await raw.writer.drain()
        await asyncio.sleep(0)
    assert await raw.response() == (200, b"ok")
    status, answer = await served.poll(sid)
    assert (status, answer) == (200, '42["message-back","' + "x" * size + '"]')


async def test_chunked_body_is_read_whole(serve: Serve) -> None:
    served = await serve()
    sid = await served.open_polling()
    raw = await served.raw()
    raw.send(post(sid, b"1\r\n4\r\n1\r\n0\r\n0\r\n\r\n", "Transfer-Encoding: chunked"))
    assert await raw.response() == (200, b"ok")
    assert (await served.poll(sid))[1].startswith('40{"sid"')


async def test_body_of_exactly_the_bound_is_taken_and_one_more_byte_gets_413(serve: Serve) -> None:
    served = await serve(limits=EdgeLimits(max_payload=1000))
    sid = await served.open_polling()
    await served.push(sid, "40")
    exact = '42["message","' + "x" * (1000 - 16) + '"]'
    assert await served.push(sid, exact) == (200, "ok")
    assert (await served.push(sid, exact + " "))[0] == 413


async def test_chunked_body_over_the_bound_gets_413_before_it_ends(serve: Serve) -> None:
    served = await serve(limits=EdgeLimits(max_payload=1000))
    raw = await served.raw()
    raw.send(post(await served.open_polling(), b"fffff\r\n" + b"x" * 2000, "Transfer-Encoding: chunked"))
    assert (await raw.response())[0] == 413


async def test_unfinished_body_gets_408(serve: Serve) -> None:
    served = await serve(limits=EdgeLimits(body_timeout_s=0.1))
    sid = await served.open_polling()
    raw = await served.raw()
    raw.send(post(sid, b"40", "Content-Length: 10"))
    assert (await raw.response())[0] == 408
    assert await served.push(sid, "40") == (200, "ok")


async def test_expect_continue_is_answered(serve: Serve) -> None:
    served = await serve()
    sid = await served.open_polling()
    raw = await served.raw()
    raw.send(post(sid, b"", "Content-Length: 2", "Expect: 100-continue"))
    assert (await raw.head()).startswith(b"HTTP/1.1 100 ")
    raw.send(b"40")
    assert await raw.response() == (200, b"ok")


async def test_second_body_at_the_same_time_closes_the_session(serve: Serve) -> None:
    served = await serve()
    sid = await served.open_polling()
    first = await served.raw()
    first.send(post(sid, b"4", "Content-Length: 2"))
    session = served.edge.server.sessions.by_sid[sid]
    await eventually(lambda: session.is_posting)
    assert (await served.push(sid, "40"))[0] == 400
    assert (await served.poll(sid))[0] == 400
    first.send(b"0")
    assert (await first.response())[0] == 400


async def test_body_that_breaks_off_leaves_the_session_usable(serve: Serve) -> None:
    served = await serve()
    sid = await served.open_polling()
    raw = await served.raw()
    raw.send(post(sid, b"4", "Content-Length: 2"))
    session = served.edge.server.sessions.by_sid[sid]
    await eventually(lambda: session.is_posting)
    await raw.close()
    await eventually(lambda: not session.is_posting)
    assert await served.push(sid, "40") == (200, "ok")


# -- origins


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_foreign_origin_is_refused_at_every_handshake(serve: Serve, origin: str) -> None:
    served = await serve(trusted=Trusted(origins=["https://app.example"]))
    async with served.http.get(served.at(POLLING), headers={"Origin": origin}) as response:
        assert response.status == 403
        assert "Access-Control-Allow-Origin" not in response.headers
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await served.http.ws_connect(served.at("EIO=4&transport=websocket"), origin=origin)
    assert refused.value.status == 403


async def test_own_and_listed_origins_and_none_are_admitted(serve: Serve) -> None:
    served = await serve(trusted=Trusted(origins=["https://app.example"]))
    for headers in ({}, {"Origin": served.url}, {"Origin": "https://app.example"}):
        assert (await served.get(POLLING, headers=headers))[0] == 200
        ws = await served.http.ws_connect(served.at("EIO=4&transport=websocket"), headers=headers)
        assert (await said(ws)).startswith("0")


async def test_preflight_names_the_listed_origin_only(serve: Serve) -> None:
    served = await serve(trusted=Trusted(origins=["https://app.example"]))
    async with served.http.options(served.at(POLLING), headers={"Origin": "https://app.example"}) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"
        assert "POST" in response.headers["Access-Control-Allow-Methods"]
    async with served.http.options(served.at(POLLING), headers={"Origin": "https://evil.example"}) as response:
        assert response.status == 403
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_answers_to_a_listed_origin_can_be_read_by_it(serve: Serve) -> None:
    served = await serve(trusted=Trusted(origins=["https://app.example"]))
    async with served.http.get(served.at(POLLING), headers={"Origin": "https://app.example"}) as response:
        assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"
        assert response.headers["Vary"] == "Origin"


# -- bounds


async def test_sessions_of_one_address_are_bounded_on_every_transport(serve: Serve) -> None:
    served = await serve(limits=EdgeLimits(max_sessions_per_address=2, limit_loopback=True))
    first = await served.websocket()
    await served.open_polling()
    assert (await served.get(POLLING))[0] == 429
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await served.websocket()
    assert refused.value.status == 429
    await first.close()
    await eventually(lambda: served.edge.session_count == 1)
    assert (await served.get(POLLING))[0] == 200


async def test_handshakes_above_the_rate_wait_for_their_turn_on_every_transport(serve: Serve) -> None:
    served = await serve(limits=EdgeLimits(connect_rate=20, connect_burst=1, connect_wait_s=5))
    started = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(served.get(POLLING) for _ in range(4)), served.websocket(), served.websocket())
    assert [answer[0] for answer in answers[:4]] == [200] * 4
    assert served.edge.session_count == 6
    assert asyncio.get_running_loop().time() - started >= 4 / 20 - 0.01


async def test_handshake_that_would_wait_too_long_gets_503_and_is_told_when_to_come_back(serve: Serve) -> None:
    served = await serve(limits=EdgeLimits(connect_rate=0.1, connect_burst=1, connect_wait_s=1))
    assert [(await served.get(POLLING))[0] for _ in range(2)] == [200, 200]
    async with served.http.get(served.at(POLLING)) as response:
        assert response.status == 503
        assert 1 <= int(response.headers["Retry-After"]) <= 2
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await served.websocket()
    assert refused.value.status == 503


async def test_connection_that_ends_before_its_turn_opens_nothing(serve: Serve) -> None:
    served = await serve(limits=EdgeLimits(connect_rate=10, connect_burst=1))
    for _ in range(2):
        await served.open_polling()
    waiting = await served.raw()
    waiting.send(OPEN)
    await eventually(
        lambda: any(demultiplexer._head is not None for demultiplexer in served.edge.server._demultiplexers)
    )
    await waiting.close()
    after = await served.raw()
    after.send(OPEN)
    assert (await after.response())[0] == 200
    assert served.edge.session_count == 3


async def test_address_behind_a_trusted_proxy_is_the_clients(serve: Serve) -> None:
    served = await serve(limits=EdgeLimits(max_sessions_per_address=1), trusted=Trusted(proxies=["127.0.0.0/8"]))
    for address, status in (("9.9.9.9", 200), ("9.9.9.9", 429), ("9.9.9.8", 200)):
        assert (await served.get(POLLING, headers={"X-Forwarded-For": address}))[0] == status
    assert {session.remote for session in served.edge.server.sessions.by_sid.values()} == {"9.9.9.9", "9.9.9.8"}


async def test_connections_of_the_port_are_bounded(serve: Serve) -> None:
    served = await serve(limits=EdgeLimits(max_connections=2))
    waiting = [await served.raw() for _ in range(2)]
    await eventually(lambda: len(served.edge.server._demultiplexers) == 2)
    over = await served.raw()
    assert (await over.response())[0] == 503
    assert await over.eof() == b""
    await waiting[0].close()
    await eventually(lambda: len(served.edge.server._demultiplexers) == 1)
    waiting[1].send(OPEN)
    assert (await waiting[1].response())[0] == 200


# -- websockets on the wire


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x02hi", 1002),
        (mask(1, b"hi", first=0xC1), 1002),
        (mask(3, b""), 1002),
        (mask(1, b"\xff\xfe"), 1007),
        (b"\x82\xff" + (1 << 32).to_bytes(8, "big") + b"\0\0\0\0", 1009),
        (mask(8, b"\x03\xec"), 1002),
        (mask(8, b"\x03\xe8"), 1000),
        (mask(8, b"\x0f\xa0bye"), 4000),
        (mask(8, b""), 1005),
    ],
    # The masks are random: two runners that share the tests must give them the same names.
    ids=["unmasked", "reserved bits", "unknown opcode", "no UTF-8", "too long", "code 1004", "1000", "4000", "no code"],
)
async def test_websocket_is_closed_with_the_code_that_is_due(serve: Serve, frame: bytes, code: int) -> None:
    raw = await (await serve()).raw()
    await raw.upgrade()
    raw.send(frame)
    assert await raw.close_code() == code
    if frame[0] == 0x88 and code != 1002:
        assert await raw.eof() == b""


async def test_connection_that_broke_the_protocol_is_ended_without_waiting_for_an_answer(serve: Serve) -> None:
    served = await serve(limits=EdgeLimits(close_timeout_s=60))
    raw = await served.raw()
    await raw.upgrade(more=mask(3, b"no such opcode") + mask(1, b"thrown away"))
    assert await raw.close_code() == 1002
    assert await raw.eof() == b""


async def test_ping_is_answered_with_its_payload(serve: Serve) -> None:
    raw = await (await serve()).raw()
    await raw.upgrade()
    await raw.frame()
    raw.send(mask(9, b"payload"))
    assert await raw.frame() == (10, b"payload")


async def test_close_of_ours_waits_for_theirs_and_not_forever(serve: Serve) -> None:
    served = await serve(limits=EdgeLimits(close_timeout_s=0.2, ping_timeout_s=1))
    raw = await served.raw()
    await raw.upgrade()
    raw.send(mask(1, b"4abc"))
    assert await raw.close_code() == 1002
    raw.send(mask(1, b"still talking"))
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await raw.frame()


async def test_flood_of_small_messages_leaves_others_their_turn(serve: Serve) -> None:
    served = await serve()
    flooding, other = await served.raw(), await served.connected()
    await flooding.upgrade(more=mask(1, b"40"))
    for _ in range(3):
        await flooding.frame()
    flooding.send(mask(1, b'42["message",1]') * 5000)
    await other.send_str('421["message-with-ack"]')
    assert await said(other) == "431[]"
    for _ in range(5000):
        assert await flooding.frame() == (1, b'42["message-back",1]')


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==", 426),
        ("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: no", 400),
        ("Sec-WebSocket-Version: 13", 400),
    ],
)
async def test_handshake_that_is_wrong_is_refused(serve: Serve, fields: str, status: int) -> None:
    raw = await (await serve()).raw()
    raw.send(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\n{fields}\r\n\r\n".encode()
    )
    assert (await raw.response())[0] == status


async def test_websocket_transport_without_an_upgrade_gets_400(serve: Serve) -> None:
    assert (await (await serve()).get("EIO=4&transport=websocket"))[0] == 400


async def test_probe_that_never_finishes_is_closed_and_polling_goes_on(serve: Serve) -> None:
    served = await serve(limits=EdgeLimits(upgrade_timeout_s=0.1, ping_timeout_s=1))
    sid = await served.open_polling()
    ws = await served.websocket(f"EIO=4&transport=websocket&sid={sid}")
    assert await ended(ws) == 1008
    await served.push(sid, "40")
    assert (await served.poll(sid))[1].startswith('40{"sid"')


# -- TLS and the way down


@pytest.fixture
def contexts(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(server's, client's)."""
    certificate, key = self_signed(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    assert x509.load_pem_x509_certificate(certificate.read_bytes())
    return server, ssl.create_default_context(cafile=str(certificate))


async def test_everything_works_over_tls(serve: Serve, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, client = contexts
    served = await serve(ssl=server)
    served.use_tls(client)
    async with served.http.post(f"{served.url}/x", data="body") as response:
        assert (await response.json())["body"] == "body"
    assert (await served.get(POLLING))[0] == 200
    ws = await served.connected()
    await ws.send_str('421["message-with-ack","' + "x" * 200_000 + '"]')
    assert len(await said(ws)) > 200_000
    await ws.send_str('42["kickme"]')
    assert await said(ws) == "41"
    assert await ended(ws) == 1000


async def test_drain_closes_sessions_so_that_clients_come_back(serve: Serve) -> None:
    served = await serve()
    clients = [await served.connected() for _ in range(5)]
    raw = await served.raw()
    await eventually(lambda: len(served.edge.server._demultiplexers) == 1)
    await served.edge.drain(within_s=0.1)
    assert [await ended(ws) for ws in clients] == [1001] * 5
    raw.send(OPEN)
    assert (await raw.response())[0] == 503
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", served.port)


async def test_drain_closes_who_came_first_first(serve: Serve) -> None:
    served = await serve()
    clients = [await served.connected() for _ in range(6)]
    sessions = list(served.edge.server.sessions.by_sid)
    assert [socket.session.sid for socket in served.edge.sockets] == sessions
    draining = asyncio.create_task(served.edge.drain(within_s=0.3))
    left: list[list[str]] = []
    while not draining.done():
        now_left = list(served.edge.server.sessions.by_sid)
        if not left or left[-1] != now_left:
            left.append(now_left)
        await asyncio.sleep(0)
    assert [sessions[-len(some) :] if some else [] for some in left] == left
    assert len(left) > 3
    for ws in clients:
        assert await ended(ws) == 1001


async def test_polls_that_wait_when_the_port_closes_are_answered(serve: Serve) -> None:
    served = await serve()
    polling = [asyncio.create_task(served.poll(await served.open_polling())) for _ in range(3)]
    sessions = served.edge.server.sessions.by_sid.values()
    await eventually(lambda: all(session.is_polled for session in sessions))
    await served.edge.close()
    assert await asyncio.gather(*polling) == [(200, "1")] * 3


async def test_drain_waits_for_the_poll_that_tells_a_session_of_its_end(serve: Serve) -> None:
    served = await serve()
    sid = await served.open_polling()
    assert await served.push(sid, "40") == (200, "ok")
    began_at = asyncio.get_running_loop().time()
    draining = asyncio.create_task(served.edge.drain(within_s=1.0))
    await eventually(lambda: asyncio.get_running_loop().time() > began_at + 1.1)
    assert not draining.done()
    assert (await served.poll(sid))[1].startswith("40{")
    assert await served.poll(sid) == (200, "1")
    await draining
    assert asyncio.get_running_loop().time() < began_at + 1.9


async def test_close_leaves_nothing_behind(serve: Serve) -> None:
    served: Served = await serve()
    raw: Raw = await served.raw()
    raw.send(b"GET / HTTP/1.1\r\n")
    await served.connected()
    await served.edge.close()
    await eventually(lambda: served.edge.session_count == 0 and not served.edge.server._demultiplexers)


async def test_sweep_that_comes_late_misses_nobody_but_the_next_one_does_however_late(serve: Serve) -> None:
    """Whoever stood still reads first what has waited; a loop whose every turn is late keeps its deadlines even so."""
    now = 1_000.0
    served = await serve(clock=lambda: now)
    ws = await served.connected()
    server = served.edge.server

    def sweep_after(seconds: float) -> None:
        nonlocal now
        assert server._timer is not None
        server._timer.cancel()
        now += seconds
        server._sweep()

    session = next(iter(server.sessions.by_sid.values()))
    sweep_after(0)
    for _ in range(40):  # one ping, and nothing said to it
        sweep_after(0.9)
    assert await said(ws) == "2"
    sweep_after(60)
    assert session.is_open
    sweep_after(60)
    assert not session.is_open


@pytest.mark.parametrize("is_swept_first", [False, True])
async def test_answer_that_waited_while_we_stood_still_is_no_ping_timeout(serve: Serve, is_swept_first: bool) -> None:
    now = 1_000.0
    served = await serve(clock=lambda: now)
    sid = await served.open_polling()
    await served.push(sid, "40")
    await served.poll(sid)
    server = served.edge.server
    assert server._timer is not None
    for step in (0.0, *[0.9] * 30):
        server._timer.cancel()
        now += step
        server._sweep()
    assert await served.poll(sid) == (200, "2")
    now += 60
    server._timer.cancel()
    if is_swept_first:
        server._sweep()
        server._timer.cancel()
    assert (await served.push(sid, "3"))[0] == 200
    server._sweep()
    assert sid in server.sessions.by_sid


async def test_tls_handshake_that_never_comes_has_the_deadline_of_a_head(
    serve: Serve, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    served = await serve(ssl=contexts[0], limits=EdgeLimits(head_timeout_s=0.1))
    assert await (await served.raw()).eof() == b""
