"""Polls: opened by who decides in a room, voted in once by everybody, closed by hand or by time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec

from actors.runtime import DomainError, Unavailable
from server.features.rooms.groups import GroupCommit
from server.features.rooms.media_clock import MediaClock, moment_of
from server.features.rooms.polls import queries, rules
from server.features.rooms.polls.facts import PollClosed
from server.features.rooms.polls.shapes import POLL_STATE, CreatePoll, VoteInPoll, shown
from server.features.rooms.seats import require_decider, require_open, seat_of
from server.features.rooms.state_sender import StateSenders
from server.features.rooms.texts import cleaned_choices, cleaned_question
from server.jobs import Attempt, Job, Jobs
from storage.audit import AuditLog
from storage.facts import publish
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction


class ClosePoll(msgspec.Struct, frozen=True, kw_only=True):
    poll_id: str


class _Ballot(msgspec.Struct, frozen=True, kw_only=True):
    poll_id: str
    person_id: str
    option: int


class Polls:
    """The polls of all rooms. Everything is committed before it is shown or acknowledged."""

    def __init__(
        self,
        *,
        db: Database,
        jobs: Jobs,
        audit: AuditLog,
        ids: Ids,
        now: Callable[[], datetime],
        clock: MediaClock,
        senders: StateSenders,
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._audit = audit
        self._ids = ids
        self._now = now
        self._clock = clock
        self._announcements = senders
        self._votes = GroupCommit(name="poll votes", write=self._write)
        self.job: Final = Job(name="polls.close", body=ClosePoll, run=self._close_by_time)
        senders.states[POLL_STATE.name] = self.state
        self.close_votes = self._votes.close

    async def create(self, person_id: str, roles: Collection[str], asked: CreatePoll) -> dict[str, Any]:
        """The new poll; the same ``client_id`` again: the one that it made. Raises a ``DomainError``."""
        question, options = cleaned_question(asked.question), cleaned_choices(asked.options, "options")
        seat = await seat_of(self._db, asked.room_id, person_id)
        require_decider(seat, person_id, roles)
        require_open(seat)
        media_time_ms = await self._clock.now_ms(asked.room_id)
        now = self._now()
        poll_id = self._ids.uuid7(now.timestamp())
        closes_at = now + timedelta(seconds=asked.seconds)
        async with self._db.transaction() as tx:
            await tx.execute(queries.ALONE, asked.room_id)
            if asked.client_id is not None:
                before = await tx.fetchval(queries.OPENED_AS, asked.room_id, person_id, asked.client_id)
                if before is not None:
                    return await self._shown(tx, before)
            await self._require_room_for_one(tx, asked.room_id, now)
            await tx.execute(
                queries.OPEN, poll_id, asked.room_id, person_id, asked.client_id, question, options, now, closes_at,
                media_time_ms, [0] * len(options),
            )  # fmt: skip
            await self._audit.add(
                tx, "poll.opened", actor_id=person_id, subject=asked.room_id, detail={"poll_id": poll_id}
            )
            await self._jobs.enqueue(tx, self.job, ClosePoll(poll_id=poll_id), key=poll_id, at=closes_at)
            tx.after_commit(partial(self._announce, asked.room_id, poll_id))
            return await self._shown(tx, poll_id)

    async def vote(self, person_id: str, asked: VoteInPoll) -> int:
        """The option of the person's one vote; the same again is answered alike while the poll is open.

        Raises ``already_voted`` for another option, ``poll_closed``, ``not_found``, ``silenced``, ``invalid``.
        """
        ballot = _Ballot(poll_id=asked.poll_id, person_id=person_id, option=asked.option)
        given = await self._votes.submit(ballot)
        if given != asked.option:
            raise DomainError("already_voted", "You have voted already: a vote is for good.", field="option")
        return given

    async def close(self, person_id: str, roles: Collection[str], poll_id: str) -> dict[str, Any]:
        """The closed poll. Closing it again changes nothing."""
        row = await self._row(self._db, poll_id)
        seat = await seat_of(self._db, row["room_id"], person_id)
        require_decider(seat, person_id, roles)
        async with self._db.transaction() as tx:
            if await self._close(tx, poll_id):
                await self._audit.add(
                    tx, "poll.closed", actor_id=person_id, subject=row["room_id"], detail={"poll_id": poll_id}
                )
            return await self._shown(tx, poll_id)

    async def state(self, poll_id: str) -> dict[str, Any] | None:
        """The body of ``poll:state``; None when the poll has gone. Raises ``Unavailable``."""
        row = await self._db.fetchrow(queries.POLL, poll_id, None)
        return None if row is None else {"room_id": row["room_id"], "poll": shown(row, self._now())}

    async def open_in(self, room_ids: Sequence[str]) -> list[dict[str, Any]]:
        """The bodies of ``poll:state`` of what is open in these rooms."""
        now = self._now()
        rows = await self._db.fetch(queries.OPEN_IN, room_ids, None, now)
        return [{"room_id": row["room_id"], "poll": shown(row, now)} for row in rows]

    async def listed(
        self, room_id: str, person_id: str | None, *, before: str | None, limit: int, media_time_ms: int | None
    ) -> list[dict[str, Any]]:
        """The newest first. With ``media_time_ms`` as they stood at that moment of the video."""
        rows = await self._db.fetch(queries.LIST, room_id, before, limit, media_time_ms, person_id)
        return [{**self._as_of(row, media_time_ms), "voted": row["voted"]} for row in rows]

    def _as_of(self, row: Row, media_time_ms: int | None) -> dict[str, Any]:
        """As it stands now, or at a moment of the video, when what closed later was open."""
        if media_time_ms is None:
            return shown(row, self._now())
        at = moment_of(row, media_time_ms, longest=timedelta(seconds=rules.MAX_SECONDS * 2))
        closed_at = row["closed_at"]
        known = {**row, "closed_at": closed_at if closed_at is not None and closed_at <= at else None}
        return {**shown(known, at), "closes_at": shown(row, at)["closes_at"]}

    async def _require_room_for_one(self, tx: Transaction, room_id: str, now: datetime) -> None:
        if await tx.fetchval(queries.COUNT_OPEN, room_id, now) >= rules.MAX_OPEN:
            raise DomainError("too_many_polls", f"A room has at most {rules.MAX_OPEN} open polls: close one first.")

    async def _close(self, tx: Transaction, poll_id: str) -> bool:
        """Whether it was open until now."""
        room_id = await tx.fetchval(queries.CLOSE, poll_id, self._now())
        if room_id is None:
            return False
        await publish(tx, PollClosed(poll_id=poll_id, room_id=room_id))
        tx.after_commit(partial(self._announce, room_id, poll_id))
        return True

    async def _close_by_time(self, attempt: Attempt[ClosePoll]) -> None:
        async with attempt.finish() as tx:
            await self._close(tx, attempt.body.poll_id)

    async def _write(self, ballots: Sequence[_Ballot]) -> list[int | DomainError | Unavailable]:
        rows = await self._db.fetch(
            queries.VOTE,
            [one.poll_id for one in ballots],
            [one.person_id for one in ballots],
            [one.option for one in ballots],
            self._now(),
        )
        pairs = list(zip(ballots, rows, strict=True))
        for room_id, poll_id in {(row["room_id"], ballot.poll_id) for ballot, row in pairs if row["is_new"]}:
            self._announce(room_id, poll_id)
        return [await self._outcome(ballot, row) for ballot, row in pairs]

    async def _outcome(self, ballot: _Ballot, row: Row) -> int | DomainError | Unavailable:
        if row["verdict"] != "fit":
            return _refusals()[row["verdict"]]
        if row["option"] is not None:
            option: int = row["option"]
            return option
        # Written by another node while this statement ran, which therefore does not see it.
        found = await self._db.fetchval(queries.VOTED, ballot.poll_id, ballot.person_id)
        return Unavailable("poll votes", "it is not known") if found is None else int(found)

    async def _row(self, where: Database | Transaction, poll_id: str) -> Row:
        row = await where.fetchrow(queries.POLL, poll_id, None)
        if row is None:
            raise DomainError("not_found", "There is no such poll.", field="poll_id")
        return row

    async def _shown(self, where: Database | Transaction, poll_id: str) -> dict[str, Any]:
        return shown(await self._row(where, poll_id), self._now())

    def _announce(self, room_id: str, poll_id: str) -> None:
        self._announcements.announce(room_id, POLL_STATE.name, poll_id)


def _refusals() -> dict[str, DomainError]:
    return {
        "not_found": DomainError("not_found", "There is no such poll.", field="poll_id"),
        "person": DomainError("unauthenticated", "Sign in to do this."),
        "closed": DomainError("poll_closed", "The poll is closed.", field="poll_id"),
        "option": DomainError("invalid", "The poll has no such option.", field="option"),
        "silenced": DomainError("silenced", "You may not take part in this room now."),
    }
