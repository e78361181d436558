"""What decides who may see a stream: whom its owner blocks, who is a guest, and the changes that every node follows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any, Final, Literal, Protocol

import msgspec

from storage.errors import Conflict
from storage.pictures import AVATAR_URL
from storage.postgres import Database
from storage.subscriptions import HOLDS

MAX_GUESTS: Final = 500
Kind = Literal["account", "block", "follow", "stream", "name", "room", "subscription", "recording"]


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """Of a person, for all their streams. ``hidden_until``: none may be seen; ``barred``: whom they block."""

    hidden_until: dt.datetime | None = None
    is_deleted: bool = False
    barred: frozenset[str] = frozenset()


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Something about who may see or do what is another way now.

    ``account``: ``subject_id`` was suspended, deleted, or restricted to reading, or is back. ``block``:
    ``subject_id`` blocks ``other_id``, or no longer does. ``follow``: ``other_id`` follows ``subject_id`` no
    longer. ``stream``: its visibility, restrictions, guests, password or the works that it is blocked for are
    others, or it has gone. ``recording``: other parts of that of the stream are silent. ``name``: ``subject_id`` is
    called otherwise. ``subscription``: ``other_id`` has begun or ended to subscribe to ``subject_id``. ``room``:
    ``other_id`` is another thing in the private room ``subject_id``, or no member any more; or is out of the
    document ``subject_id``, everybody where it is None.
    """

    seq: int
    kind: Kind
    subject_id: str
    other_id: str | None = None


class Guest(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an owner has invited to a stream."""

    id: str
    username: str
    display_name: str
    avatar_url: str | None
    invited_at: dt.datetime


class ShownPerson(msgspec.Struct, frozen=True, kw_only=True):
    """How a person is shown now."""

    display_name: str
    avatar_url: str | None


class Executes(Protocol):
    """A database, or a transaction."""

    async def execute(self, sql: str, /, *args: Any) -> Any: ...


async def note_change(where: Executes, kind: Kind, subject_id: str, other_id: str | None = None) -> None:
    """Publish a change to every node; in the transaction that makes it."""
    await where.execute(_NOTE, kind, subject_id, other_id)


class RightsTable:
    """The reads of every node, and the guests of streams."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def ruling(self, owner_id: str) -> Ruling:
        """A person who does not exist hides everything."""
        row = await self._db.fetchrow(_RULING, owner_id)
        if row is None or row["is_deleted"]:
            return Ruling(hidden_until=_FOR_GOOD, is_deleted=True)
        return Ruling(hidden_until=row["suspended_until"], barred=frozenset(row["barred"]))

    async def guests(self, stream_id: str) -> frozenset[str]:
        return frozenset(row["user_id"] for row in await self._db.fetch(_GUESTS, stream_id))

    async def holders(self, stream_id: str) -> frozenset[str]:
        """Whose works were found in a stream, and who may see it though it is blocked for them."""
        return frozenset(row["holder_id"] for row in await self._db.fetch(_HOLDERS, stream_id))

    async def members(self, room_id: str) -> frozenset[str]:
        """Who may read a private room."""
        return frozenset(row["person_id"] for row in await self._db.fetch(_MEMBERS, room_id))

    async def admitted(self, visibility: str, *, stream_id: str, owner_id: str, ids: Collection[str]) -> frozenset[str]:
        """Those of ``ids`` whom a stream of this visibility admits beside its owner and guests."""
        sql = _ADMITTED.get(visibility)
        subject = owner_id if visibility in ("followers", "subscribers") else stream_id
        rows = await self._db.fetch(sql, subject, list(ids)) if sql is not None and ids else []
        return frozenset(row["id"] for row in rows)

    async def birth_dates(self, ids: Collection[str]) -> dict[str, dt.date | None]:
        """Of those of ``ids`` who are people: guests have none."""
        return {row["id"]: row["birth_date"] for row in await self._db.fetch(_BIRTH_DATES, list(ids))}

    async def changes(self, *, since_s: float) -> list[Change]:
        """Those of the last ``since_s`` seconds, in order."""
        return [Change(**dict(row)) for row in await self._db.fetch(_CHANGES, since_s)]

    async def apart(self, person_id: str, others: Collection[str]) -> frozenset[str]:
        """Those of ``others`` who block the person, or whom the person blocks."""
        return frozenset(row["id"] for row in await self._db.fetch(_APART, person_id, list(others)))

    async def shown(self, person_id: str) -> ShownPerson | None:
        """None for an unknown id, and for a person whose account is deleted."""
        row = await self._db.fetchrow(_SHOWN, person_id)
        return None if row is None else ShownPerson(**dict(row))

    async def person_named(self, username: str, *, asker_id: str) -> str | None:
        """The id of the account with this username (ASCII, any case); None without one, or if it blocks the asker."""
        person_id: str | None = await self._db.fetchval(_NAMED, username.lower(), asker_id)
        return person_id

    async def invite(self, stream_id: str, user_id: str) -> bool:
        """Idempotent; False when the stream has ``MAX_GUESTS`` already, or is no more."""
        async with self._db.transaction() as tx:
            try:
                if not await tx.fetchval(_INVITE, stream_id, user_id, MAX_GUESTS):
                    return False
            except Conflict:
                return False
            await note_change(tx, "stream", stream_id)
        return True

    async def invited(self, stream_id: str, *, after: tuple[dt.datetime, str] | None, limit: int) -> list[Guest]:
        """Guests whose account is there, latest first, from behind ``after`` on."""
        at, user_id = after or (None, None)
        rows = await self._db.fetch(_INVITED, stream_id, at, user_id, limit)
        return [Guest(**{**dict(row), "id": str(row["id"])}) for row in rows]

    async def uninvite(self, stream_id: str, user_id: str) -> None:
        """Idempotent."""
        async with self._db.transaction() as tx:
            if await tx.execute(_UNINVITE, stream_id, user_id):
                await note_change(tx, "stream", stream_id)

    async def purge(self) -> None:
        """Delete changes that every node has read by now."""
        await self._db.execute("delete from rights_changes where at < now() - interval '1 day'")


_FOR_GOOD: Final = dt.datetime.max.replace(tzinfo=dt.UTC)
_NOTE: Final = "insert into rights_changes (kind, subject_id, other_id) values ($1, $2, $3)"
_RULING: Final = """
select deleted_at is not null as is_deleted, suspended_until,
    array(select blocked_id from blocks where user_id = $1) as barred
from users where id = $1
"""
_GUESTS: Final = "select user_id from stream_guests where stream_id = $1"
_HOLDERS: Final = "select holder_id from work_matches where media_id = $1 and state <> 'withdrawn'"
_MEMBERS: Final = """
select person_id from conversation_members where room_id = $1 and state in ('open', 'request')
union all select person_id from community_members where community_id = $1 and state = 'member'
union all select person_id from course_enrolments where course_id = $1 and state = 'enrolled'
union all select author_id from courses where id = $1
union all select person_id from course_enrolments where cohort_id = $1 and state = 'enrolled'
union all select c.author_id from course_cohorts h join courses c on c.id = h.course_id where h.id = $1
"""
_ADMITTED: Final = {
    "followers": "select follower_id as id from follows where followee_id = $1 and follower_id = any($2::uuid[])",
    "subscribers": "select person_id as id from subscriptions s"
    f" where owner_id = $1 and person_id = any($2::uuid[]) and {HOLDS.format('s')}",
    "password": "select user_id as id from stream_grants where stream_id = $1 and user_id = any($2::uuid[]) "
    "union all select guest_id from stream_guest_grants "
    "where stream_id = $1 and guest_id = any($2::uuid[]) and expires_at > now()",
}
_BIRTH_DATES: Final = "select id, birth_date from users where id = any($1::uuid[])"
_CHANGES: Final = """
select seq, kind, subject_id, other_id from rights_changes
where at > clock_timestamp() - make_interval(secs => $1) order by seq
"""
_APART: Final = """
select user_id as id from blocks where blocked_id = $1 and user_id = any($2::uuid[])
union select blocked_id from blocks where user_id = $1 and blocked_id = any($2::uuid[])
"""
_NAMED: Final = """
select id from users u where username_key = $1 and deleted_at is null
    and not exists (select from blocks b where b.user_id = u.id and b.blocked_id = $2)
"""
_SHOWN: Final = f"select u.display_name, {AVATAR_URL} from users u where u.id = $1 and u.deleted_at is null"
_INVITE: Final = """
with room as (select count(*) < $3 or bool_or(user_id = $2) as has_room from stream_guests where stream_id = $1),
added as (
    insert into stream_guests (stream_id, user_id) select $1, $2 from room where has_room
    on conflict do nothing)
select coalesce(has_room, true) from room
"""
_INVITED: Final = f"""
select u.id, u.username, u.display_name, {AVATAR_URL}, g.created_at as invited_at
from stream_guests g join users u on u.id = g.user_id and u.deleted_at is null
where g.stream_id = $1 and ($2::timestamptz is null or (g.created_at, g.user_id) < ($2, $3::uuid))
order by g.created_at desc, g.user_id desc limit $4
"""
_UNINVITE: Final = "delete from stream_guests where stream_id = $1 and user_id = $2"
