"""Where the media clock of a room's stream stands: the moment at which players show what happens now."""

from __future__ import annotations

from actors.chat_messages import TellMediaTime
from actors.runtime import ActorError, DomainError, Node


class MediaClock:
    """The clock that chat messages are placed by."""

    def __init__(self, *, node: Node) -> None:
        self._node = node

    async def now_ms(self, room_id: str) -> int | None:
        """None for a stream that was never live, and while the room's actor cannot be asked."""
        try:
            return (await self._node.ref("chat", room_id).ask(TellMediaTime())).ms
        except (ActorError, DomainError):
            return None
