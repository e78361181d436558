"""Chat messages become deliveries: the logs of rooms are read by offset, those of owners with a webhook for them.

Messages are no facts, there are too many of them. A reader of their own (an actor, one in the cluster) looks once a
second and never waits for a room: what it costs the chat is a read by primary key of what is committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from actors.events import ChatMessage, LoggedMessage
from actors.runtime import Fence
from server.features.integrations.webhooks import queries
from server.features.integrations.webhooks.kinds import ChatAuthor, ChatMessageEvent
from server.features.integrations.webhooks.outbox import MAX_WAITING, Event, Outbox
from storage.chat import read_since
from storage.facts import Advance
from storage.leases import hold
from storage.postgres import Database, Row, Transaction

READER: Final = "webhooks.chat"
ROOMS: Final = 20
MESSAGES: Final = 100
"""Of one room in one transaction."""


class ChatTail:
    """``actors.reader.FactLog``: the next messages that no webhook was given yet. Each webhook has a position in each
    room, so that one which is behind holds no other one back.
    """

    def __init__(self, *, db: Database, outbox: Outbox) -> None:
        self._db = db
        self._outbox = outbox

    async def open(self) -> None: ...

    async def advance(self, *, fence: Fence) -> Advance:
        if not await self._db.fetch(queries.UNREAD, MAX_WAITING, 1):
            return Advance()
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            unread = await tx.fetch(queries.UNREAD, MAX_WAITING, ROOMS)
            read = sum([await self._read(tx, row) for row in unread])
        return Advance(again_after_s=0.0 if read else None, read=read)

    async def _read(self, tx: Transaction, row: Row) -> int:
        messages = await read_since(tx, row["room_id"], row["offset"], limit=MESSAGES)
        if not messages:
            return 0
        await self._outbox.put(tx, {row["webhook_id"]: _events(row, messages)})
        await tx.execute(queries.READ_TO, row["webhook_id"], row["room_id"], messages[-1].offset)
        return len(messages)


def _events(row: Row, messages: Sequence[LoggedMessage]) -> list[Event]:
    """The id of a message is that of its event. What was deleted meanwhile is left out."""
    return [
        Event(id=one.id, name="chat.message", data=_data(row, one)) for one in messages if isinstance(one, ChatMessage)
    ]


def _data(row: Row, message: ChatMessage) -> ChatMessageEvent:
    user = message.user
    author = ChatAuthor.model_validate(
        {"id": user.id, "username": user.username, "display_name": user.display_name, "badges": list(user.badges)}
    )
    return ChatMessageEvent.model_validate(
        {
            "stream_id": row["stream_id"],
            "room_id": row["room_id"],
            "id": message.id,
            "offset": message.offset,
            "user": author,
            "text": message.text,
            "sent_at": message.sent_at,
            "media_time_ms": message.media_time_ms,
            "reply_to": message.reply_to,
            "announcement": message.announcement,
        }
    )
