"""What posts ask of rooms that stand above them or beside them, and what there is until those rooms are installed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from actors.runtime import DomainError
from storage.postgres import Reads, Transaction


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """What an upload has become. ``kind``: ``image``, ``video``, ``audio``."""

    id: str
    kind: str
    url: str
    preview_url: str | None = None
    width: int | None = None
    height: int | None = None


class MediaClaims(Protocol):
    async def claim(self, tx: Transaction, person_id: str, upload_ids: Sequence[str]) -> Sequence[Media]:
        """The media of a person's uploads, in this order; they are kept from now on. Raises a ``DomainError`` for what
        is not theirs, not ready, or used already.
        """
        ...


class CommunityDoor(Protocol):
    async def may_post(self, tx: Transaction, person_id: str, name: str) -> str:
        """The id of the community. Raises a ``DomainError`` where the person may not post, or may not know of it."""
        ...

    async def readable(self, reads: Reads, viewer_id: str | None, community_ids: Collection[str]) -> Mapping[str, str]:
        """Id → name of those communities whose posts the viewer may read."""
        ...


class NoMedia:
    async def claim(self, tx: Transaction, person_id: str, upload_ids: Sequence[str]) -> Sequence[Media]:
        raise DomainError("invalid", "there is no such upload", field="media.0.upload_id")


class NoCommunities:
    async def may_post(self, tx: Transaction, person_id: str, name: str) -> str:
        raise DomainError("invalid", "there is no such community", field="community")

    async def readable(self, reads: Reads, viewer_id: str | None, community_ids: Collection[str]) -> Mapping[str, str]:
        return {}
