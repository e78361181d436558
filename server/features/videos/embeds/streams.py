"""What everybody may know of a stream, as a card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from server.http.previews import Preview
from storage.ids import is_uuid
from storage.postgres import Database


class StreamPreviews:
    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def of(self, path: Mapping[str, str]) -> Preview | None:
        """Of the stream that ``path`` names by ``id``; None for one that is not for all, or of who is suspended."""
        stream_id = path.get("id", "").lower()
        row = await self._db.fetchrow(_STREAM, stream_id) if is_uuid(stream_id) else None
        if row is None:
            return None
        has_media = row["publication"] > 0 and (row["state"] != "ended" or row["is_recorded"])
        return Preview(
            title=row["title"],
            path=f"/watch/{stream_id}",
            author=row["display_name"] or row["username"],
            author_path=f"/@{row['username']}",
            description=row["description"],
            image=f"/hls/{stream_id}/thumbnail.webp" if has_media else None,
            player=f"/embed/{stream_id}",
        )


_STREAM: Final = """
select s.title, s.description, s.state, s.publication, s.is_recorded, u.username, u.display_name
from streams s join users u on u.id = s.owner_id
where s.id = $1 and s.visibility in ('public', 'unlisted') and s.restrictions is null and u.deleted_at is null
    and (u.suspended_until is null or u.suspended_until <= now())
"""
