"""Uploaded videos that are encoded again, as when the ladder has changed: what is there is played until that is done.

A new edition is made beside the one that is shown, by the job that makes the first one, and resumes like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from pydantic import Field

from media.transcode.ladder import tiers_of
from server.features.videos.library import queries
from server.features.videos.library.encoding import EncodeVideo
from server.features.videos.library.library import Library
from server.http.errors import Problem
from server.http.limits import OWN_SETTINGS
from server.http.operation import UUID, Answer, Call, Operation
from server.http.shapes import Body, Shape
from server.jobs import Job, Jobs
from server.live.addresses import MediaAddresses
from server.live.viewings import Viewer
from storage.audit import AuditLog
from storage.postgres import Database, Row, Transaction

PAGE: Final = 500


class AgainBody(Body):
    only_changed: Annotated[bool, Field(description="Only those whose renditions are not those of the ladder")] = True
    limit: Annotated[int, Field(ge=1, le=1_000, description="How many at most; ask again for more")] = 100


class AgainShape(Shape):
    videos: Annotated[int, Field(description="How many are encoded again from now on, the newest first")]


class Again:
    def __init__(self, *, db: Database, jobs: Jobs, job: Job[EncodeVideo], library: Library) -> None:
        self._db = db
        self._jobs = jobs
        self._job = job
        self._library = library

    async def one(self, video_id: str, viewer: Viewer) -> None:
        """By its owner; one that failed is tried anew.

        Raises a 403 or 404, and a 409 for a recording, for one that is worked on, and for one that was trimmed."""
        video = await self._library.owned(video_id, viewer)
        if video.is_recording:
            raise Problem(409, "A recording is played as it came", slug="is-recording")
        async with self._db.transaction() as tx:
            if not await self._begin(tx, video_id):
                raise Problem(409, "The video is being worked on, or was trimmed", slug="not-ready")

    async def many(self, tx: Transaction, *, only_changed: bool, limit: int) -> int:
        """Those that are ready, the newest first; how many."""
        begun, before = 0, None
        while begun < limit and (rows := await tx.fetch(queries.READY_UPLOADS, before, PAGE)):
            for row in rows:
                if begun < limit and not (only_changed and _is_of_ladder(row)):
                    begun += await self._begin(tx, row["id"])
            before = rows[-1]["id"]
        return begun

    async def _begin(self, tx: Transaction, video_id: str) -> bool:
        edition = await tx.fetchval(queries.ENCODE_AGAIN, video_id)
        if edition is not None:
            await self._jobs.enqueue(tx, self._job, EncodeVideo(video_id, edition + 1), priority="low")
        return edition is not None


def _is_of_ladder(row: Row) -> bool:
    source = msgspec.convert(row["source"], Size)
    tiers = tiers_of(source.width, source.height, source.fps, has_own_size=True)
    return sorted(tier.name for tier in tiers) == sorted(row["names"])


class Size(msgspec.Struct, frozen=True, kw_only=True):
    width: int
    height: int
    fps: float


class AgainRoutes:
    def __init__(self, *, again: Again, addresses: MediaAddresses, db: Database, audit: AuditLog) -> None:
        self._again = again
        self._addresses = addresses
        self._db = db
        self._audit = audit

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="POST", path="/api/v1/videos/{video_id}/encode", handler=self._one, name="encodeVideoAgain",
                tag="videos", paths={"video_id": UUID}, answers={202: None},
                summary="Encode an uploaded video again; what is there is played meanwhile",
                problems=frozenset({403, 404, 409, 451}), auth="required", scope="upload", account_rate=OWN_SETTINGS,
            ),
            Operation(
                method="POST", path="/api/v1/admin/videos/encode", handler=self._many, name="encodeVideosAgain",
                tag="admin", summary="Encode uploaded videos again, as after a change of the ladder", body=AgainBody,
                answers={202: AgainShape}, auth="required", roles=frozenset({"admin"}), scope="admin",
                account_rate=OWN_SETTINGS,
            ),
        ]  # fmt: skip

    async def _one(self, call: Call[None, None]) -> Answer:
        viewer = self._addresses.asker(call.person, address=call.address)
        await self._again.one(call.path["video_id"].lower(), viewer)
        return Answer(202)

    async def _many(self, call: Call[AgainBody, None]) -> Answer:
        async with self._db.transaction(timeout_s=60) as tx:
            begun = await self._again.many(tx, only_changed=call.body.only_changed, limit=call.body.limit)
            await self._audit.add(tx, "videos.encoded_again", actor_id=call.me.id, subject=str(begun), ip=call.address)
        return Answer(202, AgainShape(videos=begun))
