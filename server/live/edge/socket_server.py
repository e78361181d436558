"""What the Socket.IO clients of one path share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any, Protocol

from server.live.edge.application import Application
from server.live.edge.limits import EdgeLimits
from server.live.edge.packet import Parser
from server.live.edge.recovery import RecoveryBuffers
from server.live.edge.socket import Socket


class Subscriptions(Protocol):
    """The topics that sockets subscribe to, as the edge needs them."""

    def writable(self, socket: Socket) -> None:
        """The socket was slow and has caught up."""
        ...

    def upgraded(self, socket: Socket) -> None:
        """The socket has gone over to WebSocket."""
        ...

    def gone(self, socket: Socket) -> None:
        """The socket has left: it has no subscriptions any more."""
        ...


class SocketServer:
    """What the clients of one path share: application, parser, namespaces, limits, and the tasks of their handlers."""

    __slots__ = (
        "application",
        "clock",
        "limits",
        "namespaces",
        "parser",
        "recovery_buffers",
        "subscriptions",
        "tasks",
    )

    def __init__(
        self,
        *,
        application: Application,
        parser: Parser,
        limits: EdgeLimits,
        namespaces: Collection[str],
        clock: Callable[[], float],
        subscriptions: Subscriptions,
        recovery_buffers: RecoveryBuffers,
    ) -> None:
        self.application = application
        self.parser = parser
        self.limits = limits
        self.namespaces = frozenset(namespaces)
        self.clock = clock
        self.subscriptions = subscriptions
        self.recovery_buffers = recovery_buffers
        self.tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, running: Coroutine[Any, Any, None], name: str) -> None:
        """Runs it as a task that is owned here."""
        task = asyncio.get_running_loop().create_task(running, name=name)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
