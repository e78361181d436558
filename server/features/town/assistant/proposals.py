"""What the assistant would do for a person: it waits for their own word, which is good once and for some minutes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import msgspec

from server.features.town.help.shapes import NewTicket, TicketShape
from server.http.errors import Problem, not_found
from storage.ids import Ids
from storage.postgres import Database, Transaction

GOOD_FOR: Final = timedelta(minutes=10)
KEPT: Final = timedelta(days=30)
MAX_WAITING: Final = 20
"""Of a person; older ones lapse."""

_ADD: Final = """
insert into assistant_proposals (id, person_id, tool, arguments, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6)
"""
_LAPSE: Final = """
delete from assistant_proposals where id in (
    select id from assistant_proposals where person_id = $1 and decided_at is null order by id desc offset $2)
"""
_ONE: Final = "select tool, arguments, decided_at, expires_at from assistant_proposals where id = $1 and person_id = $2"
_DECIDE: Final = """
update assistant_proposals set decided_at = $3, is_confirmed = $4
where id = $1 and person_id = $2 and decided_at is null and expires_at > $3
returning id
"""
_PRUNE: Final = """
delete from assistant_proposals where id in (
    select id from assistant_proposals where expires_at < $1 order by expires_at limit 5000)
"""

Also = Callable[[Transaction], Awaitable[None]]
"""What is done in the same transaction, or keeps it from being done by what it raises."""


class OpensTickets(Protocol):
    """The part of tickets that a proposal uses."""

    async def open(self, me: str, body: NewTicket, also: Also) -> TicketShape: ...


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    tool: str
    arguments: dict[str, Any]
    expires_at: datetime


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """``url``: where what was made is seen."""

    tool: str
    title: str
    url: str


class Proposals:
    def __init__(self, *, db: Database, ids: Ids, now: Callable[[], datetime], tickets: OpensTickets | None) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._tickets = tickets

    async def propose(self, person_id: str, tool: str, arguments: dict[str, Any]) -> Proposal:
        now = self._now()
        made = Proposal(id=self._ids.uuid7(now.timestamp()), tool=tool, arguments=arguments, expires_at=now + GOOD_FOR)
        async with self._db.transaction() as tx:
            await tx.execute(_ADD, made.id, person_id, tool, arguments, now, made.expires_at)
            await tx.execute(_LAPSE, person_id, MAX_WAITING)
        return made

    async def confirm(self, person_id: str, proposal_id: str) -> Done:
        """Does it, once. Raises a 404 for another's, a 409 for one that was decided, a 410 for one that is too old, and
        what the room that does it raises: then it is still there to be confirmed.
        """
        row = await self._db.fetchrow(_ONE, proposal_id, person_id)
        if row is None or self._tickets is None:
            raise no_proposal()
        body = NewTicket.model_validate(row["arguments"])
        ticket = await self._tickets.open(person_id, body, lambda tx: self._decide(tx, person_id, proposal_id, True))
        return Done(tool=row["tool"], title=ticket.subject, url=f"/help/tickets/{ticket.id}")

    async def decline(self, person_id: str, proposal_id: str) -> None:
        """Raises as ``confirm``."""
        async with self._db.transaction() as tx:
            await self._decide(tx, person_id, proposal_id, False)

    async def prune(self) -> None:
        await self._db.execute(_PRUNE, self._now() - KEPT)

    async def _decide(self, tx: Transaction, person_id: str, proposal_id: str, is_confirmed: bool) -> None:
        if await tx.fetchval(_DECIDE, proposal_id, person_id, self._now(), is_confirmed) is not None:
            return
        row = await tx.fetchrow(_ONE, proposal_id, person_id)
        if row is None:
            raise no_proposal()
        if row["decided_at"] is not None:
            raise Problem(409, "This was decided already", slug="proposal-decided")
        raise Problem(410, "This was proposed too long ago: ask again", slug="proposal-expired")


def no_proposal() -> Problem:
    return not_found("There is no such proposal")
