"""What a Socket.IO client may say and what it is answered: the live events of the public contract.

Each event is checked against its shape once, admitted by the session's budget, carried out, and acknowledged with
``{"ok": true, …}`` or ``{"ok": false, "error": {…}}``. Nothing that a client sends closes its socket.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from actors.chat import (
    Author,
    DeleteChat,
    JudgeWriter,
    PinChat,
    PostChat,
    Posted,
    SanctionPerson,
    SetChatMode,
)
from actors.emoji import is_emoji
from actors.events import Person, StreamView
from actors.presence import Presence
from actors.rate_limits import RateLimits, role_of
from actors.runtime import ActorError, DomainError, Node, Unhandled
from actors.session import Session, TokenBucket
from actors.text import clean_line
from actors.viewers import ViewerBeat, ViewerCame, ViewerLeft
from server.http.errors import Unauthorized
from server.http.identity import Identity
from server.live.acks import Ack, answered, refusal, shaped
from server.live.admission import ConnectionQuota
from server.live.bodies import (
    Ban,
    Heartbeat,
    History,
    Join,
    ListPresent,
    Mode,
    OfMessage,
    OfPerson,
    OfRoom,
    OfStream,
    Pin,
    React,
    RoomPosition,
    Send,
    TimeOut,
)
from server.live.counters import LocalViewers
from server.live.edge import ConnectRefused, Parser, PendingAck, Socket
from server.live.presence import ClusterPresence
from server.live.rights import Rights
from server.live.room_mirror import RoomMirror, RoomMirrors, RoomPages
from server.live.stream_directory import viewer_of
from server.live.viewings import MaySee, Viewer
from server.tracing import SEND, Traces
from storage.ids import made_at

LAST_MESSAGES: Final = 50
CATCH_UP: Final = 500
ROOM: Final = "room:"
STREAM: Final = "stream:"


# As the server writes them: another spelling of the same id would be another actor.
class StreamViews(Protocol):
    """What the sockets need of the streams' directory."""

    async def view(self, stream_id: str, *, viewer_id: str | None) -> StreamView:
        """Raises ``DomainError("not_found")`` for what the viewer may not know of."""

    def seen(self, stream_id: str, *, viewer_id: str | None) -> StreamView | None:
        """As ``view``, without waiting; None when it has to be asked for."""

    def remembered(self, stream_id: str, *, viewer_id: str | None) -> StreamView | None:
        """As ``seen``, for who does not ask for the counts."""

    def shown_to(self, view: StreamView, viewer: Viewer) -> dict[str, Any]: ...
    def react(self, stream_id: str, emoji: str) -> None: ...


class Subscriptions(Protocol):
    """The node's fan-out, by topic."""

    def subscribe(self, topic: str, socket: Socket, *, after: tuple[str, int] | None = None) -> None:
        """With `after`, nothing of the room that does not lie behind this (epoch, offset)."""

    def unsubscribe(self, topic: str, socket: Socket) -> None: ...
    def unsubscribe_all(self, socket: Socket) -> None: ...
    def close_to(self, topic: str, *, but: MaySee) -> None: ...
    def sockets(self, topic: str) -> Iterable[Socket]: ...


class RoomLog(RoomPages, Protocol):
    async def history(self, room_id: str, *, before: int | None, limit: int) -> Any: ...


_Handler = Callable[[Socket, Session, Any], Ack | PendingAck | Awaitable[Ack]]


class Sockets:
    """The application behind the edge: one object for all sockets of a node."""

    def __init__(
        self,
        *,
        identity: Identity,
        node: Node,
        fan: Subscriptions,
        mirrors: RoomMirrors,
        log_of_rooms: RoomLog,
        streams: StreamViews,
        presence: Presence,
        others: Callable[[], Iterable[str]],
        rate_limits: RateLimits,
        connection_quota: ConnectionQuota,
        rights: Rights,
        event_rate: float,
        event_burst: int,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
        traces: Traces,
    ) -> None:
        self._traces = traces
        self._identity = identity
        self._node = node
        self._fan = fan
        self._mirrors = mirrors
        self._log = log_of_rooms
        self._streams = streams
        self._presence = presence
        self._rate_limits = rate_limits
        self._connection_quota = connection_quota
        self._cluster_presence = ClusterPresence(node=node, presence=presence, others=others, rights=rights)
        self._event_rate = event_rate
        self._event_burst = event_burst
        self._new_id = new_id
        self._now = now
        self._of_session: defaultdict[str, set[Socket]] = defaultdict(set)
        self._counters = LocalViewers(node=node)
        identity.on_revoked(self.end_session)
        self._events: Mapping[str, tuple[Any, _Handler]] = {
            "stream:watch": (OfStream, self._watch),
            "stream:unwatch": (OfStream, self._unwatch),
            "stream:heartbeat": (Heartbeat, self._heartbeat),
            "stream:react": (React, self._react),
            "chat:join": (Join, self._join),
            "chat:leave": (OfRoom, self._leave),
            "chat:send": (Send, self._send),
            "chat:history": (History, self._history),
            "chat:delete": (OfMessage, self._delete),
            "chat:pin": (Pin, self._pin),
            "chat:timeout": (TimeOut, self._time_out),
            "chat:ban": (Ban, self._ban),
            "chat:unban": (OfPerson, self._unban),
            "chat:mode": (Mode, self._mode),
            "presence:list": (ListPresent, self._present),
        }

    # the edge's side

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
            return
        try:
            known = self._identity.verify(token if isinstance(token, str) else "")
        except Unauthorized as refusal:
            raise ConnectRefused(refusal.detail or "Sign in again.", {"code": refusal.code}) from None
        if not self._connection_quota.has_room(known.id, known.roles):
            raise ConnectRefused("This account has too many connections.", {"code": "too_many_connections"})
        person = Person(id=known.id, username=known.username, display_name=known.display_name)
        socket.state = Session(
            person=person, roles=tuple(known.roles), session_id=known.session_id, viewer=known.id, bucket=bucket
        )
        session: Session = socket.state
        session.is_followed = auth.get("trace") is True and "admin" in known.roles
        socket.owner = known.id
        self._of_session[known.session_id].add(socket)
        self._connection_quota.enter(known.id)

    def on_event(self, socket: Socket, event: str, args: list[Any]) -> Ack | PendingAck | Awaitable[Ack]:
        """The acknowledgement, or what will become it."""
        session: Session = socket.state
        known = self._events.get(event)
        try:
            session.admit(self._node.clock.monotonic())
            if known is None:
                raise DomainError("unknown_event", f"There is no event {event[:64]!r}.")
            shape, handler = known
            answer = handler(socket, session, shaped(shape, args))
        except (DomainError, ActorError) as error:
            return refusal(error)
        return answer if isinstance(answer, dict | PendingAck) else answered(answer)

    def on_disconnect(self, socket: Socket, reason: str) -> None:
        session: Session | None = socket.state
        if session is None:
            return
        for stream_id in list(session.view_ids):
            self._stop_watching(session, stream_id)
        for room_id in session.rooms:
            self._presence.leave(room_id, session.person)
        self._fan.unsubscribe_all(socket)
        if session.session_id is not None:
            sockets = self._of_session[session.session_id]
            sockets.discard(socket)
            if not sockets:
                del self._of_session[session.session_id]
        self._connection_quota.leave(_id_of(session))

    def end_session(self, session_id: str, reason: str) -> None:
        """End every socket of a session that was revoked."""
        for socket in list(self._of_session.get(session_id, ())):
            socket.emit("session:revoked", {"reason": reason})
            socket.disconnect(reason="session revoked")

    def rename(self, person_id: str, display_name: str) -> None:
        """What this person says from now on is said under the new name, whatever their token says."""
        self._presence.rename(person_id, display_name)
        for socket in [one for sockets in self._of_session.values() for one in sockets]:
            socket.state.rename(person_id, display_name)

    # streams

    def _watch(self, socket: Socket, session: Session, body: OfStream) -> Ack | Awaitable[Ack]:
        view = self._streams.seen(body.stream_id, viewer_id=_id_of(session))
        mirror = self._mirrors.get(view.room_id) if view is not None else None
        if view is None or mirror is None:
            return self._watch_later(socket, session, body)
        return self._watch_now(socket, session, view, mirror)

    async def _watch_later(self, socket: Socket, session: Session, body: OfStream) -> Ack:
        view = await self._streams.view(body.stream_id, viewer_id=_id_of(session))
        await self._mirrors.open(view.room_id)
        # Again, since a right may have ended meanwhile; what is at hand is answered in this very turn.
        view = await self._streams.view(body.stream_id, viewer_id=_id_of(session))
        mirror = await self._mirrors.open(view.room_id)
        self._require_open(socket)
        return self._watch_now(socket, session, view, mirror)

    def _watch_now(self, socket: Socket, session: Session, view: StreamView, mirror: RoomMirror) -> Ack:
        """In one turn: what the answer holds and what the events say must meet without a gap."""
        if view.id not in session.view_ids:
            self._start_watching(session, view)
        self._fan.subscribe(STREAM + view.id, socket)
        self._enter(socket, session, mirror)
        return {
            "ok": True,
            "stream": self._streams.shown_to(view, viewer_of(session)),
            "room": _room(mirror, socket.parser),
        }

    def _start_watching(self, session: Session, view: StreamView) -> None:
        view_id = self._new_id()
        session.watch(view.id, view_id)
        self._counters.came(view.id, self._came(session, view_id))

    def _came(self, session: Session, view_id: str) -> ViewerCame:
        return ViewerCame(
            view_id=view_id,
            viewer=session.viewer,
            user_id=_id_of(session),
            at=self._now().timestamp(),
            since=made_at(view_id),
            node=self._node.name,
        )

    def streams(self) -> set[str]:
        """Those that somebody watches here, or whose room somebody is in."""
        return {*self._counters.watched, *self._mirrors.streams()}

    def put_out(self, stream_id: str, may_see: MaySee) -> None:
        """Whoever may not see the stream hears no more of it and of its room."""
        rooms = self._mirrors.rooms_of(stream_id)
        for topic in (STREAM + stream_id, *(ROOM + room_id for room_id in rooms)):
            self._fan.close_to(topic, but=may_see)
            for socket in list(self._fan.sockets(topic)):
                session: Session = socket.state
                if not may_see(_id_of(session)):
                    self._fan.unsubscribe(topic, socket)
                    self._forget_stream(session, stream_id, rooms)

    def _forget_stream(self, session: Session, stream_id: str, rooms: Iterable[str]) -> None:
        if stream_id in session.view_ids:
            self._stop_watching(session, stream_id)
        for room_id in session.rooms.intersection(rooms):
            session.rooms.discard(room_id)
            self._presence.leave(room_id, session.person)

    def moved(self, shards: Collection[int]) -> None:
        """These shards have another owner: the counters among them are told how many watch here."""
        self._counters.moved(shards)

    def count_again(self, stream_id: str) -> None:
        """The stream's counter is new: tell it who watches here. Who is told twice counts once."""
        for socket in list(self._fan.sockets(STREAM + stream_id)):
            session: Session = socket.state
            view_id = session.view_ids.get(stream_id)
            if view_id is not None:
                self._counters.is_here(stream_id, self._came(session, view_id))

    def _unwatch(self, socket: Socket, session: Session, body: OfStream) -> Ack | Awaitable[Ack]:
        self._fan.unsubscribe(STREAM + body.stream_id, socket)  # which it may hear from its connection before this
        if body.stream_id not in session.view_ids:
            return self._unwatch_unwatched(session, body.stream_id)
        self._stop_watching(session, body.stream_id)
        return {"ok": True}

    async def _unwatch_unwatched(self, session: Session, stream_id: str) -> Ack:
        await self._streams.view(stream_id, viewer_id=_id_of(session))
        return {"ok": True}

    async def _refuse_unwatched(self, session: Session, stream_id: str) -> Ack:
        await self._streams.view(stream_id, viewer_id=_id_of(session))
        raise DomainError("not_watching", "Watch the stream first.", field="stream_id")

    def _stop_watching(self, session: Session, stream_id: str) -> None:
        view_id = session.view_ids.pop(stream_id)
        self._counters.left(stream_id, ViewerLeft(view_id=view_id, at=self._now().timestamp()))

    def _heartbeat(self, socket: Socket, session: Session, body: Heartbeat) -> Ack | Awaitable[Ack]:
        view_id = session.view_ids.get(body.stream_id)
        if view_id is None:
            return self._refuse_unwatched(session, body.stream_id)
        beat = ViewerBeat(
            view_id=view_id,
            at=self._now().timestamp(),
            stalled_ms=round(body.stalled_ms or 0),
            transport=body.rendition or "",
        )
        self._node.ref("viewers", body.stream_id).tell(beat)
        return {"ok": True}

    def _react(self, socket: Socket, session: Session, body: React) -> Ack | Awaitable[Ack]:
        person = session.require_person()
        if body.stream_id not in session.view_ids:
            return self._refuse_unwatched(session, body.stream_id)
        if not is_emoji(body.emoji):
            raise DomainError("invalid", "A reaction is one emoji.", field="emoji")
        view = self._streams.remembered(body.stream_id, viewer_id=person.id)
        role = role_of(person.id, session.roles, owner_id=view.owner.id if view is not None else "")
        at = self._node.clock.monotonic()
        self._rate_limits.consume("reaction", role, person.id, at=at)
        mirror = self._mirrors.get(view.room_id) if view is not None else None
        if mirror is None or not mirror.is_writer(person.id, at=at):
            return self._react_if_writer(session, body)
        return self._reacted(body)

    async def _react_if_writer(self, session: Session, body: React) -> Ack:
        """Whoever may not write in the room of the stream may not react either: the room is asked."""
        author = _author(session)
        view = await self._streams.view(body.stream_id, viewer_id=author.id)
        mirror = await self._mirrors.open(view.room_id)
        asked_at = mirror.ruled_at
        with contextlib.suppress(Unhandled):  # by a node of a version before, which lets everybody react
            await self._node.ref("chat", view.room_id).ask(JudgeWriter(author=author))
        if mirror.ruled_at == asked_at:
            mirror.note_writer(author.id, at=self._node.clock.monotonic())
        return self._reacted(body)

    def _reacted(self, body: React) -> Ack:
        self._streams.react(body.stream_id, body.emoji)
        return {"ok": True}

    # rooms

    def _join(self, socket: Socket, session: Session, body: Join) -> Ack | Awaitable[Ack]:
        found = self._at_hand(session, body.room_id)
        return self._join_now(socket, session, body, found) if found else self._join_later(socket, session, body)

    async def _join_later(self, socket: Socket, session: Session, body: Join) -> Ack:
        mirror = await self._known(session, body.room_id)
        self._require_open(socket)
        answer = self._join_now(socket, session, body, mirror)
        return answer if isinstance(answer, dict) else await answer

    def _join_now(self, socket: Socket, session: Session, body: Join, mirror: RoomMirror) -> Ack | Awaitable[Ack]:
        if body.since is None or body.since.epoch != mirror.epoch:
            return self._join_afresh(socket, session, mirror)
        if body.since.offset > mirror.offset:
            return self._join_ahead(socket, session, body.room_id, body.since)
        missed = mirror.since(body.since.offset)
        if missed is None:
            return self._catch_up(socket, session, mirror, body.since.offset)
        return self._caught_up(socket, session, mirror, missed)

    def _join_afresh(self, socket: Socket, session: Session, mirror: RoomMirror) -> Ack:
        self._enter(socket, session, mirror)
        return {"ok": True, **_room(mirror, socket.parser), "recovered": False}

    async def _join_ahead(self, socket: Socket, session: Session, room_id: str, since: RoomPosition) -> Ack:
        """On another node they have seen what this one is still to hear; or there never was so much."""
        await self._mirrors.reach(await self._mirrors.open(room_id), since.offset)
        mirror = await self._known(session, room_id)
        self._require_open(socket)
        if mirror.epoch != since.epoch or since.offset > mirror.offset:
            return self._join_afresh(socket, session, mirror)
        missed = mirror.since(since.offset)
        if missed is None:
            return await self._catch_up(socket, session, mirror, since.offset)
        return self._caught_up(socket, session, mirror, missed)

    def _at_hand(self, session: Session, room_id: str) -> RoomMirror | None:
        """As ``_known``, where that needs no waiting."""
        mirror = self._mirrors.get(room_id)
        if mirror is None or mirror.stream_id is None:
            return mirror
        try:
            view = self._streams.remembered(mirror.stream_id, viewer_id=_id_of(session))
        except DomainError:
            raise DomainError("not_found", "There is no such room.", field="room_id") from None
        return mirror if view is not None else None

    async def _known(self, session: Session, room_id: str) -> RoomMirror:
        """The room's feed, for those who may know of it: who may not know of its stream may not."""
        mirror = await self._mirrors.open(room_id)
        if mirror.stream_id is not None:
            try:
                await self._streams.view(mirror.stream_id, viewer_id=_id_of(session))
            except DomainError:
                raise DomainError("not_found", "There is no such room.", field="room_id") from None
        # Again, since it may have been replaced while the stream was asked for; the caller goes on in this very turn.
        return await self._mirrors.open(room_id)

    async def _catch_up(self, socket: Socket, session: Session, mirror: RoomMirror, since: int) -> Ack:
        """What was missed reaches further back than the feed does."""
        read = await self._log.since(mirror.room_id, since, limit=CATCH_UP)
        await self._known(session, mirror.room_id)
        # What the log has and the feed has not yet is still to come as an event, and only as that.
        page = [msgspec.to_builtins(message) for message in read if message.offset <= mirror.offset]
        newer = mirror.since(page[-1]["offset"]) if page else []
        self._require_open(socket)
        return self._caught_up(socket, session, mirror, page if newer is None else page + newer)

    def _caught_up(self, socket: Socket, session: Session, mirror: RoomMirror, missed: list[dict[str, Any]]) -> Ack:
        has_more = len(missed) > CATCH_UP or (bool(missed) and missed[-1]["offset"] < mirror.offset)
        held = missed[:CATCH_UP]
        offset = held[-1]["offset"] if held else mirror.offset
        answer = {"ok": True, "room_id": mirror.room_id, "epoch": mirror.epoch, "offset": offset, "messages": held}
        if has_more:
            return {**answer, "recovered": True, "more": True}
        self._enter(socket, session, mirror)
        return {**answer, "recovered": True, "mode": mirror.mode, "pinned": mirror.pinned}

    def _enter(self, socket: Socket, session: Session, mirror: RoomMirror) -> None:
        """In the turn of the answer, which holds the room up to the feed's offset."""
        topic = ROOM + mirror.room_id
        if mirror.room_id in session.rooms:
            self._fan.subscribe(topic, socket, after=(mirror.epoch, mirror.offset))
            return
        session.join(mirror.room_id)
        self._presence.enter(mirror.room_id, session.person)
        self._fan.subscribe(topic, socket)

    def _require_open(self, socket: Socket) -> None:
        if not socket.is_connected:
            raise DomainError("gone", "The connection has closed.")

    def _leave(self, socket: Socket, session: Session, body: OfRoom) -> Ack | Awaitable[Ack]:
        self._fan.unsubscribe(ROOM + body.room_id, socket)  # as in `_unwatch`
        if body.room_id not in session.rooms:
            return self._leave_unentered(session, body.room_id)
        session.rooms.discard(body.room_id)
        self._presence.leave(body.room_id, session.person)
        return {"ok": True}

    async def _leave_unentered(self, session: Session, room_id: str) -> Ack:
        await self._known(session, room_id)
        return {"ok": True}

    def _send(self, socket: Socket, session: Session, body: Send) -> PendingAck | Awaitable[Ack]:
        session.require_person()
        trace = self._traces.begin(is_wanted=session.is_followed)
        if trace is not None:
            return self._follow(self._post(session, body, trace), trace)
        if self._at_hand(session, body.room_id) is None:
            return self._post(session, body, None)
        answer = PendingAck()
        post = _post_of(session, body, None)
        self._node.ref("chat", body.room_id).ask_then(post, lambda outcome: _acknowledge(answer, outcome))
        return answer

    async def _follow(self, posting: Awaitable[Ack], trace: str) -> Ack:
        since = self._node.clock.monotonic()
        try:
            return {**await posting, "trace": trace}
        finally:
            self._traces.note(trace, SEND, since=since)

    async def _post(self, session: Session, body: Send, trace: str | None) -> Ack:
        await self._known(session, body.room_id)
        return _sent(await self._node.ref("chat", body.room_id).ask(_post_of(session, body, trace)))

    async def _history(self, socket: Socket, session: Session, body: History) -> Ack:
        await self._known(session, body.room_id)
        read = await self._log.history(body.room_id, before=body.before, limit=body.limit)
        return {"ok": True, "messages": [msgspec.to_builtins(message) for message in read]}

    # moderators

    async def _delete(self, socket: Socket, session: Session, body: OfMessage) -> Ack:
        return await self._moderate(session, body.room_id, DeleteChat(by=_author(session), message_id=body.message_id))

    async def _pin(self, socket: Socket, session: Session, body: Pin) -> Ack:
        return await self._moderate(session, body.room_id, PinChat(by=_author(session), message_id=body.message_id))

    async def _time_out(self, socket: Socket, session: Session, body: TimeOut) -> Ack:
        return await self._sanction(session, body, body.seconds)

    async def _ban(self, socket: Socket, session: Session, body: Ban) -> Ack:
        return await self._sanction(session, body, body.seconds)

    async def _unban(self, socket: Socket, session: Session, body: OfPerson) -> Ack:
        return await self._sanction(session, body, 0)

    async def _sanction(self, session: Session, body: OfPerson, seconds: int | None) -> Ack:
        reason = clean_line(body.reason)
        sanction = SanctionPerson(by=_author(session), user_id=body.user_id, seconds=seconds, reason=reason)
        return await self._moderate(session, body.room_id, sanction)

    async def _mode(self, socket: Socket, session: Session, body: Mode) -> Ack:
        changes = {
            name: value for name, value in msgspec.structs.asdict(body.mode).items() if value is not msgspec.UNSET
        }
        by = _author(session)
        await self._known(session, body.room_id)
        mode = await self._node.ref("chat", body.room_id).ask(SetChatMode(by=by, changes=changes))
        return {"ok": True, "mode": msgspec.to_builtins(mode)}

    async def _moderate(self, session: Session, room_id: str, message: Any) -> Ack:
        await self._known(session, room_id)
        await self._node.ref("chat", room_id).ask(message)
        return {"ok": True}

    # presence

    async def _present(self, socket: Socket, session: Session, body: ListPresent) -> Ack:
        await self._known(session, body.room_id)
        return await self._cluster_presence.of(body.room_id, asker_id=_id_of(session), limit=body.limit)


def _post_of(session: Session, body: Send, trace: str | None) -> PostChat:
    return PostChat(
        author=_author(session), text=body.text, client_id=body.client_id, reply_to=body.reply_to, trace=trace
    )


def _sent(posted: Posted) -> Ack:
    return {"ok": True, "id": posted.id, "offset": posted.offset, "epoch": posted.epoch}


def _acknowledge(answer: PendingAck, outcome: asyncio.Future[Posted]) -> None:
    error = outcome.exception()
    if error is None:
        answer.give(_sent(outcome.result()))
    elif isinstance(error, DomainError | ActorError):
        answer.give(refusal(error))
    else:
        answer.fail(error)


def _room(mirror: RoomMirror, parser: Parser) -> dict[str, Any]:
    """The last messages are encoded once for all who come in before the next one."""
    last = mirror.encoded.get(parser)
    if last is None:
        last = mirror.encoded[parser] = parser.part(mirror.tail(LAST_MESSAGES))
    return {
        "room_id": mirror.room_id,
        "epoch": mirror.epoch,
        "offset": mirror.offset,
        "messages": msgspec.Raw(last),
        "mode": mirror.mode,
        "pinned": mirror.pinned,
    }


def _author(session: Session) -> Author:
    person = session.require_person()
    return Author(id=person.id, username=person.username, display_name=person.display_name, roles=session.roles)


def _id_of(session: Session) -> str | None:
    return session.person.id if session.person is not None else None
