"""Works that are found in the media of others: both sides are notified of what concerns them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from server.features.delivery.notifications.kinds import MATCH, Notice, Subject
from server.features.delivery.notifications.notifications import Notifications
from server.features.videos.works.facts import MatchClaimed, MatchDecided
from storage.facts import Consumer
from storage.postgres import Transaction


class MatchConsumers:
    def __init__(self, *, notifications: Notifications) -> None:
        self._notifications = notifications

    def all(self) -> Sequence[Consumer[Any]]:
        return (Consumer(MatchClaimed, self._claimed), Consumer(MatchDecided, self._decided))

    async def _claimed(self, tx: Transaction, fact: MatchClaimed) -> None:
        await self._tell(tx, fact, fact.policy, fact.publisher_id, fact.at)

    async def _decided(self, tx: Transaction, fact: MatchDecided) -> None:
        """The side that has not done it; both of what the server did."""
        if fact.at is not None:
            for person_id in {fact.holder_id, fact.publisher_id} - {fact.by_id}:
                await self._tell(tx, fact, fact.state, person_id, fact.at)

    async def _tell(
        self, tx: Transaction, fact: MatchClaimed | MatchDecided, what: str, person_id: str, at: datetime
    ) -> None:
        """The other side caused it, also what the server does: by what it has claimed, or left without an answer."""
        other_id = fact.holder_id if person_id == fact.publisher_id else fact.publisher_id
        subject = Subject(f"match_{what}", fact.match_id)
        notice = Notice(kind=MATCH, actor_id=other_id, subject=subject, happened_at=at)
        await self._notifications.notify(tx, notice, [person_id])
