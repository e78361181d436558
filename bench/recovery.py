"""`python -m bench recovery`: people in a room whose connections are cut again and again while others speak.

Each comes back with `chat:join` and the position it had. Every message must be seen once and in order, by everyone.
Then one after the other comes back to a room in which thousands of messages were missed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import socket
import statistics
import time
from typing import Any

import aiohttp
import uvloop

from bench import app
from bench.clients import allow_many_files, percentile, pin

_ACK_S = 30.0
_PAGE = 500


class Client:
    """One person's end: connects, joins from where it was, and checks each offset that it sees."""

    def __init__(self, http: aiohttp.ClientSession, port: int, room_id: str, token: str | None) -> None:
        self._http = http
        self._url = f"http://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
        self._room_id = room_id
        self._token = token
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._epoch: str | None = None
        self._asked = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._reader: asyncio.Task[None] | None = None
        self.offset = 0
        self.seen = 0
        self.lost = 0
        self.twice = 0
        self.pages = 0

    async def open(self) -> None:
        ws = self._ws = await self._http.ws_connect(self._url, max_msg_size=0)
        await ws.receive_str()
        await ws.send_str("40" + ("" if self._token is None else json.dumps({"token": self._token})))
        await ws.receive_str()
        self._reader = asyncio.create_task(self._read(ws), name="reader")

    async def join(self) -> None:
        """From where it was, page by page."""
        while True:
            body: dict[str, Any] = {"room_id": self._room_id}
            if self._epoch is not None:
                body["since"] = {"epoch": self._epoch, "offset": self.offset}
            answer = await self.ask("chat:join", body)
            if not answer["ok"]:
                raise RuntimeError(f"join: {answer}")
            self.pages += 1
            if not answer.get("more"):
                return

    async def ask(self, event: str, body: dict[str, Any]) -> dict[str, Any]:
        assert self._ws is not None
        self._asked += 1
        answer = self._answers[self._asked] = asyncio.get_running_loop().create_future()
        await self._ws.send_str(app.packet(self._asked, event, body).decode())
        async with asyncio.timeout(_ACK_S):
            found: dict[str, Any] = await answer
            return found

    async def cut(self) -> None:
        """The connection is gone, without a word."""
        assert self._ws is not None
        assert self._reader is not None
        with (
            contextlib.suppress(OSError),
            socket.socket(fileno=os.dup(self._ws.get_extra_info("socket").fileno())) as end,
        ):
            end.shutdown(socket.SHUT_RDWR)
        self._reader.cancel()
        await asyncio.wait([self._reader])
        await self._ws.close()
        self._answers.clear()

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        async for message in ws:
            text = message.data
            if text == "2":
                await ws.send_str("3")
            elif text.startswith("42"):
                self._event(*json.loads(text[2:]))
            elif text.startswith("43"):
                number, _, payload = text[2:].partition("[")
                self._answered(int(number), json.loads("[" + payload)[0])

    def _answered(self, number: int, answer: dict[str, Any]) -> None:
        if "messages" in answer and "epoch" in answer:
            if self._epoch is None:
                self.offset = answer["offset"]
            else:
                self._see(answer["messages"])
            self._epoch = answer["epoch"]
        waiting = self._answers.pop(number, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _event(self, event: str, body: dict[str, Any]) -> None:
        if event == "chat:messages":
            self._see(body["messages"])
        elif event == "chat:gap":
            self.lost += body["to"] - body["from"] + 1  # nobody here reads slowly

    def _see(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            if message["offset"] <= self.offset:
                self.twice += 1
                continue
            self.lost += message["offset"] - self.offset - 1
            self.offset = message["offset"]
            self.seen += 1


async def _live(client: Client, options: argparse.Namespace, chance: random.Random) -> None:
    """Cut again and again, each time for a while: many short ones, some long."""
    for _ in range(options.cuts):
        await asyncio.sleep(chance.uniform(0.05, 1.0))
        await client.cut()
        await asyncio.sleep(options.shortest * (options.longest / options.shortest) ** chance.random())
        await client.open()
        await client.join()


async def _speak(client: Client, room_id: str, rate: float, done: asyncio.Event) -> int:
    """At a fixed rate until it is over; the number of messages that were acknowledged."""
    count, started = 0, time.perf_counter()
    running: set[asyncio.Task[Any]] = set()
    while not done.is_set():
        count += 1
        body = {"room_id": room_id, "text": f"message {count}", "client_id": f"s{count}"}
        task = asyncio.create_task(client.ask("chat:send", body))
        running.add(task)
        task.add_done_callback(running.discard)
        await asyncio.sleep(max(0.0, started + count / rate - time.perf_counter()))
    answers = await asyncio.gather(*running)
    assert all(answer["ok"] for answer in answers)
    return count


async def storm(server: app.App, options: argparse.Namespace) -> bool:
    """All connections are cut; whether each client got every event once."""
    token = server.tokens(1)[0]
    room_id = server.new_room(token)[1]
    chance = random.Random(options.seed)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        speaker = Client(http, server.port, room_id, token)
        await speaker.open()
        clients = [Client(http, server.port, room_id, None) for _ in range(options.clients)]
        for client in clients:
            await client.open()
            await client.join()
        done = asyncio.Event()
        speaking = asyncio.create_task(_speak(speaker, room_id, options.rate, done))
        started = time.perf_counter()
        await asyncio.gather(*(_live(client, options, random.Random(chance.random())) for client in clients))
        took = time.perf_counter() - started
        done.set()
        said = await speaking
        end = time.perf_counter() + 10
        while any(client.offset < said for client in clients) and time.perf_counter() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        lost = sum(client.lost + said - client.offset for client in clients)
        twice = sum(client.twice for client in clients)
        print(
            f"{options.clients} clients cut {options.cuts} times for {options.shortest:g}–{options.longest:g} s in"
            f" {took:.0f} s, {said} messages said: {sum(client.seen for client in clients):,} seen,"
            f" {lost} lost, {twice} twice"
        )
        for client in [speaker, *clients]:
            await client.cut()
        return not lost and not twice


async def catch_up(server: app.App, options: argparse.Namespace) -> float:
    """Clients that missed so many messages, one after the other; the median of their times in milliseconds."""
    token = server.tokens(1)[0]
    room_id = server.new_room(token)[1]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        speaker = Client(http, server.port, room_id, token)
        await speaker.open()
        clients = [Client(http, server.port, room_id, None) for _ in range(options.returning)]
        for client in clients:
            await client.open()
            await client.join()
            await client.cut()
        for first in range(0, options.missed, 50):
            bodies = [
                {"room_id": room_id, "text": f"message {n} of a usual length for a chat", "client_id": f"c{n}"}
                for n in range(first, first + 50)
            ]
            await asyncio.gather(*(speaker.ask("chat:send", body) for body in bodies))
        times = []
        for client in clients:
            started = time.perf_counter()
            await client.open()
            await client.join()
            times.append((time.perf_counter() - started) * 1e3)
            assert (client.seen, client.lost, client.twice) == (options.missed, 0, 0), "not caught up"
        print(
            f"{options.missed} missed messages, {options.returning} clients one after the other, connecting included:"
            f" median {statistics.median(times):.0f} ms, worst {percentile(times, 1.0):.0f} ms"
        )
        for client in [speaker, *clients]:
            await client.cut()
        return statistics.median(times)


def main(argv: list[str]) -> int:
    found = argparse.ArgumentParser(prog="python -m bench recovery", description=__doc__)
    found.add_argument("--clients", type=int, default=200)
    found.add_argument("--cuts", type=int, default=30)
    found.add_argument("--shortest", type=float, default=0.1, help="seconds")
    found.add_argument("--longest", type=float, default=30.0, help="seconds")
    found.add_argument("--rate", type=float, default=20.0, help="messages/s meanwhile")
    found.add_argument("--missed", type=int, default=5000)
    found.add_argument("--returning", type=int, default=10, help="clients that missed them")
    found.add_argument("--seed", type=int, default=1)
    options = found.parse_args(argv)
    allow_many_files()
    pin(1)
    server = app.App()
    try:
        is_whole = uvloop.run(storm(server, options))
        uvloop.run(catch_up(server, options))
    finally:
        server.stop()
    return 0 if is_whole else 1


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
