"""Works that people have registered: rows, their fingerprints, and the job that makes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from media.fingerprints.fingerprinter import NoFingerprintError
from media.fingerprints.messages import VERSION, Fingerprint, Hash, Kind
from server.features.videos.works import queries
from server.features.videos.works.index import add_hashes
from server.features.videos.works.media import Media, Medium
from server.http.errors import Problem, not_found
from server.jobs import Attempt, Job, Jobs
from storage.audit import AuditLog
from storage.ids import Ids
from storage.postgres import Database, Row

TIMEOUT_S: Final = 4 * 3_600.0
ANEW_S: Final = 3_600.0
ANEW: Final = 100
ABSENT: Final = "There is no such video, or nothing of it is kept"
KINDS: Final[tuple[Kind, ...]] = ("audio", "video")

MakeFingerprint = Callable[[Fingerprint], Awaitable[Sequence[Hash]]]
SeekIn = Callable[[object, Sequence[str]], Awaitable[None]]
"""Have a new work sought in media that are there already, by their ids; in a transaction."""


class IndexWork(msgspec.Struct, frozen=True):
    work_id: str


class NewWork(msgspec.Struct, frozen=True, kw_only=True):
    owner_id: str
    media_id: str
    title: str
    policy: str
    ip: str


class Works:
    """``job`` makes the fingerprints of a work; after it, matches are sought in the ``older`` newest videos."""

    def __init__(
        self,
        *,
        db: Database,
        jobs: Jobs,
        media: Media,
        make: MakeFingerprint,
        seek_in: SeekIn,
        enforce: SeekIn,
        audit: AuditLog,
        ids: Ids,
        now: Callable[[], datetime],
        most: int,
        older: int,
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._media = media
        self._make = make
        self._seek_in = seek_in
        self._enforce = enforce
        self._audit = audit
        self._ids = ids
        self._now = now
        self._most = most
        self._older = older
        self.job = Job(
            name="works.index", body=IndexWork, run=self._run, timeout_s=TIMEOUT_S, tries=4, at_once_on_node=1
        )

    async def register(self, new: NewWork) -> Row:
        """Raises a 404 for what is not there or not to be known of, a 403 for what is another's, and a 409 for what is
        registered already, or is encoded or trimmed still."""
        medium = await self._media.find(new.media_id)
        if medium is None:
            raise await self._absence(new)
        if medium.owner_id != new.owner_id:
            is_known = await self._db.fetchval(queries.MAY_KNOW, new.owner_id, medium.id)
            raise Problem(403, "This video is not yours") if is_known else not_found(ABSENT)
        work_id = self._ids.uuid7(self._now().timestamp())
        async with self._db.transaction() as tx:
            number = await tx.fetchval(
                queries.ADD,
                work_id,
                new.owner_id,
                medium.id,
                new.title,
                new.policy,
                self._now(),
                self._most,
                VERSION,
            )
            if number is None:
                raise await self._refusal(medium.id)
            await self._audit.add(
                tx,
                "work.registered",
                actor_id=new.owner_id,
                subject=str(work_id),
                ip=new.ip,
                detail={"video_id": medium.id, "title": new.title, "policy": new.policy},
            )
            await self._jobs.enqueue(tx, self.job, IndexWork(str(work_id)))
        return await self.one(str(work_id))

    async def _absence(self, new: NewWork) -> Problem:
        """Why there is nothing to be fingerprinted."""
        state = await self._db.fetchval(queries.STATE_OF_VIDEO, new.media_id, new.owner_id)
        if state == "processing":
            return Problem(
                409, "The video is being worked on: register it once its state is ready", slug="video-not-ready"
            )
        if state == "failed":
            return Problem(409, "The video could not be encoded: upload it anew", slug="video-not-ready")
        return not_found(ABSENT)

    async def _refusal(self, media_id: str) -> Problem:
        if await self._db.fetchval(queries.REGISTERED, media_id) is not None:
            return Problem(409, "This video is registered already", slug="work-registered")
        return Problem(409, f"An account has at most {self._most} works", slug="too-many-works")

    async def one(self, work_id: str) -> Row:
        row = await self._db.fetchrow(queries.WORK, work_id)
        if row is None:
            raise not_found("There is no such work")
        return row

    async def of(self, owner_id: str, *, after: str | None, limit: int) -> Sequence[Row]:
        """In order of their registration."""
        return await self._db.fetch(queries.MINE, owner_id, after, limit)

    async def remove(self, work_id: str, owner_id: str, *, ip: str) -> None:
        """With its matches. Raises a 404."""
        async with self._db.transaction() as tx:
            claimed = [each["media_id"] for each in await tx.fetch(queries.CLAIMED_BY_WORK, work_id)]
            row = await tx.fetchrow(queries.REMOVE, work_id, owner_id)
            if row is None:
                raise not_found("You have no such work")
            await self._enforce(tx, claimed)
            detail = {"video_id": row["media_id"], "title": row["title"]}
            await self._audit.add(tx, "work.removed", actor_id=owner_id, subject=work_id, ip=ip, detail=detail)

    async def _run(self, attempt: Attempt[IndexWork]) -> None:
        work = await self._db.fetchrow(queries.WORK, attempt.body.work_id)
        if work is None:
            return
        medium = await self._media.find(work["media_id"])
        try:
            if work["version"] != VERSION:
                await self._unindex(attempt, work["number"])
            made = 0 if medium is None else await self._index(attempt, medium, work["number"])
            reason = "" if made else "There is nothing in it that could be found again"
        except NoFingerprintError as error:
            reason = str(error)
        older = [row["id"] for row in await self._db.fetch(queries.OLDER, work["owner_id"], self._older)]
        async with attempt.finish() as tx:
            await tx.execute(queries.INDEXED, work["id"], "failed" if reason else "ready", reason, VERSION)
            await self._seek_in(tx, [] if reason else older)

    async def index_anew(self) -> None:
        """Works whose hashes are of a former version, some of them at a time."""
        rows = await self._db.fetch(queries.FORMER, VERSION, ANEW)
        bodies = [IndexWork(row["id"]) for row in rows]
        async with self._db.transaction() as tx:
            await self._jobs.enqueue_many(tx, self.job, bodies, key_of=lambda body: f"{body.work_id}/{VERSION}")

    async def _unindex(self, attempt: Attempt[IndexWork], number: int) -> None:
        for statement in queries.UNINDEX:
            async with attempt.step() as tx:
                await tx.execute(statement, number)

    async def _index(self, attempt: Attempt[IndexWork], medium: Medium, number: int) -> int:
        """Written piece by piece: what a later attempt repeats is there already. How many hashes there are."""
        made = 0
        for share, kind in enumerate(KINDS):
            async for piece in self._media.pieces(medium, kind):
                order = Fingerprint(kind=kind, side="work", data=piece.data, start_ms=piece.start_ms)
                hashes = await self._make(order)
                made += len(hashes)
                async with attempt.step() as tx:
                    await add_hashes(tx, kind, number, hashes)
                await attempt.progress(share / len(KINDS), f"{kind} to {piece.start_ms} ms")
        return made
