"""Notifications: made in the transaction of their cause, grouped while they are unread, read, withdrawn, pruned."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol

from server.features.delivery.notifications import queries
from server.features.delivery.notifications.deliveries import Deliveries, Made
from server.features.delivery.notifications.kinds import BETWEEN, Notice, NotificationKind, Subject
from server.features.delivery.notifications.shapes import (
    NOTIFICATION,
    READ,
    NotificationShape,
    SubjectShape,
    is_told,
    sent,
    shape_of,
)
from server.features.delivery.notifications.subjects import Subjects
from server.features.people.relations import PersonShape
from server.http.cursors import page_of
from server.publish import Publish
from storage.ids import Ids
from storage.postgres import Database, Reads, Row, Transaction

MAX_RECIPIENTS: Final = 1_000
LOOKED_UP_PEOPLE: Final = 10
"""Of each notification on a page, so that three are shown though some have left."""
BATCH: Final = 1_000


class People(Protocol):
    """What this room asks of the rooms of people."""

    async def persons(self, where: Reads, ids: Collection[str]) -> dict[str, PersonShape]: ...
    async def reached_by(self, where: Reads, author_id: str, ids: Collection[str]) -> list[str]: ...
    async def following(self, where: Reads, person_id: str, ids: Collection[str]) -> list[str]: ...


class Notifications:
    """The notifications of all persons. ``made`` counts those that this node has made or added to."""

    def __init__(
        self,
        *,
        db: Database,
        people: People,
        subjects: Subjects,
        deliveries: Deliveries,
        publish: Publish,
        ids: Ids,
        now: Callable[[], datetime],
        kept: int,
        days: int,
    ) -> None:
        """``kept``: notifications of one person; ``days``: their age at most."""
        self._db = db
        self._people = people
        self._subjects = subjects
        self._deliveries = deliveries
        self._publish = publish
        self._ids = ids
        self._now = now
        self._kept = kept
        self._days = days
        self.made = 0

    async def notify(self, tx: Transaction, notice: Notice, recipients: Sequence[str]) -> None:
        """Notify up to ``MAX_RECIPIENTS`` persons, and send it to their sockets once ``tx`` is committed. Push messages
        and mails follow by jobs.

        Left out are the actor, who mutes the actor, where either blocks the other, who has switched the kind off, and
        accounts that are deleted; of what is a person's own, all but the actor; of an affair of two sides, nobody
        for a mute or a block. Whether a recipient may know of the subject is the caller's to find out.
        """
        if len(recipients) > MAX_RECIPIENTS:
            raise ValueError(f"{len(recipients)} recipients: notify them in several transactions, as a job does")
        reached = await self._reached(tx, notice, recipients) if recipients else []
        if not reached:
            return
        at = notice.happened_at or self._now()
        notification_id = self._ids.uuid7(self._now().timestamp())
        rows = await self._make(tx, notice, reached, notification_id, at)
        if not rows:
            return
        await self._send_after_commit(tx, [row for row in rows if row["place"] == "list"], notification_id, notice, at)
        await self._deliveries.plan(tx, notice, notification_id, [_made(row) for row in rows if not row["is_request"]])
        tx.after_commit(partial(self._count, len(rows)))

    async def _reached(self, tx: Transaction, notice: Notice, recipients: Sequence[str]) -> Sequence[str]:
        if notice.kind.is_own:
            return list(await self._people.persons(tx, {notice.actor_id}.intersection(recipients)))
        if notice.kind.is_between:
            return list(await self._people.persons(tx, set(recipients) - {notice.actor_id}))
        return await self._people.reached_by(tx, notice.actor_id, recipients)

    async def _make(
        self, tx: Transaction, notice: Notice, reached: Sequence[str], notification_id: str, at: datetime
    ) -> Sequence[Row]:
        kind, subject = notice.kind, notice.subject or Subject("", queries.NO_SUBJECT)
        acquainted = await self._people.following(tx, notice.actor_id, reached) if kind.may_be_strangers else None
        return await tx.fetch(
            queries.NOTIFY, reached, notification_id, kind.name, subject.type, subject.id, notice.actor_id, at,
            notice.happened_at is not None, True, kind.push, False, acquainted,
        )  # fmt: skip

    async def withdraw(self, tx: Transaction, kind: NotificationKind, *, actor_id: str, recipient_id: str) -> None:
        """What the actor caused of this kind holds no longer."""
        for sql in queries.WITHDRAW:
            await tx.execute(sql, actor_id, recipient_id, kind.name)

    async def withdraw_of(self, tx: Transaction, kind: NotificationKind, *, actor_id: str, subject_id: str) -> None:
        """What the actor caused of this kind about the subject holds no longer, for anybody."""
        for sql in queries.WITHDRAW_OF_SUBJECT:
            await tx.execute(sql, actor_id, kind.name, subject_id)

    async def forget_post(self, tx: Transaction, post_id: str) -> None:
        """Remove what is about a post, for anybody."""
        await tx.execute(queries.DROP_POST, post_id)

    async def settle(self, tx: Transaction, kind: NotificationKind, *, recipient_id: str, subject_id: str) -> None:
        """The recipient has dealt with what this was about."""
        await tx.execute(queries.DROP_OF_SUBJECT, recipient_id, kind.name, subject_id)

    async def part(self, tx: Transaction, one_id: str, other_id: str) -> None:
        """Remove what each of two persons caused for the other."""
        await self.silence(tx, one_id, other_id)
        await self.silence(tx, other_id, one_id)

    async def silence(self, tx: Transaction, recipient_id: str, actor_id: str) -> None:
        """Remove what the actor caused for the recipient, but for what is an affair of both."""
        for sql in queries.SILENCE:
            await tx.execute(sql, actor_id, recipient_id, BETWEEN)

    async def forget_actor(self, actor_id: str) -> None:
        """Remove what a person caused for anybody, in batches; an affair of both names nobody then. May be repeated."""
        for sql in queries.FORGET_SOME:
            while await self._db.execute(sql, actor_id, BATCH, BETWEEN):
                pass

    async def page(
        self,
        person_id: str,
        *,
        before: str | None,
        limit: int,
        only_unread: bool = False,
        requests: bool = False,
        kind: str | None = None,
    ) -> tuple[list[NotificationShape], str | None]:
        """A page, the newest first, and the cursor of the next.

        One whose people have all left just now is left out, unless it is an affair of both.
        """
        place = "requests" if requests else "list"
        rows = await self._db.fetch(
            queries.PAGE, person_id, before, only_unread, limit + 1, LOOKED_UP_PEOPLE, place, kind
        )
        page, following = page_of(rows, limit, lambda row: (0, row["id"]))
        return await self._shapes(self._db, person_id, page), following

    async def news(self, where: Reads, person_id: str, *, since: datetime, limit: int) -> list[NotificationShape]:
        """What is unread and was made after ``since``, the newest first."""
        rows = await where.fetch(queries.NEWS, person_id, since, LOOKED_UP_PEOPLE, limit)
        return await self._shapes(where, person_id, rows)

    async def _shapes(self, where: Reads, viewer_id: str, rows: Sequence[Row]) -> list[NotificationShape]:
        people = await self._people.persons(where, {one for row in rows for one in row["people"]})
        about = {Subject(row["subject_type"], row["subject_id"]) for row in rows if row["subject_type"]}
        subjects = await self._subjects.shown(where, viewer_id, about)
        shapes = [shape_of(row, people, subjects.get(Subject(row["subject_type"], row["subject_id"]))) for row in rows]
        return [one for one in shapes if is_told(one)]

    async def unread(self, where: Reads, person_id: str) -> int:
        count: int = await where.fetchval(queries.UNREAD, person_id)
        return count

    async def read(self, person_id: str, *, until: str | None = None, ids: Sequence[str] | None = None) -> None:
        """Mark as read those up to ``until``, or those named, and tell the person's sockets. Idempotent.

        One that another person has joined since has another id, and stays unread.
        """
        sql, which = (queries.READ_SOME, ids) if ids is not None else (queries.READ_UNTIL, until)
        async with self._db.transaction() as tx:
            if await tx.execute(sql, person_id, which, self._now()):
                await self._tell_read(tx, person_id, until=until, ids=ids)

    async def read_about(self, tx: Transaction, kind: NotificationKind, *, person_id: str, subject_id: str) -> None:
        """The person has read what this is about: mark it as read, and tell the person's sockets. Idempotent."""
        rows = await tx.fetch(queries.READ_OF_SUBJECT, person_id, kind.name, subject_id, self._now())
        if rows:
            await self._tell_read(tx, person_id, until=None, ids=[row["id"] for row in rows])

    async def _tell_read(
        self, tx: Transaction, person_id: str, *, until: str | None, ids: Sequence[str] | None
    ) -> None:
        body = {"until": until, "ids": ids, "unread": await self.unread(tx, person_id)}
        tx.after_commit(partial(self._publish.to_person, person_id, READ.name, body))

    async def prune(self) -> None:
        """Delete what is too old, and what a person has too many of. Raises ``Unavailable``."""
        for sql, bound in ((queries.PRUNE_OLD, self._days), (queries.PRUNE_MANY, self._kept)):
            while await self._db.execute(sql, bound, BATCH):
                pass

    async def _send_after_commit(
        self, tx: Transaction, rows: Sequence[Row], notification_id: str, notice: Notice, at: datetime
    ) -> None:
        """One event for all recipients whose notification is the same: in a fan-out these are all."""
        alike: dict[tuple[Any, ...], list[str]] = {}
        for row in rows:
            alike.setdefault((row["count"], row["replaces"], tuple(row["people"])), []).append(row["person_id"])
        people = await self._people.persons(tx, {one for _, _, group in alike for one in group})
        subject = await self._subject(tx, rows[0]["person_id"], notice.subject) if rows else None
        for (count, replaces, group), person_ids in alike.items():
            made = {"id": notification_id, "kind": notice.kind.name, "people": group, "count": count}
            shape = shape_of({**made, "created_at": at, "read_at": None}, people, subject)
            tx.after_commit(partial(self._publish.to_people, person_ids, NOTIFICATION.name, sent(shape, replaces)))

    async def _subject(self, tx: Transaction, viewer_id: str, subject: Subject | None) -> SubjectShape | None:
        """All recipients of a notice may know of its subject, so any of them may ask."""
        if subject is None:
            return None
        return (await self._subjects.shown(tx, viewer_id, [subject])).get(subject)

    def _count(self, made: int) -> None:
        self.made += made


def _made(row: Row) -> Made:
    """``NOTIFY`` gives what the person wants beside what was made."""
    return Made(
        person_id=row["person_id"],
        is_joined=row["replaces"] is not None,
        is_listed=row["place"] == "list",
        push=row["push"],
        email=row["email"],
    )
