"""Rewards: what people may have for their channel points, and the queue of those who have redeemed one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final

from actors.runtime import DomainError
from actors.text import clean_line
from server.features.rooms.media_clock import MediaClock
from server.features.rooms.points import Points
from server.features.rooms.rewards import queries
from server.features.rooms.rewards.shapes import (
    MAX_TEXT,
    MAX_TITLE,
    REWARD,
    RedeemReward,
    RewardBody,
    RewardChange,
    State,
    sent,
    shown,
)
from server.features.rooms.seats import require_unsilenced, seat_of
from server.features.rooms.texts import cleaned
from server.live.room_mirror import topic_of
from server.publish import Publish
from storage.audit import AuditLog
from storage.errors import Conflict
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction

MAX_REWARDS: Final = 50
MAX_WAITING: Final = 1_000
"""Redemptions that an owner has not decided on."""


class Rewards:
    """The rewards of all owners. A redemption costs what the reward cost then; refused, the points come back."""

    def __init__(
        self,
        *,
        db: Database,
        audit: AuditLog,
        ids: Ids,
        now: Callable[[], datetime],
        clock: MediaClock,
        points: Points,
        publish: Publish,
    ) -> None:
        self._db = db
        self._audit = audit
        self._ids = ids
        self._now = now
        self._clock = clock
        self._points = points
        self._publish = publish

    async def add(self, owner_id: str, body: RewardBody) -> dict[str, Any]:
        """Raises ``too_many_rewards`` and ``invalid``."""
        now = self._now()
        async with self._db.transaction() as tx:
            await tx.execute(queries.ALONE, owner_id)
            if await tx.fetchval(queries.COUNT, owner_id) >= MAX_REWARDS:
                raise DomainError("too_many_rewards", f"There are at most {MAX_REWARDS} rewards.")
            row = await tx.fetchrow(
                queries.ADD, self._ids.uuid7(now.timestamp()), owner_id, cleaned(body.title, "title", MAX_TITLE),
                clean_line(body.prompt), body.cost, body.needs_text, body.is_paused, now,
            )  # fmt: skip
        assert row is not None
        return dict(row)

    async def change(self, owner_id: str, reward_id: str, body: RewardChange) -> dict[str, Any]:
        """What was redeemed before keeps its cost. Raises ``not_found`` and ``invalid``."""
        title = None if body.title is None else cleaned(body.title, "title", MAX_TITLE)
        prompt = None if body.prompt is None else clean_line(body.prompt)
        row = await self._db.fetchrow(
            queries.CHANGE, owner_id, reward_id, title, prompt, body.cost, body.needs_text, body.is_paused
        )
        if row is None:
            raise _no_reward()
        return dict(row)

    async def remove(self, owner_id: str, reward_id: str) -> None:
        """What was redeemed stays in the queue. Raises ``not_found``."""
        if not await self._db.execute(queries.REMOVE, owner_id, reward_id):
            raise _no_reward()

    async def listed(self, owner_id: str) -> list[dict[str, Any]]:
        return [dict(row) for row in await self._db.fetch(queries.LIST, owner_id)]

    async def offered(self, stream_id: str) -> list[dict[str, Any]]:
        """Those that may be redeemed in the room of the stream."""
        return [dict(row) for row in await self._db.fetch(queries.LIST_OF_STREAM, stream_id)]

    async def redeem(self, person_id: str, asked: RedeemReward) -> dict[str, Any]:
        """The redemption's id and what is left. The same ``client_id`` again costs nothing more.

        Raises ``not_found``, ``silenced``, ``reward_paused``, ``not_enough_points``, ``queue_full``, ``invalid``.
        """
        media_time_ms = await self._clock.now_ms(asked.room_id)
        try:
            return await self._redeem(person_id, asked, media_time_ms)
        except Conflict:  # the same was asked for twice at one time
            return await self._redeem(person_id, asked, media_time_ms)

    async def queue(
        self, owner_id: str, *, state: State | None, before: str | None, limit: int
    ) -> list[dict[str, Any]]:
        """The newest first."""
        return [shown(row) for row in await self._db.fetch(queries.QUEUE, owner_id, state, before, limit)]

    async def decide(self, owner_id: str, redemption_id: str, state: State) -> dict[str, Any]:
        """Fulfil or refuse; refused, the points come back. The same again changes nothing.

        Raises ``not_found``, and ``already_decided`` for the other decision.
        """
        async with self._db.transaction() as tx:
            decided = await tx.fetchrow(queries.DECIDE, owner_id, redemption_id, state, self._now())
            row = await tx.fetchrow(queries.REDEMPTION, redemption_id)
            if row is None or row["owner_id"] != owner_id:
                raise DomainError("not_found", "There is no such redemption.")
            if row["state"] != state:
                raise DomainError("already_decided", "It was decided otherwise already.")
            if decided is not None:
                await self._settle(tx, decided, row, owner_id)
            return shown(row)

    async def _settle(self, tx: Transaction, decided: Row, row: Row, owner_id: str) -> None:
        if row["state"] == "refused":
            amounts = {decided["person_id"]: decided["cost"]}
            await self._points.give(tx, room_id=decided["room_id"], owner_id=owner_id, amounts=amounts)
        await self._audit.add(
            tx, f"reward.{row['state']}", actor_id=owner_id, subject=decided["room_id"], detail={"id": row["id"]}
        )
        self._send_after_commit(tx, row)

    async def _redeem(self, person_id: str, asked: RedeemReward, media_time_ms: int | None) -> dict[str, Any]:
        async with self._db.transaction() as tx:
            seat = await seat_of(tx, asked.room_id, person_id)
            before = await tx.fetchrow(queries.REDEEMED, seat.owner_id, person_id, asked.client_id)
            if before is not None:
                return {"id": before["id"], "points": await self._points.balance(tx, seat.owner_id, person_id)}
            require_unsilenced(seat)
            reward = await tx.fetchrow(queries.FOR_REDEEMING, asked.reward_id, seat.owner_id)
            text = _text_for(reward, asked.text)
            assert reward is not None
            if await tx.fetchval(queries.COUNT_WAITING, seat.owner_id) >= MAX_WAITING:
                raise DomainError("queue_full", "Too many wait to be fulfilled: try again later.", retry_after_s=60.0)
            redemption_id = self._ids.uuid7(self._now().timestamp())
            await tx.execute(
                queries.REDEEM, redemption_id, seat.owner_id, asked.room_id, reward["id"], person_id, asked.client_id,
                reward["title"], reward["cost"], text, media_time_ms, self._now(),
            )  # fmt: skip
            left = await self._points.take(
                tx, room_id=asked.room_id, owner_id=seat.owner_id, person_id=person_id, points=reward["cost"]
            )
            row = await tx.fetchrow(queries.REDEMPTION, redemption_id)
            assert row is not None
            self._send_after_commit(tx, row)
            return {"id": redemption_id, "points": left}

    def _send_after_commit(self, tx: Transaction, row: Row) -> None:
        tx.after_commit(partial(self._publish.to_topic, topic_of(row["room_id"]), REWARD.name, sent(row)))


def _text_for(reward: Row | None, text: str) -> str:
    """What was written with it. Raises ``not_found``, ``reward_paused``, ``invalid``."""
    if reward is None:
        raise DomainError("not_found", "There is no such reward.", field="reward_id")
    if reward["is_paused"]:
        raise DomainError("reward_paused", "This reward cannot be had now.", field="reward_id")
    if reward["needs_text"]:
        return cleaned(text, "text", MAX_TEXT)
    return cleaned(text, "text", MAX_TEXT) if clean_line(text) else ""


def _no_reward() -> DomainError:
    return DomainError("not_found", "There is no such reward.")
