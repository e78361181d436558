"""``GET /api/v1/search`` and ``GET /api/v1/search/suggest``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest
from typing import Any, Final
from uuid import UUID

from server.features.discovery.search.index import Kind
from server.features.discovery.search.searching import Plan, Position, Searching
from server.features.discovery.search.shapes import (
    GROUPS,
    MIXED,
    SearchQuery,
    SearchShape,
    SuggestionsShape,
    SuggestQuery,
)
from server.features.discovery.search.showing import Shows
from server.features.discovery.search.suggesting import Suggesting
from server.http.cursors import decode_cursor, encode_cursor
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.live.addresses import MediaAddresses
from server.live.viewings import Viewer

TAG: Final = "search"
ROUNDS: Final = 4
"""A page whose documents are not for the viewer is filled up so often."""
MOST_SHOWN: Final = 100
MIXED_OF_KIND: Final = 8
RATE: Final = CallRate("search", per_s=10.0, burst=100)


class SearchRoutes:
    """``shows``: by the kind of document, what a viewer is shown of it; others are not searched."""

    def __init__(
        self, *, searching: Searching, suggesting: Suggesting, shows: Mapping[Kind, Shows], addresses: MediaAddresses
    ) -> None:
        self._searching = searching
        self._suggesting = suggesting
        self._shows = shows
        self._addresses = addresses

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/search", handler=self._search, name="search", tag=TAG, query=SearchQuery,
                summary="People, posts, streams, videos and communities that have all of the words, the best first",
                answers={200: SearchShape}, auth="optional", rate=RATE,
            ),
            Operation(
                method="GET", path="/api/v1/search/suggest", handler=self._suggest, name="suggest", tag=TAG,
                summary="What a search that is being typed may become", query=SuggestQuery,
                answers={200: SuggestionsShape}, auth="optional", rate=RATE,
            ),
        ]  # fmt: skip

    async def _search(self, call: Call[None, SearchQuery]) -> Answer:
        query, viewer = call.query, self._addresses.asker(call.person, address=call.address)
        after = None
        if query.cursor is not None:
            number, document_id = decode_cursor(query.cursor, tuple[int, UUID])
            after = Position.of(number, str(document_id))
        plan = await self._searching.plan(query.q)
        if plan is None:
            return _page([], None)
        if query.kind is None:
            return _page(await self._mixed(plan, viewer, query.limit), None)
        items, last = await self._filled(plan, GROUPS[query.kind], viewer, after, query.limit)
        return _page(items, last)

    async def _mixed(self, plan: Plan, viewer: Viewer, limit: int) -> list[dict[str, Any]]:
        """The best of each kind in turns."""
        wanted = min(limit, MIXED_OF_KIND)
        of_kinds = [(await self._filled(plan, (kind,), viewer, None, wanted))[0] for kind in MIXED]
        return [item for item in chain.from_iterable(zip_longest(*of_kinds)) if item is not None][:limit]

    async def _filled(
        self, plan: Plan, kinds: Sequence[Kind], viewer: Viewer, after: Position | None, limit: int
    ) -> tuple[list[dict[str, Any]], Position | None]:
        """At most ``limit`` items that the viewer may see, and after which document the next page begins."""
        items: list[dict[str, Any]] = []
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
        found: list[tuple[Kind, Position]] = []
        for kind in kinds:
            if kind in self._shows:
                found += [(kind, one) for one in await self._searching.page(plan, kind, after, is_walk, limit)]
        found.sort(key=lambda one: (one[1].score, one[1].id), reverse=True)
        return found[:limit], len(found) < limit

    async def _shown(
        self, found: Sequence[tuple[Kind, Position]], viewer: Viewer
    ) -> dict[tuple[Kind, str], dict[str, Any]]:
        shown: dict[tuple[Kind, str], dict[str, Any]] = {}
        for kind in dict.fromkeys(kind for kind, _ in found):
            ids = [position.id for of, position in found if of == kind]
            shown |= {(kind, one): item for one, item in (await self._shows[kind](ids, viewer)).items()}
        return shown

    async def _suggest(self, call: Call[None, SuggestQuery]) -> Answer:
        viewer_id = call.person.id if call.person is not None else None
        return Answer(200, {"items": await self._suggesting.suggest(call.query.q, viewer_id)})


def _page(items: list[dict[str, Any]], last: Position | None) -> Answer:
    following = encode_cursor((last.number, UUID(last.id))) if last is not None else None
    return Answer(200, {"items": items, "next": following})
