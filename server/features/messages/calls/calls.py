"""Beginning, joining and leaving calls, and signals in them: what lies between the events and the actors."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from actors.call import LASTS_S
from actors.call_messages import CALL, CallState, InviteToCall, JoinCall, LeaveCall, RelaySignal
from actors.events import Person
from actors.runtime import DomainError, Node
from actors.session import Session
from server.features.messages.calls import queries
from server.features.messages.calls.invitations import hash_of
from server.features.messages.calls.seats import CallSocket, Seats
from server.features.messages.calls.shapes import JoinByToken, Signal
from server.features.messages.calls.store import Apart
from server.features.rooms.shapes import instant
from server.live.ice_servers import IceServers, fields
from storage.ids import Ids
from storage.postgres import Database

MAX_OWN: Final = 10
"""Calls that one person has begun and that have not ended."""
KEPT: Final = timedelta(hours=1)
"""After its end."""
PRUNE_BATCH: Final = 1_000
JUDGED_S: Final = 2.0
MAX_JUDGED: Final = 10_000


class Calls:
    def __init__(
        self,
        *,
        db: Database,
        node: Node,
        ids: Ids,
        now: Callable[[], datetime],
        seats: Seats,
        ice: IceServers,
        apart: Apart,
    ) -> None:
        self._db = db
        self._node = node
        self._ids = ids
        self._now = now
        self._seats = seats
        self._ice = ice
        self._blocks = _Blocks(apart=apart, monotonic=node.clock.monotonic)

    async def create(self, socket: CallSocket, session: Session) -> dict[str, Any]:
        """A new call with its owner in it, and a token for the first other person."""
        person = session.require_person()
        at, token = self._now(), _new_token()
        call_id = self._ids.uuid7(at.timestamp())
        self._seats.require_room(session, call_id)
        async with self._db.transaction() as tx:
            await tx.execute(queries.ALONE, person.id)
            if await tx.fetchval(queries.COUNT_OPEN, person.id, at) >= MAX_OWN:
                raise DomainError("too_many_calls", f"One person can have begun at most {MAX_OWN} calls at a time.")
            await tx.execute(queries.BEGIN, call_id, person.id, at, at + timedelta(seconds=LASTS_S))
            await tx.fetchval(queries.INVITE, hash_of(token), call_id, 1)
        return {**await self._join(socket, session, person, call_id, None), "join_token": token}

    async def invite(self, session: Session, call_id: str) -> str:
        token = _new_token()
        invite = InviteToCall(person_id=session.require_person().id, token_hash=hash_of(token))
        await self._node.ref(CALL, call_id).ask(invite)
        return token

    async def join(self, socket: CallSocket, session: Session, body: JoinByToken) -> dict[str, Any]:
        person = session.require_person()
        if (body.join_token is None) == (body.call_id is None):
            raise DomainError("invalid", "Give a join_token or a call_id.", field="join_token")
        token_hash = None if body.join_token is None else hash_of(body.join_token)
        call_id = body.call_id
        if call_id is None:
            call_id = await self._db.fetchval(queries.INVITED_TO, token_hash)
        if call_id is None:
            raise DomainError("token_invalid", "This invitation was used, or is not valid any more.")
        self._seats.require_room(session, call_id)
        return await self._join(socket, session, person, call_id, token_hash)

    async def _join(
        self, socket: CallSocket, session: Session, person: Person, call_id: str, token_hash: bytes | None
    ) -> dict[str, Any]:
        ask = JoinCall(person=person, seat=self._seats.seat_of(socket), token_hash=token_hash)
        state = await self._node.ref(CALL, call_id).ask(ask)
        self._seats.take(session, call_id, socket)
        return {"ok": True, "call_id": call_id, **_shown(state), **fields(self._ice.issue(person.id))}

    async def signal(self, socket: CallSocket, session: Session, body: Signal) -> None:
        person_id, signal = session.viewer, body.signal()
        relay = RelaySignal(person_id=person_id, seat=self._seats.seat_of(socket), to=body.to, signal=signal)
        async with self._seats.in_order(session):
            if await self._blocks.are_apart(person_id, body.to):
                raise DomainError("not_in_call", "This person is not in the call.", field="to")
            await self._node.ref(CALL, body.call_id).ask(relay)

    async def leave(self, socket: CallSocket, session: Session, call_id: str) -> None:
        self._seats.free(session, call_id)
        leave = LeaveCall(person_id=session.viewer, seat=self._seats.seat_of(socket))
        await self._node.ref(CALL, call_id).ask(leave)

    async def prune(self) -> None:
        """Delete calls an hour after their end, with who was in them."""
        while await self._db.execute(queries.PRUNE, self._now() - KEPT, PRUNE_BATCH) == PRUNE_BATCH:
            pass


class _Blocks:
    """Whether two people block one another, remembered for ``JUDGED_S``."""

    def __init__(self, *, apart: Apart, monotonic: Callable[[], float]) -> None:
        self._apart = apart
        self._monotonic = monotonic
        self._judged: OrderedDict[tuple[str, str], tuple[float, bool]] = OrderedDict()

    async def are_apart(self, one: str, other: str) -> bool:
        at, verdict = self._judged.get((one, other), (0.0, False))
        if not at or self._monotonic() - at > JUDGED_S:
            at, verdict = self._monotonic(), bool(await self._apart(one, [other]))
            self._judged[one, other] = at, verdict
            if len(self._judged) > MAX_JUDGED:
                self._judged.popitem(last=False)
        return verdict


def _shown(state: CallState) -> dict[str, Any]:
    people = [
        {"id": person.id, "username": person.username, "display_name": person.display_name} for person in state.people
    ]
    return {"owner_id": state.owner_id, "ends_at": instant(state.ends_at), "people": people}


def _new_token() -> str:
    """128 random bits."""
    return secrets.token_urlsafe(16)
