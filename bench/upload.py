"""`python -m bench upload`: how fast a file arrives, beside a bare aiohttp server that writes the same bytes to disk;
what memory many uploads at once take; whether a file that is sent over kills of the server arrives as it was.

Both servers have the first core and the same disk, the client another core, and they take turns. The bare server
writes what it reads to one file and syncs it once, at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import os
import random
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from bench import app, report
from bench.clients import CORES, pin
from bench.machine import keep_on
from bench.report import Figure, figure

QUESTION: Final = "upload"
MB: Final = 1_000_000
CHUNK: Final = 256 * 1024
LIMITS: Final = ("--max-uploads-per-hour=100000", "--max-unused-uploads=1000", "--max-unused-upload-mb=100000")
BAR_SPEED: Final = 0.7
BAR_MEMORY_MB: Final = 64 * 1.048576
START_S: Final = 180.0


class BareServer:
    """An aiohttp server that writes a body to a file."""

    def __init__(self, folder: Path) -> None:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve_bare, args=(theirs, str(folder)), daemon=True)
        self._process.start()
        self.port: int = ours.recv()

    def stop(self) -> None:
        self._process.kill()
        self._process.join()


def _serve_bare(told: Connection, folder: str) -> None:
    keep_on(os.getpid(), set(CORES[:1]))
    target = Path(folder) / "bare"

    async def take(request: web.Request) -> web.Response:
        with target.open("wb") as file:
            async for chunk in request.content.iter_any():
                file.write(chunk)
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        return web.Response()

    async def serve() -> None:
        served = web.Application(client_max_size=0)
        served.router.add_put("/", take)
        runner = web.AppRunner(served, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        told.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(serve())


class Uploads:
    """Uploads of a person to the server on ``port``."""

    def __init__(self, port: int, token: str) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}

    async def create(self, session: aiohttp.ClientSession, size: int) -> str:
        headers = {**self._headers, "Upload-Length": str(size)}
        async with session.post(f"{self._base}/api/v1/uploads", headers=headers) as answer:
            answer.raise_for_status()
            return answer.headers["Location"]

    async def send(
        self,
        session: aiohttp.ClientSession,
        path: str,
        data: memoryview,
        offset: int = 0,
        pieces: AsyncIterator[bytes] | None = None,
    ) -> None:
        """All bytes from ``offset`` on; or ``pieces`` of them, as if they were all."""
        headers = {
            **self._headers,
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(len(data) - offset),
        }
        async with session.patch(self._base + path, data=pieces or _pieces(data[offset:]), headers=headers) as answer:
            answer.raise_for_status()

    async def offset(self, session: aiohttp.ClientSession, path: str) -> int:
        async with session.head(self._base + path, headers=self._headers) as answer:
            answer.raise_for_status()
            return int(answer.headers["Upload-Offset"])


def _bytes(megabytes: int, *, seed: int) -> memoryview:
    """Bytes that no disk compresses."""
    source = random.Random(seed)
    return memoryview(b"".join(source.randbytes(MB) for _ in range(megabytes)))


def _sound(megabytes: int, *, seed: int) -> memoryview:
    """As ``_bytes``, of a file that is taken: a WAV of noise."""
    noise = _bytes(megabytes, seed=seed)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, 48_000, 192_000, 4, 16)
    head = struct.pack("<4sI4s", b"RIFF", len(noise) - 8, b"WAVE") + form
    head += struct.pack("<4sI", b"data", len(noise) - len(head) - 8)
    return memoryview(head + noise[len(head) :])


async def _pieces(data: memoryview) -> AsyncIterator[bytes]:
    for start in range(0, len(data), CHUNK):
        yield bytes(data[start : start + CHUNK])


async def _pieces_until(data: memoryview, is_sent: asyncio.Event) -> AsyncIterator[bytes]:
    """The data, and then nothing more for as long as the connection stands."""
    async for piece in _pieces(data):
        yield piece
    is_sent.set()
    await asyncio.Event().wait()


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=600))


async def speed(options: argparse.Namespace, server: app.App, bare: BareServer, token: str) -> list[Figure]:
    data = _bytes(options.megabytes, seed=1)
    uploads, ours, theirs = Uploads(server.port, token), [], []
    async with _session() as session:
        for _ in range(options.rounds):
            path = await uploads.create(session, len(data))
            began = time.perf_counter()
            await uploads.send(session, path, data)
            ours.append(options.megabytes / (time.perf_counter() - began))
            began = time.perf_counter()
            async with session.put(f"http://127.0.0.1:{bare.port}/", data=_pieces(data)) as answer:
                answer.raise_for_status()
            theirs.append(options.megabytes / (time.perf_counter() - began))
    shares = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return [
        figure(QUESTION, "an upload", ours, "MB/s", better="higher", peer="a bare aiohttp server", against=theirs),
        figure(QUESTION, "share of the bare server's speed", shares, "", better="higher", bar=BAR_SPEED),
    ]


async def memory(options: argparse.Namespace, server: app.App, token: str) -> list[Figure]:
    """What the server's memory grows by, at most, with many uploads at once."""
    data = _bytes(options.each_megabytes, seed=2)
    uploads, before = Uploads(server.port, token), server.memory_bytes()
    is_over = threading.Event()
    seen = [before]

    def look() -> None:
        while not is_over.wait(0.02):
            seen.append(server.memory_bytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        async with _session() as session:
            paths = [await uploads.create(session, len(data)) for _ in range(options.at_once)]
            await asyncio.gather(*(uploads.send(session, path, data) for path in paths))
    finally:
        is_over.set()
        thread.join()
    grown = [(max(seen) - before) / MB]
    name = f"memory of {options.at_once} uploads at once"
    return [figure(QUESTION, name, grown, "MB", better="lower", bar=BAR_MEMORY_MB)]


class KilledServer:
    """A server that is killed and started again on the same port and data."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="socialflow-bench-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        command = [sys.executable, "-m", "server", "serve", "--data-dir", str(self._folder / "data")]
        ports = (f"--http-port={self.port}", "--rtmp-port=0", "--webrtc-port=0")
        quiet = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(*command, *ports, *LIMITS, stdout=quiet, stderr=quiet)
        async with asyncio.timeout(START_S), _session() as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.05)

    async def end(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        await self._process.wait()

    async def stop(self) -> None:
        await self.end(signal.SIGTERM)
        shutil.rmtree(self._folder, ignore_errors=True)

    def stored(self, upload_id: str) -> str:
        """The digest of the bytes that lie in the object store, which is a folder here. A segment that a killed server
        had not recorded was sent again, by a later writer.
        """
        digest, latest = hashlib.sha256(), dict[str, tuple[int, Path]]()
        for piece in (self._folder / "data").rglob(f"uploads/{upload_id}/[0-9]*-*"):
            start, _, writer = piece.name.partition("-")
            latest[start] = max(latest.get(start, (0, piece)), (int(writer), piece))
        for _, (_, piece) in sorted(latest.items()):
            digest.update(piece.read_bytes())
        return digest.hexdigest()


async def kills(options: argparse.Namespace) -> list[Figure]:
    """One file, and so many kills spread evenly over the bytes that are sent of it, however fast that goes. What does
    not arrive as it was is an error."""
    data = _sound(options.killed_megabytes, seed=3)
    server = KilledServer()
    try:
        await server.start()
        token = (await asyncio.to_thread(app.register, server.port, "bench"))["access_token"]
        uploads, done = Uploads(server.port, token), 0
        async with _session() as session:
            path = await uploads.create(session, len(data))
        for number in range(1, options.kills + 1):
            done = await _until_killed(server, uploads, path, data, len(data) * number // (options.kills + 1))
        async with _session() as session:
            await uploads.send(session, path, data, done)
        whole = hashlib.sha256(data).hexdigest()
        different = float(await asyncio.to_thread(server.stored, path.rpartition("/")[2]) != whole)
    finally:
        await server.stop()
    name = f"files of {options.killed_megabytes} MB that {options.kills} kills changed"
    return [figure(QUESTION, name, [different], "", better="lower", bar=0.0)]


async def _until_killed(server: KilledServer, uploads: Uploads, path: str, data: memoryview, until: int) -> int:
    """Send the bytes before ``until`` in a request that promises all of them, kill, start: the offset that the server
    has then, which is what it had answered before, or more."""
    is_sent = asyncio.Event()
    async with _session() as session:
        begin = await uploads.offset(session, path)
        sending = asyncio.create_task(
            uploads.send(session, path, data, begin, _pieces_until(data[begin:until], is_sent))
        )
        told = asyncio.create_task(is_sent.wait())
        await asyncio.wait({sending, told}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            raise RuntimeError("the request ended before its last byte") from sending.exception()
        answered = await uploads.offset(session, path)
        await server.end(signal.SIGKILL)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    await server.start()
    async with _session() as session:
        kept = await uploads.offset(session, path)
    if kept < answered:
        raise RuntimeError(f"the offset {answered} was answered, and {kept} is left after a kill")
    return kept


async def _measure(options: argparse.Namespace) -> list[Figure]:
    folder = Path(tempfile.mkdtemp(prefix="socialflow-bench-"))
    server, bare = app.App(*LIMITS), BareServer(folder)
    try:
        pin(1)
        token = server.tokens(1)[0]
        found = [*await speed(options, server, bare, token), *await memory(options, server, token)]
    finally:
        bare.stop()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return [*found, *await kills(options)]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench upload", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=200, help="of an upload whose speed is measured")
    parser.add_argument("--at-once", type=int, default=20, help="uploads whose memory is measured")
    parser.add_argument("--each-megabytes", type=int, default=20)
    parser.add_argument("--killed-megabytes", type=int, default=1_074, help="of the file that is sent over kills")
    parser.add_argument("--kills", type=int, default=20)
    report.options(parser)
    options = parser.parse_args(argv)
    report.hand_over(asyncio.run(_measure(options)), options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
