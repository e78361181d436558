"""Tickets: what people ask of the server's support. Their messages are a conversation of the person and the agent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

from server.features.messages.conversations import ConversationMessage
from server.features.town.help import queries
from server.features.town.help.rules import RANKS, answer_within, state_after_message
from server.features.town.help.shapes import (
    TICKET,
    NewTicket,
    NoteShape,
    SatisfactionBody,
    SatisfactionShape,
    TicketShape,
    TicketsQuery,
)
from server.http.cursors import after_id
from server.http.errors import Problem, invalid_field, not_found
from server.publish import Publish
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction

CLOSED_AFTER: Final = timedelta(days=7)
OF_REQUESTERS: Final = frozenset({"subject", "state"})


Also = Callable[[Transaction], Awaitable[None]]


async def _nothing(_: Transaction) -> None: ...


class Gatherings(Protocol):
    """The part of conversations that tickets use."""

    async def gather(self, tx: Transaction, people: Sequence[str], title: str) -> str: ...
    async def admit(self, tx: Transaction, room_id: str, person_id: str) -> None: ...
    async def dissolve(self, tx: Transaction, room_id: str) -> None: ...


class Tickets:
    """``most``: that one person has open. ``answer_in``: a ticket of normal priority is to be answered within this."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        gatherings: Gatherings,
        publish: Publish,
        when_changed: Callable[[], Awaitable[None]],
        most: int,
        answer_in: timedelta,
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._gatherings = gatherings
        self._publish = publish
        self._when_changed = when_changed
        self._most = most
        self._answer_in = answer_in

    async def open(self, me: str, body: NewTicket, also: Also = _nothing) -> TicketShape:
        """It is assigned to the agent who has the fewest. ``also`` is done in the same transaction.

        Raises a 409 for one too many.
        """
        now = self._now()
        ticket_id = self._ids.uuid7(now.timestamp())
        async with self._db.transaction() as tx:
            await tx.fetchval(queries.LOCK_PERSON, me)
            if await tx.fetchval(queries.OPEN_OF, me) >= self._most:
                raise Problem(409, f"An account has at most {self._most} open tickets", slug="too-many-tickets")
            agent_id: str | None = await tx.fetchval(queries.NEXT_AGENT, me)
            await also(tx)
            people = [me] if agent_id is None else [me, agent_id]
            room_id = await self._gatherings.gather(tx, people, body.subject)
            await tx.execute(
                queries.ADD, ticket_id, me, agent_id, room_id, body.subject, body.text, body.category, body.priority,
                RANKS[body.priority], now, now + answer_within(body.priority, self._answer_in),
            )  # fmt: skip
            self._tell(tx, ticket_id, "open", [person for person in people if person != me])
        await self._when_changed()
        return await self.one(me, ticket_id, is_agent=False)

    async def one(self, me: str, ticket_id: str, *, is_agent: bool) -> TicketShape:
        """Raises a 404 for what is another's."""
        row = await self._db.fetchrow(queries.ONE, ticket_id)
        if row is None or not (is_agent or row["person_id"] == me):
            raise no_ticket()
        return shape_of(row)

    async def page(self, me: str, query: TicketsQuery, *, is_agent: bool) -> Sequence[Row]:
        whose = me if query.mine or not is_agent else None
        return await self._db.fetch(
            queries.PAGE, whose, query.state, query.priority, query.assigned, me, query.overdue,
            after_id(query.cursor), query.limit + 1,
        )  # fmt: skip

    async def change(self, me: str, ticket_id: str, given: dict[str, Any], *, is_agent: bool) -> TicketShape:
        """Raises a 404, a 403 for what only agents may change, and a 422 for who is no agent."""
        async with self._db.transaction() as tx:
            row = await self._held(tx, me, ticket_id, is_agent=is_agent)
            if not is_agent and given.keys() - OF_REQUESTERS:
                raise Problem(403, "Only agents change this")
            if not is_agent and given.get("state") not in (None, "open", "closed"):
                raise Problem(403, "Only agents say that it is solved")
            new = {**dict(row), **given}
            if "assignee" in given:
                new["assignee_id"] = await self._assigned(tx, row, given["assignee"])
            await self._write(tx, row, new)
        await self._when_changed()
        return await self.one(me, ticket_id, is_agent=is_agent)

    async def remove(self, me: str, ticket_id: str, *, is_agent: bool) -> None:
        """With its messages and notes. Raises a 404."""
        async with self._db.transaction() as tx:
            row = await self._held(tx, me, ticket_id, is_agent=is_agent)
            await tx.execute(queries.DELETE, ticket_id)
            await self._gatherings.dissolve(tx, row["room_id"])
        await self._when_changed()

    async def rate(self, me: str, ticket_id: str, body: SatisfactionBody) -> TicketShape:
        """Raises a 404 for who has not opened it, and a 409 before it is solved or closed."""
        async with self._db.transaction() as tx:
            row = await self._held(tx, me, ticket_id, is_agent=False)
            if row["state"] not in ("solved", "closed"):
                raise Problem(409, "A ticket is rated once it is solved", slug="ticket-state")
            await tx.execute(queries.RATE, ticket_id, body.score, body.text, self._now())
        return await self.one(me, ticket_id, is_agent=False)

    async def note(self, me: str, ticket_id: str, text: str) -> NoteShape:
        """Among agents. Raises a 404."""
        now = self._now()
        note_id = self._ids.uuid7(now.timestamp())
        async with self._db.transaction() as tx:
            await self._held(tx, me, ticket_id, is_agent=True)
            await tx.execute(queries.ADD_NOTE, note_id, ticket_id, me, text, now)
            row = await tx.fetchrow(queries.NOTE, note_id)
        assert row is not None
        return NoteShape.model_validate(dict(row))

    async def notes(self, ticket_id: str, after: str | None, limit: int) -> Sequence[Row]:
        return await self._db.fetch(queries.NOTES, ticket_id, after, limit)

    async def wrote(self, tx: Transaction, fact: ConversationMessage) -> None:
        """A person has written in a room, which may be that of a ticket."""
        row = await tx.fetchrow(queries.HOLD_OF_ROOM, fact.room_id)
        if row is None or (row["state"] == "closed" and fact.author_id != row["person_id"]):
            return
        is_requester = fact.author_id == row["person_id"]
        new = {**dict(row), "state": state_after_message(row["state"], is_requester=is_requester)}
        if not is_requester and row["answered_at"] is None:
            new["answered_at"] = self._now()
        await self._write(tx, row, new)

    async def clock(self) -> None:
        """Mark what is late, before the rest, and close what has been solved for a while."""
        now = self._now()
        for sql, given in ((queries.LATE, (now,)), (queries.CLOSE, (now, now - CLOSED_AFTER))):
            async with self._db.transaction() as tx:
                for row in await tx.fetch(sql, *given):
                    self._tell(tx, row["id"], row["state"], [row["person_id"], row["assignee_id"]])

    async def _held(self, tx: Transaction, me: str, ticket_id: str, *, is_agent: bool) -> Row:
        row = await tx.fetchrow(queries.HOLD, ticket_id)
        if row is None or not (is_agent or row["person_id"] == me):
            raise no_ticket()
        return row

    async def _assigned(self, tx: Transaction, row: Row, username: str | None) -> str | None:
        """The agent of this name, who is in the conversation from now on."""
        if username is None:
            return None
        agent_id: str | None = await tx.fetchval(queries.AGENT, username)
        if agent_id is None:
            raise invalid_field("assignee", "is no agent")
        await self._gatherings.admit(tx, row["room_id"], agent_id)
        return agent_id

    async def _write(self, tx: Transaction, row: Row, new: dict[str, Any]) -> None:
        now, state = self._now(), new["state"]
        solved_at = (row["solved_at"] or now) if state in ("solved", "closed") else None
        await tx.execute(
            queries.CHANGE, row["id"], new["subject"], new["category"], new["priority"], RANKS[new["priority"]], state,
            new["assignee_id"], self._due(row, new, now), new["answered_at"], solved_at, now,
        )  # fmt: skip
        self._tell(tx, row["id"], state, [row["person_id"], row["assignee_id"], new["assignee_id"]])

    def _due(self, row: Row, new: dict[str, Any], now: datetime) -> datetime | None:
        """The clock of an open ticket runs from the message that opened it; another priority sets it anew."""
        if new["state"] != "open":
            return None
        if row["state"] == "open" and new["priority"] == row["priority"]:
            due_at: datetime | None = row["due_at"]
            return due_at
        return now + answer_within(new["priority"], self._answer_in)

    def _tell(self, tx: Transaction, ticket_id: str, state: str, people: Sequence[str | None]) -> None:
        to = sorted({person for person in people if person is not None})
        tx.after_commit(partial(self._publish.to_people, to, TICKET.name, {"ticket_id": ticket_id, "state": state}))


def no_ticket() -> Problem:
    return not_found("There is no such ticket")


def shape_of(row: Row) -> TicketShape:
    rated = None if row["score"] is None else SatisfactionShape(score=row["score"], text=row["score_text"])
    return TicketShape.model_validate({**dict(row), "satisfaction": rated})
