"""One UDP port for all WebRTC sessions of a process: sockets, and who a datagram belongs to.

A datagram is handed to a session only if it is a STUN check that was signed with the session's password, or
if it comes from an address that has sent such a check. Everything else is dropped without an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import math
import socket
import sys
from collections.abc import Iterable, Sequence
from typing import Protocol

import ifaddr

from media.webrtc import stun

Address = tuple[str, int] | tuple[str, int, int, int]

_MAX_BATCH = 64
_BUFFER_BYTES = 4 * 1024 * 1024
_MAX_DATAGRAM = 2_048
_SOL_UDP, _UDP_SEGMENT = 17, 103
_MAX_SEGMENTS = 40
TICK_S = 0.05
# A tick that comes so late finds that we stood still ourselves (stopped, paused with the machine): what has arrived
# meanwhile is to be read before anybody is missed, so nothing is done until the next one.
_STOOD_STILL_S = 1.0


Run = tuple[int, int]
"""From which datagram to before which one: as many of one size as a system call takes, the last maybe smaller."""


def runs_of(sizes: Sequence[int]) -> tuple[Run, ...]:
    """How datagrams of these sizes, in order, can be sent with the fewest system calls."""
    runs: list[Run] = []
    start, count = 0, len(sizes)
    while start < count:
        end, limit = start + 1, min(count, start + _MAX_SEGMENTS)
        while end < limit and sizes[end] == sizes[start]:
            end += 1
        if end < limit and sizes[end] < sizes[start]:
            end += 1
        runs.append((start, end))
        start = end
    return tuple(runs)


class Path:
    """One socket of ours and one address of the peer: where a session's datagrams come from and go to."""

    __slots__ = ("address", "can_segment", "dropped", "fd", "socket")

    def __init__(self, sock: socket.socket, address: Address) -> None:
        self.socket = sock
        self.fd = sock.fileno()
        self.address = address
        self.dropped = 0
        self.can_segment = sys.platform == "linux"

    def send(self, datagram: bytes) -> None:
        """Send now or never: a full socket buffer or an unreachable peer costs the datagram, as on the wire."""
        try:
            self.socket.sendto(datagram, self.address)
        except OSError:
            self.dropped += 1

    def send_runs(self, pieces: Sequence[bytes], runs: Sequence[Run]) -> None:
        """Send several, in order, each of two pieces. What is a run goes to the kernel at once, which cuts it up again;
        ``runs`` are those of the datagrams' sizes, or of what they have beside a number of bytes that is the same for
        all."""
        for start, end in runs:
            self._send_run(pieces[2 * start : 2 * end])

    def _send_run(self, pieces: Sequence[bytes]) -> None:
        count = len(pieces) // 2
        if count > 1 and not self.can_segment:
            self._send_singly(pieces)
            return
        size = len(pieces[0]) + len(pieces[1])
        ancillary = ((_SOL_UDP, _UDP_SEGMENT, size.to_bytes(2, sys.byteorder)),) if count > 1 else ()
        try:
            self.socket.sendmsg((b"".join(pieces),), ancillary, 0, self.address)
        except BlockingIOError:
            self.dropped += count
        except OSError:
            if count == 1:
                self.dropped += 1
                return
            # No segmentation on the way to this peer: an old kernel, a tunnel, a small MTU.
            self.can_segment = False
            self._send_singly(pieces)

    def _send_singly(self, pieces: Sequence[bytes]) -> None:
        for start in range(0, len(pieces), 2):
            self.send(pieces[start] + pieces[start + 1])


class Endpoint(Protocol):
    """What the port asks of a session."""

    next_tick_at: float

    def on_check(self, request: stun.BindingRequest, path: Path, now: float) -> bytes | None:
        """Answer a check addressed to one of the session's user fragments; None when it is not signed for it."""

    def on_datagram(self, datagram: bytes, path: Path, now: float) -> None:
        """DTLS, SRTP or SRTCP from an address that a signed check came from."""

    def on_tick(self, now: float) -> None:
        """Called about every 50 ms while ``next_tick_at`` has passed."""


class RtcPort:
    """The sockets and the tables. Open it with :meth:`open`; close it when all sessions have been closed."""

    def __init__(self, *, sockets: Sequence[socket.socket], candidates: Sequence[tuple[str, int]]) -> None:
        self.candidates = tuple(candidates)
        self.dropped_datagrams = 0
        self._loop = asyncio.get_running_loop()
        self._sockets = tuple(sockets)
        self._by_ufrag: dict[str, Endpoint] = {}
        self._by_address: dict[tuple[int, Address], tuple[Endpoint, Path]] = {}
        self._endpoints: dict[Endpoint, None] = {}
        for sock in self._sockets:
            self._loop.add_reader(sock.fileno(), self._readable, sock)
        self._has_endpoints = asyncio.Event()
        self._ticker = asyncio.create_task(self._tick_forever(), name="webrtc-port-ticks")

    @classmethod
    async def open(cls, *, port: int = 0, addresses: Sequence[str] = ()) -> RtcPort:
        """Bind ``port`` (0: any) on the local ones of ``addresses``, default all of the machine and loopback.

        All of ``addresses`` are offered to peers. One that is not of this machine (the outside of a NAT) is
        offered with the same port, and then all of the machine's own are bound. Raises OSError.
        """
        own = local_addresses()
        offered = list(addresses) or own
        bound: dict[str, socket.socket] = {}
        needs_all = False
        try:
            for host in offered:
                needs_all |= not _try_bind(bound, host, port)
            for host in own if needs_all else ():
                _try_bind(bound, host, port)
        except OSError:
            _close_all(bound.values())
            raise
        if not bound:
            raise OSError(errno.EADDRNOTAVAIL, "none of the addresses can be bound")
        outside = port or next(iter(bound.values())).getsockname()[1]
        candidates = [(h, bound[h].getsockname()[1] if h in bound else outside) for h in offered]
        return cls(sockets=list(bound.values()), candidates=candidates)

    def listen(self, endpoint: Endpoint, ufrag: str) -> None:
        """Checks for ``ufrag`` go to ``endpoint``, which also gets ticks from now on."""
        self._by_ufrag[ufrag] = endpoint
        self._endpoints[endpoint] = None
        self._has_endpoints.set()

    def unlisten(self, ufrag: str) -> None:
        """Checks for ``ufrag`` go nowhere. Idempotent."""
        self._by_ufrag.pop(ufrag, None)

    def admit(self, endpoint: Endpoint, path: Path) -> None:
        """What comes over ``path`` goes to ``endpoint``."""
        self._by_address[path.fd, path.address] = (endpoint, path)

    def revoke(self, endpoint: Endpoint, path: Path) -> None:
        entry = self._by_address.get((path.fd, path.address))
        if entry is not None and entry[0] is endpoint:
            del self._by_address[path.fd, path.address]

    def forget(self, endpoint: Endpoint, *, ufrags: Sequence[str], paths: Sequence[Path]) -> None:
        """Nothing goes to ``endpoint`` any more. Idempotent."""
        self._endpoints.pop(endpoint, None)
        for ufrag in ufrags:
            self._by_ufrag.pop(ufrag, None)
        for path in paths:
            self.revoke(endpoint, path)

    async def close(self) -> None:
        """Close the sockets. Idempotent."""
        self._ticker.cancel()
        for sock in self._sockets:
            if sock.fileno() >= 0:
                self._loop.remove_reader(sock.fileno())
        _close_all(self._sockets)
        with contextlib.suppress(asyncio.CancelledError):
            await self._ticker

    def _readable(self, sock: socket.socket) -> None:
        now = self._loop.time()
        for _ in range(_MAX_BATCH):
            try:
                datagram, address = sock.recvfrom(_MAX_DATAGRAM)
            except OSError:
                return
            self._dispatch(sock, datagram, address, now)

    def _dispatch(self, sock: socket.socket, datagram: bytes, address: Address, now: float) -> None:
        if not datagram:
            self.dropped_datagrams += 1
        elif datagram[0] < 4:
            self._check(sock, datagram, address, now)
        elif (entry := self._by_address.get((sock.fileno(), address))) is not None:
            entry[0].on_datagram(datagram, entry[1], now)
        else:
            self.dropped_datagrams += 1

    def _check(self, sock: socket.socket, datagram: bytes, address: Address, now: float) -> None:
        request = stun.parse_request(datagram)
        endpoint = self._by_ufrag.get(request.local_ufrag) if request is not None else None
        if request is None or endpoint is None:
            self.dropped_datagrams += 1
            return
        entry = self._by_address.get((sock.fileno(), address))
        path = entry[1] if entry is not None and entry[0] is endpoint else Path(sock, address)
        answer = endpoint.on_check(request, path, now)
        if answer is None:
            self.dropped_datagrams += 1
        else:
            path.send(answer)

    async def _tick_forever(self) -> None:
        """Not at all while there are no endpoints: waking up is most of what an idle process costs."""
        ticked_at = self._loop.time()
        while True:
            if not self._endpoints:
                self._has_endpoints.clear()
                await self._has_endpoints.wait()
                ticked_at = self._loop.time()
            await asyncio.sleep(TICK_S)
            now = self._loop.time()
            stood_still = now - ticked_at > _STOOD_STILL_S
            ticked_at = math.inf if stood_still else now  # the next one is never put off as well
            if stood_still:
                continue
            for endpoint in list(self._endpoints):
                if endpoint.next_tick_at <= now:
                    endpoint.on_tick(now)


def local_addresses() -> list[str]:
    """The machine's addresses, those that others can reach first and loopback last, without link-local ones."""
    found = [ip.ip if isinstance(ip.ip, str) else ip.ip[0] for adapter in ifaddr.get_adapters() for ip in adapter.ips]
    parsed = {ipaddress.ip_address(text) for text in found}
    usable = [ip for ip in parsed if not ip.is_link_local and not ip.is_multicast]
    return [str(ip) for ip in sorted(usable, key=lambda ip: (ip.is_loopback, ip.version, int(ip)))]


def _try_bind(bound: dict[str, socket.socket], host: str, port: int) -> bool:
    """False when ``host`` is not an address of this machine."""
    if host in bound:
        return True
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRNOTAVAIL:
            return False
        raise
    bound[host] = sock
    return True


def _close_all(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        sock.close()
