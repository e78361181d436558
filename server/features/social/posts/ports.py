"""What posts ask of rooms that stand above them or beside them, and what there is until those rooms are installed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from actors.runtime import DomainError
from storage.postgres import Reads, Transaction


class CommunityDoor(Protocol):
    async def may_post(self, tx: Transaction, person_id: str, name: str) -> str:
        """The id of the community. Raises a ``DomainError`` where the person may not post, or may not know of it."""
        ...

    async def readable(self, reads: Reads, viewer_id: str | None, community_ids: Collection[str]) -> Mapping[str, str]:
        """Id → name of those communities whose posts the viewer may read."""
        ...


class NoCommunities:
    async def may_post(self, tx: Transaction, person_id: str, name: str) -> str:
        raise DomainError("invalid", "there is no such community", field="community")

    async def readable(self, reads: Reads, viewer_id: str | None, community_ids: Collection[str]) -> Mapping[str, str]:
        return {}
