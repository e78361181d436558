"""Typing and receipts over Socket.IO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from actors.rate_limits import Rate
from actors.runtime import DomainError
from server.features.messages.conversations import queries
from server.features.messages.conversations.conversations import Conversations
from server.features.messages.conversations.shapes import (
    OWN_READ,
    READ,
    TYPING,
    OfConversation,
    ReadAcknowledged,
    ReadUpTo,
    own_read,
)
from server.live.events import Done
from server.live.room_mirror import topic_of
from server.publish import Publish
from server.socket_events import ClientEvent
from storage.postgres import Database

TYPING_MS: Final = 6_000


class ConversationEvents:
    """Both are told to the sockets in the room, which are its members'."""

    def __init__(self, *, db: Database, conversations: Conversations, told: Publish) -> None:
        self._db = db
        self._conversations = conversations
        self._told = told

    def events(self) -> Sequence[ClientEvent]:
        return [
            ClientEvent(
                name="chat:typing", shape=OfConversation, ack=Done, handler=self._typing,
                summary="You write in a conversation; again every few seconds while you do",
                rate=Rate(per_s=1, burst=10),
            ),
            ClientEvent(
                name="chat:read", shape=ReadUpTo, ack=ReadAcknowledged, handler=self._read,
                summary="You have read a conversation up to a message", rate=Rate(per_s=3, burst=60),
            ),
        ]  # fmt: skip

    async def _typing(self, socket: Any, session: Any, body: OfConversation) -> dict[str, Any]:
        me = session.require_person().id
        row = await self._db.fetchrow(queries.STANDING, body.room_id, me)
        if row is None:
            raise _no_room()
        if row["state"] == "open" and row["may_write"]:
            told = {"room_id": body.room_id, "user_id": me, "expires_in_ms": TYPING_MS}
            self._told.conflate(topic_of(body.room_id), f"typing {body.room_id} {me}", TYPING.name, told)
        return {"ok": True}

    async def _read(self, socket: Any, session: Any, body: ReadUpTo) -> dict[str, Any]:
        me, room_id = session.require_person().id, body.room_id
        row = await self._db.fetchrow(queries.READ, room_id, me, body.offset)
        if row is None:
            raise _no_room()
        offset = row["read_offset"]
        unread = await self._conversations.unread(self._db, me, room_id, read_offset=offset)
        self._told.to_person(me, OWN_READ.name, own_read(room_id, offset, unread))
        if row["state"] == "open":
            told = {"room_id": room_id, "user_id": me, "offset": offset}
            self._told.conflate(topic_of(room_id), f"read {room_id} {me}", READ.name, told)
        return {"ok": True, "offset": offset, "unread": unread}


def _no_room() -> DomainError:
    return DomainError("not_found", "There is no such room.", field="room_id")
