"""``/api/v1/me/wellbeing``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.town.wellbeing.shapes import ActiveShape, ReportQuery, ReportShape, WellbeingBody, WellbeingShape
from server.features.town.wellbeing.wellbeing import Wellbeing
from server.http.limits import OWN_SETTINGS, CallRate
from server.http.operation import Answer, Call, Operation

TAG: Final = "wellbeing"
MINE: Final = "/api/v1/me/wellbeing"
BEATS: Final = CallRate("wellbeing_beats", per_s=0.2, burst=20)


class WellbeingRoutes:
    def __init__(self, *, wellbeing: Wellbeing) -> None:
        self._wellbeing = wellbeing

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required"}
        return [
            Operation(
                method="GET", path=MINE, handler=self._of, name="getWellbeing", answers={200: WellbeingShape},
                summary="What you have decided about your time", **mine,
            ),
            Operation(
                method="PUT", path=MINE, handler=self._decide, name="putWellbeing", body=WellbeingBody,
                answers={200: WellbeingShape}, account_rate=OWN_SETTINGS, summary="Decide about your time", **mine,
            ),
            Operation(
                method="POST", path=f"{MINE}/active", handler=self._beat, name="beActive", answers={200: ActiveShape},
                account_rate=BEATS, summary="Say, each minute, that a page of yours is looked at", **mine,
            ),
            Operation(
                method="GET", path=f"{MINE}/report", handler=self._report, name="getWellbeingReport",
                query=ReportQuery, answers={200: ReportShape}, summary="Your week: how long, and what you watched",
                **mine,
            ),
        ]  # fmt: skip

    async def _of(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._wellbeing.of(call.me.id))

    async def _decide(self, call: Call[WellbeingBody, None]) -> Answer:
        return Answer(body=await self._wellbeing.decide(call.me.id, call.body))

    async def _beat(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._wellbeing.beat(call.me.id))

    async def _report(self, call: Call[None, ReportQuery]) -> Answer:
        return Answer(body=await self._wellbeing.report(call.me.id, call.query.week))
