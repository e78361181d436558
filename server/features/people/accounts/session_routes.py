"""``/api/v1/auth/sessions``: the devices that are signed in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from server.features.people.accounts.cookies import device_of
from server.features.people.accounts.devices import device_name
from server.features.people.accounts.routes import TAG, AuthRates
from server.features.people.accounts.sessions import Sessions
from server.http.cursors import after_time, page_of
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Page, PageQuery, Shape


class SessionShape(Shape):
    id: UUID
    user_agent: str
    device: Annotated[str, Field(description="The user agent in words", examples=["Firefox on Windows"])]
    ip: str
    created_at: datetime
    last_seen_at: datetime
    current: Annotated[bool, Field(description="Whether it is the session of this very call")]


class SessionRoutes:
    def __init__(self, *, sessions: Sessions, rates: AuthRates) -> None:
        self._sessions = sessions
        self._rates = rates

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/auth/sessions", handler=self._list, name="listSessions", tag=TAG,
                summary="The devices that are signed in", query=PageQuery, answers={200: Page[SessionShape]},
                auth="required", rate=self._rates.sessions,
            ),
            Operation(
                method="DELETE", path="/api/v1/auth/sessions", handler=self._end_others, name="endOtherSessions",
                tag=TAG, summary="Sign all other devices out; their sockets are closed", answers={204: None},
                auth="required", rate=self._rates.sessions,
            ),
            Operation(
                method="DELETE", path="/api/v1/auth/sessions/{session_id}", handler=self._end, name="endSession",
                tag=TAG, summary="Sign a device out; its sockets are closed", answers={204: None}, auth="required",
                rate=self._rates.sessions,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        rows = await self._sessions.list(
            person=call.me, after=after_time(call.query.cursor), limit=call.query.limit + 1
        )
        shown, following = page_of(rows, call.query.limit, lambda row: (row["created_at"], row["id"]))
        items = [
            SessionShape(**dict(row), device=device_name(row["user_agent"]), current=row["id"] == call.me.session_id)
            for row in shown
        ]
        return Answer(200, Page[SessionShape](items=items, next=following))

    async def _end(self, call: Call[None, None]) -> Answer:
        await self._sessions.end(person=call.me, session_id=call.path["session_id"], device=device_of(call))
        return Answer(204)

    async def _end_others(self, call: Call[None, None]) -> Answer:
        await self._sessions.end_others(person=call.me, device=device_of(call))
        return Answer(204)
