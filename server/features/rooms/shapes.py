"""What the shapes of polls, predictions and rewards share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from server.features.rooms.texts import MAX_CHOICES
from server.live.bodies import STORABLE

Choice = Annotated[int, msgspec.Meta(ge=0, lt=MAX_CHOICES, description="The index of an option or outcome")]
ClientId = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=STORABLE)]
Line = Annotated[str, msgspec.Meta(max_length=1_000, pattern=STORABLE)]
Lines = Annotated[list[Line], msgspec.Meta(max_length=100)]


def instant(at: datetime) -> str:
    """RFC 3339, UTC, with Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
