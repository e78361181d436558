"""Channel points: what a person has earned by watching another one's streams, to be spent there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from actors.rate_limits import Rate
from server.feature import NO_UUID, ExportSection, Feature, PersonalData, Platform
from server.features.rooms.points import rules
from server.features.rooms.points.points import Points
from server.features.rooms.points.shapes import BALANCE, Amount, Balance
from server.features.rooms.seats import seat_of
from server.features.rooms.settings import RoomSettings
from server.live.bodies import OfRoom
from server.socket_events import ClientEvent
from storage.postgres import Database, Transaction

__all__ = ["Amount", "Points", "PointsRoom", "build"]


@dataclass(frozen=True, kw_only=True)
class PointsRoom:
    """``points``: to take and to give in the transactions of other features."""

    feature: Feature
    points: Points


def build(platform: Platform, *, settings: RoomSettings) -> PointsRoom:
    points = Points(db=platform.db, publish=platform.publish, now=platform.now, per_minute=settings.points_per_minute)
    feature = Feature(
        name="points",
        events=_PointEvents(points=points, db=platform.db).events(),
        sent=(BALANCE,),
        schedules=[points.schedule()],
        personal_data=PersonalData(tables=frozenset({"point_balances"}), sections=SECTIONS, erase=_erase),
        limits={"points_per_minute": settings.points_per_minute, "points_at_once": rules.MAX_POINTS},
    )
    return PointsRoom(feature=feature, points=points)


class _PointEvents:
    def __init__(self, *, points: Points, db: Database) -> None:
        self._points = points
        self._db = db

    def events(self) -> Sequence[ClientEvent]:
        return [
            ClientEvent(
                name="points:balance", shape=OfRoom, ack=Balance, handler=self._balance, scope="read",
                summary="Your points with the owner of a room", rate=Rate(per_s=2, burst=30),
            ),
        ]  # fmt: skip

    async def _balance(self, socket: Any, session: Any, body: OfRoom) -> dict[str, Any]:
        person = session.require_person()
        seat = await seat_of(self._db, body.room_id, person.id)
        return {"ok": True, "points": await self._points.balance(self._db, seat.owner_id, person.id)}


SECTIONS: Final = (
    ExportSection(
        name="points",
        sql="select owner_id, points, earned, taken, returned from point_balances"
        " where person_id = $1 and owner_id > $2::uuid order by owner_id limit $3",
        key=("owner_id",),
        start=(NO_UUID,),
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    await tx.execute("delete from point_balances where person_id = $1 or owner_id = $1", person_id)
