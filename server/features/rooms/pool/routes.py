"""``/api/v1/me/splits``, ``/api/v1/splits/{split_id}`` and ``/api/v1/me/pool``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.rooms.pool.pool import Pool
from server.features.rooms.pool.shapes import MonthsShape, OfferedSplitShape, SplitBody, SplitsShape, StatementsShape
from server.features.rooms.pool.splits import Splits
from server.http.cursors import after_id, page_of
from server.http.limits import CallRate
from server.http.operation import UUID, Answer, Call, Operation
from server.http.shapes import PageQuery

RATE: Final = CallRate("splits", per_s=0.5, burst=20)
MAX_MONTHS: Final = 100


class PoolRoutes:
    def __init__(self, *, pool: Pool, splits: Splits) -> None:
        self._pool = pool
        self._splits = splits

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": "money", "auth": "required", "scope": "money"}
        deciding: dict[str, Any] = {
            "paths": {"split_id": UUID}, "answers": {200: OfferedSplitShape}, "problems": frozenset({404, 409}),
            "account_rate": RATE, **mine,
        }  # fmt: skip
        return [
            Operation(
                method="POST", path="/api/v1/me/splits", handler=self._offer, name="offerSplit", body=SplitBody,
                answers={201: OfferedSplitShape}, problems=frozenset({404}), idempotent_key=True, account_rate=RATE,
                summary="Offer others a part of what a stream or video of yours earns", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/me/splits", handler=self._list, name="listSplits", query=PageQuery,
                answers={200: SplitsShape}, summary="The splits in which you have a part, the newest first", **mine,
            ),
            Operation(
                method="POST", path="/api/v1/splits/{split_id}/agree", handler=self._agree, name="agreeSplit",
                summary="Agree to your part of a split", **deciding,
            ),
            Operation(
                method="POST", path="/api/v1/splits/{split_id}/decline", handler=self._decline, name="declineSplit",
                summary="Decline a split that was offered", **deciding,
            ),
            Operation(
                method="GET", path="/api/v1/me/pool", handler=self._statements, name="listPoolStatements",
                query=PageQuery, answers={200: StatementsShape},
                summary="What watched time has brought you, by stream and video, the newest first", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/admin/pool", handler=self._months, name="listPoolMonths", tag="admin",
                auth="required", roles=frozenset({"admin"}), answers={200: MonthsShape}, problems=frozenset({403}),
                summary="The pools that were shared, the newest first",
            ),
        ]  # fmt: skip

    async def _offer(self, call: Call[SplitBody, None]) -> Answer:
        return Answer(201, {"split": await self._splits.offer(call.me.id, call.body)})

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        rows = await self._splits.of(call.me.id, before=after_id(query.cursor), limit=query.limit + 1)
        return _page(rows, query.limit)

    async def _agree(self, call: Call[None, None]) -> Answer:
        return Answer(200, {"split": await self._splits.answer(call.me.id, call.path["split_id"], agrees=True)})

    async def _decline(self, call: Call[None, None]) -> Answer:
        return Answer(200, {"split": await self._splits.answer(call.me.id, call.path["split_id"], agrees=False)})

    async def _statements(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        rows = await self._pool.statements(call.me.id, before=after_id(query.cursor), limit=query.limit + 1)
        return _page(rows, query.limit)

    async def _months(self, _: Call[None, None]) -> Answer:
        rows = await self._pool.months(before=None, limit=MAX_MONTHS)
        return Answer(200, {"items": [dict(row) for row in rows]})


def _page(rows: Sequence[Any], limit: int) -> Answer:
    shown, following = page_of(rows, limit, lambda row: (0, row["id"]))
    return Answer(200, {"items": [dict(row) for row in shown], "next": following})
