"""The actor of a chat room: it orders messages, judges who may act, and keeps what clients are shown on joining.

A message is shown and acknowledged only after the log has committed it; its offset comes from that commit, so a
position ``(epoch, offset)`` is exact after any crash.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

import msgspec

from actors.chat_acts import Acts
from actors.chat_judging import SlowJudge
from actors.chat_log import ChatLog, RelationshipLookup, RoomRecord, RoomStore, ScreenLookup
from actors.chat_messages import (
    RECENT,
    ClearRoom,
    DeleteChat,
    EditChat,
    ForgetAuthor,
    ForgetRelationship,
    JudgeWriter,
    KeepMediaTime,
    MediaTime,
    PinChat,
    PostChat,
    Posted,
    PurgePerson,
    ReactToChat,
    ReadHeld,
    ReadRoom,
    RemoveChat,
    RenameAuthor,
    RenewScreen,
    RenewSubscription,
    RestoreChat,
    ReviewChat,
    RoomSnapshot,
    SanctionPerson,
    SetChatMode,
    SetRole,
    TellMediaTime,
)
from actors.chat_moderation import Moderation
from actors.chat_permissions import Permissions
from actors.chat_posting import Posting
from actors.chat_private import PrivateActs
from actors.chat_review import HeldStore, Review
from actors.chat_rules import Author, ChatMode, ChatRules, Relationship
from actors.chat_timeline import Timeline
from actors.events import Broadcast, ChatMessage, Shown
from actors.rate_limits import RateLimits
from actors.runtime import Actor, ActorError, DomainError, Later, handles
from actors.screening import Screen
from actors.tracing import Trace

RENEW_SCREEN_S = 1.0


class ChatRoom(Actor):
    """The one writer of a room. Its key is the room's id.

    Posts of different people are committed side by side and sent in the order of their offsets (``Timeline``).
    """

    def __init__(
        self,
        *,
        room_id: str,
        log: ChatLog,
        rooms: RoomStore,
        relationships: RelationshipLookup,
        screens: ScreenLookup,
        held: HeldStore,
        rate_limits: RateLimits,
        broadcast: Broadcast,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
        trace: Trace | None = None,
        judge: SlowJudge | None = None,
    ) -> None:
        self._room_id = room_id
        self._log = log
        self._rooms = rooms
        self._relationships = relationships
        self._screens = screens
        self._held = held
        self._rate_limits = rate_limits
        self._broadcast = broadcast
        self._new_id = new_id
        self._now = now
        self._trace = trace
        self._judge = judge
        self._media: KeepMediaTime | None = None
        self._readers: list[tuple[Later[RoomSnapshot], int]] = []

    async def activate(self) -> None:
        record = await self._rooms.load(self._room_id)
        if record is None:
            raise DomainError("not_found", "There is no such room.", field="room_id")
        pinned = await self._read_pinned(record.pinned_id)
        self._stream_id = record.stream_id
        screen = Screen() if record.is_private else await self._screens.screen(record.owner_id)
        self._permissions = self._permissions_by(record, screen)
        self._timeline = Timeline(
            context=self.context,
            room_id=self._room_id,
            epoch=record.log_epoch,
            offset=record.last_offset,
            cleared_to=record.cleared_to,
            log=self._log,
            broadcast=self._broadcast,
        )
        self._review = Review(
            context=self.context,
            room_id=self._room_id,
            store=self._held,
            permissions=self._permissions,
            timeline=self._timeline,
            waiting=await self._held.waiting(self._room_id),
            new_id=self._new_id,
        )
        self._posting = Posting(
            context=self.context,
            room_id=self._room_id,
            log=self._log,
            permissions=self._permissions,
            review=self._review,
            timeline=self._timeline,
            media_time_ms=self._media_time_ms,
            new_id=self._new_id,
            trace=self._trace,
            judge=None if record.is_private else self._judge,
            remove=self._remove_judged,
        )
        self._moderation = Moderation(
            context=self.context,
            room_id=self._room_id,
            log=self._log,
            rooms=self._rooms,
            permissions=self._permissions,
            timeline=self._timeline,
            review=self._review,
            pinned=pinned,
        )
        self._private = PrivateActs(
            context=self.context,
            room_id=self._room_id,
            log=self._log,
            rooms=self._rooms,
            permissions=self._permissions,
            timeline=self._timeline,
        )
        self._reviews = Acts(context=self.context, name="review")
        self._purges = Acts(context=self.context, name="purge")
        self._timeline.open()

    async def _read_pinned(self, message_id: str | None) -> ChatMessage | None:
        """None for a pinned message that was deleted since."""
        found = None if message_id is None else await self._log.message(self._room_id, message_id)
        return found if isinstance(found, ChatMessage) else None

    def _permissions_by(self, record: RoomRecord, screen: Screen) -> Permissions:
        clock = self.context.clock
        rules = ChatRules(
            owner_id=record.owner_id,
            moderators=record.moderators,
            vips=record.vips,
            mode=record.mode,
            sanctions=record.sanctions,
            now=self._now(),
            at=clock.monotonic(),
            is_private=record.is_private,
        )

        async def relationship(user_id: str) -> Relationship:
            if record.is_private:
                return await self._relationships.membership(room_id=record.id, user_id=user_id)
            return await self._relationships.relationship(owner_id=record.owner_id, user_id=user_id)

        return Permissions(
            rules=rules,
            screen=screen,
            rate_limits=self._rate_limits,
            read_relationship=relationship,
            clock=clock,
            now=self._now,
        )

    async def passivate(self) -> None:
        """What was submitted is answered and sent before the room goes."""
        await self._posting.settle()

    # posting

    @handles(PostChat)
    def post(self, message: PostChat) -> Posted | Later[Posted]:
        return self._posting.post(message)

    @handles(JudgeWriter)
    def judge_writer(self, message: JudgeWriter) -> Later[None] | None:
        relationship = self._permissions.known_relationship(message.author)
        if relationship is not None:
            self._permissions.judge_writer(message.author, relationship)
            return None
        later: Later[None] = self.context.later()
        self.context.spawn(self._judge_writer_after_look_up(message.author, later), name="relationship")
        return later

    async def _judge_writer_after_look_up(self, author: Author, later: Later[None]) -> None:
        try:
            relationship = await self._permissions.read_relationship(author.id)
            self._permissions.judge_writer(author, relationship)
        except (DomainError, ActorError) as refusal:
            later.reject(refusal)
        else:
            later.resolve(None)

    async def _remove_judged(self, message_id: str) -> None:
        """The judge refused a message that was shown before it had looked."""
        await self._moderation.remove(message_id, by=None, reason="judge")

    @handles(ReviewChat)
    def review(self, message: ReviewChat) -> Later[None]:
        self._moderation.require_moderator(message.by)
        return self._reviews.add(partial(self._review.decide, message, self._posting.post_reviewed))

    @handles(ReadHeld)
    def read_held(self, message: ReadHeld) -> tuple[Shown, ...]:
        self._permissions.require_moderator(message.by)
        return tuple(self._review.waiting)

    @handles(RenewScreen)
    async def renew_screen(self, message: RenewScreen) -> None:
        """Before the next message is judged. While the tables are away, the filter of before holds."""
        owner_id = self._permissions.rules.owner_id
        if message.owner_id not in (None, owner_id) or self._permissions.rules.is_private:
            return
        try:
            self._permissions.screen = await self._screens.screen(owner_id)
        except ActorError as error:
            self.context.log.info("the filter cannot be read yet: %s", error)
            self.context.timer(RENEW_SCREEN_S, message)

    @handles(ForgetRelationship)
    def forget_relationship(self, message: ForgetRelationship) -> None:
        self._permissions.forget_relationship(message.user_id)

    # reading

    @handles(RenewSubscription)
    def renew_subscription(self, message: RenewSubscription) -> None:
        self._timeline.renew(message.node, epoch=message.epoch, offset=message.offset)

    @handles(ReadRoom)
    def read(self, message: ReadRoom) -> RoomSnapshot | Later[RoomSnapshot]:
        if message.node:
            self._timeline.subscribe(message.node)
        if self._timeline.recent.is_whole:
            return self._snapshot(message.limit)
        later: Later[RoomSnapshot] = self.context.later()
        self._readers.append((later, message.limit))
        if len(self._readers) == 1:
            self.context.spawn(self._read_recent(), name="recent")
        return later

    async def _read_recent(self) -> None:
        recent = self._timeline.recent
        recent.begin_reading()
        refusal: ActorError | None = None
        try:
            recent.complete(await self._log.last(self._room_id, RECENT))
        except ActorError as error:
            refusal = error
        readers, self._readers = self._readers, []
        for later, limit in readers:
            if refusal is None:
                later.resolve(self._snapshot(limit))
            else:
                later.reject(refusal)

    def _snapshot(self, limit: int) -> RoomSnapshot:
        timeline, rules = self._timeline, self._permissions.rules
        return RoomSnapshot(
            room_id=self._room_id,
            stream_id=self._stream_id,
            owner_id=rules.owner_id,
            epoch=timeline.epoch,
            offset=timeline.offset,
            messages=tuple(map(msgspec.to_builtins, timeline.recent.last(limit))),
            mode=rules.mode,
            pinned=msgspec.to_builtins(self._moderation.pinned),
            moderators=tuple(rules.moderators),
            vips=tuple(rules.vips),
            is_private=rules.is_private,
        )

    # moderating

    @handles(DeleteChat)
    async def delete(self, message: DeleteChat) -> None:
        await self._moderation.delete(message)

    @handles(RemoveChat)
    async def remove(self, message: RemoveChat) -> None:
        await self._moderation.remove(message.message_id, by=message.by, reason=message.reason)

    @handles(RestoreChat)
    async def restore(self, message: RestoreChat) -> None:
        await self._moderation.restore(message)

    @handles(EditChat)
    async def edit(self, message: EditChat) -> None:
        await self._private.edit(message)

    @handles(ReactToChat)
    async def react(self, message: ReactToChat) -> None:
        await self._private.react(message)

    @handles(PurgePerson)
    def purge(self, message: PurgePerson) -> Later[None]:
        """It may be long, and the room goes on meanwhile."""
        self._moderation.require_moderator(message.by)
        return self._purges.add(partial(self._purge, message))

    async def _purge(self, message: PurgePerson) -> None:
        await self._posting.settle()  # what was admitted before is deleted too
        await self._moderation.purge(message)

    @handles(ClearRoom)
    async def clear(self, message: ClearRoom) -> None:
        await self._moderation.clear(message)

    @handles(SetRole)
    async def set_role(self, message: SetRole) -> None:
        await self._moderation.set_role(message)

    @handles(PinChat)
    async def pin(self, message: PinChat) -> None:
        await self._moderation.pin(message)

    @handles(SanctionPerson)
    async def sanction(self, message: SanctionPerson) -> None:
        await self._moderation.sanction(message)

    @handles(SetChatMode)
    async def set_mode(self, message: SetChatMode) -> ChatMode:
        return await self._moderation.set_mode(message)

    @handles(ForgetAuthor)
    def forget_author(self, message: ForgetAuthor) -> None:
        self._moderation.forget_author(message.user_id)

    @handles(RenameAuthor)
    def rename_author(self, message: RenameAuthor) -> None:
        self._moderation.rename_author(message.user_id, message.display_name)

    # the media clock

    @handles(KeepMediaTime)
    def keep_media_time(self, message: KeepMediaTime) -> None:
        self._media = message

    @handles(TellMediaTime)
    def tell_media_time(self, message: TellMediaTime) -> MediaTime:
        return MediaTime(ms=self._media_time_ms(self._now()))

    def _media_time_ms(self, at: datetime) -> int | None:
        """Where the stream's media clock stands at this time; None for a room without a stream."""
        if self._media is None:
            return None
        elapsed_ms = (at.timestamp() - self._media.at) * 1000 if self._media.is_running else 0
        return self._media.media_time_ms + max(0, round(elapsed_ms))
