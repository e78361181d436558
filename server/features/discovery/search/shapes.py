"""What is asked of a search, and what it answers."""

from __future__ import annotations

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field

from server.features.discovery.search.index import Kind
from server.features.people.relations import PersonShape
from server.features.social.communities import CommunityShape
from server.features.social.posts import PostShape
from server.features.videos.clips import ClipShape
from server.http.shapes import Cursor, Limit, Query, Shape, Text
from server.live.stream_shapes import StreamShape

MAX_QUERY: Final = 200
Group = Literal["people", "posts", "streams", "videos", "communities"]
GROUPS: Final[dict[Group, tuple[Kind, ...]]] = {
    "people": ("person",),
    "streams": ("stream",),
    "posts": ("post",),
    "videos": ("recording", "clip"),
    "communities": ("community",),
}
MIXED: Final[tuple[Kind, ...]] = ("person", "stream", "post", "clip", "community")


class SearchQuery(Query):
    q: Annotated[Text, Field(max_length=MAX_QUERY, description="Words, #hashtags, @names; the last may be a beginning")]
    kind: Annotated[Group | None, Field(description="Without one, the best of every kind, on one page")] = None
    limit: Limit = 20
    cursor: Cursor | None = None


class SuggestQuery(Query):
    q: Annotated[Text, Field(max_length=MAX_QUERY)]


class FoundPerson(PersonShape):
    kind: Literal["person"]
    bio: str
    private: bool
    followers: int
    following: Annotated[bool | None, Field(description="Whether you follow them; null for guests")]
    live_stream_id: Annotated[UUID | None, Field(description="Their public stream that is on the air")]


class FoundStream(StreamShape):
    kind: Annotated[Literal["stream", "recording"], Field(description="A recording is an ended stream to be played")]


class FoundClip(ClipShape):
    kind: Literal["clip"]


class FoundPost(PostShape):
    kind: Literal["post"]


class FoundCommunity(CommunityShape):
    kind: Literal["community"]


Found = FoundPerson | FoundPost | FoundStream | FoundClip | FoundCommunity


class SearchShape(Shape):
    items: list[Annotated[Found, Field(discriminator="kind")]]
    next: Annotated[str | None, Field(description="The cursor of the next page; null on the last one")]


class Suggestion(Shape):
    kind: Literal["person", "hashtag", "word"]
    text: Annotated[str, Field(description="What to search for")]
    person: Annotated[PersonShape | None, Field(description="Of the kind person")] = None


class SuggestionsShape(Shape):
    items: Annotated[list[Suggestion], Field(description="People whom you follow, other people, hashtags, words")]
