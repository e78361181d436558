"""`--processes 2`: two nodes on one machine behind the same ports."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.e2e.people import Api, register
from tests.e2e.serving import Server, alive
from tests.e2e.talking import Talker
from tests.e2e.waiting import until_true


def nodes_of(server: Server) -> list[psutil.Process]:
    return [child for child in psutil.Process(server.process.pid).children() if _is_node(child)]


def _is_node(process: psutil.Process) -> bool:
    try:
        return "server.processes" in process.cmdline()
    except psutil.Error:
        return False


async def test_two_processes_are_one_server_that_mends_itself_and_leaves_nothing(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    server = Server(tmp_path / "data", flags=("--processes", "2")).start()
    try:
        with pytest.raises(AssertionError, match=f"port {server.http_port} "):
            Server(tmp_path / "other", flags=("--http-port", str(server.http_port), "--processes", "2")).start()
        person = await register(http, server.url)
        room_id = (await person.prepare("Twice"))["stream"]["chat"]["room_id"]
        sockets = [await Talker(server.url, person.token).open() for _ in range(6)]
        for socket in sockets:
            await socket.ok("chat:join", {"room_id": room_id})
        sent = [await socket.ok("chat:send", _message(room_id, n)) for n, socket in enumerate(sockets)]
        assert [ack["offset"] for ack in sent] == list(range(1, len(sockets) + 1))
        for socket in sockets:
            await socket.said(lambda socket=socket: len(socket.messages) == len(sockets), what="every message")

        killed, other = nodes_of(server)
        killed.kill()
        await until_true(
            lambda: len({*nodes_of(server)} - {killed}) == 2 and other in nodes_of(server), within_s=30, what="a child"
        )
        again = await Talker(server.url, person.token).open()
        answer = await again.ok("chat:send", _message(room_id, 0))
        assert answer["offset"] == sent[0]["offset"]
        for socket in (*sockets, again):
            await socket.close()
        assert (await Api(http, server.url).call("GET", "/readyz")).status == 200
        children = server.descendants()
        server.kill()
        await until_true(lambda: not alive(children), within_s=30, what="the end of every child")
    finally:
        if server.process.poll() is None:
            server.stop()


def _message(room_id: str, number: int) -> dict[str, str]:
    return {"room_id": room_id, "text": f"n{number}", "client_id": f"n{number}"}
