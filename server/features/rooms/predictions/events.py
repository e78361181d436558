"""Predictions over Socket.IO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from actors.rate_limits import Rate
from server.features.rooms.predictions.predictions import Predictions
from server.features.rooms.predictions.shapes import (
    CreatePrediction,
    Entered,
    EnterPrediction,
    OfPrediction,
    PredictionMade,
    ResolvePrediction,
)
from server.socket_events import ClientEvent

DECISIONS: Final = Rate(per_s=1, burst=20)


class PredictionEvents:
    def __init__(self, *, predictions: Predictions) -> None:
        self._predictions = predictions

    def events(self) -> Sequence[ClientEvent]:
        decided: dict[str, Any] = {"ack": PredictionMade, "sender": "moderator", "rate": DECISIONS}
        return [
            ClientEvent(
                name="prediction:create", shape=CreatePrediction, handler=self._create,
                summary="Have the room predict; acknowledged when it is durable", **decided,
            ),
            ClientEvent(
                name="prediction:enter", shape=EnterPrediction, ack=Entered, handler=self._enter, scope="chat",
                summary="Stake points on an outcome", rate=Rate(per_s=2, burst=30),
            ),
            ClientEvent(
                name="prediction:lock", shape=OfPrediction, handler=self._lock,
                summary="Nobody may stake any more", **decided,
            ),
            ClientEvent(
                name="prediction:resolve", shape=ResolvePrediction, handler=self._resolve,
                summary="Name the outcome; what was staked goes to those who staked on it", **decided,
            ),
            ClientEvent(
                name="prediction:cancel", shape=OfPrediction, handler=self._cancel,
                summary="Give everybody back what they have staked", **decided,
            ),
        ]  # fmt: skip

    async def _create(self, socket: Any, session: Any, body: CreatePrediction) -> dict[str, Any]:
        person = session.require_person()
        return {"ok": True, "prediction": await self._predictions.create(person.id, session.roles, body)}

    async def _enter(self, socket: Any, session: Any, body: EnterPrediction) -> dict[str, Any]:
        return {"ok": True, **await self._predictions.enter(session.require_person().id, body)}

    async def _lock(self, socket: Any, session: Any, body: OfPrediction) -> dict[str, Any]:
        person = session.require_person()
        return {"ok": True, "prediction": await self._predictions.lock(person.id, session.roles, body.prediction_id)}

    async def _resolve(self, socket: Any, session: Any, body: ResolvePrediction) -> dict[str, Any]:
        return await self._end(session, body.prediction_id, body.outcome)

    async def _cancel(self, socket: Any, session: Any, body: OfPrediction) -> dict[str, Any]:
        return await self._end(session, body.prediction_id, None)

    async def _end(self, session: Any, prediction_id: str, winner: int | None) -> dict[str, Any]:
        person = session.require_person()
        return {"ok": True, "prediction": await self._predictions.end(person.id, session.roles, prediction_id, winner)}
