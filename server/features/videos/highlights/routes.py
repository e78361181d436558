"""``GET /api/v1/streams/{stream_id}/highlights``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
from pydantic import Field

from server.features.videos.highlights.highlights import Highlights
from server.http.limits import CallRate
from server.http.operation import UUID, Answer, Call, Operation
from server.http.shapes import Shape
from server.live.addresses import MediaAddresses

TAG: Final = "clips"
RATE: Final = CallRate("highlights", per_s=1.0, burst=20)


class HighlightShape(Shape):
    from_ms: int
    to_ms: int
    score: Annotated[float, Field(description="How far it stands out, 1 at the least")]
    reasons: list[Literal["chat", "clips"]]


class HighlightsShape(Shape):
    items: list[HighlightShape]


class HighlightRoutes:
    def __init__(self, *, highlights: Highlights, addresses: MediaAddresses) -> None:
        self._highlights = highlights
        self._addresses = addresses

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/streams/{stream_id}/highlights", handler=self._get, name="listHighlights",
                tag=TAG, paths={"stream_id": UUID}, rate=RATE,
                summary="Moments that viewers wrote about or clipped more than others, in order of media time",
                answers={200: HighlightsShape}, problems=frozenset({404}), auth="optional",
            ),
        ]  # fmt: skip

    async def _get(self, call: Call[None, None]) -> Answer:
        asker = self._addresses.asker(call.person, address=call.address)
        found = await self._highlights.of(call.path["stream_id"], asker)
        return Answer(200, {"items": [msgspec.structs.asdict(each) for each in found]})
