"""``/api/v1/me/recordings``: how long the person's recordings are kept, and which no rule removes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field

from server.features.videos.recordings.retention import GB, Retention, Rule
from server.http.limits import OWN_SETTINGS
from server.http.operation import UUID, Answer, Call, Operation
from server.http.shapes import Body, Shape

TAG: Final = "recordings"
MAX_DAYS: Final = 36_500
MAX_GB: Final = 1_000_000
Days = Annotated[int | None, Field(ge=1, le=MAX_DAYS, description="Days after the end of the stream; null: no limit")]
Gb = Annotated[int | None, Field(ge=1, le=MAX_GB, description="GB (10^9 bytes) of all recordings; null: no limit")]


class RuleBody(Body):
    keep_days: Days = None
    keep_gb: Gb = None


class ExpiringShape(Shape):
    stream_id: uuid.UUID
    title: str
    at: Annotated[datetime, Field(description="From then on the nightly job removes it")]


class RuleShape(Shape):
    keep_days: Days
    keep_gb: Gb
    server_keep_days: Annotated[int | None, Field(description="The server's own rule; the stricter one holds")]
    server_keep_gb: int | None
    used_gb: float
    expiring: Annotated[list[ExpiringShape], Field(description="What the next seven days remove by age")]


class RuleRoutes:
    def __init__(self, *, retention: Retention) -> None:
        self._retention = retention

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required", "scope": "stream", "account_rate": OWN_SETTINGS}
        rule, pin = "/api/v1/me/recordings", "/api/v1/streams/{stream_id}/recording/pin"
        one: dict[str, Any] = {
            "path": pin, "paths": {"stream_id": UUID}, "answers": {204: None}, "problems": frozenset({404}), **mine,
        }  # fmt: skip
        return [
            Operation(
                method="GET", path=rule, handler=self._get, name="getRecordingRule", answers={200: RuleShape},
                summary="How long your recordings are kept", **mine,
            ),
            Operation(
                method="PUT", path=rule, handler=self._put, name="setRecordingRule", body=RuleBody,
                answers={200: RuleShape}, summary="Have recordings removed by age or space", **mine,
            ),
            Operation(
                method="PUT", handler=self._pin, name="pinRecording", summary="No rule removes this recording", **one
            ),
            Operation(
                method="DELETE", handler=self._unpin, name="unpinRecording", summary="Rules hold for it again", **one
            ),
        ]  # fmt: skip

    async def _get(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._shown(call.me.id))

    async def _put(self, call: Call[RuleBody, None]) -> Answer:
        await self._retention.set_rule(call.me.id, Rule(call.body.keep_days, call.body.keep_gb))
        return Answer(200, await self._shown(call.me.id))

    async def _pin(self, call: Call[None, None]) -> Answer:
        await self._retention.pin(call.path["stream_id"], call.me.id, is_pinned=True)
        return Answer(204)

    async def _unpin(self, call: Call[None, None]) -> Answer:
        await self._retention.pin(call.path["stream_id"], call.me.id, is_pinned=False)
        return Answer(204)

    async def _shown(self, owner_id: str) -> RuleShape:
        held, whole = await self._retention.rule_of(owner_id), self._retention.rule
        soon = await self._retention.expiring(owner_id)
        return RuleShape(
            keep_days=held.keep_days,
            keep_gb=held.keep_gb,
            server_keep_days=whole.keep_days,
            server_keep_gb=whole.keep_gb,
            used_gb=round(await self._retention.bytes_of(owner_id) / GB, 3),
            expiring=[ExpiringShape(stream_id=uuid.UUID(one.stream_id), title=one.title, at=one.at) for one in soon],
        )
