"""Messages that may mention people: facts of the statement that appends them, and whom they name."""

from __future__ import annotations

import datetime as dt
from typing import Final

import msgspec

from storage.facts import Fact
from storage.postgres import Transaction

MENTION_SQL: Final = "@[A-Za-z0-9_]{3}"
"""What every text that mentions a person has; not all that have it mention one."""


class ChatMentioned(Fact, frozen=True, kw_only=True, tag="chat.mentioned"):
    """A message of a room has an ``@`` before what may be a username."""

    room_id: str
    message_id: str


class MentioningMessage(msgspec.Struct, frozen=True, kw_only=True):
    """``stream_id`` is the stream of its room."""

    author_id: str
    text: str
    sent_at: dt.datetime
    stream_id: str


async def read_mentioning(tx: Transaction, fact: ChatMentioned) -> MentioningMessage | None:
    """None when the message was deleted since, and for a room without a stream."""
    row = await tx.fetchrow(_READ, fact.room_id, fact.message_id)
    return None if row is None else MentioningMessage(**dict(row))


_READ: Final = """
select m.user_id as author_id, m.text, m.sent_at, r.stream_id
from chat_messages m join chat_rooms r on r.id = m.room_id
where m.room_id = $1 and m.id = $2 and m.deleted_at is null and m."offset" > r.cleared_to and r.stream_id is not null
"""
