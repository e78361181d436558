"""The assistant as clients see it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from server.features.town.assistant.passages import SourceKind
from server.http.shapes import Body, Shape, Text, several_lines

MAX_TEXT: Final = 4_000


class AskBody(Body):
    text: Annotated[
        Text,
        AfterValidator(partial(several_lines, at_least=1, at_most=MAX_TEXT)),
        Field(min_length=1, max_length=MAX_TEXT),
    ]


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
