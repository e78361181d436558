"""Where the media clock of a room's stream stands: the moment at which players show what happens now."""

from __future__ import annotations

from datetime import datetime, timedelta

from actors.chat_messages import TellMediaTime
from actors.runtime import ActorError, DomainError, Node
from storage.postgres import Row


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


def moment_of(row: Row, media_time_ms: int, *, longest: timedelta) -> datetime:
    """When the video was at this media time, by when it was at that of the row; at most ``longest`` after it."""
    since = timedelta(milliseconds=min(media_time_ms - row["media_time_ms"], longest // timedelta(milliseconds=1)))
    opened_at: datetime = row["opened_at"]
    return opened_at + since
