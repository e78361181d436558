"""Facts become deliveries, in the transaction that moves the reader."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from server.features.integrations.webhooks import queries
from server.features.integrations.webhooks.kinds import (
    ChatHeldEvent,
    EventPerson,
    FollowEvent,
    HealthEvent,
    PollEvent,
    PredictionEvent,
    RaidEvent,
    RaidStream,
    RecordingEvent,
    StreamEndedEvent,
    StreamEvent,
    SubscriptionEvent,
    TipEvent,
)
from server.features.integrations.webhooks.outbox import Outbox
from server.features.money.memberships.facts import SubscriptionEnded, SubscriptionPaid
from server.features.people.facts import FollowChanged
from server.features.rooms.polls.facts import PollClosed
from server.features.rooms.predictions.facts import PredictionResolved
from server.features.rooms.raids.facts import RaidArrived
from server.features.rooms.tips.facts import TipSucceeded
from server.http.shapes import Shape
from storage.chat_held import ChatHeld
from storage.facts import Consumer
from storage.postgres import Reads, Row, Transaction
from storage.stream_facts import RecordingReady, StreamEnded, StreamHealthChanged, StreamInterrupted, StreamStarted

StateOf = Callable[[str], Awaitable[dict[str, Any] | None]]
"""The body of the event that shows a poll or a prediction, by its id; None when it has gone."""


SubscriptionOf = Callable[[Reads, str], Awaitable[dict[str, Any] | None]]
"""A subscription by its id; None when it has gone."""


class Consumers:
    """``poll``, ``prediction``, ``tip``: as their rooms are sent them. ``subscription``: as over REST."""

    def __init__(
        self, *, outbox: Outbox, poll: StateOf, prediction: StateOf, tip: StateOf, subscription: SubscriptionOf
    ) -> None:
        self._outbox = outbox
        self._poll = poll
        self._prediction = prediction
        self._tip = tip
        self._subscription = subscription

    def all(self) -> Sequence[Consumer[Any]]:
        return (
            Consumer(StreamStarted, self._started),
            Consumer(StreamInterrupted, self._interrupted),
            Consumer(StreamEnded, self._ended),
            Consumer(RecordingReady, self._recorded),
            Consumer(StreamHealthChanged, self._health),
            Consumer(ChatHeld, self._held),
            Consumer(PollClosed, self._poll_closed),
            Consumer(PredictionResolved, self._prediction_resolved),
            Consumer(FollowChanged, self._followed),
            Consumer(RaidArrived, self._raided),
            Consumer(TipSucceeded, self._tipped),
            Consumer(SubscriptionPaid, self._subscribed),
            Consumer(SubscriptionEnded, self._unsubscribed),
        )

    async def _started(self, tx: Transaction, fact: StreamStarted) -> None:
        await self._of_stream(tx, fact.owner_id, "stream.started", fact.stream_id, StreamEvent, at=fact.started_at)

    async def _interrupted(self, tx: Transaction, fact: StreamInterrupted) -> None:
        at = fact.interrupted_at
        await self._of_stream(tx, fact.owner_id, "stream.interrupted", fact.stream_id, StreamEvent, at=at)

    async def _ended(self, tx: Transaction, fact: StreamEnded) -> None:
        more = {"at": fact.ended_at, "started_at": fact.started_at}
        await self._of_stream(tx, fact.owner_id, "stream.ended", fact.stream_id, StreamEndedEvent, **more)

    async def _recorded(self, tx: Transaction, fact: RecordingReady) -> None:
        length = fact.duration_ms
        await self._of_stream(tx, fact.owner_id, "recording.ready", fact.stream_id, RecordingEvent, duration_ms=length)

    async def _health(self, tx: Transaction, fact: StreamHealthChanged) -> None:
        faults = list(fact.faults)
        await self._of_stream(tx, fact.owner_id, "stream.health", fact.stream_id, HealthEvent, faults=faults)

    async def _of_stream(
        self, tx: Transaction, owner_id: str, event: str, stream_id: str, shape: type[Shape], **more: Any
    ) -> None:
        async def data() -> Shape | None:
            row = await tx.fetchrow(queries.STREAM, stream_id)
            return None if row is None else shape(**{**dict(row), "stream_id": row["id"], **more})

        await self._outbox.tell(tx, owner_id, event, data)

    async def _held(self, tx: Transaction, fact: ChatHeld) -> None:
        async def data(place: Mapping[str, Any]) -> Shape | None:
            row = await tx.fetchrow(queries.HELD, fact.room_id, fact.message_id)
            if row is None:
                return None
            user = EventPerson(id=row["user_id"], username=row["username"], display_name=row["display_name"])
            return ChatHeldEvent(**place, **{**dict(row), "user": user})

        await self._of_room(tx, fact.room_id, "chat.held", data)

    async def _poll_closed(self, tx: Transaction, fact: PollClosed) -> None:
        async def data(place: Mapping[str, Any]) -> Shape | None:
            state = await self._poll(fact.poll_id)
            return None if state is None else PollEvent(**place, poll=state["poll"])

        await self._of_room(tx, fact.room_id, "poll.closed", data)

    async def _prediction_resolved(self, tx: Transaction, fact: PredictionResolved) -> None:
        async def data(place: Mapping[str, Any]) -> Shape | None:
            state = await self._prediction(fact.prediction_id)
            return None if state is None else PredictionEvent(**place, prediction=state["prediction"])

        await self._of_room(tx, fact.room_id, "prediction.resolved", data)

    async def _of_room(
        self, tx: Transaction, room_id: str, event: str, data: Callable[[Mapping[str, Any]], Awaitable[Shape | None]]
    ) -> None:
        room = await tx.fetchrow(queries.ROOM, room_id)
        if room is not None:
            place = {"room_id": room_id, "stream_id": room["stream_id"]}
            await self._outbox.tell(tx, room["owner_id"], event, partial(data, place))

    async def _followed(self, tx: Transaction, fact: FollowChanged) -> None:
        async def data() -> Shape | None:
            follower = await _person(tx, fact.follower_id)
            return None if follower is None else FollowEvent(follower=follower)

        if fact.is_following:
            await self._outbox.tell(tx, fact.followee_id, "follow.created", data)

    async def _tipped(self, tx: Transaction, fact: TipSucceeded) -> None:
        async def data() -> Shape | None:
            tip = await self._tip(fact.tip_id)
            return None if tip is None else TipEvent(stream_id=tip["stream_id"], room_id=tip["room_id"], tip=tip)

        await self._outbox.tell(tx, fact.owner_id, "tip.succeeded", data)

    async def _subscribed(self, tx: Transaction, fact: SubscriptionPaid) -> None:
        if fact.months == 1:
            await self._of_subscription(tx, fact, "subscription.started")

    async def _unsubscribed(self, tx: Transaction, fact: SubscriptionEnded) -> None:
        await self._of_subscription(tx, fact, "subscription.ended")

    async def _of_subscription(self, tx: Transaction, fact: SubscriptionPaid | SubscriptionEnded, event: str) -> None:
        async def data() -> Shape | None:
            found = await self._subscription(tx, fact.subscription_id)
            return None if found is None else SubscriptionEvent(subscription=found)

        await self._outbox.tell(tx, fact.owner_id, event, data)

    async def _raided(self, tx: Transaction, fact: RaidArrived) -> None:
        source, target = (
            await tx.fetchrow(queries.STREAM, fact.source_id),
            await tx.fetchrow(queries.STREAM, fact.target_id),
        )
        if source is None or target is None:
            return

        async def data(direction: str) -> Shape | None:
            ends = [await _raid_stream(tx, row) for row in (source, target)]
            if ends[0] is None or ends[1] is None:
                return None
            return RaidEvent.model_validate(
                {
                    "raid_id": fact.raid_id,
                    "direction": direction,
                    "source": ends[0],
                    "target": ends[1],
                    "viewers": fact.viewers,
                }
            )

        await self._outbox.tell(tx, target["owner_id"], "raid", partial(data, "incoming"))
        if source["owner_id"] != target["owner_id"]:
            await self._outbox.tell(tx, source["owner_id"], "raid", partial(data, "outgoing"))


async def _person(tx: Transaction, person_id: str) -> EventPerson | None:
    row = await tx.fetchrow(queries.PERSON, person_id)
    return None if row is None else EventPerson(**dict(row))


async def _raid_stream(tx: Transaction, row: Row) -> RaidStream | None:
    owner = await _person(tx, row["owner_id"])
    return None if owner is None else RaidStream(stream_id=row["id"], title=row["title"], owner=owner)
