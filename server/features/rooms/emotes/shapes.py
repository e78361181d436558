"""The shapes of emotes over REST."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from server.features.rooms.emotes.rules import NAME, NOUN
from server.features.rooms.picture_folders import url_of
from server.http.shapes import Query, Shape, Text
from storage.postgres import Row


class NameQuery(Query):
    name: Annotated[Text, Field(pattern=NAME, description="As it is written between colons")]


class EmoteShape(Shape):
    """``url``: 56 pixels wide; ``28.webp`` and ``112.webp`` are beside it. An animation moves."""

    id: uuid.UUID
    name: str
    url: str
    created_at: datetime


class EmotesShape(Shape):
    """All of them, by name."""

    items: list[EmoteShape]


def shown(row: Row) -> dict[str, Any]:
    return {**dict(row), "url": url_of(NOUN, row["id"])}
