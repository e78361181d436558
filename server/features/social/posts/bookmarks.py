"""Bookmarks, which nobody but their person knows of, and the folders that they lie in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from server.features.social.posts import act_queries as queries
from server.features.social.posts.targets import Targets
from server.http.errors import Problem, invalid_field, not_found
from storage.ids import Ids
from storage.postgres import Database, Row

MAX_FOLDERS: Final = 100


class Bookmarks:
    def __init__(self, *, db: Database, targets: Targets, ids: Ids, now: Callable[[], datetime]) -> None:
        self._db = db
        self._targets = targets
        self._ids = ids
        self._now = now

    async def put(self, person_id: str, post_id: str, folder_id: str | None) -> None:
        """Raises a 404 for the post, a 422 for a folder that is not the person's."""
        async with self._db.transaction(planned_once=True) as tx:
            post = await self._targets.one(tx, person_id, post_id)
            if folder_id is not None and not await tx.fetchval(queries.HAS_FOLDER, folder_id, person_id):
                raise invalid_field("folder", "there is no such folder")
            await tx.execute(queries.BOOKMARK, person_id, post["id"], folder_id, self._now())

    async def take_away(self, person_id: str, post_id: str) -> None:
        await self._db.execute(queries.UNBOOKMARK, person_id, post_id)

    async def folders(self, person_id: str) -> Sequence[Row]:
        return await self._db.fetch(queries.FOLDERS, person_id)

    async def add_folder(self, person_id: str, name: str) -> Row:
        """Raises a 409 for a name that there is, or for too many."""
        async with self._db.transaction(planned_once=True) as tx:
            await tx.execute(queries.LOCK_FOLDERS, person_id)
            now = self._now()
            row = await tx.fetchrow(
                queries.ADD_FOLDER, self._ids.uuid7(now.timestamp()), person_id, name, name.casefold(), now,
                MAX_FOLDERS,
            )  # fmt: skip
            if row is None:
                is_named = await tx.fetchval(queries.FOLDER_NAMED, person_id, name.casefold())
                raise _named_already() if is_named else Problem(409, f"You have {MAX_FOLDERS} folders already")
        return row

    async def rename_folder(self, person_id: str, folder_id: str, name: str) -> Row:
        """Raises a 404, or a 409 for a name that there is."""
        async with self._db.transaction(planned_once=True) as tx:
            await tx.execute(queries.LOCK_FOLDERS, person_id)
            if not await tx.fetchval(queries.HAS_FOLDER, folder_id, person_id):
                raise _no_folder()
            row = await tx.fetchrow(queries.RENAME_FOLDER, folder_id, person_id, name, name.casefold())
            if row is None:
                raise _named_already()
        return row

    async def drop_folder(self, person_id: str, folder_id: str) -> None:
        """Its bookmarks stay, in no folder. Raises a 404."""
        if not await self._db.execute(queries.DROP_FOLDER, folder_id, person_id):
            raise _no_folder()


def _no_folder() -> Problem:
    return not_found("There is no such folder")


def _named_already() -> Problem:
    return Problem(409, "You have a folder of this name", slug="taken")
