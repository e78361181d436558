"""Connection-state recovery: for clients that ask, for events that are no room messages, and within bounds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest

from server.live.edge.application import ConnectRefused
from server.live.edge.fanout import Fanout
from server.live.edge.recovery import MAX_KEPT, RecoveryBuffer, RecoveryBuffers
from server.live.edge.socket import Socket
from tests.server.live.edge.conftest import Serve
from tests.server.live.edge.serving import Served, eventually, said


class Topics:
    """Everyone hears "news", by events and by messages; `owner` comes from the auth payload."""

    def __init__(self) -> None:
        self.fanout = Fanout()
        self.sockets: list[Socket] = []
        self.left: list[str] = []
        self.may_decide = asyncio.Event()

    def on_connect(self, socket: Socket, auth: Any) -> Awaitable[None] | None:
        if auth and auth.get("owner") == "nobody":
            raise ConnectRefused("no")
        socket.owner = auth.get("owner") if auth else None
        self.sockets.append(socket)
        return self._decide(auth) if auth and "waits" in auth else None

    async def _decide(self, auth: dict[str, Any]) -> None:
        await self.may_decide.wait()
        if auth["waits"] == "in vain":
            raise ConnectRefused("no")

    def on_event(self, socket: Socket, event: str, args: list[Any]) -> Any:
        self.fanout.subscribe("news", socket)
        return "ok"

    def on_disconnect(self, socket: Socket, reason: str) -> None:
        self.fanout.unsubscribe_all(socket)
        self.left.append(reason)


async def enter(served: Served, **auth: Any) -> tuple[aiohttp.ClientWebSocketResponse, dict[str, Any]]:
    """A WebSocket in the namespace, and the payload of its CONNECT."""
    ws = await served.websocket()
    await said(ws)
    await ws.send_str("40" + json.dumps(auth))
    return ws, json.loads((await said(ws))[2:])


async def listen(ws: aiohttp.ClientWebSocketResponse) -> None:
    await ws.send_str('421["listen"]')
    assert await said(ws) == '431["ok"]'


async def event(ws: aiohttp.ClientWebSocketResponse) -> Any:
    return json.loads((await said(ws))[2:])


async def cut(ws: aiohttp.ClientWebSocketResponse, topics: Topics) -> None:
    before = len(topics.left)
    await ws.close()
    await eventually(lambda: len(topics.left) > before)


async def test_client_that_does_not_ask_gets_no_pid_and_no_offsets(serve: Serve) -> None:
    topics = Topics()
    ws, connected = await enter(await serve(topics))
    assert connected.keys() == {"sid"}
    await listen(ws)
    topics.fanout.publish("news", "tip", 1)
    assert await event(ws) == ["tip", 1]


async def test_client_that_comes_back_is_sent_what_it_missed_under_its_old_sid(serve: Serve) -> None:
    topics = Topics()
    served = await serve(topics)
    ws, first = await enter(served, recover=True, owner="ada")
    await listen(ws)
    topics.sockets[0].emit("notification", {"n": 1})
    assert await event(ws) == ["notification", {"n": 1}, "1"]
    topics.sockets[0].emit("notification", {"n": 2})
    assert await event(ws) == ["notification", {"n": 2}, "2"]
    await cut(ws, topics)
    topics.fanout.publish("news", "tip", {"n": 3})
    again, second = await enter(served, recover=True, owner="ada", pid=first["pid"], offset="1")
    assert second == first
    assert [await event(again) for _ in range(2)] == [["notification", {"n": 2}, "2"], ["tip", {"n": 3}, "3"]]
    topics.fanout.publish("news", "tip", {"n": 4})
    assert await event(again) == ["tip", {"n": 4}, "4"]
    await listen(again)
    topics.fanout.publish("news", "tip", {"n": 5})
    topics.fanout.publish("news", "tip", {"n": 6})
    assert [await event(again) for _ in range(2)] == [["tip", {"n": 5}, "5"], ["tip", {"n": 6}, "6"]]
    await eventually(lambda: not topics.fanout._is_busy)
    topics.sockets[1].emit("end")
    assert await event(again) == ["end", "7"]


async def test_event_that_was_on_its_way_when_the_connection_broke_is_not_lost(serve: Serve) -> None:
    topics = Topics()
    served = await serve(topics)
    ws, first = await enter(served, recover=True)
    await listen(ws)
    topics.fanout.publish("news", "tip", 1)
    assert await event(ws) == ["tip", 1, "1"]
    topics.fanout.publish_messages("news", "r", "e", [{"offset": 1}])
    topics.fanout.publish("news", "tip", 2)
    topics.sockets[0].session.close("transport error", is_abrupt=True)
    topics.fanout.publish("news", "tip", 3)
    again, second = await enter(served, recover=True, pid=first["pid"], offset="1")
    assert second["pid"] == first["pid"]
    assert [await event(again) for _ in range(2)] == [["tip", 2, "2"], ["tip", 3, "3"]]


async def test_event_that_cannot_be_written_takes_nobody_with_it(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    topics = Topics()
    served = await serve(topics)
    ws, first = await enter(served, recover=True)
    await listen(ws)
    topics.fanout.publish("news", "tip", {"not": object()})
    topics.sockets[0].session.close("transport error", is_abrupt=True)
    topics.fanout.publish("news", "tip", {"nor": object()})
    topics.fanout.publish("news", "tip", 1)
    assert (topics.left, served.edge.session_count, topics.fanout.count("news")) == (["transport error"], 0, 0)
    assert caplog.text.count("could not be kept") == 2
    again, _ = await enter(served, recover=True, pid=first["pid"])
    assert await event(again) == ["tip", 1, "1"]


async def lost_while_it_listened(served: Served, topics: Topics, **auth: Any) -> dict[str, Any]:
    """A client that may recover what it hears of "news"; the payload of its CONNECT."""
    ws, first = await enter(served, recover=True, **auth)
    await listen(ws)
    await cut(ws, topics)
    return first


async def test_what_is_published_while_the_application_decides_is_heard_behind_what_was_missed(serve: Serve) -> None:
    topics = Topics()
    served = await serve(topics)
    first = await lost_while_it_listened(served, topics)
    topics.fanout.publish("news", "tip", 1)
    ws = await served.websocket()
    await said(ws)
    await ws.send_str("40" + json.dumps({"recover": True, "pid": first["pid"], "waits": "well"}))
    await eventually(lambda: len(topics.sockets) == 2)
    topics.fanout.publish("news", "tip", 2)
    topics.may_decide.set()
    assert json.loads((await said(ws))[2:]) == first
    assert [await event(ws) for _ in range(2)] == [["tip", 1, "1"], ["tip", 2, "2"]]


@pytest.mark.parametrize("how", ["refused", "refused later", "lost"])
async def test_who_does_not_get_in_may_try_again(serve: Serve, how: str) -> None:
    topics = Topics()
    served = await serve(topics)
    first = await lost_while_it_listened(served, topics, owner="ada")
    topics.fanout.publish("news", "tip", 1)
    ws = await served.websocket()
    await said(ws)
    attempt = {"owner": "nobody"} if how == "refused" else {"owner": "ada", "waits": "in vain"}
    await ws.send_str("40" + json.dumps({"recover": True, "pid": first["pid"], **attempt}))
    if how == "lost":
        await eventually(lambda: len(topics.sockets) == 2)
        topics.sockets[1].session.close("transport error", is_abrupt=True)
    else:
        topics.may_decide.set()
        assert (await said(ws)).startswith("44")
    topics.fanout.publish("news", "tip", 2)
    again, second = await enter(served, recover=True, owner="ada", pid=first["pid"])
    assert second == first
    assert [await event(again) for _ in range(2)] == [["tip", 1, "1"], ["tip", 2, "2"]]


@pytest.mark.parametrize("is_heard_again", [False, True])
async def test_who_is_back_and_leaves_a_topic_hears_no_more_of_it(serve: Serve, is_heard_again: bool) -> None:
    topics = Topics()
    served = await serve(topics)
    first = await lost_while_it_listened(served, topics)
    ws, _ = await enter(served, recover=True, pid=first["pid"])
    if is_heard_again:
        await listen(ws)
    topics.fanout.unsubscribe("news", topics.sockets[1])
    topics.fanout.publish("news", "tip", 1)
    topics.sockets[1].emit("other")
    assert await event(ws) == ["other", "1"]
    await cut(ws, topics)
    topics.fanout.publish("news", "tip", 2)
    again, _ = await enter(served, recover=True, pid=first["pid"])
    topics.sockets[2].emit("other")
    assert await event(again) == ["other", "1"]
    assert await event(again) == ["other", "2"]


async def test_topic_that_is_closed_to_all_but_one_is_kept_for_nobody_else(serve: Serve) -> None:
    topics = Topics()
    served = await serve(topics)
    ada = await lost_while_it_listened(served, topics, owner="ada")
    eve = await lost_while_it_listened(served, topics, owner="eve")
    topics.fanout.close_to("news", but=lambda owner: owner == "ada")
    topics.fanout.publish("news", "tip", 1)
    for first, owner, expected in ((ada, "ada", ["tip", 1, "1"]), (eve, "eve", ["other", "1"])):
        ws, _ = await enter(served, recover=True, owner=owner, pid=first["pid"])
        topics.sockets[-1].emit("other")
        assert await event(ws) == expected


async def test_event_is_not_kept_and_told_as_well(serve: Serve) -> None:
    """It broke, came back and listens again before the fan-out has got round to what was published before."""
    topics = Topics()
    served = await serve(topics)
    ws, first = await enter(served, recover=True)
    other = (await enter(served))[0]
    for client in (ws, other):
        await listen(client)
    topics.fanout._is_busy = True
    topics.fanout.publish("news", "tip", 1)
    topics.sockets[0].session.close("transport error", is_abrupt=True)
    again, _ = await enter(served, recover=True, pid=first["pid"])
    assert await event(again) == ["tip", 1, "1"]
    await listen(again)
    topics.fanout.publish("news", "tip", 2)
    while topics.fanout._dirty:
        for _ in topics.fanout._work():
            pass
    assert await event(again) == ["tip", 2, "2"]


async def test_room_messages_are_neither_marked_nor_kept(serve: Serve) -> None:
    topics = Topics()
    served = await serve(topics)
    ws, first = await enter(served, recover=True)
    await listen(ws)
    topics.fanout.publish_messages("news", "r", "e", [{"offset": 1}])
    assert await event(ws) == ["chat:messages", {"room_id": "r", "epoch": "e", "messages": [{"offset": 1}]}]
    await cut(ws, topics)
    topics.fanout.publish_messages("news", "r", "e", [{"offset": 2}])
    topics.fanout.publish("news", "tip", 1)
    again, second = await enter(served, recover=True, pid=first["pid"])
    assert second["pid"] == first["pid"]
    assert await event(again) == ["tip", 1, "1"]


@pytest.mark.parametrize(
    "auth", [{"owner": "eve"}, {}, {"owner": "ada", "offset": "9"}, {"owner": "ada", "offset": ["1"]}]
)
async def test_who_is_another_or_knows_another_offset_begins_anew(serve: Serve, auth: dict[str, Any]) -> None:
    topics = Topics()
    served = await serve(topics)
    ws, first = await enter(served, recover=True, owner="ada")
    topics.sockets[0].emit("notification", "secret")
    assert await event(ws) == ["notification", "secret", "1"]
    await cut(ws, topics)
    again, second = await enter(served, recover=True, **{"pid": first["pid"], "offset": "0", **auth})
    assert second["pid"] != first["pid"]
    assert second["sid"] != first["sid"]
    topics.sockets[1].emit("notification", "new")
    assert await event(again) == ["notification", "new", "1"]


async def test_connection_that_was_not_missed_yet_is_ended_when_its_client_is_back(serve: Serve) -> None:
    topics = Topics()
    served = await serve(topics)
    _, first = await enter(served, recover=True)
    topics.sockets[0].emit("notification", 1)
    again, second = await enter(served, recover=True, pid=first["pid"])
    assert second == first
    assert topics.left == ["transport error"]
    assert await event(again) == ["notification", 1, "1"]
    assert served.edge.session_count == 1


async def test_who_was_told_to_go_or_left_does_not_recover(serve: Serve) -> None:
    topics = Topics()
    served = await serve(topics)
    ws, first = await enter(served, recover=True)
    await ws.send_str("41")
    await eventually(lambda: len(topics.left) == 1)
    _, second = await enter(served, recover=True, pid=first["pid"])
    assert second["pid"] != first["pid"]
    topics.sockets[1].disconnect()
    _, third = await enter(served, recover=True, pid=second["pid"])
    assert third["pid"] != second["pid"]


async def test_pid_of_any_other_shape_is_no_pid(serve: Serve) -> None:
    served = await serve(Topics())
    for pid in (None, 1, "", ["x"], {"a": 1}, "x" * 100):
        _, connected = await enter(served, recover=True, pid=pid)
        assert connected["pid"] not in (pid, None)


def size(args: list[Any]) -> int:
    return 10


def test_offsets_that_are_no_longer_held_are_not_recovered() -> None:
    recovery_buffer = RecoveryBuffer(sid="s")
    for number in range(1, 1_201):
        assert recovery_buffer.add(["e", number], size) == ["e", number, str(number)]
    assert recovery_buffer.after("199") is None
    assert [args[1] for args in recovery_buffer.after("200") or []] == list(range(201, 1_201))
    assert recovery_buffer.after("1200") == []
    assert recovery_buffer.after("1201") is None
    assert recovery_buffer.after(None) is None


def test_large_events_leave_room_for_fewer() -> None:
    recovery_buffer = RecoveryBuffer(sid="s")
    for number in range(10):
        recovery_buffer.add(["e", number], lambda args: 30_000)
    assert recovery_buffer.after("8") == [["e", 8, "9"], ["e", 9, "10"]]
    assert recovery_buffer.after("7") is None


async def test_trails_are_kept_for_so_long_and_so_many_of_them() -> None:
    now = 1000.0
    recovery_buffers = RecoveryBuffers(clock=lambda: now, kept_s=120)
    early, late = RecoveryBuffer(sid="a"), RecoveryBuffer(sid="b")
    recovery_buffers.left(early, ("t",), is_kept=True)
    now += 60
    recovery_buffers.left(late, ("t",), is_kept=True)
    now += 60
    assert recovery_buffers.take(early.pid) is None
    assert recovery_buffers.take(late.pid) is late
    many = [RecoveryBuffer(sid=str(number)) for number in range(MAX_KEPT + 1)]
    for recovery_buffer in many:
        recovery_buffers.left(recovery_buffer, ("t",), is_kept=True)
    assert len(recovery_buffers) == MAX_KEPT
    assert recovery_buffers.take(many[0].pid) is None
    assert recovery_buffers.take(many[-1].pid) is many[-1]
    recovery_buffers.published("t", "e", 1)
    assert many[1].after("0") == [["e", 1, "1"]]
    assert many[0].after("0") == []
    recovery_buffers.close()
