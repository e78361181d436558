"""``/api/v1/courses/{course_id}/cohorts`` and ``/api/v1/cohorts``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.town.courses.cohort_shapes import (
    CohortChange,
    CohortMembersShape,
    CohortShape,
    CohortsShape,
    MadeCohort,
    NewCohort,
)
from server.features.town.courses.cohorts import Cohorts
from server.http.limits import CallRate
from server.http.operation import USERNAME, Answer, Call, Operation
from server.http.shapes import PageQuery

TAG: Final = "courses"
ALL: Final = "/api/v1/courses/{course_id}/cohorts"
ONE: Final = "/api/v1/cohorts/{cohort_id}"
MEMBER: Final = f"{ONE}/members/{{username}}"


class CohortRoutes:
    def __init__(self, *, cohorts: Cohorts, rate: CallRate) -> None:
        self._cohorts = cohorts
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        reads: dict[str, Any] = {
            "method": "GET", "tag": TAG, "auth": "optional", "problems": frozenset({404}),
        }  # fmt: skip
        writes: dict[str, Any] = {
            "tag": TAG, "auth": "required", "account_rate": self._rate, "problems": frozenset({403, 404, 409}),
        }  # fmt: skip
        member: dict[str, Any] = {"path": MEMBER, "paths": {"username": USERNAME}, "answers": {204: None}, **writes}
        return [
            Operation(
                method="POST", path=ALL, handler=self._make, name="makeCohort", body=NewCohort,
                summary="Have people learn your course together, in a room of their own", answers={201: MadeCohort},
                idempotent_key=True, **writes,
            ),
            Operation(
                path=ALL, handler=self._list, name="listCohorts", summary="The cohorts of a course",
                answers={200: CohortsShape}, **reads,
            ),
            Operation(
                path=ONE, handler=self._one, name="getCohort", summary="A cohort", answers={200: CohortShape}, **reads,
            ),
            Operation(
                method="PATCH", path=ONE, handler=self._change, name="changeCohort", body=CohortChange,
                summary="Change a cohort of your course", answers={200: CohortShape}, **writes,
            ),
            Operation(
                method="DELETE", path=ONE, handler=self._remove, name="deleteCohort",
                summary="Delete a cohort with its room; its people stay enrolled", answers={204: None}, **writes,
            ),
            Operation(
                method="GET", path=f"{ONE}/members", handler=self._members, name="listCohortMembers", tag=TAG,
                summary="Who is in your cohort", query=PageQuery, answers={200: CohortMembersShape}, auth="required",
                problems=frozenset({404}),
            ),
            Operation(
                method="PUT", handler=self._take_in, name="joinCohort",
                summary="Join a cohort of a course that you are enrolled in, or take in a learner of yours", **member,
            ),
            Operation(
                method="DELETE", handler=self._let_go, name="leaveCohort",
                summary="Leave a cohort, or have a learner of yours leave it", **member,
            ),
        ]  # fmt: skip

    async def _make(self, call: Call[NewCohort, None]) -> Answer:
        made = await self._cohorts.make(call.me.id, call.path["course_id"], call.body)
        return Answer(201, MadeCohort(cohort=made))

    async def _list(self, call: Call[None, None]) -> Answer:
        cohorts = await self._cohorts.of_course(_viewer(call), call.path["course_id"])
        return Answer(body=CohortsShape(items=cohorts, next=None))

    async def _one(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._cohorts.one(_viewer(call), call.path["cohort_id"]))

    async def _change(self, call: Call[CohortChange, None]) -> Answer:
        return Answer(body=await self._cohorts.change(call.me.id, call.path["cohort_id"], call.body))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._cohorts.remove(call.me.id, call.path["cohort_id"])
        return Answer(204)

    async def _members(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        members, following = await self._cohorts.members(call.me.id, call.path["cohort_id"], query.cursor, query.limit)
        return Answer(body=CohortMembersShape(items=members, next=following))

    async def _take_in(self, call: Call[None, None]) -> Answer:
        await self._cohorts.take_in(call.me.id, call.path["cohort_id"], call.path["username"])
        return Answer(204)

    async def _let_go(self, call: Call[None, None]) -> Answer:
        await self._cohorts.let_go(call.me.id, call.path["cohort_id"], call.path["username"])
        return Answer(204)


def _viewer(call: Call[Any, Any]) -> str | None:
    return call.person.id if call.person is not None else None
