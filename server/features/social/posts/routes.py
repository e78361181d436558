"""``/api/v1/posts``: written, read, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server.features.social.posts.bodies import MAX_BODY, PostBody
from server.features.social.posts.posts import Posts
from server.features.social.posts.shapes import AnyPostShape, PostShape
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation

TAG: Final = "posts"


class PostRoutes:
    def __init__(self, *, posts: Posts, rate: CallRate) -> None:
        """``rate`` bounds what one account publishes."""
        self._posts = posts
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="POST", path="/api/v1/posts", handler=self._create, name="createPost", tag=TAG,
                summary="Publish a post, or schedule it", body=PostBody, answers={201: PostShape},
                problems=frozenset({403, 404, 409, 422}), auth="required", idempotent_key=True,
                account_rate=self._rate, max_body=MAX_BODY,
            ),
            Operation(
                method="GET", path="/api/v1/posts/{id}", handler=self._get, name="getPost", tag=TAG,
                summary="A post", answers={200: AnyPostShape}, problems=frozenset({404}),
                auth="optional",
            ),
            Operation(
                method="DELETE", path="/api/v1/posts/{id}", handler=self._delete, name="deletePost", tag=TAG,
                summary="Delete a post of yours", answers={204: None}, problems=frozenset({404}), auth="required",
            ),
        ]  # fmt: skip

    async def _create(self, call: Call[PostBody, None]) -> Answer:
        return Answer(201, await self._posts.create(call.me.id, call.body))

    async def _get(self, call: Call[None, None]) -> Answer:
        viewer_id = call.person.id if call.person is not None else None
        return Answer(body=await self._posts.get(call.path["id"], viewer_id))

    async def _delete(self, call: Call[None, None]) -> Answer:
        await self._posts.delete(call.me.id, call.path["id"])
        return Answer(204)
