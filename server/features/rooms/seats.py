"""What a person is in the room of a stream: whether they may know of it, decide in it, take part in it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from actors.rate_limits import role_of
from actors.runtime import DomainError
from storage.postgres import Reads
from storage.seen_streams import IN_GOOD_STANDING, LET_IN


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """``state``: the stream's. ``is_moderator``: of this room. ``is_silenced``: the person may not write in it now."""

    room_id: str
    stream_id: str
    owner_id: str
    state: str
    is_moderator: bool
    is_silenced: bool


async def seat_of(where: Reads, room_id: str, person_id: str) -> Seat:
    """Raises ``DomainError("not_found")`` for a room that the person may not know of, and ``Unavailable``."""
    row = await where.fetchrow(_SEAT, person_id, room_id)
    if row is None:
        raise DomainError("not_found", "There is no such room.", field="room_id")
    return Seat(**dict(row))


def is_decider(seat: Seat, person_id: str, roles: Collection[str]) -> bool:
    moderators = (person_id,) if seat.is_moderator else ()
    return role_of(person_id, roles, owner_id=seat.owner_id, moderators=moderators) != "viewer"


def require_decider(seat: Seat, person_id: str, roles: Collection[str]) -> None:
    """Raise ``forbidden`` for who is neither the room's owner, nor one of its moderators, nor a moderator of the
    server."""
    if not is_decider(seat, person_id, roles):
        raise DomainError("forbidden", "Only the owner and moderators of the room may do this.")


def require_open(seat: Seat) -> None:
    if seat.state == "ended":
        raise DomainError("stream_ended", "The stream has ended.", field="room_id")


def require_unsilenced(seat: Seat) -> None:
    """Raise ``silenced`` for a person with a timeout or a ban."""
    if seat.is_silenced:
        raise DomainError("silenced", "You may not take part in this room now.")


_SEAT: Final = f"""
select r.id as room_id, r.stream_id, r.owner_id, s.state,
    exists (select from chat_moderators m where m.room_id = r.id and m.user_id = $1::uuid) as is_moderator,
    exists (select from chat_sanctions c where c.room_id = r.id and c.user_id = $1::uuid
        and (c.until is null or c.until > now())) as is_silenced
from chat_rooms r join streams s on s.id = r.stream_id join users o on o.id = r.owner_id
where r.id = $2 and {IN_GOOD_STANDING.format("o")} and {LET_IN.format("s", "s.visibility", "s.id")}
"""
