"""``/api/v1/tips`` and the lists of tips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.rooms.listing import watched_room
from server.features.rooms.tips.shapes import OpenedTipShape, TipBody, TipShape, TipsShape
from server.features.rooms.tips.tips import Tips
from server.http.cursors import after_id, page_of
from server.http.limits import CallRate
from server.http.operation import UUID, Answer, Call, Operation
from server.http.shapes import PageQuery
from storage.postgres import Database

GIVING: Final = CallRate("tips", per_s=0.5, burst=20)
TAG: Final = "money"


class TipRoutes:
    def __init__(self, *, tips: Tips, db: Database) -> None:
        self._tips = tips
        self._db = db

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required", "scope": "money"}
        return [
            Operation(
                method="POST", path="/api/v1/tips", handler=self._give, name="giveTip", body=TipBody,
                answers={201: OpenedTipShape}, problems=frozenset({403, 404, 503}), idempotent_key=True,
                account_rate=GIVING, summary="Give a tip, which is shown when its payment has succeeded", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/tips/{tip_id}", handler=self._one, name="getTip", paths={"tip_id": UUID},
                answers={200: TipShape}, problems=frozenset({404}), summary="A tip that you gave or received", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/me/tips", handler=self._received, name="listMyTips", query=PageQuery,
                answers={200: TipsShape}, summary="The tips that you received, the newest first", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/streams/{stream_id}/tips", handler=self._of_stream, name="listTipsOf",
                tag=TAG, auth="optional", paths={"stream_id": UUID}, query=PageQuery, answers={200: TipsShape},
                problems=frozenset({404}), summary="The tips that were given during a stream, the newest first",
            ),
        ]  # fmt: skip

    async def _give(self, call: Call[TipBody, None]) -> Answer:
        return Answer(201, await self._tips.give(call.me.id, call.body))

    async def _one(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._tips.one(call.path["tip_id"], call.me.id))

    async def _received(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        rows = await self._tips.received(call.me.id, before=after_id(query.cursor), limit=query.limit + 1)
        return _page(rows, query.limit)

    async def _of_stream(self, call: Call[None, PageQuery]) -> Answer:
        await watched_room(self._db, call)
        query, viewer_id = call.query, call.person.id if call.person else None
        rows = await self._tips.of_stream(
            call.path["stream_id"], viewer_id, before=after_id(query.cursor), limit=query.limit + 1
        )
        return _page(rows, query.limit)


def _page(rows: Sequence[dict[str, Any]], limit: int) -> Answer:
    shown, following = page_of(rows, limit, lambda row: (0, row["id"]))
    return Answer(200, {"items": shown, "next": following})
