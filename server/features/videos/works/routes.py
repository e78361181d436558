"""``/api/v1/works``, ``/api/v1/me/works``, ``/api/v1/me/matches`` and ``/api/v1/matches/{match_id}``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.videos.works.matches import Matches
from server.features.videos.works.rules import Act
from server.features.videos.works.shapes import (
    DisputeBody,
    MatchesShape,
    MatchShape,
    OneMatch,
    RegisteredWork,
    WorkBody,
    WorksShape,
    match_shown,
    work_shown,
)
from server.features.videos.works.works import NewWork, Works
from server.http.cursors import after_id, page_of
from server.http.limits import OWN_SETTINGS, CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import PageQuery

TAG: Final = "works"


class WorkRoutes:
    def __init__(self, *, works: Works, matches: Matches, rate: CallRate) -> None:
        self._works = works
        self._matches = matches
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required", "also_scopes": ("upload",)}
        match = "/api/v1/matches/{match_id}"
        acts: dict[str, Any] = {
            "answers": {200: OneMatch}, "problems": frozenset({403, 404, 409}), "account_rate": OWN_SETTINGS,
        }  # fmt: skip
        return [
            Operation(
                method="POST", path="/api/v1/works", handler=self._register, name="registerWork",
                summary="Register a video or recording of yours as a work, to be found in those of others",
                body=WorkBody, answers={201: RegisteredWork}, problems=frozenset({403, 404, 409}), idempotent_key=True,
                account_rate=self._rate, **mine,
            ),
            Operation(
                method="GET", path="/api/v1/me/works", handler=self._list, name="listMyWorks",
                summary="Your works, in order of their registration", query=PageQuery, answers={200: WorksShape},
                **mine,
            ),
            Operation(
                method="DELETE", path="/api/v1/works/{work_id}", handler=self._remove, name="removeWork",
                summary="Take a work of yours back, with its matches", answers={204: None},
                problems=frozenset({404}), account_rate=OWN_SETTINGS, **mine,
            ),
            Operation(
                method="GET", path="/api/v1/me/matches", handler=self._matches_of_me, name="listMyMatches",
                summary="Where your works were found, and works of others in your media; the newest first",
                query=PageQuery, answers={200: MatchesShape}, **mine,
            ),
            Operation(
                method="GET", path=match, handler=self._match, name="getMatch", summary="A match of yours",
                answers={200: MatchShape}, problems=frozenset({404}), **mine,
            ),
            Operation(
                method="POST", path=f"{match}/dispute", handler=self._dispute, name="disputeMatch",
                summary="Say that a match in your video or stream is wrong or allowed; once", body=DisputeBody,
                body_required=False, **acts, **mine,
            ),
            Operation(
                method="POST", path=f"{match}/uphold", handler=self._uphold, name="upholdMatch",
                summary="Keep a disputed match of your work", **acts, **mine,
            ),
            Operation(
                method="POST", path=f"{match}/withdraw", handler=self._withdraw, name="withdrawMatch",
                summary="Give up a match of your work", **acts, **mine,
            ),
        ]  # fmt: skip

    async def _register(self, call: Call[WorkBody, None]) -> Answer:
        body = call.body
        new = NewWork(
            owner_id=call.me.id,
            media_id=str(body.video_id),
            title=body.title,
            policy=body.policy,
            ip=call.address,
        )
        return Answer(201, {"work": work_shown(await self._works.register(new))})

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        limit = call.query.limit
        rows = await self._works.of(call.me.id, after=after_id(call.query.cursor), limit=limit + 1)
        shown, following = page_of(rows, limit, lambda row: (0, row["id"]))
        return Answer(200, {"items": [work_shown(row) for row in shown], "next": following})

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._works.remove(call.path["work_id"], call.me.id, ip=call.address)
        return Answer(204)

    async def _matches_of_me(self, call: Call[None, PageQuery]) -> Answer:
        limit = call.query.limit
        rows = await self._matches.of(call.me.id, before=after_id(call.query.cursor), limit=limit + 1)
        shown, following = page_of(rows, limit, lambda row: (0, row["id"]))
        return Answer(200, {"items": [match_shown(row, call.me.id) for row in shown], "next": following})

    async def _match(self, call: Call[None, None]) -> Answer:
        return Answer(200, match_shown(await self._matches.one(call.path["match_id"], call.me.id), call.me.id))

    async def _dispute(self, call: Call[DisputeBody | None, None]) -> Answer:
        return await self._act(call, "dispute", reason=call.body.reason if call.body is not None else "")

    async def _uphold(self, call: Call[None, None]) -> Answer:
        return await self._act(call, "uphold")

    async def _withdraw(self, call: Call[None, None]) -> Answer:
        return await self._act(call, "withdraw")

    async def _act(self, call: Call[Any, None], act: Act, *, reason: str = "") -> Answer:
        match_id = call.path["match_id"]
        await self._matches.act(match_id, call.me.id, act, reason=reason, ip=call.address)
        return Answer(200, {"match": match_shown(await self._matches.one(match_id, call.me.id), call.me.id)})
