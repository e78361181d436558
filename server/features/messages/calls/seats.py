"""The sockets of this node that are in calls, and what the calls' actors are told of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from actors.call import BEAT_S
from actors.call_messages import CALL, Ending, Seat, SeatsHere, SocketGone
from actors.runtime import ActorError, DomainError, Node
from actors.session import Session
from server.feature import Receiver
from server.live.beat import Beat

MAX_CALLS: Final = 10
"""That one socket is in at a time."""

log = logging.getLogger("server.calls")


class CallSocket(Receiver, Protocol):
    """A client's socket; ``sid`` is its own on this node."""

    sid: str

    @property
    def is_connected(self) -> bool: ...


class Seats:
    """Each ``BEAT_S`` a call is told which sockets it has here. Sockets that it does not know any more are told so."""

    def __init__(self, *, node: Node) -> None:
        self._node = node
        self._of: dict[Session, dict[str, CallSocket]] = {}
        self._in: defaultdict[str, set[Session]] = defaultdict(set)
        self._orders: dict[Session, asyncio.Lock] = {}
        self._beat = Beat(
            clock=node.clock, every_s=BEAT_S, followed=lambda: self._in, tell=self._tell_here, name="beat of calls"
        )

    def seat_of(self, socket: CallSocket) -> Seat:
        return Seat(node=self._node.name, socket=socket.sid)

    def require_room(self, session: Session, call_id: str) -> None:
        held = self._of.get(session, {})
        if call_id not in held and len(held) >= MAX_CALLS:
            raise DomainError("too_many_calls", f"One connection can be in at most {MAX_CALLS} calls.")

    def take(self, session: Session, call_id: str, socket: CallSocket) -> None:
        """The call has admitted the socket; if that has gone meanwhile, the call is told."""
        if not socket.is_connected:
            self._tell_gone(session, call_id, socket)
            raise DomainError("gone", "The connection has closed.")
        self._of.setdefault(session, {})[call_id] = socket
        self._orders.setdefault(session, asyncio.Lock())
        self._in[call_id].add(session)
        self._beat.arm()

    def free(self, session: Session, call_id: str) -> None:
        held = self._of.get(session, {})
        if held.pop(call_id, None) is None:
            return
        if not held:
            del self._of[session], self._orders[session]
        self._in[call_id].discard(session)
        if not self._in[call_id]:
            del self._in[call_id]

    def closed(self, session: Session) -> None:
        """The session's socket has gone."""
        for call_id, socket in list(self._of.get(session, {}).items()):
            self.free(session, call_id)
            self._tell_gone(session, call_id, socket)

    def in_order(self, session: Session) -> AbstractAsyncContextManager[None]:
        """What a socket in a call sends goes on in the order in which it came, whatever has to be waited for."""
        return self._orders.get(session) or contextlib.nullcontext()

    async def close(self) -> None:
        await self._beat.close()

    @property
    def calls(self) -> int:
        """That have a socket here."""
        return len(self._in)

    def _tell_gone(self, session: Session, call_id: str, socket: CallSocket) -> None:
        try:
            self._node.ref(CALL, call_id).tell(SocketGone(person_id=session.viewer, seat=self.seat_of(socket)))
        except ActorError as error:
            log.info("call %s finds out by itself that a socket is gone: %s", call_id, error)

    async def _tell_here(self, call_id: str) -> None:
        here = {self._of[session][call_id].sid: session for session in self._in.get(call_id, ())}
        sockets = {sid: session.viewer for sid, session in here.items()}
        try:
            gone = await self._node.ref(CALL, call_id).ask(SeatsHere(node=self._node.name, sockets=sockets))
        except ActorError as error:
            log.info("call %s does not hear of its sockets here: %s", call_id, error)
            return
        except DomainError:
            gone = dict.fromkeys(sockets, "time")  # the call has ended
        for sid, reason in gone.items():
            self._end(here[sid], call_id, sid, reason)

    def _end(self, session: Session, call_id: str, sid: str, reason: Ending) -> None:
        """Unless the session has left meanwhile, or its socket joined again."""
        socket = self._of.get(session, {}).get(call_id)
        if socket is not None and socket.sid == sid:
            self.free(session, call_id)
            socket.emit("call:ended", {"call_id": call_id, "reason": reason})
