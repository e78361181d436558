"""Which advertisement is shown to a viewer, and at what price: a second-price auction over an index in memory. Pure.

The highest bid among those that may be shown wins, and pays what it takes to be above the next one of another
advertiser. Bids of several currencies are compared by what a dollar is about in each.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from server.features.money.currencies import CURRENCIES

SCALE: Final = 1_000_000
AGES: Final = {"18-24": 18, "25-34": 25, "35-44": 35, "45-54": 45, "55+": 55}
"""The bands and where each begins. Who is younger belongs to none."""
ANY: Final = ""
PERSONAL: Final = "*"
UNKNOWN: Final = "?"
NOBODY_SHOWN: Final[Mapping[str, int]] = {}


class Creative(msgspec.Struct, frozen=True, kw_only=True):
    """``labels``: what it is about, as ``Context.refuses`` names it."""

    id: str
    video_id: str
    duration_ms: int
    labels: frozenset[str] = frozenset()


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign that is paid and approved. ``bid``: minor units for a thousand impressions. ``starts``, ``ends``: Unix
    seconds. ``cap``: impressions of a viewer a day. Of what is empty, everything will do. ``avoids``: what a stream
    must not be about.
    """

    id: str
    owner_id: str
    bid: int
    currency: str
    starts: float
    ends: float
    cap: int
    creatives: tuple[Creative, ...]
    countries: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    ages: frozenset[str] = frozenset()
    interests: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    avoids: frozenset[str] = frozenset()

    @property
    def is_personal(self) -> bool:
        """Whether it asks who the viewer is."""
        return bool(self.countries or self.ages or self.interests)


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What a viewer has consented to be known by. ``age``: the band."""

    country: str | None = None
    age: str | None = None
    interests: frozenset[str] = frozenset()


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Where it would be shown. ``person`` None: the viewer has not consented to be known. ``warnings``: what the stream
    is about. ``refuses``: labels that its creator does not show. ``shown``: campaign → impressions of the viewer today.
    """

    now: float
    creator_id: str
    viewer_id: str | None
    category: str = ""
    language: str = ""
    warnings: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()
    person: Person | None = None
    shown: Mapping[str, int] = NOBODY_SHOWN


class Award(msgspec.Struct, frozen=True, kw_only=True):
    """``price``: minor units of the winner's currency for a thousand impressions, so thousandths for this one."""

    campaign: Candidate
    creative: Creative
    price: int


class Index:
    """Candidates by what they ask of a viewer and of a stream, each list with the highest bids first. ``floor``: the
    lowest price, in hundredths of a dollar.
    """

    def __init__(self, candidates: Iterable[Candidate], *, floor: int = 1) -> None:
        self.floor = floor
        self._lists: defaultdict[tuple[str, str], list[_Ranked]] = defaultdict(list)
        ranked = sorted((-rank_of(one), one.id, one) for one in candidates)
        self.size = len(ranked)
        for each in ranked:
            for viewers in _asked_of_viewers(each[2]):
                for category in each[2].categories or (ANY,):
                    self._lists[viewers, category].append(each)

    def ranked(self, category: str, person: Person | None) -> Iterator[Candidate]:
        """Those that may be for the stream and the viewer, the highest bid first."""
        viewers = [ANY] if person is None else [ANY, PERSONAL, person.country or UNKNOWN]
        keys = [(one, kind) for one in viewers for kind in {ANY, category}]
        filled = [found for key in keys if (found := self._lists.get(key))]
        return (each[2] for each in (filled[0] if len(filled) == 1 else heapq.merge(*filled)))


def _asked_of_viewers(campaign: Candidate) -> Iterable[str]:
    """The lists in which it stands: for all, for who is known, or for each of its countries."""
    if not campaign.is_personal:
        return (ANY,)
    return campaign.countries or (PERSONAL,)


_Ranked = tuple[int, str, Candidate]


def rank_of(campaign: Candidate) -> int:
    """A bid in millionths of about a dollar."""
    return campaign.bid * SCALE // CURRENCIES[campaign.currency].dollar


def decide(index: Index, context: Context, *, turn: int, without: AbstractSet[str] = frozenset()) -> Award | None:
    """The winner; None where nothing may be shown. ``turn``: which of several videos. ``without``: campaigns that have
    no money left here.
    """
    winner: Candidate | None = None
    for campaign in index.ranked(context.category, context.person):
        if campaign.id in without or not fits(campaign, context):
            continue
        if winner is None:
            winner = campaign
        elif campaign.owner_id != winner.owner_id:
            return _award(winner, context, turn, price_of(winner, campaign, floor=index.floor))
    return None if winner is None else _award(winner, context, turn, price_of(winner, None, floor=index.floor))


def fits(campaign: Candidate, context: Context) -> bool:
    """Whether it may be shown there at all."""
    return (
        campaign.starts <= context.now < campaign.ends
        and campaign.avoids.isdisjoint(context.warnings)
        and (not campaign.languages or context.language in campaign.languages)
        and (not campaign.categories or context.category in campaign.categories)
        and campaign.owner_id not in (context.viewer_id, context.creator_id)
        and context.shown.get(campaign.id, 0) < campaign.cap
        and (not campaign.is_personal or _is_for(campaign, context.person))
        and bool(_shown_with(campaign, context))
    )


def price_of(winner: Candidate, next_one: Candidate | None, *, floor: int) -> int:
    """Just above the next bid, at least the floor, at most the winner's own bid."""
    dollar = CURRENCIES[winner.currency].dollar
    least = -(-floor * dollar // 100)
    above = 0 if next_one is None else rank_of(next_one) * dollar // SCALE + 1
    return min(winner.bid, max(1, least, above))


def age_of(years: int | None) -> str | None:
    """The band; None for who is under age, or does not say."""
    if years is None:
        return None
    return next((band for band, first in reversed(AGES.items()) if years >= first), None)


def _is_for(campaign: Candidate, person: Person | None) -> bool:
    return (
        person is not None
        and (not campaign.countries or person.country in campaign.countries)
        and (not campaign.ages or person.age in campaign.ages)
        and (not campaign.interests or not campaign.interests.isdisjoint(person.interests))
    )


def _shown_with(campaign: Candidate, context: Context) -> list[Creative]:
    return [one for one in campaign.creatives if one.labels.isdisjoint(context.refuses)]


def _award(winner: Candidate, context: Context, turn: int, price: int) -> Award:
    videos = _shown_with(winner, context)
    return Award(campaign=winner, creative=videos[turn % len(videos)], price=price)
