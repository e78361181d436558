"""The assistant as clients see it."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from functools import partial
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from server.features.people.relations import PersonShape
from server.features.town.assistant.passages import SourceKind
from server.features.town.assistant_settings import EngineName
from server.http.shapes import Body, Page, Shape, Text, several_lines

MAX_TEXT: Final = 4_000


class AskBody(Body):
    text: Annotated[
        Text,
        AfterValidator(partial(several_lines, at_least=1, at_most=MAX_TEXT)),
        Field(min_length=1, max_length=MAX_TEXT),
    ]
    conversation_id: Annotated[
        uuid.UUID | None, Field(strict=False, description="Goes on with this one; without it a new one begins")
    ] = None


class SourceShape(Shape):
    title: str
    url: Annotated[str, Field(description="A place of this server's page")]
    kind: SourceKind


class AssistantShape(Shape):
    engine: Annotated[
        Literal["articles", "model"], Field(description="articles: the best matching ones are all that it answers")
    ]
    questions_left: Annotated[int, Field(description="Of today")]
    tokens_left: int
    resets_at: datetime


class ConversationShape(Shape):
    id: uuid.UUID
    title: Annotated[str, Field(description="The beginning of the first question")]
    created_at: datetime
    changed_at: datetime


class ConversationsShape(Page[ConversationShape]):
    """The newest first."""


class SaidShape(Shape):
    id: uuid.UUID
    role: Literal["asker", "assistant"]
    text: str
    sources: list[SourceShape]
    created_at: datetime


class SaidsShape(Page[SaidShape]):
    """The oldest first."""


class DoneShape(Shape):
    tool: str
    title: str
    url: Annotated[str, Field(description="Where what was made is seen")]


class FailureShape(Shape):
    at: datetime
    failure: str
    says: Annotated[str, Field(description="For operators: without keys and content")]


class DayShape(Shape):
    day: date
    people: int
    questions: int
    tokens: int


class AskerShape(Shape):
    """How much a person has asked today, and not what."""

    person: PersonShape
    questions: int
    tokens: int


class AskersShape(Page[AskerShape]):
    """Who has asked most today, by tokens."""


class TrialShape(Shape):
    ok: bool
    failure: Annotated[str | None, Field(description="What went wrong; null: it answers")]
    says: Annotated[str, Field(description="Its first characters, or what went wrong")]
    seconds: float


class EngineShape(Shape):
    """``answers``, ``failures`` and first words: of this node since its start."""

    engine: EngineName
    model: str | None
    answers: int
    failures: Annotated[dict[str, int], Field(description="By what went wrong")]
    last_failure: Annotated[str, Field(description="Empty: there was none")]
    last_failures: Annotated[list[FailureShape], Field(description="The newest first")]
    first_word_p50_s: Annotated[float | None, Field(description="Of the last answers")]
    first_word_p95_s: float | None
    people_today: Annotated[int, Field(description="Who have asked, on all nodes")]
    questions_today: int
    tokens_today: int
    daily_questions: Annotated[int, Field(description="That a person has")]
    daily_tokens: int
    days: Annotated[list[DayShape], Field(description="The last ones on which anything was asked, the newest first")]
