"""The rows of streams in memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from actors.runtime import Fence
from storage.errors import BadValue, Conflict
from storage.memory.rooms import MemoryRooms
from storage.memory.tables import MemoryPerson, Tables
from storage.stream import EDITABLE, moved_to
from storage.stream_facts import Move, StreamHealthChanged, facts_of
from storage.stream_rows import Keyholder, NewStream, Owner, StreamRow, StreamState


class MemoryStreams:
    """As ``Streams``, without the pages of lists, which are HTTP's alone."""

    def __init__(self, *, tables: Tables) -> None:
        self._tables = tables

    async def create(self, new: NewStream) -> StreamRow:
        self._tables.reach()
        owner = self._tables.people.get(new.owner_id)
        if owner is None:
            raise Conflict("streams_owner_id_fkey")
        if new.id in self._tables.streams:
            raise Conflict("streams_pkey")
        if any(found.stream_key == new.stream_key for found in self._tables.streams.values()):
            raise Conflict("streams_stream_key_key")
        rooms = MemoryRooms(tables=self._tables)
        await rooms.create(room_id=new.room_id, owner_id=new.owner_id, log_epoch=new.log_epoch, stream_id=new.id)
        row = self._tables.streams[new.id] = _new_row(new, owner)
        return row

    async def load(self, stream_id: str) -> StreamRow | None:
        self._tables.reach()
        return self._tables.streams.get(stream_id)

    async def load_many(self, stream_ids: Sequence[str]) -> list[StreamRow]:
        self._tables.reach()
        return [self._tables.streams[stream_id] for stream_id in stream_ids if stream_id in self._tables.streams]

    async def by_key(self, stream_key: str) -> StreamRow | Keyholder | None:
        self._tables.reach()
        for row in self._tables.streams.values():
            if row.stream_key == stream_key:
                return row
        for person in self._tables.people.values():
            if person.stream_key == stream_key:
                defaults = person.stream_defaults
                return Keyholder(user_id=person.id, username=person.username, stream_defaults=defaults)
        return None

    async def has_verified_address(self, user_id: str) -> bool:
        self._tables.reach()
        person = self._tables.people.get(user_id)
        return person is not None and person.has_verified_address

    async def restricted_until(self, user_id: str) -> dt.datetime | None:
        self._tables.reach()
        person = self._tables.people.get(user_id)
        return person.restricted_until if person is not None else None

    async def slate_picture(self, user_id: str) -> str:
        self._tables.reach()
        person = self._tables.people.get(user_id)
        return "" if person is None else person.slate_picture

    async def muted_until_ms(self, stream_id: str) -> int:
        self._tables.reach()
        return self._tables.muted_until_ms.get(stream_id, 0)

    async def open_of(self, owner_id: str, *, now: dt.datetime) -> list[StreamRow]:
        self._tables.reach()
        mine = (row for row in self._tables.streams.values() if row.owner.id == owner_id and row.state != "ended")
        return sorted(mine, key=lambda row: _take_up_order(row, now))

    async def last_of(self, owner_id: str) -> StreamRow | None:
        self._tables.reach()
        mine = [row for row in self._tables.streams.values() if row.owner.id == owner_id]
        return max(mine, key=lambda row: row.created_at, default=None)

    async def left_on_air(self, *, limit: int = 1000) -> list[StreamRow]:
        self._tables.reach()
        return [row for row in self._tables.streams.values() if row.state in ("live", "interrupted")][:limit]

    async def save_state(self, stream_id: str, state: StreamState, *, fence: Fence) -> None:
        before = self._tables.streams.get(stream_id)
        if self._change(stream_id, fence, **msgspec.structs.asdict(state)) and before is not None:
            self._tables.publish(facts_of(self._move(before, state)))

    async def tell_health(self, stream_id: str, faults: tuple[str, ...], *, fence: Fence) -> None:
        row = self._tables.streams.get(stream_id)
        if self._change(stream_id, fence) and row is not None:
            self._tables.publish([StreamHealthChanged(stream_id=stream_id, owner_id=row.owner.id, faults=faults)])

    def _move(self, before: StreamRow, state: StreamState) -> Move:
        return Move(
            stream_id=before.id,
            owner_id=before.owner.id,
            visibility=before.visibility,
            has_recording=self._tables.has_recording(before.id),
            previous=before.state,
            **moved_to(state),
        )

    async def edit(self, stream_id: str, changes: Mapping[str, Any], *, fence: Fence) -> bool:
        if not changes or not changes.keys() <= EDITABLE:
            raise BadValue(f"not to be edited: {sorted(changes.keys() - EDITABLE) or 'nothing'}")
        return self._change(stream_id, fence, **changes)

    async def rotate_key(self, stream_id: str, stream_key: str, *, fence: Fence) -> bool:
        return self._change(stream_id, fence, stream_key=stream_key)

    async def rotate_lasting_key(self, user_id: str, stream_key: str) -> bool:
        self._tables.reach()
        person = self._tables.people.get(user_id)
        if person is None:
            return False
        self._tables.people[user_id] = msgspec.structs.replace(person, stream_key=stream_key)
        return True

    async def delete(self, stream_id: str, *, fence: Fence) -> bool:
        self._tables.hold(fence)
        row = self._tables.streams.pop(stream_id, None)
        if row is None:
            return False
        self._tables.rooms.pop(row.room_id, None)
        self._tables.messages.pop(row.room_id, None)
        self._tables.views.pop(stream_id, None)
        for table in (self._tables.segments, self._tables.inits):
            for key in [key for key in table if key[0] == stream_id]:
                del table[key]  # type: ignore[arg-type]
        return True

    def _change(self, stream_id: str, fence: Fence, **changes: Any) -> bool:
        self._tables.hold(fence)
        row = self._tables.streams.get(stream_id)
        if row is None:
            return False
        self._tables.streams[stream_id] = msgspec.structs.replace(row, **changes)
        return True


def _new_row(new: NewStream, owner: MemoryPerson) -> StreamRow:
    given = msgspec.structs.asdict(new)
    for name in ("owner_id", "log_epoch", "password_of"):
        del given[name]
    return StreamRow(
        owner=Owner(id=owner.id, username=owner.username, display_name=owner.display_name, avatar_url=owner.avatar_url),
        state="scheduled",
        created_at=dt.datetime.now(dt.UTC),
        started_at=None,
        interrupted_at=None,
        ended_at=None,
        publication=0,
        media_time_ms=0,
        next_segment=0,
        tracks=(),
        media_node="",
        is_lasting=False,
        peak_viewers=0,
        unique_viewers=0,
        watched_ms=0,
        **given,
    )


def _take_up_order(row: StreamRow, now: dt.datetime) -> tuple[int, float]:
    if row.state == "live":
        return 0, 0.0
    if row.state == "interrupted":
        return 1, -row.interrupted_at.timestamp() if row.interrupted_at else 0.0
    return 2, abs(((row.scheduled_at or row.created_at) - now).total_seconds())
