"""``GET /api/v1/streams/{stream_id}/predictions``."""

from __future__ import annotations

from collections.abc import Sequence

from server.features.rooms.listing import AtMoment, person_of, watched_room
from server.features.rooms.predictions.predictions import Predictions
from server.features.rooms.predictions.shapes import PredictionsShape
from server.http.cursors import after_id, page_of
from server.http.operation import UUID, Answer, Call, Operation
from storage.postgres import Database


class PredictionRoutes:
    def __init__(self, *, predictions: Predictions, db: Database) -> None:
        self._predictions = predictions
        self._db = db

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/streams/{stream_id}/predictions", handler=self._list,
                name="listPredictions", tag="predictions", paths={"stream_id": UUID},
                summary="The predictions of a stream, the newest first", query=AtMoment,
                answers={200: PredictionsShape}, problems=frozenset({404}), auth="optional",
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, AtMoment]) -> Answer:
        room_id, query = await watched_room(self._db, call), call.query
        rows = await self._predictions.listed(
            room_id,
            person_of(call),
            before=after_id(query.cursor),
            limit=query.limit + 1,
            media_time_ms=query.media_time_ms,
        )
        items, following = page_of(rows, query.limit, lambda row: (0, row["id"]))
        return Answer(200, {"items": items, "next": following})
