"""What owners of works have done to uploaded videos of others: parts are muted, or the video is withheld.

A muted video is another edition, whose rows name other objects for some segments of its sound. The segments as they
were encoded stay, and are what the next edition is made of.
"""

from __future__ import annotations

import msgspec

from actors.restrictions import Restrictions
from server.features.videos.library import queries
from server.features.videos.library.files import VideoFiles
from server.features.videos.library.keys import SOUND, file_key, segment_file
from server.features.videos.library.restricting import set_restrictions
from server.features.videos.silencing import Silencer, SoundSegment, Spans
from storage.objects import ObjectStore
from storage.postgres import Database, Transaction


class BusyError(Exception):
    """The video is worked on: try again when it is ready."""


class Claims:
    def __init__(self, *, db: Database, objects: ObjectStore, files: VideoFiles) -> None:
        self._files = files
        self._db = db
        self._objects = objects

    async def withhold(self, tx: Transaction, video_id: str, *, is_claimed: bool) -> bool:
        """Withhold a video from all but its owner, or give it back; whether that changes anything."""
        row = await tx.fetchrow(queries.RESTRICTED, video_id)
        now = msgspec.convert((row["restrictions"] if row is not None else None) or {}, Restrictions)
        if row is None or now.claimed == is_claimed:
            return False
        await set_restrictions(tx, video_id, msgspec.structs.replace(now, claimed=is_claimed))
        return True

    async def mute(self, video_id: str, spans: Spans) -> bool:
        """Silence these times and no others; whether that changes anything. Raises ``BusyError``, and what
        ``Silencer`` does."""
        row = await self._db.fetchrow(queries.MUTED, video_id)
        wanted = [list(span) for span in spans]
        if row is None or row["muted"] == wanted:
            return False
        if row["state"] != "ready":
            raise BusyError
        edition = row["edition"]
        made = await self._silenced(video_id, edition, spans)
        async with self._db.transaction() as tx:
            if not await tx.execute(queries.NEXT_EDITION, video_id, edition, wanted):
                raise BusyError
            await tx.execute(queries.COPY_RENDITIONS, video_id, edition)
            columns = [list(column) for column in zip(*made, strict=True)] or [[], [], []]
            await tx.execute(queries.COPY_MUTED, video_id, edition, SOUND, *columns)
            await tx.execute(queries.FORGET_FORMER, video_id, edition + 1)
            await self._files.ask(tx, video_id, edition + 1)
        return True

    async def _silenced(self, video_id: str, edition: int, spans: Spans) -> list[tuple[int, str, int]]:
        """Number, object and bytes of each segment of this edition with silence in it."""
        silencer, made = Silencer(self._objects), []
        for row in await self._db.fetch(queries.SOUND_SEGMENTS, video_id, edition, SOUND):
            to_key = file_key(video_id, edition + 1, SOUND, segment_file(row["number"]))
            size = await silencer.silenced(SoundSegment(**dict(row), to_key=to_key), spans)
            if size is not None:
                made.append((row["number"], to_key, size))
        return made
