"""Typing and receipts over Socket.IO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from actors.rate_limits import Rate
from actors.runtime import DomainError
from server.features.messages.conversations import queries
from server.features.messages.conversations.facts import ConversationRead
from server.features.messages.conversations.receipts import Receipts
from server.features.messages.conversations.shapes import TYPING, OfConversation, ReadAcknowledged, ReadUpTo
from server.live.events import Done
from server.live.room_mirror import topic_of
from server.publish import Publish
from server.socket_events import ClientEvent
from storage.facts import publish
from storage.postgres import Database

TYPING_MS: Final = 6_000


class ConversationEvents:
    """Both are told to the sockets in the room, which are its members'."""

    def __init__(self, *, db: Database, receipts: Receipts, told: Publish) -> None:
        self._db = db
        self._receipts = receipts
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
        async with self._db.transaction() as tx:
            receipt = await self._receipts.read(tx, room_id, me, body.offset)
            if receipt is None:
                raise _no_room()
            if receipt.is_more:
                await publish(tx, ConversationRead(room_id=room_id, person_id=me, offset=receipt.offset))
        return {"ok": True, "offset": receipt.offset, "unread": receipt.unread}


def _no_room() -> DomainError:
    return DomainError("not_found", "There is no such room.", field="room_id")
