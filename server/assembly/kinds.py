"""The kinds of actors of the live core, and what each is made of."""

from __future__ import annotations

from collections.abc import Callable

from actors.chat import ChatRoom
from actors.chat_judging import SlowJudge
from actors.events import NODE
from actors.rate_limits import RateLimits
from actors.reader import READER
from actors.runtime.ids import ActorId
from actors.stream import LiveStream
from actors.stream_life import StreamPolicy
from actors.viewers import ViewCounter
from server.assembly.access import now
from server.assembly.cluster import ClusterPlace
from server.assembly.storage import Storage
from server.config import Settings
from server.live.durable import DurableStreams, DurableViews
from server.live.node_actor import MediaOfNodes, NodeActor
from storage.viewers import Views


def register(
    settings: Settings,
    storage: Storage,
    place: ClusterPlace,
    rate_limits: RateLimits,
    *,
    node_actor: Callable[[], NodeActor] | None,
    judge: SlowJudge | None = None,
) -> None:
    """Before the node starts; a node without actors of its own registers them too, to tell and ask those of others.

    ``node_actor`` makes the node's own actor; None for a node that serves no client.
    """
    add = place.node.register
    if node_actor is not None:
        add(NODE, lambda _: node_actor(), mailbox=65_536, idle_after_s=None)
    add("stream", lambda actor_id: _stream(actor_id, settings, storage, place), idle_after_s=120)
    add("chat", lambda actor_id: _room(actor_id, storage, place, rate_limits, judge), mailbox=8_192, idle_after_s=300)
    add("viewers", lambda actor_id: _counter(actor_id, storage, place), mailbox=65_536, idle_after_s=60)
    add(READER, place.readers.actor, idle_after_s=60)


def _stream(actor_id: ActorId, settings: Settings, storage: Storage, place: ClusterPlace) -> LiveStream:
    return LiveStream(
        stream_id=actor_id.key,
        store=DurableStreams(streams=storage.streams, recordings=storage.recordings),
        media=MediaOfNodes(node=place.node),
        broadcast=place.broadcaster,
        now=now,
        grace_s=settings.grace_s,
        policy=StreamPolicy(slate=settings.slate == "auto", takeover=settings.takeover),
    )


def _room(
    actor_id: ActorId, storage: Storage, place: ClusterPlace, rate_limits: RateLimits, judge: SlowJudge | None
) -> ChatRoom:
    return ChatRoom(
        room_id=actor_id.key,
        log=storage.chat_log,
        rooms=storage.rooms,
        relationships=storage.relationships,
        screens=storage.chat_filters,
        held=storage.held,
        rate_limits=rate_limits,
        broadcast=place.broadcaster,
        new_id=storage.new_id,
        now=now,
        trace=place.traces.note,
        judge=judge,
    )


def _counter(actor_id: ActorId, storage: Storage, place: ClusterPlace) -> ViewCounter:
    return ViewCounter(
        stream_id=actor_id.key,
        store=DurableViews(views=Views(db=storage.db)),
        broadcast=place.broadcaster,
        now=now,
    )
