"""The port of metrics and tracing."""

from __future__ import annotations

from typing import Protocol

from actors.runtime.ids import ActorId


class Observer(Protocol):
    """The runtime calls it on the event loop: it must be quick and not raise."""

    def activated(self, actor_id: ActorId) -> None: ...

    def passivated(self, actor_id: ActorId) -> None: ...

    def crashed(self, actor_id: ActorId, error: BaseException) -> None: ...

    def parked(self, actor_id: ActorId) -> None: ...

    def handled(self, kind: str, messages: int) -> None:
        """Once a turn, not once a message."""

    def dead_letter(self, actor_id: ActorId, message: str, reason: str) -> None: ...
