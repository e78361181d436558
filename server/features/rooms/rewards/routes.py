"""``/api/v1/me/rewards``, ``/api/v1/me/redemptions`` and what a stream offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.rooms.listing import watched_room
from server.features.rooms.rewards.rewards import Rewards
from server.features.rooms.rewards.shapes import (
    RedemptionShape,
    RedemptionsQuery,
    RedemptionsShape,
    RewardBody,
    RewardChange,
    RewardShape,
    RewardsShape,
)
from server.http.cursors import after_id, page_of
from server.http.limits import CallRate
from server.http.operation import UUID, Answer, Call, Operation
from storage.postgres import Database

RATE: Final = CallRate("rewards", per_s=2.0, burst=60)


class RewardRoutes:
    def __init__(self, *, rewards: Rewards, db: Database) -> None:
        self._rewards = rewards
        self._db = db

    def operations(self) -> Sequence[Operation]:
        one: dict[str, Any] = {"paths": {"reward_id": UUID}, "account_rate": RATE, "scope": "stream"}
        decided: dict[str, Any] = {
            "paths": {"redemption_id": UUID}, "answers": {200: RedemptionShape}, "problems": frozenset({404, 409}),
            "account_rate": RATE, "scope": "stream",
        }  # fmt: skip
        mine: dict[str, Any] = {"tag": "rewards", "auth": "required"}
        return [
            Operation(
                method="GET", path="/api/v1/streams/{stream_id}/rewards", handler=self._offered, name="listRewardsOf",
                tag="rewards", auth="optional", paths={"stream_id": UUID}, answers={200: RewardsShape},
                problems=frozenset({404}), summary="What may be had for points in the room of a stream",
            ),
            Operation(
                method="GET", path="/api/v1/me/rewards", handler=self._list, name="listMyRewards",
                answers={200: RewardsShape}, summary="Your rewards", **mine,
            ),
            Operation(
                method="POST", path="/api/v1/me/rewards", handler=self._add, name="addReward", body=RewardBody,
                answers={201: RewardShape}, problems=frozenset({409, 422}), idempotent_key=True, account_rate=RATE,
                scope="stream", summary="Offer a reward for points", **mine,
            ),
            Operation(
                method="PATCH", path="/api/v1/me/rewards/{reward_id}", handler=self._change, name="changeReward",
                body=RewardChange, answers={200: RewardShape}, problems=frozenset({404, 422}),
                summary="Change or pause a reward", **one, **mine,
            ),
            Operation(
                method="DELETE", path="/api/v1/me/rewards/{reward_id}", handler=self._remove, name="removeReward",
                answers={204: None}, problems=frozenset({404}), summary="Offer a reward no longer", **one, **mine,
            ),
            Operation(
                method="GET", path="/api/v1/me/redemptions", handler=self._queue, name="listRedemptions",
                query=RedemptionsQuery, answers={200: RedemptionsShape}, summary="What was redeemed in your rooms",
                **mine,
            ),
            Operation(
                method="POST", path="/api/v1/me/redemptions/{redemption_id}/fulfil", handler=self._fulfil,
                name="fulfilRedemption", summary="You have done it", **decided, **mine,
            ),
            Operation(
                method="POST", path="/api/v1/me/redemptions/{redemption_id}/refuse", handler=self._refuse,
                name="refuseRedemption", summary="Refuse it: the points come back", **decided, **mine,
            ),
        ]  # fmt: skip

    async def _offered(self, call: Call[None, None]) -> Answer:
        await watched_room(self._db, call)
        return Answer(200, {"items": await self._rewards.offered(call.path["stream_id"])})

    async def _list(self, call: Call[None, None]) -> Answer:
        return Answer(200, {"items": await self._rewards.listed(call.me.id)})

    async def _add(self, call: Call[RewardBody, None]) -> Answer:
        return Answer(201, await self._rewards.add(call.me.id, call.body))

    async def _change(self, call: Call[RewardChange, None]) -> Answer:
        return Answer(200, await self._rewards.change(call.me.id, call.path["reward_id"], call.body))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._rewards.remove(call.me.id, call.path["reward_id"])
        return Answer(204)

    async def _queue(self, call: Call[None, RedemptionsQuery]) -> Answer:
        query = call.query
        rows = await self._rewards.queue(
            call.me.id, state=query.state, before=after_id(query.cursor), limit=query.limit + 1
        )
        items, following = page_of(rows, query.limit, lambda row: (0, row["id"]))
        return Answer(200, {"items": items, "next": following})

    async def _fulfil(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._rewards.decide(call.me.id, call.path["redemption_id"], "fulfilled"))

    async def _refuse(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._rewards.decide(call.me.id, call.path["redemption_id"], "refused"))
