"""What this node knows of the rooms that its sockets are in: one feed a room, whatever the number of its readers.

A feed mirrors the room up to an offset: what it holds was published to the node's sockets, what comes next will be.
So a socket that takes a snapshot and subscribes in the same turn of the loop misses nothing and gets nothing twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

import msgspec

from actors.chat_messages import LISTEN_S, RECENT, KeepListening, ReadRoom, RoomSnapshot
from actors.events import ChatChanged, ChatPosted, LoggedMessage, RoomOpened
from actors.runtime import ActorError, ActorId, DomainError, Node, shard_of

MAX_FEEDS = 1_000
MAX_LOOKED_AT = 64
MAX_HELD = 10_000
PAGE = 500
RETELLS = 10
"""How often, while nothing is renewed, rooms are told again that they are heard which could not be told."""
REPAIR_S = 0.2
MAX_REPAIR_S = 5.0
SHOWN_ANEW = 50
WRITER_S = 1.0
MAX_WRITERS = 10_000

log = logging.getLogger("server.feed")


class RoomPages(Protocol):
    """The durable log, read in pages, ascending."""

    async def since(self, room_id: str, offset: int, *, limit: int) -> Sequence[LoggedMessage]: ...


class RoomFan(Protocol):
    """Where a feed publishes: to every socket of the node that is in the room."""

    def publish_messages(self, room_id: str, *, epoch: str, messages: Sequence[dict[str, Any]]) -> None: ...
    def publish_change(self, room_id: str, event: str, body: dict[str, Any]) -> None: ...
    def is_heard(self, room_id: str) -> bool: ...


class Feed:
    """One room as its sockets know it. ``recent`` holds wire-ready messages, ascending, without a gap."""

    def __init__(self, snapshot: RoomSnapshot) -> None:
        self.room_id = snapshot.room_id
        self.stream_id = snapshot.stream_id
        self.owner_id = snapshot.owner_id
        self.epoch = snapshot.epoch
        self.offset = snapshot.offset
        self.mode: dict[str, Any] = msgspec.to_builtins(snapshot.mode)
        self.pinned = snapshot.pinned
        self.recent: deque[dict[str, Any]] = deque(snapshot.messages, maxlen=RECENT)
        self.held: deque[ChatPosted | ChatChanged] = deque()
        self.top = snapshot.offset
        self.is_unheard = False
        self.repair: asyncio.Task[None] | None = None
        self.ruled_at = 0
        self._writers: dict[str, float] = {}
        self.encoded: dict[Any, bytes] = {}  # the tail, for each way of writing it; empty when it has changed

    def tail(self, limit: int) -> list[dict[str, Any]]:
        """The latest ``limit`` messages."""
        return list(self.recent)[-limit:] if limit > 0 else []

    def since(self, offset: int) -> list[dict[str, Any]] | None:
        """Everything after ``offset``, or None when that reaches further back than the feed does."""
        if offset >= self.offset:
            return []
        if not self.recent or self.recent[0]["offset"] > offset + 1:
            return None
        return list(self.recent)[offset - self.offset :]

    def extend(self, messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Take what is new, in order; what of it was new."""
        new = [message for message in messages if message["offset"] > self.offset]
        if new:
            self.encoded.clear()
            self.recent.extend(new)
            self.offset = new[-1]["offset"]
        return new

    def is_writer(self, person_id: str, *, at: float) -> bool:
        """Whether the room has said within ``WRITER_S`` that this person may write, and no rule changed since."""
        return self._writers.get(person_id, 0.0) > at

    def note_writer(self, person_id: str, *, at: float) -> None:
        if len(self._writers) >= MAX_WRITERS:
            self._writers.clear()
        self._writers[person_id] = at + WRITER_S

    def forget_writers(self) -> None:
        """Who may write here has changed: ``ruled_at`` counts how often."""
        self.ruled_at += 1
        self._writers.clear()

    def by(self, user_id: str) -> list[dict[str, Any]]:
        """What is here of this person's messages."""
        return [message for message in self.recent if message.get("user", {}).get("id") == user_id]

    def rename(self, user_id: str, display_name: str) -> None:
        """The person is called otherwise, in what they have written too. What was given out before stays as it was."""
        self.encoded.clear()
        self.recent = deque((_renamed(one, user_id, display_name) for one in self.recent), maxlen=RECENT)
        if self.pinned is not None:
            self.pinned = _renamed(self.pinned, user_id, display_name)

    def forget(self, message_id: str) -> None:
        """A message was deleted: its place stays."""
        self.encoded.clear()
        for index, message in enumerate(self.recent):
            if message["id"] == message_id:
                self.recent[index] = {"id": message_id, "offset": message["offset"], "deleted": True}


def _renamed(message: dict[str, Any], user_id: str, display_name: str) -> dict[str, Any]:
    user = message.get("user")
    if user is None or user["id"] != user_id:
        return message
    return {**message, "user": {**user, "display_name": display_name}}


class Feeds:
    """The feeds of one node. Beyond ``MAX_FEEDS``, rooms nobody hears any more are forgotten, oldest first."""

    def __init__(self, *, node: Node, pages: RoomPages, fan: RoomFan) -> None:
        self._node = node
        self._pages = pages
        self._fan = fan
        self._feeds: OrderedDict[str, Feed] = OrderedDict()
        self._opening: dict[str, asyncio.Task[Feed]] = {}
        self._early: dict[str, list[ChatPosted | ChatChanged | RoomOpened]] = {}
        self._void: dict[str, tuple[str, int]] = {}  # rooms of another log by now; where their readers stood
        self._rereading: set[asyncio.Task[None]] = set()
        self._untold: set[str] = set()
        self._renewing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """From here on rooms are told that this node still listens."""
        self._renewing = asyncio.get_running_loop().create_task(self._renew(), name="listen on")

    async def close(self) -> None:
        """Hear no more."""
        tasks = [feed.repair for feed in self._feeds.values() if feed.repair is not None]
        tasks += [self._renewing] if self._renewing is not None else []
        tasks += self._rereading
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def open(self, room_id: str) -> Feed:
        """The room's feed, asked for once however many want it. Raises what the room answers."""
        feed = self._feeds.get(room_id)
        if feed is not None:
            return feed
        opening = self._opening.get(room_id)
        if opening is None:
            opening = asyncio.get_running_loop().create_task(self._ask(room_id), name=f"open {room_id}")
            self._opening[room_id] = opening
        return await asyncio.shield(opening)

    def get(self, room_id: str) -> Feed | None:
        return self._feeds.get(room_id)

    def streams(self) -> set[str]:
        """Whose rooms have a feed here."""
        return {feed.stream_id for feed in self._feeds.values() if feed.stream_id is not None}

    def rooms_of(self, stream_id: str) -> list[str]:
        return [feed.room_id for feed in self._feeds.values() if feed.stream_id == stream_id]

    def forget_writers(self, owner_id: str) -> None:
        """Who may write in the rooms of this owner is another question now."""
        for feed in self._feeds.values():
            if feed.owner_id == owner_id:
                feed.forget_writers()

    def rename_author(self, user_id: str, display_name: str) -> None:
        """This person is called otherwise from now on, in what whoever comes in is given too."""
        for feed in self._feeds.values():
            feed.rename(user_id, display_name)

    def forget_author(self, user_id: str) -> None:
        """This person's account is deleted: what is remembered of their messages is, and their readers are told."""
        for feed in self._feeds.values():
            for message in feed.by(user_id):
                feed.forget(message["id"])
                body = {"room_id": feed.room_id, "id": message["id"], "offset": message["offset"], "by": user_id}
                self._fan.publish_change(feed.room_id, "chat:deleted", body)

    async def reach(self, feed: Feed, offset: int) -> None:
        """Somebody has seen the room up to ``offset`` elsewhere: what this node has not heard of it yet is read, as far
        as the log goes. Raises ``Unavailable``.
        """
        while feed.offset < offset:
            page = await self._pages.since(feed.room_id, feed.offset, limit=PAGE)
            if not page:
                return
            self._publish(feed, map(msgspec.to_builtins, page))

    def hear(self, fact: ChatPosted | ChatChanged | RoomOpened) -> None:
        """A fact of a room, from its owner. Rooms nobody here is in are passed over."""
        if fact.room_id in self._opening:
            early = self._early.setdefault(fact.room_id, [])
            if len(early) < MAX_HELD:
                early.append(fact)
            return
        feed = self._feeds.get(fact.room_id)
        if feed is None:
            return
        if isinstance(fact, ChatPosted):
            self._posted(feed, fact)
        elif isinstance(fact, ChatChanged):
            self._changed(feed, fact)
        else:
            self._opened(feed, fact)

    def moved(self, shards: Collection[int]) -> None:
        """These shards have another owner, whose rooms do not know that this node listens."""
        for feed in list(self._feeds.values()):
            if shard_of(ActorId("chat", feed.room_id)) in shards and self._fan.is_heard(feed.room_id):
                self._keep_listening(feed)

    async def _renew(self) -> None:
        while True:
            for _ in range(RETELLS):
                await asyncio.sleep(LISTEN_S / 3 / RETELLS)
                self._retell()
            for feed in list(self._feeds.values()):
                self._renew_or_forget(feed)

    def _retell(self) -> None:
        untold, self._untold = self._untold, set()
        for room_id in untold:
            feed = self._feeds.get(room_id)
            if feed is not None and self._fan.is_heard(room_id):
                self._keep_listening(feed)

    def _renew_or_forget(self, feed: Feed) -> None:
        """A room that nobody here was in the last time either is let go: whoever opened a feed is in it by then."""
        if self._fan.is_heard(feed.room_id):
            feed.is_unheard = False
            self._keep_listening(feed)
        elif feed.is_unheard:
            del self._feeds[feed.room_id]
        else:
            feed.is_unheard = True
            self._keep_listening(feed)

    def _keep_listening(self, feed: Feed) -> None:
        """A room that cannot be told now is told again, and then says what was missed."""
        try:
            listening = KeepListening(node=self._node.name, epoch=feed.epoch, offset=feed.offset)
            self._node.ref("chat", feed.room_id).tell(listening)
        except ActorError as error:
            log.debug("room %s is not told that it is heard: %s", feed.room_id, error)
            self._untold.add(feed.room_id)

    def _opened(self, feed: Feed, fact: RoomOpened) -> None:
        """The room's actor is new, or knows more than this node: it is told who listens; what is missing is read."""
        if fact.epoch != feed.epoch:
            self._begin_anew(feed)
        elif fact.offset > max(feed.offset, feed.top):
            feed.top = fact.offset
            self._start_mending(feed)
        else:
            self._keep_listening(feed)

    def _start_mending(self, feed: Feed) -> None:
        if feed.repair is None:
            feed.repair = asyncio.get_running_loop().create_task(self._mend(feed), name=f"mend {feed.room_id}")

    async def _ask(self, room_id: str) -> Feed:
        try:
            feed = Feed(await self._node.ref("chat", room_id).ask(ReadRoom(node=self._node.name)))
        finally:
            self._opening.pop(room_id, None)
            early = self._early.pop(room_id, [])
        self._feeds[room_id] = feed
        self._forget_unheard()
        self._show_anew(feed)
        for fact in early:
            self.hear(fact)
        return feed

    def _begin_anew(self, feed: Feed) -> None:
        """Another log is under the room: what this node knows of it is void, and so is what its readers know. They are
        shown the end of the new log, by its name, and hear what follows it."""
        del self._feeds[feed.room_id]
        if not self._fan.is_heard(feed.room_id):
            return
        self._void[feed.room_id] = feed.epoch, feed.offset
        task = asyncio.get_running_loop().create_task(self._read_anew(feed.room_id), name=f"read {feed.room_id} anew")
        self._rereading.add(task)
        task.add_done_callback(self._rereading.discard)

    async def _read_anew(self, room_id: str) -> None:
        """Whoever else opens the room meanwhile has done it."""
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

    def _show_anew(self, feed: Feed) -> None:
        known = self._void.pop(feed.room_id, None)
        if known is None:
            return
        epoch, offset = known
        # The same log after all, named by somebody who was late: nothing of it is shown twice.
        shown = feed.tail(SHOWN_ANEW) if epoch != feed.epoch else feed.since(offset) or []
        self._fan.publish_messages(feed.room_id, epoch=feed.epoch, messages=shown)

    def _forget_unheard(self) -> None:
        """Looks at a few, so that an opening costs the same however many rooms are heard. The newest are at the end:
        whoever opened them has yet to listen."""
        for _ in range(MAX_LOOKED_AT):
            if len(self._feeds) <= MAX_FEEDS:
                return
            room_id = next(iter(self._feeds))
            if self._fan.is_heard(room_id):
                self._feeds.move_to_end(room_id)
            else:
                del self._feeds[room_id]

    def _posted(self, feed: Feed, fact: ChatPosted) -> None:
        if fact.epoch != feed.epoch:
            self._begin_anew(feed)
        elif feed.repair is not None or fact.messages[0]["offset"] > feed.offset + 1:
            self._hold(feed, fact)
            feed.top = max(feed.top, fact.messages[-1]["offset"])
            self._start_mending(feed)
        else:
            self._publish(feed, fact.messages)

    def _hold(self, feed: Feed, fact: ChatPosted | ChatChanged) -> None:
        """What comes while a hole is mended waits behind it. Messages that find no place are read from the log."""
        if len(feed.held) < MAX_HELD:
            feed.held.append(fact)

    def _publish(self, feed: Feed, messages: Iterable[dict[str, Any]]) -> None:
        new = feed.extend(messages)
        if new:
            self._fan.publish_messages(feed.room_id, epoch=feed.epoch, messages=new)

    def _changed(self, feed: Feed, fact: ChatChanged) -> None:
        if feed.repair is not None:
            self._hold(feed, fact)
        else:
            self._show_change(feed, fact)

    def _show_change(self, feed: Feed, fact: ChatChanged) -> None:
        if fact.event == "chat:deleted":
            feed.forget(fact.body["id"])
        elif fact.event == "chat:pinned":
            feed.pinned = fact.body["message"]
        elif fact.event == "chat:mode":
            feed.mode = fact.body["mode"]
        if fact.event in ("chat:mode", "chat:user_timed_out"):
            feed.forget_writers()
        self._fan.publish_change(fact.room_id, fact.event, fact.body)

    async def _mend(self, feed: Feed) -> None:
        """Read the hole from the log before what follows it is shown, however long the log is away."""
        pause_s = REPAIR_S
        try:
            while self._feeds.get(feed.room_id) is feed and not self._let_go(feed):
                try:
                    page = await self._pages.since(feed.room_id, feed.offset, limit=PAGE)
                except ActorError as error:
                    log.warning("room %s: a hole after %d is not mended yet: %s", feed.room_id, feed.offset, error)
                    page = ()
                if page:
                    self._publish(feed, map(msgspec.to_builtins, page))
                    continue
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, MAX_REPAIR_S)
        finally:
            feed.repair = None
        self._keep_listening(feed)

    def _let_go(self, feed: Feed) -> bool:
        """Show what waits and joins on; whether there is no hole any more."""
        while feed.held:
            fact = feed.held[0]
            if isinstance(fact, ChatChanged):
                self._show_change(feed, fact)
            elif fact.messages[0]["offset"] <= feed.offset + 1:
                self._publish(feed, fact.messages)
            else:
                return False
            feed.held.popleft()
        return feed.offset >= feed.top
