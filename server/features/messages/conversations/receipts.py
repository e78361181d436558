"""Up to where members have read a conversation, and who is told."""

from __future__ import annotations

from functools import partial

import msgspec

from server.features.messages.conversations import queries
from server.features.messages.conversations.conversations import Conversations
from server.features.messages.conversations.shapes import OWN_READ, READ, own_read
from server.live.room_mirror import topic_of
from server.publish import Publish
from storage.postgres import Row, Transaction


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """``offset``: up to which the person has read now; ``is_more``: that is farther than before."""

    offset: int
    unread: int
    is_more: bool


class Receipts:
    def __init__(self, *, conversations: Conversations, told: Publish) -> None:
        self._conversations = conversations
        self._told = told

    async def read(self, tx: Transaction, room_id: str, person_id: str, offset: int) -> Receipt | None:
        """The person has read up to ``offset``, which never falls; their sockets, and the others' in the room, are
        told once ``tx`` is committed. None for who is no member.
        """
        row = await tx.fetchrow(queries.READ, room_id, person_id, offset)
        return None if row is None else await self._tell(tx, room_id, person_id, row)

    async def wrote(self, tx: Transaction, room_id: str, person_id: str, offset: int) -> None:
        """The person has written the message at ``offset``, and so has read what stands before it. Nobody is told where
        there was nothing to read.
        """
        row = await tx.fetchrow(queries.READ, room_id, person_id, offset)
        if row is not None and await self._conversations.unread(tx, person_id, room_id, read_offset=row["before"]):
            await self._tell(tx, room_id, person_id, row)

    async def _tell(self, tx: Transaction, room_id: str, person_id: str, row: Row) -> Receipt:
        read = row["read_offset"]
        unread = await self._conversations.unread(tx, person_id, room_id, read_offset=read)
        tx.after_commit(partial(self._told.to_person, person_id, OWN_READ.name, own_read(room_id, read, unread)))
        if row["state"] == "open":
            told = {"room_id": room_id, "user_id": person_id, "offset": read}
            key = f"read {room_id} {person_id}"
            tx.after_commit(partial(self._told.conflate, topic_of(room_id), key, READ.name, told))
        return Receipt(offset=read, unread=unread, is_more=read > row["before"])
