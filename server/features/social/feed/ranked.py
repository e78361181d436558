"""A ranked feed, page by page: a session keeps the order in which it was begun, window by window.

A window is a stretch of the chronological list, ranked as a whole; the next one begins where it ends. A session that
Redis has lost is begun anew as of its own time, which its id tells: the order is the same but for what has changed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol
from uuid import UUID

import msgspec

from server.features.social.feed import queries
from server.features.social.feed.acts import AFFINITY_TAU_S
from server.features.social.feed.ranking import Features, Ranker, rank_within
from server.features.social.feed.rules import Candidate, Reason
from storage.decay import decayed
from storage.errors import Unavailable
from storage.ids import Ids, made_at
from storage.postgres import Database
from storage.timelines import Position, RankedPages

WINDOW: Final = 120
MAX_DEPTH: Final = 1_200
"""Items that a session goes through; then it ends, and a reader begins anew."""
LAST_ID: Final = "ffffffff-ffff-ffff-ffff-ffffffffffff"

Window = Callable[[Position | None, int], Awaitable[Sequence[Candidate]]]
"""The chronological list: up to so many that are older than a position."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    id: str
    reason: Reason
    tag: str | None = None


class Order(msgspec.Struct, frozen=True):
    """``floor``: where the next window begins; None when there is none."""

    places: list[Place]
    floor: tuple[dt.datetime, str] | None


class Source(Protocol):
    """``first``: what the first window holds besides, whatever its age."""

    async def window(self, before: Position | None, limit: int) -> Sequence[Candidate]: ...

    async def first(self) -> Sequence[Candidate]: ...


class Session(msgspec.Struct, frozen=True):
    id: UUID
    index: int = 0


class RankedFeed:
    def __init__(
        self, *, db: Database, pages: RankedPages, ranker: Ranker, ids: Ids, now: Callable[[], dt.datetime],
        deadline_s: float,
    ) -> None:  # fmt: skip
        self._db = db
        self._pages = pages
        self._ranker = ranker
        self._ids = ids
        self._now = now
        self._deadline_s = deadline_s

    def begin(self) -> Session:
        return Session(UUID(self._ids.uuid7(self._now().timestamp())))

    async def places(self, session: Session, reader_id: str | None, source: Source, limit: int) -> Sequence[Place]:
        """Up to ``limit`` places of the session's order from its index on; fewer: it has ended."""
        held = await self._load(session, reader_id)
        order = held or Order([], (_moment(session, self._now()), LAST_ID))
        while len(order.places) < min(session.index + limit, MAX_DEPTH) and order.floor is not None:
            order = await self._more(session, reader_id, source, order)
        if order is not held:
            await self._save(session, reader_id, order)
        return order.places[session.index : min(session.index + limit, MAX_DEPTH)]

    async def _more(self, session: Session, reader_id: str | None, source: Source, order: Order) -> Order:
        window = await source.window(order.floor, WINDOW)
        known = {place.id for place in order.places}
        others = [] if order.places else await source.first()
        found = {one.id: one for one in (*others, *window) if one.id not in known}
        floor = window[-1].position if len(window) == WINDOW else None
        ranked = await self._ranked(session, reader_id, list(found.values()))
        return Order(order.places + ranked, floor)

    async def _ranked(self, session: Session, reader_id: str | None, found: Sequence[Candidate]) -> list[Place]:
        if not found:
            return []
        at = _moment(session, self._now())
        rows = await self._db.fetch(queries.FEATURES, reader_id, [one.id for one in found], at)
        known = {one.id: one for one in found}
        features = [
            Features(
                post_id=row["id"],
                author_id=row["author_id"],
                age_s=row["age_s"],
                affinity=0.0 if row["affinity"] is None else decayed(row["affinity"], at, AFFINITY_TAU_S),
                engagement=row["engagement"],
                is_live=row["is_live"],
                found=known[row["id"]].reason,
            )
            for row in rows
        ]
        order = await rank_within(self._ranker, features, deadline_s=self._deadline_s)
        return [Place(one.post_id, one.reason, known[one.post_id].tag) for one in order]

    async def _load(self, session: Session, reader_id: str | None) -> Order | None:
        try:
            held = await self._pages.load(session.id, reader_id or "guest")
        except Unavailable:
            return None
        return None if held is None else msgspec.json.decode(held, type=Order)

    async def _save(self, session: Session, reader_id: str | None, order: Order) -> None:
        """Without Redis each page finds the order anew."""
        try:
            await self._pages.save(session.id, reader_id or "guest", msgspec.json.encode(order))
        except Unavailable:
            return


def _moment(session: Session, now: dt.datetime) -> dt.datetime:
    """When the session was begun. A made-up id may say anything; the future is as good as the present."""
    return dt.datetime.fromtimestamp(min(made_at(str(session.id)), now.timestamp()), dt.UTC)
