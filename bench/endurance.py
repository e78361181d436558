"""Does anything grow or stay behind on a server that is used for long? ``python -m bench soak --minutes N``.

A server of its own, in real time: a publisher over RTMP, and a viewer over HLS, one over WHEP and a talker in the chat
who all leave and come back every half minute. After a warm-up the memory of the node and of its media process must stay
within 5%; once all have left, open files, sockets and processes must be what they were after an earlier broadcast.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import psutil  # type: ignore[import-untyped]
import socketio

from bench import report
from bench.broadcast_server import STORES, Server
from bench.glass import watch_hls, watch_whep
from bench.publishing import end, live_stream, log_in, looped, make_clip, publisher
from bench.report import Figure, figure

STAY_S: Final = 30.0
SAMPLE_S: Final = 5.0
SETTLE_S: Final = 20.0
WARM_UP: Final = 0.3
"""Of the run."""
GROWTH_BAR: Final = 5.0


class Held(msgspec.Struct, frozen=True):
    """What the server's own processes hold; memory in MB, of the node and of the media process.

    The stores are left out, and so are the node's connections to Postgres: their pool grows with the load up to its
    bound, and each backend opens the files of tables as it first reads them.
    """

    node_mb: float
    media_mb: float
    files: int
    sockets: int
    processes: int


def held_by(server: Server) -> Held:
    node = psutil.Process(server.process.pid)
    family = [node, *node.children(recursive=True)]
    lines = {each: _line(each) for each in family}
    own = [each for each, (name, _) in lines.items() if name not in STORES]
    media = [each for each in own if "media_process" in lines[each][1]]
    pooled = sum(name == "postgres" and "[local]" in line for name, line in lines.values())
    files = sockets = 0
    for each in own:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            files += each.num_fds()
            sockets += len(each.net_connections())
    return Held(_mb([node]), _mb(media), files - pooled, sockets, len(own))


def _line(process: psutil.Process) -> tuple[str, str]:
    """Its name and command line; empty of one that has ended meanwhile."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.name(), " ".join(process.cmdline())
    return "", ""


def _mb(processes: list[Any]) -> float:
    return float(sum(each.memory_full_info().uss for each in processes)) / 1e6


class Endurance:
    def __init__(self, server: Server, clip: Path) -> None:
        self._server = server
        self._clip = clip
        self._known: set[str] = set()

    async def broadcast(self, seconds: float) -> list[Held]:
        """One with its viewers; what was held meanwhile."""
        found: list[Held] = []
        with publisher(looped(self._clip), f"{self._server.rtmp}/{self._server.key}"):
            stream_id = await live_stream(self._server.http, after=self._known)
            self._known.add(stream_id)
            watching = asyncio.create_task(self._watched(stream_id), name="viewers")
            try:
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    await asyncio.sleep(SAMPLE_S)
                    found.append(held_by(self._server))
                    if watching.done():
                        watching.result()
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
        await end(self._server, stream_id)
        return found

    async def _watched(self, stream_id: str) -> None:
        await log_in(self._server)  # the one-time password is changed: the token from before opens no socket
        token = await log_in(self._server)
        viewers: list[Callable[[], Coroutine[Any, Any, object]]] = [
            lambda: watch_hls(self._server.http, stream_id, STAY_S),
            lambda: watch_whep(self._server.http, stream_id, STAY_S),
            lambda: self._talk(stream_id, token),
        ]
        while True:
            await asyncio.gather(*(viewer() for viewer in viewers))

    async def _talk(self, stream_id: str, token: str) -> None:
        client = socketio.AsyncClient(reconnection=False)
        await client.connect(self._server.http, auth={"token": token}, transports=["websocket"], wait_timeout=30)
        try:
            async with (
                aiohttp.ClientSession() as http,
                http.get(f"{self._server.http}/api/v1/streams/{stream_id}") as one,
            ):
                room_id = (await one.json())["chat"]["room_id"]
            await client.call("stream:watch", {"stream_id": stream_id})
            await client.call("chat:join", {"room_id": room_id})
            for number in itertools.count():
                body = {"room_id": room_id, "text": f"message {number}", "client_id": f"{time.time()}-{number}"}
                await client.call("chat:send", body)
                await asyncio.sleep(1.0)
                if number >= STAY_S:
                    return
        finally:
            await client.disconnect()


def grown(values: list[float]) -> float:
    """By how many per cent the last third is above the first third."""
    third = max(len(values) // 3, 1)
    before, after = statistics.median(values[:third]), statistics.median(values[-third:])
    return (after - before) / before * 100


def figures(during: list[Held], before: Held, after: Held) -> list[Figure]:
    kept = during[int(len(during) * WARM_UP) :]
    found = []
    for name, values in (("node", [each.node_mb for each in kept]), ("media", [each.media_mb for each in kept])):
        found.append(figure("soak", f"memory of the {name} process", values, "MB", better="lower"))
        growth = [grown(values)]
        found.append(figure("soak", f"growth of the {name} process", growth, "%", better="lower", bar=GROWTH_BAR))
    for name in ("files", "sockets", "processes"):
        left = [float(getattr(after, name) - getattr(before, name))]
        found.append(figure("soak", f"{name} left behind", left, "", better="lower", bar=0.0))
    return found


async def endure(minutes: float, options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = make_clip(folder)
        server = Server(folder / "data")
        try:
            endurance = Endurance(server, clip)
            await endurance.broadcast(STAY_S)
            await asyncio.sleep(SETTLE_S)
            before = held_by(server)
            during = await endurance.broadcast(minutes * 60)
            await asyncio.sleep(SETTLE_S)
            after = held_by(server)
        finally:
            server.stop()
    report.hand_over(figures(during, before, after), options.json)
    return 0
