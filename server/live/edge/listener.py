"""The listening sockets of a port, many times over while there is a queue.

In each of its turns the event loop takes one connection from each listening socket that it has. When thousands come
back at once, a turn for each of them is a quarter of what they cost; when they come one by one, every further socket
would be asked in vain, which costs as much as reading from a connection. So there are more of them, on the very same
queues, for as long as connections wait in these.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket as sockets
import ssl as tls
import struct
from collections.abc import Callable
from typing import Any, Final

_MORE_SOCKETS: Final = 15  # on each queue
_CROWD: Final = 8  # so many connections wait: more sockets are opened
_QUEUE: Final = 3  # so many connections wait: the further sockets have work
_QUIET_S: Final = 1.0  # no queue was seen for so long: the further sockets are closed

_TCP_INFO: Final = getattr(sockets, "TCP_INFO", None)
_WAITING: Final = struct.Struct("24xI")  # of a listening socket, `tcpi_unacked` is how many it has to accept (tcp(7))


class Listener:
    """Listens, from `open` to `close`. `look` is to be called at every tick. Everything is on the loop's thread."""

    __slots__ = (
        "_backlog",
        "_first",
        "_handshake_timeout_s",
        "_more",
        "_not_before",
        "_opening",
        "_protocol",
        "_queued_at",
        "_queues",
        "_ssl",
    )

    def __init__(
        self,
        *,
        protocol: Callable[[], asyncio.Protocol],
        ssl: tls.SSLContext | None = None,
        handshake_timeout_s: float = 10.0,
        backlog: int = 4096,
    ) -> None:
        """`protocol` makes what a connection is given to, over TLS after the handshake. A connection whose handshake
        takes longer is closed."""
        self._protocol = protocol
        self._ssl = ssl
        self._handshake_timeout_s = None if ssl is None else handshake_timeout_s
        self._backlog = backlog
        self._first: asyncio.Server | None = None
        self._queues: list[sockets.socket] = []
        self._more: list[asyncio.Server] = []
        self._opening: asyncio.Task[None] | None = None
        self._queued_at = 0.0
        self._not_before = 0.0

    async def open(
        self,
        *,
        host: str | None = None,
        port: int = 0,
        sock: sockets.socket | None = None,
        reuse_port: bool | None = None,
    ) -> None:
        """Listens, on `host` and `port` or on a socket that is bound already. Raises OSError."""
        try:
            if sock is not None:
                self._first = await self._server(sock)
            else:
                loop = asyncio.get_running_loop()
                self._first = await loop.create_server(
                    self._protocol,
                    host=host,
                    port=port,
                    ssl=self._ssl,
                    ssl_handshake_timeout=self._handshake_timeout_s,
                    backlog=self._backlog,
                    reuse_port=reuse_port,
                    start_serving=False,
                )
            for found in self._first.sockets:
                self._queues.append(sockets.socket(fileno=os.dup(found.fileno())))
            await self._first.start_serving()
        except BaseException:
            self.close()
            raise

    async def _server(self, sock: sockets.socket) -> asyncio.Server:
        """Which does not listen yet."""
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            self._protocol,
            sock=sock,
            ssl=self._ssl,
            ssl_handshake_timeout=self._handshake_timeout_s,
            backlog=self._backlog,
            start_serving=False,
        )

    @property
    def addresses(self) -> list[Any]:
        """Where it listens."""
        return [queue.getsockname() for queue in self._queues]

    @property
    def is_crowded(self) -> bool:
        """Whether further sockets are open."""
        return bool(self._more)

    def look(self, now: float) -> None:
        """Opens more sockets when connections wait in the queues, and closes them when none has waited for a while."""
        waiting = max(map(_waiting, self._queues), default=0)
        if waiting >= _QUEUE:
            self._queued_at = now
        if waiting >= _CROWD and now >= self._not_before and not self._more and self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open_more(now), name="edge:listener")
        elif self._more and now - self._queued_at >= _QUIET_S:
            self._close_more()

    async def _open_more(self, now: float) -> None:
        try:
            for queue in self._queues * _MORE_SOCKETS:
                server = await self._server(queue.dup())
                self._more.append(server)  # before it listens, so that `close` knows of it
                await server.start_serving()
        except OSError:  # no descriptors are left: connections need them more
            self._close_more()
            self._not_before = now + _QUIET_S
        finally:
            self._opening = None

    def _close_more(self) -> None:
        more, self._more = self._more, []
        for server in more:
            server.close()

    def close(self) -> None:
        """Listens no more; connections that were accepted stay."""
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        self._close_more()
        if self._first is not None:
            self._first.close()
        for queue in self._queues:
            queue.close()
        self._first, self._queues = None, []


def _waiting(queue: sockets.socket) -> int:
    """How many connections wait to be accepted; 0 where the system does not say."""
    if _TCP_INFO is None:
        return 0
    with contextlib.suppress(OSError, struct.error):
        return int(_WAITING.unpack_from(queue.getsockopt(sockets.IPPROTO_TCP, _TCP_INFO, _WAITING.size))[0])
    return 0
