"""Socket.IO sockets that say what no client says, or too much of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.e2e.conftest import OnTheAir
from tests.e2e.people import Account, Api
from tests.e2e.talking import talker
from tests.e2e.waiting import until
from tests.fuzz.conftest import Calm

Raw = aiohttp.ClientWebSocketResponse


@contextlib.asynccontextmanager
async def _raw(api: Api, token: str | None = None) -> AsyncIterator[Raw]:
    """A connected socket without a client library between."""
    address = api.url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
    async with api.http.ws_connect(address, max_msg_size=0) as socket:
        await socket.receive_str()
        await socket.send_str("40" + (json.dumps({"token": token}) if token else ""))
        await socket.receive_str()
        yield socket


BROKEN = {
    "cut off": '420["chat:send",{',
    "not a number": '420["chat:send",NaN]',
    "no list": '420{"a":1}',
    "no event": "420[]",
    "an endless id": "42" + "9" * 500 + '["x"]',
    "a namespace that is not there": '42/admin,["x"]',
    "too many attachments": '4599999-["x"]',
    "a second connect": "40",
    "an unknown packet": "9zzz",
    "nothing": "",
    "too long": '420["x","' + "a" * 1_000_100 + '"]',
    "an attachment nobody announced": b"\x00" * 100,
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_packet_ends_its_own_socket_alone(nobody: Api, name: str) -> None:
    async with talker(nobody.url) as other, _raw(nobody) as socket:
        packet = BROKEN[name]
        await (socket.send_bytes(packet) if isinstance(packet, bytes) else socket.send_str(packet))
        async with asyncio.timeout(30):
            while (await socket.receive()).type not in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
                pass
        assert (await other.no("no:such"))["code"] == "unknown_event"


WRONG = [
    ("chat:history", {"before": -1}),
    ("chat:history", {"before": 2**63}),
    ("chat:history", {"before": 10**300}),
    ("chat:history", {"limit": "1"}),
    ("chat:send", {"text": "\x00\x07", "client_id": "n"}),
    ("chat:send", {"text": "a", "client_id": "c" * 65}),
    ("chat:send", {"text": ["a"], "client_id": "l"}),
    ("chat:join", {"since": {"epoch": 1, "offset": "x"}}),
    ("stream:watch", {"stream_id": "../../etc"}),
    ("stream:heartbeat", {"stream_id": "x" * 100_000}),
    ("__proto__", {"__proto__": {}}),
    ("presence:list", None),
    *((name, {}) for name in ("connect", "connect_error", "disconnect", "newListener")),
]


async def test_wrong_shapes_are_answered_and_leave_the_socket_open(
    nobody: Api, someone: Account, live: OnTheAir
) -> None:
    async with talker(nobody.url, someone.token) as socket:
        for event, body in WRONG:
            told = {"room_id": live.room_id, **body} if body is not None else None
            assert (await socket.no(event, told))["code"] in {"invalid", "empty_text", "unknown_event", "not_found"}, (
                event
            )
        await socket.ok("chat:join", {"room_id": live.room_id})


async def test_flood_of_one_socket_is_refused_and_delays_nobody(
    nobody: Api, someone: Account, live: OnTheAir, calm: Calm
) -> None:
    answers: Counter[str] = Counter()
    async with _raw(nobody) as flooding, talker(nobody.url, someone.token) as other:
        for number in range(10_000):
            await flooding.send_str(f'42{number}["presence:list",{{"room_id":"{live.room_id}"}}]')
        await other.ok("chat:send", {"room_id": live.room_id, "text": "still here", "client_id": "flooded"})
        async with asyncio.timeout(30):
            while answers.total() < 10_000:
                packet = await flooding.receive_str()
                if packet.startswith("43"):
                    answer = json.loads(packet[packet.index("[") :])[0]
                    answers["ok" if answer["ok"] else answer["error"]["code"]] += 1
    assert answers["rate_limited"] > 5_000
    await calm.holds()


async def test_guests_who_ask_for_history_without_end_leave_the_database_to_the_others(
    nobody: Api, someone: Account, live: OnTheAir, calm: Calm
) -> None:
    async def ask() -> None:
        async with _raw(nobody) as socket:
            for number in range(150):
                await socket.send_str(f'42{number}["chat:history",{{"room_id":"{live.room_id}","limit":100}}]')
                await asyncio.sleep(0.01)

    asking = asyncio.gather(*(ask() for _ in range(30)))
    async with talker(nobody.url, someone.token) as other:
        number = 0
        while not asking.done():
            number += 1
            message = {"room_id": live.room_id, "text": "among them", "client_id": f"among {number}"}
            await other.ask("chat:send", message, within_s=30)
            assert (await nobody.call("GET", "/readyz")).body["status"] == "ready"
    await asking
    await calm.holds()


async def test_viewers_are_counted_exactly_after_a_churn(nobody: Api, someone: Account) -> None:
    stream = (await someone.prepare("churn"))["stream"]["id"]
    chance = random.Random(9)

    async def counts(expected: int) -> None:
        async def told() -> bool:
            answer = await nobody.call("GET", f"streams/{stream}")
            assert answer.status in (200, 503), answer.text  # busy with the churn: ask again
            return answer.status == 200 and answer.body["viewers"] == expected

        await until(told, within_s=30, what=f"{expected} viewers")

    async def churn(socket: Raw) -> None:
        for _ in range(40):
            verb = chance.choice(("watch", "unwatch"))
            await socket.send_str(f'42["stream:{verb}",{{"stream_id":"{stream}"}}]')
        await watches(socket)

    async def watches(socket: Raw) -> None:
        """Again while it is put off: a full machine refuses some with the time to wait."""
        async with asyncio.timeout(60):
            while True:
                await socket.send_str(f'427["stream:watch",{{"stream_id":"{stream}"}}]')
                answer = ""
                while not answer.startswith("437"):
                    answer = await socket.receive_str()
                [said] = json.loads(answer[3:])
                if said["ok"]:
                    return
                await asyncio.sleep(said["error"]["retry_after_ms"] / 1000)

    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(_raw(nobody)) for _ in range(40)]
        await asyncio.gather(*(churn(socket) for socket in sockets))
        await counts(40)
        for socket in sockets[:10]:
            await socket.send_str(f'42["stream:unwatch",{{"stream_id":"{stream}"}}]')
        await counts(30)
    await counts(0)


async def test_a_storm_of_connections_leaves_none_behind(nobody: Api, calm: Calm, live: OnTheAir) -> None:
    async def sockets() -> float:
        line = next(
            one for one in (await nobody.text("/metrics")).splitlines() if one.startswith("socialflow_sockets ")
        )
        return float(line.split()[1])

    async def come_and_go(number: int) -> None:
        async with _raw(nobody) as socket:
            await socket.send_str(f'420["stream:watch",{{"stream_id":"{live.stream_id}"}}]')
            if number % 2:
                await socket.receive()

    before = await sockets()
    for _ in range(4):
        await asyncio.gather(*(come_and_go(number) for number in range(250)))

    async def all_gone() -> bool:
        return await sockets() <= before

    await until(all_gone, within_s=30, what="the end of every session")
    await calm.holds()
