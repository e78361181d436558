"""Two nodes behind one address: polls and posts of sessions that are on the other one."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import pytest

from server.live.edge.admission import Trusted
from server.live.edge.forward import MARK
from server.live.edge.limits import EdgeLimits
from server.live.edge.nodes import tag_of
from tests.server.live.edge.cluster import (
    NOBODY,
    POLLING,
    EdgeCluster,
    heard,
    joined,
    mute_node,
    upgrade_request,
    upgraded,
)
from tests.server.live.edge.conftest import Build
from tests.server.live.edge.serving import (
    ended,
    eventually,
)


async def test_session_id_ends_with_the_tag_of_its_node(build: Build) -> None:
    for served, name in zip(await build(), "ab", strict=True):
        sid = await served.open_polling()
        assert len(sid) == 28
        assert sid.endswith(tag_of(name))


async def test_poll_and_post_of_another_nodes_session(build: Build) -> None:
    a, b = await build()
    sid = await joined(a, b)
    assert await b.push(sid, '42["message",1]') == (200, "ok")
    assert await heard(b, sid, 1) == ['42["message-back",1]']
    assert b.edge.forwarded >= 4
    assert (a.edge.session_count, b.edge.session_count) == (1, 0)


async def test_long_poll_is_answered_when_an_event_comes(build: Build) -> None:
    a, b = await build()
    sid = await joined(a, b)
    polling = asyncio.create_task(b.poll(sid))
    session = a.edge.server.sessions.by_sid[sid]
    await eventually(lambda: session.is_polled)
    a.edge.broadcast("news", 7)
    assert await polling == (200, '42["news",7]')


async def test_burst_keeps_its_order_whichever_node_it_goes_through(build: Build) -> None:
    a, b = await build()
    sid = await joined(a, b)
    for part in range(4):
        body = "\x1e".join(f'42["message",{number}]' for number in range(part * 50, part * 50 + 50))
        assert await (a, b)[part % 2].push(sid, body) == (200, "ok")
    assert await heard(b, sid, 200) == [f'42["message-back",{number}]' for number in range(200)]


async def test_binary_message_through_another_node(build: Build) -> None:
    a, b = await build()
    sid = await joined(a, b)
    attachment = "b" + base64.b64encode(bytes(range(256))).decode()
    packet = '451-["message",{"_placeholder":true,"num":0}]'
    assert await b.push(sid, f"{packet}\x1e{attachment}") == (200, "ok")
    assert await heard(b, sid, 2) == ['451-["message-back",{"_placeholder":true,"num":0}]', attachment]


async def test_body_of_half_a_megabyte_through_another_node_both_ways(build: Build) -> None:
    a, b = await build()
    sid = await joined(a, b)
    text = "x" * 500_000
    assert await b.push(sid, f'42["message","{text}"]') == (200, "ok")
    assert await heard(b, sid, 1) == [f'42["message-back","{text}"]']


async def test_chunked_body_is_taken_over_whole(build: Build) -> None:
    a, b = await build()
    sid = await joined(a, b)

    async def parts() -> AsyncIterator[bytes]:
        for part in (b'42["mess', b'age",', b"5]"):
            yield part

    assert await b.push(sid, parts()) == (200, "ok")  # type: ignore[arg-type]
    assert await heard(b, sid, 1) == ['42["message-back",5]']


async def test_connection_of_the_client_is_kept_and_carries_its_next_requests(build: Build) -> None:
    a, b = await build()
    sid = await joined(a, b)
    raw = await b.raw()
    post = f"POST /socket.io/?{POLLING}&sid={sid} HTTP/1.1\r\nHost: t\r\nContent-Length: 15\r\n\r\n".encode()
    other = b"GET /other HTTP/1.1\r\nHost: t\r\n\r\n"
    raw.send((post + b'42["message",1]' + other) * 3)
    for _ in range(3):
        assert await raw.response() == (200, b"ok")
        assert json.loads((await raw.response())[1])["path"] == "/other"
    raw.send(post.replace(b"Host: t", b"Host: t\r\nConnection: close") + b'42["message",1]')
    assert (await raw.eof()).lower().count(b"connection: close") == 1


async def test_answer_lets_a_page_of_an_allowed_origin_read_it(build: Build) -> None:
    a, b = await build(trusted=Trusted(origins=["https://app.example"]))
    sid = await a.open_polling()
    headers = {"Origin": "https://app.example"}
    async with b.http.post(b.at(f"{POLLING}&sid={sid}"), data="40", headers=headers) as response:
        assert response.status == 200
        assert response.headers.getall("Access-Control-Allow-Origin") == ["https://app.example"]
        assert response.headers.getall("Content-Length") == ["2"]


async def test_foreign_origin_is_refused_before_anything_is_taken_elsewhere(build: Build) -> None:
    a, b = await build()
    sid = await a.open_polling()
    status, _ = await b.get(f"{POLLING}&sid={sid}", headers={"Origin": "https://evil.example"})
    assert (status, b.edge.forwarded) == (403, 0)


# -- nodes that are gone, slow or broken


async def test_session_of_a_node_that_is_gone_is_unknown_and_the_client_opens_another(
    build: Build, cluster: EdgeCluster
) -> None:
    a, b = await build()
    sid = await joined(a, b)
    await a.close()
    for is_known in (True, False):
        if not is_known:
            del cluster.inside[tag_of("a")]
        assert await b.poll(sid) == (400, "Session ID unknown")
        assert await b.push(sid, "2") == (400, "Session ID unknown")
    assert (await b.open_polling()).endswith(tag_of("b"))


@pytest.mark.parametrize(
    "sid",
    [
        "x",
        "x" * 20,
        "x" * 20 + "a",
        "x" * 20 + NOBODY,
        "x" * 20 + "AAAAAAAA",
        "x" * 20 + "a" * 13,
        "x" * 20 + "127.0.0.1:80",
        "%00" * 28,
        "x" * 5_000,
    ],
)
async def test_id_that_names_no_node_is_unknown(build: Build, sid: str) -> None:
    (b,) = await build("b")
    assert await b.poll(sid) == (400, "Session ID unknown")
    assert await b.push(sid, "40") == (400, "Session ID unknown")
    raw = await b.raw()
    raw.send(upgrade_request(sid))
    assert await raw.response() == (400, b"Session ID unknown")
    assert b.edge.forwarded == 0


async def test_own_tag_is_not_looked_for_elsewhere(build: Build) -> None:
    (b,) = await build("b")
    assert await b.poll("x" * 20 + tag_of("b")) == (400, "Session ID unknown")
    assert b.edge.forwarded == 0


async def test_unknown_session_of_another_node_is_its_refusal(build: Build) -> None:
    _, b = await build()
    assert await b.poll("x" * 20 + tag_of("a")) == (400, "Session ID unknown")
    assert b.edge.forwarded == 1


async def test_node_that_does_not_answer_in_time_gets_504(cluster: EdgeCluster) -> None:
    async with mute_node() as (address, _):
        cluster.inside[tag_of("mute")] = address
        await cluster.build(("b",), limits=EdgeLimits(ping_interval_s=0.1, ping_timeout_s=0.1))
        assert (await cluster.nodes[0].poll("x" * 20 + tag_of("mute")))[0] == 504


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
    ],
)
async def test_answer_that_cannot_be_followed_gets_502(cluster: EdgeCluster, answer: bytes) -> None:
    async with mute_node(answer) as (address, _):
        cluster.inside[tag_of("odd")] = address
        await cluster.build(("b",), limits=EdgeLimits())
        raw = await cluster.nodes[0].raw()
        raw.send(f"GET /socket.io/?{POLLING}&sid={'x' * 20}{tag_of('odd')} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
        assert (await raw.response())[0] == 502
        raw.send(b"GET /other HTTP/1.1\r\nHost: t\r\n\r\n")
        assert (await raw.response())[0] == 200


async def test_client_that_leaves_in_a_poll_takes_its_session_with_it(build: Build) -> None:
    a, b = await build()
    sid = await joined(a, b)
    raw = await b.raw()
    raw.send(f"GET /socket.io/?{POLLING}&sid={sid} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
    session = a.edge.server.sessions.by_sid[sid]
    await eventually(lambda: session.is_polled)
    await raw.close()
    await eventually(lambda: a.edge.session_count == 0)
    await eventually(lambda: not b.edge.server.forwarding._carriers)


async def test_node_that_ends_in_a_poll_leaves_the_client_with_502(build: Build) -> None:
    a, b = await build()
    sid = await joined(a, b)
    polling = asyncio.create_task(b.poll(sid))
    session = a.edge.server.sessions.by_sid[sid]
    await eventually(lambda: session.is_polled)
    for demultiplexer in list(a.edge.server._inside):
        demultiplexer.abort()
    assert (await polling)[0] == 502


async def test_draining_node_says_goodbye_to_polls_that_came_through_another(build: Build) -> None:
    a, b = await build()
    sid = await joined(a, b)
    polling = asyncio.create_task(b.poll(sid))
    session = a.edge.server.sessions.by_sid[sid]
    await eventually(lambda: session.is_polled)
    await a.edge.drain(within_s=0)
    assert await polling == (200, "1")


async def test_draining_node_lets_go_of_websockets_of_others_sessions(build: Build) -> None:
    a, b = await build()
    ws = await upgraded(b, await joined(a, b))
    await b.edge.drain(within_s=0)
    await ended(ws)
    await eventually(lambda: a.edge.session_count == 0)


async def test_closing_node_answers_polls_of_others_sessions(build: Build) -> None:
    a, b = await build()
    sid = await joined(a, b)
    polling = asyncio.create_task(b.poll(sid))
    session = a.edge.server.sessions.by_sid[sid]
    await eventually(lambda: session.is_polled)
    await b.edge.close()
    assert await polling == (200, "1")
    await eventually(lambda: a.edge.session_count == 0)


# -- the internal listener


def forwarded(sid: str, *fields: str) -> bytes:
    lines = [f"GET /socket.io/?{POLLING}&sid={sid} HTTP/1.1", "Host: t", *fields]
    return "\r\n".join([*lines, "", ""]).encode()


async def test_what_was_forwarded_once_is_not_forwarded_again(build: Build, cluster: EdgeCluster) -> None:
    a, b, c = await build("a", "b", "c")
    sid = await joined(c, a)
    raw = await cluster.inside_of(b).raw()
    raw.send(forwarded(sid, f"{MARK}: 1"))
    assert await raw.response() == (400, b"Session ID unknown")
    assert b.edge.forwarded == 0
    raw.send(upgrade_request(sid).replace(b"Host: test", f"Host: test\r\n{MARK}: 1".encode()))
    assert await raw.response() == (400, b"Session ID unknown")
    assert b.edge.forwarded == 0


@pytest.mark.parametrize("marks", [[f"{MARK}: 1", f"{MARK}: 1"], [f"{MARK}: 1, 1"]])
async def test_mark_seen_twice_is_refused(build: Build, cluster: EdgeCluster, marks: list[str]) -> None:
    a, b = await build()
    sid = await joined(a, b)
    raw = await cluster.inside_of(a).raw()
    raw.send(forwarded(sid, *marks))
    assert (await raw.response())[0] == 508


async def test_mark_of_an_outsider_means_nothing(build: Build) -> None:
    a, b = await build()
    sid = await a.open_polling()
    for served in (a, b):
        status, _ = await served.post(f"{POLLING}&sid={sid}", "3", headers={MARK: "1"})
        assert status == 200


async def test_no_session_is_opened_inside(build: Build, cluster: EdgeCluster) -> None:
    (a,) = await build("a")
    inside = cluster.inside_of(a)
    raw = await inside.raw()
    for fields in ([], [f"{MARK}: 1"]):
        raw.send(forwarded("", *fields))
        assert (await raw.response())[0] == 403
    assert b" 403 " in await raw.upgrade()
    assert a.edge.session_count == 0


async def test_session_is_not_found_inside_by_whoever_is_no_node(build: Build, cluster: EdgeCluster) -> None:
    (a,) = await build("a")
    sid = await a.open_polling()
    raw = await cluster.inside_of(a).raw()
    raw.send(forwarded(sid))
    assert (await raw.response())[0] == 403


async def test_http_is_served_inside_as_outside(build: Build, cluster: EdgeCluster) -> None:
    (a,) = await build("a")
    raw = await cluster.inside_of(a).raw()
    for _ in range(2):
        raw.send(b"GET /hls/x/index.m3u8 HTTP/1.1\r\nHost: t\r\n\r\n")
        assert json.loads((await raw.response())[1])["path"] == "/hls/x/index.m3u8"


async def test_node_that_is_full_still_answers_its_sessions_through_others(build: Build) -> None:
    a, b = await build(limits=EdgeLimits(max_connections=2))
    sid = await a.open_polling()
    await eventually(lambda: len(a.edge.server._demultiplexers) + a.edge.session_count == 2)
    assert (await (await a.raw()).response())[0] == 503
    assert await b.push(sid, "40") == (200, "ok")


async def test_node_hears_who_the_client_is_and_not_what_the_client_says_of_itself(cluster: EdgeCluster) -> None:
    async with mute_node() as (address, readers):
        cluster.inside[tag_of("ear")] = address
        await cluster.build(("b",), limits=EdgeLimits())
        raw = await cluster.nodes[0].raw()
        sid = "x" * 20 + tag_of("ear")
        raw.send(forwarded(sid, "X-Forwarded-For: 6.6.6.6", f"{MARK}: 7", "Connection: X-Mine", "X-Mine: 1", "Y: 2"))
        await eventually(lambda: bool(readers))
        head = (await asyncio.wait_for(readers[0].readuntil(b"\r\n\r\n"), 30)).decode().lower()
        assert head.startswith(f"get /socket.io/?{POLLING}&sid={sid} http/1.1\r\n".lower())
        assert head.count("x-forwarded-for") == 1
        assert "x-forwarded-for: 127.0.0.1\r\n" in head
        assert head.count(MARK) == 1
        assert f"{MARK}: 1\r\n" in head
        assert head.count("connection:") == 1
        assert "connection: close\r\n" in head
        assert "x-mine" not in head
        assert "y: 2\r\n" in head


@pytest.mark.parametrize("field", ["X: a\nMark: 1", "X: a\rMark: 1", "X: a\x00b"])
async def test_head_that_another_reader_could_read_otherwise_goes_nowhere(build: Build, field: str) -> None:
    a, b = await build()
    sid = await a.open_polling()
    raw = await b.raw()
    raw.send(forwarded(sid, field))
    assert (await raw.response())[0] == 400
    assert b.edge.forwarded == 0
