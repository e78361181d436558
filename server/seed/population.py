"""People, follows and posts made up from a number: the same number, the same rows. Pure.

Few people have many followers and write much (a power law), threads grow around what is recent, and every counter of a
post is what its rows add up to. Nobody can sign in: there are no passwords.
"""

from __future__ import annotations

import datetime as dt
import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Final

from server.seed.words import FIRST_NAMES, HASHTAGS, LAST_NAMES, SENTENCES
from storage.copying import Table

DAYS: Final = 60
POPULARITY: Final = 2.5
TALKATIVENESS: Final = 1.6
RECENT: Final = 20_000
REPLY, REPOST, QUOTE, PLAIN = range(4)
_SHARES: Final = ((0.15, REPLY), (0.21, REPOST), (0.24, QUOTE), (1.0, PLAIN))
EMOJI: Final = ("👍", "❤️", "🎉", "😂")
REACTED_SHARE: Final = 0.25
TAGGED_SHARE: Final = 0.2
_ODD: Final = 0x9E37_79B9_7F4A_7C15
_STEP: Final = 7_919
_NULL: Final = "\\N"
_ZERO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, kw_only=True)
class Sizes:
    people: int
    posts: int
    follows: int
    seed: int = 1


class Threads:
    """What each post answers, repeats or quotes, and how often each was. Indexes are in the order of time."""

    def __init__(self, sizes: Sizes) -> None:
        count, random = sizes.posts, _random(sizes, "threads")
        self.authors = array("i", (int(sizes.people * random.random() ** TALKATIVENESS) for _ in range(count)))
        self.kinds = bytearray(count)
        self.targets, self.roots = array("i", [-1]) * count, array("i", [-1]) * count
        self.counts = [array("i", [0]) * count for _ in (REPLY, REPOST, QUOTE)]
        repeated: set[tuple[int, int]] = set()
        for post in range(count):
            self._place(post, random, repeated)

    def _place(self, post: int, random: Random, repeated: set[tuple[int, int]]) -> None:
        share = random.random()
        kind = next(kind for most, kind in _SHARES if share < most)
        target = post - 1 - int(random.random() ** 3 * min(post, RECENT))
        if kind == PLAIN or target < 0 or self.kinds[target] == REPOST:
            self.kinds[post] = PLAIN
            return
        if kind == REPOST:
            pair = (target, self.authors[post])
            if pair in repeated:
                self.kinds[post] = PLAIN
                return
            repeated.add(pair)
        self.kinds[post] = kind
        self.targets[post] = target
        if kind == REPLY:
            self.roots[post] = target if self.roots[target] < 0 else self.roots[target]
        self.counts[kind][target] += 1


class Population:
    """The rows of ``sizes``; the newest post is written at ``until``."""

    def __init__(self, sizes: Sizes, *, until: dt.datetime) -> None:
        self._sizes = sizes
        self._until_us = (until - _ZERO) // dt.timedelta(microseconds=1)
        self._step_us = DAYS * 86_400_000_000 // max(1, sizes.posts)
        self._of_posts: tuple[int, int] | None = None

    @cached_property
    def _threads(self) -> Threads:
        return Threads(self._sizes)

    @cached_property
    def people(self) -> Sequence[str]:
        """Their ids. They came a day apart or less, before the first post."""
        before_ms = self._until_us // 1000 - 2 * DAYS * 86_400_000
        return [self._id(before_ms + number, number, 1) for number in range(self._sizes.people)]

    def username(self, number: int) -> str:
        return f"{FIRST_NAMES[number % len(FIRST_NAMES)]}_{number:x}_{self._sizes.seed}".lower()

    @property
    def totals(self) -> dict[str, int | None]:
        """Table → rows; None for those of posts until all posts were made."""
        sizes = self._sizes
        of_posts = self._of_posts or (None, None)
        return {"users": sizes.people, "follows": sizes.follows, "posts": sizes.posts, "post_hashtags": of_posts[0],
                "post_reactions": of_posts[1]}  # fmt: skip

    def tables(self) -> Sequence[Table]:
        return (
            Table(name="users", columns=_USERS, lines=self._users),
            Table(name="follows", columns=("follower_id", "followee_id", "created_at"), lines=self._follows),
            Table(name="posts", columns=_POSTS, lines=self._posts),
            Table(name="post_hashtags", columns=("tag", "post_id", "published_at", "author_id"), lines=self._tags),
            Table(name="post_reactions", columns=("post_id", "person_id", "emoji", "created_at"), lines=self._reacted),
        )

    def _users(self) -> Iterator[str]:
        at = self._time(-DAYS * 2 * 86_400_000_000)
        for number, person_id in enumerate(self.people):
            name = self.username(number)
            mail = f"{name}@seed.invalid"
            shown = f"{FIRST_NAMES[number % len(FIRST_NAMES)]} {LAST_NAMES[number // 7 % len(LAST_NAMES)]}"
            yield f"{person_id}\t{name}\t{name}\t{mail}\t{mail}\t\t{shown}\tseed_{person_id}\t{at}"

    def _follows(self) -> Iterator[str]:
        sizes, people, random = self._sizes, self.people, _random(self._sizes, "follows")
        each, more = divmod(sizes.follows, sizes.people)
        at = self._time(-DAYS * 86_400_000_000)
        for number, person_id in enumerate(people):
            wanted = min(each + (number < more), sizes.people - 1)
            for followee in _distinct(random, wanted, sizes.people, number):
                yield f"{person_id}\t{people[followee]}\t{at}"

    def _posts(self) -> Iterator[str]:
        threads, people, random = self._threads, self.people, _random(self._sizes, "posts")
        replies, reposts, quotes = threads.counts
        tagged = reacted = 0
        for post, kind in enumerate(threads.kinds):
            target = self.post_id(threads.targets[post]) if threads.targets[post] >= 0 else _NULL
            root = self.post_id(threads.roots[post]) if threads.roots[post] >= 0 else _NULL
            places = [target if kind == place else _NULL for place in (REPLY, QUOTE, REPOST)]
            sentence = random.choice(SENTENCES)
            tags, reactions = self._tags_of(post), self._reactions_of(post)
            tagged, reacted = tagged + len(tags), reacted + sum(reactions.values())
            text = "" if kind == REPOST else " ".join([sentence, *(f"#{tag}" for tag in tags)])
            at = self._time(self._at(post))
            yield "\t".join([
                self.post_id(post), people[threads.authors[post]], text, places[0], root, places[1], places[2],
                "public",
                "ar" if sentence[0] > "\u0600" else "en", "published", at, at,
                str(replies[post]), str(reposts[post]), str(quotes[post]),
                json.dumps(reactions, ensure_ascii=False) if reactions else "{}",
            ])  # fmt: skip
        self._of_posts = tagged, reacted

    def _tags(self) -> Iterator[str]:
        for post in range(self._sizes.posts):
            for tag in self._tags_of(post):
                author = self.people[self._threads.authors[post]]
                yield f"{tag}\t{self.post_id(post)}\t{self._time(self._at(post))}\t{author}"

    def _reacted(self) -> Iterator[str]:
        for post in range(self._sizes.posts):
            first = _mixed(post, 3) % self._sizes.people
            turn = 0
            for emoji, count in self._reactions_of(post).items():
                for _ in range(count):
                    person = self.people[(first + turn * _STEP) % self._sizes.people]
                    yield f"{self.post_id(post)}\t{person}\t{emoji}\t{self._time(self._at(post) + turn)}"
                    turn += 1

    def _tags_of(self, post: int) -> Sequence[str]:
        if self._threads.kinds[post] == REPOST:
            return ()
        chance = _mixed(post, 4) / 2**64
        return (HASHTAGS[int(len(HASHTAGS) * (chance / TAGGED_SHARE) ** 2)],) if chance < TAGGED_SHARE else ()

    def _reactions_of(self, post: int) -> dict[str, int]:
        """One person reacts with one emoji, and only as many as there are people."""
        chance = _mixed(post, 5) / 2**64
        if chance >= REACTED_SHARE or self._threads.kinds[post] == REPOST or self._sizes.people < 2 * _STEP:
            return {}
        return {emoji: 1 + (post + place) % 3 for place, emoji in enumerate(EMOJI[: 1 + post % 3])}

    def post_id(self, post: int) -> str:
        return self._id((self._until_us + self._at(post)) // 1000, post, 2)

    def _at(self, post: int) -> int:
        """Microseconds before ``until``, as a negative number."""
        return (post + 1 - self._sizes.posts) * self._step_us

    def _time(self, offset_us: int) -> str:
        return (_ZERO + dt.timedelta(microseconds=self._until_us + offset_us)).isoformat()

    def _id(self, at_ms: int, number: int, kind: int) -> str:
        """A UUIDv7 whose random part is the number, mixed."""
        low = _mixed(number, kind * 1_000_003 + self._sizes.seed) >> 2
        value = at_ms << 80 | 0x7 << 76 | (number & 0xFFF) << 64 | 0b10 << 62 | low
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_USERS: Final = (
    "id", "username", "username_key", "email", "email_key", "password_hash", "display_name", "stream_key", "created_at",
)  # fmt: skip
_POSTS: Final = (
    "id", "author_id", "text", "reply_to", "root_id", "quote_of", "repost_of", "visibility", "language", "state",
    "published_at", "created_at", "replies", "reposts", "quotes", "reactions",
)  # fmt: skip


def _random(sizes: Sizes, of: str) -> Random:
    return Random(f"{sizes.seed} {of}")  # noqa: S311 - the same for the same number is what it is for


def _distinct(random: Random, wanted: int, people: int, but: int) -> set[int]:
    """Whom one person follows: the lower the number, the likelier. Each once, not the person."""
    found: set[int] = set()
    while len(found) < wanted:
        one = int(people * random.random() ** POPULARITY)
        while one in found or one == but:
            one = (one + 1) % people
        found.add(one)
    return found


def _mixed(number: int, salt: int) -> int:
    """64 bits that look random (splitmix64)."""
    value = (number * _ODD + salt * 0xD1B5_4A32_D192_ED03 + _ODD) & 0xFFFF_FFFF_FFFF_FFFF
    value = (value ^ value >> 30) * 0xBF58_476D_1CE4_E5B9 & 0xFFFF_FFFF_FFFF_FFFF
    value = (value ^ value >> 27) * 0x94D0_49BB_1331_11EB & 0xFFFF_FFFF_FFFF_FFFF
    return value ^ value >> 31
