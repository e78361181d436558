"""Private accounts: who asks to follow one waits until its owner answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from server.features.people.facts import AccountDeleted, AccountSuspended, FollowChanged, FollowRequestChanged
from server.features.people.relations import queries
from server.features.people.relations.shapes import nobody
from server.features.people.relations.ties import end_follow, withdrawn
from server.features.people.rules import username_key
from server.http.errors import not_found
from storage.facts import publish
from storage.postgres import Database, Row, Transaction


class FollowRequests:
    """The answers to those who ask. Each may be repeated without another effect."""

    def __init__(self, *, database: Database, when_changed: Callable[[], Awaitable[None]]) -> None:
        """``when_changed``: what people may see is another thing now, and this node need not wait to find out."""
        self._db = database
        self._when_changed = when_changed

    async def approve(self, me: str, username: str) -> None:
        """Raises a 404 for who neither asks to follow me nor follows me already."""
        async with self._db.transaction() as tx:
            asker = await self._asker(tx, me, username)
            if await tx.execute(queries.WITHDRAW, asker, me):
                await tx.execute(queries.FOLLOW, asker, me)
                await publish(tx, _approved(asker, me))
            elif not await tx.fetchval(queries.IS_FOLLOWING, asker, me):
                raise not_found("This person has not asked to follow you")

    async def refuse(self, me: str, username: str) -> None:
        """Also takes an approval back: the person follows me no longer."""
        async with self._db.transaction() as tx:
            asker = await self._asker(tx, me, username)
            if await tx.execute(queries.WITHDRAW, asker, me):
                await publish(tx, FollowRequestChanged(follower_id=asker, followee_id=me, is_waiting=False))
            elif await tx.execute(queries.UNFOLLOW, asker, me):
                await end_follow(tx, asker, me)
        await self._when_changed()

    async def person_gone(self, tx: Transaction, fact: AccountDeleted | AccountSuspended) -> None:
        """Requests of and to a person whose account was deleted or suspended end; also when it comes back."""
        await publish(tx, *map(withdrawn, await tx.fetch(queries.WITHDRAW_ALL, fact.person_id)))

    async def _asker(self, tx: Transaction, me: str, username: str) -> str:
        """The person's id, with the lock of both. Raises a 404 for nobody, and for one who has blocked me."""
        row = await tx.fetchrow(queries.TARGET, username_key(username), me)
        if row is None or row["is_hidden"]:
            raise nobody()
        await tx.execute(queries.LOCK_PAIR, me, str(row["id"]))
        return str(row["id"])


async def set_privacy(tx: Transaction, me: str, is_private: bool) -> None:
    """An account that becomes public approves all who wait. Its followers stay when it becomes private."""
    await tx.execute(queries.SET_PRIVACY, me, is_private)
    if not is_private:
        await publish(tx, *map(_let_in, await tx.fetch(queries.APPROVE_ALL, me)))


def _approved(asker: str, me: str) -> FollowChanged:
    return FollowChanged(follower_id=asker, followee_id=me, is_following=True, is_approved=True)


def _let_in(row: Row) -> FollowChanged:
    return _approved(row["follower_id"], row["followee_id"])
