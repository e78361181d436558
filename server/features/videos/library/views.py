"""How often and how long videos are watched: by what players tell, each viewer once.

A viewer is a person, or a guest's network address. Who has not been seen for half an hour is another view. Time counts
from one beat to the next while the player says that it plays, by the server's clock: two tabs, seeking and a faster
rate make no more of it. What was answered is written: the beats of a moment in one statement.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from server.features.videos.library import queries
from server.features.videos.library.library import VideoRow
from server.http.errors import Problem
from server.live.viewings import Viewer
from storage.errors import StorageError
from storage.postgres import Database

MAX_WAITING: Final = 10_000
AT_ONCE: Final = 2_000
FORGOTTEN_AFTER: Final = dt.timedelta(hours=2)
WATCHERS_KEPT: Final = dt.timedelta(days=70)
"""The month before this one, and some days to share it."""

Watched = Callable[[VideoRow, Viewer, str], Awaitable[None]]
"""A view was counted: of the video, by the viewer, from the address."""


class Beat(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """``is_playing``: what the player says; None for one that says nothing, of which only a view is counted."""

    video: VideoRow
    viewer: Viewer
    address: str
    at: dt.datetime
    is_playing: bool | None
    written: asyncio.Future[None]

    @property
    def mark(self) -> bytes:
        """Tells the viewers of one video apart; the same viewer has another one at another video."""
        return hashlib.sha256(f"{self.video.id}\0{self.viewer.id or self.address}".encode()).digest()[:12]


class Views:
    """Its owner's own are not counted. ``watched``: called for each view."""

    def __init__(self, *, db: Database, watched: Watched, now: Callable[[], dt.datetime]) -> None:
        self._db = db
        self._watched = watched
        self._now = now
        self._waiting: list[Beat] = []
        self._writing: asyncio.Task[None] | None = None

    async def note(self, video: VideoRow, viewer: Viewer, address: str, *, is_playing: bool | None = None) -> None:
        """A viewer begins to play it, plays on, or pauses. ``address``: of a guest.

        Raises ``StorageError``, and a 503 where more are waiting than are written."""
        if viewer.id == video.owner_id:
            return
        if len(self._waiting) >= MAX_WAITING:
            raise Problem(503, "Too many are watching: tell it again later", retry_after_s=5.0)
        loop = asyncio.get_running_loop()
        beat = Beat(
            video=video,
            viewer=viewer,
            address=address,
            at=self._now(),
            is_playing=is_playing,
            written=loop.create_future(),
        )
        self._waiting.append(beat)
        if self._writing is None:
            self._writing = loop.create_task(self._write_all(), name="views of videos")
        await beat.written

    async def forget(self) -> None:
        """Remove the marks of viewers who have not been seen for long, and who watched what in months long shared."""
        await self._db.execute(queries.FORGET_SITTINGS, self._now() - FORGOTTEN_AFTER)
        await self._db.execute(queries.FORGET_WATCHERS, (self._now() - WATCHERS_KEPT).date())

    async def close(self) -> None:
        """Until what waits is written."""
        if self._writing is not None:
            await asyncio.wait([self._writing])

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = _batch_of(self._waiting)
                await self._write(batch)
        finally:
            self._writing = None

    async def _write(self, batch: Sequence[Beat]) -> None:
        columns = [
            [beat.video.id for beat in batch],
            [beat.mark for beat in batch],
            [beat.at for beat in batch],
            [beat.is_playing for beat in batch],
            [beat.viewer.id for beat in batch],
        ]
        try:
            counted = {(row["id"], row["viewer"]) for row in await self._db.fetch(queries.BEAT, *columns)}
            for beat in batch:
                if (beat.video.id, beat.mark) in counted:
                    await self._watched(beat.video, beat.viewer, beat.address)
        except StorageError as error:
            _answer(batch, error)
        else:
            _answer(batch, None)


def _batch_of(beats: Sequence[Beat]) -> tuple[list[Beat], list[Beat]]:
    """One beat of each viewer, in the order in which they came, and what is left for the next statement."""
    batch: dict[tuple[str, bytes], Beat] = {}
    later = []
    for beat in beats:
        key = beat.video.id, beat.mark
        if key in batch or len(batch) >= AT_ONCE:
            later.append(beat)
        else:
            batch[key] = beat
    return list(batch.values()), later


def _answer(batch: Sequence[Beat], error: StorageError | None) -> None:
    for beat in batch:
        if beat.written.done():  # who asked has gone
            continue
        if error is None:
            beat.written.set_result(None)
        else:
            beat.written.set_exception(error)
