"""The shapes of channel points."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from server.features.rooms.points.rules import MAX_POINTS
from server.live.events import Body
from server.socket_events import ServerEvent

Amount = Annotated[int, msgspec.Meta(ge=1, le=MAX_POINTS)]


class Balance(Body, frozen=True, kw_only=True):
    """What the person has with the room's owner, in all of their rooms."""

    ok: bool
    points: int


class BalanceChanged(Body, frozen=True, kw_only=True):
    room_id: str
    points: int


BALANCE: Final = ServerEvent(
    name="points:balance", summary="Your points have changed", body=BalanceChanged, to="the sockets of the person"
)
