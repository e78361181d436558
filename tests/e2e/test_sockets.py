"""The Socket.IO endpoint under every transport, parser and bad manner."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import msgspec
import pytest
import socketio
import socketio.exceptions

from tests.e2e.conftest import NewPerson
from tests.e2e.people import Account, Api
from tests.e2e.serving import Server
from tests.e2e.talking import Talker, talker
from tests.tools import needs
from tests.web.node import node

OFFICIAL = Path("server/web/node_modules/socket.io-client").absolute()
needs_official = needs(node() and OFFICIAL.is_dir(), "socket.io-client (npm ci in server/web) or node")


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_chat_works_over(server: Server, owner: Account, transport: str) -> None:
    room_id = (await owner.prepare("Transport"))["stream"]["chat"]["room_id"]
    async with talker(server.url, owner.token, transport=transport) as socket:
        await socket.ok("chat:join", {"room_id": room_id})
        texts = [f"{n} " + "\u00fc" * 400 for n in range(8)]
        acks = await asyncio.gather(
            *(
                socket.ok("chat:send", {"room_id": room_id, "text": text, "client_id": str(n)})
                for n, text in enumerate(texts)
            )
        )
        assert sorted(ack["offset"] for ack in acks) == list(range(1, 9))
        await socket.said(lambda: len(socket.messages) == 8)
        assert {message["text"] for message in socket.messages} == set(texts)


async def test_chat_works_with_the_msgpack_parser_and_between_parsers(
    server: Server, owner: Account, http: aiohttp.ClientSession
) -> None:
    room_id = (await owner.prepare("Packed"))["stream"]["chat"]["room_id"]
    async with (
        talker(server.url) as plain,
        http.ws_connect(f"{server.url}/socket.io-msgpack/?EIO=4&transport=websocket") as ws,
    ):
        await plain.ok("chat:join", {"room_id": room_id})
        assert (await ws.receive_str(timeout=30)).startswith("0{")
        await _pack(ws, {"type": 0, "nsp": "/", "data": {"token": owner.token}})
        assert (await _unpack(ws))["type"] == 0
        await _pack(ws, {"type": 2, "nsp": "/", "id": 0, "data": ["chat:join", {"room_id": room_id}]})
        joined = await _unpack(ws)
        assert (joined["type"], joined["id"], joined["data"][0]["ok"]) == (3, 0, True)
        body = {"room_id": room_id, "text": "packed \u2713", "client_id": "p"}
        await _pack(ws, {"type": 2, "nsp": "/", "id": 1, "data": ["chat:send", body]})
        heard = [await _unpack(ws), await _unpack(ws)]
        ack = next(packet for packet in heard if packet["type"] == 3)
        event = next(packet for packet in heard if packet["type"] == 2)
        assert ack["data"][0]["offset"] == 1
        assert event["data"][0] == "chat:messages"
        assert event["data"][1]["messages"][0]["text"] == "packed \u2713"
        await plain.said(lambda: [message["text"] for message in plain.messages] == ["packed \u2713"])


async def _pack(ws: aiohttp.ClientWebSocketResponse, packet: dict[str, Any]) -> None:
    await ws.send_bytes(msgspec.msgpack.encode(packet))


async def _unpack(ws: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    while True:
        message = await ws.receive(5)
        if message.type is aiohttp.WSMsgType.BINARY:
            packet: dict[str, Any] = msgspec.msgpack.decode(message.data)
            return packet
        assert message.data == "2", message
        await ws.send_str("3")


def _forged(token: str, how: str) -> str:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    header = jwt.get_unverified_header(token)
    if how == "none":
        return jwt.encode(claims, None, algorithm="none", headers={"kid": header.get("kid")})
    if how == "wrong key":
        return jwt.encode(claims, "k" * 32, algorithm="HS256", headers={"kid": header.get("kid")})
    if how == "changed claims":
        head, _, tail = token.split(".")
        other = jwt.encode(
            {**claims, "sub": "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"}, "k" * 32, algorithm="HS256"
        ).split(".")[1]
        return f"{head}.{other}.{tail}"
    if how == "expired":
        return jwt.encode(
            {**claims, "exp": int(time.time()) - 60}, "k" * 32, algorithm="HS256", headers={"kid": header.get("kid")}
        )
    return {"garbage": "garbage", "empty": "", "dots": "..", "huge": "a" * 20_000}[how]


@pytest.mark.parametrize("how", ["none", "wrong key", "changed claims", "expired", "garbage", "empty", "dots"])
async def test_a_token_that_does_not_hold_is_refused_everywhere(
    server: Server, owner: Account, http: aiohttp.ClientSession, how: str
) -> None:
    token = _forged(owner.token or "", how)
    stranger = Talker(server.url, token)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await stranger.open()
    await stranger.close()
    assert stranger.refused["message"]
    assert stranger.refused["data"]["code"]
    answer = await Api(http, server.url, token).call("GET", "me")
    assert answer.status == 401
    assert answer.body["type"]
    assert answer.headers["Content-Type"].startswith("application/problem+json")


@pytest.mark.parametrize("auth", [{"token": 5}, {"token": {}}, {"token": ["a"]}, {"token": True}])
async def test_a_token_of_another_type_is_refused(server: Server, auth: Any) -> None:
    client = socketio.AsyncClient(reconnection=False)
    refused: list[Any] = []
    client.on("connect_error", refused.append)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(server.url, auth=auth, transports=["websocket"])
    await client.disconnect()
    assert refused[0]["data"]["code"]


@pytest.mark.parametrize("auth", [None, {}, {"token": None}, {"other": 1}])
async def test_without_a_token_one_is_a_guest(server: Server, auth: Any) -> None:
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(server.url, auth=auth, transports=["websocket"])
    answer = await client.call(
        "chat:send", {"room_id": "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11", "text": "x", "client_id": "x"}
    )
    assert answer["error"]["code"] == "unauthenticated"
    await client.disconnect()


ODD_BODIES: list[Any] = [
    None, [], {}, 5, "text", True, 1e308, {"room_id": 5}, {"room_id": None}, {"room_id": {}}, {"room_id": "x" * 5000},
    {"stream_id": []}, {"room_id": "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11", "since": {"epoch": 1, "offset": "x"}},
    {"room_id": "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11", "mode": {"slow_seconds": "soon"}},
    {"room_id": "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11", "message_id": -1, "user_id": -1, "seconds": -1},
    {"room_id": "../../etc/passwd", "text": ["a"], "client_id": {"a": 1}},
]  # fmt: skip
EVENTS = [
    "stream:watch", "stream:unwatch", "stream:heartbeat", "stream:react", "chat:join", "chat:leave", "chat:send",
    "chat:history", "chat:delete", "chat:pin", "chat:timeout", "chat:ban", "chat:unban", "chat:mode", "presence:list",
]  # fmt: skip


async def test_every_event_answers_wrong_shapes_and_the_socket_stays(server: Server, owner: Account) -> None:
    async with talker(server.url, owner.token) as socket:
        for event in EVENTS:
            for body in ODD_BODIES:
                answer = await _patiently(socket, event, body)
                if answer["ok"]:
                    assert event in ("stream:unwatch", "chat:leave"), (event, body, answer)
                else:
                    assert answer["error"]["code"] in ("invalid", "not_found", "not_watching"), (event, body, answer)
        assert not socket.ended.is_set()
        for unknown in ("nothing:here", "x" * 1000, "", "__proto__"):
            assert (await _patiently(socket, unknown, {}))["error"]["code"] == "unknown_event"
        assert not socket.ended.is_set()


async def _patiently(socket: Talker, event: str, body: Any) -> dict[str, Any]:
    """The acknowledgement, once the socket's budget allows it."""
    while True:
        answer = await socket.ask(event, body)
        if answer["ok"] or answer["error"]["code"] != "rate_limited":
            return answer
        await asyncio.sleep(answer["error"]["retry_after_ms"] / 1000)


class Wire:
    """A WebSocket on which Engine.IO is spoken by hand."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def opened(self, auth: Any = None) -> Wire:
        assert (await self.text()).startswith("0{")
        await self.ws.send_str("40" + (json.dumps(auth) if auth else ""))
        assert (await self.text()).startswith("40{")
        return self

    async def text(self, within_s: float = 30.0) -> str:
        """The next frame that is no ping; "closed" at the end."""
        while True:
            message = await self.ws.receive(within_s)
            if message.type is not aiohttp.WSMsgType.TEXT:
                return "closed"
            if message.data == "2":
                await self.ws.send_str("3")
                continue
            return str(message.data)


@pytest.fixture
async def wire(server: Server, http: aiohttp.ClientSession) -> Any:
    ws = await http.ws_connect(f"{server.url}/socket.io/?EIO=4&transport=websocket", max_msg_size=0)
    yield Wire(ws)
    await ws.close()


@pytest.mark.parametrize(
    "packet",
    [
        '420["chat:join",' + "[" * 900 + "]" * 900 + "]",
        '420["chat:join",' + '{"a":' * 900 + "1" + "}" * 900 + "]",
        '420["unknown"]',
        "420[]",
        '420[5,{"a":1}]',
        "420[null]",
    ],
    ids=["deep-list", "deep-object", "no-body", "empty", "number-as-name", "null-as-name"],
)
async def test_an_odd_packet_is_answered_or_ends_only_its_own_socket(
    server: Server, wire: Wire, nobody: Api, packet: str
) -> None:
    await wire.opened()
    await wire.ws.send_str(packet)
    answer = await wire.text()
    assert answer.startswith(("430[", "41", "closed")), answer[:200]
    assert (await nobody.call("GET", "/readyz")).status == 200


@pytest.mark.parametrize(
    "packet",
    [
        "9",
        "4",
        "49",
        "42{",
        "4299999999999999999999[]",
        "45" + "9" * 30 + "-[]",
        '451-["a"]',
        "\u0000",
        "x" * 100,
        "42" + "[" * 100_000,
    ],
)
async def test_a_packet_that_is_none_ends_only_its_own_socket(wire: Wire, nobody: Api, packet: str) -> None:
    await wire.opened()
    await wire.ws.send_str(packet)
    await wire.ws.send_str('429["stream:unwatch",{"stream_id":"01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"}]')
    answer = await wire.text()
    assert answer.startswith(("439", "41", "closed")), answer[:200]
    assert (await nobody.call("GET", "/readyz")).status == 200


async def test_a_payload_over_the_limit_closes_the_socket(wire: Wire, nobody: Api) -> None:
    limit = (await nobody.done("GET", "server"))["limits"]["socket_payload_bytes"]
    await wire.opened()
    await wire.ws.send_str('420["chat:send","' + "x" * (limit + 10) + '"]')
    assert await wire.text() == "closed"
    assert (await nobody.call("GET", "/readyz")).status == 200


async def test_a_polling_payload_over_the_limit_is_a_413_or_400(
    server: Server, http: aiohttp.ClientSession, nobody: Api
) -> None:
    limit = (await nobody.done("GET", "server"))["limits"]["socket_payload_bytes"]
    opened = await http.get(f"{server.url}/socket.io/?EIO=4&transport=polling")
    sid = json.loads((await opened.text())[1:])["sid"]
    answer = await http.post(
        f"{server.url}/socket.io/?EIO=4&transport=polling&sid={sid}", data="4" + "x" * (limit + 10)
    )
    assert answer.status in (400, 413)
    assert (await http.get(f"{server.url}/socket.io/?EIO=4&transport=polling&sid=none")).status == 400


async def test_events_of_a_socket_are_bounded_with_a_time_to_wait(server: Server) -> None:
    async with talker(server.url) as guest:
        answers = await asyncio.gather(
            *(guest.ask("stream:unwatch", {"stream_id": "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"}) for _ in range(400))
        )
        errors = [answer["error"] for answer in answers if not answer["ok"]]
        refused = [error for error in errors if error["code"] != "not_found"]
        assert refused
        assert {error["code"] for error in refused} <= {"rate_limited", "overloaded"}
        assert all(error["retry_after_ms"] >= 1 for error in refused)
        assert not guest.ended.is_set()


SCRIPT = """
import { createRequire } from "node:module";
const require = createRequire(process.argv[2] + "/");
const { io } = require("socket.io-client");
const [url, token, room, transport] = process.argv.slice(3);
const socket = io(url, { auth: { token }, transports: transport.split(","), reconnection: false });
const say = (what, body) => console.log(JSON.stringify({ what, body }));
socket.on("connect_error", (error) => {
  say("refused", { message: error.message, data: error.data });
  process.exit(0);
});
socket.on("chat:messages", (body) => say("messages", body));
socket.on("connect", async () => {
  const ask = (event, body) => socket.timeout(8000).emitWithAck(event, body);
  say("join", await ask("chat:join", { room_id: room }));
  say("send", await ask("chat:send", { room_id: room, text: "from node", client_id: "n1" }));
  say("again", await ask("chat:send", { room_id: room, text: "from node", client_id: "n1" }));
  say("unknown", await ask("no:such", {}));
  say("history", await ask("chat:history", { room_id: room }));
  say("transport", socket.io.engine.transport.name);
  socket.disconnect();
});
setTimeout(() => process.exit(3), 15000).unref();
"""


async def _official(server: Server, token: str, room_id: str, transports: str, folder: Path) -> dict[str, Any]:
    script = folder / "client.mjs"
    script.write_text(SCRIPT)
    command = [
        str(node()),
        str(script),
        str(OFFICIAL.parent.parent / "package.json"),
        server.url,
        token,
        room_id,
        transports,
    ]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=300, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr + done.stdout
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["what"]: line["body"] for line in lines}


@needs_official
@pytest.mark.parametrize("transports", ["websocket", "polling", "polling,websocket"])
async def test_the_official_client_talks_over(server: Server, owner: Account, tmp_path: Path, transports: str) -> None:
    room_id = (await owner.prepare("Official"))["stream"]["chat"]["room_id"]
    said = await _official(server, owner.token or "", room_id, transports, tmp_path)
    assert said["join"]["ok"]
    assert (said["send"]["ok"], said["send"]["offset"]) == (True, 1)
    assert said["again"] == said["send"]
    assert said["unknown"]["error"]["code"] == "unknown_event"
    assert [message["text"] for message in said["messages"]["messages"]] == ["from node"]
    assert len(said["history"]["messages"]) == 1


@needs_official
async def test_the_official_client_is_told_why_it_is_refused(server: Server, tmp_path: Path) -> None:
    said = await _official(server, "garbage", "x", "websocket", tmp_path)
    assert said["refused"]["data"]["code"]
    assert said["refused"]["message"]


async def test_a_socket_outlives_its_access_token_but_not_its_session(server: Server, someone: NewPerson) -> None:
    person = await someone()
    sessions = await person.done("GET", "auth/sessions")
    listed = sessions["items"] if isinstance(sessions, dict) else sessions
    current = next(session for session in listed if session["current"])
    async with talker(server.url, person.token) as socket:
        await person.done("DELETE", f"auth/sessions/{current['id']}", status=204)
        async with asyncio.timeout(30):
            await socket.ended.wait()
    stranger = Talker(server.url, person.token)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await stranger.open()
    await stranger.close()
    assert stranger.refused["data"]["code"]
