"""A chat room: in which order things are said in it, and by whom they are heard. Who may say what: ``chat_rules``.

A message is shown and acknowledged only after the log has committed it; its offset comes from that commit, so a
position ``(epoch, offset)`` is exact after any crash. The same ``client_id`` of the same person is the same message
for good, and is recognised before any rule is applied.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

import msgspec

from actors.chat_log import Appended, ChatEntry, ChatLog, RelationshipLookup, RoomStore, as_shown
from actors.chat_messages import (
    LISTEN_S,
    RECENT,
    DeleteChat,
    ForgetAuthor,
    ForgetRelationship,
    JudgeWriter,
    KeepMediaTime,
    PinChat,
    PostChat,
    Posted,
    ReadRoom,
    RenameAuthor,
    RenewSubscription,
    RoomSnapshot,
    SanctionPerson,
    SetChatMode,
)
from actors.chat_recent import RecentMessages, renamed
from actors.chat_rules import Author, ChatMode, ChatRules, Relationship, Sanction, changed_mode, clean_text
from actors.events import (
    Broadcast,
    ChatChanged,
    ChatMessage,
    ChatPosted,
    DeletedMessage,
    LiveEvent,
    LoggedMessage,
    RoomOpened,
)
from actors.rate_limits import Action, RateLimits
from actors.runtime import Actor, ActorError, DomainError, Fenced, Later, Lost, Unavailable, handles
from actors.tracing import Trace

RoomEvent = Literal["chat:deleted", "chat:pinned", "chat:mode", "chat:user_timed_out"]

REMEMBERED_ANSWERS = 4_096
REMEMBERED_STANDINGS = 4_096
RELATIONSHIP_AGE_S = 30.0
MAX_TIMEOUT_S = 14 * 24 * 3600
MEND_S = 0.25
MAX_MEND_S = 5.0
SETTLE_S = 6.0


# -------------------------------------------------------------------------------------------------------------- actor


class ChatRoom(Actor):
    """The one writer of a room. Its key is the room's id.

    Posts of different people are committed side by side but announced in the order of their offsets, each once and
    none left out; an asker is answered after the commit. What the log holds and this actor was not told of (the outcome
    of a commit may be lost with a connection) is read from the log and announced too. A refused fencing token stops the
    actor: another node owns the room.
    """

    def __init__(
        self,
        *,
        room_id: str,
        log: ChatLog,
        rooms: RoomStore,
        relationships: RelationshipLookup,
        rate_limits: RateLimits,
        broadcast: Broadcast,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
        trace: Trace | None = None,
    ) -> None:
        self._trace = trace
        self._followed: dict[str, float] = {}
        self._fresh_traces: list[str] = []
        self._room_id = room_id
        self._log = log
        self._rooms = rooms
        self._relationships = relationships
        self._rate_limits = rate_limits
        self._broadcast = broadcast
        self._new_id = new_id
        self._now = now
        self._answers: OrderedDict[tuple[str, str], Posted] = OrderedDict()
        self._known: OrderedDict[str, tuple[float, Relationship]] = OrderedDict()
        self._recent = RecentMessages()
        self._readers: list[tuple[Later[RoomSnapshot], int]] = []
        self._posting: dict[tuple[str, str], list[Later[Posted]]] = {}
        self._unjudged: dict[str, list[tuple[PostChat, str]]] = {}
        self._commits: set[asyncio.Future[Appended]] = set()
        self._fresh: list[LoggedMessage] = []
        self._listeners: dict[str, float] = {}
        self._top = 0
        self._mending: asyncio.Task[None] | None = None
        self._pinned: ChatMessage | None = None
        self._media: KeepMediaTime | None = None
        self._stream_id: str | None = None
        self._epoch = ""
        self._offset = 0

    async def activate(self) -> None:
        record = await self._rooms.load(self._room_id)
        if record is None:
            raise DomainError("not_found", "There is no such room.")
        self._rules = ChatRules(
            owner_id=record.owner_id,
            moderators=record.moderators,
            mode=record.mode,
            sanctions=record.sanctions,
            now=self._now(),
            at=self.context.clock.monotonic(),
        )
        self._fence = self.context.fence
        self._stream_id = record.stream_id
        self._epoch = record.log_epoch
        self._pinned = await self._read_pinned(record.pinned_id)
        self._offset = record.last_offset
        self._recent = RecentMessages(after=self._offset)
        self._broadcast(RoomOpened(room_id=self._room_id, epoch=self._epoch, offset=self._offset))

    async def _read_pinned(self, message_id: str | None) -> ChatMessage | None:
        """None for a pinned message that was deleted since."""
        found = None if message_id is None else await self._log.message(self._room_id, message_id)
        return found if isinstance(found, ChatMessage) else None

    async def passivate(self) -> None:
        """What was submitted is answered and announced before the room goes."""
        if self._commits:
            await asyncio.wait(self._commits, timeout=SETTLE_S)

    # posting

    @handles(PostChat)
    def post(self, message: PostChat) -> Posted | Later[Posted]:
        _require_client_id(message.client_id)
        key = message.author.id, message.client_id
        answered = self._answers.get(key)
        if answered is not None:
            return answered
        later: Later[Posted] = self.context.later()
        if key in self._posting:
            # The same message again while it is on its way: both hear what becomes of it.
            self._posting[key].append(later)
            return later
        text = clean_text(message.text)
        self._posting[key] = [later]
        if message.trace is not None:
            self._followed[message.trace] = self.context.clock.monotonic()
        self._judge_in_turn(message, text)
        return later

    def _judge_in_turn(self, message: PostChat, text: str) -> None:
        """At once, or after the look-up that this person's messages wait for: they keep their order."""
        user_id = message.author.id
        relationship = self._known_relationship(user_id)
        if user_id in self._unjudged:
            self._unjudged[user_id].append((message, text))
        elif relationship is not None:
            self._judge_and_submit(message, text, relationship)
        else:
            self._unjudged[user_id] = [(message, text)]
            if not self._beside(message, self._judge_after_look_up(user_id), name="standing"):
                del self._unjudged[user_id]

    @handles(JudgeWriter)
    def judge_writer(self, message: JudgeWriter) -> Later[None] | None:
        relationship = self._known_relationship(message.author.id)
        if relationship is not None:
            self._judge_writer(message.author, relationship)
            return None
        later: Later[None] = self.context.later()
        self.context.spawn(self._judge_writer_after_look_up(message.author, later), name="standing")
        return later

    async def _judge_writer_after_look_up(self, author: Author, later: Later[None]) -> None:
        try:
            relationship = await self._read_relationship(author.id)
            self._judge_writer(author, relationship)
        except (DomainError, ActorError) as refusal:
            later.reject(refusal)
        else:
            later.resolve(None)

    def _beside(self, message: PostChat, work: Coroutine[Any, Any, None], *, name: str) -> bool:
        try:
            self.context.spawn(work, name=name)
        except ActorError as error:
            self._reject(message, error)
            return False
        return True

    def _settled(self, message: PostChat) -> list[Later[Posted]]:
        if message.trace is not None:
            self._note(message.trace, "room.post", self._followed.pop(message.trace, None))
        return self._posting.pop((message.author.id, message.client_id), [])

    def _note(self, trace: str, step: str, since: float | None) -> None:
        if self._trace is not None and since is not None:
            self._trace(trace, step, since=since)

    def _resolve(self, message: PostChat, posted: Posted) -> None:
        for later in self._settled(message):
            later.resolve(posted)

    def _reject(self, message: PostChat, error: DomainError | ActorError) -> None:
        for later in self._settled(message):
            later.reject(error)

    async def _look_up(self, user_id: str, client_id: str) -> Posted | None:
        found = await self._log.find(self._room_id, user_id, client_id)
        return None if found is None else Posted(id=found.id, offset=found.offset, epoch=self._epoch)

    def _known_relationship(self, user_id: str) -> Relationship | None:
        known = self._known.get(user_id)
        if known is None or known[0] < self.context.clock.monotonic():
            return None
        return known[1]

    async def _judge_after_look_up(self, user_id: str) -> None:
        try:
            relationship = await self._read_relationship(user_id)
        except ActorError as error:
            for message, _ in self._unjudged.pop(user_id):
                self._reject(message, error)
            return
        for message, text in self._unjudged.pop(user_id):
            self._judge_and_submit(message, text, relationship)

    @handles(ForgetRelationship)
    def forget_relationship(self, message: ForgetRelationship) -> None:
        self._known.pop(message.user_id, None)

    async def _read_relationship(self, user_id: str) -> Relationship:
        relationship = await self._relationships.relationship(owner_id=self._rules.owner_id, user_id=user_id)
        if relationship.is_verified:  # who is not may be in a moment
            self._known[user_id] = (self.context.clock.monotonic() + RELATIONSHIP_AGE_S, relationship)
        _trim(self._known, REMEMBERED_STANDINGS)
        return relationship

    def _judge_and_submit(self, message: PostChat, text: str, relationship: Relationship) -> None:
        now, at = self._now(), self.context.clock.monotonic()
        try:
            self._consume("chat", message.author)
            self._rules.judge(message.author, text, relationship=relationship, now=now, at=at)
        except DomainError as refusal:
            self._beside(message, self._refuse_unless_posted(message, refusal), name="repeat")
            return
        self._rules.posted(message.author, text, now=now, at=at)
        self._submit(message, text, now)

    async def _refuse_unless_posted(self, message: PostChat, refusal: DomainError) -> None:
        try:
            posted = await self._look_up(message.author.id, message.client_id)
        except ActorError as error:
            self._reject(message, error)
            return
        if posted is None:
            self._reject(message, refusal)
        else:
            self._resolve(message, posted)

    def _submit(self, message: PostChat, text: str, now: datetime) -> None:
        entry = ChatEntry(
            room_id=self._room_id,
            shard=self._fence.shard,
            epoch=self._fence.epoch,
            id=self._new_id(),
            user_id=message.author.id,
            client_id=message.client_id,
            text=text,
            reply_to=message.reply_to,
            sent_at=now,
            media_time_ms=self._media_time_ms(now),
        )
        try:
            commit = self._log.submit(entry)
        except (DomainError, ActorError) as error:
            self._refused(message, entry, error)
            return
        self._commits.add(commit)
        if message.trace is not None:
            commit.add_done_callback(partial(self._commit_ended, message.trace, self.context.clock.monotonic()))
        commit.add_done_callback(lambda done: self._committed(message, entry, done))

    def _commit_ended(self, trace: str, since: float, _: asyncio.Future[Appended]) -> None:
        self._note(trace, "room.commit", since)

    def _committed(self, message: PostChat, entry: ChatEntry, done: asyncio.Future[Appended]) -> None:
        self._commits.discard(done)
        error = _log_was_closed(self._room_id) if done.cancelled() else done.exception()
        if error is not None:
            self._refused(message, entry, error)
            return
        appended = done.result()
        posted = Posted(id=appended.id, offset=appended.offset, epoch=self._epoch)
        self._answers[(entry.user_id, entry.client_id)] = posted
        _trim(self._answers, REMEMBERED_ANSWERS)
        if appended.offset == self._offset + 1 and not appended.is_duplicate:
            if message.trace is not None:
                self._fresh_traces.append(message.trace)
            self._show(as_shown(message.author, entry, appended.offset, self._rules.badges(message.author)))
        elif appended.offset > self._offset:
            # Something before it, or this itself, was written without our hearing of it.
            self._top = max(self._top, appended.offset)
            self._mend()
        if appended.is_duplicate:
            self._take_back(message, entry)
        self._resolve(message, posted)

    def _refused(self, message: PostChat, entry: ChatEntry, error: BaseException) -> None:
        self._take_back(message, entry)
        if isinstance(error, Fenced):
            self.context.stop()
            error = Lost(self.context.id, "the room has just moved", retry_after_s=0.1)
        elif isinstance(error, Unavailable):
            self._mend()
        elif not isinstance(error, DomainError | ActorError):
            self.context.log.error("a post was not written", exc_info=error)
            error = Unavailable(self.context.id, "the message could not be written")
        self._reject(message, error)

    def _judge_writer(self, author: Author, relationship: Relationship) -> None:
        self._rules.judge_writer(author, relationship=relationship, now=self._now(), at=self.context.clock.monotonic())

    def _consume(self, action: Action, by: Author) -> None:
        self._rate_limits.consume(action, self._rules.role(by), by.id, at=self.context.clock.monotonic())

    def _take_back(self, message: PostChat, entry: ChatEntry) -> None:
        author, at = message.author, self.context.clock.monotonic()
        self._rules.taken_back(author, entry.text, now=entry.sent_at)
        self._rate_limits.refund("chat", self._rules.role(author), author.id, at=at)

    # what was written without our hearing of it

    def _mend(self) -> None:
        if self._mending is None or self._mending.done():
            try:
                self._mending = self.context.spawn(self._catch_up(), name="mend")
            except ActorError:
                return  # The room is going: whoever takes it up reads the log.

    async def _catch_up(self) -> None:
        """Announce what the log holds beyond what was announced; it may take until the database is back."""
        pause_s = MEND_S
        while True:
            try:
                page = await self._log.since(self._room_id, self._offset, limit=RECENT)
            except Unavailable as error:
                self.context.log.info("what follows %d cannot be read yet: %s", self._offset, error)
                await self.context.clock.sleep(pause_s)
                pause_s = min(pause_s * 2, MAX_MEND_S)
                continue
            for logged in page:
                if logged.offset > self._offset:
                    self._show(logged)
            if not page or (len(page) < RECENT and self._offset >= self._top):
                return

    def _show(self, shown: LoggedMessage) -> None:
        self._offset = shown.offset
        self._recent.add(shown)
        self._fresh.append(shown)
        if len(self._fresh) == 1:
            # One commit resolves many posts in one turn of the loop: they are announced as one fact.
            self.context.clock.call_later(0.0, self._broadcast_fresh)

    def _broadcast_fresh(self) -> None:
        fresh, self._fresh = tuple(map(msgspec.to_builtins, self._fresh)), []
        traces: tuple[str, ...] = ()
        if self._fresh_traces:
            traces, self._fresh_traces = tuple(self._fresh_traces), []
        self._say(ChatPosted(room_id=self._room_id, epoch=self._epoch, messages=fresh, traces=traces))

    def _say(self, event: LiveEvent) -> None:
        """To every node with sockets in the room, and to no other."""
        now = self.context.clock.monotonic()
        silent = [node for node, until in self._listeners.items() if until < now]
        for node in silent:
            del self._listeners[node]
        self._broadcast(event, to=tuple(self._listeners))

    # reading

    @handles(RenewSubscription)
    def renew_subscription(self, message: RenewSubscription) -> None:
        self._listeners[message.node] = self.context.clock.monotonic() + LISTEN_S
        is_another_log = message.epoch not in ("", self._epoch)
        if is_another_log or message.offset < self._offset - len(self._fresh):
            opened = RoomOpened(room_id=self._room_id, epoch=self._epoch, offset=self._offset - len(self._fresh))
            self._broadcast(opened, to=(message.node,))

    @handles(ReadRoom)
    def read(self, message: ReadRoom) -> RoomSnapshot | Later[RoomSnapshot]:
        if message.node:
            self._listeners[message.node] = self.context.clock.monotonic() + LISTEN_S
        if self._recent.is_whole:
            return self._snapshot(message.limit)
        later: Later[RoomSnapshot] = self.context.later()
        self._readers.append((later, message.limit))
        if len(self._readers) == 1:
            self.context.spawn(self._read_recent(), name="recent")
        return later

    async def _read_recent(self) -> None:
        self._recent.begin_reading()
        refusal: ActorError | None = None
        try:
            self._recent.complete(await self._log.last(self._room_id, RECENT))
        except ActorError as error:
            refusal = error
        readers, self._readers = self._readers, []
        for later, limit in readers:
            if refusal is None:
                later.resolve(self._snapshot(limit))
            else:
                later.reject(refusal)

    def _snapshot(self, limit: int) -> RoomSnapshot:
        return RoomSnapshot(
            room_id=self._room_id,
            stream_id=self._stream_id,
            owner_id=self._rules.owner_id,
            epoch=self._epoch,
            offset=self._offset,
            messages=tuple(map(msgspec.to_builtins, self._recent.last(limit))),
            mode=self._rules.mode,
            pinned=msgspec.to_builtins(self._pinned),
        )

    # moderating

    @handles(DeleteChat)
    async def delete(self, message: DeleteChat) -> None:
        self._consume("moderation", message.by)
        found = await self._log.message(self._room_id, message.message_id)
        if found is None or isinstance(found, DeletedMessage):
            raise DomainError("not_found", "There is no such message.", field="message_id")
        if found.user.id != message.by.id:
            self._require_moderator(message.by)
        offset = await self._rooms.delete_message(self._room_id, found.id, by=message.by.id, fence=self._fence)
        if offset is None:
            return
        self._forget_message(found.id, offset)
        self._tell("chat:deleted", {"id": found.id, "offset": offset, "by": message.by.id})

    def _forget_message(self, message_id: str, offset: int) -> None:
        self._recent.delete(message_id, offset)
        if self._pinned is not None and self._pinned.id == message_id:
            self._pinned = None
            self._tell("chat:pinned", {"message": None})

    @handles(ForgetAuthor)
    def forget_author(self, message: ForgetAuthor) -> None:
        """Nodes that show the room do the same with what they remember: nothing is announced but the lost pin."""
        self._recent.forget_author(message.user_id)
        if self._pinned is not None and self._pinned.user.id == message.user_id:
            self._forget_message(self._pinned.id, self._pinned.offset)

    @handles(RenameAuthor)
    def rename_author(self, message: RenameAuthor) -> None:
        """Nodes that show the room do the same with what they remember."""
        self._recent.rename(message.user_id, message.display_name)
        if self._pinned is not None:
            pinned = renamed(self._pinned, {message.user_id: message.display_name})
            self._pinned = pinned if isinstance(pinned, ChatMessage) else None

    @handles(PinChat)
    async def pin(self, message: PinChat) -> None:
        self._require_moderator(message.by)
        self._consume("moderation", message.by)
        pinned = None if message.message_id is None else await self._shown(message.message_id)
        await self._rooms.set_pinned(self._room_id, message.message_id, fence=self._fence)
        self._pinned = pinned
        self._tell("chat:pinned", {"message": msgspec.to_builtins(pinned)})

    async def _shown(self, message_id: str) -> ChatMessage:
        found = await self._log.message(self._room_id, message_id)
        if not isinstance(found, ChatMessage):
            raise DomainError("not_found", "There is no such message.", field="message_id")
        return found

    @handles(SanctionPerson)
    async def sanction(self, message: SanctionPerson) -> None:
        self._require_moderator(message.by)
        self._consume("moderation", message.by)
        if message.user_id == self._rules.owner_id:
            raise DomainError("forbidden", "The owner of a room cannot be silenced in it.")
        if message.seconds is not None and not 0 <= message.seconds <= MAX_TIMEOUT_S:
            raise DomainError("invalid", "A timeout lasts between 1 second and 14 days.", field="seconds")
        sanction = self._sanction_for(message.seconds)
        if sanction is None:
            await self._rooms.lift_sanction(self._room_id, message.user_id, fence=self._fence)
        else:
            await self._rooms.put_sanction(
                self._room_id, message.user_id, sanction, reason=message.reason, by=message.by.id, fence=self._fence
            )
        self._apply(message.user_id, sanction)

    def _sanction_for(self, seconds: int | None) -> Sanction | None:
        if seconds == 0:
            return None
        return Sanction(until=None if seconds is None else self._now() + timedelta(seconds=seconds))

    def _apply(self, user_id: str, sanction: Sanction | None) -> None:
        if sanction is None:
            if self._rules.pardon(user_id):
                self._tell("chat:user_timed_out", {"user_id": user_id, "until": None, "banned": False})
            return
        self._rules.sanction(user_id, sanction, now=self._now(), at=self.context.clock.monotonic())
        until = None if sanction.until is None else sanction.until.isoformat().replace("+00:00", "Z")
        self._tell("chat:user_timed_out", {"user_id": user_id, "until": until, "banned": until is None})

    @handles(SetChatMode)
    async def set_mode(self, message: SetChatMode) -> ChatMode:
        self._require_moderator(message.by)
        self._consume("moderation", message.by)
        mode = changed_mode(self._rules.mode, message.changes)
        await self._rooms.set_mode(self._room_id, mode, fence=self._fence)
        self._rules.mode = mode
        self._tell("chat:mode", {"mode": msgspec.to_builtins(mode)})
        return mode

    def _require_moderator(self, author: Author) -> None:
        if not self._rules.is_moderator(author):
            raise DomainError("forbidden", "Only the owner and moderators of the room may do this.")

    def _tell(self, event: RoomEvent, body: dict[str, Any]) -> None:
        self._say(ChatChanged(room_id=self._room_id, event=event, body={"room_id": self._room_id, **body}))

    # the media clock

    @handles(KeepMediaTime)
    def keep_media_time(self, message: KeepMediaTime) -> None:
        self._media = message

    def _media_time_ms(self, now: datetime) -> int | None:
        if self._media is None:
            return None
        elapsed_ms = (now.timestamp() - self._media.at) * 1000 if self._media.is_running else 0
        return self._media.media_time_ms + max(0, round(elapsed_ms))


def _log_was_closed(room_id: str) -> Unavailable:
    return Unavailable(room_id, "the log was closed before the message was written")


def _require_client_id(client_id: str) -> None:
    if not 0 < len(client_id) <= 64 or not client_id.isprintable():
        raise DomainError("invalid", "client_id is 1 to 64 printable characters.", field="client_id")


def _trim(kept: OrderedDict[Any, Any], limit: int) -> None:
    while len(kept) > limit:
        kept.popitem(last=False)
