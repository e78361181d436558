"""Who people are and whom notices of a person reach: verbs for the features above, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import msgspec

from server.features.people.relations import PersonShape
from server.features.people.rules import username_key
from storage.pictures import AVATAR_URL
from storage.plans import PlannedOnce
from storage.postgres import Reads
from storage.seen_streams import IN_GOOD_STANDING, MUTE_HOLDS


class Follower(msgspec.Struct, frozen=True):
    """A follower, and since when: together a position in the list of all."""

    followed_at: datetime
    id: str


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """``language``: the one that they were last seen with. ``email`` None: the account has no address of its own."""

    id: str
    username: str
    email: str | None
    is_verified: bool
    language: str


class Audience:
    """Reads of accounts and their relationships. A deleted account is nobody, also within its days of grace."""

    async def persons(self, where: Reads, ids: Collection[str]) -> dict[str, PersonShape]:
        """Those of ``ids`` who are there and not suspended, by id."""
        rows = await where.fetch(_PERSONS, list(ids)) if ids else []
        return {row["id"]: PersonShape(**dict(row)) for row in rows}

    async def named(self, where: Reads, usernames: Collection[str]) -> list[str]:
        """The ids of the accounts with these usernames, in any case, in no order."""
        return [row["id"] for row in await where.fetch(_NAMED, [username_key(name) for name in usernames])]

    async def followers(
        self, where: Reads, person_id: str, *, before: Follower | None, limit: int
    ) -> Sequence[Follower]:
        """The followers of a person, the newest first, after the position ``before``."""
        at, after_id = (before.followed_at, before.id) if before else (None, None)
        rows = await where.fetch(_FOLLOWERS, person_id, at, after_id, limit)
        return [Follower(row["created_at"], row["follower_id"]) for row in rows]

    async def follower_count(self, where: Reads, person_id: str, *, since: datetime | None) -> int:
        """How many follow the person, of those who began at ``since`` or later."""
        found: int = await where.fetchval(_FOLLOWER_COUNT, person_id, since)
        return found

    async def reached_by(self, where: Reads, author_id: str, ids: Collection[str]) -> list[str]:
        """Those of ``ids`` whom notices of the author may reach: not the author, no account that mutes the author, and
        none where either blocks the other.
        """
        return [row["id"] for row in await where.fetch(_REACHED, author_id, list(ids))]

    async def following(self, where: Reads, person_id: str, ids: Collection[str]) -> list[str]:
        """Those of ``ids`` who follow the person."""
        return [row["follower_id"] for row in await where.fetch(_FOLLOWING, person_id, list(ids))]

    async def readers(self, where: Reads, ids: Collection[str]) -> dict[str, Reader]:
        """Those of ``ids`` who are there, as mail and push messages speak to them, by id."""
        rows = await where.fetch(_READERS, list(ids)) if ids else []
        return {row["id"]: Reader(**dict(row)) for row in rows}


_PERSONS: Final = f"""
select u.id, u.username, u.display_name, {AVATAR_URL} from users u
where u.id = any($1::uuid[]) and {IN_GOOD_STANDING.format("u")}
"""
_NAMED: Final = "select id from users where username_key = any($1::text[]) and deleted_at is null"
_FOLLOWERS: Final = PlannedOnce("""
select created_at, follower_id from follows
where followee_id = $1 and (created_at, follower_id) <
    (coalesce($2::timestamptz, 'infinity'), coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
order by created_at desc, follower_id desc limit $4
""")
_FOLLOWER_COUNT: Final = """
select count(*) from follows where followee_id = $1 and ($2::timestamptz is null or created_at >= $2)
"""
# An offset keeps each look-up one by key (a join would read all that the author has, for each person again).
_REACHED: Final = PlannedOnce(f"""
select u.id from users u where u.id = any($2::uuid[]) and u.id <> $1 and u.deleted_at is null
    and not exists (select from mutes m where m.user_id = u.id and m.muted_id = $1 and {MUTE_HOLDS.format("m")}
        offset 0)
    and not exists (select from blocks where user_id = u.id and blocked_id = $1 offset 0)
    and not exists (select from blocks where user_id = $1 and blocked_id = u.id offset 0)
""")
_FOLLOWING: Final = "select follower_id from follows where followee_id = $1 and follower_id = any($2::uuid[])"
_READERS: Final = """
select id, username, case when email like '%@%' then email end as email, email_verified_at is not null as is_verified,
    language
from users where id = any($1::uuid[]) and deleted_at is null
"""
