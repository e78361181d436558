"""The durable facts of predictions."""

from __future__ import annotations

from storage.facts import Fact


class PredictionResolved(Fact, frozen=True, kw_only=True, tag="prediction.resolved"):
    """Once; ``winner`` None: it was cancelled, and everybody has their points back."""

    prediction_id: str
    room_id: str
    winner: int | None
