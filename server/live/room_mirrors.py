"""The mirrors of a node: one a room that its sockets are in, whatever their number.

A mirror shows the room up to an offset: what it holds was published to the node's sockets, what comes next will be. So
a socket that takes a snapshot and subscribes in the same turn of the loop misses nothing and gets nothing twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

import msgspec

from actors.chat_messages import LISTEN_S, ReadRoom
from actors.events import ChatChange, ChatForModerators, ChatPosted, LoggedMessage, RoomOpened
from actors.runtime import ActorError, ActorId, DomainError, Node, shard_of
from actors.session import Session
from server.live.edge.socket import Socket
from server.live.room_mirror import RoomMirror
from server.live.room_roles import MODERATORS, role_in
from server.live.room_subscriptions import RoomSubscriptions

MAX_MIRRORS = 1_000
MAX_LOOKED_AT = 64
MAX_HELD = 10_000
PAGE = 500
RETRIES = 10
"""How often a subscription that failed is tried again between two renewals."""
REPAIR_S = 0.2
MAX_REPAIR_S = 5.0
SHOWN_ANEW = 50
CHANGING = ("text", "edited_at", "reactions")
"""What a message may have another value of."""

log = logging.getLogger("server.mirrors")


class RoomPages(Protocol):
    """The durable log, read in pages, ascending."""

    async def since(self, room_id: str, offset: int, *, limit: int) -> Sequence[LoggedMessage]: ...


class TopicPublisher(Protocol):
    """The node's fan-out: publishes to the sockets that are subscribed to a topic."""

    def publish_messages(self, topic: str, room_id: str, epoch: str, messages: Sequence[dict[str, Any]], /) -> None: ...
    def publish(self, topic: str, event: str, payload: dict[str, Any], /) -> None: ...
    def sockets(self, topic: str, /) -> Iterable[Socket]: ...
    def count(self, topic: str, /) -> int:
        """The number of sockets that are subscribed to the topic."""


class RoomMirrors:
    """Beyond ``MAX_MIRRORS``, mirrors without subscribers are forgotten, oldest first."""

    def __init__(self, *, node: Node, pages: RoomPages, fan: TopicPublisher) -> None:
        self._node = node
        self._pages = pages
        self._fan = fan
        self._mirrors: OrderedDict[str, RoomMirror] = OrderedDict()
        self._opening: dict[str, asyncio.Task[RoomMirror]] = {}
        self._early: dict[str, list[ChatPosted | ChatChange | RoomOpened]] = {}
        self._void: dict[str, tuple[str, int]] = {}  # rooms of another log by now; where their readers stood
        self._rereading: set[asyncio.Task[None]] = set()
        self._subscriptions = RoomSubscriptions(node=node)
        self._renewing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Renew the node's subscriptions from here on."""
        self._renewing = asyncio.get_running_loop().create_task(self._renew(), name="renew subscriptions")

    async def close(self) -> None:
        """Renew and read nothing any more."""
        tasks = [mirror.repair for mirror in self._mirrors.values() if mirror.repair is not None]
        tasks += [self._renewing] if self._renewing is not None else []
        tasks += self._rereading
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def open(self, room_id: str) -> RoomMirror:
        """The room's mirror. One ask serves all who want it at the same time. Raises what the room answers."""
        mirror = self._mirrors.get(room_id)
        if mirror is not None:
            return mirror
        opening = self._opening.get(room_id)
        if opening is None:
            opening = asyncio.get_running_loop().create_task(self._ask(room_id), name=f"open {room_id}")
            self._opening[room_id] = opening
        return await asyncio.shield(opening)

    def get(self, room_id: str) -> RoomMirror | None:
        return self._mirrors.get(room_id)

    def streams(self) -> set[str]:
        """The streams whose rooms have a mirror here."""
        return {mirror.stream_id for mirror in self._mirrors.values() if mirror.stream_id is not None}

    def rooms_of(self, stream_id: str) -> list[str]:
        return [mirror.room_id for mirror in self._mirrors.values() if mirror.stream_id == stream_id]

    def private(self) -> list[str]:
        """The private rooms that have a mirror here."""
        return [mirror.room_id for mirror in self._mirrors.values() if mirror.is_private]

    def forget_writers(self, owner_id: str) -> None:
        """Who may write in the rooms of this owner is another question now."""
        for mirror in self._mirrors.values():
            if mirror.owner_id == owner_id:
                mirror.forget_writers()

    def rename_author(self, user_id: str, display_name: str) -> None:
        """The person has another display name, in what sockets get when they join too."""
        for mirror in self._mirrors.values():
            mirror.rename(user_id, display_name)

    def forget_author(self, user_id: str) -> None:
        """The account is deleted, and so are its messages in the mirrors; the sockets in those rooms are sent that."""
        for mirror in self._mirrors.values():
            for message in mirror.by(user_id):
                mirror.forget(message["id"])
                body = {"room_id": mirror.room_id, "id": message["id"], "offset": message["offset"], "by": user_id}
                self._fan.publish(mirror.topic, "chat:deleted", body)

    async def reach(self, mirror: RoomMirror, offset: int) -> None:
        """A client has seen the room up to ``offset`` on another node: what this node was not sent yet is read, as far
        as the log goes. Raises ``Unavailable``.
        """
        while mirror.offset < offset:
            page = await self._pages.since(mirror.room_id, mirror.offset, limit=PAGE)
            if not page:
                return
            self._publish(mirror, map(msgspec.to_builtins, page))

    def tell_moderators(self, event: ChatForModerators) -> None:
        """Send it to the room's moderators among the sockets that are in it, and to the person whom it concerns."""
        mirror = self._mirrors.get(event.room_id)
        if mirror is None:
            return
        for socket in list(self._fan.sockets(mirror.topic)):
            session: Session = socket.state
            person = None if session.is_overlay else session.person
            is_concerned = person is not None and person.id == event.user_id
            if is_concerned or role_in(mirror, session) in MODERATORS:
                socket.emit(event.event, event.body)

    def handle(self, event: ChatPosted | ChatChange | RoomOpened) -> None:
        """A live event of a room, from its actor. Events of rooms without a mirror here are passed over."""
        if event.room_id in self._opening:
            early = self._early.setdefault(event.room_id, [])
            if len(early) < MAX_HELD:
                early.append(event)
            return
        mirror = self._mirrors.get(event.room_id)
        if mirror is None:
            return
        if isinstance(event, ChatPosted):
            self._posted(mirror, event)
        elif isinstance(event, ChatChange):
            self._changed(mirror, event)
        else:
            self._opened(mirror, event)

    def moved(self, shards: Collection[int]) -> None:
        """These shards have another owner, whose rooms do not know that this node is subscribed."""
        for mirror in list(self._mirrors.values()):
            if shard_of(ActorId("chat", mirror.room_id)) in shards and self._has_subscribers(mirror):
                self._subscriptions.renew(mirror)

    def _has_subscribers(self, mirror: RoomMirror) -> bool:
        return self._fan.count(mirror.topic) > 0

    async def _renew(self) -> None:
        while True:
            for _ in range(RETRIES):
                await asyncio.sleep(LISTEN_S / 3 / RETRIES)
                for room_id in self._subscriptions.take_failed():
                    mirror = self._mirrors.get(room_id)
                    if mirror is not None and self._has_subscribers(mirror):
                        self._subscriptions.renew(mirror)
            for mirror in list(self._mirrors.values()):
                self._renew_or_forget(mirror)

    def _renew_or_forget(self, mirror: RoomMirror) -> None:
        """A mirror that had no subscriber the last time either goes: who opened it has subscribed by then."""
        if self._has_subscribers(mirror):
            mirror.is_unused = False
        elif mirror.is_unused:
            del self._mirrors[mirror.room_id]
            return
        else:
            mirror.is_unused = True
        self._subscriptions.renew(mirror)

    def _opened(self, mirror: RoomMirror, event: RoomOpened) -> None:
        """The room's actor is new, or knows more than this node: subscribe again, and read what is missing."""
        if event.epoch != mirror.epoch:
            self._begin_anew(mirror)
        elif event.offset > max(mirror.offset, mirror.top):
            mirror.top = event.offset
            self._start_mending(mirror)
        else:
            self._subscriptions.renew(mirror)

    def _start_mending(self, mirror: RoomMirror) -> None:
        if mirror.repair is None:
            mirror.repair = asyncio.get_running_loop().create_task(self._mend(mirror), name=f"mend {mirror.room_id}")

    async def _ask(self, room_id: str) -> RoomMirror:
        try:
            mirror = RoomMirror(await self._node.ref("chat", room_id).ask(ReadRoom(node=self._node.name)))
        finally:
            self._opening.pop(room_id, None)
            early = self._early.pop(room_id, [])
        self._mirrors[room_id] = mirror
        self._forget_unused()
        self._show_anew(mirror)
        for event in early:
            self.handle(event)
        return mirror

    def _begin_anew(self, mirror: RoomMirror) -> None:
        """Another log is under the room: what this node and its sockets know of it is void.

        The sockets are sent the end of the new log, by its name, and what follows it."""
        del self._mirrors[mirror.room_id]
        if not self._has_subscribers(mirror):
            return
        self._void[mirror.room_id] = mirror.epoch, mirror.offset
        task = asyncio.get_running_loop().create_task(
            self._read_anew(mirror.room_id), name=f"read {mirror.room_id} anew"
        )
        self._rereading.add(task)
        task.add_done_callback(self._rereading.discard)

    async def _read_anew(self, room_id: str) -> None:
        """Until it is done, here or by a socket that opens the room meanwhile."""
        pause_s = REPAIR_S
        while room_id in self._void:
            try:
                await self.open(room_id)
            except DomainError as refusal:
                log.warning("room %s cannot be read anew: %s", room_id, refusal)
                self._void.pop(room_id, None)
            except ActorError as error:
                log.info("room %s is not read anew yet: %s", room_id, error)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, MAX_REPAIR_S)

    def _show_anew(self, mirror: RoomMirror) -> None:
        known = self._void.pop(mirror.room_id, None)
        if known is None:
            return
        epoch, offset = known
        # The same log after all, named by an event that was late: nothing of it is shown twice.
        shown = mirror.tail(SHOWN_ANEW) if epoch != mirror.epoch else mirror.since(offset) or []
        self._fan.publish_messages(mirror.topic, mirror.room_id, mirror.epoch, shown)

    def _forget_unused(self) -> None:
        """Looks at a few, so that an opening costs the same however many mirrors there are. The newest are at the end:
        the sockets that opened them have yet to subscribe."""
        for _ in range(MAX_LOOKED_AT):
            if len(self._mirrors) <= MAX_MIRRORS:
                return
            room_id, mirror = next(iter(self._mirrors.items()))
            if self._has_subscribers(mirror):
                self._mirrors.move_to_end(room_id)
            else:
                del self._mirrors[room_id]

    def _posted(self, mirror: RoomMirror, event: ChatPosted) -> None:
        if event.epoch != mirror.epoch:
            self._begin_anew(mirror)
        elif mirror.repair is not None or event.messages[0]["offset"] > mirror.offset + 1:
            self._hold(mirror, event)
            mirror.top = max(mirror.top, event.messages[-1]["offset"])
            self._start_mending(mirror)
        else:
            self._publish(mirror, event.messages)

    def _hold(self, mirror: RoomMirror, event: ChatPosted | ChatChange) -> None:
        """What comes while a hole is mended waits behind it. Messages that find no place are read from the log."""
        if len(mirror.held) < MAX_HELD:
            mirror.held.append(event)

    def _publish(self, mirror: RoomMirror, messages: Iterable[dict[str, Any]]) -> None:
        new = mirror.extend(messages)
        if new:
            self._fan.publish_messages(mirror.topic, mirror.room_id, mirror.epoch, new)

    def _changed(self, mirror: RoomMirror, event: ChatChange) -> None:
        if mirror.repair is not None:
            self._hold(mirror, event)
        else:
            self._show_change(mirror, event)

    def _show_change(self, mirror: RoomMirror, event: ChatChange) -> None:
        if event.event == "chat:deleted":
            mirror.forget(event.body["id"])
        elif event.event == "chat:pinned":
            mirror.pinned = event.body["message"]
        elif event.event == "chat:mode":
            mirror.mode = event.body["mode"]
        elif event.event == "chat:cleared":
            mirror.clear(event.body["offset"], event.body["user_id"])
        elif event.event in ("chat:edited", "chat:reacted"):
            changes = {name: event.body[name] for name in CHANGING if name in event.body}
            mirror.change(event.body["id"], **changes)
        elif event.event == "chat:restored":
            mirror.restore(event.body["message"])
        elif event.event == "chat:role":
            mirror.set_role(event.body["user_id"], event.body["role"])
        if event.event in ("chat:mode", "chat:user_timed_out", "chat:role"):
            mirror.forget_writers()
        self._fan.publish(mirror.topic, event.event, event.body)

    async def _mend(self, mirror: RoomMirror) -> None:
        """Read the hole from the log before what follows it is shown, however long the log is away."""
        pause_s = REPAIR_S
        try:
            while self._mirrors.get(mirror.room_id) is mirror and not self._let_go(mirror):
                try:
                    page = await self._pages.since(mirror.room_id, mirror.offset, limit=PAGE)
                except ActorError as error:
                    log.warning("room %s: a hole after %d is not mended yet: %s", mirror.room_id, mirror.offset, error)
                    page = ()
                if page:
                    self._publish(mirror, map(msgspec.to_builtins, page))
                    continue
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, MAX_REPAIR_S)
        finally:
            mirror.repair = None
        self._subscriptions.renew(mirror)

    def _let_go(self, mirror: RoomMirror) -> bool:
        """Show what waits and joins on; whether there is no hole any more."""
        while mirror.held:
            event = mirror.held[0]
            if isinstance(event, ChatChange):
                self._show_change(mirror, event)
            elif event.messages[0]["offset"] <= mirror.offset + 1:
                self._publish(mirror, event.messages)
            else:
                return False
            mirror.held.popleft()
        return mirror.offset >= mirror.top
