"""What posts ask of rooms that stand above them or beside them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from server.features.videos.library import VideoCard
from storage.postgres import Reads, Transaction


@dataclass(frozen=True, kw_only=True)
class Place:
    """A community that a viewer may read. ``is_open``: anybody joins. ``is_member``: the viewer is."""

    id: str
    name: str
    is_open: bool
    is_member: bool

    def shows(self, visibility: str) -> bool:
        """Whether the viewer may read posts of this visibility in it, as far as it decides."""
        return self.is_member or visibility != "community"


class VideoDoor(Protocol):
    """As ``library.VideoCards``."""

    def base(self, card: VideoCard) -> str: ...

    async def cards(self, reads: Reads, viewer_id: str | None, ids: Collection[str]) -> Mapping[str, VideoCard]: ...

    async def carried(self, tx: Transaction, owner_id: str, ids: Collection[str]) -> Mapping[str, VideoCard]: ...

    async def take_wish(self, tx: Transaction, video_id: str) -> VideoCard | None: ...


class CommunityDoor(Protocol):
    async def may_post(self, tx: Transaction, person_id: str, name: str) -> Place:
        """Raises a ``DomainError`` where the person may not post, or may not know of it."""
        ...

    async def readable(
        self, reads: Reads, viewer_id: str | None, community_ids: Collection[str]
    ) -> Mapping[str, Place]:
        """Id → those communities that the viewer may read."""
        ...
