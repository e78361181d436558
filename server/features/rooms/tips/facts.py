"""The durable facts of tips."""

from __future__ import annotations

from storage.facts import Fact


class TipSucceeded(Fact, frozen=True, kw_only=True, tag="tip.succeeded"):
    """The payment of a tip has succeeded."""

    tip_id: str
    owner_id: str
