"""The RTMP server: sockets, deadlines and bounds around :mod:`media.rtmp.protocol`.

A connection has no task of its own. Bytes arrive in a callback, one timer sweeps all connections for deadlines, and
only the question whether a client may publish is a task, for as long as it takes; nothing more is read meanwhile, which
bounds what waits for the answer to the events of one read.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import logging
import math
import socket
import ssl as tls
import time
from collections.abc import Awaitable, Callable

from media.errors import PublishRefused
from media.log_lines import LogLines
from media.publication import Publication, PublishRequest
from media.rtmp.connection import Phase, RtmpConnection
from media.rtmp.limits import RtmpCounters, RtmpLimits

Authorize = Callable[[PublishRequest], Awaitable[Publication]]
Clock = Callable[[], float]

#: An aborted connection reports its end within a few turns of the loop.
_ABORT_S = 1.0
#: A sweep that comes so late finds that we stood still ourselves: what has arrived meanwhile is to be read before
#: anybody is missed, so it is for the next one.
_STOOD_STILL_S = 1.0


class RtmpServer:
    """Accepts publishers. ``authorize`` is asked once a publish and answers with a publication or PublishRefused.

    ``clock`` is monotonic and times the deadlines, ``wall`` stamps the units. Belongs to the loop that started it.
    """

    def __init__(
        self,
        *,
        authorize: Authorize,
        limits: RtmpLimits | None = None,
        clock: Clock = time.monotonic,
        wall: Clock = time.time,
        ssl: tls.SSLContext | None = None,
        log: logging.Logger | None = None,
    ) -> None:
        self.counters = RtmpCounters()
        self._limits = limits or RtmpLimits()
        self._authorize = authorize
        self.clock = clock
        self.wall = wall
        self._ssl = ssl
        self.log = log or logging.getLogger(__name__)
        self._connections: set[RtmpConnection] = set()
        self._pending: collections.Counter[str] = collections.Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._swept_at = clock()
        self._stranger_lines = LogLines(now=clock())
        self._empty = asyncio.Event()
        self._is_closing = False

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    @property
    def publishers(self) -> int:
        """How many of them publish."""
        return sum(connection.phase is Phase.PUBLISHING for connection in self._connections)

    async def start(self, *, host: str = "", port: int | None = None, sock: socket.socket | None = None) -> int:
        """Listen on ``sock``, or on ``host`` and ``port`` (0 or None: any free one); gives the port."""
        loop = asyncio.get_running_loop()
        timeout = self._limits.handshake_s if self._ssl is not None else None

        def connection() -> RtmpConnection:
            return RtmpConnection(server=self, limits=self._limits)

        if sock is not None:
            self._server = await loop.create_server(
                connection, sock=sock, ssl=self._ssl, ssl_handshake_timeout=timeout, backlog=512
            )
        else:
            self._server = await loop.create_server(
                connection, host or None, port or 0, ssl=self._ssl, ssl_handshake_timeout=timeout, backlog=512
            )
        self._schedule_sweep()
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self, *, budget_s: float) -> None:
        """Stop listening, end the publishers, and be rid of all connections within the budget."""
        self._is_closing = True
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.stop("shutdown")
        self._note_emptiness()
        await self._wait_for_emptiness(budget_s)
        for connection in list(self._connections):
            connection.abort()
        await self._wait_for_emptiness(_ABORT_S)
        await self._end_tasks()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def sweep(self) -> None:
        """Close the connections whose deadlines have passed. Runs by itself every ``sweep_s``."""
        now = self.clock()
        for connection in list(self._connections):
            connection.check_deadlines(now)

    def _schedule_sweep(self) -> None:
        self._sweeper = asyncio.get_running_loop().call_later(self._limits.sweep_s, self._on_sweep)

    def _on_sweep(self) -> None:
        now = self.clock()
        stood_still = now - self._swept_at >= self._limits.sweep_s + _STOOD_STILL_S
        if not stood_still:
            self.sweep()
        self._swept_at = math.inf if stood_still else now  # the next one is never put off as well
        self._schedule_sweep()

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _wait_for_emptiness(self, budget_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(budget_s):
                await self._empty.wait()

    def _note_emptiness(self) -> None:
        if not self._connections:
            self._empty.set()

    def admit(self, connection: RtmpConnection) -> bool:
        """Let a new connection in, unless there are too many in all or too many idle ones from its address."""
        limits, address = self._limits, connection.address
        is_full = len(self._connections) >= limits.max_connections
        if self._is_closing or is_full or self._pending[address] >= limits.max_pending_per_address:
            self.counters.turned_away += 1
            return False
        self.counters.accepted += 1
        self._connections.add(connection)
        self._pending[address] += 1
        return True

    def count_pending(self, address: str, change: int) -> None:
        self._pending[address] += change
        if self._pending[address] <= 0:
            del self._pending[address]

    def log_end(self, connection: RtmpConnection) -> None:
        """One line a publisher. Connections that never published share a bounded number of lines."""
        more = "" if connection.has_published else self._stranger_lines.take(self.clock())
        if more is not None:
            self.log.info("rtmp %s closed: %s%s", connection.remote, connection.reason, more)

    def forget(self, connection: RtmpConnection) -> None:
        self._connections.discard(connection)
        self._note_emptiness()

    def judge(self, connection: RtmpConnection, request: PublishRequest) -> None:
        task = asyncio.get_running_loop().create_task(
            self._ask(connection, request), name=f"rtmp authorize {request.remote}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, connection: RtmpConnection, request: PublishRequest) -> None:
        try:
            async with asyncio.timeout(self._limits.authorize_s):
                publication = await self._authorize(request)
        except PublishRefused as refusal:
            connection.refused(refusal)
        except TimeoutError:
            connection.refused(PublishRefused("unavailable", "the server could not decide in time"))
        except Exception:
            # The edge to whoever decides: its failure is this publisher's refusal and nobody else's trouble.
            self.log.exception("rtmp %s: could not decide about a publisher", request.remote)
            connection.refused(PublishRefused("unavailable", "the server has a fault"))
        else:
            connection.accepted(publication)
