"""Rewards: offered, redeemed once for what they cost, fulfilled or refused with the points back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors.runtime import DomainError
from server.features.rooms import points as wallets
from server.features.rooms.rewards.rewards import MAX_REWARDS, Rewards
from server.features.rooms.rewards.shapes import RedeemReward, RewardBody, RewardChange
from server.features.rooms.settings import RoomSettings
from tests.server.features.rooms.conftest import Scene, new_id
from tests.server.features.rooms.test_polls import refused


class Shop:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        platform = scene.platform()
        self.points = wallets.build(platform, settings=RoomSettings(points_per_minute=10)).points
        self.rewards = Rewards(
            db=platform.db, audit=platform.audit, ids=platform.ids, now=scene.now,
            clock=scene.video,  # type: ignore[arg-type]
            points=self.points, publish=platform.publish,
        )  # fmt: skip

    async def customer(self, points: int = 100) -> str:
        person = await self.scene.person()
        await self.scene.db.execute(
            "insert into point_balances (owner_id, person_id, earned) values ($1, $2, $3)",
            self.scene.owner, person, points,
        )  # fmt: skip
        return person

    async def offer(self, **more: Any) -> str:
        body = RewardBody(**{"title": "Hydrate", "cost": 60, **more})
        reward_id: str = (await self.rewards.add(self.scene.owner, body))["id"]
        return reward_id

    async def redeem(self, person: str, reward_id: str, client_id: str = "", text: str = "") -> dict[str, Any]:
        return await self.rewards.redeem(
            person,
            RedeemReward(room_id=self.scene.room, reward_id=reward_id, client_id=client_id or new_id(), text=text),
        )

    async def decide(self, redemption: dict[str, Any], state: Any) -> dict[str, Any]:
        return await self.rewards.decide(self.scene.owner, redemption["id"], state)

    async def balance(self, person: str) -> int:
        return await self.points.balance(self.scene.db, self.scene.owner, person)


@pytest.fixture
async def shop(scene: Scene) -> Shop:
    return Shop(scene)


async def test_a_reward_costs_its_points_once_whatever_is_sent_again(shop: Shop) -> None:
    person, reward = await shop.customer(), await shop.offer()
    answers = await asyncio.gather(*(shop.redeem(person, reward, "c") for _ in range(3)))
    assert {answer["id"] for answer in answers} == {answers[0]["id"]}
    assert await shop.balance(person) == 40
    assert await refused(shop.redeem(person, reward)) == "not_enough_points"
    sent = [body for to, event, body in shop.scene.kit.published.events if event == "reward"]
    assert [(one["title"], one["cost"], one["state"], one["media_time_ms"]) for one in sent] == [
        ("Hydrate", 60, "waiting", 60_000)
    ]
    assert "text" not in sent[0]


async def test_what_is_refused_gives_the_points_back_once(shop: Shop) -> None:
    person, reward = await shop.customer(), await shop.offer()
    redemption = await shop.redeem(person, reward)
    await asyncio.gather(*(shop.decide(redemption, "refused") for _ in range(3)))
    assert await shop.balance(person) == 100
    assert await refused(shop.decide(redemption, "fulfilled")) == "already_decided"
    assert await shop.scene.audited() == ["reward.refused"]


async def test_what_is_fulfilled_leaves_the_queue(shop: Shop) -> None:
    person, reward = await shop.customer(), await shop.offer(needs_text=True)
    assert await refused(shop.redeem(person, reward, text=" \u200b")) == "invalid"
    redemption = await shop.redeem(person, reward, text="play  jazz")

    async def waiting() -> list[str]:
        queue = await shop.rewards.queue(shop.scene.owner, state="waiting", before=None, limit=5)
        return [one["text"] for one in queue]

    assert await waiting() == ["play jazz"]
    assert (await shop.decide(redemption, "fulfilled"))["state"] == "fulfilled"
    assert await waiting() == []
    assert await shop.balance(person) == 40


async def test_nobody_decides_or_changes_for_another_owner(shop: Shop) -> None:
    person, reward = await shop.customer(), await shop.offer()
    redemption = await shop.redeem(person, reward)
    assert await refused(shop.rewards.decide(person, redemption["id"], "refused")) == "not_found"
    assert await refused(shop.rewards.change(person, reward, RewardChange(cost=1))) == "not_found"
    assert await refused(shop.rewards.remove(person, reward)) == "not_found"
    assert await shop.balance(person) == 40


async def test_a_reward_that_is_paused_or_removed_is_not_had_and_what_was_redeemed_stays(shop: Shop) -> None:
    person, reward = await shop.customer(1_000), await shop.offer()
    redemption = await shop.redeem(person, reward)
    await shop.rewards.change(shop.scene.owner, reward, RewardChange(is_paused=True, cost=5))
    assert await refused(shop.redeem(person, reward)) == "reward_paused"
    assert await shop.rewards.offered(shop.scene.stream) == []
    await shop.rewards.remove(shop.scene.owner, reward)
    assert await refused(shop.redeem(person, reward)) == "not_found"
    await shop.decide(redemption, "refused")
    assert await shop.balance(person) == 1_000


async def test_an_owner_offers_a_bounded_number(shop: Shop) -> None:
    for _ in range(MAX_REWARDS):
        await shop.offer()
    with pytest.raises(DomainError, match="at most 50"):
        await shop.offer()
