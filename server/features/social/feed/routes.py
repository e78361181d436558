"""``/api/v1/feed`` and ``/api/v1/hashtags/{tag}``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.social.feed.feeds import Feeds
from server.features.social.feed.hashtags import FollowedHashtags, tag_named
from server.features.social.feed.shapes import (
    HASHTAG,
    TAG,
    FeedQuery,
    FeedShape,
    FollowedHashtagShape,
    FollowedHashtagsShape,
    HashtagPageShape,
)
from server.http.errors import Problem
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import PageQuery
from server.live.addresses import MediaAddresses

PATHS: Final = {"tag": HASHTAG}


class FeedRoutes:
    def __init__(self, *, feeds: Feeds, hashtags: FollowedHashtags, addresses: MediaAddresses, rate: CallRate) -> None:
        self._feeds = feeds
        self._hashtags = hashtags
        self._addresses = addresses
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        follow: dict[str, Any] = {
            "path": "/api/v1/hashtags/{tag}/follow", "tag": TAG, "paths": PATHS, "answers": {204: None},
            "auth": "required", "account_rate": self._rate,
        }  # fmt: skip
        return [
            Operation(
                method="GET", path="/api/v1/feed", handler=self._feed, name="getFeed", tag=TAG, query=FeedQuery,
                summary="What is new from whom you follow (home), on the air (live), or from all (explore)",
                answers={200: FeedShape}, problems=frozenset({401}), auth="optional",
            ),
            Operation(
                method="GET", path="/api/v1/hashtags/{tag}", handler=self._hashtag, name="getHashtag", tag=TAG,
                summary="The posts of a hashtag, the newest first", paths=PATHS, query=PageQuery,
                answers={200: HashtagPageShape}, auth="optional",
            ),
            Operation(
                method="PUT", handler=self._follow, name="followHashtag", problems=frozenset({409}),
                summary="Follow a hashtag: its posts join your home feed", **follow,
            ),
            Operation(
                method="DELETE", handler=self._unfollow, name="unfollowHashtag", summary="Stop following a hashtag",
                **follow,
            ),
            Operation(
                method="GET", path="/api/v1/me/hashtags", handler=self._mine, name="listFollowedHashtags", tag=TAG,
                summary="The hashtags that you follow", answers={200: FollowedHashtagsShape}, auth="required",
            ),
        ]  # fmt: skip

    async def _feed(self, call: Call[None, FeedQuery]) -> Answer:
        query = call.query
        kind = query.kind or ("explore" if call.person is None else "home")
        viewer = self._addresses.asker(call.person, address=call.address)
        page: dict[str, Any] = {"cursor": query.cursor, "limit": query.limit}
        if kind == "live":
            items, following = await self._feeds.live(viewer, **page)
        elif kind == "explore":
            items, following = await self._feeds.explore(viewer, is_ranked=query.order != "latest", **page)
        elif call.person is None:
            raise Problem(401, "Sign in to have a home feed")
        else:
            items, following = await self._feeds.home(viewer, is_ranked=query.order == "ranked", **page)
        return Answer(body={"items": items, "next": following})

    async def _hashtag(self, call: Call[None, PageQuery]) -> Answer:
        tag = tag_named(call.path["tag"])
        viewer = self._addresses.asker(call.person, address=call.address)
        items, following = await self._feeds.of_tag(tag, viewer, cursor=call.query.cursor, limit=call.query.limit)
        is_following = await self._hashtags.is_following(viewer.id, tag)
        return Answer(body={"items": items, "next": following, "tag": tag, "following": is_following})

    async def _follow(self, call: Call[None, None]) -> Answer:
        await self._hashtags.follow(call.me.id, tag_named(call.path["tag"]))
        return Answer(204)

    async def _unfollow(self, call: Call[None, None]) -> Answer:
        await self._hashtags.unfollow(call.me.id, tag_named(call.path["tag"]))
        return Answer(204)

    async def _mine(self, call: Call[None, None]) -> Answer:
        rows = await self._hashtags.all(call.me.id)
        items = [FollowedHashtagShape(tag=row["tag"], since=row["created_at"]) for row in rows]
        return Answer(body=FollowedHashtagsShape(items=items))
