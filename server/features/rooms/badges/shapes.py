"""The shapes of badges over REST."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from server.features.rooms.badges.rules import NOUN, BadgeKind
from server.features.rooms.picture_folders import url_of
from server.http.shapes import Shape
from storage.postgres import Row


class BadgeShape(Shape):
    """``kind``: its name in ``badges`` of a message. ``url``: 56 pixels wide; ``28.webp``, ``112.webp`` are beside."""

    id: uuid.UUID
    kind: BadgeKind
    url: str
    created_at: datetime


class BadgesShape(Shape):
    """All of them, by kind; who has none of a kind is shown the server's own."""

    items: list[BadgeShape]


def shown(row: Row) -> dict[str, Any]:
    return {**dict(row), "url": url_of(NOUN, row["id"])}
