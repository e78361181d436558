"""Archives of all that is a person's: asked for, written by a job into the object store, kept for some days."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from server.feature import ExportSection, MediaFile, PersonalData
from server.features.people.accounts import AccountMails, Device, Sessions
from server.features.people.exports import queries
from server.features.people.exports.sections import Profile, array_of
from server.features.people.exports.zip_stream import Entry, zipped
from server.http.errors import Problem, not_found
from server.http.identity import Caller
from server.jobs import Attempt, GiveUp, Job, Jobs
from storage.doomed import doom
from storage.ids import Ids
from storage.objects import ObjectStore
from storage.postgres import Database, Row

WRITE_S: Final = 6 * 3_600.0
TRIES: Final = 4
AT_ONCE: Final = 4
PROGRESS_S: Final = 1.0
TEXT_SHARE: Final = 0.3
"""Of the progress: what the sections are, beside media."""
CONTENT_TYPE: Final = "application/zip"

log = logging.getLogger("server.exports")


class WriteArchive(msgspec.Struct, frozen=True):
    export_id: str
    language: str = "en"


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """``pause_hours`` between two archives of a person, which are kept for ``kept_days``."""

    pause_hours: int
    kept_days: int


class Progress:
    """How far an archive is, written at most once in ``PROGRESS_S``."""

    def __init__(self, *, database: Database, export_id: str, sections: int, media_bytes: int) -> None:
        self._db = database
        self._export_id = export_id
        self._sections = max(1, sections)
        self._media_bytes = media_bytes
        self._sections_done = 0
        self._bytes_done = 0
        self._next_at = 0.0

    @property
    def share(self) -> float:
        of_sections = min(1.0, self._sections_done / self._sections)
        if not self._media_bytes:
            return of_sections
        of_media = min(1.0, self._bytes_done / self._media_bytes)
        return TEXT_SHARE * of_sections + (1 - TEXT_SHARE) * of_media

    async def section_done(self) -> None:
        self._sections_done += 1
        await self._write()

    async def media_read(self, size: int) -> None:
        self._bytes_done += size
        await self._write()

    async def _write(self) -> None:
        now = time.monotonic()
        if now >= self._next_at:
            self._next_at = now + PROGRESS_S
            await self._db.execute(queries.PROGRESS, self._export_id, self.share)


class Archives:
    """``job`` writes one. What a killed worker leaves is no archive: another try begins anew. ``failed`` follows when
    there is none.
    """

    def __init__(
        self,
        *,
        database: Database,
        objects: ObjectStore,
        jobs: Jobs,
        ids: Ids,
        sessions: Sessions,
        mails: AccountMails,
        profile: Profile,
        personal_data: Sequence[PersonalData],
        bounds: Bounds,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._db = database
        self._objects = objects
        self._jobs = jobs
        self._ids = ids
        self._sessions = sessions
        self._mails = mails
        self._profile = profile
        self._personal_data = personal_data
        self._bounds = bounds
        self._wall = wall
        self.failed = Job(name="export.failed", body=WriteArchive, run=self._say_failed)
        self.job = Job(
            name="export.write",
            body=WriteArchive,
            run=self._run,
            timeout_s=WRITE_S,
            tries=TRIES,
            at_once=AT_ONCE,
            at_once_on_node=1,
            when_dead=self.failed,
        )

    async def ask(self, person: Caller, device: Device) -> Row:
        """Have an archive written. Raises a 409 while one is, a 429 within ``pause_hours`` of the last."""
        async with self._db.transaction() as tx:
            await tx.execute(queries.LOCK_OWNER, person.id)
            if await tx.fetchval(queries.OPEN, person.id):
                raise Problem(409, "An archive of yours is being written", slug="export-running")
            wait_s = await tx.fetchval(queries.PAUSE_S, person.id, self._bounds.pause_hours)
            if wait_s is not None and wait_s > 0:
                detail = f"An archive is made once in {self._bounds.pause_hours} hours"
                raise Problem(429, detail, slug="export-too-soon", retry_after_s=wait_s)
            export_id = self._ids.uuid7(self._wall())
            row = await tx.fetchrow(queries.ADD, export_id, person.id)
            await self._jobs.enqueue(tx, self.job, WriteArchive(export_id, device.language), priority="low")
            await self._sessions.note(tx, person.id, "export.asked", export_id, device)
        assert row is not None
        return row

    async def list(self, person: Caller, *, after: str | None, limit: int) -> list[Row]:
        """The newest first."""
        return await self._db.fetch(queries.OF_PERSON, person.id, after, limit)

    async def one(self, person: Caller, export_id: str) -> Row:
        """Raises a 404 unless it is theirs."""
        row = await self._db.fetchrow(queries.ONE, export_id, person.id)
        if row is None:
            raise not_found("You have no such archive")
        return row

    async def withdraw(self, person: Caller, export_id: str) -> None:
        """Delete an archive, or do not write it. Raises a 404 unless it is theirs and there."""
        async with self._db.transaction() as tx:
            if await tx.fetchval(queries.WITHDRAWN, export_id, person.id) is None:
                raise not_found("You have no such archive")
            await doom(tx, prefix_of(person.id, export_id))

    async def sweep(self) -> None:
        """Delete archives whose days are over, and what was given up."""
        async with self._db.transaction() as tx:
            gone = [*await tx.fetch(queries.EXPIRED), *await tx.fetch(queries.GIVEN_UP)]
            for row in gone:
                await doom(tx, prefix_of(row["user_id"], row["id"]))
            await tx.execute(queries.FORGET)

    async def _run(self, attempt: Attempt[WriteArchive]) -> None:
        export_id = attempt.body.export_id
        async with attempt.step() as tx:
            person_id = await tx.fetchval(queries.BEGIN, export_id)
        if person_id is None:
            return  # withdrawn, or gone with the account
        await self._objects.delete_prefix(prefix_of(person_id, export_id))  # what a killed worker has left
        size = await self._objects.put_stream(
            key_of(person_id, export_id), self._zip(person_id, export_id), content_type=CONTENT_TYPE
        )
        await self._finish(attempt, person_id, size)

    async def _say_failed(self, attempt: Attempt[WriteArchive]) -> None:
        export_id = attempt.body.export_id
        async with attempt.finish() as tx:
            person_id = await tx.fetchval(queries.FAILED, export_id)
            if person_id is not None:
                await doom(tx, prefix_of(person_id, export_id))

    async def _finish(self, attempt: Attempt[WriteArchive], person_id: str, size: int) -> None:
        export_id = attempt.body.export_id
        async with attempt.finish() as tx:
            row = await tx.fetchrow(queries.READY, export_id, size, self._bounds.kept_days)
            if row is None:  # withdrawn meanwhile, or gone with the account
                await doom(tx, prefix_of(person_id, export_id))
                return
            to = await self._mails.addressee(tx, person_id, language=attempt.body.language)
            if to is not None:
                await self._mails.export_ready(tx, to, row["expires_at"])
        log.info("archive %s is ready: %d bytes", export_id, size)

    async def _zip(self, person_id: str, export_id: str) -> AsyncIterator[bytes]:
        profile = await self._profile(person_id)
        if profile is None:
            raise GiveUp("the account is no more")
        at = dt.datetime.fromtimestamp(self._wall(), dt.UTC)
        head = {"exported_at": at, "profile": profile}
        async for chunk in zipped(self._entries(person_id, export_id, msgspec.json.encode(head)), at=at):
            yield chunk

    async def _entries(self, person_id: str, export_id: str, head: bytes) -> AsyncIterator[Entry]:
        sections = [section for held in self._personal_data for section in held.sections]
        media = [one for held in self._personal_data async for one in held.media(person_id)]
        progress = Progress(
            database=self._db,
            export_id=export_id,
            sections=len(sections),
            media_bytes=sum(one.size for one in media),
        )
        yield Entry(name="profile.json", chunks=_once(head))
        for section in sections:
            yield Entry(name=f"data/{section.name}.json", chunks=self._section(section, person_id, progress))
        for file in media:
            yield Entry(name=f"media/{file.name}", chunks=_counted(file, progress), is_packed=False)

    async def _section(self, section: ExportSection, person_id: str, progress: Progress) -> AsyncIterator[bytes]:
        async for piece in array_of(self._db, section, person_id):
            yield piece
        await progress.section_done()


def prefix_of(person_id: str, export_id: str) -> str:
    return f"exports/{person_id}/{export_id}/"


def key_of(person_id: str, export_id: str) -> str:
    return f"{prefix_of(person_id, export_id)}archive.zip"


async def _once(piece: bytes) -> AsyncIterator[bytes]:
    yield piece


async def _counted(file: MediaFile, progress: Progress) -> AsyncIterator[bytes]:
    async for chunk in file.chunks():
        yield chunk
        await progress.media_read(len(chunk))
