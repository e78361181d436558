"""Predictions: what is staked, until when, and what comes of it."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from actors.runtime import DomainError
from server.features.rooms import points as wallets
from server.features.rooms import predictions as room
from server.features.rooms.predictions.predictions import Predictions
from server.features.rooms.predictions.shapes import CreatePrediction, EnterPrediction
from server.features.rooms.settings import RoomSettings
from tests.server.features.rooms.conftest import Scene, new_id
from tests.server.features.rooms.test_polls import refused


class Predicted:
    """A scene with predictions; everybody begins with 1,000 points."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        platform = scene.platform()
        self.points = wallets.build(platform, settings=RoomSettings(points_per_minute=10)).points
        self.feature = room.build(
            platform,
            clock=scene.video,  # type: ignore[arg-type]
            points=self.points,
            senders=scene.announced,  # type: ignore[arg-type]
        )
        self.predictions = Predictions(
            db=platform.db, jobs=platform.jobs, audit=platform.audit, ids=platform.ids, now=scene.now,
            clock=scene.video,  # type: ignore[arg-type]
            points=self.points,
            senders=scene.announced,  # type: ignore[arg-type]
        )  # fmt: skip

    async def people(self, count: int) -> list[str]:
        people = await self.scene.people(count)
        for person in people:
            await self.scene.db.execute(
                "insert into point_balances (owner_id, person_id, earned) values ($1, $2, 1000)",
                self.scene.owner, person,
            )  # fmt: skip
        return people

    async def open(self, by: str | None = None, **more: Any) -> str:
        body = {"room_id": self.scene.room, "question": "Who wins?", "outcomes": ["Red", "Blue"], "seconds": 60}
        made = await self.predictions.create(by or self.scene.owner, (), CreatePrediction(**{**body, **more}))
        prediction_id: str = made["id"]
        return prediction_id

    async def enter(
        self, person: str, prediction_id: str, outcome: int, points: int, client_id: str | None = None
    ) -> dict[str, Any]:
        return await self.predictions.enter(
            person,
            EnterPrediction(
                prediction_id=prediction_id, outcome=outcome, points=points, client_id=client_id or new_id()
            ),
        )

    async def end(self, prediction_id: str, winner: int | None) -> dict[str, Any]:
        return await self.predictions.end(self.scene.owner, (), prediction_id, winner)

    async def balances(self, people: list[str]) -> list[int]:
        return [await self.points.balance(self.scene.db, self.scene.owner, person) for person in people]

    async def run_due(self) -> None:
        await self.scene.db.execute("update jobs set due_at = now() where due_at <= $1", self.scene.now())
        await self.scene.kit.run_jobs([self.feature])


@pytest.fixture
async def predicted(scene: Scene) -> Predicted:
    return Predicted(scene)


async def test_stakes_are_taken_at_once_and_paid_out_to_the_point(predicted: Predicted) -> None:
    people = await predicted.people(3)
    prediction = await predicted.open()
    assert await predicted.enter(people[0], prediction, 0, 100) == {
        "prediction_id": prediction, "points": 900, "entry": {"outcome": 0, "points": 100}
    }  # fmt: skip
    await predicted.enter(people[1], prediction, 0, 200)
    await predicted.enter(people[2], prediction, 1, 500)
    ended = await predicted.end(prediction, 0)
    assert (ended["state"], ended["winner"]) == ("resolved", 0)
    assert [(one["points"], one["people"]) for one in ended["outcomes"]] == [(300, 2), (500, 1)]
    assert await predicted.balances(people) == [1_167, 1_333, 500]
    assert predicted.scene.told(people[1], "points:balance")[-1]["points"] == 1_333
    assert await predicted.scene.audited() == ["prediction.opened", "prediction.resolved"]
    facts = await predicted.scene.db.fetch("select body from facts where name = 'prediction.resolved'")
    assert [fact["body"]["winner"] for fact in facts] == [0]


async def test_the_same_client_id_stakes_once_even_at_one_time(predicted: Predicted) -> None:
    (person,) = await predicted.people(1)
    prediction = await predicted.open()
    answers = await asyncio.gather(*(predicted.enter(person, prediction, 1, 300, "c") for _ in range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert await predicted.balances([person]) == [700]


async def test_more_may_be_staked_on_the_same_outcome_and_not_on_another(predicted: Predicted) -> None:
    (person,) = await predicted.people(1)
    prediction = await predicted.open()
    await predicted.enter(person, prediction, 1, 300)
    assert (await predicted.enter(person, prediction, 1, 200))["entry"] == {"outcome": 1, "points": 500}
    assert await refused(predicted.enter(person, prediction, 0, 1)) == "other_outcome"
    assert await refused(predicted.enter(person, prediction, 1, 501)) == "not_enough_points"
    assert await predicted.balances([person]) == [500]


async def test_nothing_is_staked_after_the_lock_by_time_or_by_hand(predicted: Predicted) -> None:
    (person,) = await predicted.people(1)
    by_time, by_hand = await predicted.open(seconds=60), await predicted.open(seconds=600)
    await predicted.predictions.lock(predicted.scene.owner, (), by_hand)
    assert await refused(predicted.enter(person, by_hand, 0, 1)) == "prediction_locked"
    await predicted.scene.clock.advance(60)
    assert await refused(predicted.enter(person, by_time, 0, 1)) == "prediction_locked"
    predicted.scene.announced.asked.clear()
    await predicted.run_due()
    assert predicted.scene.announced.asked == [(predicted.scene.room, "prediction:state", by_time)]
    states = [one["prediction"]["state"] for one in await predicted.predictions.open_in([predicted.scene.room])]
    assert states == ["locked", "locked"]


async def test_a_cancelled_prediction_gives_everybody_theirs_back(predicted: Predicted) -> None:
    people = await predicted.people(2)
    prediction = await predicted.open()
    for outcome, person in enumerate(people):
        await predicted.enter(person, prediction, outcome, 250)
    assert (await predicted.end(prediction, None))["state"] == "cancelled"
    assert await predicted.balances(people) == [1_000, 1_000]


async def test_a_prediction_ends_once(predicted: Predicted) -> None:
    (person,) = await predicted.people(1)
    prediction = await predicted.open()
    await predicted.enter(person, prediction, 0, 10)
    await asyncio.gather(*(predicted.end(prediction, 0) for _ in range(3)))
    assert await refused(predicted.end(prediction, 1)) == "prediction_over"
    assert await refused(predicted.end(prediction, None)) == "prediction_over"
    assert await predicted.balances([person]) == [1_000]


async def test_what_nobody_resolves_is_cancelled_a_day_after_its_lock(predicted: Predicted) -> None:
    (person,) = await predicted.people(1)
    prediction = await predicted.open()
    await predicted.enter(person, prediction, 0, 400)
    await predicted.scene.clock.advance(24 * 3600)
    await predicted.run_due()
    assert await predicted.balances([person]) == [600]
    await predicted.scene.clock.advance(61)
    await predicted.run_due()
    assert await predicted.balances([person]) == [1_000]


async def test_only_who_decides_in_the_room_opens_locks_and_ends(predicted: Predicted) -> None:
    (person,) = await predicted.people(1)
    prediction = await predicted.open(await predicted.scene.moderator())
    assert await refused(predicted.open(person)) == "forbidden"
    assert await refused(predicted.predictions.lock(person, (), prediction)) == "forbidden"
    assert await refused(predicted.predictions.end(person, (), prediction, 0)) == "forbidden"
    assert await refused(predicted.end(prediction, 2)) == "invalid"
    assert await refused(predicted.end(new_id(), 0)) == "not_found"


async def test_predictions_at_random_conserve_every_point(predicted: Predicted) -> None:
    """Stakes and ends at one time, some with the same client_id, some of more than there is."""
    chance, people = random.Random(3), await predicted.people(8)

    async def stake(prediction: str) -> Any:
        outcome, points, client_id = chance.randint(0, 1), chance.randint(1, 600), str(chance.randint(0, 30))
        return await predicted.enter(chance.choice(people), prediction, outcome, points, client_id)

    refusals: list[Any] = []
    for _ in range(5):
        prediction = await predicted.open()
        refusals += await asyncio.gather(*(stake(prediction) for _ in range(20)), return_exceptions=True)
        last = [stake(prediction) for _ in range(4)]
        winner = chance.choice([0, 1, None])
        refusals += await asyncio.gather(*last, predicted.end(prediction, winner), return_exceptions=True)
    codes = {one.code for one in refusals if isinstance(one, DomainError)}
    assert codes <= {"not_enough_points", "other_outcome", "prediction_locked"}
    assert not [one for one in refusals if not isinstance(one, DomainError | dict)]
    assert sum(await predicted.balances(people)) == 8_000
    row = await predicted.scene.db.fetchrow("select sum(points) as points, sum(paid) as paid from prediction_entries")
    assert row is not None
    assert row["points"] == row["paid"] > 0


async def test_the_list_has_ones_own_entry_and_what_it_paid(predicted: Predicted) -> None:
    (person,) = await predicted.people(1)
    prediction = await predicted.open()
    await predicted.enter(person, prediction, 0, 10)

    async def entry() -> Any:
        (one,) = await predicted.predictions.listed(
            predicted.scene.room, person, before=None, limit=5, media_time_ms=60_000
        )
        return one["entry"]

    assert await entry() == {"outcome": 0, "points": 10, "paid": None}
    await predicted.end(prediction, 0)
    assert await entry() == {"outcome": 0, "points": 10, "paid": 10}


async def test_a_replay_shows_what_was_staked_and_decided_by_its_moment(predicted: Predicted) -> None:
    ann, bob = await predicted.people(2)
    prediction = await predicted.open()
    await predicted.scene.pass_time(10)
    await predicted.enter(ann, prediction, 0, 10)
    await predicted.scene.pass_time(20)
    await predicted.enter(bob, prediction, 1, 30)
    await predicted.scene.pass_time(60)
    await predicted.end(prediction, 1)

    async def at(ms: int | None) -> Any:
        rows = await predicted.predictions.listed(predicted.scene.room, None, before=None, limit=5, media_time_ms=ms)
        return [(one["state"], one["winner"], [out["people"] for out in one["outcomes"]]) for one in rows]

    assert await at(59_999) == []
    assert await at(60_000) == [("open", None, [0, 0])]
    assert await at(71_000) == [("open", None, [1, 0])]
    assert await at(91_000) == [("open", None, [1, 1])]
    assert await at(130_000) == [("locked", None, [1, 1])]
    assert await at(151_000) == await at(None) == [("resolved", 1, [1, 1])]


async def test_the_stake_of_an_account_that_goes_stays_in_the_pot(predicted: Predicted) -> None:
    gone, stays = await predicted.people(2)
    prediction = await predicted.open()
    await predicted.enter(gone, prediction, 0, 100)
    await predicted.enter(stays, prediction, 1, 100)
    assert predicted.feature.personal_data is not None
    async with predicted.scene.db.transaction() as tx:
        await predicted.feature.personal_data.erase(tx, gone)
        await tx.execute("delete from users where id = $1", gone)
    await predicted.end(prediction, 1)
    assert await predicted.balances([stays]) == [1_100]
