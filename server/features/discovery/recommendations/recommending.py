"""Recommendations for one person: candidates from a pool that all share and from the model, filtered, then ranked."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from server.features.discovery.recommendations import queries
from server.features.discovery.recommendations.pools import Pooled, Pools
from server.features.discovery.recommendations.ports import Assigns, Kind, Shows
from server.features.discovery.recommendations.ranking import Candidate, best_first, diverse
from server.features.discovery.recommendations.taste import CurrentTaste, Taste
from server.live.viewings import Viewer
from storage.postgres import Database, Row

EXPERIMENT: Final = "recommendations"
POPULARITY: Final = "popularity"
"""The arm of the experiment whose people get what is popular, without the model."""
MOST_ACTS: Final = 200
MOST_FOLLOWED: Final = 2_000
MOST_FEEDBACK: Final = 1_000
MOST_FRIENDS: Final = 200
FROM_MODEL: Final = 150
MOST_SHOWN: Final = 100
SPARE: Final = 20
"""Candidates that are looked at beside those wanted, for what the viewer may not see."""
ROUNDS: Final = 3
AFFINE: Final = 0.3
"""What an act of the past counts for its owner."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of who asks. ``acts``: the latest first."""

    acts: Sequence[Row] = ()
    followed: frozenset[str] = frozenset()
    muted: frozenset[str] = frozenset()
    friends: Mapping[str, int] = {}
    topics: frozenset[str] = frozenset()
    feedback: Sequence[Row] = ()

    def acted_on(self, kind: Kind) -> set[str]:
        return {row["item_id"] for row in self.acts if row["kind"] == kind}

    def by_owner(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for row in self.acts:
            found[row["owner_id"]] = found.get(row["owner_id"], 0.0) + row["weight"]
        return found

    def videos(self) -> dict[str, float]:
        return {row["item_id"]: row["weight"] for row in self.acts if row["kind"] == "videos"}

    def put_away(self) -> set[str]:
        """What they want to see less of, or never again."""
        return {row["item_id"] for row in self.feedback if row["verdict"] != "more"}

    def verdicts(self, verdict: str) -> dict[str, int]:
        """Owner → how often the person gave this verdict on their things."""
        found: dict[str, int] = {}
        for row in self.feedback:
            if row["verdict"] == verdict:
                found[row["owner_id"]] = found.get(row["owner_id"], 0) + 1
        return found


class Recommending:
    """``creators``: the model of whose things people like; ``videos``: that of which videos."""

    def __init__(
        self,
        *,
        db: Database,
        pools: Pools,
        shows: Mapping[Kind, Shows],
        creators: CurrentTaste,
        videos: CurrentTaste,
        experiments: Assigns,
        now: Callable[[], dt.datetime],
    ) -> None:
        self._db = db
        self._pools = pools
        self._shows = shows
        self._creators = creators
        self._videos = videos
        self._experiments = experiments
        self._now = now

    async def recommended(self, kind: Kind, viewer: Viewer, limit: int) -> list[dict[str, Any]]:
        """Items with their ``reason``, best first. Guests get what trends and what is new."""
        person = await self._person(kind, viewer)
        taste = await self._taste(kind, viewer)
        candidates = self._candidates(kind, await self._pools.of(kind), person, taste, viewer)
        wanted = best_first(candidates)
        chosen, shown = await self._filtered(kind, wanted, viewer, limit, person.muted)
        return [{**shown[one.id], "reason": one.reason} for one in diverse(chosen, limit)]

    async def _filtered(
        self, kind: Kind, wanted: Sequence[Candidate], viewer: Viewer, limit: int, muted: Collection[str]
    ) -> tuple[list[Candidate], dict[str, dict[str, Any]]]:
        """The candidates that the viewer may see, and those as items: enough for a page of diverse owners."""
        chosen: list[Candidate] = []
        shown: dict[str, dict[str, Any]] = {}
        step = min(MOST_SHOWN, limit + SPARE)
        for at in range(0, ROUNDS * step, step):
            batch = wanted[at : at + step]
            if not batch or len(chosen) >= limit:
                break
            items = await self._shows[kind]([one.id for one in batch], viewer)
            shown |= items
            known = [msgspec.structs.replace(one, owner_id=owner_of(items[one.id])) for one in batch if one.id in items]
            chosen += [one for one in known if one.owner_id not in muted]
        return chosen, shown

    def _candidates(
        self, kind: Kind, pool: Sequence[Pooled], person: Person, taste: Taste | None, viewer: Viewer
    ) -> list[Candidate]:
        found = {one.id: one for one in pool}
        factors = None if taste is None else taste.person(_history(kind, person))
        alike: Mapping[str, float] = {}
        if taste is not None and factors is not None:
            if kind in ("videos", "people"):
                best = taste.best(factors, FROM_MODEL)
                found |= {one: Pooled(id=one, owner_id=one) for one in best if one not in found}
            alike = taste.score(factors, list({_liked(kind, one) for one in found.values()}))
        if kind == "people":
            found |= {one: Pooled(id=one, owner_id=one) for one in person.friends if one not in found}
        away = person.put_away() | self._known(kind, person)
        now, owners, topmost = self._now(), person.by_owner(), max((one.trend for one in pool), default=0.0)
        more, less, mine = person.verdicts("more"), person.verdicts("less"), viewer.id
        return [
            Candidate(
                id=one.id,
                owner_id=one.owner_id,
                age_s=None if one.at is None or kind == "people" else (now - one.at).total_seconds(),
                alike=alike.get(_liked(kind, one), 0.0),
                followed=kind != "people" and one.owner_id in person.followed,
                friends=min(1.0, person.friends.get(one.id, 0) / 5),
                trend=one.trend / topmost if topmost > 0 else 0.0,
                similar=min(1.0, len(one.topics & person.topics) / 2),
                affinity=AFFINE * owners.get(one.owner_id, 0.0),
                more=more.get(one.owner_id, 0),
                less=less.get(one.owner_id, 0),
            )
            for one in found.values()
            if one.id not in away and one.owner_id not in person.muted and one.owner_id != mine
        ]

    def _known(self, kind: Kind, person: Person) -> set[str]:
        """What need not be recommended: whom the person follows, and what they have seen; a stream goes on."""
        if kind == "people":
            return set(person.followed)
        return set() if kind == "streams" else person.acted_on(kind)

    async def _taste(self, kind: Kind, viewer: Viewer) -> Taste | None:
        if viewer.id is None or await self._experiments.arm(EXPERIMENT, viewer.id) == POPULARITY:
            return None
        return await (self._videos if kind == "videos" else self._creators).get()

    async def _person(self, kind: Kind, viewer: Viewer) -> Person:
        if viewer.id is None:
            return Person()
        acts, followed, muted, topics, feedback, friends = await asyncio.gather(
            self._db.fetch(queries.RECENT, viewer.id, MOST_ACTS),
            self._db.fetch(queries.FOLLOWED, viewer.id, MOST_FOLLOWED),
            self._db.fetch(queries.MUTED, viewer.id),
            self._db.fetch(queries.TOPICS, viewer.id) if kind != "people" else _nothing(),
            self._db.fetch(queries.FEEDBACK, viewer.id, MOST_FEEDBACK),
            self._db.fetch(queries.FRIENDS, viewer.id, MOST_FRIENDS) if kind == "people" else _nothing(),
        )
        return Person(
            acts=acts,
            followed=frozenset(row["id"] for row in followed),
            muted=frozenset(row["id"] for row in muted),
            friends={row["id"]: row["friends"] for row in friends},
            topics=frozenset(row["topic"] for row in topics),
            feedback=feedback,
        )


def owner_of(item: Mapping[str, Any]) -> str:
    """Whose a shown thing is: a person is their own."""
    owner = item.get("owner") or item.get("author")
    return str(owner["id"] if owner else item["id"])


async def _nothing() -> list[Row]:
    return []


def _history(kind: Kind, person: Person) -> Mapping[str, float]:
    return person.videos() if kind == "videos" else person.by_owner()


def _liked(kind: Kind, one: Pooled) -> str:
    """What the model knows of an item: a video itself, else its owner."""
    return one.id if kind == "videos" else one.owner_id
