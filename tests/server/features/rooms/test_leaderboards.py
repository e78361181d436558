"""Leaderboards: who wrote most or has most points, without those who do not want to be named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from server.features.rooms import leaderboards as room
from server.features.rooms.leaderboards import LeaderboardQuery, LeaderboardSettings
from server.http.operation import Call, Operation
from tests.server.features.rooms.conftest import Scene, new_id
from tests.server.features.rooms.test_polls import refused


class Board:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.feature = room.build(scene.platform())

    def operation(self, name: str) -> Operation:
        return next(one for one in self.feature.operations if one.name == name)

    async def call(self, name: str, person: str, *, body: Any = None, **query: Any) -> Any:
        caller: Any = type("Caller", (), {"id": person})
        asked = LeaderboardQuery(**query) if name == "leaderboard" else None
        call: Any = Call(
            request=None,  # type: ignore[arg-type]
            body=body, query=asked, path={"room_id": self.scene.room}, person=caller, address="",
        )  # fmt: skip
        answer: Any = await self.operation(name).handler(call)
        return answer.body

    async def scores(self, **query: Any) -> list[tuple[int, str, int]]:
        items = (await self.call("leaderboard", self.scene.owner, **query))["items"]
        return [(one["rank"], one["id"], one["score"]) for one in items]

    async def wrote(self, person: str, count: int, *, ago: timedelta = timedelta(0), deleted: bool = False) -> None:
        at = self.scene.now() - ago
        for _ in range(count):
            await self.scene.db.execute(
                'insert into chat_messages (room_id, "offset", id, user_id, client_id, text, sent_at, deleted_at)'
                ' select $1, coalesce(max("offset"), 0) + 1, $2, $3, $2::uuid::text, \'x\', $4, $5'
                " from chat_messages where room_id = $1",
                self.scene.room, new_id(), person, at, at if deleted else None,
            )  # fmt: skip


@pytest.fixture
async def board(scene: Scene) -> Board:
    return Board(scene)


async def test_who_wrote_most_comes_first_and_equals_share_a_rank(board: Board) -> None:
    ann, bob, cid = await board.scene.people(3)
    await board.wrote(ann, 3)
    await board.wrote(bob, 3)
    await board.wrote(cid, 1)
    await board.wrote(cid, 5, deleted=True)
    await board.wrote(cid, 9, ago=timedelta(days=8))
    first, second = sorted((ann, bob), key=lambda person: person[-12:])
    assert await board.scores() == [(1, first, 3), (1, second, 3), (3, cid, 1)]
    assert (await board.scores(period="all"))[0] == (1, cid, 10)
    assert len(await board.scores(limit=2)) == 2


async def test_who_does_not_want_to_be_named_is_not_until_they_do(board: Board) -> None:
    ann, bob = await board.scene.people(2)
    await board.wrote(ann, 2)
    await board.wrote(bob, 1)
    for _ in range(2):
        body = LeaderboardSettings(listed=False)
        assert await board.call("setLeaderboardSettings", ann, body=body) == {"listed": False}
    assert await board.call("getLeaderboardSettings", ann) == {"listed": False}
    assert await board.scores() == [(1, bob, 1)]
    await board.call("setLeaderboardSettings", ann, body=LeaderboardSettings(listed=True))
    assert len(await board.scores()) == 2


async def test_points_are_those_earned_with_the_rooms_owner(board: Board) -> None:
    ann, bob = await board.scene.people(2)
    for person, owner, earned in ((ann, board.scene.owner, 5), (bob, board.scene.owner, 9), (ann, bob, 100)):
        await board.scene.db.execute(
            "insert into point_balances (owner_id, person_id, earned, taken) values ($1, $2, $3, 1)",
            owner,
            person,
            earned,
        )
    assert await board.scores(by="points", period="all") == [(1, bob, 9), (2, ann, 5)]
    assert await refused(board.scores(by="points", period="day")) == "invalid"


async def test_the_leaderboard_of_a_room_that_one_may_not_know_of_is_not_there(board: Board) -> None:
    await board.scene.db.execute("update streams set visibility = 'private' where id = $1", board.scene.stream)
    assert await refused(board.call("leaderboard", await board.scene.person())) == "not_found"
