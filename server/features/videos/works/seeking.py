"""The job that seeks registered works in a video, a recording, or what is kept of a stream so far."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import msgspec

from media.fingerprints.alignment import Hit, align
from media.fingerprints.fingerprinter import NoFingerprintError
from media.fingerprints.messages import Fingerprint, Hash, Kind
from server.features.videos.works import queries
from server.features.videos.works.index import LEAST, look_up
from server.features.videos.works.matches import Matches
from server.features.videos.works.media import Media, Medium
from server.features.videos.works.rules import Run, joined, run_of, windows
from server.features.videos.works.works import KINDS, TIMEOUT_S, MakeFingerprint
from server.jobs import Attempt, Job, Jobs
from storage.postgres import Database

log = logging.getLogger("server.works")


LIVE_EVERY_S: Final = 60.0
LIVE_MS: Final = 90_000
"""What is looked at of a stream on the air: a bit more than passes between two looks."""
MAX_LIVE: Final = 500


class SeekWorks(msgspec.Struct, frozen=True):
    media_id: str
    from_ms: int = 0
    is_live: bool = False


class Seeker:
    def __init__(self, *, db: Database, jobs: Jobs, media: Media, make: MakeFingerprint, matches: Matches) -> None:
        self._db = db
        self._jobs = jobs
        self._media = media
        self._make = make
        self._matches = matches
        self.job = Job(
            name="works.seek", body=SeekWorks, run=self._run, timeout_s=TIMEOUT_S, tries=4, at_once_on_node=1
        )
        self.live_job = Job(
            name="works.seek_live",
            body=SeekWorks,
            run=self._run,
            timeout_s=2 * LIVE_EVERY_S,
            tries=1,
            at_once_on_node=1,
        )

    async def seek_in(self, tx: object, media_ids: Sequence[str]) -> None:
        """In the transaction of the change that it follows from."""
        bodies = [SeekWorks(media_id) for media_id in media_ids]
        if bodies:
            await self._jobs.enqueue_many(tx, self.job, bodies)

    async def seek_in_live(self) -> None:
        """In the last minutes of the streams that are on the air."""
        rows = await self._db.fetch(queries.ON_AIR, MAX_LIVE)
        bodies = [SeekWorks(row["id"], max(0, row["end_ms"] - LIVE_MS), is_live=True) for row in rows]
        async with self._db.transaction() as tx:
            await self._jobs.enqueue_many(
                tx, self.live_job, bodies, key_of=lambda body: f"{body.media_id}/{body.from_ms}"
            )

    async def _run(self, attempt: Attempt[SeekWorks]) -> None:
        medium = await self._media.find(attempt.body.media_id)
        if medium is None:
            return
        runs: list[Run] = []
        end_ms = 0
        for kind in KINDS:
            async for piece in self._media.pieces(medium, kind, from_ms=attempt.body.from_ms):
                order = Fingerprint(kind=kind, side="query", data=piece.data, start_ms=piece.start_ms)
                hashes = await self._hashes(order, medium)
                end_ms = max(end_ms, hashes[-1].ms if hashes else 0)
                runs += await self.found(kind, hashes)
                await attempt.progress(0.5, f"{kind} to {piece.start_ms} ms")
        async with attempt.finish() as tx:
            live_until_ms = end_ms if attempt.body.is_live else None
            await self._matches.record(tx, medium, joined(runs), live_until_ms=live_until_ms)

    async def _hashes(self, order: Fingerprint, medium: Medium) -> Sequence[Hash]:
        """None of a piece that cannot be decoded: the others may."""
        try:
            return await self._make(order)
        except NoFingerprintError as error:
            log.info("no fingerprint of %s %s from %d ms: %s", medium.kind, medium.id, order.start_ms, error)
            return []

    async def found(self, kind: Kind, hashes: Sequence[Hash]) -> list[Run]:
        """The runs that registered works have in common with these hashes."""
        runs: list[Run] = []
        for window in windows(hashes):
            hits = await look_up(self._db, kind, window)
            runs += await asyncio.to_thread(_runs, kind, hits)
        return joined(runs)


def _runs(kind: Kind, hits: dict[int, list[Hit]]) -> list[Run]:
    return [run_of(work, kind, found) for work, each in hits.items() for found in align(each, least=LEAST[kind])]
