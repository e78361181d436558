"""What a person is to the owner of a room, or in a private room: follower, member, blocked, with a verified address.

``require_unrestricted`` is for what is not written in a room.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from actors.chat_rules import Relationship, restricted
from storage.postgres import Database, Reads
from storage.subscriptions import HOLDS


async def require_unrestricted(where: Reads, person_id: str, now: datetime) -> None:
    """Raise ``restricted`` for a person whom moderators of the server do not let write. Raises ``Unavailable``."""
    until = await where.fetchval("select restricted_until from users where id = $1", person_id)
    if until is not None and until > now:
        raise restricted(until)


class Relationships:
    """Reads follows, subscriptions, blocks and accounts. With ``needs_verified_email`` an address counts only once it
    is verified.
    """

    def __init__(self, *, db: Database, needs_verified_email: bool = False) -> None:
        self._db = db
        self._needs_verified_email = needs_verified_email

    async def relationship(self, *, owner_id: str, user_id: str) -> Relationship:
        """Raises ``Unavailable``."""
        row = await self._db.fetchrow(_RELATIONSHIP, owner_id, user_id)
        assert row is not None
        return Relationship(
            following_since=row["following_since"],
            is_subscriber=row["is_subscriber"],
            subscribed_months=row["subscribed_months"],
            is_blocked=row["is_blocked"],
            is_verified=row["is_verified"] or not self._needs_verified_email,
            restricted_until=row["restricted_until"],
        )

    async def membership(self, *, room_id: str, user_id: str) -> Relationship:
        """Raises ``Unavailable``."""
        row = await self._db.fetchrow(_MEMBERSHIP, room_id, user_id)
        if row is None:
            return Relationship(standing="stranger")
        return Relationship(
            standing=row["standing"],
            is_verified=row["is_verified"] or not self._needs_verified_email,
            restricted_until=row["restricted_until"],
        )


_MEMBERSHIP: Final = """
select case when m.state = 'request' then 'asked' when not c.is_group and not exists (
        select from conversation_members o join users u on u.id = o.person_id and u.deleted_at is null
        where o.room_id = $1 and o.person_id <> $2 and o.state in ('open', 'request')
            and not exists (select from blocks where user_id = $2 and blocked_id = o.person_id)
            and not exists (select from blocks where user_id = o.person_id and blocked_id = $2)
    ) then 'silent' else 'member' end as standing,
    exists (select from users where id = $2 and email_verified_at is not null) as is_verified,
    (select restricted_until from users where id = $2)
from conversation_members m join conversations c using (room_id)
where m.room_id = $1 and m.person_id = $2 and m.state in ('open', 'request')
union all
select 'member', exists (select from users where id = $2 and email_verified_at is not null),
    (select restricted_until from users where id = $2)
from community_members m where m.community_id = $1 and m.person_id = $2 and m.state = 'member'
union all
select 'member', exists (select from users where id = $2 and email_verified_at is not null),
    (select restricted_until from users where id = $2)
from courses c where c.id = $1 and (c.author_id = $2 or exists (
    select from course_enrolments m where m.course_id = $1 and m.person_id = $2 and m.state = 'enrolled'))
union all
select 'member', exists (select from users where id = $2 and email_verified_at is not null),
    (select restricted_until from users where id = $2)
from course_cohorts h join courses c on c.id = h.course_id where h.id = $1 and (c.author_id = $2 or exists (
    select from course_enrolments m where m.cohort_id = $1 and m.person_id = $2 and m.state = 'enrolled'))
"""
_RELATIONSHIP: Final = f"""
select (select created_at from follows where follower_id = $2 and followee_id = $1) as following_since,
    exists (select from subscriptions s where s.owner_id = $1 and s.person_id = $2 and {HOLDS.format("s")})
        as is_subscriber,
    (select coalesce(sum(months), 0) from subscriptions where owner_id = $1 and person_id = $2) as subscribed_months,
    exists (select from blocks where user_id = $1 and blocked_id = $2) as is_blocked,
    exists (select from users where id = $2 and email_verified_at is not null) as is_verified,
    (select restricted_until from users where id = $2)
"""
