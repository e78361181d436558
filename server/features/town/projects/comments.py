"""Comments on documents. Each verb raises a 404 for who is not in the project; who may edit may comment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from server.features.town.people import person_of
from server.features.town.projects import comment_queries as queries
from server.features.town.projects.comment_shapes import CommentShape, NewComment, Place, ThreadShape
from server.features.town.projects.event_shapes import COMMENTS
from server.features.town.projects.projects import require_role
from server.features.town.projects.queries import ONE_DOCUMENT
from server.features.town.projects.sockets import topic_of
from server.http.cursors import after_id, page_of
from server.http.errors import Problem, not_found
from server.publish import Publish
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction

MAX_THREADS: Final = 1_000
"""Of one document, resolved ones too."""
MAX_REPLIES: Final = 100
"""To one comment."""


class Comments:
    def __init__(self, *, db: Database, ids: Ids, now: Callable[[], datetime], publish: Publish) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._publish = publish

    async def make(self, me: str, document_id: str, body: NewComment) -> ThreadShape:
        """Raises a 403, and a 409 when there are too many."""
        async with self._db.transaction() as tx:
            await self._held(tx, me, document_id)
            if await tx.fetchval(queries.COUNT_THREADS, document_id) >= MAX_THREADS:
                raise Problem(409, f"A document has at most {MAX_THREADS} comments", slug="too-many-comments")
            comment_id = await self._add(tx, me, document_id, body)
        return await self._thread(me, document_id, comment_id)

    async def reply(self, me: str, document_id: str, thread_id: str, text: str) -> CommentShape:
        """Raises a 403, a 404, and a 409 when there are too many."""
        async with self._db.transaction() as tx:
            await self._held(tx, me, document_id)
            await _begun(tx, me, document_id, thread_id)
            if await tx.fetchval(queries.COUNT_REPLIES, thread_id) >= MAX_REPLIES:
                raise Problem(409, f"A comment has at most {MAX_REPLIES} answers", slug="too-many-replies")
            reply_id = await self._add(tx, me, document_id, NewComment(text=text), thread_id)
            return _comment(await _one(tx, me, document_id, reply_id))

    async def page(
        self, me: str, document_id: str, cursor: str | None, limit: int, *, resolved: bool
    ) -> tuple[list[ThreadShape], str | None]:
        await self._require_member(me, document_id)
        rows = await self._db.fetch(queries.THREADS, me, document_id, resolved, after_id(cursor), limit + 1)
        shown, following = page_of(rows, limit, lambda row: (0, row["id"]))
        return await self._with_replies(me, shown), following

    async def change(self, me: str, document_id: str, comment_id: str, text: str) -> None:
        """One's own. Raises a 403 and a 404."""
        async with self._db.transaction() as tx:
            await self._held(tx, me, document_id)
            row = await _one(tx, me, document_id, comment_id)
            if row["author_id"] != me:
                raise Problem(403, "Only its author changes a comment")
            await tx.execute(queries.CHANGE, comment_id, text, self._now())
            self._tell(tx, document_id)

    async def resolve(self, me: str, document_id: str, comment_id: str, *, is_resolved: bool) -> None:
        """Raises a 403 and a 404."""
        async with self._db.transaction() as tx:
            await self._held(tx, me, document_id)
            row = await _begun(tx, me, document_id, comment_id)
            if (row["resolved_at"] is not None) != is_resolved:
                await tx.execute(queries.RESOLVE, comment_id, self._now() if is_resolved else None)
                self._tell(tx, document_id)

    async def remove(self, me: str, document_id: str, comment_id: str) -> None:
        """With its answers. Its author may, and owners of the project. Raises a 403 and a 404."""
        async with self._db.transaction() as tx:
            document = await self._held(tx, me, document_id)
            row = await _one(tx, me, document_id, comment_id)
            if row["author_id"] != me:
                require_role(document, "owner")
            await tx.execute(queries.REMOVE, comment_id)
            self._tell(tx, document_id)

    async def _add(
        self, tx: Transaction, me: str, document_id: str, words: NewComment, thread_id: str | None = None
    ) -> str:
        now = self._now()
        comment_id = self._ids.uuid7(now.timestamp())
        place = words.place.model_dump() if words.place is not None else None
        await tx.execute(
            queries.ADD, comment_id, document_id, thread_id, me, words.text, words.quote, place, now
        )  # fmt: skip
        self._tell(tx, document_id)
        return comment_id

    def _tell(self, tx: Transaction, document_id: str) -> None:
        body = {"document_id": document_id}
        tx.after_commit(partial(self._publish.conflate, topic_of(document_id), "comments", COMMENTS.name, body))

    async def _held(self, tx: Transaction, me: str, document_id: str) -> Row:
        row = await tx.fetchrow(queries.HOLD_DOCUMENT, me, document_id)
        if row is None:
            raise _no_document()
        require_role(row, "editor")
        return row

    async def _require_member(self, me: str, document_id: str) -> None:
        if await self._db.fetchrow(ONE_DOCUMENT, me, document_id) is None:
            raise _no_document()

    async def _thread(self, me: str, document_id: str, comment_id: str) -> ThreadShape:
        row = await self._db.fetchrow(queries.ONE, me, document_id, comment_id)
        if row is None:
            raise _no_comment()
        [thread] = await self._with_replies(me, [row])
        return thread

    async def _with_replies(self, me: str, threads: Sequence[Row]) -> list[ThreadShape]:
        replies = defaultdict(list)
        for row in await self._db.fetch(queries.REPLIES, me, [row["id"] for row in threads]):
            replies[row["thread_id"]].append(_comment(row))
        return [_thread_shape(row, replies[row["id"]]) for row in threads]


async def _one(tx: Transaction, me: str, document_id: str, comment_id: str) -> Row:
    row = await tx.fetchrow(queries.ONE, me, document_id, comment_id)
    if row is None:
        raise _no_comment()
    return row


async def _begun(tx: Transaction, me: str, document_id: str, comment_id: str) -> Row:
    """The comment, which is no answer to another."""
    row = await _one(tx, me, document_id, comment_id)
    if row["thread_id"] is not None:
        raise _no_comment()
    return row


def _comment(row: Row) -> CommentShape:
    return CommentShape(
        id=UUID(row["id"]),
        author=person_of(row, "author_id") if row["author_id"] is not None else None,
        text=row["text"],
        created_at=row["created_at"],
        changed_at=row["changed_at"],
    )


def _thread_shape(row: Row, replies: list[CommentShape]) -> ThreadShape:
    return ThreadShape(
        **dict(_comment(row)),
        document_id=row["document_id"],
        place=Place.model_validate(row["place"]) if row["place"] is not None else None,
        quote=row["quote"],
        resolved_at=row["resolved_at"],
        replies=replies,
    )


def _no_document() -> Problem:
    return not_found("There is no such document")


def _no_comment() -> Problem:
    return not_found("There is no such comment")
