"""The shapes of raids."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from pydantic import Field

from server.features.rooms.raids.rules import Allowed
from server.features.rooms.shapes import NamedPerson, instant, named
from server.http.shapes import Body as RestBody
from server.http.shapes import Shape
from server.live.bodies import EventShape, Id, OfStream
from server.live.events import Body, Instant
from server.socket_events import ServerEvent
from storage.postgres import Row


class StartRaid(EventShape, frozen=True, kw_only=True):
    """``target``: the id of the stream to which the viewers are sent."""

    stream_id: Id
    target: Id


class CancelRaid(OfStream, frozen=True, kw_only=True):
    """Before its viewers move."""


class RaidStarted(Body, frozen=True, kw_only=True):
    ok: bool
    at: Instant


class RaidSide(Body, frozen=True, kw_only=True):
    """A stream, as far as a raid shows it."""

    id: str
    title: str
    state: str
    owner: NamedPerson


class Raid(Body, frozen=True, kw_only=True):
    """``viewers`` of ``stream_id``, which ``source`` describes, move to ``target`` at ``at``."""

    stream_id: str
    source: RaidSide
    target: RaidSide
    viewers: Annotated[int, msgspec.Meta(ge=0)]
    at: Instant


class RaidCancelled(Body, frozen=True, kw_only=True):
    """Its viewers stay."""

    stream_id: str


class RaidCame(Raid, frozen=True, kw_only=True):
    """``came``: how many of the ``viewers`` who were sent to ``target`` watch, or watched, it."""

    came: Annotated[int, msgspec.Meta(ge=0)]


RAID_CAME: Final = ServerEvent(
    name="stream:raid_came",
    summary="How many of a raid came, told some seconds after they moved",
    body=RaidCame,
    to="the sockets of the owners of both streams",
)
RAID: Final = ServerEvent(
    name="stream:raid",
    summary="Viewers move to another stream at a time; its room is sent the same when they have moved",
    body=Raid,
    to="the sockets in the rooms of both streams",
)
RAID_CANCELLED: Final = ServerEvent(
    name="stream:raid_cancelled",
    summary="The raid was cancelled, or its target has ended",
    body=RaidCancelled,
    to="the sockets in the room",
)


class RaidSettings(RestBody):
    allowed: Annotated[Allowed, Field(description="Whose raids you take")]


class RaidSettingsShape(Shape):
    allowed: Allowed


def sent(row: Row) -> dict[str, Any]:
    return {
        "stream_id": row["source_id"],
        "source": _side(row, "source"),
        "target": _side(row, "target"),
        "viewers": row["viewers"],
        "at": instant(row["at"]),
    }


def _side(row: Row, side: str) -> dict[str, Any]:
    owner = named(row, person_id=f"{side}_owner_id", of=f"{side}_")
    return {"id": row[f"{side}_id"], "title": row[f"{side}_title"], "state": row[f"{side}_state"], "owner": owner}
