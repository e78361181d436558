"""Predictions: opened by who decides in a room, staked on with points, locked by hand or by time, paid or refunded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec

from actors.runtime import DomainError
from server.features.rooms.media_clock import MediaClock, moment_of
from server.features.rooms.points import Points
from server.features.rooms.predictions import queries, rules
from server.features.rooms.predictions.facts import PredictionResolved
from server.features.rooms.predictions.shapes import (
    PREDICTION_STATE,
    CreatePrediction,
    EnterPrediction,
    entry_of,
    shown,
    state_of,
)
from server.features.rooms.seats import Seat, require_decider, require_open, require_unsilenced, seat_of
from server.features.rooms.state_sender import StateSenders
from server.features.rooms.texts import cleaned_choices, cleaned_question
from server.jobs import Attempt, Job, Jobs
from storage.audit import AuditLog
from storage.errors import Conflict
from storage.facts import publish
from storage.ids import Ids
from storage.postgres import Database, Reads, Row, Transaction

PAY_S: Final = 30.0

DECIDED: Final = ("locked_at", "ended_at")
"""What comes later than the opening, and is not known at an earlier moment."""


class OnTime(msgspec.Struct, frozen=True, kw_only=True):
    prediction_id: str


class Predictions:
    """The predictions of all rooms. Points are taken and given in the transaction of what they are for."""

    def __init__(
        self,
        *,
        db: Database,
        jobs: Jobs,
        audit: AuditLog,
        ids: Ids,
        now: Callable[[], datetime],
        clock: MediaClock,
        points: Points,
        senders: StateSenders,
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._audit = audit
        self._ids = ids
        self._now = now
        self._clock = clock
        self._points = points
        self._senders = senders
        self.lock_job: Final = Job(name="predictions.lock", body=OnTime, run=self._lock_by_time)
        self.cancel_job: Final = Job(name="predictions.cancel", body=OnTime, run=self._cancel_by_time)
        senders.states[PREDICTION_STATE.name] = self.state

    async def create(self, person_id: str, roles: Collection[str], asked: CreatePrediction) -> dict[str, Any]:
        """The new prediction; the same ``client_id`` again: the one that it made. Raises a ``DomainError``."""
        question, outcomes = cleaned_question(asked.question), cleaned_choices(asked.outcomes, "outcomes")
        seat = await seat_of(self._db, asked.room_id, person_id)
        require_decider(seat, person_id, roles)
        require_open(seat)
        media_time_ms = await self._clock.now_ms(asked.room_id)
        now = self._now()
        prediction_id = self._ids.uuid7(now.timestamp())
        closes_at = now + timedelta(seconds=asked.seconds)
        async with self._db.transaction() as tx:
            await tx.execute(queries.ALONE, asked.room_id)
            if asked.client_id is not None:
                before = await tx.fetchval(queries.OPENED_AS, asked.room_id, person_id, asked.client_id)
                if before is not None:
                    return await self._shown(tx, before)
            if await tx.fetchval(queries.COUNT_UNRESOLVED, asked.room_id) >= rules.MAX_UNRESOLVED:
                raise DomainError(
                    "too_many_predictions", f"Resolve one first: a room has at most {rules.MAX_UNRESOLVED}."
                )
            await tx.execute(
                queries.OPEN, prediction_id, asked.room_id, person_id, asked.client_id, question, outcomes, now,
                closes_at, media_time_ms,
            )  # fmt: skip
            await self._note(tx, "opened", person_id, asked.room_id, prediction_id)
            body = OnTime(prediction_id=prediction_id)
            await self._jobs.enqueue(tx, self.lock_job, body, key=prediction_id, at=closes_at)
            until = closes_at + rules.UNRESOLVED_FOR
            await self._jobs.enqueue(tx, self.cancel_job, body, key=prediction_id, at=until)
            self._send_after_commit(tx, asked.room_id, prediction_id)
            return await self._shown(tx, prediction_id)

    async def enter(self, person_id: str, asked: EnterPrediction) -> dict[str, Any]:
        """What is left of the person's points, and their entry. The same ``client_id`` again stakes nothing more.

        Raises ``not_found``, ``silenced``, ``prediction_locked``, ``other_outcome``, ``not_enough_points``.
        """
        try:
            async with self._db.transaction() as tx:
                return await self._enter(tx, person_id, asked)
        except Conflict:  # the same was asked for twice at one time
            async with self._db.transaction() as tx:
                return await self._enter(tx, person_id, asked)

    async def lock(self, person_id: str, roles: Collection[str], prediction_id: str) -> dict[str, Any]:
        """Nobody may stake any more. Locking it again changes nothing."""
        async with self._db.transaction() as tx:
            row, _ = await self._decided(tx, person_id, roles, prediction_id)
            if await tx.execute(queries.LOCK, prediction_id, self._now()):
                await self._note(tx, "locked", person_id, row["room_id"], prediction_id)
                self._send_after_commit(tx, row["room_id"], prediction_id)
            return await self._shown(tx, prediction_id)

    async def end(
        self, person_id: str, roles: Collection[str], prediction_id: str, winner: int | None
    ) -> dict[str, Any]:
        """Pay what was staked to those who staked on ``winner``; None: give everybody theirs back.

        Ending it again in the same way changes nothing; in another way raises ``prediction_over``.
        """
        async with self._db.transaction(timeout_s=PAY_S) as tx:
            row, seat = await self._decided(tx, person_id, roles, prediction_id)
            if winner is not None and winner >= row["size"]:
                raise DomainError("invalid", "The prediction has no such outcome.", field="outcome")
            if row["ended_at"] is None:
                await self._end(tx, row, seat.owner_id, winner)
                act = "cancelled" if winner is None else "resolved"
                await self._note(tx, act, person_id, row["room_id"], prediction_id, outcome=winner)
            elif row["winner"] != winner:
                raise DomainError("prediction_over", "It has ended otherwise already.", field="prediction_id")
            return await self._shown(tx, prediction_id)

    async def state(self, prediction_id: str) -> dict[str, Any] | None:
        """The body of ``prediction:state``; None when the prediction has gone. Raises ``Unavailable``."""
        row = await self._db.fetchrow(queries.PREDICTION, prediction_id)
        return None if row is None else {"room_id": row["room_id"], "prediction": shown(row, self._now())}

    async def open_in(self, room_ids: Sequence[str]) -> list[dict[str, Any]]:
        """The bodies of ``prediction:state`` of what has not ended in these rooms."""
        now = self._now()
        rows = await self._db.fetch(queries.OPEN_IN, room_ids)
        return [{"room_id": row["room_id"], "prediction": shown(row, now)} for row in rows]

    async def listed(
        self, room_id: str, person_id: str | None, *, before: str | None, limit: int, media_time_ms: int | None
    ) -> list[dict[str, Any]]:
        """The newest first. With ``media_time_ms`` as they stood at that moment of the video: with those who had
        entered by then, and what each of them has staked in the end.
        """
        rows = await self._db.fetch(queries.LIST, room_id, before, limit, media_time_ms, person_id)
        return [{**self._as_of(row, media_time_ms), "entry": entry_of(row)} for row in rows]

    def _as_of(self, row: Row, media_time_ms: int | None) -> dict[str, Any]:
        """As it stands now, or at a moment of the video, when what was decided later was open."""
        if media_time_ms is None:
            return shown(row, self._now())
        at = moment_of(row, media_time_ms, longest=rules.UNRESOLVED_FOR + timedelta(seconds=rules.MAX_SECONDS))
        known = {name: row[name] if row[name] is not None and row[name] <= at else None for name in DECIDED}
        winner = row["winner"] if known["ended_at"] is not None else None
        return {**shown({**row, **known, "winner": winner}, at), "closes_at": shown(row, at)["closes_at"]}

    async def _enter(self, tx: Transaction, person_id: str, asked: EnterPrediction) -> dict[str, Any]:
        row = _found(await tx.fetchrow(queries.FOR_STAKE, asked.prediction_id))
        seat = await seat_of(tx, row["room_id"], person_id)
        if await tx.fetchval(queries.STAKED, asked.prediction_id, person_id, asked.client_id) is not None:
            return await self._entered(tx, seat, person_id, asked.prediction_id)
        require_unsilenced(seat)
        self._require_stakeable(row, asked)
        await tx.execute(queries.STAKE, asked.prediction_id, person_id, asked.client_id, asked.points)
        await self._points.take(
            tx, room_id=row["room_id"], owner_id=seat.owner_id, person_id=person_id, points=asked.points
        )
        entry_id = self._ids.uuid7(self._now().timestamp())
        staked = await tx.fetchval(queries.ENTER, entry_id, asked.prediction_id, person_id, asked.outcome, asked.points)
        if staked is None:
            raise DomainError("other_outcome", "You have staked on another outcome.", field="outcome")
        self._send_after_commit(tx, row["room_id"], asked.prediction_id)
        return await self._entered(tx, seat, person_id, asked.prediction_id)

    def _require_stakeable(self, row: Row, asked: EnterPrediction) -> None:
        if state_of(row, self._now()) != "open":
            raise DomainError("prediction_locked", "Nothing may be staked on it any more.", field="prediction_id")
        if asked.outcome >= row["size"]:
            raise DomainError("invalid", "The prediction has no such outcome.", field="outcome")

    async def _entered(self, tx: Transaction, seat: Seat, person_id: str, prediction_id: str) -> dict[str, Any]:
        entry = await tx.fetchrow(queries.ENTRY, prediction_id, person_id)
        assert entry is not None
        return {
            "prediction_id": prediction_id,
            "points": await self._points.balance(tx, seat.owner_id, person_id),
            "entry": dict(entry),
        }

    async def _decided(
        self, tx: Transaction, person_id: str, roles: Collection[str], prediction_id: str
    ) -> tuple[Row, Seat]:
        row = _found(await tx.fetchrow(queries.FOR_CHANGE, prediction_id))
        seat = await seat_of(tx, row["room_id"], person_id)
        require_decider(seat, person_id, roles)
        return row, seat

    async def _end(self, tx: Transaction, row: Row, owner_id: str, winner: int | None) -> None:
        """``row`` is locked and has not ended."""
        entries = await tx.fetch(queries.ENTRIES, row["id"])
        paid = rules.payouts([_stake(entry) for entry in entries], winner)
        await tx.execute(queries.END, row["id"], self._now(), winner)
        await tx.execute(queries.PAY, row["id"], list(paid), list(paid.values()))
        there = [entry for entry in entries if entry["person_id"] is not None and paid[entry["id"]]]
        amounts = {entry["person_id"]: paid[entry["id"]] for entry in there}
        await self._points.give(tx, room_id=row["room_id"], owner_id=owner_id, amounts=amounts)
        await publish(tx, PredictionResolved(prediction_id=row["id"], room_id=row["room_id"], winner=winner))
        self._send_after_commit(tx, row["room_id"], row["id"])

    async def _lock_by_time(self, attempt: Attempt[OnTime]) -> None:
        async with attempt.finish() as tx:
            row = await tx.fetchrow(queries.FOR_CHANGE, attempt.body.prediction_id)
            if row is not None and await tx.execute(queries.LOCK, row["id"], self._now()):
                self._send_after_commit(tx, row["room_id"], row["id"])

    async def _cancel_by_time(self, attempt: Attempt[OnTime]) -> None:
        async with attempt.finish() as tx:
            row = await tx.fetchrow(queries.FOR_CHANGE, attempt.body.prediction_id)
            if row is None or row["ended_at"] is not None:
                return
            owner_id = await tx.fetchval("select owner_id from chat_rooms where id = $1", row["room_id"])
            await self._end(tx, row, owner_id, None)
            await self._note(tx, "cancelled", None, row["room_id"], row["id"])

    async def _note(
        self, tx: Transaction, act: str, person_id: str | None, room_id: str, prediction_id: str, **detail: Any
    ) -> None:
        told = {"prediction_id": prediction_id, **detail}
        await self._audit.add(tx, f"prediction.{act}", actor_id=person_id, subject=room_id, detail=told)

    async def _shown(self, where: Reads, prediction_id: str) -> dict[str, Any]:
        return shown(_found(await where.fetchrow(queries.PREDICTION, prediction_id)), self._now())

    def _send_after_commit(self, tx: Transaction, room_id: str, prediction_id: str) -> None:
        tx.after_commit(partial(self._senders.announce, room_id, PREDICTION_STATE.name, prediction_id))


def _found(row: Row | None) -> Row:
    if row is None:
        raise DomainError("not_found", "There is no such prediction.", field="prediction_id")
    return row


def _stake(entry: Row) -> rules.Stake:
    return rules.Stake(entry_id=entry["id"], outcome=entry["outcome"], points=entry["points"])
