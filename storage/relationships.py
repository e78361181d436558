"""What a person is to the owner of a room: follower, blocked, with a verified address or not."""

from __future__ import annotations

from typing import Final

from actors.chat_rules import Relationship
from storage.postgres import Database


class Relationships:
    """Reads follows, blocks and accounts. With ``needs_verified_email`` an address counts only once it is verified."""

    def __init__(self, *, db: Database, needs_verified_email: bool = False) -> None:
        self._db = db
        self._needs_verified_email = needs_verified_email

    async def relationship(self, *, owner_id: str, user_id: str) -> Relationship:
        """Raises ``Unavailable``."""
        row = await self._db.fetchrow(_RELATIONSHIP, owner_id, user_id)
        assert row is not None
        return Relationship(
            following_since=row["following_since"],
            is_blocked=row["is_blocked"],
            is_verified=row["is_verified"] or not self._needs_verified_email,
        )


_RELATIONSHIP: Final = """
select (select created_at from follows where follower_id = $2 and followee_id = $1) as following_since,
    exists (select from blocks where user_id = $1 and blocked_id = $2) as is_blocked,
    exists (select from users where id = $2 and email_verified_at is not null) as is_verified
"""
