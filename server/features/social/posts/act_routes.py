"""Reactions, reposts, quotes, votes and bookmarks under ``/api/v1/posts/{id}``, and the folders of bookmarks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, Field

from server.features.social.posts.acts import Acts
from server.features.social.posts.bodies import BookmarkBody, VoteBody
from server.features.social.posts.bookmarks import MAX_FOLDERS, Bookmarks
from server.features.social.posts.posts import Posts
from server.features.social.posts.shapes import AnyPostShape
from server.http.limits import CallRate, hourly
from server.http.operation import Answer, Call, Operation, PathFormat
from server.http.shapes import Body, Shape, Text, one_line
from server.live.addresses import MediaAddresses

TAG: Final = "posts"
EMOJI: Final = PathFormat(pattern="^[^\\u0000-\\u0020/]{1,64}$", description="One emoji", example="\U0001f389")
RATE: Final = hourly("post_acts", 3_600)
MAX_FOLDER: Final = 50

Act = Callable[[str, str], Awaitable[None]]


class FolderBody(Body):
    name: Annotated[
        Text,
        Field(min_length=1, max_length=MAX_FOLDER),
        AfterValidator(partial(one_line, at_least=1, at_most=MAX_FOLDER)),
    ]


class FolderShape(Shape):
    id: UUID
    name: str
    created_at: datetime


class FoldersShape(Shape):
    items: Annotated[list[FolderShape], Field(max_length=MAX_FOLDERS)]


class ActRoutes:
    def __init__(
        self, *, acts: Acts, bookmarks: Bookmarks, posts: Posts, addresses: MediaAddresses, rate: CallRate = RATE
    ) -> None:
        """``rate`` bounds the acts of one account. ``addresses``: where viewers ask from."""
        self._addresses = addresses
        self._acts = acts
        self._bookmarks = bookmarks
        self._posts = posts
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required", "account_rate": self._rate}
        on_post: dict[str, Any] = {"answers": {204: None}, **mine}
        reaction: dict[str, Any] = {
            "path": "/api/v1/posts/{id}/reactions/{emoji}", "paths": {"emoji": EMOJI}, **on_post,
        }  # fmt: skip
        repost: dict[str, Any] = {"path": "/api/v1/posts/{id}/repost", **on_post}
        bookmark: dict[str, Any] = {"path": "/api/v1/posts/{id}/bookmark", **on_post}
        return [
            Operation(
                method="PUT", handler=self._react, name="reactToPost", summary="React to a post with an emoji",
                problems=frozenset({404, 409, 422}), **reaction,
            ),
            Operation(
                method="DELETE", handler=self._unreact, name="takeReactionBack", summary="Take a reaction back",
                problems=frozenset({404}), **reaction,
            ),
            Operation(
                method="PUT", handler=_acting(self._acts.repost), name="repost",
                summary="Show a public post to those who follow you", problems=frozenset({403, 404}), **repost,
            ),
            Operation(
                method="DELETE", handler=_acting(self._acts.unrepost), name="takeRepostBack",
                summary="Take a repost back", problems=frozenset({404}), **repost,
            ),
            Operation(
                method="DELETE", path="/api/v1/posts/{id}/quote", handler=_acting(self._acts.withdraw_quote),
                name="withdrawQuote", summary="Take what you wrote out of a post of another person that quotes it",
                problems=frozenset({404}), **on_post,
            ),
            Operation(
                method="PUT", path="/api/v1/posts/{id}/poll/vote", handler=self._vote, name="voteInPostPoll",
                summary="Vote in a post's poll, once and for good", body=VoteBody, answers={200: AnyPostShape},
                problems=frozenset({404, 409, 422}), **mine,
            ),
            Operation(
                method="PUT", handler=self._bookmark, name="bookmarkPost",
                summary="Bookmark a post, in a folder if you like; nobody else sees it", body=BookmarkBody,
                body_required=False, problems=frozenset({404, 422}), **bookmark,
            ),
            Operation(
                method="DELETE", handler=_acting(self._bookmarks.take_away), name="takeBookmarkAway",
                summary="Take a bookmark away", **bookmark,
            ),
            Operation(
                method="PUT", path="/api/v1/posts/{id}/pin", handler=_acting(self._acts.pin), name="pinPost",
                summary="Pin a post of yours to your profile", problems=frozenset({404}), **on_post,
            ),
            Operation(
                method="DELETE", path="/api/v1/posts/{id}/pin", handler=_acting(self._acts.unpin), name="unpinPost",
                summary="Take a post off the top of your profile", **on_post,
            ),
            *self._folders(mine),
        ]  # fmt: skip

    def _folders(self, mine: dict[str, Any]) -> Sequence[Operation]:
        folders, folder = "/api/v1/me/bookmark-folders", "/api/v1/me/bookmark-folders/{id}"
        return [
            Operation(
                method="GET", path=folders, handler=self._list_folders, name="listBookmarkFolders",
                summary="Your folders of bookmarks, by name", answers={200: FoldersShape}, **mine,
            ),
            Operation(
                method="POST", path=folders, handler=self._add_folder, name="addBookmarkFolder",
                summary="Make a folder of bookmarks", body=FolderBody, answers={201: FolderShape},
                problems=frozenset({409}), idempotent_key=True, **mine,
            ),
            Operation(
                method="PATCH", path=folder, handler=self._rename_folder, name="renameBookmarkFolder",
                summary="Rename a folder of bookmarks", body=FolderBody, answers={200: FolderShape},
                problems=frozenset({404, 409}), **mine,
            ),
            Operation(
                method="DELETE", path=folder, handler=_acting(self._bookmarks.drop_folder),
                name="dropBookmarkFolder", summary="Remove a folder; its bookmarks stay", answers={204: None},
                problems=frozenset({404}), **mine,
            ),
        ]  # fmt: skip

    async def _react(self, call: Call[None, None]) -> Answer:
        await self._acts.react(call.me.id, call.path["id"], call.path["emoji"])
        return Answer(204)

    async def _unreact(self, call: Call[None, None]) -> Answer:
        await self._acts.unreact(call.me.id, call.path["id"], call.path["emoji"])
        return Answer(204)

    async def _vote(self, call: Call[VoteBody, None]) -> Answer:
        await self._acts.vote(call.me.id, call.path["id"], call.body.options)
        viewer = self._addresses.asker(call.me, address=call.address)
        return Answer(body=await self._posts.get(call.path["id"], viewer.id, country=viewer.country))

    async def _bookmark(self, call: Call[BookmarkBody | None, None]) -> Answer:
        folder = call.body.folder if call.body is not None else None
        await self._bookmarks.put(call.me.id, call.path["id"], str(folder) if folder is not None else None)
        return Answer(204)

    async def _list_folders(self, call: Call[None, None]) -> Answer:
        rows = await self._bookmarks.folders(call.me.id)
        return Answer(body=FoldersShape(items=[FolderShape.model_validate(dict(row)) for row in rows]))

    async def _add_folder(self, call: Call[FolderBody, None]) -> Answer:
        row = await self._bookmarks.add_folder(call.me.id, call.body.name)
        return Answer(201, FolderShape.model_validate(dict(row)))

    async def _rename_folder(self, call: Call[FolderBody, None]) -> Answer:
        row = await self._bookmarks.rename_folder(call.me.id, call.path["id"], call.body.name)
        return Answer(body=FolderShape.model_validate(dict(row)))


def _acting(act: Act) -> Callable[[Call[None, None]], Awaitable[Answer]]:
    """A call that needs the person and what it is on."""

    async def handler(call: Call[None, None]) -> Answer:
        await act(call.me.id, call.path["id"])
        return Answer(204)

    return handler
