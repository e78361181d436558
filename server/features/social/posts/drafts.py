"""``/api/v1/me/drafts``: posts that are not finished, and ``/api/v1/me/scheduled``: those that wait for their time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from server.features.social.posts import draft_queries as queries
from server.features.social.posts.bodies import MAX_BODY, PostBody
from server.features.social.posts.lists import filled, position
from server.features.social.posts.reading import PostReader
from server.features.social.posts.scheduling import Scheduling
from server.features.social.posts.shapes import PostShape, PostsShape
from server.http.cursors import after_id, page_of
from server.http.errors import Problem, not_found
from server.http.limits import hourly
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Page, PageQuery, Shape
from storage.ids import Ids
from storage.postgres import Database, Row

TAG: Final = "posts"
RATE: Final = hourly("post_drafts", 3_600)


class DraftShape(Shape):
    id: UUID
    post: Annotated[dict[str, Any], Field(description="As ``POST /api/v1/posts`` takes it; it may not be whole yet")]
    created_at: datetime
    updated_at: datetime


class DraftsShape(Page[DraftShape]):
    """A page of drafts, the newest first."""


class DraftRoutes:
    """A person's own."""

    def __init__(
        self,
        *,
        db: Database,
        reader: PostReader,
        scheduling: Scheduling,
        ids: Ids,
        now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._reader = reader
        self._scheduling = scheduling
        self._ids = ids
        self._now = now

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required"}
        writes: dict[str, Any] = {"account_rate": RATE, **mine}
        body: dict[str, Any] = {"body": PostBody, "max_body": MAX_BODY}
        drafts, draft = "/api/v1/me/drafts", "/api/v1/me/drafts/{id}"
        return [
            Operation(
                method="GET", path=drafts, handler=self._list, name="listDrafts",
                summary="Your drafts of posts, the newest first", query=PageQuery, answers={200: DraftsShape}, **mine,
            ),
            Operation(
                method="POST", path=drafts, handler=self._add, name="addDraft", summary="Keep a draft of a post",
                answers={201: DraftShape}, problems=frozenset({409}), idempotent_key=True, **body, **writes,
            ),
            Operation(
                method="PUT", path=draft, handler=self._change, name="changeDraft",
                summary="Keep another version of a draft", answers={200: DraftShape}, problems=frozenset({404}),
                **body, **writes,
            ),
            Operation(
                method="DELETE", path=draft, handler=self._drop, name="dropDraft", summary="Throw a draft away",
                answers={204: None}, problems=frozenset({404}), **writes,
            ),
            Operation(
                method="GET", path="/api/v1/me/scheduled", handler=self._scheduled, name="listScheduledPosts",
                summary="Your scheduled posts, the next first", query=PageQuery, answers={200: PostsShape}, **mine,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        limit = call.query.limit
        rows = await self._db.fetch(queries.LIST, call.me.id, after_id(call.query.cursor), limit + 1)
        page, following = page_of(rows, limit, lambda row: (0, row["id"]))
        return Answer(body=DraftsShape(items=[_shape(row) for row in page], next=following))

    async def _add(self, call: Call[PostBody, None]) -> Answer:
        now, me = self._now(), call.me.id
        draft_id = self._ids.uuid7(now.timestamp())
        async with self._db.transaction() as tx:
            await tx.execute(queries.LOCK, me)
            if await tx.fetchval(queries.COUNT, me) >= queries.MAX_DRAFTS:
                raise Problem(409, f"You have {queries.MAX_DRAFTS} drafts already", slug="too-many-drafts")
            await tx.execute(queries.ADD, draft_id, me, _kept(call.body), now)
        return Answer(201, DraftShape(id=UUID(draft_id), post=_kept(call.body), created_at=now, updated_at=now))

    async def _change(self, call: Call[PostBody, None]) -> Answer:
        async with self._db.transaction() as tx:
            if not await tx.execute(queries.CHANGE, call.path["id"], call.me.id, _kept(call.body), self._now()):
                raise _no_draft()
            row = await tx.fetchrow(queries.ONE, call.path["id"], call.me.id)
            if row is None:
                raise _no_draft()
        return Answer(body=_shape(row))

    async def _drop(self, call: Call[None, None]) -> Answer:
        if not await self._db.execute(queries.DROP, call.path["id"], call.me.id):
            raise _no_draft()
        return Answer(204)

    async def _scheduled(self, call: Call[None, PageQuery]) -> Answer:
        me, query = call.me.id, call.query

        async def show(ids: Sequence[str]) -> dict[str, PostShape]:
            return await self._reader.shown(self._db, ids, me)

        items, following = await filled(
            lambda after, most: self._scheduling.chunk(me, *position(after), most), show, query.cursor, query.limit
        )
        return Answer(body=PostsShape(items=items, next=following))


def _kept(body: PostBody) -> dict[str, Any]:
    return body.model_dump(mode="json", exclude_unset=True)


def _shape(row: Row) -> DraftShape:
    return DraftShape(id=row["id"], post=row["body"], created_at=row["created_at"], updated_at=row["updated_at"])


def _no_draft() -> Problem:
    return not_found("There is no such draft")
