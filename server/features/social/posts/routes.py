"""``/api/v1/posts``: written, read, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from server.features.social.posts.bodies import MAX_BODY, PostBody, PostChange
from server.features.social.posts.editing import MAX_EDITS, Editing
from server.features.social.posts.posts import Posts
from server.features.social.posts.shapes import (
    AnyPostShape,
    DeletedPostShape,
    EditShape,
    EditsShape,
    MadePost,
    PostShape,
)
from server.http.cursors import decode_cursor, page_of
from server.http.errors import not_found
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import PageQuery
from server.live.addresses import MediaAddresses

TAG: Final = "posts"


class PostRoutes:
    def __init__(self, *, posts: Posts, editing: Editing, addresses: MediaAddresses, rate: CallRate) -> None:
        """``rate`` bounds what one account publishes and changes. ``addresses``: where viewers ask from."""
        self._addresses = addresses
        self._posts = posts
        self._editing = editing
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="POST", path="/api/v1/posts", handler=self._create, name="createPost", tag=TAG,
                summary="Publish a post, or schedule it", body=PostBody, answers={201: MadePost},
                problems=frozenset({403, 404, 409, 422}), auth="required", idempotent_key=True,
                account_rate=self._rate, max_body=MAX_BODY,
            ),
            Operation(
                method="GET", path="/api/v1/posts/{id}", handler=self._get, name="getPost", tag=TAG,
                summary="A post", answers={200: AnyPostShape}, problems=frozenset({404, 451}),
                auth="optional",
            ),
            Operation(
                method="PATCH", path="/api/v1/posts/{id}", handler=self._change, name="changePost", tag=TAG,
                summary="Change a post of yours; what it was before stays readable", body=PostChange,
                answers={200: AnyPostShape}, problems=frozenset({404, 409, 422}), auth="required",
                account_rate=self._rate, max_body=MAX_BODY,
            ),
            Operation(
                method="GET", path="/api/v1/posts/{id}/edits", handler=self._edits, name="listEdits", tag=TAG,
                summary="What a post was before it was changed", query=PageQuery, answers={200: EditsShape},
                problems=frozenset({404, 451}), auth="optional",
            ),
            Operation(
                method="DELETE", path="/api/v1/posts/{id}", handler=self._delete, name="deletePost", tag=TAG,
                summary="Delete a post of yours", answers={204: None}, problems=frozenset({404}), auth="required",
            ),
        ]  # fmt: skip

    async def _create(self, call: Call[PostBody, None]) -> Answer:
        post = await self._posts.create(call.me.id, call.body)
        if not isinstance(post, PostShape):
            raise not_found("The post has been deleted meanwhile")
        return Answer(201, MadePost(post=post))

    async def _get(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._read(call))

    async def _read(self, call: Call[Any, Any]) -> PostShape | DeletedPostShape:
        viewer = self._addresses.asker(call.person, address=call.address)
        return await self._posts.get(call.path["id"], viewer.id, country=viewer.country)

    async def _change(self, call: Call[PostChange, None]) -> Answer:
        await self._editing.change(call.me.id, call.path["id"], call.body)
        return Answer(body=await self._posts.get(call.path["id"], call.me.id))

    async def _edits(self, call: Call[None, PageQuery]) -> Answer:
        post_id, limit, cursor = call.path["id"], call.query.limit, call.query.cursor
        before = min(decode_cursor(cursor, tuple[int, UUID])[0], MAX_EDITS + 1) if cursor is not None else None
        post = await self._read(call)
        is_there = isinstance(post, PostShape)
        rows = await self._editing.versions(post_id, before, limit + 1) if is_there else []
        page, following = page_of(rows, limit, lambda row: (row["version"], post_id))
        items = [EditShape.model_validate(dict(row)) for row in page]
        return Answer(body=EditsShape(items=items, next=following))

    async def _delete(self, call: Call[None, None]) -> Answer:
        await self._posts.delete(call.me.id, call.path["id"])
        return Answer(204)
