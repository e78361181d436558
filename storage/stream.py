"""Streams: their rows, and which of them a stream key stands for. A stream is created together with its room."""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from actors.runtime import Fence
from storage.doomed import doom
from storage.errors import BadValue, Deadlock
from storage.facts import publish
from storage.ids import is_uuid
from storage.leases import hold
from storage.postgres import Database, Transaction
from storage.rights import note_change
from storage.rooms import insert_room
from storage.stream_facts import Move, StreamDescribed, StreamHealthChanged, StreamScheduled, facts_of
from storage.stream_rows import IN_GOOD_STANDING, SELECT, Keyholder, NewStream, StreamRow, StreamState, stream_of


def new_stream_key() -> str:
    """A secret of 192 bits for an encoder."""
    return "sk_" + secrets.token_urlsafe(24)


DEADLOCKS: Final = 2
"""How often a deletion that ended in one is tried again."""
MUTED_UNTIL: Final = f"case when is_silenced then {2**53 - 1} else muted_until_ms end"
"""Of a row of ``streams``: before this moment of its media clock it has no sound."""
_MUTED: Final = f"where id = $1 returning state, media_node, {MUTED_UNTIL} as muted_until_ms"
SET_MUTED_UNTIL: Final = f"update streams set muted_until_ms = $2 {_MUTED}"
SET_SILENCED: Final = f"update streams set is_silenced = $2 {_MUTED}"
EDITABLE: Final = frozenset(
    (
        *("title", "description", "category", "tags", "language", "visibility", "latency", "is_recorded", "transcode"),
        *("slate", "takeover", "restrictions", "scheduled_at"),
    )
)


class Streams:
    """The rows of streams. Fenced writes raise ``Fenced`` when the shard has another owner by now."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def create(self, new: NewStream) -> StreamRow:
        """Add a stream and its room, both or none. Raises ``Conflict`` for an id, key or room in use."""
        async with self._db.transaction() as tx:
            await tx.execute(_INSERT, *_new_values(new))
            await insert_room(tx, room_id=new.room_id, owner_id=new.owner_id, log_epoch=new.log_epoch, stream_id=new.id)
            if new.password_of is not None:
                await tx.execute(_COPY_HASH, new.id, new.password_of)
            await publish(tx, StreamDescribed(stream_id=new.id, owner_id=new.owner_id))
            if new.scheduled_at is not None:
                await _announce(tx, new.id)
            row = await tx.fetchrow(SELECT + " where s.id = $1", new.id)
        assert row is not None
        return stream_of(row)

    async def load(self, stream_id: str) -> StreamRow | None:
        if not is_uuid(stream_id):
            return None
        row = await self._db.fetchrow(SELECT + " where s.id = $1", stream_id)
        return None if row is None else stream_of(row)

    async def load_many(self, stream_ids: Sequence[str]) -> list[StreamRow]:
        """Those that exist, in the order asked for."""
        wanted = [stream_id for stream_id in stream_ids if is_uuid(stream_id)]
        rows = await self._db.fetch(SELECT + " where s.id = any($1::uuid[])", wanted)
        found = {row["id"]: stream_of(row) for row in rows}
        return [found[stream_id] for stream_id in wanted if stream_id in found]

    async def by_key(self, stream_key: str) -> StreamRow | Keyholder | None:
        """What a key stands for: a stream's own, or the person whose lasting key it is; None for an unknown key and
        for a person who is suspended or gone."""
        if "\0" in stream_key:
            return None
        row = await self._db.fetchrow(SELECT + " where s.stream_key = $1" + IN_GOOD_STANDING, stream_key)
        if row is not None:
            return stream_of(row)
        person = await self._db.fetchrow(_KEYHOLDER, stream_key)
        return None if person is None else msgspec.convert(dict(person), Keyholder)

    async def has_verified_address(self, user_id: str) -> bool:
        return bool(await self._db.fetchval("select email_verified_at is not null from users where id = $1", user_id))

    async def restricted_until(self, user_id: str) -> dt.datetime | None:
        """Until when moderators of the server do not let the person go live; it may have passed."""
        until: dt.datetime | None = await self._db.fetchval("select restricted_until from users where id = $1", user_id)
        return until

    async def slate_picture(self, user_id: str) -> str:
        """The object key of the person's own slate, empty without one."""
        return await self._db.fetchval(_SLATE_PICTURE, user_id) or ""

    async def muted_until_ms(self, stream_id: str) -> int:
        """Before this moment of its media clock the stream has no sound; 0: it has."""
        return await self._db.fetchval(f"select {MUTED_UNTIL} from streams where id = $1", stream_id) or 0

    async def open_of(self, owner_id: str, *, now: dt.datetime) -> list[StreamRow]:
        """The owner's streams that have not ended, the one that a publisher with the lasting key takes up first: live,
        then the last interrupted, then the prepared or scheduled nearest to ``now``."""
        return [stream_of(row) for row in await self._db.fetch(_OPEN_OF, owner_id, now)]

    async def ids_of(self, owner_id: str, *, limit: int = 100) -> list[str]:
        """Some of the owner's streams, whatever their state; none when there are no more."""
        rows = await self._db.fetch("select id from streams where owner_id = $1 order by id limit $2", owner_id, limit)
        return [row["id"] for row in rows]

    async def last_of(self, owner_id: str) -> StreamRow | None:
        """The stream that the owner made last, whatever its state."""
        row = await self._db.fetchrow(SELECT + " where owner_id = $1 order by s.created_at desc limit 1", owner_id)
        return None if row is None else stream_of(row)

    async def left_on_air(self, *, limit: int = 1000) -> list[StreamRow]:
        """Streams stored as live or interrupted: after a start these want an owner."""
        sql = SELECT + " where state in ('live', 'interrupted') order by started_at nulls first, s.id limit $1"
        return [stream_of(row) for row in await self._db.fetch(sql, limit)]

    async def save_state(self, stream_id: str, state: StreamState, *, fence: Fence) -> None:
        """A change of ``state`` is published as a fact. Nothing happens when the stream was deleted."""
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            before = await tx.fetchrow(_SAVE_STATE, stream_id, *_state_values(state))
            if before is not None:
                move = Move(stream_id=stream_id, **dict(before), **moved_to(state))
                await publish(tx, *facts_of(move))

    async def tell_health(self, stream_id: str, faults: tuple[str, ...], *, fence: Fence) -> None:
        """Publish ``StreamHealthChanged``. Nothing happens when the stream was deleted."""
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            owner_id = await tx.fetchval("select owner_id from streams where id = $1", stream_id)
            if owner_id is not None:
                await publish(tx, StreamHealthChanged(stream_id=stream_id, owner_id=str(owner_id), faults=faults))

    async def edit(self, stream_id: str, changes: Mapping[str, Any], *, fence: Fence) -> bool:
        """Change the columns named, of those in ``EDITABLE``; False if there is no such stream."""
        if not changes or not changes.keys() <= EDITABLE:
            raise BadValue(f"not to be edited: {sorted(changes.keys() - EDITABLE) or 'nothing'}")
        columns = ", ".join(f"{name} = ${at}" for at, name in enumerate(changes, start=2))
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            if not changes.keys().isdisjoint(("visibility", "restrictions")):
                await note_change(tx, "stream", stream_id)
            before = await tx.fetchval("select scheduled_at from streams where id = $1 for update", stream_id)
            edit = f"update streams set {columns} where id = $1 returning owner_id"
            owner_id = await tx.fetchval(edit, stream_id, *changes.values())
            if owner_id is not None:
                await publish(tx, StreamDescribed(stream_id=stream_id, owner_id=str(owner_id)))
                if changes.get("scheduled_at", before) != before:
                    await _announce(tx, stream_id)
            return owner_id is not None

    async def rotate_key(self, stream_id: str, stream_key: str, *, fence: Fence) -> bool:
        """Put a new key in the old one's place; False if there is no such stream."""
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            return await tx.execute("update streams set stream_key = $2 where id = $1", stream_id, stream_key) == 1

    async def lasting_key(self, user_id: str) -> str | None:
        """The key with which the person publishes whatever stream; None without such an account."""
        key: str | None = await self._db.fetchval(_LASTING_KEY, user_id)
        return key

    async def owner_named(self, username: str) -> str | None:
        """The id of the account with this username (ASCII, any case)."""
        owner_id: str | None = await self._db.fetchval(_OWNER_NAMED, username.lower())
        return owner_id

    async def rotate_lasting_key(self, user_id: str, stream_key: str) -> bool:
        """Put a new key in the place of a person's lasting one; False if there is no such person."""
        return await self._db.execute("update users set stream_key = $2 where id = $1", user_id, stream_key) == 1

    async def delete(self, stream_id: str, *, fence: Fence) -> bool:
        """Remove a stream with its room, log, segments and views. Its objects are doomed: a sweep deletes them.

        Many tables have rows of it, which others may be writing: where that ends in a deadlock, it is tried again.
        """
        for _ in range(DEADLOCKS):
            with contextlib.suppress(Deadlock):
                return await self._delete(stream_id, fence)
        return await self._delete(stream_id, fence)

    async def _delete(self, stream_id: str, fence: Fence) -> bool:
        async with self._db.transaction(timeout_s=30) as tx:
            await hold(tx, fence)
            if await tx.execute("delete from streams where id = $1", stream_id) != 1:
                return False
            await doom(tx, f"streams/{stream_id}/")
            await note_change(tx, "stream", stream_id)
        return True


async def _announce(tx: Transaction, stream_id: str) -> None:
    row: Any = await tx.fetchrow(_ANNOUNCED, stream_id)
    await publish(tx, StreamScheduled(stream_id=stream_id, **dict(row)))


def _new_values(new: NewStream) -> tuple[object, ...]:
    return (
        new.id,
        new.owner_id,
        new.room_id,
        new.title,
        new.description,
        new.category,
        list(new.tags),
        new.language,
        new.visibility,
        new.latency,
        new.is_recorded,
        new.transcode,
        new.slate,
        new.takeover,
        new.restrictions,
        new.stream_key,
        new.scheduled_at,
    )


def _state_values(state: StreamState) -> tuple[object, ...]:
    return (
        state.state,
        state.started_at,
        state.interrupted_at,
        state.ended_at,
        state.publication,
        state.media_time_ms,
        state.next_segment,
        state.tracks,
        state.media_node,
        state.is_lasting,
    )


def moved_to(state: StreamState) -> dict[str, Any]:
    """The fields of a ``Move`` that a new state gives."""
    names = ("state", "started_at", "interrupted_at", "ended_at", "media_time_ms", "media_node")
    return {name: getattr(state, name) for name in names}


_KEYHOLDER: Final = (
    "select u.id as user_id, u.username, u.stream_defaults from users u where u.stream_key = $1" + IN_GOOD_STANDING
)
_SLATE_PICTURE: Final = "select 'pictures/' || id || '/1280.webp' from pictures where owner_id = $1 and kind = 'slate'"
_LASTING_KEY: Final = "select stream_key from users where id = $1 and deleted_at is null"
_OWNER_NAMED: Final = "select id from users where username_key = $1 and deleted_at is null"
_OPEN_OF: Final = (
    SELECT
    + """
where s.owner_id = $1 and s.state <> 'ended'
order by array_position(array['live', 'interrupted', 'scheduled'], s.state),
    case when s.state = 'scheduled' then abs(extract(epoch from coalesce(s.scheduled_at, s.created_at) - $2)) end,
    s.interrupted_at desc nulls last, s.id desc
"""
)
_ANNOUNCED: Final = "select owner_id, scheduled_at, now() as announced_at from streams where id = $1"
_INSERT: Final = """
insert into streams (id, owner_id, room_id, title, description, category, tags, language, visibility, latency,
    is_recorded, transcode, slate, takeover, restrictions, stream_key, scheduled_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""
_COPY_HASH: Final = """
insert into stream_passwords (stream_id, hash) select $1, hash from stream_passwords where stream_id = $2
"""
_SAVE_STATE: Final = """
with before as (select id, state, owner_id, visibility,
    exists (select from stream_segments g where g.stream_id = streams.id) as has_recording
    from streams where id = $1 for update)
update streams s set state = $2, started_at = $3, interrupted_at = $4, ended_at = $5, publication = $6,
    media_time_ms = $7, next_segment = $8, tracks = $9, media_node = $10, is_lasting = $11
from before b where s.id = b.id
returning b.state as previous, b.owner_id, b.visibility, b.has_recording
"""
