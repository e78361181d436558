"""``/api/v1/streams/{stream_id}/source``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from server.features.videos.restreams import MAX_URL, BadTarget
from server.features.videos.sources.rules import SourceAddress, source_of
from server.features.videos.sources.sources import Source, StreamSources
from server.http.errors import invalid_field
from server.http.limits import CallRate
from server.http.operation import UUID, Answer, Call, Operation
from server.http.shapes import Body, Shape, Text

TAG: Final = "sources"
RATE: Final = CallRate("sources", per_s=1.0, burst=30)


class SourceBody(Body):
    url: Annotated[
        Text,
        Field(
            min_length=1,
            max_length=MAX_URL,
            description="rtmp(s):// address with a stream's name, or http(s):// one of an HLS playlist",
        ),
    ]


class SourceShape(Shape):
    url: Annotated[str, Field(description="Without the name of an RTMP stream, and the query of an HTTP address")]
    state: Annotated[
        Literal["idle", "connecting", "live", "waiting", "retrying", "refused", "over"],
        Field(
            description="idle: no node fetches it yet, or it is not due. waiting: its owner or another publisher is "
            "on the air. refused: the source does not give it, or it may not be published; tried seldom. "
            "over: of channels only"
        ),
    ]
    reason: Annotated[str, Field(description="Why it is not live, or was not before; empty if there is none")]
    detail: Annotated[str, Field(description="The source's own words, or this server's")]
    since: datetime | None
    next_try_at: datetime | None
    bitrate: Annotated[int, Field(description="bit/s that come at the moment")]
    received_bytes: int
    failures: Annotated[int, Field(description="Tries in a row that came to nothing")]
    created_at: datetime


class SourceRoutes:
    def __init__(self, *, sources: StreamSources) -> None:
        self._sources = sources

    def operations(self) -> Sequence[Operation]:
        path, paths = "/api/v1/streams/{stream_id}/source", {"stream_id": UUID}
        return [
            Operation(
                method="GET", path=path, handler=self._read, name="readSource", tag=TAG, paths=paths,
                summary="Where a stream is fetched from, and how that fares: its owner", answers={200: SourceShape},
                problems=frozenset({403, 404}), auth="required", scope="stream",
            ),
            Operation(
                method="PUT", path=path, handler=self._put, name="putSource", tag=TAG, paths=paths,
                summary="Fetch a stream from another server, over RTMP(S) or HLS",
                description="From the time that the stream is scheduled for, or now. Its owner's own encoder goes "
                "before it: the source pauses meanwhile. The stream is fetched until it ends or the source is deleted.",
                body=SourceBody, answers={200: SourceShape}, problems=frozenset({403, 404, 409, 422}),
                auth="required", scope="stream", account_rate=RATE,
            ),
            Operation(
                method="DELETE", path=path, handler=self._remove, name="removeSource", tag=TAG, paths=paths,
                summary="Fetch the stream no more, within 3 seconds", answers={204: None},
                problems=frozenset({403, 404}), auth="required", scope="stream", account_rate=RATE,
            ),
        ]  # fmt: skip

    async def _read(self, call: Call[None, None]) -> Answer:
        return Answer(200, _shape(await self._sources.read(_stream_id(call), call.me.id)))

    async def _put(self, call: Call[SourceBody, None]) -> Answer:
        return Answer(200, _shape(await self._sources.put(_stream_id(call), call.me.id, _address(call.body.url))))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._sources.remove(_stream_id(call), call.me.id)
        return Answer(204)


def _stream_id(call: Call[Any, None]) -> str:
    return call.path["stream_id"].lower()


def _address(url: str) -> SourceAddress:
    try:
        return source_of(url)
    except BadTarget as error:
        raise invalid_field(error.field, str(error)) from None


def _shape(source: Source) -> SourceShape:
    state = source.state
    return SourceShape(
        url=source.url,
        state=state.phase if state is not None else "idle",
        reason=state.reason if state is not None else "",
        detail=state.detail if state is not None else "",
        since=_at(state.since) if state is not None else None,
        next_try_at=_at(state.next_try_at) if state is not None and state.next_try_at is not None else None,
        bitrate=state.bitrate if state is not None else 0,
        received_bytes=state.received_bytes if state is not None else 0,
        failures=state.failures if state is not None else 0,
        created_at=source.created_at,
    )


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
