"""What posts carry: pictures, uploads of their authors that are kept as long as the post is, and videos of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server.features.social.posts.bodies import MediaBody
from server.features.social.posts.ports import VideoDoor
from server.features.videos.library import VideoCard
from server.features.videos.uploads import Media, Uploads
from server.http.errors import invalid_field
from storage.postgres import Transaction

_FORGET: Final = "delete from post_media where post_id = any($1::uuid[]) returning id, kind"


class PostMedia:
    """What posts ask of uploads and videos, in their own transactions."""

    def __init__(self, *, uploads: Uploads, videos: VideoDoor) -> None:
        self._uploads = uploads
        self._videos = videos

    async def claim(self, tx: Transaction, person_id: str, media: Sequence[MediaBody]) -> Sequence[Media]:
        """In this order. A video is named by its id or by that of its upload.

        Raises a 422 for what is not the person's or not ready, and for an upload that is no picture, or used already.
        """
        ids = [one.id for one in media]
        if len(set(ids)) < len(ids):
            raise invalid_field("media", "has an upload twice")
        found: dict[str, Media] = {
            given: carried(card) for given, card in (await self._videos.carried(tx, person_id, ids)).items()
        }
        for place, one in enumerate(media):
            if one.video_id is not None and one.id not in found:
                raise invalid_field(f"media.{place}.video_id", "is no ready video of yours")
        fields = {one.id: f"media.{place}.upload_id" for place, one in enumerate(media) if one.id not in found}
        found |= {one.id: one for one in await self._pictures(tx, person_id, fields)}
        return [found[one] for one in ids]

    async def _pictures(self, tx: Transaction, person_id: str, fields: dict[str, str]) -> Sequence[Media]:
        """``fields``: upload → the field of the body that names it."""
        if not fields:
            return []
        claimed = await self._uploads.claim(tx, person_id, list(fields), by="post", fields=list(fields.values()))
        for media in claimed:
            if media.kind != "image":
                raise invalid_field(fields[media.id], "is no picture")
        return claimed

    async def release(self, tx: Transaction, post_ids: Sequence[str]) -> None:
        """These posts are about to go; their pictures go with them, the videos stay."""
        rows = await tx.fetch(_FORGET, list(post_ids))
        await self._uploads.release(tx, [row["id"] for row in rows if row["kind"] == "image"])


def carried(card: VideoCard) -> Media:
    """A video among the media of a post."""
    return Media(
        id=card.id,
        kind="video",
        url=f"/vod/{card.id}/index.m3u8",
        preview_url=f"/vod/{card.id}/thumbnail.webp",
        width=card.width,
        height=card.height,
        duration_ms=None,
        video_codec=None,
        audio_codec=None,
        blurhash=None,
    )
