"""Channel points: earned by watching a person's streams, taken and given back in the transactions of other features."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from actors.runtime import DomainError
from server.features.rooms.points import queries, rules
from server.features.rooms.points.shapes import BALANCE
from server.jobs import Attempt, Job, Schedule
from server.jobs.kinds import Nothing
from server.publish import Publish
from storage.postgres import Database, Reads, Transaction

EVERY_S: Final = 60.0
MAX_TOLD: Final = 1_000
"""Persons in one message to the nodes."""


class Points:
    """The balances of all persons with all owners. What is taken is never more than there is."""

    def __init__(self, *, db: Database, publish: Publish, now: Callable[[], datetime], per_minute: int) -> None:
        self._db = db
        self._publish = publish
        self._now = now
        self._per_minute = per_minute

    async def balance(self, where: Reads, owner_id: str, person_id: str) -> int:
        points: int | None = await where.fetchval(queries.BALANCE, owner_id, person_id)
        return points or 0

    async def take(self, tx: Transaction, *, room_id: str, owner_id: str, person_id: str, points: int) -> int:
        """The balance afterwards, which the person's sockets are sent. Raises ``not_enough_points``."""
        left: int | None = await tx.fetchval(queries.TAKE, owner_id, person_id, points)
        if left is None:
            raise DomainError("not_enough_points", "You have not enough points.", field="points")
        tx.after_commit(partial(self._tell, room_id, [person_id], left))
        return left

    async def give(self, tx: Transaction, *, room_id: str, owner_id: str, amounts: Mapping[str, int]) -> None:
        """Give each person so many points; those whose account has gone get none."""
        rows = await tx.fetch(queries.GIVE, owner_id, list(amounts), list(amounts.values()))
        self._tell_after_commit(tx, [(room_id, row["person_id"], row["points"]) for row in rows])

    async def earn(self, tx: Transaction) -> int:
        """Give everybody who watches what a minute earns, once a minute; to how many."""
        now = self._now()
        rows = await tx.fetch(queries.EARN, now, self._per_minute, rules.minute_of(now), rules.SEEN_S)
        self._tell_after_commit(tx, [(row["room_id"], row["person_id"], row["points"]) for row in rows])
        return len(rows)

    def schedule(self) -> Schedule:
        async def run(attempt: Attempt[Nothing]) -> None:
            async with attempt.finish() as tx:
                await self.earn(tx)

        return Schedule(name="points.earn", job=Job(name="points.earn", body=Nothing, run=run), every_s=EVERY_S)

    def _tell_after_commit(self, tx: Transaction, balances: Sequence[tuple[str, str, int]]) -> None:
        """One message for all who have the same balance now: of those who only watch these are many."""
        alike: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
        for room_id, person_id, points in balances:
            alike[room_id, points].append(person_id)
        for (room_id, points), people in alike.items():
            for start in range(0, len(people), MAX_TOLD):
                tx.after_commit(partial(self._tell, room_id, people[start : start + MAX_TOLD], points))

    def _tell(self, room_id: str, people: Sequence[str], points: int) -> None:
        self._publish.to_people(people, BALANCE.name, {"room_id": room_id, "points": points})
