"""Deliveries are made: judged when they are due, pushed or mailed, and their end kept in the log.

Each is made at most once. A mail goes to the outbox in the transaction that marks its delivery. A push message is
marked before it is sent: a worker that is killed between the service's answer and the transaction that records it
leaves a delivery that may have been made, which is logged as ``unsure`` and not made again. A service that answers 429
or 5xx, or that was never reached, is asked again.
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from server.features.delivery.notifications import delivery_queries as queries
from server.features.delivery.notifications.deliveries import Deliver, Deliveries
from server.features.delivery.notifications.devices import FcmTarget, Target
from server.features.delivery.notifications.kinds import BY_NAME, Subject
from server.features.delivery.notifications.mails import Mails
from server.features.delivery.notifications.preferences import quiet_hours
from server.features.delivery.notifications.schedule import quiet_end
from server.features.delivery.notifications.shapes import NotificationShape, SubjectShape, is_told, shape_of
from server.features.delivery.notifications.subjects import Subjects
from server.features.delivery.notifications.words import about, path_of, sentence
from server.features.people.audience import Reader
from server.features.people.relations import PersonShape
from server.http.errors import Problem
from server.jobs import Attempt
from server.outbound.push import Fcm, Outcome, PushMessage, WebPush
from storage.postgres import Reads, Row, Transaction

MAX_TRIES: Final = 8
FIRST_PAUSE_S: Final = 15.0
LONGEST_PAUSE_S: Final = 3_600.0
KILLED: Final = "its worker was killed while it was sent"
RIGHT_TO_LEFT: Final = frozenset({"ar"})


class People(Protocol):
    async def persons(self, where: Reads, ids: Collection[str]) -> dict[str, PersonShape]: ...
    async def readers(self, where: Reads, ids: Collection[str]) -> dict[str, Reader]: ...


class Opener(Protocol):
    async def open(self, kind: str, sealed: bytes) -> Target: ...


class Mark(msgspec.Struct, frozen=True):
    """What becomes of a delivery: its new state, and why."""

    id: str
    state: str
    reason: str = ""


class Ready(msgspec.Struct, frozen=True):
    """A delivery that is to be made now: what it says, and to whom."""

    row: Any
    shape: NotificationShape
    reader: Reader


class Sending:
    """``run`` is the handler of ``Deliver``."""

    def __init__(
        self,
        *,
        deliveries: Deliveries,
        people: People,
        subjects: Subjects,
        devices: Opener,
        web: WebPush,
        fcm: Fcm | None,
        mails: Mails,
        now: Callable[[], dt.datetime],
    ) -> None:
        self._deliveries = deliveries
        self._people = people
        self._subjects = subjects
        self._devices = devices
        self._web = web
        self._fcm = fcm
        self._mails = mails
        self._now = now

    async def run(self, attempt: Attempt[Deliver]) -> None:
        async with attempt.step() as tx:
            pushes = await self._begin(tx, attempt.body.ids)
        if not pushes:
            return
        outcomes = await asyncio.gather(*(self._push(one) for one in pushes))
        async with attempt.finish() as tx:
            await self._record(tx, list(zip(pushes, outcomes, strict=True)))

    # before anything is sent

    async def _begin(self, tx: Transaction, ids: Sequence[str]) -> list[Ready]:
        """Mail what is to be mailed; the push messages that are to be sent, marked as such."""
        now = self._now()
        marks, due = list[Mark](), list[Row]()
        held: dict[dt.datetime, list[str]] = {}
        for row in await tx.fetch(queries.BEGIN, ids):
            if (why := judged(row, now)) is not None:
                marks.append(why)
            elif (until := quiet_end(now, quiet_hours(row), row["time_zone"])) is not None:
                held.setdefault(until, []).append(row["id"])
            else:
                due.append(row)
        ready, unseen = await self._composed(tx, due)
        pushes = [one for one in ready if one.row["channel"] == "push"]
        marks += unseen + [Mark(one.row["id"], "sending") for one in pushes]
        marks += await self._mail(tx, [one for one in ready if one.row["channel"] == "email"])
        await _mark(tx, marks)
        for until, ids_held in held.items():
            await self._deliveries.enqueue(tx, ids_held, until)
        return pushes

    async def _composed(self, tx: Transaction, rows: Sequence[Row]) -> tuple[list[Ready], list[Mark]]:
        """Those whose readers may still know of everything in them, and the rest."""
        people = await self._people.persons(tx, {one for row in rows for one in row["people"]})
        readers = await self._people.readers(tx, {row["person_id"] for row in rows})
        subjects = await self._seen(tx, rows)
        ready, unseen = list[Ready](), list[Mark]()
        for row in rows:
            subject = subjects.get((row["subject_type"], row["subject_id"], row["person_id"]))
            shape = shape_of({**dict(row), "id": row["notification_id"], "created_at": row["happened_at"],
                              "read_at": None}, people, subject)  # fmt: skip
            reader = readers.get(row["person_id"])
            if reader is None or not is_told(shape) or (row["subject_type"] and subject is None):
                unseen.append(Mark(row["id"], "cancelled", "may not be seen any more"))
            else:
                ready.append(Ready(row, shape, reader))
        return ready, unseen

    async def _seen(self, tx: Transaction, rows: Sequence[Row]) -> Mapping[tuple[str, str, str], SubjectShape]:
        """By (type, id, viewer)."""
        viewers: dict[Subject, set[str]] = {}
        for row in rows:
            if row["subject_type"]:
                viewers.setdefault(Subject(row["subject_type"], row["subject_id"]), set()).add(row["person_id"])
        found: dict[tuple[str, str, str], SubjectShape] = {}
        for subject, ids in viewers.items():
            shown = await self._subjects.shown_to_each(tx, subject, sorted(ids))
            found |= {(subject.type, subject.id, viewer): shape for viewer, shape in shown.items()}
        return found

    async def _mail(self, tx: Transaction, mails: Sequence[Ready]) -> list[Mark]:
        if not mails:
            return []
        ids = list({one.reader.id for one in mails})
        sent = {row["person_id"]: row["count"] for row in await tx.fetch(queries.MAILED, ids)}
        marks = list[Mark]()
        for one in mails:
            refusal = self._mails.refusal(one.reader, sent.get(one.reader.id, 0))
            if not refusal:
                await self._mails.notification(tx, one.reader, one.shape, key=one.row["id"])
                sent[one.reader.id] = sent.get(one.reader.id, 0) + 1
            marks.append(Mark(one.row["id"], "cancelled" if refusal else "sent", refusal))
        return marks

    # sending

    async def _push(self, one: Ready) -> Outcome:
        message = message_of(one)
        try:
            target = await self._devices.open(one.row["device_kind"], bytes(one.row["sealed_target"]))
            if not isinstance(target, FcmTarget):
                return await self._web.send(target, message)
        except Problem:
            return Outcome(state="failed", reason="the key is lost that its address or the server's key is sealed with")
        if self._fcm is None:
            return Outcome(state="failed", reason="no account of Firebase is set")
        return await self._fcm.send(target.token, message)

    # afterwards

    async def _record(self, tx: Transaction, ended: Sequence[tuple[Ready, Outcome]]) -> None:
        marks, gone, sent = list[Mark](), list[str](), list[str]()
        for one, outcome in ended:
            state = outcome.state
            if state == "later":
                state, reason = await self._later(tx, one, outcome)
                marks.append(Mark(one.row["id"], state, reason))
                continue
            if state == "gone":
                gone.append(one.row["subscription_id"])
            elif state == "sent":
                sent.append(one.row["subscription_id"])
            marks.append(Mark(one.row["id"], state, outcome.reason))
        await _mark(tx, marks)
        await tx.execute(queries.SENT_TO, sent)
        await tx.execute(queries.PRUNE_SUBSCRIPTIONS, gone)

    async def _later(self, tx: Transaction, one: Ready, outcome: Outcome) -> tuple[Any, str]:
        tries = one.row["tries"] + 1
        if tries >= MAX_TRIES:
            return "failed", f"given up after {tries} tries: {outcome.reason}"
        pause_s = max(outcome.after_s or 0.0, pause_after(tries))
        await self._deliveries.enqueue(tx, [one.row["id"]], self._now() + dt.timedelta(seconds=pause_s))
        return "waiting", outcome.reason


def judged(row: Mapping[str, Any] | Row, now: dt.datetime) -> Mark | None:
    """Why a delivery is not to be made, if it is not. Pure."""
    kind = BY_NAME.get(row["kind"] or "")
    if row["state"] == "sending":
        return Mark(row["id"], "unsure", KILLED)
    if not row["is_there"] or kind is None:
        return Mark(row["id"], "cancelled", "withdrawn")
    if row["is_read"]:
        return Mark(row["id"], "cancelled", "read in the application")
    if row["is_wanted"] is False:
        return Mark(row["id"], "cancelled", "switched off")
    if row["channel"] == "push" and row["sealed_target"] is None:
        return Mark(row["id"], "cancelled", "the device is not there any more")
    if (now - row["created_at"]).total_seconds() > kind.ttl_s:
        return Mark(row["id"], "cancelled", "too old")
    return None


def message_of(one: Ready) -> PushMessage:
    """What a device shows, which is bounded far below what a push message may hold."""
    row, kind, language = one.row, BY_NAME[one.shape.kind], one.reader.language
    topic = topic_of(row["person_id"], row["kind"], row["subject_id"])
    data = {
        "id": row["notification_id"],
        "kind": kind.name,
        "path": path_of(one.shape),
        "tag": topic,
        "language": language,
        "direction": "rtl" if language in RIGHT_TO_LEFT else "ltr",
        "created_at": one.shape.model_dump(mode="json")["created_at"],
    }
    return PushMessage(
        title=sentence(one.shape, language),
        body=about(one.shape),
        data=data,
        topic=topic,
        ttl_s=kind.ttl_s,
        urgency=kind.urgency,
    )


def topic_of(person_id: str, kind: str, subject_id: str) -> str:
    """Of what takes each other's place on a device: 32 characters of base64url."""
    digest = hashlib.sha256(f"{person_id} {kind} {subject_id}".encode()).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()


def pause_after(tries: int) -> float:
    """15 s, a minute, four minutes … an hour."""
    return float(min(FIRST_PAUSE_S * 4.0 ** (tries - 1), LONGEST_PAUSE_S))


async def _mark(tx: Transaction, marks: Sequence[Mark]) -> None:
    if marks:
        await tx.execute(
            queries.MARK, [one.id for one in marks], [one.state for one in marks], [one.reason for one in marks]
        )
