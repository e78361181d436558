"""Videos as rooms above show them: beside other things, in one statement for many."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from server.features.videos.library import queries
from server.live.addresses import MediaAddresses
from server.live.viewings import NOBODY
from storage.postgres import Reads, Transaction


class VideoCard(msgspec.Struct, frozen=True, kw_only=True):
    """``width`` and ``height``: of the upload; of a recording they are not known. ``is_open``: everybody may see it."""

    id: str
    owner_id: str
    title: str
    visibility: str
    width: int | None
    height: int | None
    is_open: bool = False

    @property
    def is_listed(self) -> bool:
        """Whether lists show it to those who may see it."""
        return self.visibility in ("public", "followers", "subscribers")


class VideoCards:
    def __init__(self, *, addresses: MediaAddresses) -> None:
        self._addresses = addresses

    def base(self, card: VideoCard) -> str:
        """What the addresses of its playlists and pictures begin with. Where not everybody may see it, a person's own
        token goes with them."""
        return self._addresses.base("/vod", card.id, NOBODY, is_open=card.is_open)

    async def cards(self, reads: Reads, viewer_id: str | None, ids: Collection[str]) -> dict[str, VideoCard]:
        """Id → those that can be played and that the viewer (None: a guest) may see. Those that are not for every
        country and age are left out, but for their owner."""
        rows = await reads.fetch(queries.CARDS, viewer_id, list(ids)) if ids else []
        return {row["id"]: VideoCard(**dict(row)) for row in rows}

    async def carried(self, tx: Transaction, owner_id: str, ids: Collection[str]) -> dict[str, VideoCard]:
        """Of a person's own that are ready, by the id of the video, or by that of its upload, that was given."""
        rows = await tx.fetch(queries.CARRIED, owner_id, list(ids)) if ids else []
        cards = [(row["upload_id"], VideoCard(**{name: row[name] for name in _FIELDS})) for row in rows]
        return {given: card for upload_id, card in cards for given in (upload_id, card.id) if given in ids}

    async def take_wish(self, tx: Transaction, video_id: str) -> VideoCard | None:
        """A ready video that its owner wants a post of; None for others, and the second time."""
        row = await tx.fetchrow(queries.TAKE_WISH, video_id)
        return None if row is None else VideoCard(**dict(row))


_FIELDS: Final = tuple(field.name for field in msgspec.structs.fields(VideoCard))
