"""Many Socket.IO clients in one thread: epoll, one buffer, and no parsing but for a sample of time stamps.

A reader that falls behind reads more bytes at a time, so a busy crowd delays what it measures but does not slow the
server down; its own share of a core is reported beside every figure.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import socket
import time
from collections.abc import Callable

MARK = b'"t":'
_CARRY = len(MARK) - 1
_KEY = b"AAECAwQFBgcICQoLDA0ODw=="


def frame(text: bytes) -> bytes:
    """A masked text frame; the mask is zero, which is a mask like any other and costs nothing."""
    if len(text) < 126:
        return bytes((0x81, 0x80 | len(text))) + b"\0\0\0\0" + text
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + b"\0\0\0\0" + text


def upgrade_request(path: str) -> bytes:
    return (
        f"GET {path}?EIO=4&transport=websocket HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ".encode()
        + _KEY
        + b"\r\n\r\n"
    )


class Crowd:
    """Clients that have joined the main namespace, and the count of marked messages that they have received."""

    def __init__(self, *, host: str, port: int, path: str = "/socket.io/", sample_every: int = 20) -> None:
        self.received = 0
        self.latencies_ms: list[float] = []
        self.closed = 0
        self._address = (host, port)
        self._request = upgrade_request(path)
        self._sample_every = sample_every
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._carry: dict[int, bytes] = {}
        self._sampled: set[int] = set()
        self._buffer = bytearray(1 << 20)
        self._room = memoryview(self._buffer)[_CARRY:]

    def __len__(self) -> int:
        return len(self._sockets)

    # -- coming in

    def connect(self, count: int, *, connect_packet: bytes = b"40", at_once: int = 64) -> float:
        """Brings in `count` clients, `at_once` under way at any time; the seconds that it took."""
        started = time.perf_counter()
        entrance = _Entrance(self._address, self._request, frame(connect_packet))
        waiting = count
        while waiting or entrance.under_way:
            while waiting and entrance.under_way < at_once:
                entrance.begin()
                waiting -= 1
            for found in entrance.step():
                self._admit(found)
            if time.perf_counter() - started > 120:
                raise TimeoutError(f"{entrance.under_way} of {count} clients could not connect")
        return time.perf_counter() - started

    def _admit(self, found: socket.socket) -> None:
        number = found.fileno()
        if len(self._sockets) % self._sample_every == 0:
            self._sampled.add(number)
        self._sockets[number] = found
        self._carry[number] = b"\0" * _CARRY
        self._epoll.register(number, select.EPOLLIN)

    # -- listening

    def pump(self, timeout_s: float) -> None:
        """Reads what there is, waiting for it no longer than this."""
        for number, _ in self._epoll.poll(timeout_s, 1024):
            try:
                length = self._sockets[number].recv_into(self._room)
            except BlockingIOError:
                continue
            except ConnectionError:
                length = 0
            if not length:
                self._drop(number)
                continue
            self._count(number, length)

    def _count(self, number: int, length: int) -> None:
        buffer, end = self._buffer, length + _CARRY
        buffer[:_CARRY] = self._carry[number]
        found = buffer.count(MARK, 0, end)
        self.received += found
        self._carry[number] = bytes(buffer[length:end])
        if found and number in self._sampled:
            self._sample(end)

    def _sample(self, end: int) -> None:
        now = time.monotonic_ns()
        at = self._buffer.find(MARK, 0, end)
        while at >= 0:
            digits = bytes(self._buffer[at + len(MARK) : min(at + len(MARK) + 24, end)])
            text = digits.split(b",")[0].split(b"}")[0]
            if len(text) < len(digits):  # whole
                self.latencies_ms.append((now - int(text)) / 1e6)
            at = self._buffer.find(MARK, at + 1, end)

    def _drop(self, number: int) -> None:
        self.closed += 1
        self._epoll.unregister(number)
        self._sockets.pop(number).close()

    def stop_reading(self, count: int) -> None:
        """Some clients that from now on read nothing."""
        for number in list(self._sockets)[:count]:
            self._epoll.unregister(number)
            self._sampled.discard(number)

    def say(self, text: bytes) -> None:
        """Sends a text packet from the client that came last."""
        last = self._sockets[next(reversed(self._sockets))]
        last.setblocking(True)
        last.sendall(frame(text))
        last.setblocking(False)

    def close(self) -> None:
        for found in self._sockets.values():
            found.close()
        self._sockets.clear()
        self._epoll.close()


class _Entrance:
    """Clients under way to their namespace."""

    def __init__(self, address: tuple[str, int], request: bytes, connect: bytes) -> None:
        self._address = address
        self._steps: list[tuple[bytes, bytes]] = [(request, b'"sid"'), (connect, b'40{"sid"')]
        self._epoll = select.epoll()
        self._states: dict[int, tuple[socket.socket, int, bytes]] = {}

    @property
    def under_way(self) -> int:
        return len(self._states)

    def begin(self) -> None:
        found = socket.socket()
        found.setblocking(False)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(BlockingIOError):
            found.connect(self._address)
        self._states[found.fileno()] = (found, -1, b"")
        self._epoll.register(found.fileno(), select.EPOLLOUT)

    def step(self) -> list[socket.socket]:
        """Carries everyone on as far as they go; those that have arrived."""
        arrived = []
        for number, _ in self._epoll.poll(1, 256):
            found, step, seen = self._states[number]
            if step < 0:
                found.send(self._steps[0][0])
                self._epoll.modify(number, select.EPOLLIN)
                self._states[number] = (found, 0, b"")
                continue
            data = found.recv(65536)
            if not data:
                raise ConnectionError(f"refused: {seen[:200]!r}")
            seen += data
            if self._steps[step][1] not in seen:
                self._states[number] = (found, step, seen)
            elif step + 1 < len(self._steps):
                found.send(self._steps[step + 1][0])
                self._states[number] = (found, step + 1, b"")
            else:
                self._epoll.unregister(number)
                del self._states[number]
                arrived.append(found)
        return arrived


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def allow_many_files() -> None:
    """As many open files as the system lets a process have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def pin(core: int) -> None:
    """This process stays on one core, where there is more than one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[core % len(cores)]})


def until(condition: Callable[[], bool], pump: Callable[[], None], deadline_s: float) -> bool:
    """Pumps until the condition holds; whether it came to hold in time."""
    end = time.perf_counter() + deadline_s
    while not condition():
        if time.perf_counter() > end:
            return False
        pump()
    return True
