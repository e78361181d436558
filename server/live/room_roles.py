"""What a person may do in a room, as this node knows it. The room's actor decides."""

from __future__ import annotations

from typing import Final, Literal

from actors.chat_rules import RoomRole
from actors.rate_limits import role_of
from actors.session import Session
from server.live.room_mirror import RoomMirror

Role = RoomRole | Literal["owner", "admin"]
MODERATORS: Final = frozenset({"owner", "admin", "moderator"})


def role_in(mirror: RoomMirror, session: Session) -> Role | None:
    """What the session's person may do in the room; None for guests, viewers and overlays."""
    person = session.person
    if person is None or session.is_overlay or mirror.is_private:
        return None
    role = role_of(person.id, session.roles, owner_id=mirror.owner_id)
    return mirror.roles.get(person.id) if role == "viewer" else role
