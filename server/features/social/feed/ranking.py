"""The order of a ranked feed: a pure function of named features, behind a port with a deadline.

A score is a weighted sum, so the largest summand says why a post stands where it stands.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from server.features.social.feed.rules import Reason

log = logging.getLogger("server.feed")

HALF_LIFE_S: Final = 6 * 3600.0
VARIETY: Final = 0.75
"""What each further post of one author is worth, in proportion to the one before."""
RECENCY: Final = 1.0
AFFINITY: Final = 0.6
ENGAGEMENT: Final = 0.35
LIVE: Final = 1.5
ENOUGH_ACTS: Final = 20.0
"""Acts with an author from which on more of them say no more."""
ENOUGH_ENGAGEMENT: Final = 500.0


class Features(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one post for one reader.

    ``affinity``: decayed acts of the reader on the author's posts. ``engagement``: weighted replies, reposts, quotes
    and reactions. ``is_live``: the post is of a stream that is on the air.
    """

    post_id: str
    author_id: str
    age_s: float
    affinity: float = 0.0
    engagement: float = 0.0
    is_live: bool = False
    found: Reason = "following"


class Ranked(msgspec.Struct, frozen=True):
    post_id: str
    reason: Reason


class Ranker(Protocol):
    """Answers each of the posts once, best first. May raise ``RankerAway``."""

    async def rank(self, posts: Sequence[Features]) -> Sequence[Ranked]: ...


class RankerAway(Exception):
    """No order can be had at the moment."""


class WeightedRanker:
    """``ranked``, as a port."""

    async def rank(self, posts: Sequence[Features]) -> Sequence[Ranked]:
        return ranked(posts)


def recency(age_s: float) -> float:
    return float(0.5 ** (max(age_s, 0.0) / HALF_LIFE_S))


def saturated(value: float, enough: float) -> float:
    """0 for none, 1 for ``enough`` and more, by logarithm."""
    return min(1.0, math.log1p(max(value, 0.0)) / math.log1p(enough))


def summands(post: Features) -> dict[Reason, float]:
    """What each feature adds to the score of a post."""
    return {
        post.found: RECENCY * recency(post.age_s),
        "affinity": AFFINITY * saturated(post.affinity, ENOUGH_ACTS),
        "popular": ENGAGEMENT * saturated(post.engagement, ENOUGH_ENGAGEMENT),
        "live": LIVE * post.is_live,
    }


def reason_of(post: Features) -> Reason:
    """The feature that adds the most; where the post was found when none adds anything else."""
    parts = summands(post)
    best = max(parts, key=lambda name: parts[name])
    return best if parts[best] > 0 else post.found


def ranked(posts: Sequence[Features]) -> list[Ranked]:
    """Best first. The n-th best of an author counts ``VARIETY ** n``, so that nobody fills the page. Ties by age."""
    best_first = sorted(((sum(summands(post).values()), post) for post in posts), key=_order)
    seen: Counter[str] = Counter()
    varied = []
    for score, post in best_first:
        varied.append((score * VARIETY ** seen[post.author_id], post))
        seen[post.author_id] += 1
    return [Ranked(post.post_id, reason_of(post)) for _, post in sorted(varied, key=_order)]


def chronological(posts: Sequence[Features]) -> list[Ranked]:
    newest_first = sorted(posts, key=lambda post: (post.age_s, post.post_id))
    return [Ranked(post.post_id, post.found) for post in newest_first]


async def rank_within(ranker: Ranker, posts: Sequence[Features], *, deadline_s: float) -> Sequence[Ranked]:
    """The ranker's order, or the newest first where it has none within the deadline."""
    try:
        async with asyncio.timeout(deadline_s):
            return await ranker.rank(posts)
    except (TimeoutError, RankerAway) as error:
        log.warning("the feed is chronological: %s", str(error) or "no order within the deadline")
        return chronological(posts)


def _order(scored: tuple[float, Features]) -> tuple[float, float, str]:
    score, post = scored
    return -score, post.age_s, post.post_id
