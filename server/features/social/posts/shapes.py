"""Posts as clients see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, RootModel

from server.features.people.relations import PersonShape
from server.http.shapes import Page, Shape
from server.live.stream_shapes import RestrictionsShape

Visibility = Literal["public", "followers", "mentioned", "community"]


class MediaShape(Shape):
    id: UUID
    kind: Annotated[str, Field(examples=["image"])]
    url: str
    preview_url: str | None
    width: int | None
    height: int | None
    alt: Annotated[str, Field(description="What is to be seen or heard, for those who can't")]


class PollOptionShape(Shape):
    text: str
    votes: Annotated[int | None, Field(description="null until you have voted or the poll has ended")]


class PostPollShape(Shape):
    options: list[PollOptionShape]
    multiple: Annotated[bool, Field(description="Whether one may choose several")]
    voters: Annotated[int, Field(description="How many people have voted")]
    state: Literal["waiting", "open", "closed"]
    ends_at: Annotated[datetime | None, Field(description="null until the post is published")]


class MentionShape(Shape):
    id: UUID
    username: str


class LinkPreviewShape(Shape):
    url: str
    title: str
    description: str
    site_name: str
    image_url: str | None


class PostStreamShape(Shape):
    """The stream that a post tells of; it stays with its recording."""

    id: UUID
    title: str
    state: str
    thumbnail: str


class CountsShape(Shape):
    replies: int
    reposts: int
    quotes: int
    reactions: Annotated[dict[str, int], Field(description="Emoji → how many people")]


class ViewerShape(Shape):
    """What you have to do with the post."""

    reactions: list[str]
    reposted: bool
    bookmarked: bool
    voted: Annotated[list[int], Field(description="The options that you have chosen")]


class SinglePost(Shape):
    """A post without those that it quotes or repeats."""

    id: UUID
    author: PersonShape
    text: str
    media: list[MediaShape]
    poll: PostPollShape | None
    reply_to: Annotated[UUID | None, Field(description="The post that it answers")]
    root: Annotated[UUID | None, Field(description="The post that its thread began with; null: this one")]
    quote_of: UUID | None
    repost_of: UUID | None
    community: Annotated[str | None, Field(description="The community's name")]
    stream: PostStreamShape | None
    visibility: Visibility
    content_warning: str | None
    restrictions: Annotated[RestrictionsShape | None, Field(description="null: for everybody, without a warning")]
    language: str | None
    mentions: list[MentionShape]
    preview: Annotated[LinkPreviewShape | None, Field(description="Of the first link, once it was fetched")]
    state: Literal["published", "scheduled"]
    publish_at: datetime | None
    created_at: Annotated[datetime, Field(description="When it was published")]
    edited_at: datetime | None
    counts: CountsShape
    viewer: Annotated[ViewerShape | None, Field(description="null for guests")]


class QuotingPost(SinglePost):
    quoted: Annotated[SinglePost | None, Field(description="`quote_of`, where you may read it")]


class PostShape(QuotingPost):
    """A repost has no text of its own: what it repeats is in ``reposted``."""

    reposted: Annotated[QuotingPost | None, Field(description="`repost_of`")]


class MadePost(Shape):
    post: PostShape


class DeletedPostShape(Shape):
    """In the place of a deleted post that has replies."""

    id: UUID
    deleted: Literal[True] = True


class AnyPostShape(RootModel[PostShape | DeletedPostShape]):
    """A post, or what stands in its place."""


class PostsShape(Page[PostShape]):
    """A page of posts."""


class PostsOfUserShape(PostsShape):
    pinned: Annotated[PostShape | None, Field(description="Pinned to the profile; on the first page of `posts`")]


class EditShape(Shape):
    """A post as it was before it was changed."""

    text: str
    content_warning: str | None
    language: str | None
    written_at: datetime


class EditsShape(Page[EditShape]):
    """A page of former versions, the newest first."""


class RepliesShape(Page[PostShape | DeletedPostShape]):
    """A page of replies."""


class ThreadShape(Shape):
    """What a post answers, the beginning of the thread first, and the post."""

    ancestors: list[PostShape | DeletedPostShape]
    post: PostShape | DeletedPostShape
