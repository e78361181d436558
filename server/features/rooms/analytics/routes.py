"""``GET /api/v1/streams/{stream_id}/analytics``, and the same curve as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from server.features.rooms.analytics.analytics import Analytics, as_csv
from server.features.rooms.analytics.shapes import AnalyticsShape
from server.http.limits import CallRate
from server.http.operation import UUID, Answer, Call, MediaType, Operation

TAG: Final = "analytics"
RATE: Final = CallRate("analytics", per_s=1.0, burst=20)


class AnalyticsRoutes:
    def __init__(self, *, analytics: Analytics) -> None:
        self._analytics = analytics

    def operations(self) -> Sequence[Operation]:
        base = "/api/v1/streams/{stream_id}/analytics"
        owned: dict[str, Any] = {
            "method": "GET", "tag": TAG, "paths": {"stream_id": UUID}, "problems": frozenset({403, 404}),
            "auth": "required", "account_rate": RATE,
        }  # fmt: skip
        return [
            Operation(
                path=base, handler=self._get, name="streamAnalytics", answers={200: AnalyticsShape},
                summary="Who watched your stream: the retention curve, watch time, stalls, chat", **owned,
            ),
            Operation(
                path=f"{base}.csv", handler=self._csv, name="streamAnalyticsCsv",
                answers={200: MediaType(media_type="text/csv", description="`at_s,viewers,share`")},
                summary="The retention curve as CSV", **owned,
            ),
        ]  # fmt: skip

    async def _get(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._of(call))

    async def _csv(self, call: Call[None, None]) -> web.StreamResponse:
        name = f"retention-{call.path['stream_id'].lower()}.csv"
        headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
        text = as_csv(await self._of(call))
        return web.Response(text=text, content_type="text/csv", charset="utf-8", headers=headers)

    async def _of(self, call: Call[None, None]) -> AnalyticsShape:
        return await self._analytics.of_stream(call.path["stream_id"], call.me.id)
