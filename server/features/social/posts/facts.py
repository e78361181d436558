"""The durable facts of posts. They hold ids and no text, since they outlive what they tell of."""

from __future__ import annotations

import datetime as dt

from storage.facts import Fact


class PostPublished(Fact, frozen=True, kw_only=True, tag="post.published"):
    """A post is there for those whom it is for; a scheduled one when its time has come.

    ``mentioned``: persons whom the text names, without the author of what it replies to. ``tags`` are folded.
    """

    post_id: str
    author_id: str
    visibility: str
    community_id: str | None = None
    reply_to: str | None = None
    reply_to_author: str | None = None
    root_id: str | None = None
    quote_of: str | None = None
    quoted_author: str | None = None
    repost_of: str | None = None
    reposted_author: str | None = None
    stream_id: str | None = None
    mentioned: list[str]
    tags: list[str]
    published_at: dt.datetime


class PostEdited(Fact, frozen=True, kw_only=True, tag="post.edited"):
    """``mentioned``: persons whom it did not name before. ``tags``: all that it has now, folded."""

    post_id: str
    author_id: str
    mentioned: list[str]
    tags: list[str]


class PostRemoved(Fact, frozen=True, kw_only=True, tag="post.removed"):
    """A post has been deleted, or a repost (``repost_of``) taken back. ``reply_to``, ``quote_of``: what it answered and
    quoted, where its author has no other post left that does.
    """

    post_id: str
    author_id: str
    repost_of: str | None = None
    reply_to: str | None = None
    quote_of: str | None = None


class PostReacted(Fact, frozen=True, kw_only=True, tag="post.reacted"):
    """``person_id`` has reacted to a post of ``author_id`` that they had no reaction on."""

    post_id: str
    author_id: str
    person_id: str
    emoji: str
