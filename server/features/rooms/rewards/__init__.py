"""Rewards: offered by the owner of a room for channel points, redeemed in it, fulfilled or refused from a queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from actors.rate_limits import Rate
from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.rooms.media_clock import MediaClock
from server.features.rooms.points import Points
from server.features.rooms.rewards import queries
from server.features.rooms.rewards.rewards import MAX_REWARDS, MAX_WAITING, Rewards
from server.features.rooms.rewards.routes import RewardRoutes
from server.features.rooms.rewards.shapes import REWARD, Redeemed, RedeemReward
from server.socket_events import ClientEvent
from storage.postgres import Transaction

__all__ = ["build"]


def build(platform: Platform, *, clock: MediaClock, points: Points) -> Feature:
    rewards = Rewards(
        db=platform.db,
        audit=platform.audit,
        ids=platform.ids,
        now=platform.now,
        clock=clock,
        points=points,
        publish=platform.publish,
    )
    return Feature(
        name="rewards",
        operations=RewardRoutes(rewards=rewards, db=platform.db).operations(),
        events=_events(rewards),
        sent=(REWARD,),
        personal_data=PersonalData(
            tables=frozenset({"rewards", "reward_redemptions"}), sections=SECTIONS, erase=_erase
        ),
        codes={"too_many_rewards": 409, "already_decided": 409},
        limits={"rewards": MAX_REWARDS, "rewards_waiting": MAX_WAITING},
    )


def _events(rewards: Rewards) -> Sequence[ClientEvent]:
    async def redeem(socket: Any, session: Any, body: RedeemReward) -> dict[str, Any]:
        return {"ok": True, **await rewards.redeem(session.require_person().id, body)}

    return [
        ClientEvent(
            name="reward:redeem", shape=RedeemReward, ack=Redeemed, handler=redeem, scope="chat",
            summary="Have a reward for your points", rate=Rate(per_s=1, burst=10),
        ),
    ]  # fmt: skip


SECTIONS: Final = (
    rows_by_id("rewards", "id, title, prompt, cost, created_at", "rewards where owner_id = $1"),
    rows_by_id(
        "reward_redemptions",
        "id, title, cost, text, state, redeemed_at, decided_at",
        "reward_redemptions where person_id = $1",
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)
