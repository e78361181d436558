"""From what was asked to what a viewer is shown of it: every search, of calls and of other rooms, goes through this."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest
from typing import Any, Final

from server.features.discovery.search.index import Kind
from server.features.discovery.search.searching import Plan, Position, Searching
from server.features.discovery.search.shapes import MIXED
from server.features.discovery.search.showing import Shows
from server.live.viewings import Viewer

ROUNDS: Final = 4
"""A page whose documents are not for the viewer is filled up so often."""
MOST_SHOWN: Final = 100
MIXED_OF_KIND: Final = 8

Items = list[dict[str, Any]]


class Finding:
    """``shows``: by the kind of document, what a viewer is shown of it; others are not searched."""

    def __init__(self, *, searching: Searching, shows: Mapping[Kind, Shows]) -> None:
        self._searching = searching
        self._shows = shows

    async def plan(self, text: str) -> Plan | None:
        return await self._searching.plan(text)

    async def about(self, text: str, kinds: Sequence[Kind], viewer: Viewer, limit: int) -> Items:
        """The best documents that have any of the rarer words of a text, which may be a question."""
        plan = await self._searching.plan_of_any(text)
        return (await self.filled(plan, kinds, viewer, None, limit))[0] if plan is not None else []

    async def mixed(self, plan: Plan, viewer: Viewer, limit: int) -> Items:
        """The best of each kind in turns."""
        wanted = min(limit, MIXED_OF_KIND)
        pages = await asyncio.gather(*(self.filled(plan, (kind,), viewer, None, wanted) for kind in MIXED))
        turns = zip_longest(*(items for items, _ in pages))
        return [item for item in chain.from_iterable(turns) if item is not None][:limit]

    async def filled(
        self, plan: Plan, kinds: Sequence[Kind], viewer: Viewer, after: Position | None, limit: int
    ) -> tuple[Items, Position | None]:
        """At most ``limit`` items that the viewer may see, and after which document the next page begins."""
        items: Items = []
        is_walk = after.is_walk if after is not None else any(map(plan.has_many, kinds))
        for _ in range(ROUNDS):
            found, is_end = await self._found(plan, kinds, after, is_walk, min(limit + 1, MOST_SHOWN))
            shown = await self._shown(found, viewer)
            for kind, position in found:
                if len(items) == limit:
                    return items, after
                after = position
                item = shown.get((kind, position.id))
                if item is not None:
                    items.append(item)
            if is_end:
                return items, None
        return items, after

    async def _found(
        self, plan: Plan, kinds: Sequence[Kind], after: Position | None, is_walk: bool, limit: int
    ) -> tuple[list[tuple[Kind, Position]], bool]:
        """The next documents of all the kinds, and whether there are no more."""
        searched = [kind for kind in kinds if kind in self._shows]
        pages = await asyncio.gather(*(self._searching.page(plan, kind, after, is_walk, limit) for kind in searched))
        found = [(kind, one) for kind, page in zip(searched, pages, strict=True) for one in page]
        found.sort(key=lambda one: (one[1].score, one[1].id), reverse=True)
        return found[:limit], len(found) < limit

    async def _shown(
        self, found: Sequence[tuple[Kind, Position]], viewer: Viewer
    ) -> dict[tuple[Kind, str], dict[str, Any]]:
        ids: dict[Kind, list[str]] = {}
        for kind, position in found:
            ids.setdefault(kind, []).append(position.id)
        shown = await asyncio.gather(*(self._shows[kind](of_kind, viewer) for kind, of_kind in ids.items()))
        return {(kind, one): item for kind, items in zip(ids, shown, strict=True) for one, item in items.items()}
