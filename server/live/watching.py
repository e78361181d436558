"""Watching a stream over Socket.IO: being counted, hearing of the stream and its room, reacting."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from actors.chat_messages import JudgeWriter
from actors.emoji import is_emoji
from actors.events import StreamView
from actors.rate_limits import RateLimits, role_of
from actors.runtime import DomainError, Node, Unhandled
from actors.session import Session
from actors.viewers_messages import ViewerBeat, ViewerCame, ViewerLeft
from server.live.acks import Ack
from server.live.bodies import Heartbeat, OfStream, React, Watch
from server.live.counters import LocalViewers
from server.live.edge.socket import Socket
from server.live.events import Done, Watched
from server.live.room_mirror import RoomMirror, topic_of
from server.live.room_mirrors import RoomMirrors
from server.live.rooms import Fan, Rooms, author_of, id_of, require_open, room_state
from server.live.stream_directory import viewer_of
from server.live.viewings import MaySee, Viewer
from server.socket_events import ClientEvent
from storage.ids import made_at

STREAM: Final = "stream:"
MAX_LATENCY_MS: Final = 3_600_000

WhenWatched = Callable[[Session, StreamView, Watch], None]
"""A socket begins to watch a stream, with what it has sent for that."""


class Streams(Protocol):
    """What watching needs of the streams."""

    async def view(self, stream_id: str, *, viewer: Viewer) -> StreamView:
        """Raises ``DomainError("not_found")`` for what the viewer may not know of."""

    def seen(self, stream_id: str, *, viewer: Viewer) -> StreamView | None:
        """As ``view``, without waiting; None when it has to be asked for."""

    def remembered(self, stream_id: str, *, viewer: Viewer) -> StreamView | None:
        """As ``seen``, for who does not ask for the counts."""

    def guest_of(self, stream_id: str, access: str) -> str | None:
        """The id of the guest whom a password has made known to the stream; None for what does not say so."""

    def shown_to(self, view: StreamView, viewer: Viewer) -> dict[str, Any]: ...
    def react(self, stream_id: str, emoji: str) -> None: ...


class Watching:
    """Who watches what on this node, and the events of it."""

    def __init__(
        self,
        *,
        node: Node,
        fan: Fan,
        streams: Streams,
        mirrors: RoomMirrors,
        rooms: Rooms,
        rate_limits: RateLimits,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self._node = node
        self._fan = fan
        self._streams = streams
        self._mirrors = mirrors
        self._rooms = rooms
        self._rate_limits = rate_limits
        self._new_id = new_id
        self._now = now
        self._counters = LocalViewers(node=node)
        self._watched: Sequence[WhenWatched] = ()

    def on_watched(self, calls: Sequence[WhenWatched]) -> None:
        """Each is called when a socket begins to watch a stream; none may raise or wait."""
        self._watched = calls

    def events(self) -> Sequence[ClientEvent]:
        return [
            ClientEvent(
                name="stream:watch", shape=Watch, ack=Watched, handler=self._watch, sender="anyone",
                summary="Be counted as a viewer; hear of the stream and its room",
            ),
            ClientEvent(
                name="stream:unwatch", shape=OfStream, ack=Done, handler=self._unwatch, sender="anyone",
                summary="Watch no more",
            ),
            ClientEvent(
                name="stream:heartbeat", shape=Heartbeat, ack=Done, handler=self._heartbeat, sender="anyone",
                summary="Every 10 s while watching: watch time and quality",
            ),
            ClientEvent(
                name="stream:react", shape=React, ack=Done, handler=self._react,
                summary="A reaction that all viewers are shown",
            ),
        ]  # fmt: skip

    def closed(self, session: Session) -> None:
        """The session's socket has gone: it watches nothing any more."""
        for stream_id in list(session.view_ids):
            self._stop_watching(session, stream_id)

    def _watch(self, socket: Socket, session: Session, body: Watch) -> Ack | Awaitable[Ack]:
        if body.access is not None and session.person is None:
            session.know_guest(body.stream_id, self._streams.guest_of(body.stream_id, body.access))
        view = self._streams.seen(body.stream_id, viewer=viewer_of(session, body.stream_id))
        mirror = self._mirrors.get(view.room_id) if view is not None else None
        if view is None or mirror is None:
            return self._watch_later(socket, session, body)
        return self._watch_now(socket, session, body, view, mirror)

    async def _watch_later(self, socket: Socket, session: Session, body: Watch) -> Ack:
        view = await self._streams.view(body.stream_id, viewer=viewer_of(session, body.stream_id))
        await self._mirrors.open(view.room_id)
        # Again, since a right may have ended meanwhile; what is at hand is answered in this very turn.
        view = await self._streams.view(body.stream_id, viewer=viewer_of(session, body.stream_id))
        mirror = await self._mirrors.open(view.room_id)
        require_open(socket)
        return self._watch_now(socket, session, body, view, mirror)

    def _watch_now(self, socket: Socket, session: Session, body: Watch, view: StreamView, mirror: RoomMirror) -> Ack:
        """In one turn: what the answer holds and what the events say must meet without a gap."""
        if view.id not in session.view_ids:
            self._start_watching(session, view, body)
        self._fan.subscribe(STREAM + view.id, socket)
        self._rooms.enter(socket, session, mirror)
        return {
            "ok": True,
            "stream": self._streams.shown_to(view, viewer_of(session, view.id)),
            "room": room_state(mirror, socket.parser, session),
        }

    def _start_watching(self, session: Session, view: StreamView, body: Watch) -> None:
        view_id = self._new_id()
        session.watch(view.id, view_id)
        self._counters.came(view.id, self._came(session, view_id))
        for call in self._watched:
            call(session, view, body)

    def _came(self, session: Session, view_id: str) -> ViewerCame:
        return ViewerCame(
            view_id=view_id,
            viewer=session.viewer,
            user_id=id_of(session),
            at=self._now().timestamp(),
            since=made_at(view_id),
            node=self._node.name,
        )

    def streams(self) -> set[str]:
        """Those that have viewers here, or sockets in their room."""
        return {*self._counters.watched, *self._mirrors.streams()}

    def viewers(self, stream_id: str) -> set[Viewer]:
        """At the sockets that watch the stream or are in its room."""
        topics = (STREAM + stream_id, *map(topic_of, self._mirrors.rooms_of(stream_id)))
        return {viewer_of(socket.state, stream_id) for topic in topics for socket in self._fan.sockets(topic)}

    def evict(self, stream_id: str, may_see: MaySee) -> None:
        """Sockets of people who may not see the stream leave its topic and its room."""
        rooms = self._mirrors.rooms_of(stream_id)
        for topic in (STREAM + stream_id, *map(topic_of, rooms)):
            self._fan.close_to(topic, but=lambda owner_id: may_see(Viewer(id=owner_id)))
            for socket in list(self._fan.sockets(topic)):
                session: Session = socket.state
                if not may_see(viewer_of(session, stream_id)):
                    self._fan.unsubscribe(topic, socket)
                    self._forget_stream(session, stream_id, rooms)

    def _forget_stream(self, session: Session, stream_id: str, rooms: Iterable[str]) -> None:
        if stream_id in session.view_ids:
            self._stop_watching(session, stream_id)
        for room_id in session.rooms.intersection(rooms):
            self._rooms.left(session, room_id)

    def moved(self, shards: Collection[int]) -> None:
        """These shards have another owner: send the counters among them how many viewers this node has."""
        self._counters.moved(shards)

    def count_again(self, stream_id: str) -> None:
        """The stream's counter is new: send it the views of this node. A view that is sent twice counts once."""
        for socket in list(self._fan.sockets(STREAM + stream_id)):
            session: Session = socket.state
            view_id = session.view_ids.get(stream_id)
            if view_id is not None:
                self._counters.is_here(stream_id, self._came(session, view_id))

    def _unwatch(self, socket: Socket, session: Session, body: OfStream) -> Ack | Awaitable[Ack]:
        self._fan.unsubscribe(STREAM + body.stream_id, socket)  # it may be subscribed by an earlier connection
        if body.stream_id not in session.view_ids:
            # Refused to a person who may not see the stream; this node's memory answers where it can, without an ask.
            view = self._streams.remembered(body.stream_id, viewer=viewer_of(session, body.stream_id))
            return {"ok": True} if view is not None else self._unwatch_unwatched(session, body.stream_id)
        self._stop_watching(session, body.stream_id)
        return {"ok": True}

    async def _unwatch_unwatched(self, session: Session, stream_id: str) -> Ack:
        await self._streams.view(stream_id, viewer=viewer_of(session, stream_id))
        return {"ok": True}

    async def _refuse_unwatched(self, session: Session, stream_id: str) -> Ack:
        await self._streams.view(stream_id, viewer=viewer_of(session, stream_id))
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
            latency_ms=None if body.latency_ms is None else min(round(body.latency_ms), MAX_LATENCY_MS),
        )
        self._node.ref("viewers", body.stream_id).tell(beat)
        return {"ok": True}

    def _react(self, socket: Socket, session: Session, body: React) -> Ack | Awaitable[Ack]:
        person = session.require_person()
        if body.stream_id not in session.view_ids:
            return self._refuse_unwatched(session, body.stream_id)
        if not is_emoji(body.emoji):
            raise DomainError("invalid", "A reaction is one emoji.", field="emoji")
        view = self._streams.remembered(body.stream_id, viewer=viewer_of(session, body.stream_id))
        role = role_of(person.id, session.roles, owner_id=view.owner.id if view is not None else "")
        at = self._node.clock.monotonic()
        self._rate_limits.consume("reaction", role, person.id, at=at)
        mirror = self._mirrors.get(view.room_id) if view is not None else None
        if mirror is None or not mirror.is_writer(person.id, at=at):
            return self._react_if_writer(session, body)
        return self._reacted(body)

    async def _react_if_writer(self, session: Session, body: React) -> Ack:
        """A person who may not write in the stream's room may not react either: the room's actor judges."""
        author = author_of(session)
        view = await self._streams.view(body.stream_id, viewer=viewer_of(session, body.stream_id))
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
