"""A picture of a live stream every few seconds, from its key frames."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from media.unit import Track, Unit

PICTURE_S = 4.0

log = logging.getLogger(__name__)


class Pictures(Protocol):
    """Decodes key frames, in a process of its own."""

    async def picture(self, track: Track, unit: Unit) -> bytes | None:
        """A key frame as WebP; None when it cannot be shown or too much else waits."""


class Thumbnail:
    """Keeps the file ``path`` fresh: a new picture every ``PICTURE_S``, one at a time."""

    def __init__(self, *, pictures: Pictures, path: Path, name: str, on_taken: Callable[[Path, float], None]) -> None:
        """``name`` is for the log; ``on_taken`` gets the path and the key frame's ``at`` after each picture."""
        self._pictures = pictures
        self._path = path
        self._name = name
        self._on_taken = on_taken
        self._taken_at = 0.0
        self._taking: asyncio.Task[None] | None = None

    def see(self, key_frame: Unit, tracks: Sequence[Track]) -> None:
        """Takes a picture of the key frame when the last one is old enough."""
        if key_frame.at - self._taken_at < PICTURE_S or (self._taking is not None and not self._taking.done()):
            return
        track = next((track for track in tracks if track.kind == "video"), None)
        if track is None:
            return
        self._taken_at = key_frame.at
        self._taking = asyncio.get_running_loop().create_task(
            self._take(track, key_frame), name=f"picture {self._name}"
        )

    def cancel(self) -> None:
        if self._taking is not None:
            self._taking.cancel()

    async def _take(self, track: Track, key_frame: Unit) -> None:
        picture = await self._pictures.picture(track, key_frame)
        if picture is None:
            return
        partial = self._path.with_suffix(".partial")
        try:
            partial.write_bytes(picture)
            partial.rename(self._path)
        except OSError as error:
            log.warning("%s: its picture was not kept: %s", self._name, error)
            return
        self._on_taken(self._path, key_frame.at)
