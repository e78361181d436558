"""``/api/v1/streams/{stream_id}/metadata``."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from pydantic import AfterValidator, Field, JsonValue, model_validator

from server.features.videos.metadata.metadata import EVENT, MAX_BYTES, MAX_TEXT, Entry, Metadata
from server.http.cursors import decode_cursor, page_of
from server.http.limits import CallRate
from server.http.operation import UUID, Answer, Call, Operation
from server.http.shapes import Body, Page, PageQuery, Shape, Text, several_lines
from server.live.addresses import MediaAddresses
from server.live.viewings import Viewer
from server.socket_events import ServerEvent

TAG: Final = "metadata"
RATE: Final = CallRate("stream_metadata", per_s=2.0, burst=30)


def _small(data: dict[str, Any] | None) -> dict[str, Any] | None:
    if data is not None and len(msgspec.json.encode(data)) > MAX_BYTES:
        raise ValueError(f"is longer than {MAX_BYTES} bytes of JSON")
    return data


Said = Annotated[
    Text,
    Field(min_length=1, max_length=MAX_TEXT),
    AfterValidator(partial(several_lines, at_least=1, at_most=MAX_TEXT)),
]


class MetadataBody(Body):
    """``text`` or ``data``."""

    text: Said | None = None
    data: Annotated[
        dict[str, JsonValue] | None, Field(description=f"At most {MAX_BYTES} bytes of JSON"), AfterValidator(_small)
    ] = None
    at_ms: Annotated[int, Field(ge=0, le=2**53, description="Media time; without it, now")] | None = None

    @model_validator(mode="after")
    def _one(self) -> MetadataBody:
        if (self.text is None) == (self.data is None):
            raise ValueError("has either text or data")
        return self


class MetadataShape(Shape):
    id: uuid.UUID
    stream_id: uuid.UUID
    at_ms: int
    text: str | None
    data: dict[str, Any] | None
    created_at: datetime


class MetadataSent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``text`` or ``data``: the other one is null."""

    stream_id: str
    id: str
    at_ms: int
    text: str | None
    data: dict[str, Any] | None


METADATA: Final = ServerEvent(
    name=EVENT,
    summary="The owner tells the viewers' clients something, to be acted on when the player comes to `at_ms`",
    body=MetadataSent,
    to="the sockets that watch the stream",
)


class MetadataRoutes:
    def __init__(self, *, metadata: Metadata, addresses: MediaAddresses, now: Callable[[], datetime]) -> None:
        self._metadata = metadata
        self._addresses = addresses
        self._now = now

    def operations(self) -> Sequence[Operation]:
        path, paths = "/api/v1/streams/{stream_id}/metadata", {"stream_id": UUID}
        return [
            Operation(
                method="POST", path=path, handler=self._add, name="addStreamMetadata", tag=TAG, paths=paths,
                body=MetadataBody,
                summary="Tell the viewers' clients something at a moment of the stream: its owner",
                answers={201: MetadataShape}, problems=frozenset({403, 404, 409}), auth="required", scope="stream",
                idempotent_key=True, account_rate=RATE,
            ),
            Operation(
                method="GET", path=path, handler=self._list, name="listStreamMetadata", tag=TAG, paths=paths,
                query=PageQuery, summary="What the owner told, in order of media time",
                answers={200: Page[MetadataShape]}, problems=frozenset({404}), auth="optional",
            ),
        ]  # fmt: skip

    async def _add(self, call: Call[MetadataBody, None]) -> Answer:
        body = call.body
        entry = await self._metadata.add(
            call.path["stream_id"].lower(),
            self._asker(call),
            text=body.text,
            data=body.data,
            at_ms=body.at_ms,
            at=self._now().timestamp(),
        )
        return Answer(201, _shown(entry))

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        limit, cursor = call.query.limit, call.query.cursor
        position = decode_cursor(cursor, tuple[int, uuid.UUID]) if cursor is not None else None
        after = None if position is None else (position[0], str(position[1]))
        rows = await self._metadata.listed(call.path["stream_id"], self._asker(call), after=after, limit=limit + 1)
        shown, following = page_of(rows, limit, lambda row: (row.at_ms, row.id))
        return Answer(200, {"items": [_shown(row) for row in shown], "next": following})

    def _asker(self, call: Call[Any, Any]) -> Viewer:
        return self._addresses.asker(call.person, address=call.address)


def _shown(entry: Entry) -> dict[str, Any]:
    return msgspec.structs.asdict(entry)
