"""Leaderboards of a room: who wrote most, and who has earned most points with its owner. Who does not want to be in
one is in none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from actors.runtime import DomainError
from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.rooms.seats import seat_of
from server.http.limits import OWN_SETTINGS, CallRate
from server.http.operation import UUID, Answer, Call, Operation
from server.http.shapes import Body, Query, Shape
from storage.postgres import Transaction
from storage.seen_streams import IN_GOOD_STANDING, NOT_APART

__all__ = ["build"]

MAX_LISTED: Final = 100
RATE: Final = CallRate("leaderboard", per_s=0.5, burst=20)
By = Literal["messages", "points"]
Period = Literal["day", "week", "month", "all"]
_PERIODS: Final = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}


class LeaderboardQuery(Query):
    by: By = "messages"
    period: Annotated[Period, Field(description="Points are of all time alone")] = "week"
    limit: Annotated[int, Field(ge=1, le=MAX_LISTED)] = 10


class Leader(Shape):
    """Those who have the same score have the same rank."""

    rank: int
    id: str
    username: str
    display_name: str
    score: int


class Leaders(Shape):
    items: list[Leader]


class LeaderboardSettings(Body):
    listed: Annotated[bool, Field(description="Whether leaderboards may name you")]


class LeaderboardSettingsShape(Shape):
    listed: bool


def build(platform: Platform) -> Feature:
    return Feature(
        name="leaderboards",
        operations=[*_Leaderboards(platform).operations(), *_settings(platform)],
        personal_data=PersonalData(
            tables=frozenset({"leaderboard_hidden"}),
            sections=(rows_by_id("leaderboard_hidden", "user_id", "leaderboard_hidden where user_id = $1", "user_id"),),
            erase=_erase,
        ),
        limits={"leaders": MAX_LISTED},
    )


class _Leaderboards:
    def __init__(self, platform: Platform) -> None:
        self._db = platform.db
        self._now = platform.now

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/chat/rooms/{room_id}/leaderboard", handler=self._list, name="leaderboard",
                tag="leaderboards", paths={"room_id": UUID}, query=LeaderboardQuery, answers={200: Leaders},
                summary="Who wrote most in a room, or has earned most points with its owner",
                problems=frozenset({404, 422}), auth="required", account_rate=RATE,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, LeaderboardQuery]) -> Answer:
        seat = await seat_of(self._db, call.path["room_id"], call.me.id)
        by, period, limit = call.query.by, call.query.period, call.query.limit
        if by == "messages":
            since = None if period == "all" else self._now() - _PERIODS[period]
            rows = await self._db.fetch(_BY_MESSAGES, seat.room_id, since, limit, call.me.id)
        elif period == "all":
            rows = await self._db.fetch(_BY_POINTS, seat.owner_id, limit, call.me.id)
        else:
            raise DomainError("invalid", "Points are counted for all time alone: ask for period=all.", field="period")
        return Answer(200, {"items": [dict(row) for row in rows]})


def _settings(platform: Platform) -> Sequence[Operation]:
    async def get(call: Call[None, None]) -> Answer:
        is_hidden = await platform.db.fetchval("select true from leaderboard_hidden where user_id = $1", call.me.id)
        return Answer(200, {"listed": not is_hidden})

    async def put(call: Call[LeaderboardSettings, None]) -> Answer:
        await platform.db.execute(_SHOW if call.body.listed else _HIDE, call.me.id)
        return Answer(200, {"listed": call.body.listed})

    own: dict[str, Any] = {"tag": "leaderboards", "auth": "required", "answers": {200: LeaderboardSettingsShape}}
    path = "/api/v1/me/leaderboard-settings"
    return [
        Operation(
            method="GET", path=path, handler=get, name="getLeaderboardSettings",
            summary="Whether leaderboards may name you", **own,
        ),
        Operation(
            method="PUT", path=path, handler=put, name="setLeaderboardSettings",
            summary="Be named in leaderboards, or in none", body=LeaderboardSettings, account_rate=OWN_SETTINGS, **own,
        ),
    ]  # fmt: skip


async def _erase(tx: Transaction, person_id: str) -> None:
    await tx.execute(_SHOW, person_id)


_SHOW: Final = "delete from leaderboard_hidden where user_id = $1"
_HIDE: Final = "insert into leaderboard_hidden (user_id) values ($1) on conflict do nothing"
_RANKED: Final = f"""
select rank() over (order by s.score desc)::integer as rank, u.id, u.username, u.display_name, s.score
from scores s join users u on u.id = s.user_id
where {IN_GOOD_STANDING.format("u")} and not exists (select from leaderboard_hidden h where h.user_id = u.id)
    and {NOT_APART.format(person="u.id", viewer="{viewer}")}
order by s.score desc, u.username_key limit
"""
_BY_MESSAGES: Final = f"""
with scores as (
    select user_id, count(*) as score from chat_messages
    where room_id = $1 and deleted_at is null and ($2::timestamptz is null or sent_at > $2) group by user_id
) {_RANKED.format(viewer="$4")} $3
"""
_BY_POINTS: Final = f"""
with scores as (select person_id as user_id, earned as score from point_balances where owner_id = $1 and earned > 0)
{_RANKED.format(viewer="$3")} $2
"""
