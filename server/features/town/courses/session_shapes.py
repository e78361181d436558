"""Sessions as clients see them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from server.features.town.courses.shapes import Id
from server.http.shapes import Body, Shape


class SessionBody(Body):
    call_id: Annotated[Id, Field(description="A call that you have begun")]


class SessionInvitation(Shape):
    """Join the call with it; who has been in it before needs none."""

    call_id: UUID
    join_token: str
