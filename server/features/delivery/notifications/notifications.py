"""Notifications: made in the transaction of their cause, grouped while they are unread, read, withdrawn, pruned."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol
from uuid import UUID

from server.features.delivery.notifications import queries
from server.features.delivery.notifications.kinds import Notice, NotificationKind, Subject
from server.features.delivery.notifications.shapes import (
    NOTIFICATION,
    READ,
    NotificationShape,
    SubjectShape,
    sent,
)
from server.features.people.relations import PersonShape
from server.http.cursors import page_of
from server.publish import Publish
from storage.ids import Ids
from storage.postgres import Database, Reads, Row, Transaction

MAX_RECIPIENTS: Final = 1_000
SHOWN_PEOPLE: Final = 3
LOOKED_UP_PEOPLE: Final = 10
"""Of each notification on a page, so that three are shown though some have left."""
BATCH: Final = 1_000


class People(Protocol):
    """What this room asks of the rooms of people."""

    async def persons(self, where: Reads, ids: Collection[str]) -> dict[str, PersonShape]: ...
    async def reached_by(self, where: Reads, author_id: str, ids: Collection[str]) -> list[str]: ...


class Streams(Protocol):
    """What this room asks of streams."""

    async def titles(self, where: Reads, viewer_id: str, ids: Collection[str]) -> dict[str, str]: ...


class Notifications:
    """The notifications of all persons. ``made`` counts those that this node has made or added to."""

    def __init__(
        self,
        *,
        db: Database,
        people: People,
        streams: Streams,
        publish: Publish,
        ids: Ids,
        now: Callable[[], datetime],
        kept: int,
        days: int,
    ) -> None:
        """``kept``: notifications of one person; ``days``: their age at most."""
        self._db = db
        self._people = people
        self._streams = streams
        self._publish = publish
        self._ids = ids
        self._now = now
        self._kept = kept
        self._days = days
        self.made = 0

    async def notify(self, tx: Transaction, notice: Notice, recipients: Sequence[str]) -> None:
        """Notify up to ``MAX_RECIPIENTS`` persons, and send it to their sockets once ``tx`` is committed.

        Left out are the actor, who mutes the actor, where either blocks the other, who has switched the kind off, and
        accounts that are deleted. Whether a recipient may know of the subject is the caller's to find out.
        """
        if len(recipients) > MAX_RECIPIENTS:
            raise ValueError(f"{len(recipients)} recipients: notify them in several transactions, as a job does")
        reached = await self._people.reached_by(tx, notice.actor_id, recipients)
        if not reached:
            return
        at = notice.happened_at or self._now()
        notification_id = self._ids.uuid7(self._now().timestamp())
        subject = notice.subject or Subject("", queries.NO_SUBJECT)
        is_occurrence = notice.happened_at is not None
        rows = await tx.fetch(
            queries.NOTIFY, reached, notification_id, notice.kind.name, subject.type, subject.id,
            notice.actor_id, at, is_occurrence,
        )  # fmt: skip
        if rows:
            await self._send_after_commit(tx, rows, notification_id, notice, at)

    async def withdraw(self, tx: Transaction, kind: NotificationKind, *, actor_id: str, recipient_id: str) -> None:
        """What the actor caused of this kind holds no longer."""
        for sql in queries.WITHDRAW:
            await tx.execute(sql, actor_id, recipient_id, kind.name)

    async def part(self, tx: Transaction, one_id: str, other_id: str) -> None:
        """Remove what each of two persons caused for the other."""
        await self.silence(tx, one_id, other_id)
        await self.silence(tx, other_id, one_id)

    async def silence(self, tx: Transaction, recipient_id: str, actor_id: str) -> None:
        """Remove what the actor caused for the recipient."""
        for sql in queries.FORGET_FOR:
            await tx.execute(sql, actor_id, recipient_id)

    async def forget_actor(self, actor_id: str) -> None:
        """Remove what a person caused for anybody, in batches. May be repeated."""
        for sql in queries.FORGET_SOME:
            while await self._db.execute(sql, actor_id, BATCH):
                pass

    async def page(
        self, person_id: str, *, before: str | None, only_unread: bool, limit: int
    ) -> tuple[list[NotificationShape], str | None]:
        """A page, the newest first, and the cursor of the next.

        One whose people have all left just now is left out.
        """
        rows = await self._db.fetch(queries.PAGE, person_id, before, only_unread, limit + 1, LOOKED_UP_PEOPLE)
        page, following = page_of(rows, limit, lambda row: (0, row["id"]))
        people = await self._people.persons(self._db, {one for row in page for one in row["people"]})
        subjects = await self._subjects(self._db, person_id, page)
        shapes = [_shape(row, people, subjects) for row in page]
        return [one for one in shapes if one.people], following

    async def unread(self, where: Reads, person_id: str) -> int:
        count: int = await where.fetchval(queries.UNREAD, person_id)
        return count

    async def read(self, person_id: str, *, until: str | None = None, ids: Sequence[str] | None = None) -> None:
        """Mark as read those up to ``until``, or those named, and tell the person's sockets. Idempotent.

        One that another person has joined since has another id, and stays unread.
        """
        sql, which = (queries.READ_SOME, ids) if ids is not None else (queries.READ_UNTIL, until)
        async with self._db.transaction() as tx:
            if not await tx.execute(sql, person_id, which, self._now()):
                return
            body = {"until": until, "ids": ids, "unread": await self.unread(tx, person_id)}
            tx.after_commit(partial(self._publish.to_person, person_id, READ.name, body))

    async def switches(self, person_id: str) -> Mapping[str, bool]:
        """Kind → whether the person wants to be notified of it; only kinds that they have decided on."""
        return {row["kind"]: row["in_app"] for row in await self._db.fetch(queries.SETTINGS, person_id)}

    async def switch(self, person_id: str, wanted: Mapping[str, bool]) -> None:
        """Replace all that the person has decided."""
        async with self._db.transaction() as tx:
            await tx.execute(queries.CLEAR_SETTINGS, person_id)
            await tx.execute(queries.SET, person_id, list(wanted), list(wanted.values()))

    async def prune(self) -> None:
        """Delete what is too old, and what a person has too many of. Raises ``Unavailable``."""
        for sql, bound in ((queries.PRUNE_OLD, self._days), (queries.PRUNE_MANY, self._kept)):
            while await self._db.execute(sql, bound, BATCH):
                pass

    async def _subjects(self, where: Reads, viewer_id: str, rows: Sequence[Row]) -> Mapping[Subject, SubjectShape]:
        """Those subjects of ``rows`` that the viewer may know of."""
        ids = {row["subject_id"] for row in rows if row["subject_type"] == "stream"}
        titles = await self._streams.titles(where, viewer_id, ids)
        return {Subject("stream", key): _stream(key, title) for key, title in titles.items()}

    async def _send_after_commit(
        self, tx: Transaction, rows: Sequence[Row], notification_id: str, notice: Notice, at: datetime
    ) -> None:
        """One event for all recipients whose notification is the same: in a fan-out these are all."""
        alike: dict[tuple[Any, ...], list[str]] = {}
        for row in rows:
            alike.setdefault((row["count"], row["replaces"], tuple(row["people"])), []).append(row["person_id"])
        people = await self._people.persons(tx, {one for _, _, group in alike for one in group})
        subject = await self._subject(tx, rows[0]["person_id"], notice.subject)
        for (count, replaces, group), person_ids in alike.items():
            shape = NotificationShape(
                id=UUID(notification_id), kind=notice.kind.name, people=_present(people, group), count=count,
                subject=subject, created_at=at, read_at=None,
            )  # fmt: skip
            tx.after_commit(partial(self._publish.to_people, person_ids, NOTIFICATION.name, sent(shape, replaces)))
        tx.after_commit(partial(self._count, len(rows)))

    async def _subject(self, tx: Transaction, viewer_id: str, subject: Subject | None) -> SubjectShape | None:
        """All recipients of a notice may know of its subject, so any of them may ask."""
        if subject is None:
            return None
        titles = await self._streams.titles(tx, viewer_id, {subject.id})
        return _stream(subject.id, titles[subject.id]) if subject.id in titles else None

    def _count(self, made: int) -> None:
        self.made += made


def _shape(row: Row, people: Mapping[str, PersonShape], subjects: Mapping[Subject, SubjectShape]) -> NotificationShape:
    return NotificationShape(
        id=row["id"],
        kind=row["kind"],
        people=_present(people, row["people"]),
        count=row["count"],
        subject=subjects.get(Subject(row["subject_type"], row["subject_id"])),
        created_at=row["created_at"],
        read_at=row["read_at"],
    )


def _present(people: Mapping[str, PersonShape], ids: Sequence[str]) -> list[PersonShape]:
    return [people[one] for one in ids if one in people][:SHOWN_PEOPLE]


def _stream(stream_id: str, title: str) -> SubjectShape:
    return SubjectShape(type="stream", id=UUID(stream_id), title=title, path=f"/watch/{stream_id}")
