"""Rooms over Socket.IO: joining, catching up, writing and reading back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any, Final, Protocol

import msgspec

from actors.chat_messages import PostChat, Posted
from actors.chat_rules import Author
from actors.events import Attachment, LoggedMessage, StreamView
from actors.presence import Presence
from actors.runtime import ActorError, DomainError, Node
from actors.session import Session
from server.live.acks import Ack, refusal
from server.live.bodies import History, Join, ListPresent, OfMessage, OfRoom, RoomPosition, Send
from server.live.edge.packet import Parser
from server.live.edge.pending_ack import PendingAck
from server.live.edge.socket import Socket
from server.live.edge.topic import without_author
from server.live.events import Done, Joined, PageOfMessages, PresentPeople, Sent
from server.live.presence import ClusterPresence
from server.live.room_mirror import RoomMirror, topic_of
from server.live.room_mirrors import RoomMirrors, RoomPages
from server.live.room_roles import role_in
from server.live.stream_directory import viewer_of
from server.live.viewings import Viewer
from server.socket_events import ClientEvent
from server.tracing import SEND, Traces

LAST_MESSAGES: Final = 50
CATCH_UP: Final = 500
MAX_READS: Final = 3
"""Of one page, while messages of the room are being deleted."""


Entered = Callable[[Socket, str], None]


class Fan(Protocol):
    """The node's fan-out, by topic."""

    def subscribe(
        self, topic: str, socket: Socket, *, after: tuple[str, int] | None = None, hiding: Collection[str] = ()
    ) -> None:
        """With `after`, nothing of the room that does not lie behind this (epoch, offset); nothing that the persons in
        `hiding` write."""

    def hide(self, topic: str, socket: Socket, authors: Collection[str]) -> None: ...

    def unsubscribe(self, topic: str, socket: Socket) -> None: ...
    def unsubscribe_all(self, socket: Socket) -> None: ...
    def close_to(self, topic: str, *, but: Callable[[str | None], bool]) -> None: ...
    def sockets(self, topic: str) -> Iterable[Socket]: ...


class RoomLog(RoomPages, Protocol):
    async def history(self, room_id: str, *, before: int | None, limit: int) -> Sequence[LoggedMessage]: ...
    async def thread(self, room_id: str, message_id: str) -> Sequence[LoggedMessage]: ...


class VisibleStreams(Protocol):
    """A person who may see a stream may see its room. Both raise ``DomainError("not_found")`` for others."""

    async def view(self, stream_id: str, *, viewer: Viewer) -> StreamView: ...
    def remembered(self, stream_id: str, *, viewer: Viewer) -> StreamView | None: ...


class RoomMembers(Protocol):
    """Who may read a private room, and whose messages a member is not shown there."""

    def known_members(self, room_id: str) -> Collection[str] | None:
        """None when ``members`` must come first."""

    async def members(self, room_id: str) -> Collection[str]: ...
    def known_blocked(self, person_id: str) -> Collection[str] | None:
        """Whom a person blocks; None when ``blocked`` must come first."""

    async def blocked(self, person_id: str) -> Collection[str]: ...


class Attachments(Protocol):
    """What is attached to messages of private rooms."""

    async def attach(self, person_id: str, body: Send) -> tuple[Attachment, ...]:
        """Use a member's uploads for a message of theirs, which is about to be posted. Repeated for the same message,
        the answer is the same. Raises ``DomainError`` for what cannot be attached.
        """


class Rooms:
    """Who is in which room on this node, and the events of it."""

    def __init__(
        self,
        *,
        node: Node,
        fan: Fan,
        mirrors: RoomMirrors,
        log: RoomLog,
        streams: VisibleStreams,
        members: RoomMembers,
        attachments: Attachments,
        presence: Presence,
        cluster_presence: ClusterPresence,
        traces: Traces,
    ) -> None:
        self._node = node
        self._fan = fan
        self._mirrors = mirrors
        self._log = log
        self._streams = streams
        self._members = members
        self._attachments = attachments
        self._presence = presence
        self._cluster_presence = cluster_presence
        self._traces = traces
        self._entered: Sequence[Entered] = ()

    def on_entered(self, calls: Sequence[Entered]) -> None:
        """Have each called with a socket that is in a room from now on, and the room's id. None may raise or wait."""
        self._entered = calls

    def events(self) -> Sequence[ClientEvent]:
        return [
            ClientEvent(
                name="chat:join", shape=Join, ack=Joined, handler=self._join, sender="anyone",
                is_for_overlays=True, summary="Join a room; with `since`, what was missed",
            ),
            ClientEvent(
                name="chat:leave", shape=OfRoom, ack=Done, handler=self._leave, sender="anyone",
                summary="Leave a room",
            ),
            ClientEvent(
                name="chat:send", shape=Send, ack=Sent, handler=self._send,
                summary="Write a message; acknowledged when it is durable",
            ),
            ClientEvent(
                name="chat:history", shape=History, ack=PageOfMessages, handler=self._history, sender="anyone",
                summary="Messages before an offset",
            ),
            ClientEvent(
                name="chat:thread", shape=OfMessage, ack=PageOfMessages, handler=self._thread, sender="anyone",
                summary="The message that a message answers in the end, and all replies: the first 200",
            ),
            ClientEvent(
                name="presence:list", shape=ListPresent, ack=PresentPeople, handler=self._present, sender="anyone",
                summary="Who is in a room",
            ),
        ]  # fmt: skip

    def closed(self, session: Session) -> None:
        """The session's socket has gone: it is in no room any more."""
        for room_id in session.rooms:
            self._leave_presence(session, room_id)

    def left(self, session: Session, room_id: str) -> None:
        """Of a room that the session is in."""
        session.rooms.discard(room_id)
        self._leave_presence(session, room_id)

    async def members_changed(self, room_id: str) -> None:
        """Take the sockets out of a private room whose persons are its members no longer. Raises ``Unavailable``."""
        members, topic = await self._members.members(room_id), topic_of(room_id)
        for socket in [one for one in self._fan.sockets(topic) if id_of(one.state) not in members]:
            self._fan.unsubscribe(topic, socket)
            self.left(socket.state, room_id)

    async def blocks_changed(self, person_id: str) -> None:
        """The person blocks others than before: in private rooms they are shown what those write, or no longer. Raises
        ``Unavailable``.
        """
        blocked = await self._members.blocked(person_id)
        for topic in map(topic_of, self._mirrors.private()):
            for socket in [one for one in self._fan.sockets(topic) if id_of(one.state) == person_id]:
                self._fan.hide(topic, socket, blocked)

    def _hidden(self, session: Session, mirror: RoomMirror) -> Collection[str]:
        """Whose messages the session's person is not shown in the room, which is ``known``."""
        person_id = id_of(session)
        return (self._members.known_blocked(person_id) or ()) if mirror.is_private and person_id is not None else ()

    def _leave_presence(self, session: Session, room_id: str) -> None:
        if not session.is_overlay:
            self._presence.leave(room_id, session.person)

    def rename(self, person_id: str, display_name: str) -> None:
        self._presence.rename(person_id, display_name)

    def _join(self, socket: Socket, session: Session, body: Join) -> Ack | Awaitable[Ack]:
        mirror = self._at_hand(session, body.room_id)
        return (
            self._join_later(socket, session, body) if mirror is None else self._join_now(socket, session, body, mirror)
        )

    async def _join_later(self, socket: Socket, session: Session, body: Join) -> Ack:
        mirror = await self.known(session, body.room_id)
        require_open(socket)
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
        self.enter(socket, session, mirror)
        state = room_state(mirror, socket.parser, session)
        if hidden := self._hidden(session, mirror):
            state["messages"] = _shown(mirror.tail(LAST_MESSAGES), hidden)
        return {"ok": True, **state, "recovered": False}

    async def _join_ahead(self, socket: Socket, session: Session, room_id: str, since: RoomPosition) -> Ack:
        """The client has seen on another node what this one was not sent yet; or there never was so much."""
        await self._mirrors.reach(await self._mirrors.open(room_id), since.offset)
        mirror = await self.known(session, room_id)
        require_open(socket)
        if mirror.epoch != since.epoch or since.offset > mirror.offset:
            return self._join_afresh(socket, session, mirror)
        missed = mirror.since(since.offset)
        if missed is None:
            return await self._catch_up(socket, session, mirror, since.offset)
        return self._caught_up(socket, session, mirror, missed)

    def _at_hand(self, session: Session, room_id: str) -> RoomMirror | None:
        """As ``known``, where that needs no waiting."""
        mirror = self._mirrors.get(room_id)
        if mirror is not None:
            _require_own(session, mirror)
        if mirror is not None and mirror.is_private:
            members = self._members.known_members(room_id)
            if members is None or self._members.known_blocked(id_of(session) or "") is None:
                return None
            return _for_member(session, mirror, members)
        if mirror is None or mirror.stream_id is None:
            return mirror
        try:
            view = self._streams.remembered(mirror.stream_id, viewer=viewer_of(session, mirror.stream_id))
        except DomainError:
            raise DomainError("not_found", "There is no such room.", field="room_id") from None
        return mirror if view is not None else None

    async def known(self, session: Session, room_id: str) -> RoomMirror:
        """The room's mirror, for a person who may see its stream or is its member; ``not_found`` for others."""
        mirror = await self._mirrors.open(room_id)
        _require_own(session, mirror)
        if mirror.is_private:
            _for_member(session, mirror, await self._members.members(room_id))
            await self._members.blocked(id_of(session) or "")
        if mirror.stream_id is not None:
            try:
                await self._streams.view(mirror.stream_id, viewer=viewer_of(session, mirror.stream_id))
            except DomainError:
                raise DomainError("not_found", "There is no such room.", field="room_id") from None
        # Again, since it may have been replaced while the stream was asked for; the caller goes on in this very turn.
        return await self._mirrors.open(room_id)

    async def _catch_up(self, socket: Socket, session: Session, mirror: RoomMirror, since: int) -> Ack:
        """What was missed reaches further back than the mirror does."""
        read = await self._read(session, mirror, lambda: self._log.since(mirror.room_id, since, limit=CATCH_UP))
        # What the log has and the mirror has not yet is still to come as an event, and only as that.
        page = [msgspec.to_builtins(message) for message in read if message.offset <= mirror.offset]
        newer = mirror.since(page[-1]["offset"]) if page else []
        require_open(socket)
        return self._caught_up(socket, session, mirror, page if newer is None else page + newer)

    def _caught_up(self, socket: Socket, session: Session, mirror: RoomMirror, missed: list[dict[str, Any]]) -> Ack:
        has_more = len(missed) > CATCH_UP or (bool(missed) and missed[-1]["offset"] < mirror.offset)
        held = _shown(missed[:CATCH_UP], self._hidden(session, mirror))
        offset = held[-1]["offset"] if held else mirror.offset
        answer = {"ok": True, "room_id": mirror.room_id, "epoch": mirror.epoch, "offset": offset, "messages": held}
        if has_more:
            return {**answer, "recovered": True, "more": True}
        self.enter(socket, session, mirror)
        role = role_in(mirror, session)
        return {**answer, "recovered": True, "mode": mirror.mode, "pinned": mirror.pinned, "role": role}

    def enter(self, socket: Socket, session: Session, mirror: RoomMirror) -> None:
        """In the turn of the answer, which holds the room up to the mirror's offset."""
        if mirror.room_id in session.rooms:
            after = mirror.epoch, mirror.offset
            self._fan.subscribe(mirror.topic, socket, after=after, hiding=self._hidden(session, mirror))
            return
        session.join(mirror.room_id)
        if not session.is_overlay:
            self._presence.enter(mirror.room_id, session.person)
        self._fan.subscribe(mirror.topic, socket, hiding=self._hidden(session, mirror))
        for entered in self._entered:
            entered(socket, mirror.room_id)

    def _leave(self, socket: Socket, session: Session, body: OfRoom) -> Ack | Awaitable[Ack]:
        self._fan.unsubscribe(topic_of(body.room_id), socket)  # as in `_unwatch`
        if body.room_id not in session.rooms:
            return self._leave_unentered(session, body.room_id)
        self.left(session, body.room_id)
        return {"ok": True}

    async def _leave_unentered(self, session: Session, room_id: str) -> Ack:
        await self.known(session, room_id)
        return {"ok": True}

    def _send(self, socket: Socket, session: Session, body: Send) -> PendingAck | Awaitable[Ack]:
        session.require_person()
        trace = self._traces.begin(is_wanted=session.is_followed)
        if trace is not None:
            return self._follow(self._post(session, body, trace), trace)
        if body.attachments or self._at_hand(session, body.room_id) is None:
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
        mirror = await self.known(session, body.room_id)
        post = _post_of(session, body, trace)
        if body.attachments:
            attached = await self._attach(mirror, post.author.id, body)
            post = msgspec.structs.replace(post, attachments=attached)
        return sent(await self._node.ref("chat", body.room_id).ask(post))

    async def _attach(self, mirror: RoomMirror, person_id: str, body: Send) -> tuple[Attachment, ...]:
        if not mirror.is_private:
            raise DomainError("invalid", "Attachments are for conversations.", field="attachments")
        return await self._attachments.attach(person_id, body)

    async def _history(self, socket: Socket, session: Session, body: History) -> Ack:
        mirror = await self.known(session, body.room_id)
        read = await self._read(
            session, mirror, lambda: self._log.history(body.room_id, before=body.before, limit=body.limit)
        )
        return self._page(session, mirror, read)

    async def _thread(self, socket: Socket, session: Session, body: OfMessage) -> Ack:
        mirror = await self.known(session, body.room_id)
        read = await self._read(session, mirror, lambda: self._log.thread(body.room_id, body.message_id))
        if not read:
            raise DomainError("not_found", "There is no such message.", field="message_id")
        return self._page(session, mirror, read)

    def _page(self, session: Session, mirror: RoomMirror, read: Sequence[LoggedMessage]) -> Ack:
        messages = [msgspec.to_builtins(message) for message in read]
        return {"ok": True, "messages": _shown(messages, self._hidden(session, mirror))}

    async def _read(
        self, session: Session, mirror: RoomMirror, read: Callable[[], Awaitable[Sequence[LoggedMessage]]]
    ) -> Sequence[LoggedMessage]:
        """A page of the log without a message that was deleted, as the room's sockets were told, while it was read."""
        for _ in range(MAX_READS):
            deletions = mirror.deletions
            page = await read()
            await self.known(session, mirror.room_id)
            if mirror.deletions == deletions:
                break
        return page

    async def _present(self, socket: Socket, session: Session, body: ListPresent) -> Ack:
        await self.known(session, body.room_id)
        return await self._cluster_presence.of(
            body.room_id, asker_id=id_of(session), limit=body.limit, after=body.cursor or ""
        )


def _shown(messages: list[dict[str, Any]], hidden: Collection[str]) -> list[dict[str, Any]]:
    return [dict(without_author(one, hidden)) for one in messages] if hidden else messages


def _require_own(session: Session, mirror: RoomMirror) -> None:
    """An overlay is let into its person's own rooms alone."""
    if session.is_overlay and mirror.owner_id != id_of(session):
        raise DomainError("not_found", "There is no such room.", field="room_id")


def _for_member(session: Session, mirror: RoomMirror, members: Collection[str]) -> RoomMirror:
    if id_of(session) not in members:
        raise DomainError("not_found", "There is no such room.", field="room_id")
    return mirror


def require_open(socket: Socket) -> None:
    """Raises ``DomainError("gone")``: what was awaited for may have outlived the connection."""
    if not socket.is_connected:
        raise DomainError("gone", "The connection has closed.")


def _post_of(session: Session, body: Send, trace: str | None) -> PostChat:
    return PostChat(
        author=author_of(session), text=body.text, client_id=body.client_id, reply_to=body.reply_to, trace=trace
    )


def sent(posted: Posted) -> Ack:
    if posted.is_held:
        return {"ok": True, "held": True, "id": posted.id}
    return {"ok": True, "id": posted.id, "offset": posted.offset, "epoch": posted.epoch}


def _acknowledge(answer: PendingAck, outcome: asyncio.Future[Posted]) -> None:
    error = outcome.exception()
    if error is None:
        answer.give(sent(outcome.result()))
    elif isinstance(error, DomainError | ActorError):
        answer.give(refusal(error))
    else:
        answer.fail(error)


def room_state(mirror: RoomMirror, parser: Parser, session: Session) -> dict[str, Any]:
    """As the session's person is shown it. The last messages are encoded once for all who come before the next."""
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
        "role": role_in(mirror, session),
    }


def author_of(session: Session) -> Author:
    person = session.require_person()
    return Author(id=person.id, username=person.username, display_name=person.display_name, roles=session.roles)


def id_of(session: Session) -> str | None:
    return session.person.id if session.person is not None else None
