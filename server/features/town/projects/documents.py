"""The documents of a project: what stands about them, and what they hold, read once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

from actors.document import MAX_DOCUMENT
from actors.document_messages import DOCUMENT, ApplyUpdate, DocumentState, ReadDocument
from actors.document_text import Content
from actors.runtime import Node
from server.features.town.projects import queries
from server.features.town.projects.projects import Projects, held, require_role
from server.features.town.projects.shapes import DocumentShape, VersionTextShape
from server.http.cursors import after_id, decode_cursor, page_of
from server.http.errors import Problem, not_found
from storage.ids import Ids
from storage.postgres import Database, Row
from storage.rights import note_change

NO_ID = str(UUID(int=0))


class Documents:
    """``most``: of one project."""

    def __init__(
        self,
        *,
        db: Database,
        node: Node,
        ids: Ids,
        now: Callable[[], datetime],
        projects: Projects,
        when_changed: Callable[[], Awaitable[None]],
        most: int,
    ) -> None:
        self._db = db
        self._node = node
        self._ids = ids
        self._now = now
        self._projects = projects
        self._when_changed = when_changed
        self._most = most

    async def make(self, me: str, project_id: str, title: str) -> DocumentShape:
        """Raises a 404, a 403, and a 409 when there are too many."""
        now = self._now()
        document_id = self._ids.uuid7(now.timestamp())
        async with self._db.transaction() as tx:
            await held(tx, me, project_id, "editor")
            if await tx.fetchval(queries.COUNT_DOCUMENTS, project_id) >= self._most:
                raise Problem(409, f"A project has at most {self._most} documents", slug="too-many-documents")
            await tx.execute(queries.ADD_DOCUMENT, document_id, project_id, title, me, now)
        return await self.one(me, document_id)

    async def one(self, me: str, document_id: str) -> DocumentShape:
        return _shape_of(await self._row(me, document_id))

    async def page(
        self, me: str, project_id: str, cursor: str | None, limit: int
    ) -> tuple[list[DocumentShape], str | None]:
        await self._projects.row(me, project_id)
        rows = await self._db.fetch(queries.DOCUMENTS, me, project_id, after_id(cursor), limit + 1)
        shown, following = page_of(rows, limit, lambda row: (0, row["id"]))
        return [_shape_of(row) for row in shown], following

    async def rename(self, me: str, document_id: str, title: str) -> DocumentShape:
        require_role(await self._row(me, document_id), "editor")
        await self._db.execute(queries.RENAME_DOCUMENT, document_id, title, self._now())
        return await self.one(me, document_id)

    async def remove(self, me: str, document_id: str) -> None:
        require_role(await self._row(me, document_id), "editor")
        async with self._db.transaction() as tx:
            await tx.execute(queries.DELETE_DOCUMENT, document_id)
            await note_change(tx, "room", document_id)
        await self._when_changed()

    async def state(self, me: str, document_id: str) -> DocumentState:
        await self._row(me, document_id)
        ask = ReadDocument(person_id=me, most=2 * MAX_DOCUMENT)
        return await self._node.ref(DOCUMENT, document_id).ask(ask)

    async def versions(
        self, me: str, document_id: str, cursor: str | None, limit: int
    ) -> tuple[Sequence[Row], str | None]:
        await self._row(me, document_id)
        before = None if cursor is None else decode_cursor(cursor, tuple[int, UUID])[0]
        rows = await self._db.fetch(queries.VERSIONS, document_id, before, limit + 1)
        return page_of(rows, limit, lambda row: (row["seq"], NO_ID))

    async def version(self, me: str, document_id: str, seq: int) -> VersionTextShape:
        await self._row(me, document_id)
        row = await self._db.fetchrow(queries.VERSION, document_id, seq)
        if row is None:
            raise not_found("There is no such version")
        return VersionTextShape(seq=row["seq"], at=row["at"], text=Content([row["data"]]).text())

    async def restore(self, me: str, document_id: str, seq: int) -> DocumentShape:
        """Edits the text to what it was; what others write meanwhile stays. Raises a 403, a 404, and a 409 (full)."""
        require_role(await self._row(me, document_id), "editor")
        version = await self.version(me, document_id, seq)
        state = await self.state(me, document_id)
        edit = Content([state.update] if state.update else []).become(version.text)
        if edit is not None:
            await self._node.ref(DOCUMENT, document_id).ask(ApplyUpdate(person_id=me, update=edit, keep_version=True))
        return await self.one(me, document_id)

    async def _row(self, me: str, document_id: str) -> Row:
        row = await self._db.fetchrow(queries.ONE_DOCUMENT, me, document_id)
        if row is None:
            raise not_found("There is no such document")
        return row


def _shape_of(row: Row) -> DocumentShape:
    return DocumentShape(**dict(row))
