"""One UDP port for all WebRTC sessions of a process, and a TCP port beside it: who a datagram belongs to.

A datagram is handed to a session only if it is a STUN check that was signed with the session's password, or
if it comes from an address that has sent such a check. Everything else is dropped without an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import math
import socket
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Protocol

import ifaddr

from media.webrtc import stun
from media.webrtc.paths import Address, Path, UdpPath
from media.webrtc.strangers import StrangerChecks
from media.webrtc.tcp import TcpListener

_MAX_BATCH = 64
_BUFFER_BYTES = 4 * 1024 * 1024
_MAX_DATAGRAM = 2_048
TICK_S = 0.05
# A tick that comes so late finds that we stood still ourselves (stopped, paused with the machine): what has arrived
# meanwhile is to be read before anybody is missed, so nothing is done until the next one.
_STOOD_STILL_S = 1.0
# Where any number will do: how many are tried until one is free for UDP and TCP alike.
_OTHER_NUMBERS = 20

log = logging.getLogger(__name__)


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
        self.tcp_candidates: tuple[tuple[str, int], ...] = ()
        self.tcp = TcpListener(self)
        self.dropped_datagrams = 0
        self._loop = asyncio.get_running_loop()
        self._sockets = tuple(sockets)
        self._by_ufrag: dict[str, Endpoint] = {}
        self._strangers = StrangerChecks()
        self._by_path: dict[Hashable, tuple[Endpoint, Path]] = {}
        self._endpoints: dict[Endpoint, None] = {}
        for sock in self._sockets:
            self._loop.add_reader(sock.fileno(), self._readable, sock)
        self._has_endpoints = asyncio.Event()
        self._ticker = asyncio.create_task(self._tick_forever(), name="webrtc-port-ticks")

    @classmethod
    async def open(cls, *, port: int = 0, addresses: Sequence[str] = (), has_tcp: bool = False) -> RtcPort:
        """Bind ``port`` (0: any) on the local ones of ``addresses``, default all of the machine and loopback.

        ``has_tcp``: take connections on the TCP ports of the same numbers as well, where they are free.

        All of ``addresses`` are offered to peers. One that is not of this machine (the outside of a NAT) is
        offered with the same port, and then all of the machine's own are bound. Raises OSError.
        """
        offered = list(addresses) or local_addresses()
        bound = _bind_udp(offered, port)
        listening = _bind_tcp(bound) if has_tcp else []
        for _ in range(_OTHER_NUMBERS if has_tcp and not port else 0):
            if listening:
                break
            _close_all(bound.values())
            bound = _bind_udp(offered, port)
            listening = _bind_tcp(bound)
        outside = port or next(iter(bound.values())).getsockname()[1]
        candidates = [(h, bound[h].getsockname()[1] if h in bound else outside) for h in offered]
        opened = cls(sockets=list(bound.values()), candidates=candidates)
        for passive in listening:
            await opened.tcp.listen(passive)
        if listening:
            opened.tcp_candidates = opened.candidates
        elif has_tcp:
            log.warning("no WebRTC over TCP: another program has a TCP port of the same number")
        return opened

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
        self._by_path[path.key] = (endpoint, path)

    def revoke(self, endpoint: Endpoint, path: Path) -> None:
        entry = self._by_path.get(path.key)
        if entry is not None and entry[0] is endpoint:
            del self._by_path[path.key]
            path.close()

    def lost(self, path: Path) -> None:
        """The path is no more. Idempotent."""
        self._by_path.pop(path.key, None)

    def forget(self, endpoint: Endpoint, *, ufrags: Sequence[str], paths: Sequence[Path]) -> None:
        """Nothing goes to ``endpoint`` any more. Idempotent."""
        self._endpoints.pop(endpoint, None)
        for ufrag in ufrags:
            self._by_ufrag.pop(ufrag, None)
        for path in paths:
            self.revoke(endpoint, path)

    async def close(self) -> None:
        """Close the sockets. Idempotent."""
        await self.tcp.close()
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
        elif (entry := self._by_path.get((sock.fileno(), address))) is not None:
            entry[0].on_datagram(datagram, entry[1], now)
        else:
            self.dropped_datagrams += 1

    def receive(self, datagram: bytes, path: Path, now: float) -> None:
        """DTLS, SRTP or SRTCP over a connection."""
        entry = self._by_path.get(path.key)
        if entry is None:
            self.dropped_datagrams += 1
        else:
            entry[0].on_datagram(datagram, path, now)

    def check(self, datagram: bytes, path: Path, now: float) -> bool:
        """Answer a check over a connection. False if it is not signed for a session, or for another than the one that
        the connection has been admitted to."""
        request, endpoint = self._asked(datagram)
        entry = self._by_path.get(path.key)
        if request is None or endpoint is None or (entry is not None and entry[0] is not endpoint):
            self.dropped_datagrams += 1
            return False
        return self._answer(request, endpoint, path, now)

    def _check(self, sock: socket.socket, datagram: bytes, address: Address, now: float) -> None:
        entry = self._by_path.get((sock.fileno(), address))
        if entry is None and not self._strangers.may(address[0], now):
            self.dropped_datagrams += 1
            return
        request, endpoint = self._asked(datagram)
        if request is None or endpoint is None:
            self.dropped_datagrams += 1
            return
        path = entry[1] if entry is not None and entry[0] is endpoint else UdpPath(sock, address)
        self._answer(request, endpoint, path, now)

    def _asked(self, datagram: bytes) -> tuple[stun.BindingRequest | None, Endpoint | None]:
        request = stun.parse_request(datagram)
        return request, self._by_ufrag.get(request.local_ufrag) if request is not None else None

    def _answer(self, request: stun.BindingRequest, endpoint: Endpoint, path: Path, now: float) -> bool:
        answer = endpoint.on_check(request, path, now)
        if answer is None:
            self.dropped_datagrams += 1
            return False
        path.send(answer)
        return True

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


def _bind_udp(offered: Sequence[str], port: int) -> dict[str, socket.socket]:
    """By address: the local ones of ``offered``, and all of the machine's if one of them is not. Raises OSError."""
    bound: dict[str, socket.socket] = {}
    try:
        is_outside = [not _try_bind(bound, host, port) for host in offered]
        for host in local_addresses() if any(is_outside) else ():
            _try_bind(bound, host, port)
    except OSError:
        _close_all(bound.values())
        raise
    if not bound:
        raise OSError(errno.EADDRNOTAVAIL, "none of the addresses can be bound")
    return bound


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


def _bind_tcp(bound: Mapping[str, socket.socket]) -> list[socket.socket]:
    """Of the same numbers, for all of ``bound`` or for none: what is told to peers has to be true."""
    listening: list[socket.socket] = []
    try:
        for host, sock in bound.items():
            listening.append(_listening_on_tcp(host, sock.getsockname()[1]))
    except OSError:
        _close_all(listening)
        return []
    return listening


def _listening_on_tcp(host: str, port: int) -> socket.socket:
    """Raises OSError."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ":" in host:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.listen()  # now: of two that are only bound, both have the number until one listens
    except OSError:
        sock.close()
        raise
    return sock


def _close_all(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        sock.close()
