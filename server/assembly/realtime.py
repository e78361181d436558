"""Everything behind the Socket.IO edge of a node, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from actors.presence import Presence
from actors.rate_limits import RateLimits
from actors.runtime import Node
from server.config import Settings
from server.feature import Feature
from server.http.identity import Identity
from server.live.addresses import CountryOf
from server.live.admission import ConnectionQuota
from server.live.edge.fanout import Fanout
from server.live.events import SERVER_EVENTS
from server.live.hype import Hype
from server.live.presence import ClusterPresence
from server.live.published import PublishedEvents
from server.live.rights import Rights
from server.live.room_mirrors import RoomMirrors
from server.live.room_moderation import RoomModeration
from server.live.room_traces import RoomTraces
from server.live.rooms import Attachments, RoomLog, Rooms
from server.live.sockets import Sockets
from server.live.stream_directory import StreamDirectory
from server.live.watching import Watching
from server.tracing import Traces


@dataclass(frozen=True, kw_only=True)
class Realtime:
    sockets: Sockets
    watching: Watching
    rooms: Rooms
    followed: RoomTraces
    published: PublishedEvents
    hype: Hype
    features: Sequence[Feature]


def assemble(
    *,
    settings: Settings,
    identity: Identity,
    node: Node,
    fanout: Fanout,
    mirrors: RoomMirrors,
    log: RoomLog,
    streams: StreamDirectory,
    presence: Presence,
    others: Callable[[], Iterable[str]],
    rate_limits: RateLimits,
    connection_quota: ConnectionQuota,
    rights: Rights,
    traces: Traces,
    new_id: Callable[[], str],
    now: Callable[[], datetime],
    country_of: CountryOf,
    attachments: Attachments,
) -> Realtime:
    """``others``: the names of the cluster's nodes."""
    cluster_presence = ClusterPresence(node=node, presence=presence, others=others, rights=rights)
    rooms = Rooms(
        node=node,
        fan=fanout,
        mirrors=mirrors,
        log=log,
        streams=streams,
        members=rights,
        attachments=attachments,
        presence=presence,
        cluster_presence=cluster_presence,
        traces=traces,
    )
    watching = Watching(
        node=node,
        fan=fanout,
        streams=streams,
        mirrors=mirrors,
        rooms=rooms,
        rate_limits=rate_limits,
        new_id=new_id,
        now=now,
    )
    sockets = Sockets(
        identity=identity,
        node=node,
        fan=fanout,
        connection_quota=connection_quota,
        rate_limits=rate_limits,
        event_rate=settings.socket_event_rate,
        event_burst=settings.socket_event_burst,
        country_of=country_of,
    )
    hype = Hype(fan=fanout, mirrors=mirrors, viewers_of=streams.viewers_of, clock=node.clock)
    return Realtime(
        sockets=sockets,
        watching=watching,
        rooms=rooms,
        followed=RoomTraces(traces=traces, fan=fanout, clock=node.clock),
        published=PublishedEvents(fanout=fanout, sockets=sockets, heard=hype.published()),
        hype=hype,
        features=[
            Feature(name="watching", events=watching.events(), closed=watching.closed),
            Feature(name="rooms", events=rooms.events(), closed=rooms.closed),
            Feature(name="room_moderation", events=RoomModeration(node=node, rooms=rooms, new_id=new_id).events()),
            Feature(name="core", sent=SERVER_EVENTS),
        ],
    )
