"""Matches of works and media: written by the seeker, read by both sides, disputed and decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from server.features.videos.works import queries
from server.features.videos.works.facts import MatchClaimed, MatchCredited, MatchDecided
from server.features.videos.works.media import Medium
from server.features.videos.works.rules import (
    CREDITED_MS,
    Act,
    Party,
    Run,
    State,
    is_continued,
    is_credited,
    join,
    moved,
    muted_until,
)
from server.http.errors import not_found
from storage.audit import AuditLog
from storage.facts import publish
from storage.ids import Ids
from storage.postgres import Database, Reads, Row, Transaction

EXPIRE_S: Final = 3_600.0
Enforce = Callable[[object, Iterable[str]], Awaitable[None]]
"""Have what the matches in media ask for done, by their ids; in a transaction."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """An open match, and all of it that was found. ``muted_until_ms``: of a stream on the air, by the look before."""

    match_id: str
    run: Run
    muted_until_ms: int = 0


class Matches:
    """``answer_within``: after a dispute; the match is withdrawn afterwards."""

    def __init__(
        self,
        *,
        db: Database,
        audit: AuditLog,
        ids: Ids,
        now: Callable[[], dt.datetime],
        answer_within: dt.timedelta,
        enforce: Enforce,
    ) -> None:
        self._db = db
        self._audit = audit
        self._ids = ids
        self._now = now
        self._answer_within = answer_within
        self._enforce = enforce

    async def record(
        self, tx: Transaction, medium: Medium, runs: Sequence[Run], *, live_until_ms: int | None = None
    ) -> None:
        """What was found in a medium. A run that continues or repeats a match lengthens it, so that seeking again
        adds nothing; one of a match that was decided changes nothing. ``live_until_ms``: as far as a stream on the air
        was looked at."""
        rows = await tx.fetch(queries.SOUGHT, [run.work for run in runs], medium.owner_id)
        works = {row["number"]: row for row in rows}
        for run in runs:
            if run.work in works:
                known = await self._record(tx, medium, works[run.work], run)
                if known is not None and live_until_ms is not None and works[run.work]["policy"] == "mute":
                    await self._mute_live(tx, known, works[run.work], live_until_ms)
        if any(row["policy"] != "credit" for row in works.values()):
            await self._enforce(tx, [medium.id])

    async def _mute_live(self, tx: Transaction, known: Known, work: Row, end_ms: int) -> None:
        """A look that finds a mute going on makes it last, and is no act of its own."""
        until_ms = muted_until(known.run, work_ms=work["duration_ms"], end_ms=end_ms)
        if until_ms is None:
            return
        await tx.execute(queries.MUTE_LIVE, known.match_id, until_ms)
        if known.muted_until_ms < end_ms:
            detail = {"from_ms": end_ms, "to_ms": until_ms}
            await self._audit.add(tx, "match.muted", actor_id=None, subject=known.match_id, detail=detail)

    async def _record(self, tx: Transaction, medium: Medium, work: Row, run: Run) -> Known | None:
        """The match, and all of it that was found so far; None for one that was decided."""
        for row in await tx.fetch(queries.SAME, medium.id, work["id"]):
            former = _run(row, run.work)
            if is_continued(former, run) or is_continued(run, former):
                whole = join(former, run)
                if row["state"] != "open":
                    return None
                await self._lengthen(tx, medium, work, row, whole)
                return Known(match_id=row["id"], run=whole, muted_until_ms=row["muted_until_ms"] or 0)
        match_id = str(self._ids.uuid7(self._now().timestamp()))
        credited = is_credited(work["policy"], run.length_ms)
        await tx.execute(
            queries.ADD_MATCH, match_id, work["id"], work["owner_id"], medium.owner_id, medium.id, medium.kind,
            run.from_ms, run.to_ms, run.work_from_ms, run.score, run.speed, work["policy"], credited, self._now(),
        )  # fmt: skip
        detail = {"work_id": work["id"], "media_id": medium.id, "from_ms": run.from_ms, "to_ms": run.to_ms}
        await self._audit.add(tx, "match.found", actor_id=None, subject=match_id, detail=detail)
        if credited:
            await self._credit(tx, match_id, medium, work, run)
        if run.length_ms > CREDITED_MS:
            await self._claim(tx, match_id, medium, work)
        return Known(match_id=match_id, run=run)

    async def _lengthen(self, tx: Transaction, medium: Medium, work: Row, row: Row, run: Run) -> None:
        credited = is_credited(work["policy"], run.length_ms)
        await tx.execute(queries.LENGTHEN, row["id"], run.from_ms, run.to_ms, run.work_from_ms, run.score, credited)
        if credited and not row["is_credited"]:
            await self._credit(tx, row["id"], medium, work, run)
        if row["to_ms"] - row["from_ms"] <= CREDITED_MS < run.length_ms:
            await self._claim(tx, row["id"], medium, work)

    async def _claim(self, tx: Transaction, match_id: str, medium: Medium, work: Row) -> None:
        fact = MatchClaimed(
            match_id=match_id,
            holder_id=work["owner_id"],
            publisher_id=medium.owner_id,
            policy=work["policy"],
            at=self._now(),
        )
        await publish(tx, fact)

    async def _credit(self, tx: Transaction, match_id: str, medium: Medium, work: Row, run: Run) -> None:
        fact = MatchCredited(
            match_id=match_id,
            work_id=work["id"],
            holder_id=work["owner_id"],
            publisher_id=medium.owner_id,
            media_id=medium.id,
            media_kind=medium.kind,
            from_ms=run.from_ms,
            to_ms=run.to_ms,
        )
        await publish(tx, fact)
        await self._audit.add(tx, "match.credited", actor_id=None, subject=match_id, detail=msgspec.to_builtins(fact))

    async def of(self, person_id: str, *, before: str | None, limit: int) -> Sequence[Row]:
        """Of their works and in their media, the newest first."""
        return await self._db.fetch(queries.MATCHES, person_id, before, limit)

    async def one(self, match_id: str, person_id: str) -> Row:
        """Raises a 404 for one in which the person has no side."""
        row = await self._db.fetchrow(queries.MATCH, person_id, match_id)
        if row is None:
            raise not_found("There is no such match")
        return row

    async def act(self, match_id: str, person_id: str, act: Act, *, reason: str = "", ip: str = "") -> None:
        """Raises a 404, 403 or 409."""
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.STATE, match_id, person_id)
            if row is None:
                raise not_found("There is no such match")
            party: Party = "holder" if row["holder_id"] == person_id else "publisher"
            state = moved(row["state"], act, party)
            if state == "disputed":
                now = self._now()
                await tx.execute(queries.DISPUTE, match_id, state, reason, now, now + self._answer_within)
            else:
                await tx.execute(queries.DECIDE, match_id, state, self._now())
            await self._told(tx, match_id, row, state, actor_id=person_id, ip=ip, why=reason)

    async def expire(self) -> None:
        """Withdraw matches whose dispute has had no answer in its time."""
        while True:
            async with self._db.transaction() as tx:
                rows = await tx.fetch(queries.EXPIRED, self._now())
                for row in rows:
                    state = moved(row["state"], "expire", "server")
                    await tx.execute(queries.DECIDE, row["id"], state, self._now())
                    await self._told(tx, row["id"], row, state, actor_id=None)
            if not rows:
                return

    async def _told(
        self, tx: Transaction, match_id: str, row: Row, state: State, *, actor_id: str | None, **audit: Any
    ) -> None:
        await self._audit.add(tx, f"match.{state}", actor_id=actor_id, subject=match_id, **audit)
        await self._enforce(tx, [row["media_id"]])
        await publish(
            tx,
            MatchDecided(
                match_id=match_id,
                work_id=row["work_id"],
                holder_id=row["holder_id"],
                publisher_id=row["publisher_id"],
                media_id=row["media_id"],
                state=state,
                by_id=actor_id,
                at=self._now(),
            ),
        )


class MatchTitles:
    """Matches as notifications name them: by the title of the work."""

    async def titles(self, reads: Reads, ids: Collection[str], viewer_id: str) -> Mapping[str, str]:
        """By id, of those in which the viewer has a side."""
        if not ids:
            return {}
        return {row["id"]: row["title"] for row in await reads.fetch(queries.TITLES, list(ids), viewer_id)}


def _run(row: Row, work: int) -> Run:
    return Run(
        work=work,
        from_ms=row["from_ms"],
        to_ms=row["to_ms"],
        work_from_ms=row["work_from_ms"],
        score=row["score"],
        speed=row["speed"],
    )
