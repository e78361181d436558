"""Memory versions of the drivers, for whoever tests what stands on them. One contract suite holds both to the same.

They share ``Tables``, as the real ones share a database. ``is_away`` makes every call fail as a lost database does.
"""

from __future__ import annotations

import asyncio
import bisect
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from actors.chat_log import Appended, ChatEntry, RoomRecord
from actors.chat_rules import ChatMode, Sanction
from actors.events import ChatMessage, ChatUser, DeletedMessage, LoggedMessage
from actors.runtime import Fence
from actors.runtime.ids import SHARDS
from storage.chat import PAGE, UnknownReply, UnknownRoom
from storage.errors import BadValue, Conflict, Fenced, StorageError, Unavailable
from storage.facts import Fact, name_of
from storage.ids import is_uuid
from storage.recording import Init, Segment
from storage.rooms import UnknownPerson
from storage.stream import EDITABLE, Keyholder, NewStream, Owner, StreamRow, StreamState, moved_to
from storage.stream_facts import Move, RecordingReady, facts_of
from storage.viewers import ViewSession, ViewSums


class MemoryPerson(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a user as the core's tables refer to."""

    id: str
    username: str
    display_name: str = ""
    avatar_url: str | None = None
    stream_key: str = ""
    stream_defaults: dict[str, Any] = {}
    has_verified_address: bool = False


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    entry: ChatEntry
    offset: int
    is_deleted: bool = False


class FactRow(msgspec.Struct, frozen=True, kw_only=True):
    """``reader``: it is for this one alone; empty: for all."""

    id: int
    name: str
    body: dict[str, Any]
    at: dt.datetime
    reader: str = ""


class Tables:
    """The rows that the memory drivers share."""

    def __init__(self) -> None:
        self.is_away = False
        self.epochs = dict.fromkeys(range(SHARDS), 0)
        self.people: dict[str, MemoryPerson] = {}
        self.rooms: dict[str, RoomRecord] = {}
        self.messages: dict[str, list[MessageRow]] = {}
        self.streams: dict[str, StreamRow] = {}
        self.segments: dict[tuple[str, str, int], Segment] = {}
        self.inits: dict[tuple[str, str, str], Init] = {}
        self.views: dict[str, dict[str, ViewSession]] = {}
        self.facts: list[FactRow] = []
        self._last_fact = 0

    def add_person(self, person: MemoryPerson) -> None:
        self.people[person.id] = person

    def publish(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            self.add_fact(name_of(type(fact)), msgspec.to_builtins(fact), at=dt.datetime.now(dt.UTC))

    def add_fact(self, name: str, body: dict[str, Any], *, at: dt.datetime, reader: str = "") -> None:
        self._last_fact += 1
        self.facts.append(FactRow(id=self._last_fact, name=name, body=body, at=at, reader=reader))

    def has_recording(self, stream_id: str) -> bool:
        return any(key[0] == stream_id for key in self.segments)

    def reach(self) -> None:
        """Raise ``Unavailable`` while the tables are away."""
        if self.is_away:
            raise Unavailable("postgres", "it is away")

    def hold(self, fence: Fence) -> None:
        """Raise ``Fenced`` for a stale token."""
        self.reach()
        if self.epochs.get(fence.shard) != fence.epoch:
            raise Fenced(fence.shard, fence.epoch)


class MemoryLeases:
    """As ``Leases``."""

    def __init__(self, *, tables: Tables) -> None:
        self._tables = tables

    async def take_all(self, node: str) -> dict[int, int]:
        return await self.take(range(SHARDS), node)

    async def take(self, shards: Sequence[int], node: str) -> dict[int, int]:
        self._tables.reach()
        for shard in shards:
            self._tables.epochs[shard] += 1
        return {shard: self._tables.epochs[shard] for shard in shards}


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
        if row.is_deleted:
            return DeletedMessage(id=entry.id, offset=row.offset)
        badges = (("owner", room.owner_id == author.id), ("moderator", author.id in room.moderators))
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

    async def message(self, room_id: str, message_id: str) -> LoggedMessage | None:
        return next((found for found in self._log(room_id) if found.id == message_id), None)


class MemoryRooms:
    """As ``Rooms``."""

    def __init__(self, *, tables: Tables) -> None:
        self._tables = tables

    async def create(self, *, room_id: str, owner_id: str, log_epoch: str, stream_id: str | None = None) -> None:
        self._tables.reach()
        if room_id in self._tables.rooms:
            raise Conflict("chat_rooms_pkey")
        if owner_id not in self._tables.people:
            raise Conflict("chat_rooms_owner_id_fkey")
        self._tables.rooms[room_id] = RoomRecord(
            id=room_id, stream_id=stream_id, owner_id=owner_id, log_epoch=log_epoch, last_offset=0
        )

    async def load(self, room_id: str) -> RoomRecord | None:
        self._tables.reach()
        room = self._tables.rooms.get(room_id)
        if room is None:
            return None
        now = dt.datetime.now(dt.UTC)
        holding = {who: held for who, held in room.sanctions.items() if held.until is None or held.until > now}
        return msgspec.structs.replace(room, sanctions=holding)

    async def set_mode(self, room_id: str, mode: ChatMode, *, fence: Fence) -> None:
        self._change(room_id, fence, mode=mode)

    async def set_pinned(self, room_id: str, message_id: str | None, *, fence: Fence) -> None:
        self._change(room_id, fence, pinned_id=message_id)

    async def add_moderator(self, room_id: str, user_id: str, *, fence: Fence) -> None:
        self._change(room_id, fence, moderators=self._tables.rooms[room_id].moderators | {user_id})

    async def remove_moderator(self, room_id: str, user_id: str, *, fence: Fence) -> None:
        self._change(room_id, fence, moderators=self._tables.rooms[room_id].moderators - {user_id})

    async def put_sanction(
        self, room_id: str, user_id: str, sanction: Sanction, *, reason: str, by: str, fence: Fence
    ) -> None:
        if user_id not in self._tables.people:
            raise UnknownPerson
        self._change(room_id, fence, sanctions={**self._tables.rooms[room_id].sanctions, user_id: sanction})

    async def lift_sanction(self, room_id: str, user_id: str, *, fence: Fence) -> None:
        if not is_uuid(user_id):
            raise UnknownPerson
        sanctions = self._tables.rooms[room_id].sanctions
        self._change(room_id, fence, sanctions={who: held for who, held in sanctions.items() if who != user_id})

    async def delete_message(self, room_id: str, message_id: str, *, by: str, fence: Fence) -> int | None:
        self._tables.hold(fence)
        log = self._tables.messages.get(room_id, [])
        for at, found in enumerate(log):
            if found.entry.id == message_id:
                log[at] = msgspec.structs.replace(found, is_deleted=True)
                return found.offset
        return None

    def _change(self, room_id: str, fence: Fence, **changes: Any) -> None:
        self._tables.hold(fence)
        self._tables.rooms[room_id] = msgspec.structs.replace(self._tables.rooms[room_id], **changes)


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


class MemoryRecordings:
    """As ``Recordings``."""

    def __init__(self, *, tables: Tables) -> None:
        self._tables = tables

    async def add(
        self, stream_id: str, *, segments: Sequence[Segment], inits: Sequence[Init] = (), fence: Fence
    ) -> None:
        self._tables.hold(fence)
        if stream_id not in self._tables.streams:
            raise Conflict("stream_segments_stream_id_fkey")
        row = self._tables.streams[stream_id]
        if segments and row.state == "ended" and not self._tables.has_recording(stream_id):
            ready = RecordingReady(stream_id=stream_id, owner_id=row.owner.id, duration_ms=row.media_time_ms)
            self._tables.publish([ready])
        for segment in segments:
            self._tables.segments.setdefault((stream_id, segment.rendition, segment.segment), segment)
        for init in inits:
            self._tables.inits.setdefault((stream_id, init.rendition, init.name), init)

    async def segments(
        self, stream_id: str, *, rendition: str | None = None, from_segment: int = 0, limit: int = 100_000
    ) -> list[Segment]:
        self._tables.reach()
        of_stream = (row for key, row in self._tables.segments.items() if key[0] == stream_id)
        found = sorted(of_stream, key=lambda row: (row.segment, row.rendition))
        wanted = [row for row in found if rendition in (None, row.rendition) and row.segment >= from_segment]
        return wanted[:limit]

    async def inits(self, stream_id: str) -> list[Init]:
        self._tables.reach()
        return [row for key, row in sorted(self._tables.inits.items()) if key[0] == stream_id]


class MemoryViews:
    """As ``Views``."""

    def __init__(self, *, tables: Tables) -> None:
        self._tables = tables

    async def flush(
        self, stream_id: str, *, sessions: Sequence[ViewSession], peak_viewers: int, fence: Fence
    ) -> ViewSums | None:
        self._tables.hold(fence)
        row = self._tables.streams.get(stream_id)
        if row is None:
            return None
        held = self._tables.views.setdefault(stream_id, {})
        for session in sessions:
            held[session.id] = _merged(held.get(session.id), session)
        totals = ViewSums(
            peak_viewers=max(row.peak_viewers, peak_viewers),
            unique_viewers=len({session.viewer for session in held.values()}),
            watched_ms=sum(session.watched_ms for session in held.values()),
        )
        self._tables.streams[stream_id] = msgspec.structs.replace(row, **msgspec.structs.asdict(totals))
        return totals

    async def totals(self, stream_id: str) -> ViewSums | None:
        self._tables.reach()
        row = self._tables.streams.get(stream_id)
        if row is None:
            return None
        return ViewSums(peak_viewers=row.peak_viewers, unique_viewers=row.unique_viewers, watched_ms=row.watched_ms)

    async def sessions(self, stream_id: str, *, limit: int = 1000) -> list[ViewSession]:
        self._tables.reach()
        held = self._tables.views.get(stream_id, {}).values()
        return sorted(held, key=lambda session: (session.started_at, session.id))[:limit]


def _merged(old: ViewSession | None, new: ViewSession) -> ViewSession:
    if old is None:
        return new
    return msgspec.structs.replace(
        old,
        last_at=max(old.last_at, new.last_at),
        watched_ms=max(old.watched_ms, new.watched_ms),
        stalled_ms=max(old.stalled_ms, new.stalled_ms),
        transport=new.transport,
    )


def _new_row(new: NewStream, owner: MemoryPerson) -> StreamRow:
    given = msgspec.structs.asdict(new)
    for name in ("owner_id", "log_epoch"):
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
