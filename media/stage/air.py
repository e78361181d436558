"""The stage's publication: what is mixed goes to its stream as from any other publisher."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from media.errors import PublishRefused
from media.publication import Publication, PublishRequest
from media.unit import Track, Unit

AGAIN_S: Final = 3.0

Authorize = Callable[[PublishRequest], Awaitable[Publication]]
"""Raises ``PublishRefused``."""


class Air:
    """Publishes with a key from ``begin`` to ``end``, asking again after a refusal. A publication that is stopped from
    outside (its stream has ended, another publisher has taken over) stays so until the next ``begin``."""

    def __init__(self, *, authorize: Authorize, want_keyframe: Callable[[], None], name: str) -> None:
        self.trouble = ""
        self._authorize = authorize
        self._want_keyframe = want_keyframe
        self._name = name
        self._asking: asyncio.Task[None] | None = None
        self._publication: Publication | None = None
        self._tracks: Sequence[Track] = ()
        self._from_ms: float | None = None

    @property
    def is_on(self) -> bool:
        return self._publication is not None

    def begin(self, key: str) -> None:
        """Idempotent."""
        if self._asking is None:
            self.trouble = ""
            self._asking = asyncio.get_running_loop().create_task(self._ask(key), name=f"stage of {self._name}")

    def end(self, reason: str) -> None:
        """Idempotent."""
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        publication, self._publication = self._publication, None
        if publication is not None:
            publication.close(reason)

    def configure(self, tracks: Sequence[Track]) -> None:
        self._tracks = tracks
        if self._publication is not None:
            self._publication.configure(tracks)

    def write(self, units: Sequence[Unit]) -> None:
        """Nothing before the first key frame."""
        for unit in units:
            if self._publication is not None:
                self._write(unit, self._publication)

    def _write(self, unit: Unit, publication: Publication) -> None:
        scale = self._scale(unit)
        at_ms = unit.pts * 1000 / scale
        if self._from_ms is None:
            if not (unit.kind == "video" and unit.is_key):
                return
            publication.configure(self._tracks)
            self._from_ms = at_ms
        pts = round((at_ms - self._from_ms + publication.media_time_ms) * scale / 1000)
        if at_ms >= self._from_ms:
            publication.write(msgspec.structs.replace(unit, pts=pts, dts=pts))

    def _scale(self, unit: Unit) -> int:
        return next(track.timescale for track in self._tracks if track.kind == unit.kind)

    async def _ask(self, key: str) -> None:
        request = PublishRequest(key=key, protocol="stage", remote="")
        while True:
            try:
                publication = await self._authorize(request)
            except PublishRefused as refused:
                self.trouble = refused.message
                await asyncio.sleep(AGAIN_S)
                continue
            self.trouble, self._from_ms, self._publication = "", None, publication
            publication.on_stop(self._stopped)
            publication.on_keyframe_wanted(self._want_keyframe)
            self._want_keyframe()
            return

    def _stopped(self, reason: str) -> None:
        self._publication, self.trouble = None, reason
