"""Two nodes behind one address: WebSockets that take over a session of the other one."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from server.live.edge.limits import EdgeLimits
from server.live.edge.nodes import tag_of
from tests.server.live.edge.certificates import self_signed
from tests.server.live.edge.cluster import (
    EdgeCluster,
    free_port,
    joined,
    mute_node,
    upgrade_request,
    upgraded,
)
from tests.server.live.edge.conftest import Build
from tests.server.live.edge.serving import (
    ended,
    eventually,
    mask,
    said,
    said_but_pings,
)


def contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS of a server and of its clients."""
    certificate, key = self_signed(folder)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=str(certificate))


@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "TLS"])
async def test_upgrade_through_another_node(build: Build, tmp_path: Path, is_secure: bool) -> None:
    server, client = contexts(tmp_path)
    a, b = await build(ssl=server if is_secure else None)
    for served in (a, b):
        served.use_tls(client)
    sid = await joined(a, b)
    ws = await b.websocket(f"EIO=4&transport=websocket&sid={sid}")
    await ws.send_str("2probe")
    assert await said(ws) == "3probe"
    await ws.send_str("5")
    for number in range(300):
        await ws.send_str(f'42["message",{number}]')
    assert [await said_but_pings(ws) for _ in range(300)] == [f'42["message-back",{n}]' for n in range(300)]
    await ws.send_str('42["message","' + "x" * 900_000 + '"]')
    assert len(await said_but_pings(ws)) > 900_000
    assert a.edge.sockets[0].transport == "websocket"
    await ws.close()
    await eventually(lambda: a.edge.session_count == 0 and not b.edge.server.forwarding.splices)


async def test_what_the_client_sends_with_its_upgrade_request_reaches_the_node(build: Build) -> None:
    a, b = await build()
    sid = await joined(a, b)
    raw = await b.raw()
    assert (await raw.upgrade(f"EIO=4&transport=websocket&sid={sid}", mask(1, b"2probe"))).startswith(b"HTTP/1.1 101 ")
    assert await raw.frame() == (1, b"3probe")


async def test_close_code_of_the_node_reaches_the_client(build: Build) -> None:
    a, b = await build()
    sid = await joined(a, b)
    ws = await upgraded(b, sid)
    a.edge.server.sessions.by_sid[sid].close("enough", code=1008)
    assert await ended(ws) == 1008
    await eventually(lambda: not b.edge.server.forwarding.splices)


async def test_client_that_leaves_its_spliced_websocket_is_missed_by_the_node(build: Build) -> None:
    a, b = await build()
    sid = await joined(a, b)
    raw = await b.raw()
    await raw.upgrade(f"EIO=4&transport=websocket&sid={sid}", mask(1, b"2probe"))
    await raw.frame()
    raw.send(mask(1, b"5") + mask(1, b'42["message",1]'))
    while (await raw.frame())[1] != b'42["message-back",1]':
        pass
    raw.writer.transport.abort()
    await eventually(lambda: a.edge.session_count == 0 and not b.edge.server.forwarding.splices)


async def test_reader_who_stops_fills_no_memory_of_the_node_between(build: Build) -> None:
    limits = EdgeLimits(max_unsent_bytes=1_000_000_000)
    a, b = await build(limits=limits)
    sid = await joined(a, b)
    raw = await b.raw()
    await raw.upgrade(f"EIO=4&transport=websocket&sid={sid}", mask(1, b"2probe"))
    await raw.frame()
    raw.send(mask(1, b"5"))
    await eventually(lambda: a.edge.sockets[0].transport == "websocket")
    for _ in range(40):
        a.edge.broadcast("news", "x" * 1_000_000)
        await asyncio.sleep(0)
    session = a.edge.server.sessions.by_sid[sid]
    await eventually(lambda: session.is_slow)
    (splice,) = b.edge.server.forwarding.splices
    near = splice.near.transport
    assert near is not None
    await eventually(lambda: near.get_write_buffer_size() > limits.slow_bytes)
    assert near.get_write_buffer_size() < 2_000_000
    raw.writer.transport.abort()
    await eventually(lambda: not b.edge.server.forwarding.splices)


async def test_splice_that_is_silent_for_too_long_is_cut(cluster: EdgeCluster) -> None:
    async with mute_node() as (address, _):
        cluster.inside[tag_of("mute")] = address
        await cluster.build(("b",), limits=EdgeLimits(ping_interval_s=0.2, ping_timeout_s=0.1))
        raw = await cluster.nodes[0].raw()
        raw.send(upgrade_request("x" * 20 + tag_of("mute")))
        assert await raw.eof() == b""
        assert not cluster.nodes[0].edge.server.forwarding.splices


async def test_upgrade_to_a_node_that_is_gone_gets_400(build: Build, cluster: EdgeCluster) -> None:
    (b,) = await build("b")
    cluster.inside[tag_of("gone")] = ("127.0.0.1", free_port())
    raw = await b.raw()
    raw.send(upgrade_request("x" * 20 + tag_of("gone")))
    assert (await raw.response()) == (400, b"Session ID unknown")
