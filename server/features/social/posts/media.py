"""The pictures of posts: uploads of their authors, kept as long as the post is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server.features.videos.uploads import Media, Uploads
from server.http.errors import invalid_field
from storage.postgres import Transaction

_FORGET: Final = "delete from post_media where post_id = any($1::uuid[]) returning id"


class PostMedia:
    """What posts ask of uploads, in their own transactions."""

    def __init__(self, *, uploads: Uploads) -> None:
        self._uploads = uploads

    async def claim(self, tx: Transaction, person_id: str, upload_ids: Sequence[str]) -> Sequence[Media]:
        """The pictures of a person's uploads, in this order. Raises a 422 for what is not theirs, not ready, used
        already, or no picture.
        """
        if len(set(upload_ids)) < len(upload_ids):
            raise invalid_field("media", "has an upload twice")
        fields = [f"media.{place}.upload_id" for place in range(len(upload_ids))]
        claimed = await self._uploads.claim(tx, person_id, upload_ids, by="post", fields=fields)
        for field, media in zip(fields, claimed, strict=True):
            if media.kind != "image":
                raise invalid_field(field, "is no picture")
        return claimed

    async def release(self, tx: Transaction, post_ids: Sequence[str]) -> None:
        """These posts are about to go; their pictures go with them."""
        rows = await tx.fetch(_FORGET, list(post_ids))
        await self._uploads.release(tx, [row["id"] for row in rows])
