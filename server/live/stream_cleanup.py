"""What an ended stream leaves behind on a node: playlists, live files, a last picture."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from actors.events import StreamChanged
from actors.runtime import ActorError
from media.control import Pictured
from server.live.media import MediaProcess
from server.live.playback import Playback
from storage.objects import ObjectStore

FORGET_S = 60.0
KEEP_PICTURE_S = 60.0

log = logging.getLogger("server.cleanup")


class StreamCleanup:
    """What an ended stream leaves behind: playlists that say so at once, live files for a minute, a last picture.

    A picture is kept once a minute as well: a stream that ends after its node has gone has one too.
    """

    def __init__(self, *, playback: Playback, media: MediaProcess, objects: ObjectStore) -> None:
        self._playback = playback
        self._media = media
        self._objects = objects
        self._tasks: set[asyncio.Task[None]] = set()
        self._kept_at: dict[str, float] = {}
        playback.on_pictured(self._pictured)

    def _pictured(self, report: Pictured) -> None:
        if report.at - self._kept_at.get(report.stream_id, 0.0) >= KEEP_PICTURE_S:
            self._kept_at[report.stream_id] = report.at
            self._start(self._keep_picture(report.stream_id), f"picture {report.stream_id}")

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def changed(self, event: StreamChanged) -> None:
        if event.stream.state != "ended" or event.previous == "ended":
            return
        self._playback.ended(event.stream.id)
        self._start(self._leave(event.stream.id), f"after {event.stream.id}")

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _leave(self, stream_id: str) -> None:
        await self._keep_picture(stream_id)
        self._kept_at.pop(stream_id, None)
        await asyncio.sleep(FORGET_S)
        self._playback.forget(stream_id)
        self._media.forget(stream_id)

    async def _keep_picture(self, stream_id: str) -> None:
        picture = self._playback.picture(stream_id)
        if picture is None:
            return
        try:
            with open(picture.path, "rb") as file:  # noqa: ASYNC230 - a few KB from memory
                body = file.read()
            await self._objects.put(f"streams/{stream_id}/thumbnail.webp", body, content_type="image/webp")
        except (OSError, ActorError) as error:
            log.warning("stream %s: its last picture was not kept: %s", stream_id, error)
