"""The actors' ports, met by the tables: what a room, a stream and a counter write and read to survive."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from actors.chat_log import Appended, ChatEntry, RoomRecord
from actors.chat_rules import ChatMode, Relationship, Sanction
from actors.events import ChatMessage, ChatUser, DeletedMessage, LoggedMessage, Person, StreamView
from actors.runtime import DomainError, Fence
from actors.stream import InitRow, SegmentRow, StreamRecord
from actors.viewers import StoredTotals, ViewRow
from storage.chat import PostgresChatLog, StoredMessage, UnknownReply
from storage.errors import Conflict
from storage.ids import is_uuid
from storage.postgres import Database
from storage.recording import Init, Recordings, Segment
from storage.rooms import RoomRow, Rooms, SanctionRow
from storage.stream import StreamRow, Streams, StreamState
from storage.viewers import Views, ViewSession, ViewSums


class DurableChat:
    """``actors.chat.ChatLog`` and ``Standings``, and the pages that feeds read."""

    def __init__(self, *, log: PostgresChatLog, rooms: Rooms, db: Database, needs_verified_email: bool = False) -> None:
        self._needs_verified_email = needs_verified_email
        self._log = log
        self._rooms = rooms
        self._db = db

    def submit(self, entry: ChatEntry) -> asyncio.Future[Appended]:
        if entry.reply_to is not None and not is_uuid(entry.reply_to):
            raise UnknownReply(entry.reply_to)
        return self._log.submit(entry)

    async def find(self, room_id: str, user_id: str, client_id: str) -> Appended | None:
        return await self._log.find(room_id, user_id, client_id)

    async def load_room(self, room_id: str) -> RoomRecord | None:
        room = await self._rooms.load(room_id)
        if room is None:
            return None
        pinned = await self.message(room_id, room.pinned_id) if room.pinned_id else None
        return _record(room, pinned if isinstance(pinned, ChatMessage) else None)

    async def last(self, room_id: str, limit: int) -> Sequence[LoggedMessage]:
        return [logged(message) for message in await self._log.last(room_id, limit)]

    async def since(self, room_id: str, offset: int, *, limit: int) -> Sequence[LoggedMessage]:
        return [logged(message) for message in await self._log.since(room_id, offset, limit=limit)]

    async def history(self, room_id: str, *, before: int | None, limit: int) -> Sequence[LoggedMessage]:
        return [logged(message) for message in await self._log.history(room_id, before=before, limit=limit)]

    async def between(self, room_id: str, *, from_ms: int, to_ms: int, limit: int) -> Sequence[LoggedMessage]:
        read = await self._log.between(room_id, from_ms=from_ms, to_ms=to_ms, limit=limit)
        return [logged(message) for message in read]

    async def message(self, room_id: str, message_id: str) -> LoggedMessage | None:
        message = await self._log.message(room_id, message_id)
        return None if message is None else logged(message)

    async def delete_message(self, room_id: str, message_id: str, *, by: str, fence: Fence) -> int | None:
        return await self._rooms.delete_message(room_id, message_id, by=by, fence=fence)

    async def pin(self, room_id: str, message_id: str | None, *, fence: Fence) -> None:
        await self._rooms.set_pinned(room_id, message_id, fence=fence)

    async def set_mode(self, room_id: str, mode: ChatMode, *, fence: Fence) -> None:
        await self._rooms.set_mode(room_id, msgspec.to_builtins(mode), fence=fence)

    async def sanction(
        self,
        room_id: str,
        user_id: str,
        sanction: Sanction | None,
        *,
        reason: str,
        by: str,
        fence: Fence,
    ) -> None:
        if not is_uuid(user_id):
            raise _nobody()
        if sanction is None:
            await self._rooms.lift_sanction(room_id, user_id, fence=fence)
            return
        row = SanctionRow(user_id=user_id, until=sanction.until, reason=reason, by_id=by)
        try:
            await self._rooms.put_sanction(room_id, row, fence=fence)
        except Conflict:
            raise _nobody() from None

    async def relationship(self, *, owner_id: str, user_id: str) -> Relationship:
        row = await self._db.fetchrow(_STANDING, owner_id, user_id)
        assert row is not None
        return Relationship(
            following_since=row["following_since"],
            is_blocked=row["is_blocked"],
            is_verified=row["is_verified"] or not self._needs_verified_email,
        )


def _nobody() -> DomainError:
    return DomainError("not_found", "There is no such person.", field="user_id")


_STANDING = """
select (select created_at from follows where follower_id = $2 and followee_id = $1) as following_since,
    exists (select from blocks where user_id = $1 and blocked_id = $2) as is_blocked,
    exists (select from users where id = $2 and email_verified_at is not null) as is_verified
"""


def logged(message: StoredMessage) -> LoggedMessage:
    """A row of the log as a room shows it."""
    if message.is_deleted:
        return DeletedMessage(id=message.id, offset=message.offset)
    held = (("owner", message.is_owner), ("moderator", message.is_moderator))
    return ChatMessage(
        id=message.id,
        offset=message.offset,
        user=ChatUser(
            id=message.user_id,
            username=message.username,
            display_name=message.display_name,
            badges=tuple(name for name, has in held if has),
        ),
        text=message.text,
        sent_at=message.sent_at,
        media_time_ms=message.media_time_ms,
        reply_to=message.reply_to,
        client_id=message.client_id,
    )


def _record(room: RoomRow, pinned: ChatMessage | None) -> RoomRecord:
    return RoomRecord(
        id=room.id,
        stream_id=room.stream_id,
        owner_id=room.owner_id,
        log_epoch=room.log_epoch,
        last_offset=room.last_offset,
        mode=msgspec.convert(room.mode, ChatMode),
        pinned=pinned,
        moderators=room.moderators,
        sanctions={row.user_id: Sanction(until=row.until) for row in room.sanctions},
    )


class DurableStreams:
    """``actors.stream.StreamStore``."""

    def __init__(self, *, streams: Streams, recordings: Recordings) -> None:
        self._streams = streams
        self._recordings = recordings

    async def load(self, stream_id: str) -> StreamRecord | None:
        row = await self._streams.load(stream_id)
        if row is None:
            return None
        tracks: tuple[dict[str, Any], ...] = tuple(row.tracks)
        return StreamRecord(
            view=view_of(row),
            stream_key=row.stream_key,
            next_segment=row.next_segment,
            tracks=tracks,
            is_lasting=row.is_lasting,
        )

    async def save(self, record: StreamRecord, *, fence: Fence) -> None:
        view = record.view
        state = StreamState(
            state=view.state,
            started_at=view.started_at,
            interrupted_at=view.interrupted_at,
            ended_at=view.ended_at,
            publication=view.publication,
            media_time_ms=view.media_time_ms,
            next_segment=record.next_segment,
            tracks=record.tracks,
            media_node=view.media_node,
            is_lasting=record.is_lasting,
        )
        await self._streams.save_state(view.id, state, fence=fence)

    async def edit(self, stream_id: str, changes: dict[str, Any], *, fence: Fence) -> None:
        await self._streams.edit(stream_id, changes, fence=fence)

    async def rotate_key(self, stream_id: str, new_key: str, *, fence: Fence) -> None:
        await self._streams.rotate_key(stream_id, new_key, fence=fence)

    async def add_recorded(
        self,
        stream_id: str,
        *,
        inits: tuple[InitRow, ...],
        segments: tuple[SegmentRow, ...],
        fence: Fence,
    ) -> None:
        try:
            await self._recordings.add(
                stream_id,
                segments=[Segment(**msgspec.structs.asdict(segment)) for segment in segments],
                inits=[Init(**msgspec.structs.asdict(init)) for init in inits],
                fence=fence,
            )
        except Conflict:
            raise DomainError("not_found", "The stream is no more.") from None


def view_of(row: StreamRow) -> StreamView:
    """A stored stream as everyone may see it."""
    owner = row.owner
    return StreamView(
        id=row.id,
        owner=Person(
            id=owner.id, username=owner.username, display_name=owner.display_name, avatar_url=owner.avatar_url
        ),
        room_id=row.room_id,
        title=row.title,
        description=row.description,
        category=row.category,
        tags=row.tags,
        language=row.language,
        visibility=row.visibility,
        latency=row.latency,
        is_recorded=row.is_recorded,
        state=row.state,
        created_at=row.created_at,
        scheduled_at=row.scheduled_at,
        started_at=row.started_at,
        interrupted_at=row.interrupted_at,
        ended_at=row.ended_at,
        publication=row.publication,
        media_node=row.media_node,
        media_time_ms=row.media_time_ms,
        peak_viewers=row.peak_viewers,
        unique_viewers=row.unique_viewers,
        watched_ms=row.watched_ms,
    )


class DurableViews:
    """``actors.viewers.ViewStore``."""

    def __init__(self, *, views: Views) -> None:
        self._views = views

    async def totals(self, stream_id: str) -> StoredTotals:
        return _totals(await self._views.totals(stream_id))

    async def flush(self, stream_id: str, rows: Sequence[ViewRow], *, peak_viewers: int, fence: Fence) -> StoredTotals:
        sessions = [_session(row) for row in rows]
        return _totals(await self._views.flush(stream_id, sessions=sessions, peak_viewers=peak_viewers, fence=fence))


def _totals(totals: ViewSums | None) -> StoredTotals:
    return StoredTotals(**msgspec.structs.asdict(totals)) if totals is not None else StoredTotals()


def _session(row: ViewRow) -> ViewSession:
    return ViewSession(
        id=row.id,
        viewer=row.viewer,
        user_id=row.user_id,
        started_at=datetime.fromtimestamp(row.started_at, UTC),
        last_at=datetime.fromtimestamp(row.last_at, UTC),
        watched_ms=row.watched_ms,
        stalled_ms=row.stalled_ms,
        transport=row.transport,
    )
