"""What the edge serves: an application that answers connects and events."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol

from server.live.edge.socket import Socket


class ConnectRefused(Exception):
    """Raised by an application's `on_connect`: the client gets `connect_error` with this message and data."""

    def __init__(self, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class Application(Protocol):
    """What is served. Calls come on the loop's thread, for one socket in the order in which its packets came."""

    def on_connect(self, socket: Socket, auth: Any) -> Awaitable[None] | None:
        """Accepts by returning (or finishing), refuses with ConnectRefused. Events wait until then."""
        ...

    def on_event(self, socket: Socket, event: str, args: list[Any]) -> Any:
        """The acknowledgement's payload, or an awaitable or an Answer of it; a tuple is several arguments. An awaitable
        gets a task of its own, an Answer does without."""
        ...

    def on_disconnect(self, socket: Socket, reason: str) -> None:
        """Once for every socket that was accepted, when it is gone."""
        ...
