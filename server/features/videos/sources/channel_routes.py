"""``/api/v1/streams/{stream_id}/channel``."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from server.features.videos.sources.playouts import MAX_ITEMS, Channel, Channels, WantedItem
from server.features.videos.sources.routes import RATE
from server.http.operation import UUID, Answer, Call, Operation
from server.http.shapes import Body, Moment, Shape

TAG: Final = "channels"
Kind = Literal["recording", "clip"]
Phase = Literal["idle", "connecting", "live", "waiting", "retrying", "refused", "over"]


class ItemBody(Body):
    kind: Annotated[Kind, Field(description="recording: of an ended stream of yours; clip: of a stream of yours")]
    id: Annotated[uuid.UUID, Field(strict=False, description="Of the stream, or of the clip")]


class ChannelBody(Body):
    items: Annotated[list[ItemBody], Field(min_length=1, max_length=MAX_ITEMS)]
    loop: Annotated[bool, Field(description="Begin again after the last item")] = True
    starts_at: Annotated[Moment | None, Field(description="When the first item begins, in the past too; null: now")] = (
        None
    )


class ItemShape(Shape):
    kind: str
    id: uuid.UUID
    title: Annotated[str, Field(description="Empty for what is not there any more")]
    duration_ms: int
    fault: Annotated[str, Field(description="Why it is skipped: missing or unreadable; empty if it is not")]


class ChannelShape(Shape):
    items: list[ItemShape]
    loop: bool
    starts_at: datetime
    state: Annotated[
        Phase,
        Field(
            description="idle: no node plays it yet, or it is not due. waiting: another publisher is on the air. "
            "over: the last item has been played"
        ),
    ]
    item: Annotated[int | None, Field(description="Which of the items is on, from 0")]
    reason: Annotated[str, Field(description="Why it is not live; empty if there is none")]
    detail: str
    since: datetime | None
    next_try_at: datetime | None
    created_at: datetime


class ChannelRoutes:
    def __init__(self, *, channels: Channels, now: Callable[[], datetime]) -> None:
        self._channels = channels
        self._now = now

    def operations(self) -> Sequence[Operation]:
        one: dict[str, Any] = {
            "path": "/api/v1/streams/{stream_id}/channel", "paths": {"stream_id": UUID}, "tag": TAG,
            "auth": "required", "scope": "stream",
        }  # fmt: skip
        return [
            Operation(
                method="GET", handler=self._read, name="readChannel", answers={200: ChannelShape},
                summary="What a stream plays as a channel, and how that fares: its owner",
                problems=frozenset({403, 404}), **one,
            ),
            Operation(
                method="PUT", handler=self._put, name="putChannel", body=ChannelBody, answers={200: ChannelShape},
                summary="Play recordings and clips as a live stream, one after the other",
                description="By the clock: what is on follows from `starts_at` and the lengths of the items. An "
                "encoder with the stream's key goes before it; afterwards the channel goes on where it would be by "
                "then. Nothing is re-encoded. An item that cannot be played is skipped and named.",
                problems=frozenset({403, 404, 409, 422}), account_rate=RATE, **one,
            ),
            Operation(
                method="DELETE", handler=self._remove, name="removeChannel", answers={204: None},
                summary="Play the channel no more, within 3 seconds", problems=frozenset({403, 404}),
                account_rate=RATE, **one,
            ),
        ]  # fmt: skip

    async def _read(self, call: Call[None, None]) -> Answer:
        return Answer(200, self._shape(await self._channels.read(call.path["stream_id"].lower(), call.me.id)))

    async def _put(self, call: Call[ChannelBody, None]) -> Answer:
        body = call.body
        channel = await self._channels.put(
            call.path["stream_id"].lower(), call.me.id,
            [WantedItem(item.kind, str(item.id)) for item in body.items],
            starts_at=body.starts_at or self._now(), loops=body.loop,
        )  # fmt: skip
        return Answer(200, self._shape(channel))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._channels.remove(call.path["stream_id"].lower(), call.me.id)
        return Answer(204)

    def _shape(self, channel: Channel) -> ChannelShape:
        state, playout = channel.state, channel.playout
        faults = state.faults if state is not None else {}
        is_over = not playout.loops and self._now().timestamp() >= playout.starts_at + playout.total_ms / 1000
        return ChannelShape(
            items=[
                ItemShape(
                    kind=shown.item.kind,
                    id=uuid.UUID(shown.item.id),
                    title=shown.title,
                    duration_ms=shown.item.duration_ms,
                    fault=faults.get(at, ""),
                )
                for at, shown in enumerate(channel.items)
            ],
            loop=playout.loops,
            starts_at=datetime.fromtimestamp(playout.starts_at, UTC),
            state="over" if is_over else state.phase if state is not None else "idle",
            item=state.item if state is not None and not is_over else None,
            reason=state.reason if state is not None else "",
            detail=state.detail if state is not None else "",
            since=_at(state.since if state is not None else None),
            next_try_at=_at(state.next_try_at if state is not None else None),
            created_at=channel.created_at,
        )


def _at(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
