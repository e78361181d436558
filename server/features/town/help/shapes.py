"""Tickets and articles as clients see them."""

from __future__ import annotations

import uuid
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import AfterValidator, Field, StringConstraints

from server.features.people.relations import PersonShape
from server.features.town.help.rules import Priority, State
from server.http.shapes import Body, Page, PageQuery, Shape, Text, one_line, several_lines
from server.socket_events import ServerEvent

MAX_SUBJECT: Final = 150
MAX_TEXT: Final = 5_000
MAX_CATEGORY: Final = 40
MAX_QUERY: Final = 100

Subject = Annotated[
    Text,
    AfterValidator(partial(one_line, at_least=1, at_most=MAX_SUBJECT)),
    Field(min_length=1, max_length=MAX_SUBJECT),
]
Long = Annotated[Text, AfterValidator(partial(several_lines, at_most=MAX_TEXT)), Field(max_length=MAX_TEXT)]
Note = Annotated[
    Text, AfterValidator(partial(several_lines, at_least=1, at_most=MAX_TEXT)), Field(min_length=1, max_length=MAX_TEXT)
]
Category = Annotated[Text, AfterValidator(partial(one_line, at_most=MAX_CATEGORY)), Field(max_length=MAX_CATEGORY)]
Language = Literal["en", "ar"]


class NewTicket(Body):
    subject: Subject
    text: Long = ""
    category: Category = ""
    priority: Priority = "normal"


def _none() -> Any:
    return None


def _normal() -> Priority:
    return "normal"


def _open() -> State:
    return "open"


class TicketChange(Body):
    """What is left out stays. The person may change the subject, and close or open the ticket; agents all."""

    subject: Annotated[Subject, Field(default_factory=str)]
    category: Annotated[Category, Field(default_factory=str)]
    priority: Annotated[Priority, Field(default_factory=_normal)]
    state: Annotated[State, Field(default_factory=_open)]
    assignee: Annotated[
        Annotated[Text, Field(max_length=64)] | None,
        Field(default_factory=_none, description="The username of an agent; null: nobody"),
    ]


class SatisfactionBody(Body):
    score: Annotated[int, Field(ge=1, le=5)]
    text: Long = ""


class NoteBody(Body):
    text: Note


class SatisfactionShape(Shape):
    score: int
    text: str


class TicketShape(Shape):
    id: uuid.UUID
    subject: str
    text: str
    category: str
    state: State
    priority: Priority
    requester: PersonShape
    assignee: PersonShape | None
    room_id: Annotated[uuid.UUID, Field(description="Of its messages: a conversation of who is in it")]
    created_at: datetime
    changed_at: datetime
    due_at: Annotated[datetime | None, Field(description="By when agents are to answer")]
    is_overdue: bool
    answered_at: Annotated[datetime | None, Field(description="The first answer of an agent")]
    solved_at: datetime | None
    satisfaction: SatisfactionShape | None


class MadeTicket(Shape):
    ticket: TicketShape


class TicketsShape(Page[TicketShape]):
    """One's own, or to agents everybody's; the newest first."""


class TicketsQuery(PageQuery):
    state: State | None = None
    priority: Priority | None = None
    assigned: Annotated[Literal["me", "nobody"] | None, Field(description="For agents")] = None
    overdue: Annotated[bool, Field(description="Only those whose answer is late")] = False
    mine: Annotated[bool, Field(description="Only those that you have opened, as an agent too")] = False


class NoteShape(Shape):
    id: uuid.UUID
    author: PersonShape
    text: str
    created_at: datetime


class MadeNote(Shape):
    note: NoteShape


class NotesShape(Page[NoteShape]):
    """The oldest first."""


class HelpQuery(PageQuery):
    q: Annotated[str, StringConstraints(max_length=MAX_QUERY), Field(description="Without words: all articles")] = ""
    language: Annotated[
        Language | None, Field(description="Without it that of the words, or else of Accept-Language")
    ] = None


class FoundArticle(Shape):
    slug: str
    language: Language
    title: str
    excerpt: str


class ArticlesShape(Page[FoundArticle]):
    """The best first."""


class ArticleShape(Shape):
    slug: str
    language: Language
    title: str
    text: Annotated[str, Field(description="Markdown")]


class ArticleQuery(PageQuery):
    language: Language | None = None


class TicketChanged(msgspec.Struct, frozen=True, kw_only=True):
    ticket_id: str
    state: State


TICKET: Final = ServerEvent(
    name="help:ticket",
    summary="A ticket of yours, or assigned to you, has changed",
    body=TicketChanged,
    to="the sockets of its person and of its agent",
)
