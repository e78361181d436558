"""What an application may do with its sockets, and what clients cannot do to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import socketio

from server.live.edge.application import ConnectRefused
from server.live.edge.limits import EdgeLimits
from server.live.edge.pending_ack import PendingAck
from server.live.edge.socket import AskFailed, Socket
from tests.server.live.edge.conftest import Serve
from tests.server.live.edge.serving import ended, eventually, mask, said


class Recorder:
    """An application made of two functions, which remembers who came and went."""

    def __init__(
        self,
        *,
        connect: Callable[[Socket, Any], Any] | None = None,
        event: Callable[[Socket, str, list[Any]], Any] | None = None,
    ) -> None:
        self._connect = connect
        self._event = event
        self.sockets: list[Socket] = []
        self.events: list[tuple[str, list[Any]]] = []
        self.gone: list[str] = []

    def on_connect(self, socket: Socket, auth: Any) -> Any:
        self.sockets.append(socket)
        return self._connect(socket, auth) if self._connect is not None else None

    def on_event(self, socket: Socket, event: str, args: list[Any]) -> Any:
        self.events.append((event, args))
        return self._event(socket, event, args) if self._event is not None else None

    def on_disconnect(self, socket: Socket, reason: str) -> None:
        self.gone.append(reason)


def refuse(socket: Socket, auth: Any) -> None:
    socket.emit("never", "sent")
    raise ConnectRefused("Sign in again.", {"code": "token_expired"})


async def refuse_later(socket: Socket, auth: Any) -> None:
    await asyncio.sleep(0)
    refuse(socket, auth)


@pytest.mark.parametrize("connect", [refuse, refuse_later])
async def test_refused_connect_is_told_with_its_data_and_may_be_tried_again(serve: Serve, connect: Any) -> None:
    application = Recorder(connect=connect)
    ws = await (await serve(application)).websocket()
    await said(ws)
    for _ in range(2):
        await ws.send_str("40")
        assert await said(ws) == '44{"message":"Sign in again.","data":{"code":"token_expired"}}'
    assert application.gone == []


async def test_connects_on_one_connection_are_bounded(serve: Serve) -> None:
    ws = await (await serve(Recorder(connect=refuse), limits=EdgeLimits(max_connect_attempts=3))).websocket()
    for _ in range(4):
        await ws.send_str("40")
    assert await ended(ws) == 1002


@pytest.mark.parametrize("is_later", [False, True])
async def test_failing_connect_handler_is_logged_and_refused(
    serve: Serve, caplog: pytest.LogCaptureFixture, is_later: bool
) -> None:
    def fail(socket: Socket, auth: Any) -> None:
        raise LookupError("a detail that is nobody's business")

    async def fail_later(socket: Socket, auth: Any) -> None:
        fail(socket, auth)

    ws = await (await serve(Recorder(connect=fail_later if is_later else fail))).websocket()
    await said(ws)
    with caplog.at_level(logging.ERROR):
        await ws.send_str("40")
        assert await said(ws) == '44{"message":"Internal error","data":{"code":"internal"}}'
    assert [record.exc_info is not None for record in caplog.records] == [True]


async def test_events_wait_until_the_connect_is_decided_and_keep_their_order(serve: Serve) -> None:
    decide = asyncio.Event()

    async def connect(socket: Socket, auth: Any) -> None:
        socket.emit("hello")
        await decide.wait()

    application = Recorder(connect=connect, event=lambda socket, event, args: args[0])
    ws = await (await serve(application)).websocket()
    await said(ws)
    await ws.send_str("40")
    for number in range(3):
        await ws.send_str(f'42{number}["e",{number}]')
    await eventually(lambda: bool(application.sockets) and len(application.sockets[0].held) == 4)
    assert application.events == []
    decide.set()
    assert (await said(ws)).startswith('40{"sid"')
    assert [await said(ws) for _ in range(4)] == ['42["hello"]', "430[0]", "431[1]", "432[2]"]


async def test_events_that_wait_for_the_connect_are_bounded(serve: Serve) -> None:
    async def connect(socket: Socket, auth: Any) -> None:
        await asyncio.Event().wait()

    ws = await (await serve(Recorder(connect=connect), limits=EdgeLimits(max_waiting_events=3))).websocket()
    await ws.send_str("40")
    for _ in range(4):
        await ws.send_str('42["e"]')
    assert await ended(ws) == 1002


@pytest.mark.parametrize("kind", ["plain", "coroutine", "answer"])
async def test_failing_event_handler_is_logged_once_acknowledged_and_harmless(
    serve: Serve, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    def fail(socket: Socket, event: str, args: list[Any]) -> None:
        raise LookupError("a detail that is nobody's business")

    async def fail_later(socket: Socket, event: str, args: list[Any]) -> None:
        fail(socket, event, args)

    def fail_by_answer(socket: Socket, event: str, args: list[Any]) -> PendingAck:
        answer = PendingAck()
        asyncio.get_running_loop().call_soon(answer.fail, LookupError("a detail that is nobody's business"))
        return answer

    event = {"plain": fail, "coroutine": fail_later, "answer": fail_by_answer}[kind]
    ws = await (await serve(Recorder(event=event))).websocket()
    await said(ws)
    await ws.send_str("40")
    await said(ws)
    with caplog.at_level(logging.ERROR):
        for number in range(2):
            await ws.send_str(f'42{number}["e"]')
            answer = await said(ws)
            assert answer.startswith(f'43{number}[{{"ok":false,"error":{{"code":"internal"')
            assert "detail" not in answer
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        (None, "[]"),
        ({"ok": True}, '[{"ok":true}]'),
        ((1, "2"), '[1,"2"]'),
        ([1], "[[1]]"),
        ("text", '["text"]'),
        (0, "[0]"),
        (False, "[false]"),
    ],
)
@pytest.mark.parametrize("kind", ["plain", "coroutine", "future", "answer", "answer at once"])
async def test_result_is_the_acknowledgement(serve: Serve, result: Any, answer: str, kind: str) -> None:
    def event(socket: Socket, name: str, args: list[Any]) -> Any:
        if kind == "plain":
            return result
        if kind.startswith("answer"):
            later = PendingAck()
            give = partial(later.give, result)
            give() if kind.endswith("at once") else asyncio.get_running_loop().call_soon(give)
            return later
        future = asyncio.get_running_loop().create_future()
        future.get_loop().call_soon(future.set_result, result)
        return future if kind == "future" else asyncio.wait_for(future, 1)

    ws = await (await serve(Recorder(event=event))).websocket()
    await said(ws)
    await ws.send_str("40")
    await said(ws)
    await ws.send_str('42["no ack wanted"]')
    await ws.send_str('427["e"]')
    assert await said(ws) == f"437{answer}"


async def test_events_being_answered_are_bounded_and_the_rest_refused_with_a_retry(serve: Serve) -> None:
    release = asyncio.Event()

    async def event(socket: Socket, name: str, args: list[Any]) -> str:
        await release.wait()
        return "done"

    served = await serve(Recorder(event=event), limits=EdgeLimits(max_in_flight=2))
    ws = await served.websocket()
    await said(ws)
    await ws.send_str("40")
    await said(ws)
    for number in range(3):
        await ws.send_str(f'42{number}["e"]')
    refused = await said(ws)
    assert refused.startswith('432[{"ok":false,"error":{"code":"overloaded"')
    assert "retry_after_ms" in refused
    release.set()
    assert {await said(ws), await said(ws)} == {'430["done"]', '431["done"]'}


async def test_answers_to_come_are_bounded_likewise_and_the_first_counts(serve: Serve) -> None:
    answers: list[PendingAck] = []

    def event(socket: Socket, name: str, args: list[Any]) -> PendingAck:
        answers.append(PendingAck())
        return answers[-1]

    served = await serve(Recorder(event=event), limits=EdgeLimits(max_in_flight=2))
    ws = await served.websocket()
    await said(ws)
    await ws.send_str("40")
    await said(ws)
    for number in range(3):
        await ws.send_str(f'42{number}["e"]')
    assert '"overloaded"' in await said(ws)
    for answer in answers:
        answer.give("first")
        answer.give("second")
        answer.fail(LookupError("third"))
    await ws.send_str('423["e"]')
    assert [await said(ws), await said(ws)] == ['430["first"]', '431["first"]']
    await eventually(lambda: len(answers) == 3)
    answers[2].give("again")
    assert await said(ws) == '433["again"]'


def test_an_answer_is_heard_once_whoever_comes_first() -> None:
    heard: list[Any] = []
    early = PendingAck()
    early.give("first")
    early.give("second")
    early.when_given(lambda *given: heard.append(given))
    late = PendingAck()
    late.when_given(lambda *given: heard.append(given))
    late.fail(error := LookupError())
    late.give("too late")
    assert heard == [("first", None), (None, error)]


async def test_an_answer_to_who_has_left_is_nobodys(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    answers: list[PendingAck] = []

    def event(socket: Socket, name: str, args: list[Any]) -> PendingAck:
        answers.append(PendingAck())
        return answers[-1]

    application = Recorder(event=event)
    ws = await (await serve(application)).websocket()
    await said(ws)
    await ws.send_str("40")
    await said(ws)
    await ws.send_str('420["e"]')
    await eventually(lambda: bool(answers))
    await ws.close()
    await eventually(lambda: bool(application.gone))
    with caplog.at_level(logging.WARNING):
        answers[0].give("too late")
    assert not caplog.records


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        ("41", "client namespace disconnect"),
        ("1", "transport close"),
        ("4abc", "parse error"),
        (b"\x00", "parse error"),
        (None, "transport close"),
    ],
)
async def test_application_hears_once_why_a_socket_is_gone(serve: Serve, packet: Any, reason: str) -> None:
    application = Recorder()
    served = await serve(application)
    ws = await served.websocket()
    await said(ws)
    await ws.send_str("40")
    await said(ws)
    if packet is None:
        await ws.close()
    else:
        await (ws.send_str(packet) if isinstance(packet, str) else ws.send_bytes(packet))
    await eventually(lambda: bool(application.gone))
    await ws.close()
    await eventually(lambda: served.edge.session_count == 0)
    assert application.gone == [reason]
    application.sockets[0].emit("into the void")
    assert not application.sockets[0].is_connected


async def test_silent_client_is_gone_at_its_ping_timeout(serve: Serve) -> None:
    application = Recorder()
    served = await serve(application, limits=EdgeLimits(ping_interval_s=0.1, ping_timeout_s=0.1))
    raw = await served.raw()
    await raw.upgrade(more=b"\x81\x82\0\0\0\x0040")
    await eventually(lambda: bool(application.gone))
    assert application.gone == ["ping timeout"]
    assert await raw.close_code() == 1000


async def test_server_disconnect_tells_the_reason_and_closes(serve: Serve) -> None:
    application = Recorder(event=lambda socket, event, args: socket.disconnect(reason="revoked"))
    ws = await (await serve(application)).websocket()
    await said(ws)
    await ws.send_str("40")
    await said(ws)
    await ws.send_str('421["e"]')
    assert await said(ws) == "41"
    assert await ended(ws) == 1000
    assert application.gone == ["revoked"]


async def test_socket_knows_its_client(serve: Serve) -> None:
    application = Recorder()
    served = await serve(application)
    client = socketio.AsyncClient()
    await client.connect(served.url, headers={"X-Test": "yes"}, transports=["polling"])
    socket = application.sockets[0]
    assert (socket.remote, socket.transport, socket.headers["x-test"]) == ("127.0.0.1", "polling", "yes")
    assert socket.sid == client.get_sid()
    assert served.edge.sockets == [socket]
    await client.disconnect()
    upgrading = socketio.AsyncClient()
    await upgrading.connect(served.url)
    await eventually(lambda: application.sockets[1].transport == "websocket")
    await upgrading.disconnect()


async def test_ask_gives_the_clients_acknowledgement(serve: Serve) -> None:
    application = Recorder()
    served = await serve(application)
    client = socketio.AsyncClient()
    client.on("question", lambda *args: [*args, "answer"])
    await client.connect(served.url)
    socket = application.sockets[0]
    assert await socket.ask("question", 1, b"x", timeout_s=5) == [[1, "eA==", "answer"]]
    await client.disconnect()


async def test_ask_fails_when_the_client_is_silent_or_gone(serve: Serve) -> None:
    application = Recorder()
    ws = await (await serve(application)).websocket()
    await ws.send_str("40")
    await eventually(lambda: bool(application.sockets))
    socket = application.sockets[0]
    with pytest.raises(AskFailed, match="timeout"):
        await socket.ask("question", timeout_s=0.01)
    pending = socket.ask("question")
    await ws.close()
    with pytest.raises(AskFailed, match="gone"):
        await pending
    with pytest.raises(AskFailed, match="gone"):
        await socket.ask("question")


async def test_namespaces_of_one_connection_are_bounded(serve: Serve) -> None:
    served = await serve(Recorder(), limits=EdgeLimits(max_namespaces=2), namespaces=["/", "/a", "/b", "/c"])
    ws = await served.websocket()
    for namespace in ("", "/a", "/b"):
        await ws.send_str(f"40{namespace}")
    assert await ended(ws) == 1002


async def test_broadcast_reaches_every_socket(serve: Serve) -> None:
    served = await serve(Recorder())
    clients = []
    for _ in range(3):
        ws = await served.websocket()
        await said(ws)
        await ws.send_str("40")
        await said(ws)
        clients.append(ws)
    served.edge.broadcast("server:draining", {"reconnect_in_ms": 5})
    assert [await said(ws) for ws in clients] == ['42["server:draining",{"reconnect_in_ms":5}]'] * 3


async def test_close_ends_handlers_that_still_run(serve: Serve) -> None:
    cancelled = asyncio.Event()

    async def event(socket: Socket, name: str, args: list[Any]) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    application = Recorder(event=event)
    served = await serve(application)
    ws = await served.websocket()
    await ws.send_str("40")
    await ws.send_str('42["e"]')
    await eventually(lambda: bool(application.events))
    await served.edge.close()
    assert cancelled.is_set()


async def test_acknowledgement_that_cannot_be_written_is_logged_and_answered(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    ws = await (await serve(Recorder(event=lambda socket, event, args: {"thing": object()}))).websocket()
    await said(ws)
    await ws.send_str("40")
    await said(ws)
    await ws.send_str('421["e"]')
    assert (await said(ws)).startswith('431[{"ok":false,"error":{"code":"internal"')
    assert len(caplog.records) == 1


async def test_peer_that_closes_and_reads_nothing_does_not_keep_its_connection(serve: Serve) -> None:
    def flood(socket: Socket, auth: Any) -> None:
        socket.emit("flood", "x" * 20_000_000)

    limits = EdgeLimits(close_timeout_s=0.1, slow_bytes=100_000_000, ping_timeout_s=1)
    application = Recorder(connect=flood)
    raw = await (await serve(application, limits=limits)).raw()
    raw.send(
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n\r\n"
        + mask(1, b"40")
    )
    raw.reader._transport.pause_reading()  # type: ignore[attr-defined]
    await eventually(lambda: bool(application.sockets))
    connection = application.sockets[0].session._connection
    assert connection is not None
    raw.send(mask(8, b"\x03\xe8"))
    await eventually(lambda: connection.transport.get_write_buffer_size() == 0)
    assert application.gone == ["transport close"]
