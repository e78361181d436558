"""The ports of a chat room: the log, the rows of rooms, and the relationships of people to its owner."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from actors.chat_rules import Author, ChatMode, Relationship, RoomRole, Sanction
from actors.events import Attachment, ChatMessage, ChatUser, LoggedMessage, Reactions
from actors.runtime import Fence
from actors.screening import Screen


class ChatEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A message on its way into the log. ``shard`` and ``epoch`` are the fencing token of the room's owner.

    ``client_id`` is unique for a person in a room, for good.
    """

    room_id: str
    shard: int
    epoch: int
    id: str
    user_id: str
    client_id: str
    text: str
    sent_at: datetime
    reply_to: str | None = None
    media_time_ms: int | None = None
    is_announcement: bool = False
    attachments: tuple[Attachment, ...] = ()
    """The edge stores them before it posts the message; the log does not write them."""


class Appended(msgspec.Struct, frozen=True, kw_only=True):
    """What the log holds under the entry's ``client_id``: with ``is_duplicate``, the message that came first."""

    id: str
    offset: int
    is_duplicate: bool = False


class RoomRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All that an actor must know to go on with a room. ``log_epoch`` names the log towards clients.

    Messages up to the offset ``cleared_to`` are deleted. A room that ``is_private`` is open to its members alone, and
    has no owner: ``owner_id`` is empty.
    """

    id: str
    stream_id: str | None
    owner_id: str
    log_epoch: str
    last_offset: int
    mode: ChatMode = ChatMode()
    pinned_id: str | None = None
    cleared_to: int = 0
    moderators: frozenset[str] = frozenset()
    vips: frozenset[str] = frozenset()
    sanctions: Mapping[str, Sanction] = {}
    is_private: bool = False


class ChatLog(Protocol):
    """The messages of all rooms, appended and read in order of offset.

    Raises ``Unavailable`` while the database is away; the outcome of an entry with a stale epoch is ``Fenced``.
    """

    def submit(self, entry: ChatEntry) -> asyncio.Future[Appended]: ...
    async def find(self, room_id: str, user_id: str, client_id: str) -> Appended | None: ...
    async def last(self, room_id: str, limit: int) -> Sequence[LoggedMessage]: ...
    async def since(self, room_id: str, offset: int, *, limit: int) -> Sequence[LoggedMessage]: ...
    async def message(self, room_id: str, message_id: str) -> LoggedMessage | None: ...


class RoomStore(Protocol):
    """The rows of rooms, and what moderators change. Raises ``Unavailable``, and ``Fenced`` for a stale token.

    Each act of a moderator is in the audit log with the change: ``by`` is their id, ``reason`` what they gave.
    """

    async def load(self, room_id: str) -> RoomRecord | None: ...
    async def delete_message(
        self, room_id: str, message_id: str, *, by: str | None, reason: str, fence: Fence
    ) -> int | None:
        """``by``: None for the server itself, which is in the audit log too."""

    async def restore_message(
        self, room_id: str, message_id: str, *, by: str | None, reason: str, fence: Fence
    ) -> None:
        """Take back that ``by`` deleted a message; what another deleted stays deleted. Idempotent."""

    async def edit_message(self, room_id: str, message_id: str, text: str, *, at: datetime, fence: Fence) -> None:
        """Replace the text of a message. Idempotent."""

    async def react(
        self, room_id: str, message_id: str, person_id: str, emoji: str, *, is_on: bool, fence: Fence
    ) -> Reactions | None:
        """Add or take away a reaction, and answer all that the message has; None where it has too many. Idempotent."""

    async def purge(self, room_id: str, user_id: str, *, up_to: int, by: str, reason: str, fence: Fence) -> int:
        """Delete what the person wrote up to this offset. How many messages it were; raises ``DomainError`` as below.

        A large number is deleted in parts: after a failure the same call deletes the rest.
        """

    async def clear(self, room_id: str, *, by: str, fence: Fence) -> int:
        """Delete all that the log holds now; the offset up to which that is."""

    async def set_role(self, room_id: str, user_id: str, role: RoomRole | None, *, by: str, fence: Fence) -> None:
        """Raises ``DomainError("not_found")`` without such a person."""

    async def set_pinned(self, room_id: str, message_id: str | None, *, by: str, fence: Fence) -> None: ...
    async def set_mode(self, room_id: str, mode: ChatMode, *, by: str, fence: Fence) -> None: ...
    async def put_sanction(
        self, room_id: str, user_id: str, sanction: Sanction, *, reason: str, by: str, fence: Fence
    ) -> None:
        """Set or replace what the person may not do. Raises ``DomainError("not_found")`` without such a person."""

    async def lift_sanction(self, room_id: str, user_id: str, *, by: str, reason: str, fence: Fence) -> None:
        """Idempotent. Raises ``DomainError("not_found")`` for what is no person's id."""


class ScreenLookup(Protocol):
    """Reads what may not be written in the rooms of an owner. Raises ``Unavailable``."""

    async def screen(self, owner_id: str) -> Screen: ...


class RelationshipLookup(Protocol):
    """Reads what a person is to the owner of a room. Raises ``Unavailable``."""

    async def relationship(self, *, owner_id: str, user_id: str) -> Relationship: ...
    async def membership(self, *, room_id: str, user_id: str) -> Relationship:
        """Of a private room."""


def as_shown(author: Author, entry: ChatEntry, offset: int, badges: tuple[str, ...]) -> ChatMessage:
    """A committed entry as its room shows it."""
    return ChatMessage(
        id=entry.id,
        offset=offset,
        user=ChatUser(id=author.id, username=author.username, display_name=author.display_name, badges=badges),
        text=entry.text,
        sent_at=entry.sent_at,
        media_time_ms=entry.media_time_ms,
        reply_to=entry.reply_to,
        client_id=entry.client_id,
        announcement=entry.is_announcement,
        attachments=entry.attachments,
    )
