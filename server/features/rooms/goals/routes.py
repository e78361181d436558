"""``/api/v1/me/goals``, and what an overlay asks with its key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from server.features.rooms.goals.goals import Goals
from server.features.rooms.goals.shapes import GoalBody, GoalKind, GoalShape, GoalsShape
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation, PathFormat
from server.scopes import OVERLAY

TAG: Final = "goals"
CHANGE_RATE: Final = CallRate("goals", per_s=1.0, burst=30)
ASK_RATE: Final = CallRate("overlay_goals", per_s=2.0, burst=60)


class GoalRoutes:
    def __init__(self, *, goals: Goals, kinds: Sequence[GoalKind]) -> None:
        self._goals = goals
        self._kind = PathFormat(pattern=f"^({'|'.join(kinds)})$", description="What counts", example=kinds[0])

    def operations(self) -> Sequence[Operation]:
        own: dict[str, Any] = {"tag": TAG, "auth": "required", "account_rate": CHANGE_RATE, "scope": "stream"}
        one: dict[str, Any] = {
            "path": "/api/v1/me/goals/{kind}",
            "paths": {"kind": self._kind},
            "problems": frozenset({404}),
        }
        return [
            Operation(
                method="GET", path="/api/v1/me/goals", handler=self._list, name="listGoals",
                summary="Your goals, and how far they are", answers={200: GoalsShape}, **own,
            ),
            Operation(
                method="PUT", handler=self._put, name="putGoal", summary="Set a goal, or change it", body=GoalBody,
                answers={200: GoalShape}, **one, **own,
            ),
            Operation(
                method="DELETE", handler=self._remove, name="removeGoal", summary="Remove a goal",
                answers={204: None}, **one, **own,
            ),
            Operation(
                method="GET", path="/api/v1/overlay/goals", handler=self._list, name="getOverlayGoals", tag=TAG,
                summary="With an overlay key: the goals of its person", answers={200: GoalsShape}, auth="required",
                scope=OVERLAY, account_rate=ASK_RATE,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, None]) -> Answer:
        return Answer(200, {"items": await self._goals.listed(call.me.id)})

    async def _put(self, call: Call[GoalBody, None]) -> Answer:
        return Answer(200, await self._goals.put(call.me.id, cast(GoalKind, call.path["kind"]), call.body))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._goals.remove(call.me.id, cast(GoalKind, call.path["kind"]))
        return Answer(204)
