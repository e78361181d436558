"""The log of chat messages in memory."""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import Mapping

import msgspec

from actors.chat_log import Appended, ChatEntry, RoomRecord
from actors.events import ChatMessage, ChatUser, DeletedMessage, LoggedMessage
from actors.runtime import Fence
from storage.chat import PAGE, UnknownReply, UnknownRoom
from storage.errors import Conflict, StorageError, Unavailable
from storage.memory.tables import MessageRow, Tables


class MemoryChatLog:
    """As ``ChatLog``; an outcome is there at once."""

    def __init__(self, *, tables: Tables) -> None:
        self._tables = tables
        self._is_closed = False

    def submit(self, entry: ChatEntry) -> asyncio.Future[Appended]:
        if self._is_closed:
            raise Unavailable("chat log", "it is closed")
        outcome: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        try:
            outcome.set_result(self._append(entry))
        except StorageError as error:
            outcome.set_exception(error)
        return outcome

    async def append(self, entry: ChatEntry) -> Appended:
        return await self.submit(entry)

    async def close(self) -> None:
        self._is_closed = True

    def _append(self, entry: ChatEntry) -> Appended:
        self._tables.hold(Fence(shard=entry.shard, epoch=entry.epoch))
        room = self._tables.rooms.get(entry.room_id)
        if room is None:
            raise UnknownRoom(entry.room_id)
        log = self._tables.messages.setdefault(room.id, [])
        for found in log:
            if (found.entry.user_id, found.entry.client_id) == (entry.user_id, entry.client_id):
                return Appended(id=found.entry.id, offset=found.offset, is_duplicate=True)
        if entry.reply_to is not None and all(found.entry.id != entry.reply_to for found in log):
            raise UnknownReply(entry.reply_to)
        if entry.user_id not in self._tables.people:
            raise Conflict("chat_messages_user_id_fkey")
        offset = room.last_offset + 1
        log.append(MessageRow(entry=entry, offset=offset))
        self._tables.rooms[room.id] = msgspec.structs.replace(room, last_offset=offset)
        return Appended(id=entry.id, offset=offset)

    def _message(self, room: RoomRecord, row: MessageRow) -> LoggedMessage:
        entry, author = row.entry, self._tables.people[row.entry.user_id]
        if row.is_deleted or row.offset <= room.cleared_to:
            return DeletedMessage(id=entry.id, offset=row.offset)
        badges = (
            ("owner", room.owner_id == author.id),
            ("moderator", author.id in room.moderators),
            ("vip", author.id in room.vips),
        )
        return ChatMessage(
            id=entry.id,
            offset=row.offset,
            user=ChatUser(
                id=author.id,
                username=author.username,
                display_name=author.display_name,
                badges=tuple(name for name, has in badges if has),
            ),
            text=entry.text,
            sent_at=entry.sent_at,
            media_time_ms=entry.media_time_ms,
            reply_to=entry.reply_to,
            client_id=entry.client_id,
            announcement=entry.is_announcement,
            edited_at=row.edited_at,
            reactions=row.reactions,
            attachments=entry.attachments,
        )

    def _rows(self, room_id: str) -> list[MessageRow]:
        self._tables.reach()
        return self._tables.messages.get(room_id, [])

    def _log(self, room_id: str) -> list[LoggedMessage]:
        rows = self._rows(room_id)
        return [self._message(self._tables.rooms[room_id], row) for row in rows]

    async def history(self, room_id: str, *, before: int | None = None, limit: int = 50) -> list[LoggedMessage]:
        log = self._log(room_id)
        end = len(log) if before is None else bisect.bisect_left(log, before, key=lambda found: found.offset)
        return log[max(0, end - min(limit, PAGE)) : end]

    async def last(self, room_id: str, limit: int) -> list[LoggedMessage]:
        return await self.history(room_id, limit=limit)

    async def since(self, room_id: str, offset: int, *, limit: int = PAGE) -> list[LoggedMessage]:
        return [found for found in self._log(room_id) if found.offset > offset][: min(limit, PAGE)]

    async def between(self, room_id: str, *, from_ms: int, to_ms: int, limit: int = PAGE) -> list[LoggedMessage]:
        rows, room = self._rows(room_id), self._tables.rooms[room_id]
        timed = [(row, row.entry.media_time_ms) for row in rows]
        inside = [row for row, at in timed if at is not None and from_ms <= at < to_ms]
        return [self._message(room, row) for row in inside[: min(limit, PAGE)]]

    async def find(self, room_id: str, user_id: str, client_id: str) -> Appended | None:
        for row in self._rows(room_id):
            if (row.entry.user_id, row.entry.client_id) == (user_id, client_id):
                return Appended(id=row.entry.id, offset=row.offset, is_duplicate=True)
        return None

    async def thread(self, room_id: str, message_id: str) -> list[LoggedMessage]:
        answers = {row.entry.id: row.entry.reply_to for row in self._rows(room_id)}
        return [one for one in self._log(room_id) if _first(answers, one.id) == _first(answers, message_id)]

    async def message(self, room_id: str, message_id: str) -> LoggedMessage | None:
        return next((found for found in self._log(room_id) if found.id == message_id), None)


def _first(answers: Mapping[str, str | None], message_id: str) -> str | None:
    """The message that this one answers in the end; None for one that is not there."""
    while (answered := answers.get(message_id)) is not None:
        message_id = answered
    return message_id if message_id in answers else None
