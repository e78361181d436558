"""A post goes out: into the timelines of its author's followers, and word of it to their sockets.

One job a post goes through the followers in batches and gives way to others between them. An author with more
followers than ``most`` is noted as one to be looked up at reading: the followers only get word.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Final, Protocol

import msgspec

from actors.runtime.clock import Clock
from server.features.people.audience import Follower
from server.features.social.feed import queries
from server.features.social.posts.facts import PostPublished
from server.jobs import Attempt, Job, Jobs, RetryLater
from server.publish import Publish
from server.socket_events import ServerEvent
from storage.errors import Unavailable
from storage.postgres import Database, Reads, Transaction
from storage.timelines import Timelines

BATCH: Final = 1_000
WORD_S: Final = 0.25
"""How long word of new posts is gathered, so that a person gets one event for several."""
MAX_GATHERED: Final = 100_000
LONGEST_PAUSE_S: Final = 600.0
SHOWN: Final = ("public", "followers")


class NewItems(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``count``: posts that have come since the last such event, or since the connection began."""

    count: int


NEW: Final = ServerEvent(
    name="feed:new",
    summary="Posts have come into your home feed, gathered for a moment",
    body=NewItems,
    to="the sockets of the person",
)


class Followers(Protocol):
    async def followers(
        self, where: Reads, person_id: str, *, before: Follower | None, limit: int
    ) -> Sequence[Follower]: ...

    async def reached_by(self, where: Reads, author_id: str, ids: Collection[str]) -> list[str]: ...


class Word:
    """Gathers how many posts are new for whom, and publishes it. Bounded: what is full goes out at once."""

    def __init__(self, *, publish: Publish, clock: Clock) -> None:
        self._publish = publish
        self._clock = clock
        self._gathered: Counter[str] = Counter()

    def add(self, person_ids: Sequence[str]) -> None:
        if not self._gathered and person_ids:
            self._clock.call_later(WORD_S, self.send)
        self._gathered.update(person_ids)
        if len(self._gathered) >= MAX_GATHERED:
            self.send()

    def send(self) -> None:
        gathered, self._gathered = self._gathered, Counter()
        by_count: defaultdict[int, list[str]] = defaultdict(list)
        for person_id, count in gathered.items():
            by_count[count].append(person_id)
        for count, person_ids in by_count.items():
            for start in range(0, len(person_ids), BATCH):
                self._publish.to_people(person_ids[start : start + BATCH], NEW.name, {"count": count})


class PushPost(msgspec.Struct, frozen=True, kw_only=True):
    post_id: str
    author_id: str
    published_at: dt.datetime


class Push:
    """``job`` pushes one post; ``begin`` enqueues it."""

    def __init__(
        self,
        *,
        db: Database,
        timelines: Timelines,
        followers: Followers,
        jobs: Jobs,
        word: Word,
        most: int,
        batch: int = BATCH,
    ) -> None:
        self._db = db
        self._timelines = timelines
        self._followers = followers
        self._jobs = jobs
        self._word = word
        self._most = most
        self._batch = batch
        self.job = Job(name="feed.push", body=PushPost, run=self._run)

    async def begin(self, tx: Transaction, fact: PostPublished) -> None:
        """Of what home feeds hold. Before others' jobs, as people wait for it."""
        if fact.visibility in SHOWN and fact.reply_to is None:
            body = PushPost(post_id=fact.post_id, author_id=fact.author_id, published_at=fact.published_at)
            await self._jobs.enqueue(tx, self.job, body, key=fact.post_id, priority="high")

    async def _run(self, attempt: Attempt[PushPost]) -> None:
        """Word is given in the first attempt alone. While Redis is away the timelines that it may still hold miss the
        post, so it is tried again.
        """
        body, is_first = attempt.body, attempt.number == 1
        is_pushed = not await self._is_pulled(body.author_id)
        is_missed = False
        before: Follower | None = None
        while is_pushed or is_first:
            batch = await self._followers.followers(self._db, body.author_id, before=before, limit=self._batch)
            ids = [follower.id for follower in batch]
            if is_pushed and not is_missed:
                is_missed = not await self._push(body, ids)
            if is_first and ids:
                self._word.add(await self._followers.reached_by(self._db, body.author_id, ids))
            if len(batch) < self._batch:
                break
            before = batch[-1]
        if is_missed:
            raise RetryLater("Redis is away", after_s=min(LONGEST_PAUSE_S, 5.0 * 2**attempt.number))

    async def _push(self, body: PushPost, ids: Sequence[str]) -> bool:
        """False while Redis is away."""
        try:
            await self._timelines.push(ids, (body.published_at, body.post_id))
        except Unavailable as error:
            if error.dependency != "redis":
                raise
            return False
        return True

    async def _is_pulled(self, author_id: str) -> bool:
        """For good, once there were too many followers: what was never pushed must stay to be found."""
        if await self._db.fetchval(queries.IS_PULLED, author_id):
            return True
        if not await self._db.fetchval(queries.ARE_MANY, author_id, self._most):
            return False
        await self._db.execute(queries.PULL, author_id)
        return True
