"""The deletion of an account: everything is hidden at once, and wiped when the days of grace are over.

A row of ``account_deletions`` says that something is left to do. It is taken up at every start and then every minute
by any node, and goes when all is done. Each step may be repeated, so it does not matter where a crash fell.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from actors.runtime import ActorError, DomainError
from server.features.auth import queries
from storage.errors import StorageError
from storage.ids import Ids
from storage.postgres import Database, Transaction
from storage.rights import note_change

WIPE_BATCH: Final = 1000
TAKEN_S: Final = 60.0
"""How long a node is left alone with a deletion that it has taken up. Two at once would only do the same twice."""

log = structlog.get_logger(__name__)

Remove = Callable[[str], Awaitable[None]]
"""Removes what a person has elsewhere, by the person's id; may be repeated, raises what is away."""


class Deletions:
    """``grace_days`` 0: wiped at once. ``name_days``: how long nobody else gets the username afterwards."""

    def __init__(
        self,
        *,
        database: Database,
        ids: Ids,
        grace_days: int,
        name_days: int,
        remove_streams: Remove,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._db = database
        self._ids = ids
        self._grace_days = grace_days
        self._name_days = name_days
        self._remove_streams = remove_streams
        self._wall = wall

    async def begin(self, tx: Transaction, user_id: str) -> bool:
        """Hide the account and note what is left to do; False when that was done before."""
        if not await tx.execute(queries.HIDE_USER, user_id):
            return False
        await tx.execute(queries.NOTE_DELETION, user_id, self._grace_days)
        await note_change(tx, "account", user_id)
        await self._audit(tx, user_id, "account.deletion_asked")
        return True

    async def take_back(self, tx: Transaction, user_id: str) -> bool:
        """The person has signed in again; False when the wiping has begun."""
        if not await tx.execute(queries.FORGET_DELETION, user_id):
            return False
        await tx.execute(queries.SHOW_USER, user_id)
        await note_change(tx, "account", user_id)
        await self._audit(tx, user_id, "account.deletion_taken_back")
        return True

    async def hasten(self) -> None:
        """Without days of grace: wipe now, as far as that can be done now; the next sweep goes on."""
        if self._grace_days > 0:
            return
        try:
            await self.sweep()
        except (StorageError, ActorError, DomainError) as error:
            log.warning("an account is wiped a little later", error=str(error))

    async def sweep(self) -> None:
        """Wipe every account that is due. Raises what is away, and goes on with it the next time."""
        while (user_id := await self._db.fetchval(queries.TAKE_DELETION, TAKEN_S)) is not None:
            await self._wipe(str(user_id))

    async def _wipe(self, user_id: str) -> None:
        await self._remove_streams(user_id)
        for wipe in (queries.WIPE_MESSAGES, queries.WIPE_VIEWS):
            while await self._db.execute(wipe, user_id, WIPE_BATCH) == WIPE_BATCH:
                pass
        async with self._db.transaction() as tx:
            for sql in queries.WIPE:
                await tx.execute(sql, user_id)
            await tx.execute(queries.RESERVE_NAME, user_id, self._name_days)
            await tx.execute(queries.WIPE_USER, user_id, f"deleted_{user_id.replace('-', '')[-22:]}")
            await self._audit(tx, user_id, "account.deleted")
            await note_change(tx, "account", user_id)
            await tx.execute(queries.END_DELETION, user_id)

    async def _audit(self, tx: Transaction, user_id: str, action: str) -> None:
        await tx.execute(queries.AUDIT, self._ids.uuid7(self._wall()), user_id, action, user_id, {})
