"""Ways from a socket of ours to an address of a peer, and what is sent over them at once."""

from __future__ import annotations

import socket
import sys
from collections.abc import Hashable, Sequence
from itertools import chain
from typing import Protocol

Address = tuple[str, int] | tuple[str, int, int, int]

_SOL_UDP, _UDP_SEGMENT = 17, 103
_MAX_SEGMENTS = 40

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


class Path(Protocol):
    """Where a session's datagrams come from and go to. Sending never waits and never raises: what cannot go at once is
    lost, as on the wire."""

    @property
    def key(self) -> Hashable:
        """The same for what comes over the same path."""

    @property
    def address(self) -> Address: ...

    def send(self, datagram: bytes) -> None: ...

    def send_runs(self, heads: Sequence[bytes], bodies: Sequence[bytes], runs: Sequence[Run]) -> None:
        """Send several, in order, each a head and a body. ``runs`` are those of the datagrams' sizes, or of what they
        have beside a number of bytes that is the same for all."""

    def close(self) -> None:
        """Nothing is sent or received over it any more. Idempotent."""


class UdpPath:
    """One of our sockets, which it shares with others, and one address."""

    __slots__ = ("address", "can_segment", "dropped", "key", "socket")

    def __init__(self, sock: socket.socket, address: Address) -> None:
        self.socket = sock
        self.key: Hashable = (sock.fileno(), address)
        self.address = address
        self.dropped = 0
        self.can_segment = sys.platform == "linux"

    def send(self, datagram: bytes) -> None:
        """Send now or never: a full socket buffer or an unreachable peer costs the datagram."""
        try:
            self.socket.sendto(datagram, self.address)
        except OSError:
            self.dropped += 1

    def send_runs(self, heads: Sequence[bytes], bodies: Sequence[bytes], runs: Sequence[Run]) -> None:
        """What is a run goes to the kernel at once, which cuts it up again."""
        for start, end in runs:
            if end - start == 1:
                self.send(heads[start] + bodies[start])
            elif self.can_segment:
                self._send_run(heads[start:end], bodies[start:end])
            else:
                self._send_singly(heads[start:end], bodies[start:end])

    def close(self) -> None:
        """The socket is others' as well."""

    def _send_run(self, heads: Sequence[bytes], bodies: Sequence[bytes]) -> None:
        size = len(heads[0]) + len(bodies[0])
        datagrams = b"".join(chain.from_iterable(zip(heads, bodies, strict=True)))
        ancillary = ((_SOL_UDP, _UDP_SEGMENT, size.to_bytes(2, sys.byteorder)),)
        try:
            self.socket.sendmsg((datagrams,), ancillary, 0, self.address)
        except BlockingIOError:
            self.dropped += len(heads)
        except OSError:
            # No segmentation on the way to this peer: an old kernel, a tunnel, a small MTU.
            self.can_segment = False
            self._send_singly(heads, bodies)

    def _send_singly(self, heads: Sequence[bytes], bodies: Sequence[bytes]) -> None:
        for head, body in zip(heads, bodies, strict=True):
            self.send(head + body)
