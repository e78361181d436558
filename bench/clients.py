"""Many Socket.IO clients in one thread: epoll, one buffer, and no parsing but for a sample of time stamps. A message is
marked by one byte that nothing else holds, which is the cheapest thing to count.

A reader that falls behind reads more bytes at a time, so a busy crowd does not slow the server down; its own share of a
core is reported beside every figure. Nor does it delay much what it measures: the time is taken of every twentieth
client, and these are read first, before every few of the others.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import select
import socket
import time
from collections.abc import Callable, Sequence
from itertools import islice

_MARK = b"~"  # before the time at which a message was said, in nanoseconds
_END = b";"  # behind it
_STAMP = re.compile(rb"~(?:(\d{5,20});|\d{0,20}\Z)")
_KEY = b"AAECAwQFBgcICQoLDA0ODw=="
_BETWEEN = 32  # others are read at most before those whose time is taken are looked at again
CORES = sorted(os.sched_getaffinity(0))  # before any of us is pinned to one of them


def frame(text: bytes) -> bytes:
    """A masked text frame; the mask is zero, which is a mask like any other and costs nothing."""
    if len(text) < 126:
        return bytes((0x81, 0x80 | len(text))) + b"\0\0\0\0" + text
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + b"\0\0\0\0" + text


Steps = Sequence[tuple[bytes, bytes]]
"""What a client says on its way in, and by which bytes it knows that the answer is there."""


def stamp() -> str:
    """What a message carries, so that clients know when it was posted."""
    return f"{_MARK.decode()}{time.monotonic_ns()}{_END.decode()}"


def hello(number: int) -> Steps:
    """Into the main namespace, and nothing more."""
    return ((b"40", b'40{"sid"'),)


def upgrade_request(path: str) -> bytes:
    return (
        f"GET {path}?EIO=4&transport=websocket HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ".encode()
        + _KEY
        + b"\r\n\r\n"
    )


_PONG = frame(b"3")


def _head(data: bytearray, at: int, end: int) -> tuple[int, int]:
    """Where the payload of the frame at `at` starts, and its size; a start past `end` when the head is cut."""
    kind = data[at + 1] if at + 2 <= end else 127
    start = at + 2 + (2 if kind == 126 else 8 if kind == 127 else 0)
    if start > end:
        return end + 1, 0
    return start, kind if kind < 126 else int.from_bytes(data[at + 2 : start], "big")


class ClientPool:
    """Clients that have joined the main namespace, and the count of marked messages that they have received."""

    def __init__(self, *, host: str, port: int, path: str = "/socket.io/", sample_every: int = 20) -> None:
        self.received = 0
        self.latencies_ms: list[float] = []
        self.closed = 0
        self._address = (host, port)
        self._request = upgrade_request(path)
        self._sample_every = sample_every
        self._timed = select.epoll()  # those whose stamps are read
        self._epoll = select.epoll()  # the others, and whether one of the first has something
        self._epoll.register(self._timed.fileno(), select.EPOLLIN)
        self._sockets: dict[int, socket.socket] = {}
        self._sampled: dict[int, bytes] = {}  # those whose stamps are read, and the beginning of one cut off
        self._under_way: dict[int, int] = {}  # bytes that are to come of the frame at hand
        self._cut: dict[int, bytes] = {}  # the beginning of a frame's head
        self._buffer = bytearray(1 << 20)

    def __len__(self) -> int:
        return len(self._sockets)

    # -- coming in

    def connect(
        self, count: int, *, says: Callable[[int], Steps] = hello, at_once: int = 64, port: int | None = None
    ) -> float:
        """Brings in `count` clients, `at_once` under way at any time; the seconds that it took. `says` gives the
        packets of each, the namespace's CONNECT first. `port`: of another server than the first."""
        started = time.perf_counter()
        host, first = self._address
        entrance = _Entrance((host, first if port is None else port))
        waiting = count
        while waiting or entrance.under_way:
            while waiting and entrance.under_way < at_once:
                waiting -= 1
                steps = [(frame(packet), answer) for packet, answer in says(count - waiting - 1)]
                entrance.begin([(self._request, b'"sid"'), *steps])
            for found in entrance.step():
                self._admit(found)
            if time.perf_counter() - started > 120:
                raise TimeoutError(f"{entrance.under_way} of {count} clients could not connect")
        return time.perf_counter() - started

    def _admit(self, found: socket.socket) -> None:
        number = found.fileno()
        if len(self._sockets) % self._sample_every == 0:
            self._sampled[number] = b""
        self._under_way[number] = 0
        self._sockets[number] = found
        self._epoll_of(number).register(number, select.EPOLLIN)

    def _epoll_of(self, number: int) -> select.epoll:
        return self._timed if number in self._sampled else self._epoll

    # -- listening

    def pump(self, timeout_s: float) -> None:
        """Reads what there is, waiting for it no longer than this."""
        ready = [number for number, _ in self._epoll.poll(timeout_s, 1024)]
        for begin in range(0, len(ready), _BETWEEN):
            for number, _ in self._timed.poll(0, 1024):
                self._receive(number)
            for number in ready[begin : begin + _BETWEEN]:
                if number in self._sockets:
                    self._receive(number)

    def _receive(self, number: int) -> None:
        try:
            length = self._sockets[number].recv_into(self._buffer)
        except BlockingIOError:
            return
        except ConnectionError:
            length = 0
        if length:
            self._count(number, length)
        else:
            self._drop(number)

    def pump_for(self, seconds: float) -> None:
        """Reads for so long, whatever comes."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.pump(left)

    def _count(self, number: int, length: int) -> None:
        found = self._marks(number, length)
        self.received += found
        if found and number in self._sampled:
            self._sample(number, bytes(self._buffer[:length]))

    def _marks(self, number: int, length: int) -> int:
        """Marks in the payloads; the heads of frames hold lengths, which may be any byte."""
        data = self._buffer
        if number in self._cut:
            data = bytearray(self._cut.pop(number)) + data[:length]
            length = len(data)
        found, at = data.count(_MARK, 0, length), self._under_way[number]
        while at < length:
            start, size = _head(data, at, length)
            found -= data.count(_MARK, at, min(start, length))
            if start > length:
                self._cut[number] = bytes(data[at:length])
                at = length
            else:
                at = start + size
        self._under_way[number] = at - length
        return found

    def _sample(self, number: int, data: bytes) -> None:
        now = time.monotonic_ns()
        data = self._sampled[number] + data
        self._sampled[number] = b""
        for said in _STAMP.finditer(data):
            if said[1] is None:
                self._sampled[number] = data[said.start() :]  # its end comes with the next bytes
            else:
                self.latencies_ms.append((now - int(said[1])) / 1e6)

    def _drop(self, number: int) -> None:
        self.closed += 1
        self._epoll_of(number).unregister(number)
        self._sampled.pop(number, None)
        self._cut.pop(number, None)
        self._sockets.pop(number).close()

    @property
    def sockets(self) -> list[socket.socket]:
        """Of those who are in, in the order in which they came."""
        return list(self._sockets.values())

    def stop_reading(self, count: int) -> None:
        """Some clients that from now on read nothing."""
        for number in list(self._sockets)[:count]:
            self._epoll_of(number).unregister(number)
            self._sampled.pop(number, None)

    def pong(self) -> None:
        """An answer to whatever pings there were; servers take one too many."""
        for found in self._sockets.values():
            with contextlib.suppress(BlockingIOError):
                found.send(_PONG)

    def say(self, text: bytes, speaker: int = 0) -> None:
        """Sends a text packet from the client that came last, or from so many before it."""
        found = self._sockets[next(islice(reversed(self._sockets), speaker, None))]
        found.setblocking(True)
        found.sendall(frame(text))
        found.setblocking(False)

    def close(self) -> None:
        for found in self._sockets.values():
            found.close()
        self._sockets.clear()
        self._epoll.close()
        self._timed.close()


class _Entrance:
    """Clients under way to their namespace."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._epoll = select.epoll()
        self._clients: dict[int, _Newcomer] = {}

    @property
    def under_way(self) -> int:
        return len(self._clients)

    def begin(self, steps: Steps) -> None:
        found = socket.socket()
        found.setblocking(False)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(BlockingIOError):
            found.connect(self._address)
        self._clients[found.fileno()] = _Newcomer(found, steps)
        self._epoll.register(found.fileno(), select.EPOLLOUT)

    def step(self) -> list[socket.socket]:
        """Carries everyone on as far as they go; those that have arrived."""
        arrived = []
        for number, _ in self._epoll.poll(1, 256):
            client = self._clients[number]
            if client.step < 0:
                self._epoll.modify(number, select.EPOLLIN)
            elif not client.hears():
                continue
            if not client.goes_on():
                self._epoll.unregister(number)
                del self._clients[number]
                arrived.append(client.socket)
        return arrived


class _Newcomer:
    """One client under way: the step that it has taken, and what it has received since."""

    __slots__ = ("seen", "socket", "step", "steps")

    def __init__(self, found: socket.socket, steps: Steps) -> None:
        self.socket = found
        self.steps = steps
        self.step = -1
        self.seen = b""

    def hears(self) -> bool:
        """Whether the answer to the last step is there."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError(f"refused: {self.seen[:200]!r}")
        self.seen += data
        return self.steps[self.step][1] in self.seen

    def goes_on(self) -> bool:
        """Takes the next step; False when there is none."""
        self.step += 1
        self.seen = b""
        if self.step == len(self.steps):
            return False
        self.socket.send(self.steps[self.step][0])
        return True


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def allow_many_files() -> None:
    """As many open files as the system lets a process have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def pin(core: int) -> None:
    """This process stays on one core, where there is more than one."""
    if len(CORES) > 1:
        os.sched_setaffinity(0, {CORES[core % len(CORES)]})


def until(condition: Callable[[], bool], pump: Callable[[], None], deadline_s: float) -> bool:
    """Pumps until the condition holds; whether it came to hold in time."""
    end = time.perf_counter() + deadline_s
    while not condition():
        if time.perf_counter() > end:
            return False
        pump()
    return True
