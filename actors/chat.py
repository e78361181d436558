"""A chat room: who may say what (``ChatRules``, pure) and in which order it was said (``ChatRoom``, the actor).

A message is shown and acknowledged only after the log has committed it; its offset comes from that commit, so a
position ``(epoch, offset)`` is exact after any crash. The same ``client_id`` of the same person is the same message
for good, and is recognised before any rule is applied.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

import msgspec

from actors.events import ChatChanged, ChatMessage, ChatPosted, ChatUser, DeletedMessage, Fact, LoggedMessage
from actors.runtime import Actor, Ask, DomainError, Fenced, Later, Message, Unavailable, handles

RoomEvent = Literal["chat:deleted", "chat:pinned", "chat:mode", "chat:user_timed_out"]

MAX_TEXT = 500
RECENT = 500
REMEMBERED_ANSWERS = 4_096
REMEMBERED_STANDINGS = 4_096
STANDING_AGE_S = 30.0
UNIQUE_WINDOW = 200
MAX_TIMEOUT_S = 14 * 24 * 3600

_EMOTES_ONLY = re.compile(
    r"(?:\s|:[a-zA-Z0-9_+-]{1,32}:|[\u2190-\u2bff\u3030\u303d\u3297\u3299\ufe0f\u200d]|[\U0001f000-\U0001faff])+"
)


# ------------------------------------------------------------------------------------------------- what is said to it


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who acts in a room, with the roles that their account has."""

    id: str
    username: str
    display_name: str
    roles: tuple[str, ...] = ()


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message stands, for good."""

    id: str
    offset: int
    epoch: str


class PostChat(Ask[Posted], frozen=True, kw_only=True):
    author: Author
    text: str
    client_id: str
    reply_to: str | None = None


class FindPosted(Ask[Posted | None], frozen=True, kw_only=True):
    """The answer that this person's ``client_id`` was given before, if it was."""

    user_id: str
    client_id: str


class ChatMode(msgspec.Struct, frozen=True, kw_only=True):
    """Who may post how: all off by default. ``followers_only_seconds`` of 0 means any follower."""

    slow_seconds: int = 0
    followers_only_seconds: int | None = None
    subscribers_only: bool = False
    emotes_only: bool = False
    unique: bool = False


class RoomSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The room up to and including ``offset``; ``messages`` are the latest, ascending, without a gap."""

    room_id: str
    owner_id: str
    epoch: str
    offset: int
    messages: tuple[LoggedMessage, ...]
    mode: ChatMode
    pinned: ChatMessage | None = None


class ReadRoom(Ask[RoomSnapshot], frozen=True, kw_only=True):
    limit: int = RECENT


class DeleteChat(Ask[None], frozen=True, kw_only=True):
    by: Author
    message_id: str


class PinChat(Ask[None], frozen=True, kw_only=True):
    """``message_id`` None takes the pin away."""

    by: Author
    message_id: str | None


class SanctionPerson(Ask[None], frozen=True, kw_only=True):
    """``seconds`` None is a ban, 0 lifts whatever there is."""

    by: Author
    user_id: str
    seconds: int | None
    reason: str = ""


class SetChatMode(Ask[ChatMode], frozen=True, kw_only=True):
    """Only what is named changes."""

    by: Author
    changes: dict[str, int | bool | None]


class KeepMediaTime(Message, frozen=True, kw_only=True):
    """Where the stream's media clock stood at ``at`` (seconds, wall clock), and whether it runs."""

    media_time_ms: int
    at: float
    is_running: bool


# --------------------------------------------------------------------------------------------------- what it leans on


class ChatEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A message on its way into the log, with the fencing epoch of the room's shard."""

    room_id: str
    shard: int
    epoch: int
    id: str
    user_id: str
    client_id: str
    text: str
    reply_to: str | None
    sent_at: datetime
    media_time_ms: int | None


class Appended(msgspec.Struct, frozen=True, kw_only=True):
    """``is_duplicate``: the person's ``client_id`` was there before; id and offset are the first one's."""

    id: str
    offset: int
    is_duplicate: bool


class Sanction(msgspec.Struct, frozen=True, kw_only=True):
    """``until`` None: for good."""

    until: datetime | None


class RoomRecord(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    owner_id: str
    log_epoch: str
    last_offset: int
    mode: ChatMode
    pinned: ChatMessage | None
    moderators: frozenset[str]
    sanctions: dict[str, Sanction]


class ChatLog(Protocol):
    """The room's durable side. Raises ``Unavailable`` while the database is away and ``Fenced`` for a stale epoch."""

    def submit(self, entry: ChatEntry) -> asyncio.Future[Appended]: ...
    async def find(self, room_id: str, user_id: str, client_id: str) -> Appended | None: ...
    async def load_room(self, room_id: str) -> RoomRecord | None: ...
    async def last(self, room_id: str, limit: int) -> Sequence[LoggedMessage]: ...
    async def message(self, room_id: str, message_id: str) -> LoggedMessage | None: ...
    async def delete_message(self, room_id: str, message_id: str, *, by: str, shard: int, epoch: int) -> int | None: ...
    async def pin(self, room_id: str, message_id: str | None, *, shard: int, epoch: int) -> None: ...
    async def set_mode(self, room_id: str, mode: ChatMode, *, shard: int, epoch: int) -> None: ...
    async def sanction(
        self, room_id: str, user_id: str, sanction: Sanction | None, *, reason: str, by: str, shard: int, epoch: int
    ) -> None: ...


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is to the room's owner."""

    following_since: datetime | None = None
    is_subscriber: bool = False
    is_blocked: bool = False


class Standings(Protocol):
    async def standing(self, *, owner_id: str, user_id: str) -> Standing: ...


# -------------------------------------------------------------------------------------------------------------- rules


def clean_text(text: str) -> str:
    """NFC, without control characters, trimmed; 1 to 500 characters, else ``DomainError``."""
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(
        c for c in composed if c == "\n" or not unicodedata.category(c).startswith("C") or c in "\u200d\u200c"
    )
    kept = kept.replace("\n", " ").strip()
    if not kept:
        raise DomainError("empty_text", "A message needs at least one visible character.", field="text")
    if len(kept) > MAX_TEXT:
        raise DomainError("text_too_long", f"A message may have at most {MAX_TEXT} characters.", field="text")
    return kept


class ChatRules:
    """Who may post what, now. Pure: it is told the time and remembers only what the rules need."""

    def __init__(
        self, *, owner_id: str, moderators: frozenset[str], mode: ChatMode, sanctions: Mapping[str, Sanction]
    ) -> None:
        self.owner_id = owner_id
        self.moderators = moderators
        self.mode = mode
        self.sanctions = dict(sanctions)
        self._last_at: OrderedDict[str, float] = OrderedDict()
        self._recent_texts: deque[str] = deque(maxlen=UNIQUE_WINDOW)

    def is_moderator(self, author: Author) -> bool:
        return (
            author.id == self.owner_id
            or author.id in self.moderators
            or bool({"admin", "moderator"} & set(author.roles))
        )

    def badges(self, author: Author) -> tuple[str, ...]:
        held = (
            ("owner", author.id == self.owner_id),
            ("moderator", author.id in self.moderators),
            ("admin", "admin" in author.roles),
        )
        return tuple(name for name, has in held if has)

    def judge(self, author: Author, text: str, *, standing: Standing, now: datetime) -> None:
        """Raise the ``DomainError`` that says why this may not be posted now."""
        if self.is_moderator(author):
            return
        self._judge_person(author, standing, now)
        self._judge_text(text)
        self._judge_pace(author, now)

    def posted(self, author: Author, text: str, *, now: datetime) -> None:
        """Remember an accepted message for slow and unique mode."""
        self._recent_texts.append(text.casefold())
        if self.mode.slow_seconds:
            self._last_at[author.id] = now.timestamp()
            self._last_at.move_to_end(author.id)
            self._forget_old(now)

    def _judge_person(self, author: Author, standing: Standing, now: datetime) -> None:
        sanction = self.sanctions.get(author.id)
        if sanction is not None and (sanction.until is None or sanction.until > now):
            raise _sanctioned(sanction, now)
        if standing.is_blocked:
            raise DomainError("blocked", "The owner of this room has blocked you.")
        if self.mode.subscribers_only and not standing.is_subscriber:
            raise DomainError("subscribers_only", "Only subscribers may write here at the moment.")
        self._judge_follower(standing, now)

    def _judge_follower(self, standing: Standing, now: datetime) -> None:
        needed_s = self.mode.followers_only_seconds
        if needed_s is None:
            return
        if standing.following_since is None:
            raise DomainError("followers_only", "Only followers may write here at the moment.")
        wait_s = needed_s - (now - standing.following_since).total_seconds()
        if wait_s > 0:
            raise DomainError(
                "followers_only",
                f"You may write {wait_s:.0f} s from now: follow a little longer.",
                retry_after_s=wait_s,
            )

    def _judge_text(self, text: str) -> None:
        if self.mode.emotes_only and not _EMOTES_ONLY.fullmatch(text):
            raise DomainError("emotes_only", "Only emotes may be posted here at the moment.", field="text")
        if self.mode.unique and text.casefold() in self._recent_texts:
            raise DomainError(
                "not_unique", "Somebody has just posted exactly this: say it in your own words.", field="text"
            )

    def _judge_pace(self, author: Author, now: datetime) -> None:
        last_at = self._last_at.get(author.id)
        if not self.mode.slow_seconds or last_at is None:
            return
        wait_s = last_at + self.mode.slow_seconds - now.timestamp()
        if wait_s > 0:
            raise DomainError("slow_mode", f"Slow mode: you may write again in {wait_s:.0f} s.", retry_after_s=wait_s)

    def _forget_old(self, now: datetime) -> None:
        oldest_kept = now.timestamp() - self.mode.slow_seconds
        while self._last_at and next(iter(self._last_at.values())) < oldest_kept:
            self._last_at.popitem(last=False)


def _sanctioned(sanction: Sanction, now: datetime) -> DomainError:
    if sanction.until is None:
        return DomainError("banned", "You are banned from this room.")
    wait_s = (sanction.until - now).total_seconds()
    return DomainError("timed_out", f"You may write again in {wait_s:.0f} s.", retry_after_s=wait_s)


def changed_mode(mode: ChatMode, changes: Mapping[str, int | bool | None]) -> ChatMode:
    """The mode with what ``changes`` names replaced; ``DomainError`` for a value out of range."""
    slow = changes.get("slow_seconds", mode.slow_seconds) or 0
    followers = changes.get("followers_only_seconds", mode.followers_only_seconds)
    if not 0 <= int(slow) <= 3600:
        raise DomainError("invalid", "slow_seconds is between 0 and 3600.", field="mode.slow_seconds")
    if followers is not None and not 0 <= int(followers) <= 90 * 24 * 3600:
        raise DomainError(
            "invalid", "followers_only_seconds is between 0 and 90 days.", field="mode.followers_only_seconds"
        )
    return ChatMode(
        slow_seconds=int(slow),
        followers_only_seconds=None if followers is None else int(followers),
        subscribers_only=bool(changes.get("subscribers_only", mode.subscribers_only)),
        emotes_only=bool(changes.get("emotes_only", mode.emotes_only)),
        unique=bool(changes.get("unique", mode.unique)),
    )


# -------------------------------------------------------------------------------------------------------------- actor


class ChatRoom(Actor):
    """The one writer of a room. Its key is the room's id.

    Posts of different people are committed side by side but announced in the order of their offsets; an asker is
    answered after the commit. A refused fencing token stops the actor: another node owns the room.
    """

    def __init__(
        self,
        *,
        room_id: str,
        shard: int,
        log: ChatLog,
        standings: Standings,
        announce: Callable[[Fact], None],
        new_id: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self._room_id = room_id
        self._shard = shard
        self._log = log
        self._standings = standings
        self._announce = announce
        self._new_id = new_id
        self._now = now
        self._answers: OrderedDict[tuple[str, str], Posted] = OrderedDict()
        self._known: OrderedDict[str, tuple[float, Standing]] = OrderedDict()
        self._recent: deque[LoggedMessage] = deque(maxlen=RECENT)
        self._fresh: list[ChatMessage] = []
        self._pinned: ChatMessage | None = None
        self._media: KeepMediaTime | None = None
        self._epoch = ""
        self._offset = 0

    async def activate(self) -> None:
        record = await self._log.load_room(self._room_id)
        if record is None:
            raise DomainError("not_found", "There is no such room.")
        self._rules = ChatRules(
            owner_id=record.owner_id, moderators=record.moderators, mode=record.mode, sanctions=record.sanctions
        )
        self._epoch = record.log_epoch
        self._pinned = record.pinned
        self._recent.extend(await self._log.last(self._room_id, RECENT))
        self._offset = self._recent[-1].offset if self._recent else record.last_offset

    # posting

    @handles(PostChat)
    def post(self, message: PostChat) -> Posted | Later[Posted]:
        answered = self._answers.get((message.author.id, message.client_id))
        if answered is not None:
            return answered
        text = clean_text(message.text)
        later: Later[Posted] = self.context.later()
        standing = self._known_standing(message.author.id)
        if standing is None:
            self.context.spawn(self._post_after_look_up(message, text, later), name="standing")
        else:
            self._judge_and_submit(message, text, standing, later)
        return later

    @handles(FindPosted)
    async def find(self, message: FindPosted) -> Posted | None:
        answered = self._answers.get((message.user_id, message.client_id))
        return answered or await self._look_up(message.user_id, message.client_id)

    async def _look_up(self, user_id: str, client_id: str) -> Posted | None:
        found = await self._log.find(self._room_id, user_id, client_id)
        return None if found is None else Posted(id=found.id, offset=found.offset, epoch=self._epoch)

    def _known_standing(self, user_id: str) -> Standing | None:
        known = self._known.get(user_id)
        if known is None or known[0] < self.context.clock.monotonic():
            return None
        return known[1]

    async def _post_after_look_up(self, message: PostChat, text: str, later: Later[Posted]) -> None:
        owner_id, user_id = self._rules.owner_id, message.author.id
        try:
            standing = await self._standings.standing(owner_id=owner_id, user_id=user_id)
        except Unavailable as error:
            later.reject(error)
            return
        self._known[user_id] = (self.context.clock.monotonic() + STANDING_AGE_S, standing)
        _trim(self._known, REMEMBERED_STANDINGS)
        self._judge_and_submit(message, text, standing, later)

    def _judge_and_submit(self, message: PostChat, text: str, standing: Standing, later: Later[Posted]) -> None:
        now = self._now()
        try:
            self._rules.judge(message.author, text, standing=standing, now=now)
        except DomainError as refusal:
            self.context.spawn(self._refuse_unless_posted(message, refusal, later), name="repeat")
            return
        self._rules.posted(message.author, text, now=now)
        self._submit(message, text, now, later)

    async def _refuse_unless_posted(self, message: PostChat, refusal: DomainError, later: Later[Posted]) -> None:
        try:
            posted = await self._look_up(message.author.id, message.client_id)
        except Unavailable as error:
            later.reject(error)
            return
        if posted is None:
            later.reject(refusal)
        else:
            later.resolve(posted)

    def _submit(self, message: PostChat, text: str, now: datetime, later: Later[Posted]) -> None:
        entry = ChatEntry(
            room_id=self._room_id,
            shard=self._shard,
            epoch=self.context.epoch,
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
        except (DomainError, Unavailable) as error:
            later.reject(error)
            return
        commit.add_done_callback(lambda done: self._committed(message, entry, later, done))

    def _committed(
        self, message: PostChat, entry: ChatEntry, later: Later[Posted], done: asyncio.Future[Appended]
    ) -> None:
        if done.cancelled():
            later.reject(Unavailable(self.context.id, "the log was closed before the message was written"))
            return
        error = done.exception()
        if error is not None:
            self._refused(error, later)
            return
        appended = done.result()
        posted = Posted(id=appended.id, offset=appended.offset, epoch=self._epoch)
        self._answers[(entry.user_id, entry.client_id)] = posted
        _trim(self._answers, REMEMBERED_ANSWERS)
        if not appended.is_duplicate:
            self._show(message, entry, appended.offset)
        later.resolve(posted)

    def _refused(self, error: BaseException, later: Later[Posted]) -> None:
        if isinstance(error, Fenced):
            self.context.stop()
            later.reject(Unavailable(self.context.id, "the room has just moved", retry_after_s=0.5))
        elif isinstance(error, DomainError | Unavailable):
            later.reject(error)
        else:
            later.reject(Unavailable(self.context.id, "the message could not be written"))
            self.context.log.error("a post was not written", exc_info=error)

    def _show(self, message: PostChat, entry: ChatEntry, offset: int) -> None:
        author = message.author
        shown = ChatMessage(
            id=entry.id,
            offset=offset,
            user=ChatUser(
                id=author.id,
                username=author.username,
                display_name=author.display_name,
                badges=self._rules.badges(author),
            ),
            text=entry.text,
            sent_at=entry.sent_at,
            media_time_ms=entry.media_time_ms,
            reply_to=entry.reply_to,
            client_id=entry.client_id,
        )
        self._offset = offset
        self._recent.append(shown)
        self._fresh.append(shown)
        if len(self._fresh) == 1:
            # One commit resolves many posts in one turn of the loop: they are announced as one fact.
            self.context.clock.call_later(0.0, self._announce_fresh)

    def _announce_fresh(self) -> None:
        fresh, self._fresh = tuple(self._fresh), []
        self._announce(ChatPosted(room_id=self._room_id, epoch=self._epoch, messages=fresh))

    # reading

    @handles(ReadRoom)
    def read(self, message: ReadRoom) -> RoomSnapshot:
        recent = list(self._recent)[-message.limit :] if message.limit > 0 else []
        return RoomSnapshot(
            room_id=self._room_id,
            owner_id=self._rules.owner_id,
            epoch=self._epoch,
            offset=self._offset,
            messages=tuple(recent),
            mode=self._rules.mode,
            pinned=self._pinned,
        )

    # moderating

    @handles(DeleteChat)
    async def delete(self, message: DeleteChat) -> None:
        found = await self._log.message(self._room_id, message.message_id)
        if found is None or isinstance(found, DeletedMessage):
            raise DomainError("not_found", "There is no such message.", field="message_id")
        if found.user.id != message.by.id:
            self._require_moderator(message.by)
        offset = await self._log.delete_message(
            self._room_id, found.id, by=message.by.id, shard=self._shard, epoch=self.context.epoch
        )
        if offset is None:
            return
        self._forget_message(found.id, offset)
        self._tell("chat:deleted", {"id": found.id, "offset": offset, "by": message.by.id})

    def _forget_message(self, message_id: str, offset: int) -> None:
        for index, kept in enumerate(self._recent):
            if kept.id == message_id:
                self._recent[index] = DeletedMessage(id=message_id, offset=offset)
        if self._pinned is not None and self._pinned.id == message_id:
            self._pinned = None
            self._tell("chat:pinned", {"message": None})

    @handles(PinChat)
    async def pin(self, message: PinChat) -> None:
        self._require_moderator(message.by)
        pinned = None if message.message_id is None else await self._shown(message.message_id)
        await self._log.pin(self._room_id, message.message_id, shard=self._shard, epoch=self.context.epoch)
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
        if message.user_id == self._rules.owner_id:
            raise DomainError("forbidden", "The owner of a room cannot be silenced in it.")
        if message.seconds is not None and not 0 <= message.seconds <= MAX_TIMEOUT_S:
            raise DomainError("invalid", "A timeout lasts between 1 second and 14 days.", field="seconds")
        sanction = self._sanction_for(message.seconds)
        await self._log.sanction(
            self._room_id,
            message.user_id,
            sanction,
            reason=message.reason,
            by=message.by.id,
            shard=self._shard,
            epoch=self.context.epoch,
        )
        self._apply(message.user_id, sanction)

    def _sanction_for(self, seconds: int | None) -> Sanction | None:
        if seconds == 0:
            return None
        return Sanction(until=None if seconds is None else self._now() + timedelta(seconds=seconds))

    def _apply(self, user_id: str, sanction: Sanction | None) -> None:
        if sanction is None:
            self._rules.sanctions.pop(user_id, None)
            return
        self._rules.sanctions[user_id] = sanction
        until = None if sanction.until is None else sanction.until.isoformat().replace("+00:00", "Z")
        self._tell("chat:user_timed_out", {"user_id": user_id, "until": until, "banned": until is None})

    @handles(SetChatMode)
    async def set_mode(self, message: SetChatMode) -> ChatMode:
        self._require_moderator(message.by)
        mode = changed_mode(self._rules.mode, message.changes)
        await self._log.set_mode(self._room_id, mode, shard=self._shard, epoch=self.context.epoch)
        self._rules.mode = mode
        self._tell("chat:mode", {"mode": msgspec.to_builtins(mode)})
        return mode

    def _require_moderator(self, author: Author) -> None:
        if not self._rules.is_moderator(author):
            raise DomainError("forbidden", "Only the owner and moderators of the room may do this.")

    def _tell(self, event: RoomEvent, body: dict[str, Any]) -> None:
        self._announce(ChatChanged(room_id=self._room_id, event=event, body={"room_id": self._room_id, **body}))

    # the media clock

    @handles(KeepMediaTime)
    def keep_media_time(self, message: KeepMediaTime) -> None:
        self._media = message

    def _media_time_ms(self, now: datetime) -> int | None:
        if self._media is None:
            return None
        elapsed_ms = (now.timestamp() - self._media.at) * 1000 if self._media.is_running else 0
        return self._media.media_time_ms + max(0, round(elapsed_ms))


def _trim(kept: OrderedDict[Any, Any], limit: int) -> None:
    while len(kept) > limit:
        kept.popitem(last=False)
