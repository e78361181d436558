"""``actors.document_store.DocumentStore``: the rows of documents."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from actors.document_store import DocumentEdit, DocumentRecord, DocumentRole
from actors.runtime import Fence
from server.features.town.projects import queries
from storage.leases import hold
from storage.postgres import Database

MAX_VERSIONS: Final = 20
"""That are kept of one document, the newest ones,"""
MAX_DAYS: Final = 30
"""and the last version of each of so many days."""


class DocumentRows:
    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def load(self, document_id: str) -> DocumentRecord | None:
        async with self._db.transaction() as tx:
            document = await tx.fetchrow(queries.LOAD, document_id)
            if document is None:
                return None
            version = await tx.fetchrow(queries.SNAPSHOT, document_id)
            first, snapshot = (version["seq"], version["data"]) if version is not None else (0, b"")
            rows = await tx.fetch(queries.UPDATES, document_id, first)
        return DocumentRecord(
            snapshot=snapshot,
            updates=tuple(row["data"] for row in rows),
            seq=document["seq"],
            version_age_s=document["age_s"],
        )

    async def roles(self, document_id: str, people: Collection[str]) -> Mapping[str, DocumentRole]:
        rows = await self._db.fetch(queries.ROLES, document_id, list(people))
        return {row["person_id"]: row["role"] for row in rows}

    async def append(
        self, document_id: str, edits: Sequence[DocumentEdit], *, seq: int, size: int, fence: Fence
    ) -> None:
        people, data = [edit.person_id for edit in edits], [edit.update for edit in edits]
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            await tx.execute(queries.APPEND, document_id, seq, people, data)
            await tx.execute(queries.COUNTED, document_id, seq + len(edits), size)

    async def compact(self, document_id: str, snapshot: bytes, *, seq: int, fence: Fence) -> None:
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            await tx.execute(queries.ADD_VERSION, document_id, seq, snapshot)
            await tx.execute(queries.FORGET_UPDATES, document_id, seq)
            await tx.execute(queries.FORGET_VERSIONS, document_id, MAX_VERSIONS, MAX_DAYS)
            await tx.execute(queries.SIZED, document_id, len(snapshot))
