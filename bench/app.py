"""The real server as a process of its own, people on it, and what a client of it says: for the benches that ask of the
whole and not of a part. It has the first core; its engines and its media process run on whichever has room.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.clients import CORES, ClientPool, Steps
from bench.machine import cpu_s, descendants, keep_on

NAME = "app"
OPEN_LIMITS = (
    "--max-sockets=200000",
    "--max-sockets-per-account=200000",
    "--connect-rate=1000000",
    "--chat-rate=10000",
    "--chat-burst=10000",
    "--socket-event-rate=100000",
    "--socket-event-burst=100000",
)
_START_S = 60.0
_TOKENS_EACH = 20


class App:
    """The server on the first core, with a data folder of its own that goes with it."""

    name = NAME

    def __init__(self, *flags: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="socialflow-bench-"))
        ports = ("--http-port=0", "--rtmp-port=0", "--webrtc-port=0")
        command = [sys.executable, "-m", "server", "serve", "--data-dir", str(self._folder / "data")]
        self._process = subprocess.Popen(
            [*command, *ports, *OPEN_LIMITS, *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            self.port = self._printed_port()
        except BaseException:
            self.stop()
            raise
        self._give_cores()
        self.accounts: list[dict[str, Any]] = []

    @property
    def pid(self) -> int:
        return self._process.pid

    def _printed_port(self) -> int:
        assert self._process.stdout is not None
        deadline, said = time.monotonic() + _START_S, ""
        os.set_blocking(self._process.stdout.fileno(), False)
        while time.monotonic() < deadline and self._process.poll() is None:
            select.select([self._process.stdout], [], [], 0.5)
            said += self._said().decode(errors="replace")
            found = re.search(r"Watch and go live\s+https?://[^\s]*?:(\d+)/", said)
            if found and "Ctrl-C" in said:
                return int(found[1])
        raise RuntimeError(f"the server did not start:\n{said}")

    def _said(self) -> bytes:
        """What it has printed since; read now and then, so that it never waits for a reader."""
        assert self._process.stdout is not None
        return self._process.stdout.read() or b""

    def _give_cores(self) -> None:
        """The server on the first core, however this process was pinned; its engines run where there is room."""
        for pid in self._others():
            with contextlib.suppress(OSError):
                keep_on(pid, set(CORES))
        for pid in (self.pid, *self._hashers()):
            keep_on(pid, set(CORES[:1]))

    def _hashers(self) -> list[int]:
        """The process that hashes passwords is a part of the server, as its threads are."""
        own = descendants(self.pid)
        return [pid for pid, line in _command_lines() if pid in own and "server.hashing.worker" in line]

    def _others(self) -> set[int]:
        """Its engines and its media process. An engine has no parent here but names the data folder."""
        named = {pid for pid, line in _command_lines() if str(self._folder) in line}
        return {found for pid in named for found in (pid, *descendants(pid))} - {self.pid, *self._hashers()}

    def cpu_s(self) -> float:
        """Of the server itself, with what it hashes; its engines have their own."""
        self._said()
        return sum(map(cpu_s, (self.pid, *self._hashers())))

    def engines_cpu_s(self) -> float:
        return sum(cpu_s(pid) for pid in self._others())

    def memory_bytes(self) -> int:
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(30)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    # -- people and rooms

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        return call(self.port, method, path, body, token)

    def tokens(self, count: int) -> list[str]:
        """Access tokens, no two the same: of a few accounts, each renewing its own as often as the server lets it."""
        while len(self.accounts) * _TOKENS_EACH < count:
            self.accounts.append(register(self.port, f"bench{len(self.accounts)}"))
        found = []
        for number in range(count):
            account = self.accounts[number % len(self.accounts)]
            if number >= len(self.accounts):
                account |= self.call("POST", "/auth/refresh", {"refresh_token": account["refresh_token"]})
            found.append(account["access_token"])
        return found

    def new_room(self, token: str) -> tuple[str, str]:
        """(stream, room)."""
        stream = self.call("POST", "/streams", {"title": "bench"}, token)["stream"]
        return stream["id"], stream["chat"]["room_id"]

    def fill(self, room_id: str, token: str, count: int) -> None:
        """Posts messages of the usual size, one after the other."""
        speaker = ClientPool(host="127.0.0.1", port=self.port)
        sends = [(sent(number + 1, room_id, "x" * 90, f"f{number}"), b'"ok":true') for number in range(count)]
        speaker.connect(1, says=lambda _: [*login(token), *sends])
        speaker.close()


def call(port: int, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
    """An answer of the API; an error for any status but 2xx."""
    said = read(port, path, token, method=method, body=body)
    return json.loads(said) if said else None


def read(port: int, path: str, token: str | None = None, *, method: str = "GET", body: Any = None) -> bytes:
    """As it comes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    connection.request(method, "/api/v1" + path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    if not 200 <= answer.status < 300:
        raise RuntimeError(f"{method} {path}: {answer.status} {said[:300]!r}")
    return said


def register(port: int, name: str) -> Any:
    """A new account, with its tokens."""
    person = {"username": name, "email": f"{name}@example.com", "password": "long-enough-1!"}
    return call(port, "POST", "/auth/register", person)


def packet(number: int, event: str, body: dict[str, Any]) -> bytes:
    """An event that is to be acknowledged."""
    return b"42%d%s" % (number, json.dumps([event, body], separators=(",", ":")).encode())


def sent(number: int, room_id: str, text: str, client_id: str) -> bytes:
    return packet(number, "chat:send", {"room_id": room_id, "text": text, "client_id": client_id})


def login(token: str | None) -> Steps:
    auth = {} if token is None else {"token": token}
    return ((b"40" + json.dumps(auth, separators=(",", ":")).encode(), b'40{"sid"'),)


def joined(token: str | None, room_id: str) -> Steps:
    """Signs in and joins."""
    return (*login(token), (packet(0, "chat:join", {"room_id": room_id}), b'430[{"ok":true'))


def watching(token: str, stream_id: str) -> Steps:
    """Signs in and watches."""
    return (*login(token), (packet(0, "stream:watch", {"stream_id": stream_id}), b'430[{"ok":true'))


def _command_lines() -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield int(folder.name), (folder / "cmdline").read_text(errors="replace")
