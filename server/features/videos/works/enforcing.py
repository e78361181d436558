"""The job that does to a medium what the policies of the works in it ask for, and takes it back when they don't.

It compares what is with what the matches say, so that it may run at any time, and again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Protocol

import msgspec

from actors.restrictions import Restrictions
from actors.runtime import Node
from actors.stream_messages import RestrictStream
from media.hls.silence import CannotSilence
from server.features.videos.library import BusyError
from server.features.videos.silencing import Spans
from server.features.videos.works import queries
from server.features.videos.works.rules import CREDITED_MS
from server.jobs import Attempt, Job, Jobs, RetryLater
from server.live.mutes import ON_AIR, LiveMutes
from storage.audit import AuditLog
from storage.postgres import Database, Row, Transaction
from storage.rights import note_change

BUSY_S: Final = 60.0


class EnforceClaims(msgspec.Struct, frozen=True):
    media_id: str


class Mutes(Protocol):
    """As ``recordings.RecordingMutes``, and of videos ``library.Claims``."""

    async def mute(self, media_id: str, spans: Spans, /) -> bool: ...


class Videos(Mutes, Protocol):
    """As ``library.Claims``."""

    async def withhold(self, tx: Transaction, video_id: str, *, is_claimed: bool) -> bool: ...


class Enforcer:
    """Of a video or a recording parts are muted, or it is withheld; so is a stream, also while it is on the air.

    What cannot be muted, since its sound is of a kind that is not known here, is withheld.
    """

    def __init__(
        self,
        *,
        db: Database,
        jobs: Jobs,
        videos: Videos,
        recordings: Mutes,
        live: LiveMutes,
        node: Node,
        audit: AuditLog,
        when_changed: Callable[[], Awaitable[None]],
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._videos = videos
        self._recordings = recordings
        self._live = live
        self._node = node
        self._audit = audit
        self._when_changed = when_changed
        self.job = Job(name="works.enforce", body=EnforceClaims, run=self._run, tries=20, at_once_on_node=1)

    async def enforce(self, tx: object, media_ids: Iterable[str]) -> None:
        """In the transaction of the change that it follows from."""
        bodies = [EnforceClaims(media_id) for media_id in media_ids]
        if bodies:
            await self._jobs.enqueue_many(tx, self.job, bodies)

    async def _run(self, attempt: Attempt[EnforceClaims]) -> None:
        media_id = attempt.body.media_id
        rows = await self._db.fetch(queries.CLAIMS, media_id, CREDITED_MS)
        spans = merged((row["from_ms"], row["to_ms"]) for row in rows if row["policy"] == "mute")
        is_blocked = any(row["policy"] == "block" for row in rows)
        stream = await self._db.fetchrow(queries.STREAM, media_id)
        mutes: Mutes = self._videos if stream is None else self._recordings
        is_muted = False
        try:
            is_muted = await mutes.mute(media_id, spans)
        except CannotSilence:
            is_blocked = True
        except BusyError:
            raise RetryLater("the video is worked on", after_s=BUSY_S) from None
        is_changed = stream is not None and await self._restrict(stream, is_claimed=is_blocked)
        if stream is not None and stream["state"] in ON_AIR:
            await self._live.until(media_id, max((row["muted_until_ms"] or 0 for row in rows), default=0))
        async with attempt.finish() as tx:
            if stream is not None and is_blocked:
                await note_change(tx, "stream", media_id)  # for another work, perhaps, whose holder may see it
            if stream is None:
                is_changed = await self._videos.withhold(tx, media_id, is_claimed=is_blocked)
            if is_changed or is_muted:
                detail = {"withheld": is_blocked, "muted": [list(span) for span in spans]}
                await self._audit.add(tx, "match.enforced", actor_id=None, subject=media_id, detail=detail)

    async def _restrict(self, stream: Row, *, is_claimed: bool) -> bool:
        now = msgspec.convert(stream["restrictions"] or {}, Restrictions)
        if now.claimed == is_claimed:
            return False
        wanted = msgspec.structs.replace(now, claimed=is_claimed)
        await self._node.ref("stream", stream["id"]).ask(RestrictStream(restrictions=wanted))
        await self._when_changed()
        return True


def merged(spans: Iterable[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    """In order, those that touch as one."""
    made: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if made and begin <= made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], end))
        else:
            made.append((begin, end))
    return made
