"""``/api/v1/reports``, ``/api/v1/moderation`` and ``/api/v1/me/strikes``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.safety.cases.moderation import Moderation
from server.features.safety.cases.reports import Reports
from server.features.safety.cases.shapes import (
    ActionBody,
    AppealBody,
    AppealedShape,
    AppealsShape,
    CaseShape,
    CasesShape,
    DecisionBody,
    MadeAppeal,
    MadeReport,
    QueueQuery,
    ReportBody,
    ReportsShape,
    RevertBody,
    StrikesShape,
    WholeCase,
)
from server.features.safety.cases.strikes import Strikes
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import PageQuery

TAG: Final = "safety"
MODERATORS: Final = frozenset({"moderator", "admin"})
CASE: Final = "/api/v1/moderation/cases/{case_id}"


class ReportRoutes:
    def __init__(self, *, reports: Reports, strikes: Strikes, rate: CallRate) -> None:
        self._reports = reports
        self._strikes = strikes
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required"}
        return [
            Operation(
                method="POST", path="/api/v1/reports", handler=self._report, name="report",
                summary="Report a thing or a person to the moderators", body=ReportBody, answers={201: MadeReport},
                problems=frozenset({404, 409}), idempotent_key=True, account_rate=self._rate, **mine,
            ),
            Operation(
                method="GET", path="/api/v1/me/reports", handler=self._mine, name="listMyReports",
                summary="What you have reported, the newest first", query=PageQuery, answers={200: ReportsShape},
                **mine,
            ),
            Operation(
                method="GET", path="/api/v1/me/strikes", handler=self._strikes_of_me, name="listMyStrikes",
                summary="What moderators have decided about you, the newest first", query=PageQuery,
                answers={200: StrikesShape}, **mine,
            ),
            Operation(
                method="POST", path="/api/v1/me/strikes/{strike_id}/appeal", handler=self._appeal, name="appeal",
                summary="Ask for another decision, by somebody else", body=AppealBody, answers={201: MadeAppeal},
                problems=frozenset({404, 409}), account_rate=self._rate, **mine,
            ),
        ]  # fmt: skip

    async def _report(self, call: Call[ReportBody, None]) -> Answer:
        return Answer(201, MadeReport(report=await self._reports.make(call.me.id, call.body)))

    async def _mine(self, call: Call[None, PageQuery]) -> Answer:
        items, following = await self._reports.mine(call.me.id, call.query.cursor, call.query.limit)
        return Answer(body=ReportsShape(items=items, next=following))

    async def _strikes_of_me(self, call: Call[None, PageQuery]) -> Answer:
        items, following = await self._strikes.mine(call.me.id, call.query.cursor, call.query.limit)
        return Answer(body=StrikesShape(items=items, next=following))

    async def _appeal(self, call: Call[AppealBody, None]) -> Answer:
        appeal = await self._strikes.appeal(call.me.id, call.path["strike_id"], call.body.text)
        return Answer(201, MadeAppeal(appeal=appeal))


class ModerationRoutes:
    """For moderators of the server and admins."""

    def __init__(self, *, moderation: Moderation, strikes: Strikes, rate: CallRate) -> None:
        self._moderation = moderation
        self._strikes = strikes
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        reading: dict[str, Any] = {"tag": TAG, "auth": "required", "roles": MODERATORS, "scope": "moderate"}
        writing = {**reading, "account_rate": self._rate}
        one = frozenset({404})
        open_one = frozenset({403, 404, 409, 410})
        return [
            Operation(
                method="GET", path="/api/v1/moderation/queue", handler=self._queue, name="listCases",
                summary="Cases, the gravest first", query=QueueQuery, answers={200: CasesShape}, **reading,
            ),
            Operation(
                method="GET", path=CASE, handler=self._one, name="getCase", summary="A case with its reports and acts",
                answers={200: WholeCase}, problems=one, **reading,
            ),
            Operation(
                method="PUT", path=f"{CASE}/claim", handler=self._claim, name="claimCase",
                summary="Work on a case: nobody else acts on it for a while", answers={200: CaseShape},
                problems=frozenset({404, 409}), **writing,
            ),
            Operation(
                method="DELETE", path=f"{CASE}/claim", handler=self._release, name="releaseCase",
                summary="Leave a case to others", answers={204: None}, problems=one, **writing,
            ),
            Operation(
                method="POST", path=f"{CASE}/actions", handler=self._act, name="actOnCase",
                summary="Decide a case", body=ActionBody, answers={200: WholeCase}, problems=open_one, **writing,
            ),
            Operation(
                method="POST", path=f"{CASE}/revert", handler=self._revert, name="revertCase", body=RevertBody,
                summary="Take an act back; a message that was deleted stays so", body_required=False,
                answers={200: WholeCase}, problems=frozenset({404, 409}), **writing,
            ),
            Operation(
                method="GET", path="/api/v1/moderation/appeals", handler=self._appeals, name="listAppeals",
                summary="Appeals that wait, those that are due first first", query=PageQuery,
                answers={200: AppealsShape}, **reading,
            ),
            Operation(
                method="POST", path="/api/v1/moderation/appeals/{appeal_id}/decision", handler=self._decide,
                name="decideAppeal", summary="Uphold what was decided, or take it back", body=DecisionBody,
                answers={200: AppealedShape}, problems=frozenset({403, 404, 409}), **writing,
            ),
        ]  # fmt: skip

    async def _queue(self, call: Call[None, QueueQuery]) -> Answer:
        items, following = await self._moderation.queue(call.query)
        return Answer(body=CasesShape(items=items, next=following))

    async def _one(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._moderation.whole(call.path["case_id"]))

    async def _claim(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._moderation.claim(call.me, call.path["case_id"]))

    async def _release(self, call: Call[None, None]) -> Answer:
        await self._moderation.release(call.me, call.path["case_id"])
        return Answer(204)

    async def _act(self, call: Call[ActionBody, None]) -> Answer:
        return Answer(body=await self._moderation.act(call.me, call.path["case_id"], call.body, ip=call.address))

    async def _revert(self, call: Call[RevertBody | None, None]) -> Answer:
        body = call.body or RevertBody()
        act_id = str(body.act_id) if body.act_id is not None else None
        case = await self._moderation.revert(call.me, call.path["case_id"], act_id, reason=body.reason, ip=call.address)
        return Answer(body=case)

    async def _appeals(self, call: Call[None, PageQuery]) -> Answer:
        items, following = await self._strikes.waiting(call.me, call.query.cursor, call.query.limit)
        return Answer(body=AppealsShape(items=items, next=following))

    async def _decide(self, call: Call[DecisionBody, None]) -> Answer:
        appeal_id = call.path["appeal_id"]
        return Answer(body=await self._strikes.decide(call.me, appeal_id, call.body, ip=call.address))
