"""Nodes as processes of their own on one Postgres and one Redis, and what can happen to each: for the benches and tests
that ask what becomes of a cluster.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from actors.runtime import shard_of
from actors.runtime.ids import ActorId
from bench.machine import cpu_s, descendants
from storage.embedded.postgres import EmbeddedPostgres
from storage.embedded.redis import EmbeddedRedis
from storage.postgres import Database

START_S = 120.0
FILL_BYTES = 1024 * 1024
HOST = re.sub("[^A-Za-z0-9]+", "-", socket.gethostname()).strip("-") or "node"


class NoSmallDisk(Exception):
    """A disk of a chosen size cannot be had here; the reason is the text."""


class LocalCluster:
    """The engines, and the nodes that were started on them. ``stop`` ends everything."""

    def __init__(
        self, *, flags: Sequence[str] = (), redis_memory_bytes: int = 256 * 1024 * 1024, disk_bytes: int = 0
    ) -> None:
        """``disk_bytes``: Postgres and the nodes' data have a disk of this size, in memory. Raises ``NoSmallDisk``."""
        self.folder = Path(tempfile.mkdtemp(prefix="socialflow-town-"))
        self.nodes: list[NodeProcess] = []
        self._flags = tuple(flags)
        self.disk = self._sub("disk")
        self._is_mounted = False
        if disk_bytes:
            self._mount(disk_bytes)
        self._postgres = EmbeddedPostgres(data_dir=self._sub("disk/postgres"))
        self._redis = EmbeddedRedis(data_dir=self._sub("redis"), max_memory_bytes=redis_memory_bytes)
        try:
            self.database_url = self._postgres.start()
            self.redis_url = self._redis.start()
        except BaseException:
            self.stop()
            raise

    def _sub(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder

    def _mount(self, size: int) -> None:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(self.disk)]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            shutil.rmtree(self.folder)
            raise NoSmallDisk(str(getattr(error, "stderr", "") or error).strip()) from None
        self._is_mounted = True

    def begin(self, *flags: str, program: str = "server") -> NodeProcess:
        """Starts one more node; ``ready`` waits for it. ``program``: the module that is run."""
        node = NodeProcess(self, len(self.nodes), (*self._flags, *flags), program=program)
        self.nodes.append(node)
        return node

    def start(self, count: int = 1) -> list[NodeProcess]:
        """Starts nodes beside each other and waits for all; the first alone, since it migrates."""
        first = [self.begin().ready()] if not self.nodes else []
        others = [self.begin() for _ in range(count - len(first))]
        return [*first, *(node.ready() for node in others)]

    @property
    def running(self) -> list[NodeProcess]:
        return [node for node in self.nodes if node.is_running]

    def stop(self) -> None:
        running = self.running
        for node in running:
            node.signal(signal.SIGCONT)
            node.signal(signal.SIGTERM)
        for node in running:
            node.end(within_s=40.0)
        with contextlib.suppress(ProcessLookupError):
            self.resume_redis()
        self._redis.stop()
        self._postgres.stop()
        if self._is_mounted:
            subprocess.run(["umount", str(self.disk)], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- the engines

    @property
    def postgres_pid(self) -> int:
        return self._postgres.pid

    def redis_cpu_s(self) -> float:
        return cpu_s(self._redis.pid)

    def postgres_cpu_s(self) -> float:
        return sum(cpu_s(pid) for pid in (self._postgres.pid, *descendants(self._postgres.pid)))

    def freeze_redis(self) -> None:
        os.kill(self._redis.pid, signal.SIGSTOP)

    def resume_redis(self) -> None:
        if self._redis.pid:
            os.kill(self._redis.pid, signal.SIGCONT)

    def kill_redis(self) -> None:
        """With all that it held."""
        os.kill(self._redis.pid, signal.SIGKILL)
        _until_gone(self._redis)

    def start_redis(self) -> None:
        self._redis.start()

    def kill_postgres(self) -> None:
        os.kill(self._postgres.pid, signal.SIGKILL)
        _until_gone(self._postgres)

    def start_postgres(self) -> None:
        self._postgres.start()

    @property
    def has_postgres(self) -> bool:
        return self._postgres.is_running()

    # -- the small disk

    def fill_disk(self) -> None:
        """To the last byte."""
        with (self.disk / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(FILL_BYTES)):
                pass

    def free_disk(self) -> None:
        (self.disk / "ballast").unlink()

    # -- who has what

    async def owner_of(self, kind: str, key: str) -> NodeProcess | None:
        """The node that took the actor's shard last, if it still runs."""
        db = await Database.connect(self.database_url, max_connections=1)
        try:
            name = await db.fetchval("select node from shards where shard = $1", shard_of(ActorId(kind, key)))
        finally:
            await db.close()
        return next((node for node in self.running if node.name == name), None)

    async def shares(self) -> dict[str, int]:
        """How many shards each node has taken last."""
        db = await Database.connect(self.database_url, max_connections=1)
        try:
            rows = await db.fetch("select node, count(*) as shards from shards group by node")
        finally:
            await db.close()
        return {row["node"]: row["shards"] for row in rows}


class NodeProcess:
    """One ``socialflow serve``. What it prints is read all the time."""

    def __init__(self, cluster: LocalCluster, number: int, flags: Sequence[str], *, program: str = "server") -> None:
        self.number = number
        self.log = cluster.folder / f"node-{number}.log"
        self._said = ""
        ports = ("--http-port=0", "--rtmp-port=0", "--webrtc-port=0")
        engines = (f"--database-url={cluster.database_url}", f"--redis-url={cluster.redis_url}")
        command = [sys.executable, "-m", program, "serve", "--data-dir", str(cluster.disk / "data"), *engines]
        self.process = subprocess.Popen(
            [*command, *ports, *flags], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._reader = threading.Thread(target=self._read, name=f"node {number}", daemon=True)
        self._reader.start()
        self.url = ""
        self.rtmp = ""

    @property
    def name(self) -> str:
        return f"{HOST}-{self.process.pid}"[-64:]

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 80

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    @property
    def output(self) -> str:
        return self._said

    def tail(self, lines: int = 40) -> str:
        """The last lines that it printed."""
        said = self.log.read_text().splitlines()[-lines:] if self.log.exists() else []
        return "\n".join([f"{self.name}{'' if self.is_running else ' (ended)'}:", *said])

    def ready(self) -> NodeProcess:
        """Returns when it serves; ``RuntimeError`` with what it printed if it does not."""
        deadline = time.monotonic() + START_S
        while "Ctrl-C" not in self._said:
            if time.monotonic() > deadline or not self.is_running:
                self.kill()
                raise RuntimeError(f"node {self.number} did not start:\n{self._said}")
            time.sleep(0.02)
        self.url = self._printed(r"Watch and go live\s+(\S+)/")
        self.rtmp = self._printed(r"Publish \(RTMP\)\s+(\S+)")
        return self

    def signal(self, number: int) -> None:
        if self.is_running:
            self.process.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait(10)

    def end(self, *, within_s: float) -> int:
        """The exit code of a node that was asked to stop; one that takes longer is killed."""
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return -int(signal.SIGKILL)

    def cpu_s(self) -> float:
        """Of the node and of its children."""
        return sum(cpu_s(pid) for pid in (self.pid, *descendants(self.pid)))

    def memory_bytes(self) -> int:
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def _printed(self, pattern: str) -> str:
        found = re.search(pattern, self._said)
        if found is None:
            raise RuntimeError(f"node {self.number} did not print {pattern!r}:\n{self._said}")
        return found[1]

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.log.open("w") as log:
            for line in self.process.stdout:
                text = line.decode(errors="replace")
                log.write(text)
                log.flush()
                if "Ctrl-C" not in self._said:
                    self._said += text


def _until_gone(engine: EmbeddedPostgres | EmbeddedRedis) -> None:
    deadline = time.monotonic() + 10
    while engine.is_running() and time.monotonic() < deadline:
        time.sleep(0.01)
