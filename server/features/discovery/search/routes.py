"""``GET /api/v1/search`` and ``GET /api/v1/search/suggest``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from server.features.discovery.search.finding import Finding
from server.features.discovery.search.searching import Position
from server.features.discovery.search.shapes import (
    GROUPS,
    SearchQuery,
    SearchShape,
    SuggestionsShape,
    SuggestQuery,
)
from server.features.discovery.search.suggesting import Suggesting
from server.http.cursors import decode_cursor, encode_cursor
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.live.addresses import MediaAddresses

TAG: Final = "search"
RATE: Final = CallRate("search", per_s=10.0, burst=100)


class SearchRoutes:
    def __init__(self, *, finding: Finding, suggesting: Suggesting, addresses: MediaAddresses) -> None:
        self._finding = finding
        self._suggesting = suggesting
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
        plan = await self._finding.plan(query.q)
        if plan is None:
            return _page([], None)
        if query.kind is None:
            return _page(await self._finding.mixed(plan, viewer, query.limit), None)
        items, last = await self._finding.filled(plan, GROUPS[query.kind], viewer, after, query.limit)
        return _page(items, last)

    async def _suggest(self, call: Call[None, SuggestQuery]) -> Answer:
        viewer_id = call.person.id if call.person is not None else None
        return Answer(200, {"items": await self._suggesting.suggest(call.query.q, viewer_id)})


def _page(items: list[dict[str, Any]], last: Position | None) -> Answer:
    following = encode_cursor((last.number, UUID(last.id))) if last is not None else None
    return Answer(200, {"items": items, "next": following})
