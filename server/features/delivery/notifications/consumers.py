"""What others do becomes notices: each consumer of a fact writes in the transaction that moves the reader."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, Protocol

import msgspec

from server.features.delivery.notifications.fan_out import StreamFanOut
from server.features.delivery.notifications.kinds import (
    FOLLOW,
    FOLLOW_APPROVED,
    FOLLOW_REQUEST,
    MENTION,
    MODERATION,
    RECORDING_EXPIRING,
    SUBSCRIPTION_UNPAID,
    Notice,
    Subject,
)
from server.features.delivery.notifications.notifications import Notifications
from server.features.delivery.notifications.subjects import CASE, SUBSCRIPTION
from server.features.money.memberships.facts import SubscriptionUnpaid
from server.features.people.facts import (
    AccountDeleted,
    BlockChanged,
    FollowChanged,
    FollowRequestChanged,
    MuteChanged,
)
from server.features.people.rules import mentioned_in
from server.features.safety.cases.facts import ModerationDecided
from server.features.videos.recordings.facts import RecordingExpiring
from server.jobs import Attempt, Job, Jobs
from storage.chat_mentions import ChatMentioned, read_mentioning
from storage.facts import Consumer
from storage.postgres import Reads, Transaction
from storage.stream_facts import StreamScheduled, StreamStarted

MAX_MENTIONED: Final = 10
"""Of a chat message."""


class Names(Protocol):
    async def named(self, where: Reads, usernames: Collection[str]) -> list[str]: ...


class Admission(Protocol):
    async def admitted(self, where: Reads, stream_id: str, ids: Collection[str]) -> list[str]: ...


class Forget(msgspec.Struct, frozen=True):
    person_id: str


class Consumers:
    """Of facts about people, streams and chat. ``job`` removes what a deleted account caused."""

    def __init__(
        self, *, notifications: Notifications, fan_out: StreamFanOut, names: Names, streams: Admission, jobs: Jobs
    ) -> None:
        self._notifications = notifications
        self._fan_out = fan_out
        self._names = names
        self._streams = streams
        self._jobs = jobs
        self.job = Job(name="notifications.forget", body=Forget, run=self._forget, timeout_s=300.0)

    def all(self) -> Sequence[Consumer[Any]]:
        return (
            Consumer(FollowChanged, self._followed),
            Consumer(FollowRequestChanged, self._asked),
            Consumer(StreamStarted, self._started),
            Consumer(StreamScheduled, self._fan_out.announce),
            Consumer(ChatMentioned, self._mentioned),
            Consumer(RecordingExpiring, self._expiring),
            Consumer(ModerationDecided, self._moderated),
            Consumer(SubscriptionUnpaid, self._unpaid),
            Consumer(BlockChanged, self._blocked),
            Consumer(MuteChanged, self._muted),
            Consumer(AccountDeleted, self._deleted),
        )

    async def _followed(self, tx: Transaction, fact: FollowChanged) -> None:
        """Who has let the follower in knows of it; the follower does not."""
        follower, followee = fact.follower_id, fact.followee_id
        if fact.is_approved:
            await self._notifications.withdraw(tx, FOLLOW_REQUEST, actor_id=follower, recipient_id=followee)
            await self._notifications.notify(tx, Notice(kind=FOLLOW_APPROVED, actor_id=followee), [follower])
        elif fact.is_following:
            await self._notifications.notify(tx, Notice(kind=FOLLOW, actor_id=follower), [followee])
        else:
            await self._notifications.withdraw(tx, FOLLOW, actor_id=follower, recipient_id=followee)
            await self._notifications.withdraw(tx, FOLLOW_APPROVED, actor_id=followee, recipient_id=follower)

    async def _asked(self, tx: Transaction, fact: FollowRequestChanged) -> None:
        follower, followee = fact.follower_id, fact.followee_id
        if fact.is_waiting:
            await self._notifications.notify(tx, Notice(kind=FOLLOW_REQUEST, actor_id=follower), [followee])
        else:
            await self._notifications.withdraw(tx, FOLLOW_REQUEST, actor_id=follower, recipient_id=followee)

    async def _started(self, tx: Transaction, fact: StreamStarted) -> None:
        """Followers are notified of streams that they may find in lists, by jobs: there may be 100,000 of them."""
        if fact.visibility in ("public", "followers"):
            await self._fan_out.begin(tx, fact)

    async def _mentioned(self, tx: Transaction, fact: ChatMentioned) -> None:
        message = await read_mentioning(tx, fact)
        usernames = mentioned_in(message.text, MAX_MENTIONED) if message is not None else []
        if message is None or not usernames:
            return
        ids = await self._streams.admitted(tx, message.stream_id, await self._names.named(tx, usernames))
        subject = Subject("stream", message.stream_id)
        notice = Notice(kind=MENTION, actor_id=message.author_id, subject=subject, happened_at=message.sent_at)
        await self._notifications.notify(tx, notice, ids)

    async def _expiring(self, tx: Transaction, fact: RecordingExpiring) -> None:
        notice = Notice(kind=RECORDING_EXPIRING, actor_id=fact.owner_id, subject=Subject("stream", fact.stream_id))
        await self._notifications.notify(tx, notice, [fact.owner_id])

    async def _unpaid(self, tx: Transaction, fact: SubscriptionUnpaid) -> None:
        subject = Subject(SUBSCRIPTION, fact.subscription_id)
        notice = Notice(kind=SUBSCRIPTION_UNPAID, actor_id=fact.payer_id, subject=subject, happened_at=fact.at)
        await self._notifications.notify(tx, notice, [fact.payer_id])

    async def _moderated(self, tx: Transaction, fact: ModerationDecided) -> None:
        """Whether it was decided or taken back: the page that it leads to says which."""
        notice = Notice(
            kind=MODERATION, actor_id=fact.person_id, subject=Subject(CASE, fact.case_id), happened_at=fact.at
        )
        await self._notifications.notify(tx, notice, [fact.person_id])

    async def _blocked(self, tx: Transaction, fact: BlockChanged) -> None:
        if fact.is_blocking:
            await self._notifications.part(tx, fact.person_id, fact.other_id)

    async def _muted(self, tx: Transaction, fact: MuteChanged) -> None:
        if fact.is_muting:
            await self._notifications.silence(tx, fact.person_id, fact.other_id)

    async def _deleted(self, tx: Transaction, fact: AccountDeleted) -> None:
        await self._jobs.enqueue(tx, self.job, Forget(fact.person_id))

    async def _forget(self, attempt: Attempt[Forget]) -> None:
        await self._notifications.forget_actor(attempt.body.person_id)
