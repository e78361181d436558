"""What posts ask of communities: who may post in one, and who may read it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from actors.runtime import DomainError
from server.features.social.communities import queries
from server.features.social.posts import Place
from storage.postgres import Reads, Row, Transaction


class CommunityGate:
    """A ``CommunityDoor``. Members post. All read in open communities, except who is banned; members in others."""

    async def may_post(self, tx: Transaction, person_id: str, name: str) -> Place:
        row = await tx.fetchrow(queries.ONE, person_id, name.lower())
        if row is None or (row["access"] == "invite" and row["state"] not in ("member", "invited")):
            raise DomainError("invalid", "there is no such community", field="community")
        if row["state"] != "member":
            raise DomainError("forbidden", "Only members of a community post in it", field="community")
        return Place(id=row["id"], name=row["name"], is_open=row["access"] == "open", is_member=True)

    async def readable(
        self, reads: Reads, viewer_id: str | None, community_ids: Collection[str]
    ) -> Mapping[str, Place]:
        rows = await reads.fetch(queries.READABLE, viewer_id, list(community_ids))
        return {row["id"]: _place(row) for row in rows}


def _place(row: Row) -> Place:
    return Place(id=row["id"], name=row["name"], is_open=row["is_open"], is_member=row["is_member"])
