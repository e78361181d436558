"""Channel points: who earns them, how often, and that none appears or vanishes."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from actors.runtime import DomainError
from server.features.rooms import points as room
from server.features.rooms.settings import RoomSettings
from tests.server.features.rooms.conftest import Scene, new_id


class Wallets:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        made = room.build(scene.platform(), settings=RoomSettings(points_per_minute=10))
        self.points, self.feature = made.points, made.feature

    async def watch(self, person_id: str | None, *, stream: str = "", ago_s: float = 0.0) -> None:
        """A view that was counted so long ago for the last time."""
        at = self.scene.now() - timedelta(seconds=ago_s)
        await self.scene.db.execute(
            "insert into view_sessions (id, stream_id, user_id, viewer, started_at, last_at)"
            " values ($1, $2, $3, 'v', $4, $4)",
            new_id(), stream or self.scene.stream, person_id, at,
        )  # fmt: skip

    async def earn(self) -> int:
        async with self.scene.db.transaction() as tx:
            return await self.points.earn(tx)

    async def balance(self, person_id: str, owner: str = "") -> int:
        return await self.points.balance(self.scene.db, owner or self.scene.owner, person_id)


@pytest.fixture
async def wallets(scene: Scene) -> Wallets:
    return Wallets(scene)


async def test_a_person_earns_once_a_minute_whatever_the_number_of_tabs_and_nodes(wallets: Wallets) -> None:
    viewer = await wallets.scene.person()
    for _ in range(3):
        await wallets.watch(viewer)
    assert await wallets.earn() == 1
    assert await asyncio.gather(*(wallets.earn() for _ in range(4))) == [0] * 4
    assert await wallets.balance(viewer) == 10
    await wallets.scene.clock.advance(60)
    await wallets.watch(viewer)
    await wallets.earn()
    assert await wallets.balance(viewer) == 20
    told = wallets.scene.told(viewer, "points:balance")
    assert told == [{"room_id": wallets.scene.room, "points": points} for points in (10, 20)]


async def test_nobody_earns_who_has_left_nor_the_owner_nor_a_guest_nor_at_a_stream_that_is_over(
    wallets: Wallets,
) -> None:
    left, late = await wallets.scene.people(2)
    ended, _ = await wallets.scene.stage(owner=wallets.scene.owner, state="ended")
    await wallets.watch(left, ago_s=31)
    await wallets.watch(wallets.scene.owner)
    await wallets.watch(None)
    await wallets.watch(late, stream=ended)
    assert await wallets.earn() == 0


async def test_points_are_of_one_owner_in_all_of_their_rooms(wallets: Wallets) -> None:
    viewer, other_owner = await wallets.scene.people(2)
    other, _ = await wallets.scene.stage(owner=wallets.scene.owner)
    elsewhere, _ = await wallets.scene.stage(owner=other_owner)
    for stream in (wallets.scene.stream, other, elsewhere):
        await wallets.watch(viewer, stream=stream)
    await wallets.earn()
    assert (await wallets.balance(viewer), await wallets.balance(viewer, other_owner)) == (10, 10)


async def test_of_many_acts_at_once_no_more_is_taken_than_there_is(wallets: Wallets) -> None:
    viewer = await wallets.scene.person()
    await wallets.watch(viewer)
    await wallets.earn()

    async def take() -> int:
        async with wallets.scene.db.transaction() as tx:
            return await wallets.points.take(
                tx, room_id=wallets.scene.room, owner_id=wallets.scene.owner, person_id=viewer, points=3
            )

    outcomes = await asyncio.gather(*(take() for _ in range(8)), return_exceptions=True)
    assert sorted(one for one in outcomes if isinstance(one, int)) == [1, 4, 7]
    assert {one.code for one in outcomes if isinstance(one, DomainError)} == {"not_enough_points"}
    assert await wallets.balance(viewer) == 1


async def test_what_is_taken_and_given_at_random_with_crashes_is_conserved(wallets: Wallets) -> None:
    """A crash is a transaction that is not committed; what the model holds is what was committed."""
    chance, people = random.Random(7), await wallets.scene.people(6)
    held = dict.fromkeys(people, 1_000)
    for person in people:
        await wallets.scene.db.execute(
            "insert into point_balances (owner_id, person_id, earned) values ($1, $2, 1000)",
            wallets.scene.owner,
            person,
        )
    pot = 0
    for _ in range(120):
        person, amount, crashes = chance.choice(people), chance.randint(1, 700), chance.random() < 0.2
        is_taken = chance.random() < 0.6
        amounts = {person: amount} if is_taken else {one: min(amount, pot) // 6 for one in people}
        where = {"room_id": wallets.scene.room, "owner_id": wallets.scene.owner}
        try:
            async with wallets.scene.db.transaction() as tx:
                if is_taken:
                    await wallets.points.take(tx, **where, person_id=person, points=amount)
                else:
                    await wallets.points.give(tx, **where, amounts=amounts)
                if crashes:
                    raise LookupError
        except LookupError:
            continue
        except DomainError:
            assert amount > held[person]
            continue
        for one, moved in amounts.items():
            held[one] += -moved if is_taken else moved
            pot += moved if is_taken else -moved
    rows = await wallets.scene.db.fetch("select person_id, points, earned from point_balances")
    assert {row["person_id"]: row["points"] for row in rows} == held
    assert sum(row["points"] for row in rows) + pot == sum(row["earned"] for row in rows)
