"""The rows of chat rooms in memory."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from actors.chat_log import RoomRecord
from actors.chat_private import MAX_EMOJI, MAX_REACTIONS
from actors.chat_rules import ChatMode, RoomRole, Sanction
from actors.events import Reactions
from actors.runtime import Fence
from storage.errors import Conflict
from storage.ids import is_uuid
from storage.memory.tables import MessageRow, Tables
from storage.rooms import UnknownPerson


class MemoryRooms:
    """As ``Rooms``."""

    def __init__(self, *, tables: Tables) -> None:
        self._tables = tables

    async def create(self, *, room_id: str, owner_id: str | None, log_epoch: str, stream_id: str | None = None) -> None:
        self._tables.reach()
        if room_id in self._tables.rooms:
            raise Conflict("chat_rooms_pkey")
        if owner_id is not None and owner_id not in self._tables.people:
            raise Conflict("chat_rooms_owner_id_fkey")
        self._tables.rooms[room_id] = RoomRecord(
            id=room_id,
            stream_id=stream_id,
            owner_id=owner_id or "",
            log_epoch=log_epoch,
            last_offset=0,
            is_private=owner_id is None,
        )

    async def load(self, room_id: str) -> RoomRecord | None:
        self._tables.reach()
        room = self._tables.rooms.get(room_id)
        if room is None:
            return None
        now = dt.datetime.now(dt.UTC)
        holding = {who: held for who, held in room.sanctions.items() if held.until is None or held.until > now}
        return msgspec.structs.replace(room, sanctions=holding)

    async def set_mode(self, room_id: str, mode: ChatMode, *, by: str, fence: Fence) -> None:
        self._change(room_id, fence, mode=mode)

    async def set_pinned(self, room_id: str, message_id: str | None, *, by: str, fence: Fence) -> None:
        self._change(room_id, fence, pinned_id=message_id)

    async def set_role(self, room_id: str, user_id: str, role: RoomRole | None, *, by: str, fence: Fence) -> None:
        self._tables.hold(fence)
        if not is_uuid(user_id) or (role is not None and user_id not in self._tables.people):
            raise UnknownPerson
        room = self._tables.rooms[room_id]
        self._change(
            room_id,
            fence,
            moderators=room.moderators - {user_id} | ({user_id} if role == "moderator" else set()),
            vips=room.vips - {user_id} | ({user_id} if role == "vip" else set()),
        )

    async def put_sanction(
        self, room_id: str, user_id: str, sanction: Sanction, *, reason: str, by: str, fence: Fence
    ) -> None:
        if user_id not in self._tables.people:
            raise UnknownPerson
        self._change(room_id, fence, sanctions={**self._tables.rooms[room_id].sanctions, user_id: sanction})

    async def lift_sanction(self, room_id: str, user_id: str, *, by: str, reason: str, fence: Fence) -> None:
        if not is_uuid(user_id):
            raise UnknownPerson
        sanctions = self._tables.rooms[room_id].sanctions
        self._change(room_id, fence, sanctions={who: held for who, held in sanctions.items() if who != user_id})

    async def delete_message(
        self, room_id: str, message_id: str, *, by: str | None, reason: str, fence: Fence
    ) -> int | None:
        self._tables.hold(fence)
        log = self._tables.messages.get(room_id, [])
        for at, found in enumerate(log):
            if found.entry.id == message_id:
                if not found.is_deleted:
                    log[at] = msgspec.structs.replace(found, is_deleted=True, deleted_by=by)
                return found.offset
        return None

    async def restore_message(
        self, room_id: str, message_id: str, *, by: str | None, reason: str, fence: Fence
    ) -> None:
        self._tables.hold(fence)
        log = self._tables.messages.get(room_id, [])
        for at, found in enumerate(log):
            if found.entry.id == message_id and found.deleted_by == by:
                log[at] = msgspec.structs.replace(found, is_deleted=False, deleted_by=None)

    async def edit_message(self, room_id: str, message_id: str, text: str, *, at: dt.datetime, fence: Fence) -> None:
        self._tables.hold(fence)
        place, row = self._row(room_id, message_id)
        entry = msgspec.structs.replace(row.entry, text=text)
        self._tables.messages[room_id][place] = msgspec.structs.replace(row, entry=entry, edited_at=at)

    async def react(
        self, room_id: str, message_id: str, person_id: str, emoji: str, *, is_on: bool, fence: Fence
    ) -> Reactions | None:
        self._tables.hold(fence)
        place, row = self._row(room_id, message_id)
        others = {
            which: tuple(one for one in who if one != person_id or which != emoji)
            for which, who in row.reactions.items()
        }
        found = {**others, emoji: (*others.get(emoji, ()), person_id)} if is_on else others
        reactions = {which: who for which, who in found.items() if who}
        of_person = [which for which, who in reactions.items() if person_id in who]
        if is_on and (len(of_person) > MAX_REACTIONS or len(reactions) > MAX_EMOJI):
            return None
        self._tables.messages[room_id][place] = msgspec.structs.replace(row, reactions=reactions)
        return reactions

    def _row(self, room_id: str, message_id: str) -> tuple[int, MessageRow]:
        log = self._tables.messages[room_id]
        return next((place, row) for place, row in enumerate(log) if row.entry.id == message_id)

    async def purge(self, room_id: str, user_id: str, *, up_to: int, by: str, reason: str, fence: Fence) -> int:
        self._tables.hold(fence)
        if not is_uuid(user_id):
            raise UnknownPerson
        count = 0
        log = self._tables.messages.get(room_id, [])
        for at, found in enumerate(log):
            if found.entry.user_id == user_id and found.offset <= up_to and not found.is_deleted:
                log[at] = msgspec.structs.replace(found, is_deleted=True, deleted_by=by)
                count += 1
        return count

    async def clear(self, room_id: str, *, by: str, fence: Fence) -> int:
        offset = self._tables.rooms[room_id].last_offset
        self._change(room_id, fence, cleared_to=offset)
        return offset

    def _change(self, room_id: str, fence: Fence, **changes: Any) -> None:
        self._tables.hold(fence)
        self._tables.rooms[room_id] = msgspec.structs.replace(self._tables.rooms[room_id], **changes)
