"""The posts that acts are on: looked up for a person, judged, and locked until the transaction ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from server.features.social.posts import queries
from server.features.social.posts.ports import CommunityDoor, Place
from server.http.errors import Problem, not_found
from storage.postgres import Row, Transaction


class Targets:
    def __init__(self, *, communities: CommunityDoor) -> None:
        self._communities = communities

    async def of(self, tx: Transaction, person_id: str, ids: Sequence[str]) -> dict[str, Row]:
        """Those of ``ids`` that the person may read, by the id that was asked for: a repost stands for what it repeats.

        Rows of ``queries.TARGETS``. Mutes hide nothing from an act.
        """
        rows = await tx.fetch(queries.TARGETS, person_id, list(ids)) if ids else []
        community_ids = {row["community_id"] for row in rows if row["community_id"] is not None}
        readable = await self._communities.readable(tx, person_id, community_ids) if community_ids else {}
        return {row["asked"]: row for row in rows if _is_placed(row, readable, person_id)}

    async def one(self, tx: Transaction, person_id: str, post_id: str) -> Row:
        """Raises a 404."""
        found = await self.of(tx, person_id, [post_id])
        if post_id not in found:
            raise no_post()
        return found[post_id]


def _is_placed(row: Row, places: Mapping[str, Place], person_id: str) -> bool:
    if row["community_id"] is None or row["author_id"] == person_id:
        return True
    place = places.get(row["community_id"])
    return place is not None and place.shows(row["visibility"])


def no_post() -> Problem:
    return not_found("There is no such post")
