"""Lists of posts: threads, profiles, bookmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from server.features.people.relations import NAMED
from server.features.social.posts.bodies import Id, PostKind
from server.features.social.posts.lists import PostLists
from server.features.social.posts.shapes import PostsOfUserShape, PostsShape, RepliesShape, ThreadShape
from server.http.operation import Answer, Call, Operation
from server.http.shapes import PageQuery
from server.live.addresses import MediaAddresses
from server.live.viewings import Viewer

TAG: Final = "posts"


class RepliesQuery(PageQuery):
    order: Literal["oldest", "newest"] = "oldest"


class AuthorQuery(PageQuery):
    kind: Annotated[PostKind, Field(description="`posts`: with reposts, without replies")] = "posts"


class BookmarksQuery(PageQuery):
    folder: Annotated[Id | None, Field(description="Only those in this folder of yours")] = None


class ListRoutes:
    def __init__(self, *, lists: PostLists, addresses: MediaAddresses) -> None:
        """``addresses``: where viewers ask from."""
        self._lists = lists
        self._addresses = addresses

    def operations(self) -> Sequence[Operation]:
        for_all: dict[str, Any] = {"tag": TAG, "auth": "optional", "problems": frozenset({404, 451})}
        return [
            Operation(
                method="GET", path="/api/v1/posts/{id}/replies", handler=self._replies, name="listReplies",
                summary="What answers a post", query=RepliesQuery, answers={200: RepliesShape}, **for_all,
            ),
            Operation(
                method="GET", path="/api/v1/posts/{id}/thread", handler=self._thread, name="getThread",
                summary="A post with what it answers, up to where the thread began", answers={200: ThreadShape},
                **for_all,
            ),
            Operation(
                method="GET", path="/api/v1/posts/{id}/quotes", handler=self._quotes, name="listQuotes",
                summary="Posts that quote a post, the newest first", query=PageQuery, answers={200: PostsShape},
                **for_all,
            ),
            Operation(
                method="GET", path="/api/v1/users/{username}/posts", handler=self._of_author, name="listPostsOfUser",
                summary="A person's posts, the newest first", paths=NAMED, query=AuthorQuery,
                answers={200: PostsOfUserShape}, **for_all,
            ),
            Operation(
                method="GET", path="/api/v1/me/bookmarks", handler=self._bookmarks, name="listBookmarks", tag=TAG,
                summary="Your bookmarks, the last first", query=BookmarksQuery, answers={200: PostsShape},
                auth="required",
            ),
        ]  # fmt: skip

    async def _replies(self, call: Call[None, RepliesQuery]) -> Answer:
        query = call.query
        items, following = await self._lists.replies(
            call.path["id"], self._viewer(call), query.cursor, query.limit, is_newest_first=query.order == "newest"
        )
        return Answer(body=RepliesShape(items=items, next=following))

    async def _thread(self, call: Call[None, None]) -> Answer:
        ancestors, post = await self._lists.thread(call.path["id"], self._viewer(call))
        return Answer(body=ThreadShape(ancestors=ancestors, post=post))

    async def _quotes(self, call: Call[None, PageQuery]) -> Answer:
        items, following = await self._lists.quotes(
            call.path["id"], self._viewer(call), call.query.cursor, call.query.limit
        )
        return Answer(body=PostsShape(items=items, next=following))

    async def _of_author(self, call: Call[None, AuthorQuery]) -> Answer:
        query = call.query
        items, following = await self._lists.of_author(
            call.path["username"], query.kind, self._viewer(call), query.cursor, query.limit
        )
        is_first = query.cursor is None and query.kind == "posts"
        pinned = await self._lists.pinned(call.path["username"], self._viewer(call)) if is_first else None
        return Answer(body=PostsOfUserShape(items=items, next=following, pinned=pinned))

    async def _bookmarks(self, call: Call[None, BookmarksQuery]) -> Answer:
        query = call.query
        folder = str(query.folder) if query.folder is not None else None
        items, following = await self._lists.bookmarks(self._viewer(call), folder, query.cursor, query.limit)
        return Answer(body=PostsShape(items=items, next=following))

    def _viewer(self, call: Call[Any, Any]) -> Viewer:
        return self._addresses.asker(call.person, address=call.address)
