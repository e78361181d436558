"""Passwords of streams, hashed, and the grants of those who have given them."""

from __future__ import annotations

from typing import Final

from storage.postgres import Database
from storage.rights import note_change


class StreamPasswords:
    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def hash_of(self, stream_id: str) -> str | None:
        stored: str | None = await self._db.fetchval(_HASH, stream_id)
        return stored

    async def set(self, stream_id: str, hashed: str) -> None:
        """Replace the password; viewers who gave the one before must give the new one."""
        async with self._db.transaction() as tx:
            await tx.execute(_SET, stream_id, hashed)
            await tx.execute("delete from stream_grants where stream_id = $1", stream_id)
            await tx.execute("delete from stream_guest_grants where stream_id = $1", stream_id)
            await note_change(tx, "stream", stream_id)

    async def grant(self, stream_id: str, user_id: str, hashed: str) -> bool:
        """Let a person in who has given the password with this hash; False when there is another one by now."""
        async with self._db.transaction() as tx:
            if await tx.fetchval(_HOLD, stream_id) != hashed:
                return False
            await tx.execute(_GRANT, stream_id, user_id)
        return True

    async def grant_guest(self, stream_id: str, guest_id: str, hashed: str, *, for_s: float) -> bool:
        """As ``grant``, for a guest without an account and for so long."""
        async with self._db.transaction() as tx:
            if await tx.fetchval(_HOLD, stream_id) != hashed:
                return False
            await tx.execute(_GRANT_GUEST, stream_id, guest_id, for_s)
        return True

    async def purge(self) -> None:
        """Delete the grants of guests that have expired."""
        await self._db.execute("delete from stream_guest_grants where expires_at <= now()")


_HASH: Final = "select hash from stream_passwords where stream_id = $1"
_HOLD: Final = f"{_HASH} for share"
_SET: Final = """
insert into stream_passwords (stream_id, hash) values ($1, $2)
on conflict (stream_id) do update set hash = excluded.hash
"""
_GRANT_GUEST: Final = """
insert into stream_guest_grants (stream_id, guest_id, expires_at) values ($1, $2, now() + make_interval(secs => $3))
"""
_GRANT: Final = "insert into stream_grants (stream_id, user_id) values ($1, $2) on conflict do nothing"
