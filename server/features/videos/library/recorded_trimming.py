"""The job that trims a recording: its segments and its length change in one transaction, so that what is played is the
former whole or the new one, wherever a process ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from media.errors import MediaError
from media.vod.child import WorkerDiedError
from server.features.videos.library import queries
from server.features.videos.library.shapes import VIDEO_PROGRESS, State
from server.features.videos.recordings import RecordingTrims
from server.jobs import Attempt, GiveUp, Job, RetryLater
from server.publish import Publish
from storage.objects import NoSuchObject
from storage.postgres import Database, Transaction

TIMEOUT_S: Final = 1_800.0
AGAIN_S: Final = 5.0


class TrimRecording(msgspec.Struct, frozen=True, kw_only=True):
    """Times are media time of the stream."""

    stream_id: str
    from_ms: int
    to_ms: int


class RecordingTrimmer:
    def __init__(
        self,
        *,
        db: Database,
        publish: Publish,
        trims: RecordingTrims,
        ask_picture: Callable[[Transaction, str], Awaitable[None]],
    ) -> None:
        """``ask_picture`` has one made of what is left."""
        self._db = db
        self._publish = publish
        self._trims = trims
        self._ask_picture = ask_picture
        self.dead = Job(name="library.recording_not_trimmed", body=TrimRecording, run=self._give_up)
        self.job = Job(
            name="library.trim_recording",
            body=TrimRecording,
            run=self._run,
            timeout_s=TIMEOUT_S,
            tries=4,
            at_once_on_node=1,
            when_dead=self.dead,
        )

    async def _run(self, attempt: Attempt[TrimRecording]) -> None:
        body = attempt.body

        async def told(share: float) -> None:
            await attempt.progress(share)
            owner_id = await self._db.fetchval(queries.TRIMMING, body.stream_id, share)
            self._send(owner_id, body.stream_id, "processing", share)

        try:
            plan = await self._trims.plan(body.stream_id, from_ms=body.from_ms, to_ms=body.to_ms, told=told)
        except WorkerDiedError as error:
            raise RetryLater(str(error), after_s=AGAIN_S) from error
        except (MediaError, NoSuchObject) as error:
            raise GiveUp(f"it cannot be trimmed: {error}") from error
        if plan is None:  # deleted meanwhile
            return
        async with attempt.finish() as tx:
            if not await self._trims.carry_out(tx, plan):
                raise RetryLater("its sound was changed meanwhile", after_s=AGAIN_S)
            owner_id = await tx.fetchval(
                queries.RECORDING_TRIMMED, body.stream_id, plan.window.begin_ms, plan.duration_ms
            )
            await self._ask_picture(tx, body.stream_id)
        self._send(owner_id, body.stream_id)

    async def _give_up(self, attempt: Attempt[TrimRecording]) -> None:
        stream_id = attempt.body.stream_id
        async with attempt.finish() as tx:
            owner_id = await tx.fetchval(queries.NOT_TRIMMED, stream_id, "It could not be trimmed, and is as it was")
        self._send(owner_id, stream_id)

    def _send(self, owner_id: str | None, stream_id: str, state: State = "ready", progress: float = 1.0) -> None:
        if owner_id is not None:
            body = {"video_id": stream_id, "state": state, "progress": round(progress, 4)}
            self._publish.to_person(owner_id, VIDEO_PROGRESS.name, body)
