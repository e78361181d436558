"""Home timelines in Redis: a cache of which posts a person's feed holds, that can be lost at any moment.

A timeline is a sorted set a person: members are post ids (16 bytes), scores are ``published_at`` in microseconds, so
that the order is ``(published_at, id)`` exactly. Beside them lies a mark of when it was made. It is held for as long as
its person reads it, and for ``kept_s`` after that.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from storage.errors import Unavailable
from storage.ids import uuid_text
from storage.redis import Redis, Script

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_MADE: Final = b"made"
"""The mark: its score is the negative of when the timeline was made, so that its rank is 0."""
_BEGUN: Final = b"begun"
_BEGUN_S: Final = 60

Position = tuple[dt.datetime, str]
"""``(published_at, id)`` of a post."""


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a timeline, the newest first, and when all of it was made. ``is_whole``: what is not in it is in no
    timeline of this person, so nothing older is to be looked for elsewhere.
    """

    entries: tuple[Position, ...]
    made_at: dt.datetime
    is_whole: bool


def micros(at: dt.datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def moment(value: float) -> dt.datetime:
    return _EPOCH + int(value) * _MICROSECOND


class Timelines:
    """Every call but ``forget`` raises ``Unavailable`` while Redis is away. ``most``: posts that a timeline keeps."""

    def __init__(self, *, redis: Redis, most: int, kept_s: int) -> None:
        self._redis = redis
        self._most = most
        self._kept_s = kept_s
        self._push = Script.load("timeline_push")

    @property
    def most(self) -> int:
        return self._most

    async def read(self, person_id: str, *, before: Position | None, limit: int) -> Timeline | None:
        """Up to ``limit`` posts that are older than ``before``; None when no timeline is held. One exchange."""
        key = _key(person_id)
        # Posts of the same microsecond as the position are sorted out here.
        top: str | int = "+inf" if before is None else micros(before[0])
        held, mark, count, _ = await self._redis.pipeline(
            [
                ("ZREVRANGEBYSCORE", key, top, 0, "WITHSCORES", "LIMIT", 0, limit + (8 if before else 0)),
                ("ZSCORE", key, _MADE),
                ("ZCARD", key),
                ("EXPIRE", key, self._kept_s),
            ]
        )
        if mark is None:
            return None
        entries = [(moment(float(score)), uuid_text(member)) for member, score in _pairs(held)]
        older = [entry for entry in entries if before is None or entry < before][:limit]
        is_end = len(older) < limit
        return Timeline(
            entries=tuple(older),
            made_at=moment(-float(mark)),
            is_whole=not is_end or int(count) - 1 < self._most,
        )

    async def begin(self, person_id: str) -> None:
        """Take in what is pushed from now on, before the posts that there are already are looked for: a post is then
        either found or pushed. Until ``make`` the timeline is none to readers.
        """
        key = _key(person_id)
        await self._redis.pipeline([("ZADD", key, -1, _BEGUN), ("EXPIRE", key, _BEGUN_S)])

    async def make(self, person_id: str, entries: Sequence[Position], *, made_at: dt.datetime) -> None:
        """Put posts into a timeline that has begun. ``made_at``: who was followed later is not in it."""
        key = _key(person_id)
        words: list[str | bytes | int] = [-micros(made_at), _MADE]
        for at, post_id in entries[: self._most]:
            words += [micros(at), UUID(post_id).bytes]
        await self._redis.pipeline([("ZADD", key, *words), ("ZREM", key, _BEGUN), ("EXPIRE", key, self._kept_s)])

    async def push(self, person_ids: Sequence[str], entry: Position) -> int:
        """Add a post to those of the timelines that are held; how many took it. A repeat changes nothing."""
        at, post_id = entry
        keys = [_key(person_id) for person_id in person_ids]
        args = (micros(at), UUID(post_id).bytes, self._most)
        return int(await self._redis.run(self._push, keys=keys, args=args)) if keys else 0

    async def forget(self, person_id: str) -> None:
        """Where Redis is away, the timeline goes by itself after ``kept_s``: it holds ids of posts alone."""
        with contextlib.suppress(Unavailable):
            await self._redis.command("DEL", _key(person_id))


class RankedPages:
    """The order in which a reader's ranked feed was begun, so that its later pages neither repeat nor leave out.

    A list of ids a session; ``kept_s`` after its last page it is forgotten. Raises ``Unavailable``.
    """

    def __init__(self, *, redis: Redis, kept_s: int) -> None:
        self._redis = redis
        self._kept_s = kept_s

    async def save(self, session: UUID, person_id: str, body: bytes) -> None:
        await self._redis.command("SET", _session_key(session, person_id), body, "EX", self._kept_s)

    async def load(self, session: UUID, person_id: str) -> bytes | None:
        """What was saved for this person; None when it is no longer held."""
        held = await self._redis.command("GETEX", _session_key(session, person_id), "EX", self._kept_s)
        return None if held is None else bytes(held)


def _key(person_id: str) -> str:
    return f"feed:{person_id}"


def _session_key(session: UUID, person_id: str) -> str:
    return f"feed:ranked:{person_id}:{session}"


def _pairs(flat: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    return list(zip(flat[::2], flat[1::2], strict=True))
