"""Works that are found in the media of others: both sides are notified of what concerns them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
        await self._tell(tx, fact.match_id, fact.policy, [fact.publisher_id], fact.at)

    async def _decided(self, tx: Transaction, fact: MatchDecided) -> None:
        """The side that has not done it; both of what the server did."""
        people = {fact.holder_id, fact.publisher_id} - {fact.by_id}
        if fact.at is not None:
            await self._tell(tx, fact.match_id, fact.state, people, fact.at)

    async def _tell(
        self, tx: Transaction, match_id: str, what: str, people: Collection[str | None], at: datetime
    ) -> None:
        """A match is its sides' own affair, so that a block between them hides nothing."""
        for person_id in people:
            if person_id is not None:
                notice = Notice(
                    kind=MATCH, actor_id=person_id, subject=Subject(f"match_{what}", match_id), happened_at=at
                )
                await self._notifications.notify(tx, notice, [person_id])
