"""The application behind the Socket.IO edge: who may connect, and what becomes of each event.

Each event is admitted by the session's budget, checked against its shape once, carried out by its handler, and
acknowledged with ``{"ok": true, …}`` or ``{"ok": false, "error": {…}}``. Nothing that a client sends closes its socket.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final

from actors.events import Person
from actors.rate_limits import RateLimits, Role
from actors.runtime import ActorError, DomainError, Node
from actors.session import Session, TokenBucket
from server.http.errors import Unauthorized
from server.http.identity import Forged, Identity
from server.live.acks import Ack, answered, refusal, shaped
from server.live.addresses import CountryOf, no_country
from server.live.admission import ConnectionQuota
from server.live.edge.application import ConnectRefused
from server.live.edge.pending_ack import PendingAck
from server.live.edge.socket import Socket
from server.live.rooms import Fan, id_of
from server.socket_events import ClientEvent

MAX_NOTES: Final = 8
OnForged = Callable[[str, str], Coroutine[Any, Any, None]]
"""Called with the address and the user agent that a forged access token came from."""

log = logging.getLogger(__name__)


class Sockets:
    """One object for all sockets of a node. ``install`` sets which events they may send before the first connects."""

    def __init__(
        self,
        *,
        identity: Identity,
        node: Node,
        fan: Fan,
        connection_quota: ConnectionQuota,
        rate_limits: RateLimits,
        event_rate: float,
        event_burst: int,
        country_of: CountryOf = no_country,
    ) -> None:
        self._country_of = country_of
        self._identity = identity
        self._node = node
        self._fan = fan
        self._connection_quota = connection_quota
        self._rate_limits = rate_limits
        self._events: Mapping[str, ClientEvent] = {}
        self._closed: Sequence[Callable[[Session], None]] = ()
        self._on_forged: OnForged | None = None
        self._notes: set[asyncio.Task[None]] = set()
        self._event_rate = event_rate
        self._event_burst = event_burst
        self._of_session: defaultdict[str, set[Socket]] = defaultdict(set)
        self._of_person: defaultdict[str, set[Socket]] = defaultdict(set)
        self.count = 0
        identity.on_revoked(self.end_session)

    def install(
        self,
        events: Iterable[ClientEvent],
        closed: Sequence[Callable[[Session], None]],
        on_forged: OnForged | None = None,
    ) -> None:
        """``closed`` are called with the session of each socket that has gone, ``on_forged`` with where a forged token
        came from. Raises ``ValueError`` for two events of one name.
        """
        self._on_forged = on_forged
        given = list(events)
        self._events, self._closed = {event.name: event for event in given}, closed
        if len(self._events) != len(given):
            names = [event.name for event in given]
            raise ValueError(f"declared twice: {sorted({name for name in names if names.count(name) > 1})}")
        for event in given:
            if event.rate is not None:
                self._rate_limits.add(event.name, event.rate)

    def on_connect(self, socket: Socket, auth: Any) -> None:
        """Admit a person by access token, or a guest without one."""
        token = auth.get("token") if isinstance(auth, dict) else None
        at = self._node.clock.monotonic()
        bucket = TokenBucket(rate=self._event_rate, burst=self._event_burst, at=at)
        if token is None:
            if not self._connection_quota.has_room_for_guest():
                raise ConnectRefused("There are too many guests: sign in.", {"code": "too_many_guests"})
            self._connection_quota.enter(None)
            guest = f"guest:{socket.sid}"
            socket.state = Session(person=None, roles=(), session_id=None, viewer=guest, bucket=bucket)
            socket.state.country = self._country_of(socket.remote)
            self.count += 1
            return
        try:
            known = self._identity.verify(token if isinstance(token, str) else "")
        except Unauthorized as refusal:
            if isinstance(refusal, Forged):
                self._note_forged(socket)
            raise ConnectRefused(refusal.detail or "Sign in again.", {"code": refusal.code}) from None
        if self._identity.must_change_password(known):
            raise ConnectRefused("Change the one-time password first.", {"code": "password_change_required"})
        if not self._connection_quota.has_room(known.id, known.roles):
            raise ConnectRefused("This account has too many connections.", {"code": "too_many_connections"})
        person = Person(id=known.id, username=known.username, display_name=known.display_name)
        socket.state = Session(
            person=person, roles=tuple(known.roles), session_id=known.session_id, viewer=known.id, bucket=bucket
        )
        session: Session = socket.state
        session.scopes = known.scopes
        session.country = self._country_of(socket.remote)
        session.is_followed = auth.get("trace") is True and "admin" in known.roles
        socket.owner = known.id
        self._of_session[known.session_id].add(socket)
        self._of_person[known.id].add(socket)
        self.count += 1
        self._connection_quota.enter(known.id)

    def _note_forged(self, socket: Socket) -> None:
        """Beside the handshake, which does not wait; of many at once some."""
        if self._on_forged is None or len(self._notes) >= MAX_NOTES:
            return
        noting = self._on_forged(socket.remote, socket.headers.get("user-agent", ""))
        task = asyncio.get_running_loop().create_task(noting, name="note a forged token")
        self._notes.add(task)
        task.add_done_callback(self._noted)

    def _noted(self, task: asyncio.Task[None]) -> None:
        self._notes.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.warning("a forged token is not noted: %r", task.exception())

    def on_event(self, socket: Socket, event: str, args: list[Any]) -> Ack | PendingAck | Awaitable[Ack]:
        """The acknowledgement, or what will become it."""
        session: Session = socket.state
        known = self._events.get(event)
        try:
            session.admit(self._node.clock.monotonic())
            if known is None:
                raise DomainError("unknown_event", f"There is no event {event[:64]!r}.")
            body = shaped(known.shape, args)
            if known.sender != "anyone":
                session.require_person()
            if session.scopes is not None and not known.is_within(session.scopes):
                raise DomainError("missing_scope", f"The API token lacks the scope {known.needed_scope!r}.")
            if known.rate is not None:
                self._consume(known.name, session)
            answer = known.handler(socket, session, body)
        except (DomainError, ActorError) as error:
            return refusal(error)
        return answer if isinstance(answer, dict | PendingAck) else answered(answer)

    def _consume(self, event: str, session: Session) -> None:
        role: Role = "admin" if "admin" in session.roles else "viewer"
        self._rate_limits.consume(event, role, session.viewer, at=self._node.clock.monotonic())

    def on_disconnect(self, socket: Socket, reason: str) -> None:
        session: Session | None = socket.state
        if session is None:
            return
        self.count -= 1
        for closed in self._closed:
            closed(session)
        self._fan.unsubscribe_all(socket)
        if session.session_id is not None:
            _remove(self._of_session, session.session_id, socket)
            _remove(self._of_person, session.viewer, socket)
        self._connection_quota.leave(id_of(session))

    def end_session(self, session_id: str, reason: str) -> None:
        """End every socket of a session that was revoked."""
        for socket in list(self._of_session.get(session_id, ())):
            socket.emit("session:revoked", {"reason": reason})
            socket.disconnect(reason="session revoked")

    def of_person(self, person_id: str) -> Sequence[Socket]:
        """Those that a person has on this node, but overlays."""
        return [socket for socket in self._of_person.get(person_id, ()) if not socket.state.is_overlay]

    def rename(self, person_id: str, display_name: str) -> None:
        """What this person posts from now on bears the new name, whatever their token has."""
        for socket in self._of_person.get(person_id, ()):
            socket.state.rename(person_id, display_name)

    def emit_to(self, person_id: str, event: str, body: dict[str, Any], *, sid: str | None = None) -> None:
        """Send an event to every socket of a person on this node, or to the one with this ``sid``; to overlays only
        what is for them.
        """
        is_for_overlays = event.startswith("overlay:")
        for socket in list(self._of_person.get(person_id, ())):
            is_meant = sid is None or socket.sid == sid
            if is_meant and (is_for_overlays or not socket.state.is_overlay):
                socket.emit(event, body)


def _remove(sockets: dict[str, set[Socket]], key: str, socket: Socket) -> None:
    held = sockets[key]
    held.discard(socket)
    if not held:
        del sockets[key]
