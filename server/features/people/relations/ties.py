"""Follows, blocks and mutes: what one person decides about another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Literal

from server.features.people.facts import BlockChanged, FollowChanged, FollowRequestChanged, MuteChanged
from server.features.people.relations import queries
from server.features.people.relations.shapes import nobody
from server.features.people.rules import username_key
from server.http.errors import Problem
from server.http.identity import Caller
from storage.facts import publish
from storage.postgres import Database, Row, Transaction
from storage.rights import note_change

Tie = Literal["follow", "block", "mute"]
After = tuple[datetime, str] | None


class Relationships:
    """Every call may be repeated without another effect. One that would make more than ``max_ties`` of its kind for an
    account, or leave more than ``max_requests`` waiting for one, is a 409 (some more at once may pass)."""

    def __init__(
        self,
        *,
        database: Database,
        when_changed: Callable[[], Awaitable[None]],
        max_ties: int,
        max_requests: int,
    ) -> None:
        """``when_changed``: what people may see is another thing now, and this node need not wait to find out."""
        self._db = database
        self._max_ties = max_ties
        self._max_requests = max_requests
        self._when_changed = when_changed

    async def follow(self, me: str, username: str) -> bool:
        """False: the account is private, and the request waits for its owner.

        Raises a 404 for nobody and for who has blocked me, a 409 for whom I block and for myself.
        """
        other = await self._target(me, username)
        async with self._db.transaction() as tx:
            await tx.execute(queries.LOCK_PAIR, me, other)
            await tx.execute(queries.HOLD_PRIVACY, other)
            target = await tx.fetchrow(queries.TARGET, username_key(username), me)
            if target is None or target["is_hidden"]:
                raise nobody()
            if target["is_blocked"]:
                raise Problem(409, "You have blocked this person", slug="blocked")
            await self._require_room(tx, "follow", me, other)
            if target["is_private"] and not target["is_followed"]:
                await self._request(tx, me, other)
                return False
            if await tx.execute(queries.FOLLOW, me, other):
                await publish(tx, FollowChanged(follower_id=me, followee_id=other, is_following=True))
        return True

    async def _request(self, tx: Transaction, me: str, other: str) -> None:
        if not await tx.execute(queries.REQUEST, me, other):
            return
        if not await tx.fetchval(queries.HAS_REQUEST_ROOM, other, self._max_requests + 1):
            message = f"{self._max_requests} people wait for this person's answer already"
            raise Problem(409, message, slug="too-many-follow-requests")
        await publish(tx, FollowRequestChanged(follower_id=me, followee_id=other, is_waiting=True))

    async def block(self, me: str, username: str) -> None:
        """Nobody follows the other or waits to any more, and the other cannot see me."""
        other = await self._target(me, username)
        async with self._db.transaction() as tx:
            await tx.execute(queries.LOCK_PAIR, me, other)
            await self._require_room(tx, "block", me, other)
            if await tx.execute(queries.BLOCK, me, other):
                await publish(tx, BlockChanged(person_id=me, other_id=other, is_blocking=True))
            # In this order: who makes the account public at the same moment turns requests into follows.
            await publish(tx, *map(withdrawn, await tx.fetch(queries.WITHDRAW_BOTH, me, other)))
            for row in await tx.fetch(queries.UNFOLLOW_BOTH, me, other):
                await end_follow(tx, row["follower_id"], row["followee_id"])
            await note_change(tx, "block", me, other)
        await self._when_changed()

    async def mute(self, me: str, username: str, until: datetime | None = None) -> None:
        """Until then, or until it is taken back (None); again sets another end."""
        other = await self._target(me, username)
        async with self._db.transaction() as tx:
            await self._require_room(tx, "mute", me, other)
            if await tx.execute(queries.MUTE, me, other, until):
                await publish(tx, MuteChanged(person_id=me, other_id=other, is_muting=True))
            else:
                await tx.execute(queries.EXTEND_MUTE, me, other, until)

    async def end_mutes(self, at: datetime) -> None:
        """Take back those whose time has passed, up to a thousand."""
        async with self._db.transaction() as tx:
            await publish(
                tx,
                *(
                    MuteChanged(person_id=row["user_id"], other_id=row["muted_id"], is_muting=False)
                    for row in await tx.fetch(queries.END_MUTES, at)
                ),
            )

    async def unfollow(self, me: str, username: str) -> None:
        """Takes a request back too."""
        async with self._db.transaction() as tx:
            target = await tx.fetchrow(queries.TARGET, username_key(username), me)
            if target is None:
                raise nobody()
            other = str(target["id"])
            await tx.execute(queries.LOCK_PAIR, me, other)
            if await tx.execute(queries.WITHDRAW, me, other):
                await publish(tx, FollowRequestChanged(follower_id=me, followee_id=other, is_waiting=False))
            elif await tx.execute(queries.UNFOLLOW, me, other):
                await end_follow(tx, me, other)
            elif target["is_hidden"]:
                raise nobody()
        await self._when_changed()

    async def unblock(self, me: str, username: str) -> None:
        async with self._db.transaction() as tx:
            other, removed = await self._remove(tx, queries.UNBLOCK, me, username)
            if removed:
                await publish(tx, BlockChanged(person_id=me, other_id=other, is_blocking=False))
            await note_change(tx, "block", me, other)
        await self._when_changed()

    async def unmute(self, me: str, username: str) -> None:
        async with self._db.transaction() as tx:
            other, removed = await self._remove(tx, queries.UNMUTE, me, username)
            if removed:
                await publish(tx, MuteChanged(person_id=me, other_id=other, is_muting=False))

    async def list(self, sql: str, username: str, *, viewer: Caller | None, after: After, limit: int) -> Sequence[Row]:
        """Whom a person follows or who follows them, latest first; without those who have blocked the viewer.

        Raises a 403 for a private account that the viewer does not follow.
        """
        viewer_id = viewer.id if viewer else None
        target = await self._db.fetchrow(queries.TARGET, username_key(username), viewer_id)
        if target is None or target["is_hidden"]:
            raise nobody()
        if target["is_private"] and not target["is_followed"] and target["id"] != viewer_id:
            raise Problem(403, "This account is private: only its followers see this", slug="private-account")
        at, user_id = after or (None, None)
        return await self._db.fetch(sql, target["id"], at, user_id, limit, viewer_id)

    async def mine(self, sql: str, me: str, *, after: After, limit: int) -> Sequence[Row]:
        """Those whom I block or mute, or who wait for my answer, latest first."""
        at, user_id = after or (None, None)
        return await self._db.fetch(sql, me, at, user_id, limit)

    async def _require_room(self, tx: Transaction, tie: Tie, me: str, other: str) -> None:
        if not await tx.fetchval(queries.ROOM_TO[tie], me, other, self._max_ties):
            raise Problem(409, f"An account can {tie} at most {self._max_ties} people", slug=f"too-many-{tie}s")

    async def _target(self, me: str, username: str) -> str:
        target = await self._db.fetchrow(queries.TARGET, username_key(username), me)
        if target is None or target["is_hidden"]:
            raise nobody()
        if target["id"] == me:
            raise Problem(409, "That is yourself", slug="yourself")
        return str(target["id"])

    async def _remove(self, tx: Transaction, sql: str, me: str, username: str) -> tuple[str, int]:
        """The other's id, and how many rows were removed. Who has blocked me is not there for me, unless I had a tie to
        them that I take back.
        """
        target = await tx.fetchrow(queries.TARGET, username_key(username), me)
        if target is None:
            raise nobody()
        removed = await tx.execute(sql, me, target["id"])
        if target["is_hidden"] and not removed:
            raise nobody()
        return str(target["id"]), removed


def withdrawn(row: Row) -> FollowRequestChanged:
    return FollowRequestChanged(follower_id=row["follower_id"], followee_id=row["followee_id"], is_waiting=False)


async def end_follow(tx: Transaction, follower_id: str, followee_id: str) -> None:
    """Say that the row has been deleted: to features, and to nodes that show the follower what is for followers."""
    await publish(tx, FollowChanged(follower_id=follower_id, followee_id=followee_id, is_following=False))
    await note_change(tx, "follow", followee_id, follower_id)
