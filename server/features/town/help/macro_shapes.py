"""Macros as agents see them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import Field

from server.features.town.help.rules import Priority, State
from server.features.town.help.shapes import Note, Subject
from server.http.shapes import Body, Page, Shape


class MacroBody(Body):
    title: Subject
    text: Annotated[Note, Field(description="`{name}` and `{subject}` stand for those of the ticket")]
    state: Annotated[State | None, Field(description="Of the ticket, when it was sent")] = None
    priority: Priority | None = None


class MacroShape(Shape):
    id: uuid.UUID
    title: str
    text: str
    state: State | None
    priority: Priority | None
    changed_at: datetime


class MadeMacro(Shape):
    macro: MacroShape


class MacrosShape(Page[MacroShape]):
    """The oldest first."""
