"""Comments as clients see them."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from server.features.people.relations import PersonShape
from server.http.shapes import Body, Page, PageQuery, Shape, Text, several_lines

MAX_COMMENT: Final = 2_000
MAX_QUOTE: Final = 500
MAX_CLOCK: Final = 2**53 - 1

CommentText = Annotated[
    Text,
    AfterValidator(partial(several_lines, at_least=1, at_most=MAX_COMMENT)),
    Field(min_length=1, max_length=MAX_COMMENT),
]
Number = Annotated[int, Field(ge=0, le=MAX_CLOCK)]


class Item(Body):
    """A character, by who wrote it and when."""

    client: Number
    clock: Number


class Position(Body):
    """A relative position of Yjs in the document's text, as ``relativePositionToJSON`` writes it."""

    tname: Literal["content"] = "content"
    item: Annotated[Item | None, Field(description="Without one, the end of the text")] = None
    assoc: Annotated[int, Field(ge=-1, le=1)] = 0


class Place(Body):
    start: Position
    end: Position


class NewComment(Body):
    text: CommentText
    place: Annotated[Place | None, Field(description="Where in the text; without one, it is about all of it")] = None
    quote: Annotated[Text, Field(max_length=MAX_QUOTE, description="What stands there")] = ""


class CommentWords(Body):
    text: CommentText


class CommentsQuery(PageQuery):
    resolved: Annotated[bool, Field(description="Those that are resolved, else those that are open")] = False


class CommentShape(Shape):
    id: UUID
    author: Annotated[PersonShape | None, Field(description="None for who is gone")]
    text: str
    created_at: datetime
    changed_at: datetime


class ThreadShape(CommentShape):
    document_id: UUID
    place: Place | None
    quote: str
    resolved_at: datetime | None
    replies: Annotated[list[CommentShape], Field(description="The oldest first")]


class ThreadsShape(Page[ThreadShape]):
    """A page of comments with what was answered, the oldest first."""


class MadeThread(Shape):
    comment: ThreadShape


class MadeReply(Shape):
    comment: CommentShape
