"""What clients send to publish, change and save posts."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from server.features.social.posts.shapes import Visibility
from server.features.social.posts.texts import MAX_CODE_POINTS, MAX_GRAPHEMES, is_too_long
from server.http.shapes import Body, Moment, Text, one_line, several_lines

MAX_MEDIA: Final = 10
MAX_ALT: Final = 1_500
MAX_WARNING: Final = 200
MIN_OPTIONS: Final = 2
MAX_OPTIONS: Final = 10
MAX_OPTION: Final = 100
MIN_POLL_S: Final = 60
MAX_POLL_S: Final = 30 * 86_400
MAX_BODY: Final = 512 * 1024
"""Two thousand of the longest emoji, each code unit escaped, and ten descriptions."""

Id = Annotated[UUID, Field(strict=False)]


def _bounded(text: str) -> str:
    kept = several_lines(text, at_most=MAX_CODE_POINTS)
    if is_too_long(kept):
        raise ValueError(f"must have at most {MAX_GRAPHEMES} characters")
    return kept


def _different(options: list[str]) -> list[str]:
    if len(set(options)) < len(options):
        raise ValueError("must differ from each other")
    return options


PostText = Annotated[
    Text,
    Field(
        max_length=MAX_CODE_POINTS,
        description=f"Up to {MAX_GRAPHEMES} characters as people count them (UAX 29)",
        examples=["Hello #world"],
    ),
    AfterValidator(_bounded),
]
Alt = Annotated[Text, Field(max_length=MAX_ALT), AfterValidator(partial(several_lines, at_most=MAX_ALT))]
Warning_ = Annotated[Text, Field(max_length=MAX_WARNING), AfterValidator(partial(one_line, at_most=MAX_WARNING))]
Option = Annotated[
    Text,
    Field(min_length=1, max_length=MAX_OPTION),
    AfterValidator(partial(one_line, at_least=1, at_most=MAX_OPTION)),
]
Language = Annotated[
    str,
    StringConstraints(max_length=35, pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$"),
    Field(description="A tag of BCP 47", examples=["ar"]),
]
CommunityName = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{1,64}$")]


def _without_null(schema: dict[str, Any]) -> None:
    """One of two fields, of which the other is left out."""
    schema.clear()
    schema.update(type="string", format="uuid")


class MediaBody(Body):
    """Either a picture by its upload, or a ready video of yours by its id or by that of its upload."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["upload_id"]}, {"required": ["video_id"]}]})

    upload_id: Annotated[Id | None, Field(json_schema_extra=_without_null)] = None
    video_id: Annotated[Id | None, Field(json_schema_extra=_without_null)] = None
    alt: Alt = ""

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        given = self.model_fields_set & {"upload_id", "video_id"}
        if len(given) != 1 or getattr(self, next(iter(given))) is None:
            raise ValueError("has either an upload_id or a video_id")
        return self

    @property
    def id(self) -> str:
        return str(self.upload_id or self.video_id)


class PollBody(Body):
    options: Annotated[list[Option], Field(min_length=MIN_OPTIONS, max_length=MAX_OPTIONS), AfterValidator(_different)]
    seconds: Annotated[int, Field(ge=MIN_POLL_S, le=MAX_POLL_S)]
    multiple: bool = False


class PostBody(Body):
    """One of ``text``, ``media``, ``poll`` and ``quote_of`` at least."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Hello #world"}]})

    text: PostText = ""
    media: Annotated[list[MediaBody], Field(max_length=MAX_MEDIA, default_factory=list)]
    poll: PollBody | None = None
    reply_to: Id | None = None
    quote_of: Id | None = None
    community: CommunityName | None = None
    visibility: Annotated[
        Visibility | None,
        Field(description="Left out: that of the post it answers, `community` in one that is not open, else `public`"),
    ] = None
    content_warning: Warning_ | None = None
    language: Language | None = None
    publish_at: Annotated[Moment | None, Field(description="Scheduled: with a time zone, in the future")] = None


class PostChange(Body):
    """What is left out stays; null takes a warning or a language away."""

    text: PostText = ""
    content_warning: Warning_ | None = None
    language: Language | None = None
    publish_at: Annotated[Moment | None, Field(description="Of a scheduled post")] = None


class VoteBody(Body):
    options: Annotated[list[Annotated[int, Field(ge=0, lt=MAX_OPTIONS)]], Field(min_length=1, max_length=MAX_OPTIONS)]


class BookmarkBody(Body):
    folder: Annotated[Id | None, Field(description="null: none")] = None


PostKind = Literal["posts", "replies", "media"]
