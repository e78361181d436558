"""What a member sees of their conversations: the list, one of them, what is unread; and what they have read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from server.features.messages.conversations import queries
from server.features.messages.conversations.facts import ConversationMessage
from server.features.messages.conversations.rules import MAX_COUNTED, State
from server.features.messages.conversations.shapes import (
    AttachmentShape,
    AuthorShape,
    ConversationShape,
    LastMessageShape,
    MemberShape,
)
from server.http.cursors import page_of
from server.http.errors import Problem, not_found
from storage.postgres import Database, Reads, Row

STATES: Final[Sequence[State]] = ("open", "request")


class Unnotified(msgspec.Struct, frozen=True):
    """The members whom a message concerns, which was written at ``sent_at``."""

    sent_at: datetime
    people: list[str]


def no_conversation() -> Problem:
    return not_found("There is no such conversation")


class Conversations:
    """Reads. Four statements a page, whatever its length."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def page(
        self, me: str, *, state: State | None, before: tuple[datetime, str] | None, limit: int
    ) -> tuple[list[ConversationShape], str | None]:
        """Those with the newest activity first, and the cursor of the next page."""
        at, room_id = before or (None, None)
        states = [state] if state is not None else list(STATES)
        rows = await self._db.fetch(queries.PAGE, me, states, at, room_id, limit + 1, MAX_COUNTED)
        shown, following = page_of(rows, limit, lambda row: (row["active_at"], row["room_id"]))
        return await self._shapes(self._db, me, shown), following

    async def one(self, me: str, room_id: str) -> ConversationShape:
        """Raises a 404 for who is not in it."""
        row = await self._db.fetchrow(queries.ONE, me, room_id, MAX_COUNTED)
        if row is None:
            raise no_conversation()
        return (await self._shapes(self._db, me, [row]))[0]

    async def counts(self, me: str) -> tuple[int, int]:
        """Unread conversations, and requests."""
        row = await self._db.fetchrow(queries.UNREAD_CONVERSATIONS, me)
        assert row is not None
        return row["unread"], row["requests"]

    async def unread(self, where: Reads, person_id: str, room_id: str, *, read_offset: int) -> int:
        count: int = await where.fetchval(queries.UNREAD, person_id, room_id, read_offset, MAX_COUNTED)
        return count

    async def hearers(self, where: Reads, room_id: str, author_id: str) -> list[str]:
        """The members who are shown what the author writes, the author among them."""
        return [row["person_id"] for row in await where.fetch(queries.HEARERS, room_id, author_id)]

    async def unnotified(self, where: Reads, message: ConversationMessage) -> Unnotified | None:
        """Whom a message concerns that have not read it, on any device, until now; None for nobody, and for a message
        that was deleted.
        """
        rows = await where.fetch(queries.UNNOTIFIED, message.room_id, message.author_id, message.offset)
        return Unnotified(rows[0]["sent_at"], [row["person_id"] for row in rows]) if rows else None

    async def without_unread(self, where: Reads, room_id: str) -> list[str]:
        """The members who have read all that there is for them in a conversation."""
        return [
            row["person_id"]
            for row in await where.fetch(queries.READERS, room_id)
            if not await self.unread(where, row["person_id"], room_id, read_offset=row["read_offset"])
        ]

    async def _shapes(self, where: Reads, me: str, rows: Sequence[Row]) -> list[ConversationShape]:
        ids = [row["room_id"] for row in rows]
        people = await where.fetch(queries.PEOPLE, ids, me) if ids else []
        last = await where.fetch(queries.LAST_MESSAGES, ids, me) if ids else []
        messages = {row["room_id"]: _last_message(row) for row in last}
        return [_shape(row, people, messages) for row in rows]


def _shape(row: Row, people: Collection[Row], messages: Mapping[str, LastMessageShape]) -> ConversationShape:
    here = [each for each in people if each["room_id"] == row["room_id"]]
    return ConversationShape(
        id=row["room_id"],
        room_id=row["room_id"],
        kind="group" if row["is_group"] else "direct",
        people=[MemberShape(**_without_room(each)) for each in here],
        owner_id=row["owner_id"],
        title=row["title"],
        unread=row["unread"],
        read_offset=row["read_offset"],
        last_message=messages.get(row["room_id"]),
        state=row["state"],
        is_muted=row["is_muted"],
        created_at=row["created_at"],
        active_at=row["active_at"],
    )


def _without_room(row: Row) -> dict[str, Any]:
    return {name: value for name, value in dict(row).items() if name != "room_id"}


def _last_message(row: Row) -> LastMessageShape:
    is_deleted = row["is_deleted"]
    author = AuthorShape(id=row["user_id"], username=row["username"] or "", display_name=row["display_name"] or "")
    return LastMessageShape(
        id=row["id"],
        offset=row["offset"],
        sent_at=row["sent_at"],
        user=None if is_deleted else author,
        text=row["text"],
        attachments=[] if is_deleted else [AttachmentShape(**one) for one in row["attachments"] or ()],
        deleted=is_deleted,
    )
