"""The shapes of goals over REST."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field

from server.http.shapes import Body, Shape, Text

GoalKind = Literal["followers"]
MAX_TITLE: Final = 60
MAX_TARGET: Final = 1_000_000_000


class GoalBody(Body):
    title: Annotated[Text, Field(min_length=1, max_length=MAX_TITLE)]
    target: Annotated[int, Field(ge=1, le=MAX_TARGET)]
    is_from_now: Annotated[bool, Field(description="Only what comes after the goal was set counts")] = False


class GoalShape(Shape):
    """``current`` may be more than ``target``. ``set_at`` stays when the title or the target change."""

    kind: GoalKind
    title: str
    target: int
    current: int
    is_from_now: bool
    set_at: datetime


class GoalsShape(Shape):
    """One of each kind at most, by kind."""

    items: list[GoalShape]
