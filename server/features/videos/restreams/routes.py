"""``/api/v1/streams/{stream_id}/restreams`` and ``/api/v1/me/restreams``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from server.features.videos.restreams.restreams import Restream, Restreams, Scope
from server.features.videos.restreams.rules import MAX_KEY, MAX_URL, Address, BadTarget, target_of
from server.http.errors import invalid_field
from server.http.limits import CallRate
from server.http.operation import NAME, UUID, Answer, Call, Operation
from server.http.shapes import Body, Page, Shape, Text

TAG: Final = "restreams"
RATE: Final = CallRate("restreams", per_s=1.0, burst=30)


class RestreamBody(Body):
    url: Annotated[Text, Field(min_length=1, max_length=MAX_URL, description="rtmp:// or rtmps:// address")]
    stream_key: (
        Annotated[
            Text, Field(min_length=1, max_length=MAX_KEY, description="Without it, the last part of the url's path")
        ]
        | None
    ) = None


class RestreamShape(Shape):
    name: str
    url: Annotated[str, Field(description="Without the stream key, which is never shown")]
    is_default: Annotated[bool, Field(description="One of the person's own, which all their streams go to")]
    state: Annotated[
        Literal["waiting", "connecting", "live", "retrying", "refused"],
        Field(description="waiting: the stream is not on the air. refused: the target does not want it; tried seldom"),
    ]
    reason: Annotated[
        str,
        Field(
            description="Why it is not live, or was not before: address, not_public, unreachable, timeout, tls, "
            "rejected, closed, too_slow, protocol or codec; else empty"
        ),
    ]
    detail: Annotated[str, Field(description="The target's own words")]
    since: Annotated[datetime | None, Field(description="When it came into this state")]
    next_try_at: datetime | None
    bitrate: Annotated[int, Field(description="bit/s that the target takes at the moment")]
    sent_bytes: int
    dropped: Annotated[int, Field(description="Frames that the target was too slow for")]
    failures: Annotated[int, Field(description="Tries in a row that came to nothing")]
    created_at: datetime


class RestreamsShape(Page[RestreamShape]):
    """All of them."""


class RestreamRoutes:
    def __init__(self, *, restreams: Restreams) -> None:
        self._restreams = restreams

    def operations(self) -> Sequence[Operation]:
        stream, mine = "/api/v1/streams/{stream_id}/restreams", "/api/v1/me/restreams"
        stream_id, name = {"stream_id": UUID}, {"name": NAME}
        return [
            Operation(
                method="GET", path=stream, handler=self._list, name="listRestreams", tag=TAG, paths=stream_id,
                summary="Where a stream is pushed on to, and how each fares: its owner", answers={200: RestreamsShape},
                problems=frozenset({403, 404}), auth="required", scope="stream",
            ),
            Operation(
                method="PUT", path=f"{stream}/{{name}}", handler=self._put, name="putRestream", tag=TAG,
                paths={**stream_id, **name}, summary="Push a stream on to another RTMP(S) address", body=RestreamBody,
                answers={200: RestreamShape}, problems=frozenset({403, 404, 409, 422}), auth="required",
                scope="stream", account_rate=RATE,
            ),
            Operation(
                method="DELETE", path=f"{stream}/{{name}}", handler=self._remove, name="removeRestream", tag=TAG,
                paths={**stream_id, **name}, summary="Push it there no more", answers={204: None},
                problems=frozenset({403, 404}), auth="required", scope="stream", account_rate=RATE,
            ),
            Operation(
                method="GET", path=mine, handler=self._list_mine, name="listMyRestreams", tag=TAG,
                summary="Where all streams of the person are pushed on to", answers={200: RestreamsShape},
                auth="required", scope="stream",
            ),
            Operation(
                method="PUT", path=f"{mine}/{{name}}", handler=self._put_mine, name="putMyRestream", tag=TAG,
                paths=name, summary="Push all streams of the person on to another RTMP(S) address", body=RestreamBody,
                answers={200: RestreamShape}, problems=frozenset({409, 422}), auth="required", scope="stream",
                account_rate=RATE,
            ),
            Operation(
                method="DELETE", path=f"{mine}/{{name}}", handler=self._remove_mine, name="removeMyRestream", tag=TAG,
                paths=name, summary="Push them there no more", answers={204: None}, auth="required", scope="stream",
                account_rate=RATE,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, None]) -> Answer:
        return await self._listed(await self._scope(call))

    async def _list_mine(self, call: Call[None, None]) -> Answer:
        return await self._listed(_own(call))

    async def _put(self, call: Call[RestreamBody, None]) -> Answer:
        return await self._stored(await self._scope(call), call)

    async def _put_mine(self, call: Call[RestreamBody, None]) -> Answer:
        return await self._stored(_own(call), call)

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._restreams.remove(await self._scope(call), call.path["name"])
        return Answer(204)

    async def _remove_mine(self, call: Call[None, None]) -> Answer:
        await self._restreams.remove(_own(call), call.path["name"])
        return Answer(204)

    async def _scope(self, call: Call[Any, None]) -> Scope:
        return await self._restreams.scope(call.path["stream_id"].lower(), call.me.id)

    async def _listed(self, scope: Scope) -> Answer:
        found = await self._restreams.listed(scope)
        return Answer(200, RestreamsShape(items=[_shape(one) for one in found], next=None))

    async def _stored(self, scope: Scope, call: Call[RestreamBody, None]) -> Answer:
        target = _target(call.body)
        return Answer(200, _shape(await self._restreams.put(scope, call.path["name"], target)))


def _own(call: Call[Any, None]) -> Scope:
    return Scope(owner_id=call.me.id)


def _target(body: RestreamBody) -> Address:
    try:
        return target_of(body.url, body.stream_key)
    except BadTarget as error:
        raise invalid_field(error.field, str(error)) from None


def _shape(restream: Restream) -> RestreamShape:
    state = restream.state
    return RestreamShape(
        name=restream.name,
        url=restream.url,
        is_default=restream.is_default,
        state=state.phase if state is not None else "connecting" if restream.is_on_air else "waiting",
        reason=state.reason if state is not None else "",
        detail=state.detail if state is not None else "",
        since=_at(state.since) if state is not None else None,
        next_try_at=_at(state.next_try_at) if state is not None and state.next_try_at is not None else None,
        bitrate=state.bitrate if state is not None else 0,
        sent_bytes=state.sent_bytes if state is not None else 0,
        dropped=state.dropped if state is not None else 0,
        failures=state.failures if state is not None else 0,
        created_at=restream.created_at,
    )


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
