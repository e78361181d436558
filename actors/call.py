"""The actor of a call: who is in it, and the signals by which they connect their browsers to one another.

Two to six people are in a call, each through one socket. The media flows between their browsers and never comes here.
A call ends an hour after it began, or when the last person leaves. When the last connection is lost instead, the call
waits ``EMPTY_S`` for its members: a person who was in it returns without a token.

Who is in it, and where, is written before it is told. So the actor that follows when a node has died relays signals
between the others as before, and tells them within ``SILENT_S`` that the people of the dead node have left.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Protocol

from actors.call_messages import (
    CallState,
    Departure,
    Ending,
    InviteToCall,
    JoinCall,
    LeaveCall,
    RelaySignal,
    Seat,
    SeatsHere,
    SocketGone,
)
from actors.call_store import CallRecord, CallStore
from actors.events import Person
from actors.runtime import Actor, DomainError, Message, Timer, Unavailable, handles
from actors.viewers_messages import NodeLeft

MAX_PEOPLE: Final = 6
LASTS_S: Final = 3_600.0
BEAT_S: Final = 10.0
"""How often a node tells which of its sockets are in the call."""
SILENT_S: Final = 25.0
"""After so long without that, a person is not in the call any more."""
EMPTY_S: Final = 30.0
"""How long a call without people waits for one of them to return."""


class Deliver(Protocol):
    """Sends an event to the one socket of a person, at most once."""

    def __call__(self, seat: Seat, person_id: str, event: str, body: dict[str, Any]) -> None: ...


class _TimeUp(Message, frozen=True, kw_only=True):
    pass


class _Empty(Message, frozen=True, kw_only=True):
    pass


class _Look(Message, frozen=True, kw_only=True):
    """For people whose node says nothing any more."""


class _Present:
    """A person in the call; ``heard_at``: when their node last confirmed it (monotonic)."""

    __slots__ = ("heard_at", "person", "seat")

    def __init__(self, person: Person, seat: Seat, heard_at: float) -> None:
        self.person = person
        self.seat = seat
        self.heard_at = heard_at


class Call(Actor):
    """Its key is the call's id. It stays until the call ends."""

    def __init__(self, *, call_id: str, store: CallStore, deliver: Deliver, now: Callable[[], datetime]) -> None:
        self._id = call_id
        self._store = store
        self._deliver = deliver
        self._now = now
        self._record: CallRecord
        self._members: set[str] = set()
        self._present: dict[str, _Present] = {}
        self._waiting: Timer | None = None

    async def activate(self) -> None:
        record = await self._store.load(self._id)
        if record is None:
            raise _unknown()
        left_s = (record.ends_at - self._now()).total_seconds()
        if record.ended_at is not None or left_s <= 0:
            raise DomainError("call_ended", "The call has ended.")
        self._record = record
        self._members = {member.person.id for member in record.members} | {record.owner_id}
        at = self.context.clock.monotonic()
        for member in record.members:
            if member.seat is not None:
                self._present[member.person.id] = _Present(member.person, member.seat, at)
        self.context.timer(left_s, _TimeUp())
        self.context.every(BEAT_S, _Look())
        self._wait_if_empty()

    @handles(JoinCall)
    async def join(self, message: JoinCall) -> CallState:
        person_id = message.person.id
        before = self._present.get(person_id)
        if message.token_hash is None and person_id not in self._members:
            raise _unknown()
        if before is not None and before.seat == message.seat and message.token_hash is None:
            return self._state()
        await self._require_welcome(person_id)
        is_admitted = await self._store.admit(
            self._id,
            person_id,
            message.seat,
            token_hash=message.token_hash,
            at=self._now(),
            fence=self.context.fence,
        )
        if not is_admitted:
            raise DomainError("token_invalid", "This invitation was used, or is not valid any more.")
        self._members.add(person_id)
        self._seat(message.person, message.seat)
        return self._state()

    @handles(InviteToCall)
    async def invite(self, message: InviteToCall) -> None:
        self._require_member(message.person_id)
        if message.person_id != self._record.owner_id:
            raise DomainError("forbidden", "Only who began the call may invite to it.")
        if not await self._store.invite(self._id, message.token_hash, fence=self.context.fence):
            raise DomainError("too_many_invitations", "Too many invitations to this call are unused.")

    @handles(RelaySignal)
    def relay(self, message: RelaySignal) -> None:
        self._require_seat(message.person_id, message.seat)
        to = self._present.get(message.to)
        if to is None or message.to == message.person_id:
            raise DomainError("not_in_call", "This person is not in the call.", field="to")
        body = {"call_id": self._id, "from": message.person_id, **message.signal}
        self._deliver(to.seat, message.to, "call:signal", body)

    @handles(LeaveCall)
    async def leave(self, message: LeaveCall) -> None:
        self._require_seat(message.person_id, message.seat)
        await self._remove(message.person_id, "left")
        if not self._present:
            await self._end("empty")

    @handles(SocketGone)
    async def socket_gone(self, message: SocketGone) -> None:
        present = self._present.get(message.person_id)
        if present is not None and present.seat == message.seat:
            await self._lose([message.person_id])

    @handles(NodeLeft)
    async def node_left(self, message: NodeLeft) -> None:
        await self._lose([one for one, present in self._present.items() if present.seat.node == message.node])

    @handles(SeatsHere)
    def seats_here(self, message: SeatsHere) -> dict[str, Ending]:
        gone: dict[str, Ending] = {}
        for socket, person_id in message.sockets.items():
            present = self._present.get(person_id)
            if present is None:
                gone[socket] = "lost"
            elif present.seat == Seat(node=message.node, socket=socket):
                present.heard_at = self.context.clock.monotonic()
            else:
                gone[socket] = "elsewhere"
        return gone

    @handles(_Look)
    async def look(self, message: _Look) -> None:
        since = self.context.clock.monotonic() - SILENT_S
        await self._lose([one for one, present in self._present.items() if present.heard_at < since])

    @handles(_Empty)
    async def empty(self, message: _Empty) -> None:
        if not self._present:
            await self._end("empty")

    @handles(_TimeUp)
    async def time_up(self, message: _TimeUp) -> None:
        await self._end("time")

    # who is in it

    async def _require_welcome(self, person_id: str) -> None:
        others = [one for one in self._present if one != person_id]
        if len(others) >= MAX_PEOPLE:
            raise DomainError("call_full", f"At most {MAX_PEOPLE} people can be in a call.")
        if others and await self._store.apart(person_id, others):
            raise DomainError("forbidden", "You cannot join this call.")

    def _require_member(self, person_id: str) -> None:
        if person_id not in self._members:
            raise _unknown()

    def _require_seat(self, person_id: str, seat: Seat) -> None:
        self._require_member(person_id)
        present = self._present.get(person_id)
        if present is None or present.seat != seat:
            raise DomainError("not_joined", "Join the call first.")

    def _seat(self, person: Person, seat: Seat) -> None:
        """The person is in the call through this socket, and through no other one."""
        before = self._present.pop(person.id, None)
        if before is not None and before.seat != seat:
            self._deliver(before.seat, person.id, "call:ended", {"call_id": self._id, "reason": "elsewhere"})
            self._tell_left(person.id, "elsewhere")
        if before is None or before.seat != seat:
            shown = {"id": person.id, "username": person.username, "display_name": person.display_name}
            self._tell_all("call:joined", {"call_id": self._id, "person": shown})
        self._present[person.id] = _Present(person, seat, self.context.clock.monotonic())

    async def _lose(self, person_ids: list[str]) -> None:
        for person_id in person_ids:
            await self._remove(person_id, "lost")
        if person_ids:
            self._wait_if_empty()

    async def _remove(self, person_id: str, reason: Departure) -> None:
        """A row that could not be written names a seat that falls silent."""
        gone = self._present.pop(person_id)
        self._tell_left(person_id, reason)
        with contextlib.suppress(Unavailable):
            await self._store.leave(self._id, person_id, gone.seat, fence=self.context.fence)

    def _wait_if_empty(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = None if self._present else self.context.timer(EMPTY_S, _Empty())

    async def _end(self, reason: Ending) -> None:
        """A row that could not be written ends by its time."""
        self._tell_all("call:ended", {"call_id": self._id, "reason": reason})
        self._present.clear()
        with contextlib.suppress(Unavailable):
            await self._store.end(self._id, at=self._now(), fence=self.context.fence)
        self.context.stop()

    def _state(self) -> CallState:
        people = tuple(present.person for present in self._present.values())
        return CallState(owner_id=self._record.owner_id, ends_at=self._record.ends_at, people=people)

    def _tell_left(self, person_id: str, reason: Departure) -> None:
        self._tell_all("call:left", {"call_id": self._id, "user_id": person_id, "reason": reason})

    def _tell_all(self, event: str, body: dict[str, Any]) -> None:
        for person_id, present in self._present.items():
            self._deliver(present.seat, person_id, event, body)


def _unknown() -> DomainError:
    """For who has never been in the call, too."""
    return DomainError("not_found", "There is no such call.")
