"""The embedded Postgres."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from storage.embedded.engine import EmbeddedEngine
from storage.embedded.engine_log import failure_in_log, shorten, tail
from storage.embedded.programs import postgres_program
from storage.embedded.socket_folder import socket_folder
from storage.embedded.timing import POLL_S, SETTLE_S
from storage.embedded.wal_folder import WalFolder, archive_settings, reached
from storage.process import Account, account_for, command_line, spawn, wait_gone


class EmbeddedPostgres(EmbeddedEngine):
    """One Postgres server on ``data_dir / "postgres"``."""

    name = "Postgres"

    def __init__(
        self,
        *,
        data_dir: Path,
        start_timeout_s: float = 60.0,
        stop_timeout_s: float = 15.0,
        wal_folder: Path | None = None,
        options: Mapping[str, str] | None = None,
        reads: Path | None = None,
    ) -> None:
        """``wal_folder``: where its WAL is kept. ``options``: more settings of Postgres, which then reads ``reads``."""
        super().__init__(data_dir=data_dir, file_name="postgres")
        self._wal = WalFolder(wal_folder) if wal_folder else None
        self._options = dict(options or {})
        self._reads = wal_folder or reads
        self._data = data_dir.absolute() / "postgres"
        self._start_timeout_s = start_timeout_s
        self._stop_timeout_s = stop_timeout_s

    def _start(self) -> str:
        """A new data folder is initialised first (about half a second)."""
        if self.is_running():
            return self._url(_postmaster_socket_dir(self._data))
        self._forget()
        more = reached(self._reads) if self._reads else []
        account = account_for(self._data, postgres_program(""), *more)
        if not (self._data / "PG_VERSION").exists():
            self._initialise(account)
        self._watch(self._adopt() or self._launch(account), signal_name="INT")
        return self._url(_postmaster_socket_dir(self._data))

    def _end(self) -> None:
        """In order, every transaction that was acknowledged is on disk."""
        for how, patience_s in (
            (signal.SIGINT, self._stop_timeout_s),
            (signal.SIGQUIT, 5.0),
            (signal.SIGKILL, 5.0),
        ):
            if self._signal(how, patience_s):
                break

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
                raise failure_in_log(self.name, self._log)
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
                stays_until = now + SETTLE_S
            elif now > stays_until:
                return pid
            time.sleep(POLL_S)
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
        life = self._wal.adopt(self._data, account, datetime.now(UTC)) if self._wal else None
        options = self._options | (archive_settings(life) if life else {})
        socket_dir = socket_folder(self._data, ".s.PGSQL.5432", account)
        deadline = time.monotonic() + self._start_timeout_s
        while True:
            shorten(self._log)
            offset = self._log.stat().st_size if self._log.exists() else 0
            with self._log.open("ab") as log:
                child = spawn(self._command(socket_dir, options), account=account, cwd=self._data, log=log)
            if self._came_up(child, deadline):
                self._child = child
                return child.pid
            if time.monotonic() > deadline or "still in use" not in tail(self._log, offset):
                raise failure_in_log(self.name, self._log, offset)
            time.sleep(0.1)

    def _came_up(self, child: subprocess.Popen[bytes], deadline: float) -> bool:
        while child.poll() is None and time.monotonic() < deadline:
            if _is_ready(self._data, child.pid):
                return True
            time.sleep(POLL_S)
        child.send_signal(signal.SIGQUIT)
        if not wait_gone(child.pid, child, 5.0):
            child.kill()
        return False

    def _command(self, socket_dir: Path, more: Mapping[str, str]) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(socket_dir),
            "unix_socket_permissions": "0700",
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "shared_buffers": "128MB",
            "max_connections": "200",  # of up to five nodes on one machine
            "max_wal_size": "1GB",
            "io_method": "sync",
            "jit": "off",
            # A recovery by itself may stall for good where the disk was full; a new start does not.
            "restart_after_crash": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_messages": "warning",
            "log_min_error_statement": "panic",
            **more,
        }
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [str(postgres_program("postgres")), "-D", str(self._data), *options]


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
