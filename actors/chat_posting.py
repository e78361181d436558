"""The way of a post through its room: recognised, judged, written to the log, answered.

The same ``client_id`` of the same person is the same message for good, and is recognised before any rule is applied.
An asker is answered after the commit. The posts of one person are judged in the order in which they came.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any

from actors.chat_judging import Look, Looks, SlowJudge
from actors.chat_log import Appended, ChatEntry, ChatLog, as_shown
from actors.chat_messages import PostChat, Posted
from actors.chat_permissions import REFUSALS, Permissions
from actors.chat_review import Review
from actors.chat_rules import Relationship, clean_text
from actors.chat_timeline import Timeline
from actors.runtime import ActorError, Context, DomainError, Fenced, Later, Lost, Unavailable
from actors.screening import Reason, Verdict
from actors.tracing import Trace

MAX_ANSWERS = 4_096
SETTLE_S = 6.0


class Posting:
    """The posts under way in one room, and the answers that were given last.

    ``media_time_ms`` tells where the stream's media clock stands at a time. A refused fencing token stops the actor:
    another node owns the room.
    """

    def __init__(
        self,
        *,
        context: Context,
        room_id: str,
        log: ChatLog,
        permissions: Permissions,
        review: Review,
        timeline: Timeline,
        media_time_ms: Callable[[datetime], int | None],
        new_id: Callable[[], str],
        trace: Trace | None,
        judge: SlowJudge | None,
        remove: Callable[[str], Awaitable[None]],
    ) -> None:
        self._context = context
        self._fence = context.fence
        self._room_id = room_id
        self._log = log
        self._permissions = permissions
        self._review = review
        self._timeline = timeline
        self._media_time_ms = media_time_ms
        self._new_id = new_id
        self._trace = trace
        self._answers: OrderedDict[tuple[str, str], Posted] = OrderedDict()
        self._open: dict[tuple[str, str], list[Later[Posted]]] = {}
        self._unjudged: dict[str, list[tuple[PostChat, str]]] = {}  # until the author's relationship was read
        self._commits: set[asyncio.Future[Appended]] = set()
        self._begun: dict[str, float] = {}  # the posts that are traced
        self._looks = (
            None
            if judge is None
            else Looks(context=context, room_id=room_id, by=judge, decided=self._looked_at, remove=remove)
        )

    async def settle(self) -> None:
        """Wait until the log has given the outcome of what was admitted before, for at most ``SETTLE_S``."""
        if self._looks is not None:
            await self._looks.settle()
        if self._commits:
            await asyncio.wait(self._commits, timeout=SETTLE_S)

    def post(self, message: PostChat) -> Posted | Later[Posted]:
        """Raises ``DomainError`` for a text or a ``client_id`` that no room takes; all else is in the answer."""
        _require_client_id(message.client_id)
        key = message.author.id, message.client_id
        answered = self._answers.get(key)
        if answered is not None:
            return answered
        later: Later[Posted] = self._context.later()
        if key in self._open:
            # The same message again while it is on its way: both askers get the same answer.
            self._open[key].append(later)
            return later
        if message.attachments and not self._permissions.rules.is_private:
            raise DomainError("invalid", "Attachments are for conversations.", field="attachments")
        text = clean_text(message.text, may_be_empty=bool(message.attachments))
        self._open[key] = [later]
        if message.trace is not None:
            self._begun[message.trace] = self._context.clock.monotonic()
        self._judge_in_turn(message, text)
        return later

    # judging

    def _judge_in_turn(self, message: PostChat, text: str) -> None:
        """At once, or after the look-up that this person's messages wait for: they keep their order."""
        user_id = message.author.id
        relationship = self._permissions.known_relationship(message.author)
        if user_id in self._unjudged:
            self._unjudged[user_id].append((message, text))
        elif relationship is not None:
            self._judge_and_submit(message, text, relationship)
        else:
            self._unjudged[user_id] = [(message, text)]
            if not self._spawn(message, self._judge_after_look_up(user_id), name="relationship"):
                del self._unjudged[user_id]

    async def _judge_after_look_up(self, user_id: str) -> None:
        try:
            relationship = await self._permissions.read_relationship(user_id)
        except ActorError as error:
            for message, _ in self._unjudged.pop(user_id):
                self._reject(message, error)
            return
        for message, text in self._unjudged.pop(user_id):
            self._judge_and_submit(message, text, relationship)

    def _judge_and_submit(self, message: PostChat, text: str, relationship: Relationship) -> None:
        try:
            sent_at, verdict = self._permissions.admit(
                message.author, text, relationship, is_announcement=message.is_announcement
            )
        except DomainError as refusal:
            self._spawn(message, self._refuse_unless_posted(message, refusal), name="repeat")
            return
        if verdict.reason is not None:
            self._begin_holding(message, text, verdict.reason, sent_at)
        elif self._looks is None or self._permissions.rules.is_moderator(message.author):
            self._submit(message, text, sent_at)
        else:
            self._looks.add(message, text, sent_at)

    def _looked_at(self, look: Look, verdict: Verdict) -> None:
        """What the judge made of a message, or what becomes of one that it is late for."""
        message, text, sent_at = look.message, look.text, look.sent_at
        if verdict.action == "allow":
            look.commit = self._submit(message, text, sent_at)
        elif verdict.action == "hold":
            self._begin_holding(message, text, "judge", sent_at)
        else:
            self._permissions.forget_text(message.author, text, sent_at=sent_at)
            refusal = DomainError("screened", REFUSALS["judge"], field="text")
            self._spawn(message, self._refuse_unless_posted(message, refusal), name="repeat")

    def _begin_holding(self, message: PostChat, text: str, reason: Reason, sent_at: datetime) -> None:
        if not self._spawn(message, self._hold(message, text, reason, sent_at), name="hold"):
            self._permissions.take_back(message.author, text, sent_at=sent_at)

    async def _refuse_unless_posted(self, message: PostChat, refusal: DomainError) -> None:
        try:
            found = await self._find(message)
        except (DomainError, ActorError) as error:
            self._reject(message, error)
            return
        if found is None:
            self._reject(message, refusal)
        else:
            self._resolve(message, found)

    async def _hold(self, message: PostChat, text: str, reason: Reason, sent_at: datetime) -> None:
        try:
            found = await self._find(message)
            posted = found or await self._review.hold(message, text, reason, sent_at)
        except (DomainError, ActorError) as error:
            self._permissions.take_back(message.author, text, sent_at=sent_at)
            self._give_up(message, error)
            return
        if found is not None:
            self._permissions.take_back(message.author, text, sent_at=sent_at)
        self._resolve(message, posted)

    async def _find(self, message: PostChat) -> Posted | None:
        """The answer to this message when it was written or held before."""
        found = await self._log.find(self._room_id, message.author.id, message.client_id)
        return await self._review.find(message) if found is None else self._posted(found)

    def _spawn(self, message: PostChat, work: Coroutine[Any, Any, None], *, name: str) -> bool:
        try:
            self._context.spawn(work, name=name)
        except ActorError as error:
            self._reject(message, error)
            return False
        return True

    # writing

    def post_reviewed(self, message: PostChat, text: str, message_id: str) -> asyncio.Future[Appended]:
        """Write a message that was held: it is posted now. Raises what the log raises."""
        entry = self._entry(message, text, self._permissions.now(), message_id)
        commit = self._log.submit(entry)
        self._commits.add(commit)
        commit.add_done_callback(lambda done: self._committed(message, entry, done))
        return commit

    def _submit(self, message: PostChat, text: str, sent_at: datetime) -> asyncio.Future[Appended] | None:
        """None for what the log does not take."""
        entry = self._entry(message, text, sent_at, self._new_id())
        try:
            commit = self._log.submit(entry)
        except (DomainError, ActorError) as error:
            self._refused(message, entry, error)
            return None
        self._commits.add(commit)
        if message.trace is not None:
            commit.add_done_callback(partial(self._commit_ended, message.trace, self._context.clock.monotonic()))
        commit.add_done_callback(lambda done: self._committed(message, entry, done))
        return commit

    def _entry(self, message: PostChat, text: str, sent_at: datetime, message_id: str) -> ChatEntry:
        return ChatEntry(
            room_id=self._room_id,
            shard=self._fence.shard,
            epoch=self._fence.epoch,
            id=message_id,
            user_id=message.author.id,
            client_id=message.client_id,
            text=text,
            reply_to=message.reply_to,
            sent_at=sent_at,
            media_time_ms=self._media_time_ms(sent_at),
            is_announcement=message.is_announcement,
            attachments=message.attachments,
        )

    def _committed(self, message: PostChat, entry: ChatEntry, done: asyncio.Future[Appended]) -> None:
        self._commits.discard(done)
        error = _log_was_closed(self._room_id) if done.cancelled() else done.exception()
        if error is not None:
            self._refused(message, entry, error)
            return
        appended = done.result()
        posted = self._posted(appended)
        self._answers[(entry.user_id, entry.client_id)] = posted
        if len(self._answers) > MAX_ANSWERS:
            self._answers.popitem(last=False)
        timeline = self._timeline
        if appended.offset == timeline.offset + 1 and not appended.is_duplicate:
            badges = self._permissions.badges(message.author, at=entry.sent_at)
            timeline.append(as_shown(message.author, entry, appended.offset, badges), trace=message.trace)
        elif appended.offset > timeline.offset:
            # Something before it, or this itself, was written and its outcome lost.
            timeline.mend(up_to=appended.offset)
        if appended.is_duplicate:
            self._take_back(message, entry)
        self._resolve(message, posted)

    def _refused(self, message: PostChat, entry: ChatEntry, error: BaseException) -> None:
        self._take_back(message, entry)
        if isinstance(error, Unavailable):
            self._timeline.mend()
        self._give_up(message, error)

    def _give_up(self, message: PostChat, error: BaseException) -> None:
        """The message was not written. A refused token stops the room."""
        if isinstance(error, Fenced):
            self._context.stop()
            error = Lost(self._context.id, "the room has just moved", retry_after_s=0.1)
        elif not isinstance(error, DomainError | ActorError):
            self._context.log.error("a post was not written", exc_info=error)
            error = Unavailable(self._context.id, "the message could not be written")
        self._reject(message, error)

    def _take_back(self, message: PostChat, entry: ChatEntry) -> None:
        self._permissions.take_back(message.author, entry.text, sent_at=entry.sent_at)

    def _posted(self, appended: Appended) -> Posted:
        return Posted(id=appended.id, offset=appended.offset, epoch=self._timeline.epoch)

    # answering

    def _resolve(self, message: PostChat, posted: Posted) -> None:
        for later in self._close(message):
            later.resolve(posted)

    def _reject(self, message: PostChat, error: DomainError | ActorError) -> None:
        for later in self._close(message):
            later.reject(error)

    def _close(self, message: PostChat) -> list[Later[Posted]]:
        if message.trace is not None:
            self._note(message.trace, "room.post", self._begun.pop(message.trace, None))
        return self._open.pop((message.author.id, message.client_id), [])

    def _commit_ended(self, trace: str, since: float, _: asyncio.Future[Appended]) -> None:
        self._note(trace, "room.commit", since)

    def _note(self, trace: str, step: str, since: float | None) -> None:
        if self._trace is not None and since is not None:
            self._trace(trace, step, since=since)


def _log_was_closed(room_id: str) -> Unavailable:
    return Unavailable(room_id, "the log was closed before the message was written")


def _require_client_id(client_id: str) -> None:
    if not 0 < len(client_id) <= 64 or not client_id.isprintable():
        raise DomainError("invalid", "client_id is 1 to 64 printable characters.", field="client_id")
