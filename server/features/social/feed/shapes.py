"""Feeds as clients see them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from server.features.social.feed.rules import Reason
from server.features.social.posts import PostShape
from server.http.operation import PathFormat
from server.http.shapes import Page, PageQuery, Shape
from server.live.stream_shapes import StreamShape

TAG: Final = "feed"
HASHTAG: Final = PathFormat(
    pattern=r"^[^/\s]{1,100}$", description="A hashtag, with or without its #, in any case", example="music"
)
ReasonField = Annotated[Reason, Field(description="Why it is here")]


class FeedQuery(PageQuery):
    kind: Annotated[
        Literal["home", "live", "explore"] | None,
        Field(description="Without it home; for guests, who have none, explore"),
    ] = None
    order: Annotated[
        Literal["ranked", "latest"] | None, Field(description="Without it latest for home and ranked for explore")
    ] = None


class PostItem(Shape):
    post: PostShape
    reason: ReasonField
    tag: Annotated[str | None, Field(description="The hashtag that you follow, where that is the reason")] = None


PlainItem = dict[str, Any]
"""The fields of a ``PostItem`` or a ``StreamItem``: pages of posts are the most read, and go out as they were read."""


def each_once(items: Sequence[PlainItem]) -> list[PlainItem]:
    """Of a post and its reposts on one page the first that stands there."""
    firsts: dict[str, PlainItem] = {}
    for item in items:
        firsts.setdefault((item["post"]["reposted"] or item["post"])["id"], item)
    return list(firsts.values())


class StreamItem(Shape):
    stream: StreamShape
    reason: ReasonField


class FeedShape(Page[PostItem | StreamItem]):
    """A page of a feed."""


class HashtagPageShape(Page[PostItem]):
    """The posts of a hashtag, the newest first."""

    tag: Annotated[str, Field(description="As it is compared: folded, without the #")]
    following: Annotated[bool, Field(description="Whether you follow it")]


class FollowedHashtagShape(Shape):
    tag: str
    since: datetime


class FollowedHashtagsShape(Shape):
    items: list[FollowedHashtagShape]
