"""Predictions: points staked on what will happen, paid out to the point to those who were right."""

from __future__ import annotations

from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.rooms.arrivals import Arrivals
from server.features.rooms.listing import list_operation
from server.features.rooms.media_clock import MediaClock
from server.features.rooms.points import Points
from server.features.rooms.predictions import queries, rules
from server.features.rooms.predictions.events import PredictionEvents
from server.features.rooms.predictions.predictions import Predictions
from server.features.rooms.predictions.shapes import PREDICTION_STATE, PredictionsShape
from server.features.rooms.state_sender import StateSenders
from storage.postgres import Transaction

__all__ = ["build"]


def build(platform: Platform, *, clock: MediaClock, points: Points, senders: StateSenders) -> Feature:
    predictions = Predictions(
        db=platform.db,
        jobs=platform.jobs,
        audit=platform.audit,
        ids=platform.ids,
        now=platform.now,
        clock=clock,
        points=points,
        senders=senders,
    )
    arrivals = Arrivals(event=PREDICTION_STATE.name, open_in=predictions.open_in)
    return Feature(
        name="predictions",
        operations=[
            list_operation(noun="predictions", listed=predictions.listed, shape=PredictionsShape, db=platform.db)
        ],
        events=PredictionEvents(predictions=predictions).events(),
        sent=(PREDICTION_STATE,),
        entered=arrivals.entered,
        jobs=[predictions.lock_job, predictions.cancel_job],
        personal_data=PersonalData(
            tables=frozenset({"predictions", "prediction_entries", "prediction_stakes"}),
            sections=SECTIONS,
            erase=_erase,
        ),
        limits={"prediction_seconds": rules.MAX_SECONDS, "predictions_unresolved": rules.MAX_UNRESOLVED},
        close=arrivals.close,
    )


SECTIONS: Final = (
    rows_by_id("predictions", "id, room_id, question, outcomes, opened_at", "predictions where author_id = $1"),
    rows_by_id(
        "prediction_entries",
        "e.id, e.prediction_id, p.question, p.outcomes[e.outcome + 1] as outcome, e.points, e.paid",
        "prediction_entries e join predictions p on p.id = e.prediction_id where e.person_id = $1",
        "e.id",
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)
