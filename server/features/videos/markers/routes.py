"""``/api/v1/streams/{stream_id}/markers`` and the chapters that players load."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from pydantic import AfterValidator, Field

from server.features.videos.markers.chapters import chapters
from server.features.videos.markers.markers import Marker, Markers
from server.http import content
from server.http.cursors import decode_cursor, page_of
from server.http.limits import CallRate
from server.http.operation import UUID, Answer, Call, MediaType, Operation
from server.http.shapes import Body, Page, PageQuery, Shape, Text, one_line
from server.live.addresses import ADDRESSED, MediaAddresses

TAG: Final = "markers"
MAX_LABEL: Final = 100
RATE: Final = CallRate("markers", per_s=1.0, burst=30)
Label = Annotated[
    Text, Field(min_length=1, max_length=MAX_LABEL), AfterValidator(partial(one_line, at_least=1, at_most=MAX_LABEL))
]


class MarkerBody(Body):
    label: Label
    at_ms: Annotated[int, Field(ge=0, le=2**53, description="Media time; without it, now")] | None = None


class MarkerShape(Shape):
    id: uuid.UUID
    stream_id: uuid.UUID
    at_ms: int
    label: str
    created_at: datetime


class MarkersShape(Page[MarkerShape]):
    """A page of markers."""


class MarkerRoutes:
    def __init__(self, *, markers: Markers, addresses: MediaAddresses, now: Callable[[], datetime]) -> None:
        self._markers = markers
        self._addresses = addresses
        self._now = now

    def operations(self) -> Sequence[Operation]:
        base = "/api/v1/streams/{stream_id}/markers"
        stream = {"stream_id": UUID}
        return [
            Operation(
                method="GET", path=base, handler=self._list, name="listMarkers", tag=TAG, paths=stream,
                summary="The markers of a stream, in order of time", query=PageQuery, answers={200: MarkersShape},
                problems=frozenset({404}), auth="optional",
            ),
            Operation(
                method="POST", path=base, handler=self._add, name="addMarker", tag=TAG, paths=stream,
                summary="Name a moment of a stream: its owner and moderators", body=MarkerBody,
                answers={201: MarkerShape}, problems=frozenset({403, 404, 409, 422}), auth="required", scope="stream",
                idempotent_key=True, account_rate=RATE,
            ),
            Operation(
                method="DELETE", path=f"{base}/{{marker_id}}", handler=self._remove, name="removeMarker", tag=TAG,
                paths={**stream, "marker_id": UUID}, summary="Take a marker away", answers={204: None},
                problems=frozenset({403, 404}), auth="required", scope="stream", account_rate=RATE,
            ),
            Operation(
                method="GET", path="/hls/{stream_id}/chapters.vtt", handler=self._chapters, name="chapters", tag=TAG,
                paths={"stream_id": ADDRESSED}, summary="The markers as WebVTT chapters",
                answers={200: MediaType(media_type="text/vtt"), 304: None}, problems=frozenset({404, 412}),
                auth="optional",
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        limit, cursor = call.query.limit, call.query.cursor
        position = decode_cursor(cursor, tuple[int, uuid.UUID]) if cursor is not None else None
        after = None if position is None else (position[0], str(position[1]))
        rows = await self._markers.listed(
            call.path["stream_id"],
            self._addresses.asker(call.person, address=call.address),
            after=after,
            limit=limit + 1,
        )
        shown, following = page_of(rows, limit, lambda row: (row.at_ms, row.id))
        return Answer(200, {"items": [_shown(row) for row in shown], "next": following})

    async def _add(self, call: Call[MarkerBody, None]) -> Answer:
        marker = await self._markers.add(
            call.path["stream_id"],
            self._addresses.asker(call.person, address=call.address),
            label=call.body.label,
            at_ms=call.body.at_ms,
            at=self._now().timestamp(),
        )
        return Answer(201, _shown(marker))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._markers.remove(
            call.path["stream_id"], call.path["marker_id"], self._addresses.asker(call.person, address=call.address)
        )
        return Answer(204)

    async def _chapters(self, call: Call[None, None]) -> web.StreamResponse:
        stream_id, viewer = self._addresses.read(call.path["stream_id"], call.person, address=call.address)
        markers = await self._markers.listed(stream_id, viewer)
        body = chapters(markers, end_ms=await self._markers.end_ms(stream_id, viewer)).encode()
        headers = {"Cache-Control": content.PRIVATE, "Content-Type": "text/vtt; charset=utf-8"}
        return content.text(call.request, body, etag=f'"{hashlib.sha256(body).hexdigest()[:24]}"', headers=headers)


def _shown(marker: Marker) -> dict[str, Any]:
    return msgspec.structs.asdict(marker)
