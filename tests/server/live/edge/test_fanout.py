"""One to many over real sockets: order, coalescing, who hears what, and readers that do not read."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec
import pytest

from server.live.edge import fanout, topic
from server.live.edge.fanout import Fanout
from server.live.edge.limits import EdgeLimits
from server.live.edge.socket import Socket
from tests.server.live.edge.conftest import Serve
from tests.server.live.edge.serving import Raw, Served, ended, eventually, mask, said


class Rooms:
    """Everyone who connects hears `room`."""

    def __init__(self, **options: Any) -> None:
        self.fanout = Fanout(**options)
        self.sockets: list[Socket] = []
        self.offset = 0
        self.gone: list[str] = []

    def on_connect(self, socket: Socket, auth: Any) -> None:
        self.sockets.append(socket)
        self.fanout.subscribe("room", socket)

    def on_event(self, socket: Socket, event: str, args: list[Any]) -> Any:
        return "ok"

    def on_disconnect(self, socket: Socket, reason: str) -> None:
        self.gone.append(reason)

    def say(self, count: int = 1, *, size: int = 0, epoch: str = "e1") -> None:
        for _ in range(count):
            self.offset += 1
            body = {"offset": self.offset, "text": "x" * size}
            self.fanout.publish_messages("room", "room-1", epoch, [body])


async def join(served: Served, path: str = "/socket.io/") -> aiohttp.ClientWebSocketResponse:
    ws = await served.http.ws_connect(served.at("EIO=4&transport=websocket", path), max_msg_size=0)
    await said(ws)
    await ws.send_str("40")
    await said(ws)
    return ws


def event_of(text: str) -> tuple[str, Any]:
    name, body = json.loads(text[2:])
    return name, body


async def heard(ws: aiohttp.ClientWebSocketResponse, count: int) -> list[int]:
    """The offsets of the next so many messages."""
    offsets: list[int] = []
    while len(offsets) < count:
        name, body = event_of(await said(ws))
        assert (name, body["room_id"]) == ("chat:messages", "room-1")
        offsets += [message["offset"] for message in body["messages"]]
    return offsets


async def test_everyone_hears_every_message_in_order(serve: Serve) -> None:
    rooms = Rooms()
    served = await serve(rooms)
    clients = [await join(served) for _ in range(5)]
    for _ in range(10):
        rooms.say(7)
        await asyncio.sleep(0)
    for ws in clients:
        assert await heard(ws, 70) == list(range(1, 71))


async def test_messages_that_gather_come_as_one_list_in_one_event(serve: Serve) -> None:
    rooms = Rooms()
    served = await serve(rooms)
    ws = await join(served)
    rooms.say(100)
    name, body = event_of(await said(ws))
    assert name == "chat:messages"
    assert (body["room_id"], body["epoch"]) == ("room-1", "e1")
    assert [message["offset"] for message in body["messages"]] == list(range(1, 101))


async def test_every_publication_has_its_own_event_without_coalescing(serve: Serve) -> None:
    rooms = Rooms(is_coalescing=False)
    ws = await join(await serve(rooms))
    rooms.say(3)
    assert [len(event_of(await said(ws))[1]["messages"]) for _ in range(3)] == [1, 1, 1]


async def test_other_events_and_other_epochs_keep_their_place_between_messages(serve: Serve) -> None:
    rooms = Rooms()
    ws = await join(await serve(rooms))
    rooms.say(2)
    rooms.fanout.publish("room", "chat:deleted", {"offset": 1})
    rooms.say(1)
    rooms.say(1, epoch="e2")
    found = [event_of(await said(ws)) for _ in range(4)]
    assert [name for name, _ in found] == ["chat:messages", "chat:deleted", "chat:messages", "chat:messages"]
    assert [found[2][1]["epoch"], found[3][1]["epoch"]] == ["e1", "e2"]


async def test_clients_of_both_parsers_and_of_polling_hear_the_same(serve: Serve) -> None:
    rooms = Rooms()
    served = await serve(rooms)
    text = await join(served)
    packed = await served.http.ws_connect(served.at("EIO=4&transport=websocket", "/socket.io-msgpack/"))
    await said(packed)
    await packed.send_bytes(msgspec.msgpack.encode({"type": 0, "nsp": "/"}))
    await said(packed)
    sid = await served.open_polling()
    await served.push(sid, "40")
    await served.poll(sid)
    rooms.say(2)
    _, body = event_of(await said(text))
    assert msgspec.msgpack.decode(await said(packed))["data"] == ["chat:messages", body]
    assert event_of((await served.poll(sid))[1]) == ("chat:messages", body)


async def test_who_comes_while_messages_gather_hears_only_later_ones(serve: Serve) -> None:
    rooms = Rooms()
    served = await serve(rooms)
    first = await join(served)
    ws = await served.websocket()
    await said(ws)
    await ws.send_str("40")
    await said(ws)
    rooms.fanout.unsubscribe("room", rooms.sockets[1])
    rooms.say(3)
    rooms.fanout.subscribe("room", rooms.sockets[0])  # again, which changes nothing
    rooms.fanout.subscribe("room", rooms.sockets[1])
    rooms.say(2)
    assert await heard(first, 5) == [1, 2, 3, 4, 5]
    assert await heard(ws, 2) == [4, 5]


async def test_who_was_told_while_messages_gather_does_not_hear_them_again(serve: Serve) -> None:
    rooms = Rooms()
    ws = await join(await serve(rooms))
    rooms.say(3)
    rooms.fanout.subscribe("room", rooms.sockets[0], after=("e1", 3))
    rooms.say(2)
    assert await heard(ws, 2) == [4, 5]


async def test_what_the_subscriber_has_already_is_not_sent_again(serve: Serve) -> None:
    rooms = Rooms()
    ws = await join(await serve(rooms))
    socket = rooms.sockets[0]
    rooms.fanout.unsubscribe("room", socket)
    rooms.fanout.subscribe("room", socket, after=("e1", 3))
    rooms.say(5)
    assert await heard(ws, 2) == [4, 5]
    rooms.say(1)
    assert await heard(ws, 1) == [6]


async def test_new_epoch_is_behind_every_position(serve: Serve) -> None:
    rooms = Rooms()
    ws = await join(await serve(rooms))
    rooms.fanout.subscribe("room", rooms.sockets[0], after=("e1", 1000))
    rooms.say(2, epoch="e2")
    assert await heard(ws, 2) == [1, 2]


async def test_gone_sockets_are_counted_out_of_every_topic(serve: Serve) -> None:
    rooms = Rooms()
    served = await serve(rooms)
    ws = await join(served)
    rooms.fanout.subscribe("other", rooms.sockets[0])
    assert (rooms.fanout.count("room"), rooms.fanout.count("other"), rooms.fanout.count("none")) == (1, 1, 0)
    assert list(rooms.fanout.sockets("room")) == rooms.sockets
    await ws.close()
    await eventually(lambda: served.edge.session_count == 0)
    assert (rooms.fanout.count("room"), rooms.fanout.count("other")) == (0, 0)
    rooms.say(1)
    rooms.fanout.subscribe("room", rooms.sockets[0])
    assert rooms.fanout.count("room") == 0


async def test_latest_value_wins_within_an_interval(serve: Serve) -> None:
    rooms = Rooms(conflate_s=0.05)
    ws = await join(await serve(rooms))
    for number in range(10):
        rooms.fanout.conflate("room", "stream:viewers", {"viewers": number}, key="viewers")
    rooms.fanout.conflate("room", "stream:reactions", {"n": 1}, key="reactions")
    found = [event_of(await said(ws)) for _ in range(3)]
    assert found == [
        ("stream:viewers", {"viewers": 0}),
        ("stream:viewers", {"viewers": 9}),
        ("stream:reactions", {"n": 1}),
    ]


# -- readers that do not read

SLOW = EdgeLimits(slow_bytes=64 * 1024, max_unsent_bytes=256 * 1024, slow_timeout_s=30)


async def stuck(served: Served, rooms: Rooms) -> tuple[Raw, Socket]:
    """A client that has joined and reads nothing from here on."""
    raw = await served.raw()
    await raw.upgrade(more=mask(1, b"40"))
    await raw.frame()
    await raw.frame()
    return raw, rooms.sockets[-1]


async def clog(rooms: Rooms, socket: Socket) -> None:
    """Says as much as it takes until the socket is slow; the last offset that was said."""
    for _ in range(2000):
        rooms.say(1, size=50_000)
        await asyncio.sleep(0)
        await eventually(lambda: not rooms.fanout._dirty)
        if socket.session.is_slow:
            return
    raise AssertionError("the kernel took it all")


async def test_slow_socket_skips_messages_is_told_which_and_goes_on(serve: Serve) -> None:
    rooms = Rooms(conflate_s=0.01)
    served = await serve(rooms, limits=SLOW)
    quick = await join(served)
    raw, socket = await stuck(served, rooms)
    listening = asyncio.create_task(heard(quick, 1))
    await clog(rooms, socket)
    listening.cancel()
    reader = asyncio.create_task(_drain(quick))
    before = rooms.offset
    rooms.say(10, size=1_0000)
    rooms.fanout.conflate("room", "stream:viewers", {"viewers": 7}, key="viewers")
    await eventually(lambda: not rooms.fanout._dirty)
    assert served.edge.slow_count == 1
    assert socket.session._connection is not None
    assert socket.session._connection.unsent_bytes < 256 * 1024
    offsets: list[int] = []
    gap: dict[str, int] | None = None
    while gap is None:
        _, payload = await raw.frame()
        name, body = event_of(payload.decode())
        if name == "chat:gap":
            gap = body
        else:
            offsets += [message["offset"] for message in body["messages"]]
    assert offsets == list(range(1, gap["from"]))
    assert gap == {"room_id": "room-1", "from": offsets[-1] + 1, "to": before + 10}
    assert event_of((await raw.frame())[1].decode()) == ("stream:viewers", {"viewers": 7})
    rooms.say(1)
    name, body = event_of((await raw.frame())[1].decode())
    assert [message["offset"] for message in body["messages"]] == [before + 11]
    assert not socket.session.is_slow
    reader.cancel()


async def _drain(ws: aiohttp.ClientWebSocketResponse) -> None:
    while await said(ws) is not None:
        pass


async def test_slow_socket_gets_other_events_up_to_the_second_bound_and_is_then_closed(serve: Serve) -> None:
    rooms = Rooms()
    served = await serve(rooms, limits=SLOW)
    raw, socket = await stuck(served, rooms)
    await clog(rooms, socket)
    for _ in range(20):
        rooms.fanout.publish("room", "stream:state", {"x": "x" * 30_000})
        await asyncio.sleep(0)
    await eventually(lambda: bool(rooms.gone))
    assert rooms.gone == ["slow consumer"]
    await eventually(lambda: served.edge.session_count == 0)
    await raw.close()


async def test_socket_that_stays_slow_is_closed_after_a_while(serve: Serve) -> None:
    rooms = Rooms()
    limits = EdgeLimits(slow_bytes=64 * 1024, slow_timeout_s=0.1, ping_timeout_s=1)
    served = await serve(rooms, limits=limits)
    raw, socket = await stuck(served, rooms)
    await clog(rooms, socket)
    await eventually(lambda: rooms.gone == ["slow consumer"])
    await raw.close()


async def test_polling_client_that_does_not_poll_is_slow_too(serve: Serve) -> None:
    rooms = Rooms()
    served = await serve(rooms, limits=SLOW)
    sid = await served.open_polling()
    await served.push(sid, "40")
    await served.poll(sid)
    for _ in range(20):
        rooms.say(1, size=10_000)
        await eventually(lambda: not rooms.fanout._dirty)
    assert rooms.sockets[0].session.is_slow
    packets = [event_of(text) for text in (await served.poll(sid))[1].split("\x1e")]
    offsets = [message["offset"] for _, body in packets for message in body["messages"]]
    assert offsets == list(range(1, offsets[-1] + 1))
    assert event_of((await served.poll(sid))[1]) == (
        "chat:gap",
        {"room_id": "room-1", "from": offsets[-1] + 1, "to": 20},
    )


async def test_pings_of_a_client_that_reads_nothing_are_not_hoarded(serve: Serve) -> None:
    rooms = Rooms()
    served = await serve(rooms, limits=SLOW)
    raw, socket = await stuck(served, rooms)
    await clog(rooms, socket)
    connection = socket.session._connection
    assert connection is not None
    unsent = connection.unsent_bytes
    raw.send(mask(9, b"x" * 125) * 2000 + mask(1, b'421["e"]'))
    await eventually(lambda: connection.unsent_bytes > unsent)
    assert connection.unsent_bytes < unsent + 100


@pytest.mark.parametrize("count", [700, 1200])
async def test_fan_out_to_many_is_done_in_slices_and_reaches_all(serve: Serve, count: int) -> None:
    rooms = Rooms()
    served = await serve(rooms)
    clients = [await stuck(served, rooms) for _ in range(count)]
    rooms.say(1)
    for raw, _ in clients:
        _, payload = await raw.frame()
        assert event_of(payload.decode())[1]["messages"][0]["offset"] == 1
    for raw, _ in clients:
        await raw.close()


async def test_upgrade_under_fire_loses_nothing(serve: Serve) -> None:
    rooms = Rooms()
    served = await serve(rooms)
    sid = await served.open_polling()
    await served.push(sid, "40")
    await served.poll(sid)
    rooms.say(5)
    ws = await served.websocket(f"EIO=4&transport=websocket&sid={sid}")
    await ws.send_str("2probe")
    assert await said(ws) == "3probe"
    rooms.say(5)
    await eventually(lambda: not rooms.fanout._dirty)
    await ws.send_str("5")
    rooms.say(5)
    assert await heard(ws, 15) == list(range(1, 16))
    assert await ended_or_open(ws)


async def ended_or_open(ws: aiohttp.ClientWebSocketResponse) -> bool:
    await ws.close()
    return await ended(ws) in (1000, None)


async def test_flood_is_written_at_once_and_what_a_socket_cannot_take_is_a_gap_in_its_place(serve: Serve) -> None:
    rooms = Rooms()
    ws = await join(await serve(rooms, limits=EdgeLimits(slow_bytes=64 * 1024)))
    rooms.say(12_000, size=1_000)
    at, gaps = 0, 0
    while at < 12_000:
        name, body = event_of(await said(ws))
        if name == "chat:gap":
            assert body["from"] == at + 1
            at, gaps = body["to"], gaps + 1
        for message in body.get("messages", ()):
            assert message["offset"] == at + 1
            at += 1
    assert gaps
    rooms.say(1)
    assert await heard(ws, 1) == [12_001]


async def test_who_comes_when_all_others_have_left_in_the_middle_of_a_pass_hears_what_is_said_next(
    serve: Serve,
) -> None:
    rooms = Rooms()
    served = await serve(rooms)
    clients = [await stuck(served, rooms) for _ in range(600)]
    *others, last = rooms.sockets
    rooms.fanout.unsubscribe("room", last)

    def change_over() -> None:
        for socket in others:
            rooms.fanout.unsubscribe("room", socket)
        rooms.fanout.subscribe("room", last)
        rooms.say(1)

    rooms.say(1)
    asyncio.get_running_loop().call_soon(change_over)  # after the first row, before the second
    _, payload = await clients[-1][0].frame()
    assert event_of(payload.decode())[1]["messages"][0]["offset"] == 2
    for raw, _ in clients:
        await raw.close()


async def test_each_row_is_given_what_is_there_when_its_turn_comes(serve: Serve) -> None:
    """Of a room of three rows the last one gets with its first write what was said while the others were served."""
    rooms = Rooms()
    served = await serve(rooms)
    clients = [await stuck(served, rooms) for _ in range(1_200)]
    loop = asyncio.get_running_loop()
    rooms.say(1)
    for _ in range(20):  # one after the other, while the rows are written to
        loop.call_soon(rooms.say)
        await asyncio.sleep(0)
    firsts = []
    for raw, _ in clients:
        offsets: list[int] = []
        while len(offsets) < 21:
            _, payload = await raw.frame()
            found = [message["offset"] for message in event_of(payload.decode())[1]["messages"]]
            offsets += found
            if len(offsets) == len(found):
                firsts.append(found)
        assert offsets == list(range(1, 22))
    assert firsts[0] == [1]
    assert len(firsts[-1]) > 1
    for raw, _ in clients:
        await raw.close()


async def crowd_in_one_row(served: Served, rooms: Rooms, count: int = 200) -> list[Raw]:
    """And nobody but the test makes the fan-out write."""
    clients = [(await stuck(served, rooms))[0] for _ in range(count)]
    rooms.fanout._is_busy = True
    return clients


async def offsets_of(raw: Raw, count: int) -> list[int]:
    offsets: list[int] = []
    while len(offsets) < count:
        _, payload = await raw.frame()
        offsets += [message["offset"] for message in event_of(payload.decode())[1]["messages"]]
    return offsets


def write_out(rooms: Rooms) -> None:
    while rooms.fanout._dirty:
        for _ in rooms.fanout._work():
            pass


async def test_between_two_slices_of_a_row_the_loop_sees_to_everything_else(serve: Serve) -> None:
    rooms = Rooms()
    served = await serve(rooms)
    clients = [(await stuck(served, rooms))[0] for _ in range(200)]
    rooms.say()
    seen = {0}
    while rooms.fanout.deliveries < 200:
        await asyncio.sleep(0)
        seen.add(rooms.fanout.deliveries)
    assert len(seen) > 3
    for raw in clients:
        await raw.close()


async def test_who_leaves_while_its_row_is_written_to_hears_no_more_of_it(serve: Serve) -> None:
    rooms = Rooms()
    clients = await crowd_in_one_row(await serve(rooms), rooms)
    rooms.say()
    work = rooms.fanout._work()
    next(work)
    waiting = next(row.turn.waiting for _, row in rooms.fanout._topics["room"].turns() if row.turn is not None)
    place = rooms.sockets.index(waiting[0])
    rooms.fanout.unsubscribe("room", rooms.sockets[place])
    rooms.say()
    for _ in work:
        pass
    write_out(rooms)
    rooms.fanout.subscribe("room", rooms.sockets[place])
    rooms.say()
    write_out(rooms)
    for number, raw in enumerate(clients):
        assert await offsets_of(raw, 1 if number == place else 3) == ([3] if number == place else [1, 2, 3])
        await raw.close()


async def test_upgrade_while_its_row_is_written_to_loses_and_repeats_nothing(serve: Serve) -> None:
    """Whether it has been given its part already or not: both ends of the row go over to compression."""
    rooms = Rooms()
    served = await serve(rooms)
    sids = []
    clients = []
    for is_polling in (True, *[False] * 100, True):
        if is_polling:
            sids.append(await served.open_polling())
            await served.push(sids[-1], "40")
            await served.poll(sids[-1])
        else:
            clients.append((await stuck(served, rooms))[0])
    rooms.fanout._is_busy = True
    rooms.say(2)
    work = rooms.fanout._work()
    next(work)
    sockets = []
    for sid in sids:
        ws = await served.http.ws_connect(served.at(f"EIO=4&transport=websocket&sid={sid}"), compress=15)
        await ws.send_str("2probe")
        assert await said(ws) == "3probe"
        await ws.send_str("5")
        sockets.append(ws)
    await eventually(lambda: all(rooms.sockets[at].transport == "websocket" for at in (0, -1)))
    rooms.say(size=2_000)
    for _ in work:
        pass
    write_out(rooms)
    for ws in sockets:
        assert await heard(ws, 3) == [1, 2, 3]
    for raw in clients:
        assert await offsets_of(raw, 3) == [1, 2, 3]
        await raw.close()


async def test_flood_while_a_row_is_written_to_keeps_the_order(serve: Serve) -> None:
    rooms = Rooms()
    clients = await crowd_in_one_row(await serve(rooms), rooms, 70)
    rooms.say()
    work = rooms.fanout._work()
    next(work)
    rooms.say(5_100)
    for _ in work:
        pass
    write_out(rooms)
    for raw in clients:
        assert await offsets_of(raw, 5_101) == list(range(1, 5_102))
        await raw.close()


@pytest.mark.parametrize("is_event", [False, True])
async def test_who_comes_while_events_or_epochs_gather_hears_only_later_ones(serve: Serve, is_event: bool) -> None:
    rooms = Rooms()
    served = await serve(rooms)
    clients = [await join(served) for _ in range(3)]
    newcomer = rooms.sockets[1]
    rooms.fanout.unsubscribe("room", newcomer)
    rooms.fanout._is_busy = True
    rooms.say(epoch="e1" if is_event else "e0")
    if is_event:
        rooms.fanout.publish("room", "tip", {"n": 1})
    rooms.say(epoch="e1")
    rooms.fanout.subscribe("room", newcomer)
    rooms.say(epoch="e1")
    rooms.fanout.publish("room", "tip", {"n": 2})
    write_out(rooms)
    events = [event_of(await said(clients[1]))[1] for _ in range(2)]
    assert [body.get("messages", body) for body in events] == [[{"offset": 3, "text": ""}], {"n": 2}]
    assert [offset for _ in range(2) for offset in await heard_next(clients[0])] == (
        [1, None] if is_event else [1, 2, 3]
    )


async def heard_next(ws: aiohttp.ClientWebSocketResponse) -> list[int | None]:
    return [message["offset"] for message in event_of(await said(ws))[1].get("messages", [{"offset": None}])]


async def test_row_that_cannot_be_written_to_silences_nobody(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rooms = Rooms()
    ws = await join(await serve(rooms))
    with monkeypatch.context() as patched:
        patched.setattr(topic.EncodedRun, "frames_for", lambda *_: 1 / 0)
        rooms.say()
        await eventually(lambda: "a row could not be written to" in caplog.text)
    rooms.say()
    assert await heard(ws, 1) == [2]


async def test_nothing_is_remembered_of_a_socket_that_is_closed_in_the_middle_of_what_it_is_told(serve: Serve) -> None:
    rooms = Rooms()
    served = await serve(rooms, limits=SLOW)
    raw, socket = await stuck(served, rooms)
    await clog(rooms, socket)
    rooms.fanout._is_busy = True
    for _ in range(20):
        rooms.fanout.publish("room", "stream:state", {"x": "x" * 30_000})
        rooms.say()
    write_out(rooms)
    assert rooms.gone == ["slow consumer"]
    assert not rooms.fanout._lags
    await raw.close()


async def test_what_the_loop_does_during_a_rest_counts_as_none(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    now = worked = 1_000.0
    rooms = Rooms(clock=lambda: now, worked=lambda: worked)
    client = await join(await serve(rooms))
    rests: list[float] = []
    write, loop = rooms.fanout._write, asyncio.get_running_loop()

    def take_long(*args: Any) -> None:
        nonlocal now
        write(*args)
        now += 0.1

    def call_at_once(delay: float, call: Any, *args: Any) -> asyncio.Handle:
        """The rest goes by, half of it in work, and something is said."""
        nonlocal now, worked
        rests.append(delay)
        now, worked = now + delay, worked + delay / 2
        if len(rests) < 6:
            rooms.say()
        return loop.call_soon(call, *args)

    monkeypatch.setattr(rooms.fanout, "_write", take_long)
    calls = SimpleNamespace(call_soon=loop.call_soon, call_later=call_at_once)
    monkeypatch.setattr(fanout, "asyncio", SimpleNamespace(get_running_loop=lambda: calls))
    rooms.say()
    await eventually(lambda: len(rests) == 6)
    assert rests[0] == pytest.approx(0.07)  # 30 ms were had in advance
    assert rests[1:] == pytest.approx([0.135, 0.1675, 0.18375, 0.191875, 0.1959375])  # towards twice as long
    await client.close()


async def test_idleness_counts_as_rest_and_no_more_of_it_than_a_fan_out_takes(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, costs_s = 1_000.0, iter([0.03, 0.4, 0.0])
    rooms = Rooms(clock=lambda: now)
    client = await join(await serve(rooms))
    write = rooms.fanout._write

    def take_long(*args: Any) -> None:
        nonlocal now
        write(*args)
        now += next(costs_s)

    monkeypatch.setattr(rooms.fanout, "_write", take_long)
    for _ in range(4):
        rooms.say()
        for _ in range(5):
            await asyncio.sleep(0)
    events = [event_of(await said(client))[1]["messages"] for _ in range(3)]
    # It was idle for long before the first, so that the second need not wait; the others wait as long as that took.
    assert [[message["offset"] for message in event] for event in events] == [[1], [2], [3, 4]]


async def test_publication_that_cannot_be_written_is_logged_and_stops_nothing(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    rooms = Rooms()
    ws = await join(await serve(rooms))
    rooms.fanout.publish("room", "event", {"thing": object()})
    await eventually(lambda: bool(caplog.records))
    rooms.say(1)
    assert await heard(ws, 1) == [1]
