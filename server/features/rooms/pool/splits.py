"""Splits: what several get of what a stream or video earns. One holds when each part has agreed to it; then the one
before it holds no longer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from server.features.rooms.pool import queries
from server.features.rooms.pool.rules import WHOLE, fault_in_parts
from server.features.rooms.pool.shapes import SplitBody
from server.features.videos.works.facts import MatchCredited, MatchDecided
from server.http.errors import Problem, invalid_field, not_found
from storage.facts import Consumer
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction

HOLDERS: Final = 50
"""Per cent that a split offers, which a credited match opens, to who holds the rights."""


class Splits:
    def __init__(self, *, db: Database, ids: Ids, now: Callable[[], datetime]) -> None:
        self._db = db
        self._ids = ids
        self._now = now

    async def offer(self, person_id: str, body: SplitBody) -> dict[str, Any]:
        """Of a stream or video of one's own. Raises a 404 and a 422."""
        async with self._db.transaction() as tx:
            medium = await tx.fetchrow(queries.MEDIUM, body.stream_id or body.video_id, person_id)
            if medium is None or (body.stream_id is not None and medium["stream_id"] is None):
                raise not_found("There is no such stream or video of yours")
            parts: dict[str, int] = {}
            for place, part in enumerate(body.parts):
                found = await tx.fetchval(queries.PERSON, part.user, person_id)
                if found is None:
                    raise invalid_field(f"parts.{place}.user", "is nobody's name")
                parts[found] = part.percent
            if (fault := fault_in_parts(parts, len(body.parts))) is not None:
                raise invalid_field("parts", fault)
            if person_id not in parts:
                raise invalid_field("parts", "must have one of yours")
            split_id = await self._add(tx, medium, parts, agrees=person_id)
            assert split_id is not None
            await self._settle(tx, split_id)
            row = await tx.fetchrow(queries.SPLIT, split_id, person_id)
        assert row is not None
        return dict(row)

    async def answer(self, person_id: str, split_id: str, *, agrees: bool) -> dict[str, Any]:
        """Raises a 404 for one in which the person has no part, a 409 for one that is decided."""
        async with self._db.transaction() as tx:
            held = await tx.fetchrow(queries.LOCK, split_id)
            row = await tx.fetchrow(queries.SPLIT, split_id, person_id)
            if held is None or row is None:
                raise not_found("There is no such split")
            if held["state"] != "proposed":
                raise Problem(409, f"The split is {held['state']} already")
            if agrees:
                await tx.execute(queries.AGREE, split_id, person_id, self._now())
                await self._settle(tx, split_id)
            else:
                await tx.execute(queries.SET_STATE, split_id, "declined")
            row = await tx.fetchrow(queries.SPLIT, split_id, person_id)
        assert row is not None
        return dict(row)

    async def of(self, person_id: str, *, before: str | None, limit: int) -> Sequence[Any]:
        return await self._db.fetch(queries.SPLITS, person_id, before, limit)

    def consumers(self) -> Sequence[Consumer[Any]]:
        return (Consumer(MatchCredited, self._credited), Consumer(MatchDecided, self._decided))

    async def _credited(self, tx: Transaction, fact: MatchCredited) -> None:
        """A match in a stream or video offers its publisher a split with who holds the rights."""
        medium = await tx.fetchrow(queries.MEDIUM, fact.media_id, fact.publisher_id)
        if medium is not None and fact.holder_id != fact.publisher_id:
            parts = {fact.holder_id: HOLDERS, fact.publisher_id: WHOLE - HOLDERS}
            await self._add(tx, medium, parts, agrees=fact.holder_id, match_id=fact.match_id)

    async def _decided(self, tx: Transaction, fact: MatchDecided) -> None:
        """What was upheld against the publisher holds as if agreed; what was withdrawn holds no longer."""
        split = await tx.fetchrow(queries.OF_MATCH, fact.match_id)
        if split is None:
            return
        if fact.state == "withdrawn":
            await tx.execute(queries.SET_STATE, split["id"], "declined")
        elif fact.state == "upheld" and split["state"] in ("proposed", "declined"):
            await tx.execute(queries.AGREE_ALL, split["id"], self._now())
            await self._settle(tx, split["id"])

    async def _add(
        self,
        tx: Transaction,
        medium: Row,
        parts: Mapping[str, int],
        *,
        agrees: str,
        match_id: str | None = None,
    ) -> str | None:
        """None: the match has one already."""
        now = self._now()
        split_id: str | None = await tx.fetchval(
            queries.ADD_SPLIT, self._ids.uuid7(now.timestamp()), medium["stream_id"], medium["video_id"],
            medium["owner_id"], match_id, now,
        )  # fmt: skip
        if split_id is not None:
            await tx.execute(queries.ADD_PARTS, split_id, list(parts), list(parts.values()), agrees, now)
        return split_id

    async def _settle(self, tx: Transaction, split_id: str) -> None:
        if await tx.fetchval(queries.IS_AGREED, split_id):
            split = await tx.fetchrow(queries.LOCK, split_id)
            assert split is not None
            await tx.execute(queries.REPLACE, split["media_id"], split_id)
            await tx.execute(queries.SET_STATE, split_id, "agreed")
