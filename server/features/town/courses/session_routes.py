"""``/api/v1/lessons/{lesson_id}/session`` and ``…/attendance``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.town.courses.session_shapes import SessionBody, SessionInvitation
from server.features.town.courses.sessions import Sessions
from server.features.town.courses.shapes import LessonShape
from server.http.limits import CallRate
from server.http.operation import USERNAME, Answer, Call, Operation

LESSON: Final = "/api/v1/lessons/{lesson_id}"


class SessionRoutes:
    def __init__(self, *, sessions: Sessions, rate: CallRate) -> None:
        self._sessions = sessions
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        writes: dict[str, Any] = {
            "tag": "courses", "auth": "required", "account_rate": self._rate, "problems": frozenset({403, 404, 409}),
        }  # fmt: skip
        return [
            Operation(
                method="PUT", path=f"{LESSON}/session", handler=self._hold, name="holdSession", body=SessionBody,
                summary="Hold a live lesson of yours in a call that you have begun", answers={200: LessonShape},
                **writes,
            ),
            Operation(
                method="POST", path=f"{LESSON}/session/invitation", handler=self._invite, name="joinSession",
                summary="An invitation to the call in which a live lesson is held", answers={200: SessionInvitation},
                **writes,
            ),
            Operation(
                method="PUT", path=f"{LESSON}/attendance/{{username}}", handler=self._mark, name="markAttendance",
                paths={"username": USERNAME}, summary="Mark that a learner has attended a live lesson of yours",
                answers={204: None}, **writes,
            ),
        ]  # fmt: skip

    async def _hold(self, call: Call[SessionBody, None]) -> Answer:
        return Answer(body=await self._sessions.hold(call.me.id, call.path["lesson_id"], call.body.call_id))

    async def _invite(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._sessions.invite(call.me.id, call.path["lesson_id"]))

    async def _mark(self, call: Call[None, None]) -> Answer:
        await self._sessions.mark(call.me.id, call.path["lesson_id"], call.path["username"])
        return Answer(204)
