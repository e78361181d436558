"""``/api/v1/me/overlay-key``, and what an overlay asks with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from server.features.integrations.overlays.keys import OverlayKey, OverlayKeys
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Shape
from server.scopes import OVERLAY

RATE: Final = CallRate("overlay_key", per_s=0.1, burst=10)
ASK_RATE: Final = CallRate("overlay", per_s=2.0, burst=60)
PAGES: Final = ("chat", "alerts", "poll", "goals")


class OverlayKeyShape(Shape):
    key: Annotated[str, Field(description="Reads your rooms and alerts, to show them, and nothing else")]
    created_at: datetime
    urls: Annotated[dict[str, str], Field(description=f"For a browser source, by what is shown: {', '.join(PAGES)}")]


class OverlayShape(Shape):
    """What overlays are about now; all but the owner is null while no stream is on the air or to come."""

    owner_id: UUID
    owner: Annotated[str, Field(description="Their username")] = ""
    stream_id: UUID | None = None
    room_id: UUID | None = None
    title: str | None = None
    state: str | None = None


class OverlayRoutes:
    def __init__(self, *, keys: OverlayKeys, origin: str) -> None:
        self._keys = keys
        self._origin = origin

    def operations(self) -> Sequence[Operation]:
        own: dict[str, Any] = {"tag": "overlays", "auth": "required", "scope": "stream"}
        return [
            Operation(
                method="GET", path="/api/v1/me/overlay-key", handler=self._get, name="getOverlayKey",
                summary="The key of my overlays, with their addresses", answers={200: OverlayKeyShape}, **own,
            ),
            Operation(
                method="POST", path="/api/v1/me/overlay-key", handler=self._rotate, name="rotateOverlayKey",
                summary="Another key: overlays with the one until now are closed", answers={200: OverlayKeyShape},
                account_rate=RATE, **own,
            ),
            Operation(
                method="GET", path="/api/v1/overlay", handler=self._shown, name="getOverlay", tag="overlays",
                summary="With an overlay key: the stream and room that its person's overlays show",
                answers={200: OverlayShape}, auth="required", scope=OVERLAY, account_rate=ASK_RATE,
            ),
        ]  # fmt: skip

    async def _get(self, call: Call[None, None]) -> Answer:
        return Answer(200, self._shape(await self._keys.get(call.me.id)))

    async def _rotate(self, call: Call[None, None]) -> Answer:
        return Answer(200, self._shape(await self._keys.rotate(call.me.id)))

    async def _shown(self, call: Call[None, None]) -> Answer:
        return Answer(200, OverlayShape(owner_id=UUID(call.me.id), **await self._keys.shown(call.me.id)))

    def _shape(self, made: OverlayKey) -> OverlayKeyShape:
        urls = {page: f"{self._origin}/overlay/{page}?key={made.key}" for page in PAGES}
        return OverlayKeyShape(key=made.key, created_at=made.created_at.astimezone(UTC), urls=urls)
